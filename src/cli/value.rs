//! What people type: spans, times, ids, and how a time is shown to them.

use crate::kernel::{Lifetime, Selector, Timestamp, TrustDomain};
use crate::wire::api::Time;

/// `90`, `30s`, `5m`, `1h30m`, `7d`: whole seconds.
pub(super) fn span(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{text}` is no span of the form `30s`, `5m`, `1h30m` or `7d`");
    if let Ok(seconds) = text.parse::<i64>() {
        return if seconds >= 0 { Ok(seconds) } else { Err(wrong()) };
    }
    let (mut total, mut number) = (0_i64, String::new());
    for character in text.chars() {
        if character.is_ascii_digit() {
            number.push(character);
            continue;
        }
        let unit = match character {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return Err(wrong()),
        };
        let count: i64 = number.parse().map_err(|_| wrong())?;
        number.clear();
        let seconds = count.checked_mul(unit).ok_or_else(wrong)?;
        total = total.checked_add(seconds).ok_or_else(wrong)?;
    }
    if text.is_empty() || !number.is_empty() { Err(wrong()) } else { Ok(total) }
}

/// A point in time, or a span from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    At(Time),
    /// Whole seconds.
    Span(i64),
}

impl When {
    /// `2026-01-31T12:00:00Z`, or a span.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(time) = Time::parse(text) {
            return Ok(Self::At(time));
        }
        let bare = text.strip_prefix(['+', '-']).unwrap_or(text);
        let wrong = |_| {
            format!("`{text}` is neither a time like `2026-01-31T12:00:00Z` nor a span like `2h`")
        };
        span(bare).map(Self::Span).map_err(wrong)
    }

    /// So much later than now.
    pub(super) fn ahead(self, now: Timestamp) -> Time {
        match self {
            Self::At(time) => time,
            Self::Span(seconds) => Time(now.whole_second().plus(Lifetime::seconds(seconds))),
        }
    }

    /// So much earlier than now.
    pub(super) fn ago(self, now: Timestamp) -> Time {
        match self {
            Self::At(time) => time,
            Self::Span(seconds) => Time(now.whole_second().minus(Lifetime::seconds(seconds))),
        }
    }
}

/// `key=value`.
pub(super) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.to_owned()))
        }
        _ => Err("a setting has the form `section.key=value`".to_owned()),
    }
}

/// A selector, `type:value`.
pub(super) fn selector(text: &str) -> Result<String, String> {
    Selector::parse(text).map(|selector| selector.to_string()).map_err(|error| error.to_string())
}

/// A trust domain; `spiffe://` before it is forgiven.
pub(super) fn trust_domain(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix("spiffe://").unwrap_or(text);
    TrustDomain::parse(bare).map(|name| name.to_string()).map_err(|error| error.to_string())
}

/// A SPIFFE ID, or a path in the realm's own trust domain.
pub(super) fn id_or_path(text: &str) -> Result<String, String> {
    let whole = if text.starts_with('/') { format!("spiffe://x{text}") } else { text.to_owned() };
    crate::kernel::SpiffeId::parse(&whole)
        .map_err(|error| format!("{error}, or is a path like `/web`"))?;
    Ok(text.to_owned())
}

/// How far away: `in 59 min`, `3 h ago`. A second that has begun counts, so that an hour just granted is an hour.
pub(super) fn distance(time: Time, now: Timestamp) -> String {
    let whole = |span: Lifetime| {
        let seconds = span.as_seconds();
        if Lifetime::seconds(seconds) < span { seconds.saturating_add(1) } else { seconds }
    };
    if time.0 >= now {
        format!("in {}", largest_unit(whole(time.0.since(now))))
    } else {
        format!("{} ago", largest_unit(now.since(time.0).as_seconds()))
    }
}

/// The time, and how far away: for one thing shown whole.
pub(super) fn moment(time: Time, now: Timestamp) -> String {
    format!("{} ({})", time.0, distance(time, now))
}

/// Whether a token of which so many uses are gone, of so many, can still be used; the word for its column.
pub(super) fn token_state(
    revoked: bool,
    (uses, most): (i64, i64),
    ends: Time,
    now: Timestamp,
) -> &'static str {
    if revoked {
        "revoked"
    } else if uses >= most {
        "used up"
    } else if ends.0 <= now {
        "expired"
    } else {
        "open"
    }
}

/// A number of seconds in its largest whole unit.
pub(super) fn largest_unit(seconds: i64) -> String {
    let units = [("d", 86_400), ("h", 3600), ("min", 60)];
    match units.into_iter().find(|(_, size)| seconds >= *size) {
        Some((name, size)) => format!("{} {name}", seconds.div_euclid(size)),
        None => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_what_people_write() {
        let table =
            [("0", 0), ("90", 90), ("30s", 30), ("5m", 300), ("1h30m", 5400), ("7d", 604_800)];
        for (text, seconds) in table {
            assert_eq!(span(text), Ok(seconds), "{text}");
        }
        for bad in
            ["", "h", "1x", "-5", "5m3", "1.5h", "99999999999999999999d", "9999999999999999d"]
        {
            assert!(span(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_may_be_said_as_a_span() {
        let now = Timestamp::from_seconds(1_000_000);
        let span = When::parse("1h").expect("a span");
        assert_eq!(span.ahead(now), Time(Timestamp::from_seconds(1_003_600)));
        assert_eq!(span.ago(now), Time(Timestamp::from_seconds(996_400)));
        let exact = When::parse("2026-01-31T12:00:00Z").expect("a time");
        assert_eq!(exact.ahead(now), exact.ago(now));
        assert!(When::parse("tomorrow").is_err());
    }

    #[test]
    fn a_distance_is_one_number() {
        let now = Timestamp::from_seconds(1_000_000);
        let at = |seconds: i64| Time(Timestamp::from_seconds(1_000_000 + seconds));
        assert_eq!(distance(at(3599), now), "in 59 min");
        assert_eq!(distance(at(0), now), "in 0 s");
        let moment_later = Timestamp::from_micros(now.micros() + 7);
        assert_eq!(distance(at(3600), moment_later), "in 1 h");
        assert_eq!(distance(at(-90_000), now), "1 d ago");
    }

    #[test]
    fn an_id_is_whole_or_a_path() {
        assert!(id_or_path("/web/1").is_ok());
        assert!(id_or_path("spiffe://a.example/web").is_ok());
        for bad in ["web", "/a//b", "spiffe://A/web", "https://a/web"] {
            assert!(id_or_path(bad).is_err(), "{bad}");
        }
    }
}
