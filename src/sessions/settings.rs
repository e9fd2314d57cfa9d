//! Settings of sessions: how long one lives, by how sure the sign-in was.

use serde::Deserialize;

use crate::kernel::{Assurance, Lifetime};
use crate::settings::section;

section! {
    /// `[sessions]`: how long a browser stays signed in. The longest that NIST SP 800-63B-4 §2 recommends for each level is
    /// the default and the most that is accepted.
    #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Settings {
        /// A session of one factor ends after this many seconds.
        pub aal1_seconds: i64,
        /// A session of one factor ends when it was not used for this many seconds.
        pub aal1_idle_seconds: i64,
        /// A session of two factors ends after this many seconds.
        pub aal2_seconds: i64,
        /// A session of two factors ends when it was not used for this many seconds.
        pub aal2_idle_seconds: i64,
        /// A session of a key in hardware ends after this many seconds.
        pub aal3_seconds: i64,
        /// A session of a key in hardware ends when it was not used for this many seconds.
        pub aal3_idle_seconds: i64,
    }
    fits { problem }
}

impl Default for Settings {
    fn default() -> Self {
        let seconds = |(_, most): (&str, Lifetime)| most.as_seconds();
        let [aal1, aal1_idle, aal2, aal2_idle, aal3, aal3_idle] = MOST.map(seconds);
        Self {
            aal1_seconds: aal1,
            aal1_idle_seconds: aal1_idle,
            aal2_seconds: aal2,
            aal2_idle_seconds: aal2_idle,
            aal3_seconds: aal3,
            aal3_idle_seconds: aal3_idle,
        }
    }
}

impl Settings {
    /// How long a session of this level may live at all.
    pub fn overall(&self, level: Assurance) -> Lifetime {
        Lifetime::seconds(match level {
            Assurance::Aal1 => self.aal1_seconds,
            Assurance::Aal2 => self.aal2_seconds,
            Assurance::Aal3 => self.aal3_seconds,
        })
    }

    /// How long it may live without being used.
    pub fn idle(&self, level: Assurance) -> Lifetime {
        Lifetime::seconds(match level {
            Assurance::Aal1 => self.aal1_idle_seconds,
            Assurance::Aal2 => self.aal2_idle_seconds,
            Assurance::Aal3 => self.aal3_idle_seconds,
        })
    }

    fn problem(&self) -> Option<(&'static str, String)> {
        let values = [
            self.aal1_seconds,
            self.aal1_idle_seconds,
            self.aal2_seconds,
            self.aal2_idle_seconds,
            self.aal3_seconds,
            self.aal3_idle_seconds,
        ];
        let outside = MOST
            .into_iter()
            .zip(values)
            .find(|((_, most), seconds)| !(SECONDS_MIN..=most.as_seconds()).contains(seconds));
        outside.map(|((key, most), _)| {
            (key, format!("is {SECONDS_MIN} to {} seconds ({most})", most.as_seconds()))
        })
    }
}

/// NIST SP 800-63B-4 §2.1.3, §2.2.3, §2.3.3. Level 1 has no bound of its own on idleness.
const MOST: [(&str, Lifetime); 6] = [
    ("aal1_seconds", Lifetime::days(30)),
    ("aal1_idle_seconds", Lifetime::days(30)),
    ("aal2_seconds", Lifetime::hours(24)),
    ("aal2_idle_seconds", Lifetime::hours(1)),
    ("aal3_seconds", Lifetime::hours(12)),
    ("aal3_idle_seconds", Lifetime::minutes(15)),
];
/// Use is noted to the minute: a shorter idleness would end a session that is used.
const SECONDS_MIN: i64 = 120;
