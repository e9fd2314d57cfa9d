//! Habits of files: length, first line, marks, words, migrations, the lock file and the manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::Finding;
use super::house::{House, Page};

/// The longest a file may be: path or beginning of it, ending, lines.
const LENGTHS: &[(&str, &str, usize)] = &[
    ("src/main.rs", "", 15),
    ("src/", ".rs", 600),
    ("tests/", ".rs", 600),
    ("ARCHITECTURE.md", "", 300),
    ("docs/vocabulary.md", "", 60),
    ("docs/adr/", ".md", 60),
];

/// Code lines above which a function is reported; clippy refuses it.
const FUNCTION_LINES: usize = 60;

pub(super) fn files_are_short(house: &House) -> Vec<Finding> {
    let mut found = Vec::new();
    for page in &house.pages {
        let fits = |(start, end, _): &&(&str, &str, usize)| {
            page.path.starts_with(start) && page.path.ends_with(end)
        };
        let Some((_, _, most)) = LENGTHS.iter().find(fits) else { continue };
        let lines = page.text.lines().count();
        if lines > *most {
            found.push(page.at(*most, format!("{lines} lines; at most {most}")));
        }
    }
    found
}

pub(super) fn files_begin_with_their_doc(house: &House) -> Vec<Finding> {
    let begins = |page: &&Page| !page.text.starts_with("//! ");
    let rust = house.pages.iter().filter(|page| is_ours(page));
    rust.filter(begins)
        .map(|page| page.at(1, "the first line is `//! ` and what the file is for"))
        .collect()
}

pub(super) fn lints_are_expected_not_allowed(house: &House) -> Vec<Finding> {
    let needles = ["#[allow(", "#![allow("];
    marks_in(house, &needles, "write `#[expect(lint, reason = \"…\")]`")
}

pub(super) fn nothing_is_left_for_later(house: &House) -> Vec<Finding> {
    let mut found =
        marks_in(house, &["todo!(", "unimplemented!(", "#[ignore"], "finish it or leave it out");
    for page in house.pages.iter().filter(|page| is_ours(page)) {
        for (at, line) in page.text.lines().enumerate() {
            if [concat!("FIX", "ME"), concat!("XX", "X:")].iter().any(|mark| line.contains(mark)) {
                found.push(page.at(at + 1, "finish it or leave it out"));
            }
        }
    }
    found
}

/// Paths of a machine and numbers of a tracker mean nothing to a reader of this repository.
pub(super) fn the_project_speaks_of_itself_alone(house: &House) -> Vec<Finding> {
    let words = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/tmp/ba", "sh_jobs"),
        concat!("issue", " #"),
    ];
    let mut found = Vec::new();
    for page in &house.pages {
        for (at, line) in page.text.lines().enumerate() {
            for word in words.iter().filter(|word| line.to_lowercase().contains(*word)) {
                found.push(page.at(at + 1, format!("`{word}` means nothing to a reader")));
            }
        }
    }
    found
}

/// Two folders, same names, `NNNN_name.sql`, no number twice.
pub(super) fn migrations_come_in_pairs(house: &House) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut engines: BTreeMap<&str, BTreeSet<&str>> =
        BTreeMap::from([("sqlite", BTreeSet::new()), ("postgres", BTreeSet::new())]);
    for page in &house.pages {
        let Some(rest) = page.path.strip_prefix("migrations/") else { continue };
        let Some((engine, name)) = rest.split_once('/') else { continue };
        let Some(names) = engines.get_mut(engine) else {
            found.push(page.at(1, "the engines are sqlite and postgres"));
            continue;
        };
        let number = name.get(..4).unwrap_or_default();
        let shaped = number.bytes().all(|b| b.is_ascii_digit()) && name.get(4..5) == Some("_");
        if !shaped || name.strip_suffix(".sql").is_none() {
            found.push(page.at(1, "a migration is called `NNNN_name.sql`"));
        }
        if names.iter().any(|other| other.starts_with(number)) {
            found.push(page.at(1, format!("number {number} is taken")));
        }
        names.insert(name);
    }
    let all: BTreeSet<&str> = engines.values().flatten().copied().collect();
    for (engine, names) in &engines {
        for name in all.difference(names) {
            found.push((
                format!("migrations/{engine}/{name}"),
                1,
                "is missing on this engine".to_owned(),
            ));
        }
    }
    found
}

/// What may not be in `Cargo.lock` at all, and what may be there once.
///
/// `ring` stands in every lock file with rustls in it, because `rustls-webpki` mentions it in a
/// weak feature that is never on. It is compiled exactly when another package names it, so those
/// edges are what is refused.
pub(super) fn banned_crates_stay_out(house: &House) -> Vec<Finding> {
    const BANNED: [&str; 5] = ["openssl", "openssl-sys", "native-tls", "sqlx-sqlite", "sqlx-mysql"];
    const ONCE: [&str; 8] =
        ["rustls", "aws-lc-rs", "aws-lc-sys", "tokio", "hyper", "http", "serde", "libsqlite3-sys"];
    let Some(lock) = house.page("Cargo.lock") else { return Vec::new() };
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    for part in lock.text.split("[[package]]").skip(1) {
        let name = part.lines().find_map(|line| line.strip_prefix("name = ")).unwrap_or_default();
        let name = name.trim_matches('"');
        if BANNED.contains(&name) {
            found.push(lock.at(1, format!("`{name}` is banned")));
        }
        if ONCE.contains(&name) && !seen.insert(name) {
            found.push(lock.at(1, format!("`{name}` is there twice")));
        }
        if name != "rustls-webpki" && part.lines().any(|line| line.trim() == "\"ring\",") {
            found.push(lock.at(1, format!("`{name}` switches `ring` on")));
        }
    }
    found
}

pub(super) fn dependencies_say_why(house: &House) -> Vec<Finding> {
    let mut found = Vec::new();
    for page in house.pages.iter().filter(|page| page.path.ends_with("Cargo.toml")) {
        let (mut inside, mut before) = (false, "");
        for (at, line) in page.text.lines().enumerate() {
            if line.starts_with('[') {
                inside = line.ends_with("dependencies]");
            } else if inside
                && line.contains(" = ")
                && !line.starts_with('#')
                && !before.starts_with('#')
            {
                found.push(page.at(at + 1, "a dependency says in one comment line what it is for"));
            }
            before = line;
        }
    }
    found
}

/// A test that the list of attacks names is there; one that is still to be written has a ring.
pub(super) fn attacks_name_their_tests(house: &House) -> Vec<Finding> {
    let Some(list) = house.page("docs/security/attacks.md") else { return Vec::new() };
    let mut found = Vec::new();
    for (at, line) in list.text.lines().enumerate() {
        let Some(names) = line.trim().strip_suffix('|').and_then(|row| row.rsplit('|').next())
        else {
            continue;
        };
        let mut before = "";
        for (turn, part) in names.split('`').enumerate() {
            let head = format!("fn {part}(");
            let exists =
                || house.pages.iter().any(|page| is_ours(page) && page.text.contains(&head));
            if turn % 2 == 1 && !before.ends_with("○ ") && !exists() {
                found.push(list.at(at + 1, format!("there is no test `{part}`")));
            }
            before = part;
        }
    }
    found
}

/// The numbers of the closing report.
pub(super) struct Size {
    files: Vec<(usize, String)>,
    pub(super) functions: usize,
    pub(super) long_functions: Vec<String>,
}

pub(super) fn size(house: &House) -> Size {
    let count = |page: &Page| (page.text.lines().count(), page.path.clone());
    let mut files: Vec<_> = house.sources().map(count).collect();
    files.sort();
    let functions: Vec<_> = house.sources().flat_map(functions).collect();
    let long = functions.iter().filter(|(lines, _)| *lines > FUNCTION_LINES);
    let long_functions = long.map(|(lines, place)| format!("{place} ({lines})")).collect();
    Size { files, functions: functions.len(), long_functions }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at =
            |percent: usize| self.files.get(self.files.len() * percent / 100).map_or(0, |x| x.0);
        let lines: usize = self.files.iter().map(|x| x.0).sum();
        write!(f, "{} files, {lines} lines, median {}, p90 {}", self.files.len(), at(50), at(90))?;
        if let Some((most, path)) = self.files.last() {
            write!(f, ", longest {most} ({path})")?;
        }
        write!(
            f,
            "; {} functions, over {FUNCTION_LINES} lines {}",
            self.functions,
            self.long_functions.len()
        )?;
        self.long_functions.iter().try_for_each(|place| write!(f, "\n  {place}"))
    }
}

/// Functions of a page with their code lines, by the indent that rustfmt gives the closing brace.
fn functions(page: &Page) -> Vec<(usize, String)> {
    let lines: Vec<&str> = page.code.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let head = line.trim_start();
        if !format!(" {head}").contains(" fn ") || head.ends_with(';') {
            continue;
        }
        let close = format!("{}}}", " ".repeat(line.len() - head.len()));
        let body = lines.iter().skip(at).take_while(|line| **line != close);
        let code = body.filter(|line| !line.trim().is_empty()).count();
        found.push((code, format!("{}:{}", page.path, at + 1)));
    }
    found
}

/// Rust that people wrote: generated code has its own test.
fn is_ours(page: &Page) -> bool {
    page.is_rust() && (page.path.starts_with("src/") || page.path.starts_with("tests/"))
}

fn marks_in(house: &House, needles: &[&str], what: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    for page in house.pages.iter().filter(|page| is_ours(page)) {
        for (at, line) in page.code.lines().enumerate() {
            let tight: String = line.split_whitespace().collect();
            if needles.iter().any(|needle| tight.contains(needle)) {
                found.push(page.at(at + 1, what));
            }
        }
    }
    found
}
