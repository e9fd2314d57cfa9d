//! Mandatory access control: `SELinux` or `AppArmor`, switched on.

use super::{Root, Seen, Signal, Unknown, unknown};
use crate::kernel::Timestamp;

#[derive(Debug)]
pub(super) struct MandatoryAccess;

impl Signal for MandatoryAccess {
    fn name(&self) -> &'static str {
        "mandatory_access"
    }

    fn source(&self) -> &'static str {
        "/sys/fs/selinux/enforce, /sys/module/apparmor/parameters/enabled"
    }

    fn look(&self, root: &Root, _now: Timestamp) -> Result<Seen, Unknown> {
        let selinux = root.text("/sys/fs/selinux/enforce")?;
        let apparmor = root.text("/sys/module/apparmor/parameters/enabled")?;
        match (selinux.as_deref().map(str::trim), apparmor.as_deref().map(str::trim)) {
            (Some("1"), _) => Seen::good("SELinux enforces"),
            (_, Some("Y")) => Seen::good("AppArmor is on"),
            (Some("0"), _) => Seen::partly(2_500, "SELinux only warns"),
            (None, Some("N")) => Seen::bad("AppArmor is off"),
            (None, None) if root.has("/sys/module")? => Seen::bad("the kernel has neither"),
            _ => unknown("neither SELinux nor AppArmor says how it is"),
        }
    }
}
