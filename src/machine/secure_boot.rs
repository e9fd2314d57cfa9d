//! Secure Boot, as the firmware tells it in its variables.

use super::{Root, Seen, Signal, Unknown, unknown};
use crate::kernel::Timestamp;

#[derive(Debug)]
pub(super) struct SecureBoot;

impl Signal for SecureBoot {
    fn name(&self) -> &'static str {
        "secure_boot"
    }

    fn source(&self) -> &'static str {
        "/sys/firmware/efi/efivars"
    }

    fn look(&self, root: &Root, _now: Timestamp) -> Result<Seen, Unknown> {
        if !root.has("/sys/firmware/efi")? {
            // A container hides the whole directory; a machine without UEFI has its other tables there.
            let firmware = root.names("/sys/firmware")?.unwrap_or_default();
            if firmware.is_empty() {
                return unknown("`/sys/firmware` is empty: the firmware cannot be seen from here");
            }
            return Seen::bad("started without UEFI, so without Secure Boot");
        }
        judge(variable(root, "SecureBoot")?, variable(root, "SetupMode")?)
    }
}

/// What the firmware's two variables say.
pub fn judge(secure_boot: Option<bool>, setup_mode: Option<bool>) -> Result<Seen, Unknown> {
    match (secure_boot, setup_mode) {
        (None, _) => unknown("the firmware shows no variable `SecureBoot`"),
        (Some(true), Some(true)) => Seen::bad("in setup mode: any key can be put in"),
        (Some(true), _) => Seen::good("on"),
        (Some(false), _) => Seen::bad("off"),
    }
}

/// A variable of one byte: four of attributes stand before it (UEFI §8.2, as `efivarfs` shows it).
fn variable(root: &Root, name: &str) -> Result<Option<bool>, Unknown> {
    let path = format!("/sys/firmware/efi/efivars/{name}-8be4df61-93ca-11d2-aa0d-00e098032b8c");
    let Some(bytes) = root.bytes(&path, 64)? else { return Ok(None) };
    match bytes.as_slice() {
        [_, _, _, _, value @ (0 | 1)] => Ok(Some(*value == 1)),
        _ => unknown(format!("`{path}` is no flag")),
    }
}
