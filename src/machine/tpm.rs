//! Whether the machine has a TPM that a key could be held in. That it has one proves nothing of what it holds.

use super::{Root, Seen, Signal, Unknown, unknown};
use crate::kernel::Timestamp;

#[derive(Debug)]
pub(super) struct Tpm;

impl Signal for Tpm {
    fn name(&self) -> &'static str {
        "tpm"
    }

    fn source(&self) -> &'static str {
        "/sys/class/tpm/tpm0"
    }

    fn look(&self, root: &Root, _now: Timestamp) -> Result<Seen, Unknown> {
        if !root.has("/sys/class")? {
            return unknown("`/sys/class` is not there: what is built in cannot be seen from here");
        }
        if !root.has("/sys/class/tpm/tpm0")? {
            return Seen::bad("the kernel knows of none");
        }
        match root.text("/sys/class/tpm/tpm0/tpm_version_major")?.as_deref().map(str::trim) {
            Some("2") => Seen::good("TPM 2.0"),
            Some(older) => Seen::bad(format!("TPM {older}: older than 2.0")),
            None => unknown("the kernel does not say of which version it is"),
        }
    }
}
