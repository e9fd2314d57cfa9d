//! Which file may name which crate: a technology has one home.

use super::Finding;
use super::house::{House, Page};

/// Places are below `src/`: a folder (`db/`), a name in any slice (`*/http.rs`), or a beginning.
type Places = &'static [&'static str];

pub(super) fn database_drivers(house: &House) -> Vec<Finding> {
    ban(house, &["rusqlite", "sqlx"], &["db/"])
}

pub(super) fn policy_engine(house: &House) -> Vec<Finding> {
    ban(house, &["cedar_policy", "cedar_policy_core"], &["access/"])
}

pub(super) fn web_framework(house: &House) -> Vec<Finding> {
    // tonic's services are an axum router once they are served by our own accept loop; the agent
    // serves its own.
    let places = &[
        "http/",
        "*/http.rs",
        "*/http/",
        "grpc/",
        "telemetry/http",
        "agent/",
        "server/",
        "testkit/",
    ];
    ban(house, &["axum"], places)
}

pub(super) fn grpc_framework(house: &House) -> Vec<Finding> {
    // `status.rs` maps a slice's errors to a protocol's codes; `cli/workload…` is a client of the
    // Workload API, which has no other form than gRPC.
    let places = &[
        "grpc/",
        "*/grpc.rs",
        "*/grpc/",
        "*/status.rs",
        "agent/",
        "server/",
        "testkit/",
        "cli/workload",
    ];
    ban(house, &["tonic", "tonic_health", "tonic_reflection", "weft_proto"], places)
}

pub(super) fn cryptography(house: &House) -> Vec<Finding> {
    // `env.rs` holds the port to the operating system's random generator.
    ban(house, &["rcgen", "x509_parser", "aws_lc_rs"], &["crypto/", "env.rs"])
}

/// Wire, domain and row are three types, and derives are what costs build time.
pub(super) fn serde_derives(house: &House) -> Vec<Finding> {
    // `crypto/jose` reads token headers, whose members the standard fixes.
    let places = &[
        "wire/",
        "settings/",
        "*/settings.rs",
        "http/",
        "*/http.rs",
        "*/http/",
        "cli/",
        "crypto/jose",
    ];
    let mut found = Vec::new();
    for page in outside(house, places) {
        for (at, _) in page.code.match_indices("derive(") {
            let list =
                page.code.get(at..).and_then(|rest| rest.split(')').next()).unwrap_or_default();
            if list.contains("Serialize") || list.contains("Deserialize") {
                found.push(page.at(
                    line_of(&page.code, at),
                    "serde is derived on wire and settings types only",
                ));
            }
        }
    }
    found
}

pub(super) fn unchecked_sql(house: &House) -> Vec<Finding> {
    let mut found = Vec::new();
    for page in house.sources().filter(|page| !page.place().starts_with("db/")) {
        for (at, _) in page.code.match_indices("AssertSqlSafe") {
            found.push(page.at(line_of(&page.code, at), "`AssertSqlSafe` lives in `db/` only"));
        }
    }
    found
}

pub(super) fn sql_text(house: &House) -> Vec<Finding> {
    const PAIRS: [(&str, &str); 4] =
        [("SELECT ", "FROM "), ("INSERT INTO ", ""), ("UPDATE ", "SET "), ("DELETE FROM ", "")];
    let mut found = Vec::new();
    for page in outside(house, &["db/", "*/store.rs"]) {
        for (line, literal) in &page.literals {
            let flat = literal.split_whitespace().collect::<Vec<_>>().join(" ");
            let in_order = |(first, then): &(&str, &str)| {
                flat.split_once(first).is_some_and(|(_, rest)| rest.contains(then))
            };
            if PAIRS.iter().any(in_order) {
                found.push(page.at(*line, "SQL lives in `store.rs` and `db/`"));
            }
        }
    }
    found
}

/// Findings for each place outside `places` that names one of `crates` as the head of a path.
fn ban(house: &House, crates: &[&str], places: Places) -> Vec<Finding> {
    let mut found = Vec::new();
    for page in outside(house, places) {
        for name in crates {
            for (at, _) in page.code.match_indices(name) {
                if is_head(&page.code, at, name) {
                    let what = format!("`{name}` is named in {} only", places.join(", "));
                    found.push(page.at(line_of(&page.code, at), what));
                }
            }
        }
    }
    found
}

fn outside(house: &House, places: Places) -> impl Iterator<Item = &Page> {
    let inside = |place: &str| {
        places.iter().any(|allowed| match allowed.strip_prefix('*') {
            Some(folder) if folder.ends_with('/') => place.contains(folder),
            Some(ending) => place.ends_with(ending),
            None => place.starts_with(allowed),
        })
    };
    house.sources().filter(move |page| !page.is_test() && !inside(page.place()))
}

/// `name::…`, `use name;` or `use name as …`, not `other::name` and not `name_too`.
fn is_head(code: &str, at: usize, name: &str) -> bool {
    let before = code.get(..at).unwrap_or_default();
    let after = code.get(at + name.len()..).unwrap_or_default();
    let joined = before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
        && !before.ends_with(" ::");
    let used =
        before.trim_end().ends_with("use") && (after.starts_with(';') || after.starts_with(" as "));
    !joined && (after.starts_with("::") || used)
}

fn line_of(code: &str, at: usize) -> usize {
    code.get(..at).unwrap_or_default().matches('\n').count() + 1
}
