//! Settings of node attestation.

use crate::settings::section;
use serde::Deserialize;

section! {
    /// `[node]`: who may become an agent, and for how long.
    #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Settings {
        /// Life of an agent's SVID, in seconds. Short: a stolen one is worth as much as is left of it.
        pub svid_seconds: i64,
        /// Days after which an agent that renews by possession must attest again.
        pub max_age_days: i64,
        /// PEM file with the certificate authorities whose certificates the attestor `x509pop` accepts; empty: it is off.
        pub x509pop_authorities: String,
        /// Attestations a second that one address may make in the long run, and ten times as many at once; 0: no limit.
        pub attestations_per_second: u32,
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            svid_seconds: 3600,
            max_age_days: 90,
            x509pop_authorities: String::new(),
            attestations_per_second: 10,
        }
    }
}
