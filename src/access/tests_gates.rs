//! What the default policies make of the posture of a device, surface by surface: the table in docs/reference/gates.md.

use std::collections::BTreeSet;

use super::super::http::trials;
use super::super::trial::Tried;
use super::*;
use crate::wire::api::{PolicyCases, PolicyTrialInput};

const PAGE: &str = include_str!("../../docs/reference/gates.md");

/// The cells of the table whose first heading is this, its head first.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let head = format!("| {heading} |");
    let rows = PAGE.lines().skip_while(|line| !line.starts_with(&head));
    let cells = |row: &'static str| row.trim_matches('|').split('|').map(str::trim).collect();
    let rows = rows.take_while(|line| line.starts_with('|')).map(cells);
    rows.filter(|row: &Vec<&str>| row[0] != "---").collect()
}

/// A device of the first table; nothing for whoever has none.
fn device(row: &[&str]) -> Option<Standing> {
    let [name, level, score, confidence, put_out, ends] = row else { panic!("{row:?}") };
    let share = |text: &str| text.parse().ok().map(|percent: u16| BasisPoints::new(percent * 100));
    let ends =
        ends.strip_suffix(" s").map(|text| now().plus(Lifetime::seconds(text.parse().unwrap())));
    let known = Standing {
        level: Level::parse(level).unwrap(),
        score: share(score),
        confidence: share(confidence).unwrap_or(BasisPoints::ZERO),
        locked: *put_out == "locked",
        contained: *put_out == "contained",
        expires: ends.unwrap_or(Timestamp::FOREVER),
        ..standing(Level::Trusted)
    };
    (*name != "no device").then_some(known)
}

/// What the default policies answer, as a cell of the table says it, and the policies of `posture` that decided.
fn answer(tried: &Tried) -> (String, Vec<String>) {
    let told = &tried.after;
    assert_eq!(tried.before.outcome, told.outcome);
    let by = told.decided_by.iter().filter_map(|(id, _)| id.strip_prefix("posture/"));
    let by: Vec<String> = by.map(str::to_owned).collect();
    let said = match &told.outcome {
        Ok(Lifetime::ZERO) => "yes".to_owned(),
        Ok(ceiling) => format!("{} s", ceiling.as_seconds()),
        Err(Error::StepUp { .. }) => format!("step-up: {}", by.join(", ")),
        Err(Error::Denied { .. }) => format!("no: {}", by.join(", ")),
        Err(Error::Broken { reason }) => panic!("{reason}"),
    };
    (said, by)
}

#[test]
fn the_default_policies_decide_as_the_table_says() {
    let access = Access::new(Arc::new(TestClock::new()), OWN_UID).unwrap();
    access.open(REALM);
    let document: PolicyCases = toml::from_str(PolicyCases::SURFACES).unwrap();
    let surfaces: Vec<&str> = document.case.iter().map(|case| case.name.as_str()).collect();
    let (devices, expected) = (table("device"), table("surface"));
    let names: Vec<&str> = devices[1..].iter().map(|row| row[0]).collect();
    assert_eq!(expected[0][1..], names);
    assert_eq!(expected[1..].iter().map(|row| row[0]).collect::<Vec<_>>(), surfaces);
    assert_eq!(
        document.device.iter().map(|device| device.name.as_str()).collect::<Vec<_>>(),
        names
    );
    let trial = PolicyTrialInput { cases: document.each(), ..PolicyTrialInput::default() };
    let (instead, cases) = trials::read(&trial, now()).unwrap();
    // The devices that the document tries are those of the page.
    for (case, row) in cases.iter().zip(devices[1..].iter().cycle()) {
        let known = |standing: &Standing| {
            let put_out = (standing.locked, standing.contained);
            (standing.level, standing.score, standing.confidence, put_out, standing.expires)
        };
        assert_eq!(case.standing.as_ref().map(known), device(row).as_ref().map(known));
    }
    let tried = access.try_cases(REALM, &instead, &cases).unwrap();
    let cells = expected[1..].iter().flat_map(|row| &row[1..]);
    let (mut right, mut wrong, mut used) = (0, Vec::new(), BTreeSet::new());
    for ((case, cell), tried) in trial.cases.iter().zip(cells).zip(&tried) {
        let (said, by) = answer(tried);
        used.extend(by);
        if said == *cell {
            right += 1;
        } else {
            wrong.push(format!("{}: `{said}` and not `{cell}`", case.name));
        }
    }
    let rules = SHIPPED.1.rules.iter().filter_map(|rule| rule.id.strip_prefix("posture/"));
    let rules: BTreeSet<String> = rules.map(str::to_owned).collect();
    println!(
        "proof: gates × surfaces: {} default policies × {} surfaces, decided as the table says {right}/{}",
        rules.len(),
        surfaces.len(),
        tried.len(),
    );
    assert_eq!(tried.len(), surfaces.len() * names.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(used, rules, "each of them decides something in the table");
}
