//! The numbered requirements of the SPIFFE standards, and the tests that carry their numbers.

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

/// A test, and where it is.
type Test = (String, String);

#[test]
fn generated_table_of_spiffe_requirements_has_a_test_for_each() {
    let tests = tests_by_number();
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
        assert_eq!(numbers_of(name), numbers, "{name}");
    }
    let ignored = "#[test]\n#[ignore]\nfn spiffe_001_a() {}\nfn spiffe_002_b() {}\n";
    assert!(tests_in(ignored).is_empty());
    assert_eq!(tests_in("#[tokio::test]\nasync fn spiffe_001_a() {}\n"), ["spiffe_001_a"]);
}

fn tests_by_number() -> BTreeMap<u32, Vec<Test>> {
    let mut all: BTreeMap<u32, Vec<Test>> = BTreeMap::new();
    let root = weft::testkit::repository();
    for folder in ["proto/tests", "src", "tests"] {
        for file in rust_files(&root.join(folder)) {
            let place = file.strip_prefix(root).unwrap().display().to_string();
            for name in tests_in(&std::fs::read_to_string(&file).unwrap()) {
                for number in numbers_of(&name) {
                    all.entry(number).or_default().push((name.clone(), place.clone()));
                }
            }
        }
    }
    all
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
fn tests_in(text: &str) -> Vec<String> {
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
        found.extend(name.filter(|name| is_run && !numbers_of(name).is_empty()).map(str::to_owned));
        attributes.clear();
    }
    found
}

/// `spiffe_023_and_025_to_029_…` carries six numbers.
fn numbers_of(name: &str) -> Vec<u32> {
    let Some(rest) = name.strip_prefix("spiffe_") else { return Vec::new() };
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

const HEAD: &str = "\
# Requirements of the SPIFFE standards

The numbers count the requirements of the standards in their order. A test that proves one carries its number in its name
(`spiffe_032_…`); this page is written from those names by `make gen`, and a number without a test fails the build.
";
