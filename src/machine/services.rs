//! Which services run: those that systemd keeps processes for.

use super::{Root, Unknown, unknown};

/// Where systemd has a directory for each.
pub(super) const SLICE: &str = "/sys/fs/cgroup/system.slice";

/// True if a service of this name has processes; unknown where systemd keeps none at all.
pub(super) fn runs(root: &Root, service: &str) -> Result<bool, Unknown> {
    if !root.has(SLICE)? {
        return unknown(format!("`{SLICE}` is not there: the services that run cannot be seen"));
    }
    let processes = root.text(&format!("{SLICE}/{service}.service/cgroup.procs"))?;
    Ok(processes.is_some_and(|processes| !processes.trim().is_empty()))
}
