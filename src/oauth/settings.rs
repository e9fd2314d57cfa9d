//! Settings of the OpenID provider: how long what it hands out lives.

use serde::Deserialize;

use crate::kernel::Lifetime;
use crate::settings::section;

section! {
    /// `[oauth]`: how long codes, tokens and grants live. Policy (`tokens`) may cut a token's life, and never lengthens it.
    #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Settings {
        /// An authorization code is good for this many seconds: 10 to 600. Short: it goes through the browser.
        pub code_seconds: i64,
        /// An access token lives this many seconds: 60 to 3600. Whoever finds one can use it so long; a revocation is known to
        /// who asks, and a resource that does not ask trusts it so long.
        pub access_token_seconds: i64,
        /// An ID token lives this many seconds: 60 to 3600. It is looked at once, at once.
        pub id_token_seconds: i64,
        /// What outlives its session (`offline_access`) ends this many days after the person agreed: 1 to 365.
        pub refresh_token_days: i64,
    }
    fits { problem }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // FAPI 2.0 Security Profile §5.3.2.1.
            code_seconds: 60,
            access_token_seconds: 300,
            id_token_seconds: 300,
            refresh_token_days: 90,
        }
    }
}

impl Settings {
    pub(super) fn code_life(&self) -> Lifetime {
        Lifetime::seconds(self.code_seconds)
    }

    pub(super) fn access_token_life(&self) -> Lifetime {
        Lifetime::seconds(self.access_token_seconds)
    }

    pub(super) fn id_token_life(&self) -> Lifetime {
        Lifetime::seconds(self.id_token_seconds)
    }

    /// Of a grant that outlives its session.
    pub(super) fn grant_life(&self) -> Lifetime {
        Lifetime::days(self.refresh_token_days)
    }

    fn problem(&self) -> Option<(&'static str, String)> {
        let (codes, tokens) = (10..=600, 60..=3600);
        let values = [
            ("code_seconds", self.code_seconds, codes, "RFC 6749 §4.1.2"),
            ("access_token_seconds", self.access_token_seconds, tokens.clone(), "an hour at most"),
            ("id_token_seconds", self.id_token_seconds, tokens, "an hour at most"),
            ("refresh_token_days", self.refresh_token_days, 1..=DAYS_MAX, "a year at most"),
        ];
        let outside = values.into_iter().find(|(_, value, bounds, _)| !bounds.contains(value));
        outside.map(|(key, _, bounds, why)| {
            (key, format!("is {} to {} ({why})", bounds.start(), bounds.end()))
        })
    }
}

/// No grant lives longer, whatever the settings were when it was given: so a revocation need not be remembered longer.
pub(super) const GRANT_LIFE_MAX: Lifetime = Lifetime::days(DAYS_MAX);
const DAYS_MAX: i64 = 365;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_keep_their_bounds() {
        assert_eq!(Settings::default().problem(), None);
        let check = |change: fn(&mut Settings, i64), good: [i64; 2], key: &str| {
            let of = |value| {
                let mut settings = Settings::default();
                change(&mut settings, value);
                settings.problem().map(|(key, _)| key)
            };
            assert_eq!(good.map(of), [None, None], "{key}");
            assert_eq!([good[0] - 1, good[1] + 1].map(of), [Some(key), Some(key)]);
        };
        check(|settings, value| settings.code_seconds = value, [10, 600], "code_seconds");
        let tokens = [60, 3600];
        check(
            |settings, value| settings.access_token_seconds = value,
            tokens,
            "access_token_seconds",
        );
        check(|settings, value| settings.id_token_seconds = value, tokens, "id_token_seconds");
        check(
            |settings, value| settings.refresh_token_days = value,
            [1, 365],
            "refresh_token_days",
        );
    }
}
