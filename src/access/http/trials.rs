//! Trials of policies in the form of the admin API, and of the command line that needs no server.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::access::trial::{Case, GivenFact, Instead, Tried};
use crate::access::{Error, Explanation, Given, Name};
use crate::kernel::{BasisPoints, Level, Lifetime, Standing, Timestamp};
use crate::wire::api::{
    PolicyAnswer, PolicyCase, PolicyCaseDevice, PolicyOutcome, PolicyTrialInput, RoleGrant,
    TriedCase,
};

/// What is to be tried, read; or which part of it cannot be, in words.
pub fn read(input: &PolicyTrialInput, now: Timestamp) -> Result<(Instead, Vec<Case>), String> {
    if input.cases.len() > CASES_MAX {
        return Err(format!("a trial has at most {CASES_MAX} cases"));
    }
    let document = |(name, text): (&String, &Option<String>)| {
        let read = Name::parse(name).map_err(|error| format!("policy `{name}`: {error}"))?;
        Ok((read, text.as_deref().map(Arc::from)))
    };
    let documents = input.policies.iter().map(document).collect::<Result<Instead, String>>()?;
    let case = |(n, case): (usize, &PolicyCase)| {
        case_of(case, now).map_err(|why| format!("case {} ({}): {why}", n + 1, case.name))
    };
    let cases = input.cases.iter().enumerate().map(case).collect::<Result<_, String>>()?;
    Ok((documents, cases))
}

/// What came out of each, beside what was expected.
pub fn shown(cases: &[PolicyCase], tried: &[Tried]) -> Vec<TriedCase> {
    let shown = |(case, tried): (&PolicyCase, &Tried)| {
        let after = answer(&tried.after);
        TriedCase {
            name: case.name.clone(),
            unexpected: unexpected(case, &after),
            before: answer(&tried.before),
            after,
        }
    };
    cases.iter().zip(tried).map(shown).collect()
}

fn case_of(case: &PolicyCase, now: Timestamp) -> Result<Case, String> {
    let given = |roles: &Vec<RoleGrant>| -> Result<Vec<Given>, String> {
        let words = "of `roles`, a registrar has a `path`, which is a SPIFFE ID, and `rights`; the others have neither";
        let given: Result<Vec<Given>, _> = roles.iter().map(super::given_of).collect();
        given.map_err(|_| words.to_owned())
    };
    Ok(Case {
        action: case.action.clone(),
        principal: entity("principal", &case.principal)?,
        given: case.roles.as_ref().map(given).transpose()?,
        resource: entity("resource", &case.resource)?,
        context: case
            .context
            .iter()
            .map(|(name, value)| Ok((name.clone(), fact(name, value)?)))
            .collect::<Result<BTreeMap<_, _>, String>>()?,
        standing: case.device.as_ref().map(|device| standing(device, now)).transpose()?,
    })
}

/// `Type::"id"`; the quotes may be left out.
fn entity(what: &str, text: &str) -> Result<(String, String), String> {
    let wrong =
        || format!("`{what}` is written as in a policy: `User::\"spiffe://example.org/user/ada\"`");
    let (kind, id) = text.split_once("::").ok_or_else(wrong)?;
    let id = id.strip_prefix('"').and_then(|id| id.strip_suffix('"')).unwrap_or(id);
    Ok((kind.to_owned(), id.to_owned()))
}

fn fact(name: &str, value: &Value) -> Result<GivenFact, String> {
    let wrong = || {
        format!("the fact `{name}` is a text, a whole number, true or false, or a list of texts")
    };
    Ok(match value {
        Value::String(text) => GivenFact::Text(text.clone()),
        Value::Bool(flag) => GivenFact::Flag(*flag),
        Value::Number(number) => GivenFact::Number(number.as_i64().ok_or_else(wrong)?),
        Value::Array(items) => {
            let text = |item: &Value| item.as_str().map(str::to_owned).ok_or_else(wrong);
            GivenFact::Texts(items.iter().map(text).collect::<Result<_, String>>()?)
        }
        Value::Null | Value::Object(_) => return Err(wrong()),
    })
}

fn standing(device: &PolicyCaseDevice, now: Timestamp) -> Result<Standing, String> {
    let level = Level::parse(&device.level).ok_or_else(|| {
        let names = Level::ALL.map(Level::as_str).join(", ");
        format!("the level of a device is one of {names}")
    })?;
    let share = |percent: u8| BasisPoints::new(u16::from(percent) * 100);
    let ends = device.evidence_seconds.map(|seconds| now.plus(Lifetime::seconds(seconds)));
    Ok(Standing {
        level,
        score: device.score.map(share),
        confidence: if device.score.is_some() {
            share(device.confidence)
        } else {
            BasisPoints::ZERO
        },
        reported: (level != Level::Unknown)
            .then(|| now.minus(Lifetime::seconds(device.age_seconds))),
        expires: ends.unwrap_or(Timestamp::FOREVER),
        locked: device.locked,
        contained: device.contained,
        ..Standing::unknown()
    })
}

/// What the policies say, as the admin API shows it.
pub fn answer(told: &Explanation) -> PolicyAnswer {
    let (outcome, lifetime, reason) = match &told.outcome {
        Ok(Lifetime::ZERO) => (PolicyOutcome::Permit, None, None),
        Ok(ceiling) => (PolicyOutcome::Permit, Some(ceiling.as_seconds()), None),
        Err(Error::StepUp { reason }) => (PolicyOutcome::StepUp, None, Some(reason)),
        Err(Error::Denied { reason, .. }) => (PolicyOutcome::Deny, None, Some(reason)),
        Err(Error::Broken { reason }) => (PolicyOutcome::Broken, None, Some(reason)),
    };
    PolicyAnswer {
        outcome,
        lifetime_seconds: lifetime,
        reason: reason.map(ToString::to_string),
        decided_by: told.decided_by.iter().map(|(id, _)| id.to_string()).collect(),
    }
}

fn unexpected(case: &PolicyCase, said: &PolicyAnswer) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(expect) = case.expect.filter(|expect| *expect != said.outcome) {
        let reason = said.reason.as_deref().map_or_else(String::new, |why| format!(": {why}"));
        found.push(format!("{} and not {}{reason}", said.outcome.as_str(), expect.as_str()));
    }
    if let Some(expect) = case.lifetime_seconds.filter(|life| Some(*life) != said.lifetime_seconds)
    {
        let lives =
            said.lifetime_seconds.map_or_else(|| "nothing".to_owned(), |s| format!("{s} s"));
        found.push(format!("lives {lives} and not {expect} s"));
    }
    if let Some(by) = case.by.as_ref().filter(|by| !said.decided_by.contains(by)) {
        found.push(format!("decided by {} and not {by}", said.decided_by.join(", ")));
    }
    found
}

/// Cases of one trial: each some 100 µs.
const CASES_MAX: usize = 1000;
