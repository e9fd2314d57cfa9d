//! Whether the distribution still gives out security updates for this release.

use time::Date;

use super::kernel_age::dashed;
use super::{Root, Seen, Signal, Unknown, unknown};
use crate::kernel::Timestamp;

#[derive(Debug)]
pub(super) struct OsSupported;

impl Signal for OsSupported {
    fn name(&self) -> &'static str {
        "os_supported"
    }

    fn source(&self) -> &'static str {
        "/etc/os-release"
    }

    fn look(&self, root: &Root, now: Timestamp) -> Result<Seen, Unknown> {
        let text = root.need("/etc/os-release")?;
        let word = |key| field(&text, key).unwrap_or_default();
        let name = field(&text, "PRETTY_NAME").unwrap_or("this system");
        judge((word("ID"), word("VERSION_ID")), name, field(&text, "SUPPORT_END"), now)
    }
}

/// A distribution and its release, what people call it, and until when it says itself that it gets updates.
pub fn judge(
    (id, release): (&str, &str),
    name: &str,
    said: Option<&str>,
    now: Timestamp,
) -> Result<Seen, Unknown> {
    let table = || {
        let known = ENDS.iter().find(|(own, of, _)| id == *own && release == *of);
        known.map(|(_, _, end)| *end)
    };
    let Some(end) = said.or_else(table).and_then(dashed) else {
        return unknown(format!("nobody says how long {name} gets updates"));
    };
    let words = format!("{name} gets updates until {end}");
    if now < end_of(end) { Seen::good(words) } else { Seen::bad(words) }
}

/// A field of an os-release file, without quotes (os-release(5)).
pub(super) fn field<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
    Some(value.trim().trim_matches(['"', '\'']))
}

fn end_of(day: Date) -> Timestamp {
    let next = day.next_day().unwrap_or(day);
    Timestamp::from_seconds(next.midnight().assume_utc().unix_timestamp())
}

/// Releases that do not say it themselves (`SUPPORT_END`), and the last day that their makers have announced: long-term
/// support for Debian, standard support for Ubuntu, where only the month is known its first day.
const ENDS: [(&str, &str, &str); 8] = [
    ("debian", "10", "2024-06-30"),
    ("debian", "11", "2026-08-31"),
    ("debian", "12", "2028-06-30"),
    ("debian", "13", "2030-06-30"),
    ("ubuntu", "18.04", "2023-05-31"),
    ("ubuntu", "20.04", "2025-05-31"),
    ("ubuntu", "22.04", "2027-04-01"),
    ("ubuntu", "24.04", "2029-04-01"),
];
