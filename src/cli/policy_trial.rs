//! `weft policy test` and `weft policy what-if`: what policies say to given facts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use super::error::Error;
use super::input;
use super::session::Session;
use super::table::Table;
use crate::wire::api::{
    PolicyCase, PolicyCases, PolicyReplay, PolicyReplayInput, PolicyTrial, PolicyTrialInput,
    ReplayedDecision, TriedCase,
};
use crate::wire::launch::PolicyFile;

#[derive(Debug, Clone, Args)]
pub(super) struct TestArgs {
    /// The cases, in TOML.
    file: PathBuf,
    /// Try this document as the policy of that name; may be said more than once.
    #[arg(long = "policy", value_name = "NAME=FILE")]
    policies: Vec<String>,
    /// Ask no server: the policies as shipped, and no role but those of the cases.
    #[arg(long)]
    pub(super) offline: bool,
}

#[derive(Debug, Clone, Args)]
pub(super) struct WhatIfArgs {
    /// Try this document as the policy of that name, or, without a file, none of the realm's own.
    #[arg(long = "policy", value_name = "NAME=FILE", required = true)]
    policies: Vec<String>,
    /// The cases, in TOML [default: every surface, from every sort of device].
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
    /// Ask the newest decisions on record instead, so many of them [default: 1000].
    #[arg(
        long,
        value_name = "COUNT",
        num_args = 0..=1,
        default_missing_value = "1000",
        conflicts_with = "cases"
    )]
    recorded: Option<u32>,
}

impl TestArgs {
    /// With everything it needs read.
    pub(super) fn trial(self) -> Result<PolicyTrialInput, Error> {
        trial(Some(&self.file), &self.policies)
    }
}

/// A policy document, which would have its file's name.
pub(super) fn document(file: &Path) -> Result<PolicyFile, Error> {
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let name = if stem == "-" { "policy" } else { stem };
    Ok(PolicyFile {
        file: file.display().to_string(),
        name: name.to_owned(),
        text: input::text(file)?,
    })
}

pub(super) async fn test(args: TestArgs, session: &mut Session<'_>) -> Result<(), Error> {
    let tried = ask(&args.trial()?, session).await?;
    let wrong = tried.iter().filter(|case| !case.unexpected.is_empty()).count();
    if session.print.is_json() {
        session.print.json(&tried)?;
    } else {
        session.print.line(&TriedCase::report(&tried))?;
    }
    if wrong == 0 {
        return Ok(());
    }
    Err(Error::local(format!("{wrong} of {} cases are not as expected", tried.len())))
}

pub(super) async fn what_if(args: WhatIfArgs, session: &mut Session<'_>) -> Result<(), Error> {
    if let Some(last) = args.recorded {
        return replay(&args.policies, last, session).await;
    }
    let tried = ask(&trial(args.cases.as_deref(), &args.policies)?, session).await?;
    let all = tried.len();
    let answer =
        |answer: &crate::wire::api::PolicyAnswer| (answer.outcome, answer.lifetime_seconds);
    let changed: Vec<TriedCase> =
        tried.into_iter().filter(|case| answer(&case.before) != answer(&case.after)).collect();
    session.print.list(&changed, table, "No answer would change.")?;
    session.print.note(&format!("{} of {all} answers would change", changed.len()))
}

/// What would have become of the newest decisions on record.
async fn replay(policies: &[String], last: u32, session: &mut Session<'_>) -> Result<(), Error> {
    let input = PolicyReplayInput { policies: documents(policies)?, last: Some(last) };
    let told: PolicyReplay = session.api.post(&["policy-replays"], &input).await?;
    if session.print.is_json() {
        return session.print.json(&told);
    }
    let PolicyReplay { decisions, would_refuse, would_allow, .. } = told;
    let others: Vec<ReplayedDecision> = told.refused.into_iter().chain(told.allowed).collect();
    session.print.list(&others, others_table, "No decision would have gone the other way.")?;
    session.print.note(&format!(
        "of the last {decisions} decisions on record this would have refused {would_refuse} that were allowed, and allowed {would_allow} that were refused"
    ))
}

fn others_table(others: &[ReplayedDecision]) -> Table {
    let mut table = Table::new(&["TIME", "ACTION", "SUBJECT", "NOW", "WOULD BE"]);
    for one in others {
        table.row([
            one.time.to_string(),
            one.action.clone(),
            one.subject.clone(),
            one.now.in_words(),
            one.would.in_words(),
        ]);
    }
    table
}

/// The answers, some cases at a time.
async fn ask(trial: &PolicyTrialInput, session: &Session<'_>) -> Result<Vec<TriedCase>, Error> {
    let mut tried = Vec::new();
    for cases in trial.cases.chunks(AT_ONCE) {
        let part = PolicyTrialInput { policies: trial.policies.clone(), cases: cases.to_vec() };
        let answer: PolicyTrial = session.api.post(&["policy-trials"], &part).await?;
        tried.extend(answer.cases);
    }
    Ok(tried)
}

fn trial(cases: Option<&Path>, policies: &[String]) -> Result<PolicyTrialInput, Error> {
    Ok(PolicyTrialInput { policies: documents(policies)?, cases: read(cases)? })
}

fn documents(policies: &[String]) -> Result<BTreeMap<String, Option<String>>, Error> {
    let read = |said: &String| match said.split_once('=') {
        Some((name, file)) => Ok((name.to_owned(), Some(input::text(Path::new(file))?))),
        None => Ok((said.clone(), None)),
    };
    policies.iter().map(read).collect()
}

fn read(file: Option<&Path>) -> Result<Vec<PolicyCase>, Error> {
    let (name, text) = match file {
        Some(file) => (file.display().to_string(), input::text(file)?),
        None => ("the shipped cases".to_owned(), PolicyCases::SURFACES.to_owned()),
    };
    let cases: PolicyCases = toml::from_str(&text)
        .map_err(|error| Error::local(format!("{name}: {}", error.to_string().trim_end())))?;
    let cases = cases.each();
    if cases.is_empty() {
        return Err(Error::local(format!("{name}: there is no `[[case]]`")));
    }
    Ok(cases)
}

fn table(cases: &[TriedCase]) -> Table {
    let mut table = Table::new(&["CASE", "IS", "WOULD BE"]);
    for case in cases {
        table.row([case.name.clone(), case.before.in_words(), case.after.in_words()]);
    }
    table
}

/// Cases in one request: its body stays well below the server's limit.
const AT_ONCE: usize = 200;
