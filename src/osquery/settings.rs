//! Settings of osquery.

use serde::Deserialize;

use crate::settings::section;

section! {
    /// `[osquery]`: machines that report through an osquery on them.
    #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Settings {
        /// Enrolments a second that one address may try in the long run, and ten times as many at once; 0: no limit.
        pub enrolments_per_second: u32,
        /// How many a second of one address are told that their key is not known, so that they enrol again, and ten times as many
        /// at once; the others are told to come again later. 0: no limit.
        pub unknown_per_second: u32,
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { enrolments_per_second: 10, unknown_per_second: 10 }
    }
}
