//! The rules of the house that a machine can check, over the text of the repository.
//!
//! Owns: the order of floors and wings, who may import what, and the small habits that reviews
//! should not have to repeat. Does not own: what clippy knows already.
//!
//! Each rule has one deliberately bad tree in `tests/it/tidy/<rule>.txt`, which no other rule may
//! catch, and `clean.txt` holds near misses that none may catch. Old sins would stand in
//! `ratchet.txt` as `rule path count`: the list may only shrink, and starts empty.

mod floors;
mod habits;
mod house;
mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use house::House;
use weft::testkit::repository;

/// What a rule found. Shown as `path:line: rule: what`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Breach {
    rule: &'static str,
    path: String,
    line: usize,
    what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path, self.line, self.rule, self.what)
    }
}

/// A place and what is wrong there: the name of the rule is added by the table below.
type Finding = (String, usize, String);
type Check = fn(&House) -> Vec<Finding>;

/// Every rule: its name, which is also the name of its fixture, and its check.
const RULES: &[(&str, Check)] = &[
    ("floors", floors::calls_go_down_only),
    ("wings", floors::slices_call_those_before_them),
    ("clients", floors::clients_speak_over_the_wire),
    ("named", floors::every_module_is_on_the_map),
    ("import-drivers", imports::database_drivers),
    ("import-cedar", imports::policy_engine),
    ("import-axum", imports::web_framework),
    ("import-tonic", imports::grpc_framework),
    ("import-crypto", imports::cryptography),
    ("serde", imports::serde_derives),
    ("safe-sql", imports::unchecked_sql),
    ("sql", imports::sql_text),
    ("length", habits::files_are_short),
    ("module-doc", habits::files_begin_with_their_doc),
    ("allow", habits::lints_are_expected_not_allowed),
    ("marks", habits::nothing_is_left_for_later),
    ("words", habits::the_project_speaks_of_itself_alone),
    ("migrations", habits::migrations_come_in_pairs),
    ("lock", habits::banned_crates_stay_out),
    ("manifest", habits::dependencies_say_why),
    ("attacks", habits::attacks_name_their_tests),
];

/// Lines of the ratchet file. Lower it with each line that goes; it never rises.
const RATCHET_LINES: usize = 0;

fn breaches(house: &House) -> Vec<Breach> {
    let of_rule = |&(rule, check): &(&'static str, Check)| {
        check(house).into_iter().map(move |(path, line, what)| Breach { rule, path, line, what })
    };
    RULES.iter().flat_map(of_rule).collect()
}

/// The ratchet's lines as `(rule, path) → tolerated breaches`. A line that cannot be read counts
/// as one that tolerates nothing, and is then reported as stale.
fn ratchet() -> BTreeMap<(String, String), usize> {
    let text = std::fs::read_to_string(repository().join("tests/it/tidy/ratchet.txt"));
    let line = |line: &str| {
        let mut words = line.split_whitespace().map(str::to_owned);
        let (rule, path, count) = (words.next()?, words.next()?, words.next()?);
        Some(((rule, path), count.parse().unwrap_or(0)))
    };
    let text = text.unwrap_or_default();
    text.lines().filter(|line| !line.starts_with('#')).filter_map(line).collect()
}

#[test]
fn the_house_is_tidy() {
    let house = House::read(repository()).unwrap();
    assert!(house.pages.len() > 10, "only {} files were found", house.pages.len());
    let mut found: BTreeMap<(String, String), Vec<Breach>> = BTreeMap::new();
    for breach in breaches(&house) {
        found.entry((breach.rule.to_owned(), breach.path.clone())).or_default().push(breach);
    }
    let tolerated = ratchet();
    assert_eq!(tolerated.len(), RATCHET_LINES, "the ratchet file may only shrink");
    for (place, count) in &tolerated {
        let now = found.get(place).map_or(0, Vec::len);
        assert!(now >= *count && *count > 0, "ratchet: {place:?} is down to {now}: lower its line");
    }
    found.retain(|place, list| list.len() > tolerated.get(place).copied().unwrap_or(0));
    let all: Vec<String> = found.values().flatten().map(Breach::to_string).collect();
    assert!(all.is_empty(), "{} breaches of house rules:\n{}", all.len(), all.join("\n"));
}

#[test]
fn every_rule_catches_its_fixture_and_no_other() {
    let mut caught = 0;
    for (rule, _) in RULES {
        let house =
            House::fixture(&repository().join(format!("tests/it/tidy/{rule}.txt"))).unwrap();
        let found = breaches(&house);
        let rules: BTreeSet<&str> = found.iter().map(|breach| breach.rule).collect();
        assert_eq!(rules, BTreeSet::from([*rule]), "fixture {rule}.txt: {found:#?}");
        assert_eq!(found.len(), house.announced, "fixture {rule}.txt: {found:#?}");
        caught += 1;
    }
    println!("proof: tidy: rules {}, fixtures caught {caught}", RULES.len());
}

#[test]
fn every_fixture_belongs_to_a_rule() {
    let folder = std::fs::read_dir(repository().join("tests/it/tidy")).unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    for name in names.filter_map(|name| name.strip_suffix(".txt").map(str::to_owned)) {
        let known = RULES.iter().any(|(rule, _)| *rule == name);
        assert!(known || name == "clean" || name == "ratchet", "{name}.txt belongs to no rule");
    }
}

#[test]
fn near_misses_are_clean() {
    let house = House::fixture(&repository().join("tests/it/tidy/clean.txt")).unwrap();
    assert_eq!(breaches(&house), Vec::new());
}

/// For the closing report of `make test`: size against the budget in CONTRIBUTING.md.
#[test]
fn the_size_of_the_house_is_known() {
    let house = House::read(repository()).unwrap();
    let size = habits::size(&house);
    assert!(size.functions >= size.long_functions.len());
    println!("proof: house: {size}");
}
