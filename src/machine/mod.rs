//! This machine: what can be seen of its posture by anybody on it, without a privilege.
//!
//! Owns: the signals of a Linux machine, each a file behind [`Signal`]; reading below a [`Root`], so that a tree of files
//! is a machine too; the rule of each, apart from the reading ([`judge`]). Does not own: what a signal counts (a model says),
//! and to whom it is told.
//! Invariants: nothing is written and nothing is run; everything that is read has a bound; what cannot be read is
//! unknown, with the reason, and never good.

mod audit_log;
mod debian_version;
mod disk_encryption;
mod endpoint_protection;
mod facts;
mod firewall;
mod kernel_age;
mod kernel_lockdown;
mod kernel_settings;
mod listening_services;
mod mandatory_access;
mod os_supported;
mod reboot_pending;
mod root;
mod screen_lock;
mod secure_boot;
mod security_updates;
mod services;
mod ssh;
#[cfg(test)]
mod tests;
mod tpm;

use std::fmt;

use crate::kernel::{BasisPoints, Timestamp};
use crate::wire::api::Time;
use crate::wire::posture::{FORMAT, Report, ReportedSignal};

pub use root::Root;

/// One thing to look at.
pub trait Signal: fmt::Debug + Sync {
    /// Its name, as models have it.
    fn name(&self) -> &'static str;
    /// Where it looks.
    fn source(&self) -> &'static str;
    /// Looks.
    fn look(&self, root: &Root, now: Timestamp) -> Result<Seen, Unknown>;
}

/// What was seen, and how good that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// How good: all of it is as it should be.
    pub value: BasisPoints,
    /// In words.
    pub words: String,
}

/// Why nothing was seen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unknown(pub String);

impl Seen {
    #[expect(clippy::unnecessary_wraps, reason = "a signal answers with it, as with `unknown`")]
    fn good(words: impl Into<String>) -> Result<Self, Unknown> {
        Ok(Self { value: BasisPoints::ONE, words: words.into() })
    }

    #[expect(clippy::unnecessary_wraps, reason = "a signal answers with it, as with `unknown`")]
    fn bad(words: impl Into<String>) -> Result<Self, Unknown> {
        Ok(Self { value: BasisPoints::ZERO, words: words.into() })
    }

    #[expect(clippy::unnecessary_wraps, reason = "a signal answers with it, as with `unknown`")]
    fn partly(value: u16, words: impl Into<String>) -> Result<Self, Unknown> {
        Ok(Self { value: BasisPoints::new(value), words: words.into() })
    }
}

fn unknown<T>(why: impl Into<String>) -> Result<T, Unknown> {
    Err(Unknown(why.into()))
}

/// The rules alone: what is made of what was seen, for whoever saw the same in another way.
pub mod judge {
    pub use super::disk_encryption::judge as disk_encryption;
    pub use super::endpoint_protection::{
        SERVICES as PROTECTING_SERVICES, judge as endpoint_protection,
    };
    pub use super::firewall::{SERVICES as FIREWALL_SERVICES, judge as firewall};
    pub use super::kernel_age::judge as kernel_age;
    pub use super::kernel_lockdown::judge as kernel_lockdown;
    pub use super::kernel_settings::{SETTINGS as KERNEL_SETTINGS, judge as kernel_settings};
    pub use super::listening_services::judge as listening_services;
    pub use super::mandatory_access::judge as mandatory_access;
    pub use super::os_supported::judge as os_supported;
    pub use super::reboot_pending::judge as reboot_pending;
    pub use super::secure_boot::judge as secure_boot;
    pub use super::ssh::{judge as ssh, no_config as no_ssh_config};
}

/// Everything that is looked at.
pub const SIGNALS: [&dyn Signal; 16] = [
    &secure_boot::SecureBoot,
    &disk_encryption::DiskEncryption,
    &security_updates::SecurityUpdates,
    &reboot_pending::RebootPending,
    &kernel_age::KernelAge,
    &os_supported::OsSupported,
    &endpoint_protection::EndpointProtection,
    &firewall::Firewall,
    &mandatory_access::MandatoryAccess,
    &kernel_lockdown::KernelLockdown,
    &screen_lock::ScreenLock,
    &ssh::Ssh,
    &kernel_settings::KernelSettings,
    &listening_services::ListeningServices,
    &audit_log::AuditLog,
    &tpm::Tpm,
];

/// The names of everything that is looked at, in its order.
pub fn names() -> [&'static str; SIGNALS.len()] {
    SIGNALS.map(Signal::name)
}

/// Looks at everything, and says what was seen and what could not be.
pub fn report(root: &Root, now: Timestamp) -> Report {
    let signal = |signal: &&dyn Signal| {
        let (value, seen, unknown) = match signal.look(root, now) {
            Ok(seen) => (Some(seen.value.get()), shortened(&seen.words), None),
            Err(why) => (None, String::new(), Some(shortened(&why.0))),
        };
        ReportedSignal {
            signal: signal.name().to_owned(),
            value,
            class: CLASS.to_owned(),
            at: Time(now),
            source: signal.source().to_owned(),
            seen,
            unknown,
        }
    };
    Report {
        format: FORMAT.to_owned(),
        collected_at: Time(now),
        platform: "linux".to_owned(),
        facts: facts::facts(root),
        signals: SIGNALS.iter().map(signal).collect(),
    }
}

/// As much of what a file says as a report carries, without what would move a cursor.
pub fn shortened(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c });
    plain.take(WORDS_MAX).collect()
}

/// The word of a program without a key in hardware.
const CLASS: &str = "bearer_agent";
const WORDS_MAX: usize = 256;
