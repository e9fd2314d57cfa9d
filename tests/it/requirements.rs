//! The numbered requirements of the SPIFFE standards, of OpenID providers and of brokers, and the tests that carry their numbers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use crate::generated;

/// What is served today: identities, SVIDs, bundles, the Workload Endpoint and the Workload API. The numbers between are
/// those of WIT-SVIDs and of federation between servers.
const REQUIRED: [(&str, RangeInclusive<u32>); 6] = [
    ("SPIFFE ID", 1..=9),
    ("X509-SVID", 10..=22),
    ("JWT-SVID", 23..=35),
    ("Trust Domain and Bundle", 51..=59),
    ("Workload Endpoint", 74..=79),
    ("Workload API", 80..=93),
];

/// What an OpenID provider of this kind does, by the numbers of the checklist: those between are of profiles that are not served.
const PROVIDER: [RangeInclusive<u32>; 5] = [1..=51, 63..=63, 73..=74, 77..=78, 80..=81];
/// What a broker refuses.
const BROKER: [RangeInclusive<u32>; 4] = [1..=8, 10..=10, 12..=25, 27..=27];

/// A test, and where it is.
type Test = (String, String);

#[test]
fn generated_table_of_spiffe_requirements_has_a_test_for_each() {
    let tests = tests_by_number(SPIFFE);
    let required: Vec<u32> = REQUIRED.iter().flat_map(|(_, numbers)| numbers.clone()).collect();
    let missing: Vec<&u32> = required.iter().filter(|number| !tests.contains_key(number)).collect();
    generated::check("docs/reference/spiffe-requirements.md", &table(&tests));
    let all: usize = required.iter().filter_map(|number| tests.get(number)).map(Vec::len).sum();
    println!(
        "proof: spiffe requirements 1–35, 51–59, 74–93: {} of {} have a test of their number, {all} tests",
        required.len() - missing.len(),
        required.len(),
    );
    assert!(missing.is_empty(), "no test carries the numbers {missing:?}");
}

#[test]
fn every_requirement_of_a_provider_and_every_rule_of_a_broker_has_a_test_of_its_number() {
    for (what, prefix, required) in
        [("oidc requirements", "oidc_", &PROVIDER[..]), ("broker rules", "broker_rule_", &BROKER)]
    {
        let mut tests = tests_by_number(prefix);
        for name in run_by_the_harness() {
            for number in numbers_of(&name, prefix) {
                tests.entry(number).or_default().push((name.clone(), HARNESS.to_owned()));
            }
        }
        let required: Vec<u32> = required.iter().cloned().flatten().collect();
        let missing: Vec<&u32> =
            required.iter().filter(|number| !tests.contains_key(number)).collect();
        println!(
            "proof: {what}: {} of {} have a test of their number",
            required.len() - missing.len(),
            required.len(),
        );
        assert!(missing.is_empty(), "{what}: no test carries the numbers {missing:?}");
    }
}

#[test]
fn the_numbers_of_a_test_are_read_from_its_name() {
    let table: [(&str, &[u32]); 6] = [
        ("spiffe_001_scheme_is_spiffe", &[1]),
        ("spiffe_008_and_013_an_authority", &[8, 13]),
        ("spiffe_023_and_025_to_029_a_token", &[23, 25, 26, 27, 28, 29]),
        ("spiffe_052_the_sequence_has_64_bits", &[52]),
        ("spiffe_and_others", &[]),
        ("the_spiffe_001", &[]),
    ];
    for (name, numbers) in table {
        assert_eq!(numbers_of(name, SPIFFE), numbers, "{name}");
    }
    // A test that is not run proves nothing.
    let ignored = "#[test]\n#[ignore]\nfn spiffe_001_a() {}\nfn spiffe_002_b() {}\n";
    assert!(tests_in(ignored, SPIFFE).is_empty());
    assert_eq!(tests_in("#[tokio::test]\nasync fn spiffe_001_a() {}\n", SPIFFE), ["spiffe_001_a"]);
    assert_eq!(numbers_of("broker_rule_07_and_08_keys", "broker_rule_"), [7, 8]);
}

fn tests_by_number(prefix: &str) -> BTreeMap<u32, Vec<Test>> {
    let mut all: BTreeMap<u32, Vec<Test>> = BTreeMap::new();
    let root = weft::testkit::repository();
    for folder in ["proto/tests", "src", "tests"] {
        for file in rust_files(&root.join(folder)) {
            let place = file.strip_prefix(root).unwrap().display().to_string();
            for name in tests_in(&std::fs::read_to_string(&file).unwrap(), prefix) {
                for number in numbers_of(&name, prefix) {
                    all.entry(number).or_default().push((name.clone(), place.clone()));
                }
            }
        }
    }
    all
}

/// What the conformance harness lists is run by the tests that run the harness, against a reference and against this server.
fn run_by_the_harness() -> Vec<String> {
    let text = std::fs::read_to_string(weft::testkit::repository().join(HARNESS)).unwrap();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let listed: Vec<String> =
        words.filter(|word| word.starts_with("oidc_")).map(str::to_owned).collect();
    assert!(listed.len() > 40, "the harness lists its checks elsewhere: {listed:?}");
    listed
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let files = entries.into_iter().flat_map(|path| {
        let is_code = path.extension().is_some_and(|extension| extension == "rs");
        if path.is_dir() { rust_files(&path) } else { Vec::from_iter(is_code.then_some(path)) }
    });
    files.collect()
}

/// The functions that the test harness runs and that carry a number.
fn tests_in(text: &str, prefix: &str) -> Vec<String> {
    let mut attributes: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[") {
            attributes.push(line);
            continue;
        }
        let function = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
        let name = function.and_then(|function| function.split(['(', '<']).next());
        let is_test =
            attributes.iter().any(|one| *one == "#[test]" || one.starts_with("#[tokio::test"));
        let is_run = is_test && !attributes.iter().any(|one| one.starts_with("#[ignore"));
        found.extend(
            name.filter(|name| is_run && !numbers_of(name, prefix).is_empty()).map(str::to_owned),
        );
        attributes.clear();
    }
    found
}

/// `spiffe_023_and_025_to_029_…` carries six numbers.
fn numbers_of(name: &str, prefix: &str) -> Vec<u32> {
    let Some(rest) = name.strip_prefix(prefix) else { return Vec::new() };
    let mut words = rest.split('_');
    let mut numbers: Vec<u32> = Vec::new();
    while let Some(number) = words.next().and_then(|word| word.parse().ok()) {
        let from = numbers.last().copied();
        numbers.push(number);
        match words.next() {
            Some("and") => {}
            Some("to") => {
                let to = words.next().and_then(|word| word.parse().ok()).unwrap_or(number);
                numbers.extend(number + 1..=to);
                if words.next() != Some("and") {
                    break;
                }
            }
            _ => break,
        }
        debug_assert!(from.is_none_or(|from| from < number), "{name}");
    }
    numbers
}

fn table(tests: &BTreeMap<u32, Vec<Test>>) -> String {
    let mut text = HEAD.to_owned();
    for (standard, numbers) in REQUIRED {
        write!(text, "\n## {standard}\n\n| number | what holds | test in |\n| --- | --- | --- |\n")
            .unwrap();
        for number in numbers {
            for (name, place) in tests.get(&number).into_iter().flatten() {
                let words = name.split('_').skip_while(|word| {
                    matches!(*word, "spiffe" | "and" | "to") || word.parse::<u32>().is_ok()
                });
                let words: Vec<_> = words.collect();
                writeln!(text, "| {number} | {} | `{place}` |", words.join(" ")).unwrap();
            }
        }
    }
    text
}

/// Where the conformance harness lists what it runs.
const HARNESS: &str = "tests/it/peers/conformance/mod.rs";
/// How the names of tests of the SPIFFE standards begin.
const SPIFFE: &str = "spiffe_";
const HEAD: &str = "\
# Requirements of the SPIFFE standards

The numbers count the requirements of the standards in their order. A test that proves one carries its number in its name
(`spiffe_032_…`); this page is written from those names by `make gen`, and a number without a test fails the build.
";
