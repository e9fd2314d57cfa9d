//! What loading, rendering and reloading promise.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::*;
use crate::kernel::{Lifetime, TrustDomain};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Format {
    Json,
    Text,
}

value!(Format);

section! {
    /// Where a door listens.
    #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Listener {
        /// Address and port.
        listen: std::net::SocketAddr,
        /// Connections of one peer.
        connections: u16,
    }
}

section! {
    /// How the log is written.
    #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Log {
        /// Which events are written.
        level: String,
        /// Its form.
        format: Format,
    }
    live { level }
}

section! {
    /// Weft's settings.
    #[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Root {
        /// The agents' door.
        node: Listener,
        log: Log,
        ledger: Ledger,
    }
}

section! {
    /// The ledger's bounds.
    #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Ledger {
        /// Its largest size.
        ///
        /// Issuance stops at it.
        size: Size,
        /// How long facts are kept.
        retention: Span,
        /// The trust domain, if it is fixed here.
        trust_domain: Option<Text<TrustDomain>>,
        /// Names.
        names: Vec<String>,
        /// A certificate, if there is one.
        pair: Option<Pair>,
    }
    live { retention, names }
}

section! {
    /// A certificate and its key.
    #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    }
}

impl Default for Listener {
    fn default() -> Self {
        Self { listen: ([127, 0, 0, 1], 8081).into(), connections: 100 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: Format::Text }
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            size: Size(1 << 30),
            retention: Span(Lifetime::days(90)),
            trust_domain: None,
            names: Vec::new(),
            pair: None,
        }
    }
}

/// A file with this text, alive as long as the directory.
fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("weft.toml");
    std::fs::write(&path, text).expect("written");
    (directory, path)
}

fn from_file(text: &str) -> Result<Root, Refused> {
    let (_directory, path) = file(text);
    load(&Sources { file: Some(path), ..Sources::default() })
}

/// The mistakes in this file, each as `line:column key: words`.
fn mistakes(text: &str) -> Vec<String> {
    let refused = from_file(text).expect_err(text);
    let line = |error: SettingError| match error.place {
        Place::File { line, column, .. } => {
            format!("{line}:{column} {}: {}", error.key, error.words)
        }
        other => format!("{other} {}", error.words),
    };
    refused.0.into_iter().map(line).collect()
}

#[test]
fn nothing_said_means_the_defaults() {
    assert_eq!(load::<Root>(&Sources::default()), Ok(Root::default()));
    assert_eq!(from_file(""), Ok(Root::default()));
}

#[test]
fn a_mistake_names_line_column_key_and_what_would_be_right() {
    let cases = [
        ("[node]\nlisten = \"x\"", "2:10 node.listen: invalid socket address"),
        ("[node]\n  lisen = 1", "2:3 node.lisen: unknown key; did you mean `node.listen`?"),
        ("[nodes]", "1:2 nodes: unknown key; did you mean `node`?"),
        (
            "[log]\nretention = \"1d\"",
            "2:1 log.retention: unknown key here; did you mean `ledger.retention`?",
        ),
        ("[log]\nwhatever = 1", "2:1 log.whatever: unknown key; known here: `level`, `format`"),
        (
            "log = 1",
            "1:7 log: this is a section and takes no value itself; its keys are `level`, `format`",
        ),
        (
            "[log]\nformat = \"xml\"",
            "2:10 log.format: unknown variant `xml`, expected `json` or `text`",
        ),
        (
            "[node]\nconnections = 70000",
            "2:15 node.connections: invalid value: integer `70000`, expected u16",
        ),
        (
            "[ledger]\nsize = 5",
            "2:8 ledger.size: invalid type: integer `5`, expected a number of bytes with its unit",
        ),
        (
            "[ledger]\nretention = \"5\"",
            "2:13 ledger.retention: `5` is not a span of time with its unit, such as \"90s\"",
        ),
        (
            "[ledger]\ntrust_domain = \"A\"",
            "2:16 ledger.trust_domain: `A` is not a trust domain, such as",
        ),
        ("[node\n", "1:6 : not TOML"),
    ];
    for (text, start) in cases {
        let found = mistakes(text);
        assert!(
            found.len() == 1 && found[0].starts_with(start),
            "{text}\nfound {found:?}\nwanted {start}"
        );
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    assert_eq!(mistakes("[node]\nlisten = 1\nconnections = \"a\"\n[lgo]\n").len(), 3);
}

#[test]
fn a_file_that_is_missing_is_refused_by_name() {
    let sources = Sources { file: Some("/nowhere/weft.toml".into()), ..Sources::default() };
    let words = load::<Root>(&sources).expect_err("missing").to_string();
    assert!(words.starts_with("/nowhere/weft.toml:1:1: cannot be read"), "{words}");
}

#[test]
fn the_environment_wins_over_the_file_and_flags_over_both() {
    let (_directory, path) =
        file("[log]\nlevel = \"warn\"\nformat = \"json\"\n[node]\nconnections = 1");
    let environment = Environment::of([
        ("WEFT_LOG__LEVEL", "debug"),
        ("WEFT_NODE__CONNECTIONS", "2"),
        ("WEFT_LEDGER__NAMES", "[\"a\", \"b\"]"),
        ("WEFT_LEDGER__TRUST_DOMAIN", "example.org"),
        ("WEFT_CONFIG", "not a setting"),
    ]);
    let overrides = vec![("node.connections".to_owned(), "3".to_owned())];
    let root: Root =
        load(&Sources { file: Some(path), environment, overrides }).expect("well formed");
    assert_eq!((root.log.level.as_str(), root.log.format), ("debug", Format::Json));
    assert_eq!(root.node.connections, 3);
    assert_eq!(root.ledger.names, ["a", "b"]);
    assert!(root.ledger.trust_domain.is_some());
}

#[test]
fn a_text_that_looks_like_a_number_stays_a_text_where_a_text_is_due() {
    for text in ["7", "true", "2026-01-01", "\"7\""] {
        let environment = Environment::of([("WEFT_LOG__LEVEL", text)]);
        let root: Root = load(&Sources { environment, ..Sources::default() }).expect(text);
        assert_eq!(root.log.level, text.trim_matches('"'));
    }
}

#[test]
fn a_mistake_in_the_environment_or_a_flag_names_it() {
    let environment =
        Environment::of([("WEFT_NODE__LISEN", "x"), ("WEFT_NODE__CONNECTIONS", "many")]);
    let overrides = vec![
        ("log".to_owned(), "x".to_owned()),
        ("log.level.deep".to_owned(), "x".to_owned()),
        ("ledger.size".to_owned(), "5".to_owned()),
    ];
    let refused =
        load::<Root>(&Sources { environment, overrides, file: None }).expect_err("mistakes");
    let found: Vec<_> = refused.0.iter().map(ToString::to_string).collect();
    let starts = [
        "environment variable WEFT_NODE__CONNECTIONS: `node.connections`: invalid type: string \"many\", expected u16",
        "environment variable WEFT_NODE__LISEN: `node.lisen`: unknown key; did you mean `node.listen`?",
        "command line: `log`: this is a section",
        "command line: `log.level.deep`: `log.level` is a value and has no keys below it",
        "command line: `ledger.size`: invalid type: integer `5`, expected a number of bytes",
    ];
    assert_eq!(found.len(), starts.len(), "{found:?}");
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{found}");
    }
}

#[test]
fn the_annotated_document_says_every_key_and_holds_the_defaults() {
    let document = render::<Root>();
    assert_eq!(from_file(&document), Ok(Root::default()), "as it is, it changes nothing");
    let uncommented: Vec<&str> = document
        .lines()
        .map(|line| {
            line.strip_prefix('#')
                .filter(|rest| rest.starts_with(|c: char| c != ' ' && c != '['))
                .unwrap_or(line)
        })
        .collect();
    let uncommented = uncommented.join("\n");
    assert_eq!(from_file(&uncommented), Ok(Root::default()), "{uncommented}");
    let wanted = "[ledger]\n\n# Its largest size.\n#\n# Issuance stops at it.\n#size = \"1GiB\"\n\n\
                  # How long facts are kept.\n# Takes effect on reload.\n#retention = \"90d\"\n\n\
                  # The trust domain, if it is fixed here.\n# Not set: trust_domain = …\n";
    assert!(document.contains(wanted), "{document}");
}

#[test]
fn an_optional_section_is_whole_or_absent() {
    let root = from_file("[ledger.pair]\ncertificate = \"c\"\nkey = \"k\"").expect("whole");
    assert!(root.ledger.pair.is_some());
    assert_eq!(
        mistakes("[ledger.pair]\ncertificate = \"c\""),
        ["1:1 ledger.pair: missing field `key`"]
    );
}

#[test]
fn a_reload_takes_live_keys_and_names_them() {
    let (_directory, path) = file("[log]\nlevel = \"info\"");
    let current = Current::<Root>::load(Sources { file: Some(path.clone()), ..Sources::default() })
        .expect("loads");
    let seen = current.subscribe();
    assert_eq!(current.reload(), Ok(Vec::new()), "nothing changed");
    assert!(!seen.has_changed().expect("alive"));

    std::fs::write(&path, "[log]\nlevel = \"debug\"\n[ledger]\nretention = \"1d\"")
        .expect("written");
    assert_eq!(current.reload(), Ok(vec!["log.level".to_owned(), "ledger.retention".to_owned()]));
    assert_eq!(current.get().log.level, "debug");
    assert!(seen.has_changed().expect("alive"));
}

#[test]
fn a_reload_is_whole_or_nothing() {
    let (_directory, path) = file("");
    let current = Current::<Root>::load(Sources { file: Some(path.clone()), ..Sources::default() })
        .expect("loads");
    std::fs::write(&path, "[log]\nlevel = \"debug\"\nformat = \"json\"").expect("written");
    let error = current.reload().expect_err("the format is fixed");
    assert_eq!(error.to_string(), "nothing was reloaded, because `log.format` needs a restart");
    std::fs::write(&path, "[log]\nlevel = 7").expect("written");
    assert!(matches!(current.reload(), Err(ReloadError::Refused(_))));
    assert_eq!(*current.get(), Root::default());
}

section! {
    /// Two numbers that must fit.
    #[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Bounds {
        /// The smaller.
        least: u16,
        /// The larger.
        most: u16,
    }
    fits { order }
}

impl Bounds {
    fn order(&self) -> Option<(&'static str, String)> {
        (self.least > self.most).then(|| ("least", format!("at most {}", self.most)))
    }
}

section! {
    /// Two of them.
    #[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct TwoBounds {
        /// One that is always there.
        one: Bounds,
        /// One that may be.
        other: Option<Bounds>,
    }
}

#[test]
fn values_that_do_not_fit_together_are_refused_where_they_were_written() {
    let (_directory, path) = file("[one]\nleast = 1\nmost = 2\n\n[other]\n  least = 7");
    let of = |overrides: &[(&str, &str)]| {
        let pairs = overrides.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let file = Some(path.clone());
        let loaded =
            load::<TwoBounds>(&Sources { file, overrides: pairs.collect(), ..Sources::default() });
        loaded.map_err(|refused| refused.to_string())
    };
    let file = path.display();
    assert_eq!(of(&[]).expect_err("7 > 0"), format!("{file}:6:11: `other.least`: at most 0"));
    let loaded = of(&[("other.most", "9")]).expect("7 < 9");
    assert_eq!(loaded.other, Some(Bounds { least: 7, most: 9 }));
    assert_eq!(
        of(&[("one.least", "5"), ("other.most", "9")]).expect_err("5 > 2"),
        "command line: `one.least`: at most 2"
    );
}
