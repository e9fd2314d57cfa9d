//! What rows of osquery say as signals, by the rules that judge what the collector of a device sees (`machine::judge`).
//!
//! Each scheduled query answers for one signal. What osquery cannot see on Linux, pending security updates and the lock of the
//! screen, it says nothing of.

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::Timestamp;
use crate::machine::{Seen, Unknown, judge, shortened};
use crate::wire::api::Time;
use crate::wire::posture::ReportedSignal;

/// The rows of an answer: column and text, as osquery has every value.
pub(super) type Rows = Vec<BTreeMap<String, String>>;

/// What the answer to a query of ours says; nothing for a query of somebody else.
pub(super) fn judged(
    query: &str,
    answer: &Result<Rows, Unknown>,
    at: Timestamp,
) -> Option<ReportedSignal> {
    let (_, signal, source, judge) = JUDGES.iter().find(|(name, ..)| *name == query)?;
    let seen = answer.as_ref().map_err(Clone::clone).and_then(|rows| judge(rows, at));
    let (value, seen, unknown) = match seen {
        Ok(seen) => (Some(seen.value.get()), shortened(&seen.words), None),
        Err(why) => (None, String::new(), Some(shortened(&why.0))),
    };
    Some(ReportedSignal {
        signal: (*signal).to_owned(),
        value,
        class: "bearer_agent".to_owned(),
        at: Time(at),
        source: format!("osquery: {source}"),
        seen,
        unknown,
    })
}

type Judge = fn(&Rows, Timestamp) -> Result<Seen, Unknown>;

/// The query, the signal that it answers for, the tables it reads, and how its rows are read.
const JUDGES: [(&str, &str, &str, Judge); 12] = [
    ("weft_secure_boot", "secure_boot", "secureboot", secure_boot),
    ("weft_disk_encryption", "disk_encryption", "mounts, disk_encryption", disk_encryption),
    ("weft_reboot_pending", "reboot_pending", "file, kernel_info", reboot_pending),
    ("weft_kernel_age", "kernel_age", "kernel_info, file", kernel_age),
    ("weft_os_supported", "os_supported", "os_version", os_supported),
    ("weft_endpoint_protection", "endpoint_protection", "systemd_units", endpoint_protection),
    ("weft_firewall", "firewall", "systemd_units, iptables", firewall),
    ("weft_mandatory_access", "mandatory_access", "selinux_settings, apparmor_profiles", mandatory),
    ("weft_kernel_lockdown", "kernel_lockdown", "kernel_info", kernel_lockdown),
    ("weft_ssh", "ssh", "augeas, file", ssh),
    ("weft_kernel_settings", "kernel_settings", "system_controls", kernel_settings),
    ("weft_listening_services", "listening_services", "listening_ports", listening_services),
];

fn secure_boot(rows: &Rows, _at: Timestamp) -> Result<Seen, Unknown> {
    let row = first(rows, "secureboot")?;
    let flag = |column| match text(row, column) {
        "1" => Some(true),
        "0" => Some(false),
        _ => None,
    };
    judge::secure_boot(flag("secure_boot"), flag("setup_mode"))
}

fn disk_encryption(rows: &Rows, _at: Timestamp) -> Result<Seen, Unknown> {
    let row = first(rows, "mounts")?;
    let device = text(row, "device");
    match (text(row, "encrypted"), text(row, "type")) {
        ("1", "") => judge::disk_encryption(device, Some("a cipher")),
        ("1", how) => judge::disk_encryption(device, Some(how)),
        ("0", _) => judge::disk_encryption(device, None),
        _ => unknown(format!(
            "`disk_encryption` does not say it of {device}: osquery needs to be root"
        )),
    }
}

fn reboot_pending(rows: &Rows, _at: Timestamp) -> Result<Seen, Unknown> {
    let of = |what: &'static str| {
        rows.iter().filter(move |row| text(row, "what") == what).map(|row| text(row, "text"))
    };
    let Some(running) = of("running").next() else {
        return unknown("`kernel_info` does not say which kernel runs");
    };
    let installed = of("installed").filter_map(|name| name.strip_prefix("vmlinuz-"));
    judge::reboot_pending(of("asked").next().is_some(), running, installed.collect())
}

/// The file of a kernel keeps the time that it was built at, as packages do.
fn kernel_age(rows: &Rows, at: Timestamp) -> Result<Seen, Unknown> {
    let row = first(rows, "file")?;
    match text(row, "mtime").parse::<i64>() {
        Ok(seconds) if seconds > 0 => judge::kernel_age(Timestamp::from_seconds(seconds), at),
        _ => unknown("`file` does not say when the kernel was built"),
    }
}

fn os_supported(rows: &Rows, at: Timestamp) -> Result<Seen, Unknown> {
    let row = first(rows, "os_version")?;
    let (platform, major) = (text(row, "platform"), text(row, "major"));
    // Ubuntu counts by months, and its table has them as numbers.
    let release = match text(row, "minor").parse::<u8>() {
        Ok(minor) if platform == "ubuntu" => format!("{major}.{minor:02}"),
        _ => major.to_owned(),
    };
    let name = format!("{} {}", text(row, "name"), text(row, "version"));
    judge::os_supported((platform, &release), name.trim(), None, at)
}

fn endpoint_protection(rows: &Rows, _at: Timestamp) -> Result<Seen, Unknown> {
    let active = active_units(rows, "id", "active_state")?;
    judge::endpoint_protection(|service| Ok(active.contains(format!("{service}.service").as_str())))
}

fn firewall(rows: &Rows, _at: Timestamp) -> Result<Seen, Unknown> {
    if rows.iter().any(|row| text(row, "what") == "chain") {
        return judge::firewall(true, None);
    }
    let active = active_units(rows, "text", "state")?;
    judge::firewall(false, active.iter().find_map(|unit| unit.strip_suffix(".service")))
}

fn mandatory(rows: &Rows, _at: Timestamp) -> Result<Seen, Unknown> {
    let of = |what: &str| {
        rows.iter().find(|row| text(row, "what") == what).map(|row| text(row, "value"))
    };
    let selinux = of("selinux").map(|value| value == "1");
    // No profile may also mean that osquery may not look at them.
    let apparmor = of("apparmor").filter(|count| *count != "0").map(|_| true);
    judge::mandatory_access(selinux, apparmor, false)
}

fn kernel_lockdown(rows: &Rows, _at: Timestamp) -> Result<Seen, Unknown> {
    let row = first(rows, "kernel_info")?;
    let arguments = || text(row, "arguments").split_whitespace();
    let mode = arguments().find_map(|argument| argument.strip_prefix("lockdown="));
    judge::kernel_lockdown(mode, arguments().any(|one| one == "module.sig_enforce=1"))
}

fn ssh(rows: &Rows, _at: Timestamp) -> Result<Seen, Unknown> {
    let file = |path: &str| {
        rows.iter().any(|row| text(row, "what") == "file" && text(row, "path") == path)
    };
    let settings = rows.iter().filter(|row| text(row, "what") != "file");
    let mut config = String::new();
    for row in settings.clone() {
        if text(row, "what") == "Include" {
            return unknown(
                "`sshd_config` takes in files that `augeas` does not show in their order",
            );
        }
        // What stands below a `Match` holds for some alone.
        if !text(row, "node").contains("/Match") {
            config.extend([text(row, "what"), " ", text(row, "value"), "\n"]);
        }
    }
    if settings.count() > 0 {
        return judge::ssh(&config);
    }
    judge::no_ssh_config(file("/usr/bin"), file("/usr/sbin/sshd"))
}

fn kernel_settings(rows: &Rows, _at: Timestamp) -> Result<Seen, Unknown> {
    let of = |name: &str| {
        rows.iter()
            .find(|row| text(row, "name") == name)
            .map(|row| text(row, "current_value").to_owned())
    };
    judge::kernel_settings(|name| Ok(of(name)))
}

fn listening_services(rows: &Rows, _at: Timestamp) -> Result<Seen, Unknown> {
    let mut ports = BTreeSet::new();
    for row in rows {
        let address = text(row, "address");
        let inside = address.starts_with("127.")
            || address == "::1"
            || address.strip_prefix("::ffff:").is_some_and(|rest| rest.starts_with("127."));
        match text(row, "port").parse::<u16>() {
            Ok(port) if !inside => ports.insert(port),
            Ok(_) => false,
            Err(_) => return unknown("`listening_ports` has a port that is no number"),
        };
    }
    judge::listening_services(&ports)
}

/// The units that are active. A table that shows no unit at all is one that osquery cannot read.
fn active_units<'r>(rows: &'r Rows, id: &str, state: &str) -> Result<BTreeSet<&'r str>, Unknown> {
    if !rows.iter().any(|row| text(row, id) == SEEN_ALWAYS) {
        return unknown("`systemd_units` shows nothing: the services that run cannot be seen");
    }
    let active =
        rows.iter().filter(|row| text(row, state) == "active" && text(row, id) != SEEN_ALWAYS);
    Ok(active.map(|row| text(row, id)).collect())
}

fn first<'r>(rows: &'r Rows, table: &str) -> Result<&'r BTreeMap<String, String>, Unknown> {
    rows.first().ok_or_else(|| Unknown(format!("`{table}` shows nothing")))
}

fn text<'r>(row: &'r BTreeMap<String, String>, column: &str) -> &'r str {
    row.get(column).map_or("", String::as_str)
}

fn unknown<T>(why: impl Into<String>) -> Result<T, Unknown> {
    Err(Unknown(why.into()))
}

/// A unit that every system with systemd has.
const SEEN_ALWAYS: &str = "sysinit.target";

#[cfg(test)]
mod tests;
