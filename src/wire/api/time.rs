//! A point in time on the wire: RFC 3339 in UTC, to the microsecond where there is one.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error};
use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::kernel::Timestamp;

/// A point in time, as RFC 3339 text: `2026-01-31T12:00:00Z`. Any offset is read; UTC is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, utoipa::ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub struct Time(pub Timestamp);

impl Time {
    /// Reads RFC 3339 text.
    pub fn parse(text: &str) -> Option<Self> {
        let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        let micros = i64::try_from(at.unix_timestamp_nanos().div_euclid(1000)).ok()?;
        Some(Self(Timestamp::from_micros(micros)))
    }
}

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = self.0.micros().rem_euclid(1_000_000);
        let whole = self.0.to_string();
        match (fraction, whole.strip_suffix('Z')) {
            (1.., Some(date)) => write!(f, "{date}.{fraction:06}Z"),
            _ => f.write_str(&whole),
        }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            D::Error::custom(format!("`{shown}` is no time of the form `2026-01-31T12:00:00Z`"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_with_any_offset_and_written_in_utc() {
        let table = [
            ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
            ("2026-01-31T13:30:00+01:30", "2026-01-31T12:00:00Z"),
            ("2026-01-31T12:00:00.25Z", "2026-01-31T12:00:00.250000Z"),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500000Z"),
        ];
        for (given, written) in table {
            let time = Time::parse(given).expect(given);
            assert_eq!(time.to_string(), written);
            assert_eq!(Time::parse(written), Some(time));
        }
    }

    #[test]
    fn what_is_no_rfc_3339_time_is_refused() {
        for bad in ["", "2026-01-31", "2026-01-31T12:00:00", "1767182400", "2026-13-01T00:00:00Z"] {
            assert_eq!(Time::parse(bad), None, "{bad}");
            assert!(serde_json::from_str::<Time>(&format!("\"{bad}\"")).is_err());
        }
    }
}
