//! Whether the kernel's audit log is written: by the service that keeps it. Its rules can only be seen by root.

use super::{Root, Seen, Signal, Unknown, services};
use crate::kernel::Timestamp;

#[derive(Debug)]
pub(super) struct AuditLog;

impl Signal for AuditLog {
    fn name(&self) -> &'static str {
        "audit_log"
    }

    fn source(&self) -> &'static str {
        services::SLICE
    }

    fn look(&self, root: &Root, _now: Timestamp) -> Result<Seen, Unknown> {
        if services::runs(root, "auditd")? {
            Seen::good("auditd runs")
        } else {
            Seen::bad("auditd does not run")
        }
    }
}
