//! Settings of the kernel that make an intruder's work harder.

use super::{Root, Seen, Signal, Unknown, unknown};
use crate::kernel::Timestamp;

#[derive(Debug)]
pub(super) struct KernelSettings;

impl Signal for KernelSettings {
    fn name(&self) -> &'static str {
        "kernel_settings"
    }

    fn source(&self) -> &'static str {
        "/proc/sys"
    }

    fn look(&self, root: &Root, _now: Timestamp) -> Result<Seen, Unknown> {
        judge(|name| root.text(&format!("/proc/sys/{}", name.replace('.', "/"))))
    }
}

/// What each setting is; nothing for one that the kernel does not have.
pub fn judge(of: impl Fn(&str) -> Result<Option<String>, Unknown>) -> Result<Seen, Unknown> {
    let (mut read, mut good, mut low) = (0_u16, 0_u16, Vec::new());
    for (name, least) in SETTINGS {
        let Some(text) = of(name)? else { continue };
        let Ok(value) = text.trim().parse::<i64>() else {
            return unknown(format!("`{name}` is no number"));
        };
        read += 1;
        if value >= least {
            good += 1;
        } else {
            low.push(format!("{name} is {value}"));
        }
    }
    if read == 0 {
        return unknown("none of the settings can be seen");
    }
    if low.is_empty() {
        return Seen::good(format!("{good} of {read} are as they should be"));
    }
    let share = u32::from(good) * 10_000 / u32::from(read);
    Seen::partly(u16::try_from(share).unwrap_or(0), low.join(", "))
}

/// Each with the least that is good, as the CIS benchmarks for Linux have them.
pub const SETTINGS: [(&str, i64); 7] = [
    ("kernel.randomize_va_space", 2),
    ("kernel.kptr_restrict", 1),
    ("kernel.dmesg_restrict", 1),
    ("kernel.yama.ptrace_scope", 1),
    ("kernel.unprivileged_bpf_disabled", 1),
    ("fs.protected_symlinks", 1),
    ("fs.protected_hardlinks", 1),
];
