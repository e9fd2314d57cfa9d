//! Times as people say them.

use super::look::Look;
use crate::kernel::Timestamp;

impl Look {
    /// How long ago that was: `3 minutes ago`. The server does not know its reader's time zone, so it says no hour.
    pub fn ago(&self, then: Timestamp, now: Timestamp) -> String {
        let seconds = now.since(then).as_seconds();
        match seconds {
            ..60 => self.say("ago-now"),
            60..3600 => self.say1("ago-minutes", "n", seconds / 60),
            3600..86_400 => self.say1("ago-hours", "n", seconds / 3600),
            _ => self.say1("ago-days", "n", seconds / 86_400),
        }
    }

    /// How long something lasts: `1 hour`.
    pub fn lasting(&self, span: crate::kernel::Lifetime) -> String {
        let seconds = span.as_seconds();
        match seconds {
            ..3600 => self.say1("lasting-minutes", "n", (seconds / 60).max(1)),
            3600..86_400 => self.say1("lasting-hours", "n", seconds / 3600),
            _ => self.say1("lasting-days", "n", seconds / 86_400),
        }
    }

    /// The moment in full, in UTC: for whoever wants to know exactly, and for `datetime`.
    pub fn exactly(&self, then: Timestamp) -> String {
        let moment = time::OffsetDateTime::from_unix_timestamp(then.seconds());
        let form =
            time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
        moment.ok().and_then(|moment| moment.format(&form).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use http::{Extensions, HeaderMap, Uri};

    use super::super::look::Language;
    use super::*;
    use crate::kernel::Lifetime;

    #[test]
    fn times_are_said_in_the_readers_language() {
        let english = Look::of(&HeaderMap::new(), &Extensions::new(), &Uri::from_static("/"));
        let german = english.clone().speaking(Language::German);
        let now = Timestamp::from_seconds(1_000_000);
        let plain = |text: String| text.replace(['\u{2068}', '\u{2069}'], "");
        let ago = |look: &Look, span| plain(look.ago(now.minus(span), now));
        assert_eq!(ago(&english, Lifetime::seconds(3)), "just now");
        assert_eq!(ago(&english, Lifetime::minutes(1)), "1 minute ago");
        assert_eq!(ago(&german, Lifetime::minutes(5)), "vor 5 Minuten");
        assert_eq!(ago(&german, Lifetime::days(1)), "vor 1 Tag");
        assert_eq!(plain(english.lasting(Lifetime::hours(1))), "1 hour");
        assert_eq!(english.exactly(now), "1970-01-12T13:46:40Z");
    }
}
