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
        let neither = selinux.is_none() && apparmor.is_none() && root.has("/sys/module")?;
        let flag = |text: Option<String>, on: &str, off: &str| match text.as_deref()?.trim() {
            text if text == on => Some(true),
            text if text == off => Some(false),
            _ => None,
        };
        judge(flag(selinux, "1", "0"), flag(apparmor, "Y", "N"), neither)
    }
}

/// Whether each is on, and whether it is sure that neither is there.
pub fn judge(
    selinux: Option<bool>,
    apparmor: Option<bool>,
    neither: bool,
) -> Result<Seen, Unknown> {
    match (selinux, apparmor) {
        (Some(true), _) => Seen::good("SELinux enforces"),
        (_, Some(true)) => Seen::good("AppArmor is on"),
        (Some(false), _) => Seen::partly(2_500, "SELinux only warns"),
        (None, Some(false)) => Seen::bad("AppArmor is off"),
        (None, None) if neither => Seen::bad("the kernel has neither"),
        _ => unknown("neither SELinux nor AppArmor says how it is"),
    }
}
