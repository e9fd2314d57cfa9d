//! Whether the kernel's audit log is written: by the service that keeps it. Its rules can only be seen by root.

use super::{Root, Seen, Signal, Unknown, unknown};
use crate::kernel::Timestamp;

#[derive(Debug)]
pub(super) struct AuditLog;

impl Signal for AuditLog {
    fn name(&self) -> &'static str {
        "audit_log"
    }

    fn source(&self) -> &'static str {
        "/sys/fs/cgroup/system.slice"
    }

    fn look(&self, root: &Root, _now: Timestamp) -> Result<Seen, Unknown> {
        if !root.has(SLICE)? {
            return unknown(format!(
                "`{SLICE}` is not there: the services that run cannot be seen"
            ));
        }
        let processes = root.text(&format!("{SLICE}/auditd.service/cgroup.procs"))?;
        if processes.is_some_and(|processes| !processes.trim().is_empty()) {
            Seen::good("auditd runs")
        } else {
            Seen::bad("auditd does not run")
        }
    }
}

const SLICE: &str = "/sys/fs/cgroup/system.slice";
