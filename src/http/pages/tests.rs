//! What must hold of texts and templates as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::look::Language;
use super::texts::keys;

#[test]
fn every_text_is_there_in_every_language() {
    let (english, flaws) = keys(Language::English);
    assert_eq!(flaws, Vec::<String>::new(), "en");
    for language in Language::ALL {
        let (theirs, flaws) = keys(language);
        assert_eq!(flaws, Vec::<String>::new(), "{}", language.tag());
        let names =
            |texts: &BTreeMap<String, String>| texts.keys().cloned().collect::<BTreeSet<_>>();
        let (ours, theirs_names) = (names(&english), names(&theirs));
        let missing: Vec<_> = ours.symmetric_difference(&theirs_names).collect();
        assert!(missing.is_empty(), "{}: {missing:?}", language.tag());
        for (key, text) in &theirs {
            assert_eq!(variables(text), variables(&english[key]), "{}: {key}", language.tag());
        }
    }
    println!("proof: texts: {} in {} languages", english.len(), Language::ALL.len());
}

#[test]
fn every_text_that_a_page_names_is_there_and_each_is_named() {
    let (english, _) = keys(Language::English);
    let root = crate::testkit::repository();
    let mut named = BTreeSet::new();
    for folder in ["templates", "src"] {
        names_below(&root.join(folder), &mut named);
    }
    let unknown: Vec<_> = named.iter().filter(|key| !english.contains_key(*key)).collect();
    assert!(unknown.is_empty(), "named and nowhere: {unknown:?}");
    // Texts of failures are named by their code.
    let idle = |key: &&String| !named.contains(*key) && !key.starts_with("failure-");
    let unused: Vec<_> = english.keys().filter(idle).collect();
    assert!(unused.is_empty(), "there, and on no page: {unused:?}");
}

/// The names that templates and sources ask a look for, in every file below this folder.
fn names_below(folder: &Path, named: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the repository") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            names_below(&path, named);
            continue;
        }
        if path.ends_with("src/http/pages/tests.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        for start in
            ["look.say(", "look.say1(", "look.say2(", "self.say(", "self.say1(", "text_key("]
        {
            for part in text.split(start).skip(1) {
                let literal =
                    part.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"'));
                named.extend(literal.map(|(key, _)| key.to_owned()));
            }
        }
    }
}

/// The variables of a message: `$name`.
fn variables(text: &str) -> BTreeSet<String> {
    let inside = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    text.split('$').skip(1).map(|rest| rest.chars().take_while(inside).collect()).collect()
}
