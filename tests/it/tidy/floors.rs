//! Five floors, calls go down only; on floor 3 a slice calls those before it.

use super::Finding;
use super::house::{House, Page};

/// The house from the ground up. On floor 3 the order counts: a slice may name those before it.
const FLOORS: [&[&str]; 5] = [
    &["kernel"],
    &["crypto", "wire"],
    &["env", "db", "http", "grpc", "jobs", "machine", "outbound", "settings", "telemetry"],
    &[
        "events",
        "access",
        "realms",
        "audit", // rights
        "authority",
        "bundles",
        "svid", // keys
        "devices",
        "containment",
        "posture",
        "osquery",
        "services",
        "risk", // devices
        "accounts",
        "upstreams",
        "sessions",
        "signin", // people
        "nodes",
        "workloads", // workloads
        "oauth",
        "enforcement",
        "shared_signals",
        "undelivered", // protocols
        "account",
        "admin", // face
    ],
    &["server", "agent", "cli", "testkit"],
];

/// Who may look up, at what, and why.
const EXCEPTIONS: &[(&str, &str)] = &[
    // Typed digests are vocabulary; the function that makes one is a mechanism.
    ("kernel", "crypto::digest"),
    // The ports for time and chance are vocabulary too; they stand beside their real adapters.
    ("crypto", "env::Clock"),
    ("crypto", "env::Entropy"),
];

/// A module's floor and its place there.
fn stands(module: &str) -> Option<(usize, usize)> {
    let place = |rooms: &&[&str]| rooms.iter().position(|room| *room == module);
    FLOORS.iter().enumerate().find_map(|(floor, rooms)| Some((floor, place(rooms)?)))
}

/// Every module that has a place.
pub(super) fn modules() -> impl Iterator<Item = &'static str> {
    FLOORS.iter().flat_map(|rooms| rooms.iter().copied())
}

pub(super) fn calls_go_down_only(house: &House) -> Vec<Finding> {
    each_call(house, |from, to| {
        let ((mine, _), (theirs, _)) = (stands(from)?, stands(to)?);
        let up = theirs > mine || (theirs == 4 && mine == 4 && from != "testkit");
        up.then(|| format!("`{from}` (floor {mine}) names `{to}` (floor {theirs}): calls go down"))
    })
}

pub(super) fn slices_call_those_before_them(house: &House) -> Vec<Finding> {
    each_call(house, |from, to| {
        let ((mine, my_place), (theirs, their_place)) = (stands(from)?, stands(to)?);
        let back = mine == 3 && theirs == 3 && their_place > my_place;
        back.then(|| format!("`{from}` names `{to}`, which stands after it in the order of slices"))
    })
}

pub(super) fn clients_speak_over_the_wire(house: &House) -> Vec<Finding> {
    each_call(house, |from, to| {
        let inside = matches!(from, "agent" | "cli") && stands(to)?.0 == 3;
        inside
            .then(|| format!("`{from}` names the slice `{to}`: it speaks to it over the wire only"))
    })
}

pub(super) fn every_module_is_on_the_map(house: &House) -> Vec<Finding> {
    let map = house.page("ARCHITECTURE.md").map_or("", |page| &page.text);
    let mut found = Vec::new();
    for page in house.sources() {
        let Some(module) = page.module() else { continue };
        let own = format!("{module}.rs");
        if page.place() != own && page.place() != format!("{module}/mod.rs") {
            continue;
        }
        if stands(module).is_none() {
            found.push(page.at(1, format!("`{module}` has no floor: give it one in tidy")));
        }
        let names = [format!("{module}/"), own];
        if !names.iter().any(|name| has_word(map, name)) {
            found.push(page.at(1, format!("`{module}` has no line in ARCHITECTURE.md")));
        }
    }
    found
}

fn has_word(text: &str, word: &str) -> bool {
    let begins = |at: usize| {
        let before = text.get(..at).and_then(|head| head.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '/')
    };
    text.match_indices(word).any(|(at, _)| begins(at))
}

/// Asks `judge(from, to)` about each module of ours that a source names.
fn each_call(house: &House, judge: impl Fn(&str, &str) -> Option<String>) -> Vec<Finding> {
    let mut found = Vec::new();
    for page in house.sources().filter(|page| !page.is_test()) {
        let Some(from) = page.module() else { continue };
        for (line, path) in paths(page) {
            let to = path.split("::").next().unwrap_or_default();
            let known = |(who, what): &(&str, &str)| *who == from && path.starts_with(what);
            if to == from || EXCEPTIONS.iter().any(known) {
                continue;
            }
            found.extend(judge(from, to).map(|what| page.at(line, what)));
            found.dedup();
        }
    }
    found
}

/// The paths a page names from the root of the crate, by `crate::` or by enough `super::`.
fn paths(page: &Page) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let up = "super::".repeat(depth(page));
    for start in ["crate::", up.as_str()] {
        for (at, _) in page.code.match_indices(start).filter(|_| !start.is_empty()) {
            let (before, after) = (page.code.get(..at), page.code.get(at + start.len()..));
            let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
            if before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let line = before.matches('\n').count() + 1;
            found.extend(heads("", after).into_iter().map(|path| (line, path)));
        }
    }
    found
}

/// How many modules a page is below the root.
fn depth(page: &Page) -> usize {
    let parts = page.place().split('/').count();
    if page.place().ends_with("/mod.rs") { parts - 1 } else { parts }
}

/// The paths that begin here: one, or those of a group in braces, also inside a path.
fn heads(prefix: &str, after: &str) -> Vec<String> {
    let Some(group) = after.strip_prefix('{') else {
        let path = format!("{prefix}{}", word(after));
        let rest = after.get(path.len() - prefix.len()..).unwrap_or_default();
        let group = path.ends_with("::") && rest.starts_with('{');
        return if group { heads(&path, rest) } else { vec![path] };
    };
    let (mut depth, mut found, mut fresh) = (1, Vec::new(), true);
    for (at, c) in group.char_indices() {
        if fresh && !c.is_whitespace() && c != '}' {
            fresh = false;
            found.extend(heads(prefix, group.get(at..).unwrap_or_default()));
        }
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => fresh = true,
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    found
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':')).collect()
}
