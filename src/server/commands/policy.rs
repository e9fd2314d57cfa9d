//! `weft policy validate` and `weft policy test --offline`: what policies are and say, without a server.

use std::process::ExitCode;
use std::sync::Arc;

use serde_json::json;

use super::{refuse, say};
use crate::access::http::trials;
use crate::access::{Access, Name};
use crate::env::{Clock, SystemClock};
use crate::kernel::RealmId;
use crate::wire::api::{PolicyTrialInput, TriedCase};
use crate::wire::launch::{PolicyFile, PolicyJob};

/// Does it, and answers with an exit code.
pub(super) fn run(job: &PolicyJob) -> ExitCode {
    let done = access().and_then(|access| match job {
        PolicyJob::Validate { files, json } => validate(&access, files, *json),
        PolicyJob::Test { trial, json } => test(&access, trial, *json),
    });
    match done {
        Ok((text, fine)) => match say(text.trim_end()) {
            Ok(()) if fine => ExitCode::SUCCESS,
            Ok(()) => ExitCode::FAILURE,
            Err(failure) => refuse(&failure, 1),
        },
        Err(why) => refuse(&why, 1),
    }
}

/// A realm with the policies as shipped and no role given.
fn access() -> Result<Access, String> {
    let access = Access::new(Arc::new(SystemClock::new()), 0).map_err(|fault| fault.to_string())?;
    access.open(RealmId::FIRST);
    Ok(access)
}

/// Each file in a line, or each of its flaws in one, as compilers write them.
fn validate(access: &Access, files: &[PolicyFile], json: bool) -> Result<(String, bool), String> {
    let mut found = Vec::new();
    for file in files {
        let name = Name::parse(&file.name).map_err(|error| format!("{}: {error}", file.file))?;
        found.push((file, access.check(&name, &file.text).err()));
    }
    let fine = found.iter().all(|(_, error)| error.is_none());
    if json {
        let documents: Vec<_> = found
            .iter()
            .map(|(file, error)| {
                let flaws = error.iter().flat_map(|error| error.flaws.iter());
                let flaws: Vec<_> = flaws
                    .map(|flaw| json!({ "line": flaw.line, "column": flaw.column, "what": flaw.what.to_string() }))
                    .collect();
                json!({ "file": file.file, "valid": error.is_none(), "flaws": flaws })
            })
            .collect();
        return Ok((pretty(&documents)?, fine));
    }
    let mut lines = Vec::new();
    for (PolicyFile { file, .. }, error) in &found {
        match error {
            None => lines.push(format!("{file}: valid")),
            Some(error) => lines.extend(
                error
                    .flaws
                    .iter()
                    .map(|flaw| format!("{file}:{}:{}: {}", flaw.line, flaw.column, flaw.what)),
            ),
        }
    }
    Ok((lines.join("\n"), fine))
}

fn test(access: &Access, trial: &PolicyTrialInput, json: bool) -> Result<(String, bool), String> {
    let (instead, cases) = trials::read(trial, SystemClock::new().now())?;
    let tried = access.try_cases(RealmId::FIRST, &instead, &cases);
    let tried = trials::shown(&trial.cases, &tried.map_err(|error| error.to_string())?);
    let fine = tried.iter().all(|case| case.unexpected.is_empty());
    let text = if json { pretty(&tried)? } else { TriedCase::report(&tried) };
    Ok((text, fine))
}

fn pretty<T: serde::Serialize>(document: &T) -> Result<String, String> {
    serde_json::to_string_pretty(document).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::api::PolicyCases;

    fn file(name: &str, text: &str) -> PolicyFile {
        PolicyFile { file: format!("{name}.cedar"), name: name.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn each_flaw_is_a_line_as_compilers_write_them() {
        let files = [
            file("fine", "forbid (principal, action == Action::\"BanAgent\", resource);"),
            file("bad", "\n  @lifetime_seconds(\"soon\") forbid (principal, action, resource);"),
        ];
        let (text, fine) = validate(&access().unwrap(), &files, false).unwrap();
        assert!(!fine);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "fine.cedar: valid");
        assert!(
            lines[1].starts_with("bad.cedar:2:3: annotation `@lifetime_seconds`"),
            "{}",
            lines[1]
        );
        let (text, _) = validate(&access().unwrap(), &files, true).unwrap();
        let told: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&told[0]["valid"], &told[1]["flaws"][0]["line"]), (&json!(true), &json!(2)));
    }

    #[test]
    fn the_shipped_cases_are_answered_without_a_server_and_one_that_is_wrong_is_told() {
        let document: PolicyCases = toml::from_str(PolicyCases::SURFACES).unwrap();
        let mut trial = PolicyTrialInput { cases: document.each(), ..PolicyTrialInput::default() };
        let (text, fine) = test(&access().unwrap(), &trial, false).unwrap();
        assert!(fine, "{text}");
        trial.cases[0].expect = Some(crate::wire::api::PolicyOutcome::Deny);
        let (text, fine) = test(&access().unwrap(), &trial, false).unwrap();
        assert!(!fine && text.starts_with("WRONG "), "{text}");
    }

    #[test]
    fn the_example_in_the_documentation_is_answered_as_it_says() {
        let page = include_str!("../../../docs/how-to/write-policies.md");
        let block = |start: &str| {
            let (_, rest) = page.split_once(start).unwrap();
            format!("{start}{}", rest.split("```").next().unwrap())
        };
        let document: PolicyCases = toml::from_str(&block("[[case]]")).unwrap();
        let policies = [("payroll".to_owned(), Some(block("@id(")))].into();
        let trial = PolicyTrialInput { policies, cases: document.each() };
        let (text, fine) = test(&access().unwrap(), &trial, false).unwrap();
        assert!(fine && page.contains(text.as_str()), "{text}");
    }
}
