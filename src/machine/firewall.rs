//! Whether a firewall is switched on; what it lets through can only be seen by root.

use super::{Root, Seen, Signal, Unknown, unknown};
use crate::kernel::Timestamp;

#[derive(Debug)]
pub(super) struct Firewall;

impl Signal for Firewall {
    fn name(&self) -> &'static str {
        "firewall"
    }

    fn source(&self) -> &'static str {
        "/etc/ufw/ufw.conf, /etc/systemd/system"
    }

    fn look(&self, root: &Root, _now: Timestamp) -> Result<Seen, Unknown> {
        if let Some(text) = root.text("/etc/ufw/ufw.conf")?
            && text.lines().any(|line| line.trim().eq_ignore_ascii_case("ENABLED=yes"))
        {
            return judge(true, None);
        }
        if !root.has(UNITS)? {
            return unknown(format!(
                "`{UNITS}` is not there: what starts with the system cannot be seen"
            ));
        }
        for target in ["sysinit", "basic", "network-pre", "multi-user"] {
            for service in SERVICES {
                if root.has(&format!("{UNITS}/{target}.target.wants/{service}.service"))? {
                    return judge(false, Some(service));
                }
            }
        }
        judge(false, None)
    }
}

/// Whether ufw is on, or a service that loads rules.
pub fn judge(ufw: bool, service: Option<&str>) -> Result<Seen, Unknown> {
    match service {
        _ if ufw => Seen::good("ufw is on"),
        Some(service) => Seen::good(format!("{service} starts with the system")),
        None => Seen::bad("none starts with the system"),
    }
}

const UNITS: &str = "/etc/systemd/system";

/// Services that load rules. `ufw.service` is not one of them: it also starts where ufw itself is switched off.
pub const SERVICES: [&str; 4] = ["nftables", "firewalld", "netfilter-persistent", "iptables"];
