//! Whether screens lock by themselves, as far as the machine says it for everybody.

use super::{Root, Seen, Signal, Unknown, unknown};
use crate::kernel::Timestamp;

#[derive(Debug)]
pub(super) struct ScreenLock;

impl Signal for ScreenLock {
    fn name(&self) -> &'static str {
        "screen_lock"
    }

    fn source(&self) -> &'static str {
        "/etc/dconf/db, /etc/xdg/kscreenlockerrc"
    }

    fn look(&self, root: &Root, _now: Timestamp) -> Result<Seen, Unknown> {
        let (mut says, mut fixed) = (None, false);
        for folder in root.names(DCONF)?.unwrap_or_default() {
            if folder.strip_suffix(".d").is_none() {
                continue;
            }
            for name in root.names(&format!("{DCONF}/{folder}"))?.unwrap_or_default() {
                if name == "locks" {
                    fixed |= locked(root, &format!("{DCONF}/{folder}/locks"))?;
                } else if let Some(text) = root.text(&format!("{DCONF}/{folder}/{name}"))? {
                    says = value(&text, "org/gnome/desktop/screensaver", "lock-enabled").or(says);
                }
            }
        }
        if says.is_none() {
            let text = root.text("/etc/xdg/kscreenlockerrc")?.unwrap_or_default();
            says = value(&text, "Daemon", "Autolock");
        }
        match says {
            Some(true) if fixed => Seen::good("on for everybody, and nobody can switch it off"),
            Some(true) => Seen::partly(7_500, "on for everybody who does not switch it off"),
            Some(false) => Seen::bad("off"),
            None => unknown("each person's own settings say it, and those are not read"),
        }
    }
}

fn locked(root: &Root, folder: &str) -> Result<bool, Unknown> {
    for name in root.names(folder)?.unwrap_or_default() {
        let text = root.text(&format!("{folder}/{name}"))?.unwrap_or_default();
        if text.lines().any(|line| line.trim() == "/org/gnome/desktop/screensaver/lock-enabled") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The last word of a file in sections.
fn value(text: &str, section: &str, key: &str) -> Option<bool> {
    let (mut inside, mut found) = (false, None);
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            inside = name == section;
        } else if let Some((name, value)) = line.split_once('=').filter(|_| inside)
            && name.trim() == key
        {
            found = Some(value.trim() == "true");
        }
    }
    found
}

const DCONF: &str = "/etc/dconf/db";
