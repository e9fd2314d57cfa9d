//! Settings of devices.

use serde::Deserialize;

use crate::settings::section;
use crate::wire::device_proof::PORT;

section! {
    /// `[devices]`: for how long a device is known.
    #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Settings {
        /// Life of a device's SVID, in seconds. A device that was off for longer has to enrol again.
        pub svid_seconds: i64,
        /// Days after which a device that renews by possession must enrol again.
        pub max_age_days: i64,
        /// Enrolments a second that one address may try in the long run, and ten times as many at once; 0: no limit.
        pub enrolments_per_second: u32,
        /// Devices that a person may have enrolled by signing in (`weft device enroll`); 0: devices enrol by token alone.
        pub per_person: u32,
        /// Whether such a device waits until an administrator approves it.
        pub approval: bool,
        /// Whether a device is contained, until an administrator releases it, when an SVID is shown that it has replaced: its key
        /// may be in two hands, and which of them is the thief's cannot be told.
        pub contain_clones: bool,
        /// Where `weft device run` answers browsers on its machine (`--loopback-port`), so that a sign-in can be bound to the
        /// device; 0: sign-ins do not ask.
        pub loopback_port: u16,
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            svid_seconds: 86_400,
            max_age_days: 365,
            enrolments_per_second: 10,
            per_person: 5,
            approval: false,
            contain_clones: true,
            loopback_port: PORT,
        }
    }
}
