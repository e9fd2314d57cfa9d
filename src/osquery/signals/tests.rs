//! Rows of each query, and what is made of them; and that the shipped document asks for what the rules look at.

use serde_json::{Value, json};

use super::super::schedule::Schedule;
use super::*;
use crate::machine::names;

/// 2026-03-01.
const NOW: Timestamp = Timestamp::from_seconds(1_772_323_200);

fn rows(rows: &Value) -> Rows {
    rows.as_array().unwrap().iter().map(row).collect()
}

fn row(row: &Value) -> BTreeMap<String, String> {
    let mut columns = BTreeMap::new();
    for (name, value) in row.as_object().unwrap() {
        columns.insert(name.clone(), value.as_str().unwrap().to_owned());
    }
    columns
}

#[track_caller]
fn check(query: &str, answer: &Value, value: Option<u16>, words: &str) {
    let signal = judged(query, &Ok(rows(answer)), NOW).unwrap();
    let said = signal.unknown.clone().unwrap_or_else(|| signal.seen.clone());
    assert_eq!(signal.value.is_none(), signal.unknown.is_some(), "{query}");
    assert!(signal.value == value && said.contains(words), "{query}: {:?}, {said}", signal.value);
    assert_eq!((signal.class.as_str(), signal.at.0), ("bearer_agent", NOW));
}

#[test]
fn rows_say_what_the_collector_would_say_of_the_same_machine() {
    let unit = |id: &str, state: &str| json!({"id": id, "active_state": state});
    let units = |id: &str, state: &str| json!([unit("sysinit.target", "active"), unit(id, state)]);
    let disk = |encrypted: &str, how: &str| json!([{"device": "/dev/mapper/root", "encrypted": encrypted, "type": how, "encryption_status": ""}]);
    let os = |platform: &str, major: &str, minor: &str| json!([{"platform": platform, "name": "x", "version": "y", "major": major, "minor": minor}]);
    check(
        "weft_secure_boot",
        &json!([{"secure_boot": "1", "setup_mode": "0"}]),
        Some(10_000),
        "on",
    );
    check("weft_secure_boot", &json!([{"secure_boot": "1", "setup_mode": "1"}]), Some(0), "setup");
    check("weft_secure_boot", &json!([{"secure_boot": "0", "setup_mode": "0"}]), Some(0), "off");
    check("weft_secure_boot", &json!([{"secure_boot": "-1"}]), None, "no variable");
    check("weft_secure_boot", &json!([]), None, "shows nothing");
    check("weft_disk_encryption", &disk("1", "luks2"), Some(10_000), "encrypted with luks2");
    check("weft_disk_encryption", &disk("0", ""), Some(0), "is not encrypted");
    check("weft_disk_encryption", &disk("", ""), None, "needs to be root");
    let kernel = |text: &str| json!({"what": "running", "text": text});
    let there = |text: &str| json!({"what": "installed", "text": text});
    let both = [there("vmlinuz-6.1.0-9-amd64"), there("vmlinuz-6.1.0-43-amd64")];
    let with = |first: Value| json!([first, both[0], both[1]]);
    check("weft_reboot_pending", &with(kernel("6.1.0-43-amd64")), Some(10_000), "newest kernel");
    check("weft_reboot_pending", &with(kernel("6.1.0-9-amd64")), Some(0), "6.1.0-43-amd64 is");
    check("weft_reboot_pending", &with(kernel("6.5")), None, "is not in `/boot`");
    let asked = json!([{"what": "asked", "text": "/run/reboot-required"}, kernel("6.5")]);
    check("weft_reboot_pending", &asked, Some(0), "ask for a restart");
    check("weft_reboot_pending", &json!([]), None, "which kernel runs");
    let built = |seconds: i64| json!([{"version": "6.1", "mtime": seconds.to_string()}]);
    check("weft_kernel_age", &built(NOW.seconds() - 86_400), Some(10_000), "2026-02-28");
    check("weft_kernel_age", &built(NOW.seconds() - 120 * 86_400), Some(5_000), "2025-11-01");
    check("weft_kernel_age", &json!([{"version": "6.1", "mtime": ""}]), None, "was built");
    check("weft_os_supported", &os("debian", "12", "0"), Some(10_000), "2028-06-30");
    check("weft_os_supported", &os("debian", "10", "13"), Some(0), "2024-06-30");
    check("weft_os_supported", &os("ubuntu", "24", "4"), Some(10_000), "2029-04-01");
    check("weft_os_supported", &os("arch", "", ""), None, "nobody says");
    let clam = units("clamav-daemon.service", "active");
    check("weft_endpoint_protection", &clam, Some(10_000), "ClamAV runs");
    let off = units("clamav-daemon.service", "inactive");
    check("weft_endpoint_protection", &off, Some(0), "none");
    check("weft_endpoint_protection", &json!([]), None, "cannot be seen");
    let unit = |id: &str, state: &str| json!({"what": "unit", "text": id, "state": state});
    let seen = unit("sysinit.target", "active");
    let nft = json!([seen, unit("nftables.service", "active")]);
    check("weft_firewall", &nft, Some(10_000), "nftables starts");
    check("weft_firewall", &json!([seen, unit("nftables.service", "inactive")]), Some(0), "none");
    let ufw = json!([{"what": "chain", "text": "ufw-user-input", "state": ""}]);
    check("weft_firewall", &ufw, Some(10_000), "ufw is on");
    check("weft_firewall", &json!([]), None, "cannot be seen");
    let mac = |what: &str, value: &str| json!({"what": what, "value": value});
    let check_mac = |rows: Value, value, words| check("weft_mandatory_access", &rows, value, words);
    check_mac(json!([mac("selinux", "1"), mac("apparmor", "0")]), Some(10_000), "SELinux enforces");
    check_mac(json!([mac("selinux", "0"), mac("apparmor", "0")]), Some(2_500), "only warns");
    check_mac(json!([mac("apparmor", "41")]), Some(10_000), "AppArmor is on");
    check_mac(json!([mac("apparmor", "0")]), None, "neither");
    let line = |text: &str| json!([{"arguments": text}]);
    check("weft_kernel_lockdown", &line("ro lockdown=integrity"), Some(10_000), "integrity");
    check("weft_kernel_lockdown", &line("module.sig_enforce=1"), Some(5_000), "signed");
    check("weft_kernel_lockdown", &line("quiet"), None, "does not say");
}

#[test]
fn rows_of_servers_and_settings_say_what_the_collector_would_say() {
    let node = "/files/etc/ssh/sshd_config";
    let file = |path: &str| json!({"what": "file", "path": path, "node": "", "value": ""});
    let set = |what: &str, node: &str, value: &str| json!({"what": what, "path": node, "node": node, "value": value});
    let keys = json!([
        set("PasswordAuthentication", node, "no"),
        set("PermitRootLogin", node, "no"),
        set("PasswordAuthentication", &format!("{node}/Match/Settings"), "yes"),
    ]);
    check("weft_ssh", &keys, Some(10_000), "keys only");
    check("weft_ssh", &json!([set("PermitRootLogin", node, "yes")]), Some(0), "root");
    let taken_in = json!([set("Include", node, "/etc/ssh/sshd_config.d/*.conf")]);
    check("weft_ssh", &taken_in, None, "takes in files");
    check("weft_ssh", &json!([file("/usr/bin")]), Some(10_000), "no SSH server");
    check("weft_ssh", &json!([file("/usr/bin"), file("/usr/sbin/sshd")]), None, "is not there");
    check("weft_ssh", &json!([]), None, "is not there");
    let control = |name: &str, value: &str| json!({"name": name, "current_value": value});
    let good = json!([control("kernel.kptr_restrict", "1"), control("kernel.dmesg_restrict", "1")]);
    check("weft_kernel_settings", &good, Some(10_000), "2 of 2");
    let half = json!([control("kernel.kptr_restrict", "0"), control("kernel.dmesg_restrict", "1")]);
    check("weft_kernel_settings", &half, Some(5_000), "kernel.kptr_restrict is 0");
    check(
        "weft_kernel_settings",
        &json!([control("kernel.kptr_restrict", "x")]),
        None,
        "no number",
    );
    let port = |port: &str, address: &str| json!({"port": port, "address": address});
    let inside = json!([port("631", "127.0.0.1"), port("631", "::1"), port("53", "127.0.0.53")]);
    check("weft_listening_services", &inside, Some(10_000), "none listens");
    let two = json!([port("22", "0.0.0.0"), port("22", "::"), port("80", "192.0.2.1")]);
    check("weft_listening_services", &two, Some(8_000), "2 listen to others: 22, 80");
    check("weft_listening_services", &json!([port("70000", "::")]), None, "no number");
    let refused = judged("weft_ssh", &Err(Unknown("denylisted".to_owned())), NOW).unwrap();
    assert_eq!((refused.value, refused.unknown.as_deref()), (None, Some("denylisted")));
    assert!(judged("pack_other", &Ok(Vec::new()), NOW).is_none(), "a query of somebody else");
}

#[test]
fn the_shipped_document_asks_for_everything_that_the_rules_look_at() {
    let schedule = Schedule::shipped().unwrap();
    let known: Vec<&str> = JUDGES.iter().map(|(name, ..)| *name).collect();
    let mut asked: Vec<&str> = schedule.names().collect();
    asked.sort_by_key(|name| known.iter().position(|known| known == name));
    assert_eq!(asked, known);
    let document: Value = serde_json::from_str(&schedule.config()).unwrap();
    assert_eq!(document["node_invalid"], json!(false));
    let query = |name: &str| document["schedule"][name]["query"].as_str().unwrap().to_owned();
    for (name, signal, tables, _) in JUDGES {
        assert!(names().contains(&signal), "{signal} is none that the collector knows");
        assert_eq!(
            document["schedule"][name]["snapshot"],
            json!(true),
            "{name}: see the log's loss"
        );
        for table in tables.split(", ") {
            assert!(
                query(name).contains(&format!(" {table} "))
                    || query(name).contains(&format!(" {table};")),
                "{name}: {table}"
            );
        }
    }
    for (service, _) in judge::PROTECTING_SERVICES {
        assert!(query("weft_endpoint_protection").contains(&format!("'{service}.service'")));
    }
    for service in judge::FIREWALL_SERVICES {
        assert!(query("weft_firewall").contains(&format!("'{service}.service'")), "{service}");
    }
    for (name, _) in judge::KERNEL_SETTINGS {
        assert!(query("weft_kernel_settings").contains(&format!("'{name}'")), "{name}");
    }
}
