//! Whether updates wait for a restart: by the mark that packages leave, and by the newest kernel.

use super::debian_version::compare;
use super::{Root, Seen, Signal, Unknown, unknown};
use crate::kernel::Timestamp;

#[derive(Debug)]
pub(super) struct RebootPending;

impl Signal for RebootPending {
    fn name(&self) -> &'static str {
        "reboot_pending"
    }

    fn source(&self) -> &'static str {
        "/run/reboot-required, /boot, /proc/sys/kernel/osrelease"
    }

    fn look(&self, root: &Root, _now: Timestamp) -> Result<Seen, Unknown> {
        if root.has("/run/reboot-required")? {
            return judge(true, "", Vec::new());
        }
        let running = root.need("/proc/sys/kernel/osrelease")?;
        let names = root.names("/boot")?.unwrap_or_default();
        let kernels = names.iter().filter_map(|name| name.strip_prefix("vmlinuz-"));
        judge(false, running.trim(), kernels.collect())
    }
}

/// Whether packages ask for it, the kernel that runs, and those in `/boot`.
pub fn judge(asked: bool, running: &str, mut kernels: Vec<&str>) -> Result<Seen, Unknown> {
    if asked {
        return Seen::bad("packages ask for a restart");
    }
    kernels.sort_by(|a, b| compare(a, b));
    match kernels.last() {
        Some(newest) if *newest == running => Seen::good("the newest kernel runs"),
        Some(newest) if kernels.contains(&running) => {
            Seen::bad(format!("{running} runs, and {newest} is installed"))
        }
        _ => unknown(format!("the kernel {running} that runs is not in `/boot`")),
    }
}
