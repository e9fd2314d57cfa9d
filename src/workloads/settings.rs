//! Settings of entries and of the push stream to agents.

use serde::Deserialize;

use crate::kernel::Lifetime;
use crate::settings::section;

section! {
    /// Section `[workloads]`.
    #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Settings {
        /// How long an X.509-SVID lives whose entry says nothing, in seconds.
        pub x509_svid_seconds: u32,
        /// How long a JWT-SVID lives whose entry says nothing, in seconds. Short: a token works without its key.
        pub jwt_svid_seconds: u32,
        /// Changes due within this many milliseconds reach an agent as one update. At most 10.
        pub push_coalesce_milliseconds: u32,
        /// So many changed entries of a realm are remembered, so that an agent that was away for a moment gets what changed
        /// and not everything. Each costs some 200 bytes.
        pub push_remembered_changes: usize,
        /// An agent with more unsent changes than this gets a snapshot instead: the bound of what waits for one agent.
        pub push_waiting_changes_max: usize,
        /// Seconds between two looks for expired entries, which are then deleted. They give no identity from the very
        /// second of their expiry on, whatever is said here.
        pub expired_entries_look_seconds: u32,
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            x509_svid_seconds: 3600,
            jwt_svid_seconds: 300,
            push_coalesce_milliseconds: 5,
            push_remembered_changes: 20_000,
            push_waiting_changes_max: 1_000,
            expired_entries_look_seconds: 30,
        }
    }
}

impl Settings {
    pub(super) fn x509_lifetime(&self) -> Lifetime {
        Lifetime::seconds(self.x509_svid_seconds.into())
    }

    pub(super) fn jwt_lifetime(&self) -> Lifetime {
        Lifetime::seconds(self.jwt_svid_seconds.into())
    }

    pub(super) fn coalesce(&self) -> Lifetime {
        Lifetime::millis(self.push_coalesce_milliseconds.min(10).into())
    }
}
