//! How old the kernel is that runs, by the date it was built on.

use time::{Date, Month};

use super::{Root, Seen, Signal, Unknown};
use crate::kernel::{Lifetime, Timestamp};

#[derive(Debug)]
pub(super) struct KernelAge;

impl Signal for KernelAge {
    fn name(&self) -> &'static str {
        "kernel_age"
    }

    fn source(&self) -> &'static str {
        "/proc/version"
    }

    fn look(&self, root: &Root, now: Timestamp) -> Result<Seen, Unknown> {
        let version = root.need("/proc/version")?;
        let built = built(&version).ok_or_else(|| {
            Unknown("`/proc/version` does not say when the kernel was built".to_owned())
        })?;
        judge(Timestamp::from_seconds(built.midnight().assume_utc().unix_timestamp()), now)
    }
}

/// When the kernel that runs was built.
pub fn judge(built: Timestamp, now: Timestamp) -> Result<Seen, Unknown> {
    let age = now.since(built);
    let day = time::OffsetDateTime::from_unix_timestamp(built.seconds())
        .map_err(|_| Unknown("the kernel was built at no time that there is".to_owned()))?
        .date();
    let words = format!("built on {day}");
    match age {
        _ if age <= RECENT => Seen::good(words),
        _ if age <= RECENT.times(2) => Seen::partly(5_000, words),
        _ => Seen::bad(words),
    }
}

/// `… (2025-03-06)`, as Debian writes it, or the date that the build leaves: `… Thu Mar 6 12:00:00 UTC 2025`.
fn built(version: &str) -> Option<Date> {
    let words: Vec<&str> = version.split_whitespace().collect();
    let dashed = words.iter().rev().find_map(|word| dashed(word.trim_matches(['(', ')'])));
    let spoken = || match words.as_slice() {
        [.., month, day, _, _, year] => spoken(month, day, year),
        _ => None,
    };
    dashed.or_else(spoken)
}

/// `2025-03-06`.
pub(super) fn dashed(text: &str) -> Option<Date> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let lengths = (year.len(), month.len(), day.len()) == (4, 2, 2);
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    lengths.then(|| Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok())?
}

fn spoken(month: &str, day: &str, year: &str) -> Option<Date> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let at = MONTHS.iter().position(|name| *name == month)? + 1;
    let month = Month::try_from(u8::try_from(at).ok()?).ok()?;
    Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()
}

/// Distributions give out a kernel with security fixes at least every quarter.
const RECENT: Lifetime = Lifetime::days(90);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_date_is_read_in_the_forms_that_there_are() {
        let table = [
            (
                "Linux version 6.1.0-32 (x@debian) #1 SMP PREEMPT_DYNAMIC Debian 6.1.129-1 (2025-03-06)",
                Some("2025-03-06"),
            ),
            (
                "Linux version 6.8.0-60-generic #63-Ubuntu SMP Tue Apr 15 19:04:15 UTC 2025",
                Some("2025-04-15"),
            ),
            ("Linux version 6.18.44 #1 SMP PREEMPT_DYNAMIC @0", None),
            ("Linux version 6.1 #1 Tue Foo 15 19:04:15 UTC 2025", None),
            ("", None),
        ];
        for (version, date) in table {
            assert_eq!(built(version).map(|date| date.to_string()).as_deref(), date, "{version}");
        }
    }
}
