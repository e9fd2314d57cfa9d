//! Security updates that wait: what dpkg has installed beside what apt's lists of security updates offer.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::debian_version::compare;
use super::{Root, Seen, Signal, Unknown, unknown};
use crate::kernel::{Lifetime, Timestamp};

#[derive(Debug)]
pub(super) struct SecurityUpdates;

impl Signal for SecurityUpdates {
    fn name(&self) -> &'static str {
        "security_updates"
    }

    fn source(&self) -> &'static str {
        "/var/lib/dpkg/status, /var/lib/apt/lists"
    }

    fn look(&self, root: &Root, now: Timestamp) -> Result<Seen, Unknown> {
        let Some(status) = root.text_up_to("/var/lib/dpkg/status", STATUS_BYTES_MAX)? else {
            return unknown("no packages of Debian's kind; others are not read yet");
        };
        let installed = installed(&status);
        let names = root.names(LISTS)?.unwrap_or_default();
        let mut lists = names
            .iter()
            .filter(|name| name.contains("security") && name.contains("_Packages"))
            .peekable();
        if lists.peek().is_none() {
            return unknown("there is no list of security updates: `apt update` fetches one");
        }
        // Their own times are the publisher's; the directory changes when apt takes new ones.
        let age = root.changed(LISTS)?.map_or(Lifetime::MAX, |at| now.since(at));
        if age > LISTS_AGE_MAX {
            return unknown(format!(
                "the lists of packages are {age} old: `apt update` fetches new ones"
            ));
        }
        let mut waiting = BTreeSet::new();
        for name in lists {
            if !name.ends_with("_Packages") {
                return unknown(format!("`{LISTS}/{name}` is compressed"));
            }
            let path = format!("{LISTS}/{name}");
            let text = root.text_up_to(&path, LIST_BYTES_MAX)?.unwrap_or_default();
            waiting.extend(
                stanzas(&text)
                    .filter(|offer| newer(offer, &installed))
                    .map(|offer| offer.name.to_owned()),
            );
        }
        let names: Vec<&str> = waiting.iter().map(String::as_str).take(NAMES_SHOWN).collect();
        let words = format!("{} wait: {}", waiting.len(), names.join(", "));
        match waiting.len() {
            0 => Seen::good("none waits"),
            1..=FEW => Seen::partly(5_000, words),
            _ => Seen::bad(words),
        }
    }
}

/// A package in a list.
#[derive(Default)]
struct Package<'t> {
    name: &'t str,
    version: &'t str,
    architecture: &'t str,
    installed: bool,
}

/// Name and architecture, and the version.
type Installed<'t> = BTreeMap<(&'t str, &'t str), &'t str>;

fn installed(status: &str) -> Installed<'_> {
    let there = stanzas(status).filter(|package| package.installed);
    there.map(|package| ((package.name, package.architecture), package.version)).collect()
}

fn newer(offer: &Package<'_>, installed: &Installed<'_>) -> bool {
    let mine = installed.get(&(offer.name, offer.architecture));
    mine.is_some_and(|mine| compare(offer.version, mine) == Ordering::Greater)
}

fn stanzas(text: &str) -> impl Iterator<Item = Package<'_>> {
    text.split("\n\n").map(|stanza| {
        let mut package = Package::default();
        for line in stanza.lines() {
            match line.split_once(": ") {
                Some(("Package", name)) => package.name = name,
                Some(("Version", version)) => package.version = version,
                Some(("Architecture", architecture)) => package.architecture = architecture,
                Some(("Status", status)) => package.installed = status.ends_with(" installed"),
                _ => {}
            }
        }
        package
    })
}

const LISTS: &str = "/var/lib/apt/lists";
/// 10,000 packages have some 10 MB.
const STATUS_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// The security updates of one release have some 6 MB.
const LIST_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// A list older than that knows nothing of this week's updates.
const LISTS_AGE_MAX: Lifetime = Lifetime::days(7);
/// As many as come in on an ordinary day.
const FEW: usize = 5;
const NAMES_SHOWN: usize = 5;
