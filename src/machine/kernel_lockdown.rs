//! Whether the kernel defends itself against root: lockdown, or signed modules only.

use super::{Root, Seen, Signal, Unknown, unknown};
use crate::kernel::Timestamp;

#[derive(Debug)]
pub(super) struct KernelLockdown;

impl Signal for KernelLockdown {
    fn name(&self) -> &'static str {
        "kernel_lockdown"
    }

    fn source(&self) -> &'static str {
        "/sys/kernel/security/lockdown, /sys/module/module/parameters/sig_enforce"
    }

    fn look(&self, root: &Root, _now: Timestamp) -> Result<Seen, Unknown> {
        // `none [integrity] confidentiality`: the one in brackets holds.
        let lockdown = root.text("/sys/kernel/security/lockdown")?;
        let held = lockdown.as_deref().and_then(|text| text.split_once('[')?.1.split_once(']'));
        let signed = root.text("/sys/module/module/parameters/sig_enforce")?;
        let signed = signed.as_deref().map(str::trim) == Some("Y");
        judge(held.map(|(mode, _)| mode), signed)
    }
}

/// The mode of lockdown, and whether modules have to be signed.
pub fn judge(mode: Option<&str>, signed: bool) -> Result<Seen, Unknown> {
    match mode {
        Some(mode @ ("integrity" | "confidentiality")) => Seen::good(mode),
        Some("none") | None if signed => Seen::partly(5_000, "none, but modules have to be signed"),
        Some("none") => Seen::bad("none"),
        _ => unknown("the kernel does not say"),
    }
}
