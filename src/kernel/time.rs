//! Points in time and spans of time, in microseconds; neither knows a clock.

use std::fmt;
use std::time::Duration;

/// Microseconds since the Unix epoch, UTC. Saturates at the ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

/// A span of time in microseconds, never negative. Saturates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lifetime(i64);

const SECOND: i64 = 1_000_000;

impl Timestamp {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);
    /// Later than everything.
    pub const FOREVER: Self = Self(i64::MAX);

    /// From microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From whole seconds since the epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(SECOND))
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down: what certificates and tokens carry.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(SECOND)
    }

    /// This much later.
    #[must_use]
    pub const fn plus(self, span: Lifetime) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// This much earlier.
    #[must_use]
    pub const fn minus(self, span: Lifetime) -> Self {
        Self(self.0.saturating_sub(span.0))
    }

    /// The span from `earlier` to here; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Lifetime {
        let span = self.0.saturating_sub(earlier.0);
        Lifetime(if span < 0 { 0 } else { span })
    }

    /// Rounded down to a whole second, as certificates and tokens can only say seconds.
    #[must_use]
    pub const fn whole_second(self) -> Self {
        Self::from_seconds(self.seconds())
    }
}

impl Lifetime {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// Longer than everything.
    pub const MAX: Self = Self(i64::MAX);

    /// From microseconds; a negative number is zero.
    pub const fn micros(micros: i64) -> Self {
        Self(if micros < 0 { 0 } else { micros })
    }

    /// From milliseconds.
    pub const fn millis(millis: i64) -> Self {
        Self::micros(millis.saturating_mul(1000))
    }

    /// From seconds.
    pub const fn seconds(seconds: i64) -> Self {
        Self::micros(seconds.saturating_mul(SECOND))
    }

    /// From minutes.
    pub const fn minutes(minutes: i64) -> Self {
        Self::seconds(minutes.saturating_mul(60))
    }

    /// From hours.
    pub const fn hours(hours: i64) -> Self {
        Self::minutes(hours.saturating_mul(60))
    }

    /// From days.
    pub const fn days(days: i64) -> Self {
        Self::hours(days.saturating_mul(24))
    }

    /// Microseconds.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds, rounded down.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(SECOND)
    }

    /// The shorter of the two.
    #[must_use]
    pub const fn capped_by(self, other: Self) -> Self {
        if other.0 < self.0 { other } else { self }
    }

    /// The `parts`-th part; `parts` of zero counts as one.
    #[must_use]
    pub const fn divided_by(self, parts: i64) -> Self {
        Self::micros(self.0.div_euclid(if parts < 1 { 1 } else { parts }))
    }

    /// This many times the span.
    #[must_use]
    pub const fn times(self, factor: i64) -> Self {
        Self::micros(self.0.saturating_mul(factor))
    }

    /// True for no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// As the standard library's duration.
    pub fn to_std(self) -> Duration {
        Duration::from_micros(self.0.unsigned_abs())
    }

    /// From the standard library's duration; saturates.
    pub fn from_std(duration: Duration) -> Self {
        Self(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, whole seconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match time::OffsetDateTime::from_unix_timestamp(self.seconds()) {
            Ok(at) => write!(
                f,
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
                at.year(),
                u8::from(at.month()),
                at.day(),
                at.hour(),
                at.minute(),
                at.second()
            ),
            Err(_) => f.write_str(if self.0 < 0 { "distant past" } else { "never" }),
        }
    }
}

impl fmt::Display for Lifetime {
    /// The largest two units that are not zero: `1 h 30 min`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.as_seconds();
        let units = [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)];
        let mut rest = total;
        let mut parts = Vec::new();
        for (name, size) in units {
            if rest >= size && parts.len() < 2 {
                parts.push(format!("{} {name}", rest / size));
                rest %= size;
            }
        }
        if parts.is_empty() {
            write!(f, "{} ms", self.0 / 1000)
        } else {
            f.write_str(&parts.join(" "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_as_people_read_them() {
        assert_eq!(Timestamp::from_seconds(1_700_000_000).to_string(), "2023-11-14T22:13:20Z");
        assert_eq!(Lifetime::minutes(90).to_string(), "1 h 30 min");
        assert_eq!(Lifetime::millis(250).to_string(), "250 ms");
    }

    #[test]
    fn arithmetic_saturates_instead_of_wrapping() {
        assert_eq!(Timestamp::FOREVER.plus(Lifetime::days(1)), Timestamp::FOREVER);
        assert_eq!(Timestamp::EPOCH.since(Timestamp::FOREVER), Lifetime::ZERO);
        assert_eq!(Lifetime::MAX.times(2), Lifetime::MAX);
        assert_eq!(Timestamp::from_micros(-1).seconds(), -1);
    }
}
