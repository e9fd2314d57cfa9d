//! Machines as trees of files: a hardened laptop, a bare server, an empty root, and trees that mean harm.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use tempfile::TempDir;

use super::*;
use crate::kernel::Lifetime;

/// 2026-03-01.
const NOW: Timestamp = Timestamp::from_seconds(1_772_323_200);
const EFI: &str = "-8be4df61-93ca-11d2-aa0d-00e098032b8c";

struct Machine(TempDir);

impl Machine {
    fn new(files: &[(&str, &str)]) -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        for (path, text) in files {
            machine.file(path, text.as_bytes());
        }
        machine
    }

    fn file(&self, path: &str, bytes: &[u8]) {
        let place = self.0.path().join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, bytes).unwrap();
    }

    fn link(&self, path: &str, to: &str) {
        let place = self.0.path().join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        symlink(to, place).unwrap();
    }

    fn changed(&self, path: &str, at: Timestamp) {
        let time = UNIX_EPOCH + Duration::from_secs(at.seconds().unsigned_abs());
        fs::File::open(self.0.path().join(path)).unwrap().set_modified(time).unwrap();
    }

    fn report(&self) -> Report {
        report(&Root::open(self.0.path()).unwrap(), NOW)
    }

    /// The value of a signal, and what is said of it.
    fn says(&self, signal: &str) -> (Option<u16>, String) {
        let report = self.report();
        let found = report.signals.into_iter().find(|one| one.signal == signal).unwrap();
        assert_eq!(found.value.is_none(), found.unknown.is_some(), "{signal}");
        (found.value, found.unknown.unwrap_or(found.seen))
    }

    #[track_caller]
    fn check(&self, signal: &str, value: Option<u16>, words: &str) {
        let (found, said) = self.says(signal);
        assert!(found == value && said.contains(words), "{signal}: {found:?}, {said}");
    }
}

const LAPTOP: &[(&str, &str)] = &[
    (
        "etc/os-release",
        "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\n",
    ),
    (
        "proc/version",
        "Linux version 6.1.0-43-amd64 (x@y) #1 SMP PREEMPT_DYNAMIC Debian 6.1.162-1 (2026-02-08)\n",
    ),
    ("proc/sys/kernel/osrelease", "6.1.0-43-amd64\n"),
    ("boot/vmlinuz-6.1.0-9-amd64", ""),
    ("boot/vmlinuz-6.1.0-43-amd64", ""),
    ("sys/class/dmi/id/product_name", "Slate 14\n"),
    ("sys/class/dmi/id/chassis_type", "10\n"),
    ("sys/class/tpm/tpm0/tpm_version_major", "2\n"),
    (
        "proc/self/mountinfo",
        "22 1 0:20 / /proc rw - proc proc rw\n29 1 254:1 / / rw,relatime shared:1 - ext4 /dev/mapper/vg-root rw\n",
    ),
    ("sys/block/nvme0n1/dev", "259:0\n"),
    ("sys/block/nvme0n1/nvme0n1p3/dev", "259:3\n"),
    ("sys/block/dm-0/dev", "254:0\n"),
    ("sys/block/dm-0/dm/uuid", "CRYPT-LUKS2-0123-nvme0n1p3_crypt\n"),
    ("sys/block/dm-1/dev", "254:1\n"),
    ("sys/block/dm-1/dm/uuid", "LVM-abc\n"),
    ("sys/block/dm-1/slaves/dm-0/dev", "254:0\n"),
    ("sys/fs/cgroup/system.slice/clamav-daemon.service/cgroup.procs", "812\n"),
    ("sys/fs/cgroup/system.slice/auditd.service/cgroup.procs", "640\n"),
    ("etc/ufw/ufw.conf", "# ufw\nENABLED=yes\n"),
    ("sys/module/apparmor/parameters/enabled", "Y\n"),
    ("sys/kernel/security/lockdown", "none [integrity] confidentiality\n"),
    ("etc/dconf/db/local.d/00-lock", "[org/gnome/desktop/screensaver]\nlock-enabled=true\n"),
    ("etc/dconf/db/local.d/locks/lock", "/org/gnome/desktop/screensaver/lock-enabled\n"),
    ("etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\nPasswordAuthentication yes\n"),
    ("etc/ssh/sshd_config.d/10-keys.conf", "PasswordAuthentication no\nPermitRootLogin no\n"),
    ("proc/sys/kernel/randomize_va_space", "2\n"),
    ("proc/sys/kernel/kptr_restrict", "1\n"),
    ("proc/sys/kernel/yama/ptrace_scope", "1\n"),
    (
        "proc/net/tcp",
        "  sl  local_address rem_address   st\n   0: 0100007F:0277 00000000:0000 0A 00000000:00000000\n",
    ),
    ("var/lib/dpkg/status", DPKG),
    (
        "var/lib/apt/lists/security.example_dists_stable-security_main_binary-amd64_Packages",
        OFFERED,
    ),
];

const DPKG: &str = "Package: openssl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3.0.17-1~deb12u3\n\n\
    Package: curl\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 7.0-1\n";
const OFFERED: &str = "Package: openssl\nArchitecture: amd64\nVersion: 3.0.17-1~deb12u3\n\n\
    Package: curl\nArchitecture: amd64\nVersion: 7.88.1-10+deb12u14\n";

fn laptop() -> Machine {
    let machine = Machine::new(LAPTOP);
    machine.file(&format!("sys/firmware/efi/efivars/SecureBoot{EFI}"), &[6, 0, 0, 0, 1]);
    machine.file(&format!("sys/firmware/efi/efivars/SetupMode{EFI}"), &[6, 0, 0, 0, 0]);
    machine.changed("var/lib/apt/lists", Timestamp::from_seconds(NOW.seconds() - 3600));
    machine
}

#[test]
fn a_hardened_laptop_is_as_it_should_be_and_says_what_was_seen() {
    let machine = laptop();
    let report = machine.report();
    for signal in &report.signals {
        assert_eq!(signal.value, Some(10_000), "{signal:?}");
        assert!(!signal.seen.is_empty() && signal.class == "bearer_agent", "{signal:?}");
    }
    assert_eq!(report.signals.len(), SIGNALS.len());
    let facts: Vec<(&str, &str)> =
        report.facts.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [
        ("chassis", "laptop"),
        ("kernel", "6.1.0-43-amd64"),
        ("model", "Slate 14"),
        ("os", "Debian GNU/Linux 12 (bookworm)"),
        ("tpm", "2.0"),
    ];
    assert_eq!(facts, expected);
    machine.check("disk_encryption", Some(10_000), "`/` is on dm-1, encrypted with LUKS");
    machine.check("os_supported", Some(10_000), "until 2028-06-30");
    println!(
        "proof: posture collector: {} signals of a laptop read below a root",
        report.signals.len()
    );
}

/// A file, what is in it now, the signal that shows it, its value, and words of what is said.
const BREAKS: &[(&str, &str, &str, u16, &str)] = &[
    ("sys/block/dm-0/dm/uuid", "LVM-other\n", "disk_encryption", 0, "is not encrypted"),
    ("sys/block/dm-0/dm/uuid", "CRYPT-VERITY-1\n", "disk_encryption", 0, "is not encrypted"),
    ("run/reboot-required", "", "reboot_pending", 0, "ask for a restart"),
    ("boot/vmlinuz-6.1.0-44-amd64", "", "reboot_pending", 0, "6.1.0-44-amd64 is installed"),
    ("proc/version", "Linux (2025-11-01)\n", "kernel_age", 5_000, "2025-11-01"),
    ("proc/version", "Linux (2024-11-01)\n", "kernel_age", 0, "2024-11-01"),
    ("etc/os-release", "ID=debian\nVERSION_ID=\"10\"\n", "os_supported", 0, "2024-06-30"),
    ("etc/os-release", "ID=x\nSUPPORT_END=2026-02-28\n", "os_supported", 0, "2026-02-28"),
    (
        "sys/fs/cgroup/system.slice/clamav-daemon.service/cgroup.procs",
        "",
        "endpoint_protection",
        0,
        "none",
    ),
    ("etc/ufw/ufw.conf", "ENABLED=no\n", "firewall", 0, "none starts"),
    ("sys/module/apparmor/parameters/enabled", "N\n", "mandatory_access", 0, "AppArmor is off"),
    ("sys/kernel/security/lockdown", "[none] integrity\n", "kernel_lockdown", 0, "none"),
    ("etc/dconf/db/local.d/locks/lock", "", "screen_lock", 7_500, "does not switch it off"),
    (
        "etc/dconf/db/local.d/99-off",
        "[org/gnome/desktop/screensaver]\nlock-enabled=false\n",
        "screen_lock",
        0,
        "off",
    ),
    (
        "etc/ssh/sshd_config.d/05-root.conf",
        "permitrootlogin yes\n",
        "ssh",
        7_500,
        "root can come in, with a key",
    ),
    (
        "etc/ssh/sshd_config.d/10-keys.conf",
        "Match User x\nPasswordAuthentication no\n",
        "ssh",
        5_000,
        "passwords",
    ),
    ("proc/sys/kernel/kptr_restrict", "0\n", "kernel_settings", 6_666, "kernel.kptr_restrict is 0"),
    (
        "proc/net/tcp6",
        "sl\n 0: 00000000000000000000000000000000:0016 x:0 0A\n",
        "listening_services",
        9_000,
        "1 listen to others: 22",
    ),
    (
        "var/lib/apt/lists/x-security_Packages",
        "Package: openssl\nArchitecture: amd64\nVersion: 3.0.18-1~deb12u1\n",
        "security_updates",
        5_000,
        "1 wait: openssl",
    ),
];

#[test]
fn each_thing_that_breaks_is_seen() {
    for (path, text, signal, value, words) in BREAKS {
        let machine = laptop();
        if path.starts_with("etc/ufw") {
            fs::create_dir_all(machine.0.path().join("etc/systemd/system")).unwrap();
        }
        machine.file(path, text.as_bytes());
        if path.starts_with("var/lib/apt") {
            machine.changed("var/lib/apt/lists", NOW);
        }
        machine.check(signal, Some(*value), words);
    }
    let machine = laptop();
    machine.file(&format!("sys/firmware/efi/efivars/SecureBoot{EFI}"), &[6, 0, 0, 0, 0]);
    machine.check("secure_boot", Some(0), "off");
}

#[test]
fn a_bare_server_is_told_what_it_lacks() {
    let machine = Machine::new(&[
        ("etc/os-release", "PRETTY_NAME=\"Ubuntu 20.04\"\nID=ubuntu\nVERSION_ID=20.04\n"),
        ("proc/self/mountinfo", "29 1 8:2 / / rw - ext4 /dev/sda2 rw\n"),
        ("sys/block/sda/dev", "8:0\n"),
        ("sys/block/sda/sda2/dev", "8:2\n"),
        ("sys/firmware/acpi/tables", "\n"),
        ("sys/module/kernel/parameters/panic", "0\n"),
        ("sys/class/net/lo/mtu", "65536\n"),
        ("sys/fs/cgroup/system.slice/ssh.service/cgroup.procs", "1\n"),
        ("etc/ssh/sshd_config", "PermitRootLogin yes\n"),
        (
            "proc/net/tcp",
            "sl\n 0: 00000000:0016 x:0 0A\n 1: 00000000:0050 x:0 0A\n 2: 0B00000A:1000 x:0 01\n",
        ),
    ]);
    machine.link(
        "etc/systemd/system/multi-user.target.wants/nftables.service",
        "/lib/systemd/system/nftables.service",
    );
    let table = [
        ("secure_boot", Some(0), "without UEFI"),
        ("disk_encryption", Some(0), "`/` is on sda2, which is not encrypted"),
        ("security_updates", None, "no packages of Debian's kind"),
        ("os_supported", Some(0), "Ubuntu 20.04 gets updates until 2025-05-31"),
        ("endpoint_protection", Some(0), "none that is known"),
        ("firewall", Some(10_000), "nftables starts with the system"),
        ("mandatory_access", Some(0), "neither"),
        ("kernel_lockdown", None, "does not say"),
        ("ssh", Some(0), "root can come in with a password"),
        ("listening_services", Some(8_000), "2 listen to others: 22, 80"),
        ("audit_log", Some(0), "auditd does not run"),
        ("tpm", Some(0), "knows of none"),
    ];
    for (signal, value, words) in table {
        machine.check(signal, value, words);
    }
}

#[test]
fn a_tpm_that_is_old_or_says_nothing_is_not_taken_for_one_of_today() {
    let machine = laptop();
    machine.check("tpm", Some(10_000), "TPM 2.0");
    machine.file("sys/class/tpm/tpm0/tpm_version_major", b"1\n");
    machine.check("tpm", Some(0), "older than 2.0");
    fs::remove_file(machine.0.path().join("sys/class/tpm/tpm0/tpm_version_major")).unwrap();
    machine.check("tpm", None, "does not say");
}

#[test]
fn an_empty_root_says_nothing_good_and_nothing_bad() {
    let report = Machine::new(&[]).report();
    assert!(report.facts.is_empty());
    for signal in &report.signals {
        assert!(signal.value.is_none() && signal.unknown.is_some(), "{signal:?}");
    }
    assert!(Root::open(Path::new("/nowhere/at/all")).is_err());
}

#[test]
fn old_lists_of_packages_say_nothing() {
    let machine = laptop();
    machine.changed("var/lib/apt/lists", NOW.minus(Lifetime::days(8)));
    machine.check("security_updates", None, "8 d old");
    fs::write(machine.0.path().join("var/lib/apt/lists/x-security_Packages.lz4"), [1]).unwrap();
    machine.changed("var/lib/apt/lists", NOW);
    machine.check("security_updates", None, "is compressed");
}

#[test]
fn a_container_is_no_disk() {
    let machine = laptop();
    machine.file("proc/self/mountinfo", b"29 1 0:50 / / rw - overlay overlay rw,lowerdir=x\n");
    machine.check("disk_encryption", None, "`/` is overlay from `overlay`");
    machine.file("proc/self/mountinfo", b"29 1 0:50 / / rw - btrfs /dev/mapper/secret rw\n");
    machine.file("sys/block/dm-0/dm/name", b"secret\n");
    machine.check("disk_encryption", Some(10_000), "`/` is on dm-0, encrypted");
}

#[test]
fn files_that_mean_harm_are_unknown_and_cost_little() {
    let machine = laptop();
    let path = |name: &str| machine.0.path().join(name);
    machine.file("proc/version", &vec![b'x'; 70_000]);
    machine.check("kernel_age", None, "larger than 65536 bytes");
    machine.file("etc/os-release", &[0xff, 0xfe, b'I', b'D']);
    machine.check("os_supported", None, "is not text");
    fs::remove_file(path("etc/ssh/sshd_config")).unwrap();
    machine.link("etc/ssh/sshd_config", "sshd_config");
    machine.check("ssh", None, "cannot be read");
    fs::remove_file(path("sys/kernel/security/lockdown")).unwrap();
    machine.link("sys/kernel/security/lockdown", "/etc/hostname-of-somebody-else");
    machine.check("kernel_lockdown", None, "");
    fs::remove_file(path("proc/net/tcp")).unwrap();
    machine.link("proc/net/tcp", "/proc/self/status");
    machine.check("listening_services", None, "leads out of the root");
    fs::remove_file(path("etc/ufw/ufw.conf")).unwrap();
    fs::create_dir(path("etc/ufw/ufw.conf")).unwrap();
    machine.check("firewall", None, "cannot be read");
    // A circle of block devices.
    machine.file("sys/block/dm-0/dm/uuid", b"LVM-x");
    machine.file("sys/block/dm-0/slaves/dm-1/dev", b"254:1");
    machine.check("disk_encryption", None, "in a circle");
    // A pipe that nobody writes into would be waited for.
    fs::remove_file(path("proc/sys/kernel/kptr_restrict")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, path("proc/sys/kernel/kptr_restrict"), 0o600.into())
        .unwrap();
    machine.check("kernel_settings", None, "no plain file");
    machine.file("sys/class/dmi/id/product_name", "a\u{1b}[2Jb".as_bytes());
    assert_eq!(machine.report().facts.get("model").map(String::as_str), Some("a\u{fffd}[2Jb"));
}

#[test]
fn what_may_not_be_read_is_unknown_with_the_reason() {
    let machine = laptop();
    let place = machine.0.path().join("sys/kernel/security/lockdown");
    fs::set_permissions(&place, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&place).is_ok() {
        // Root reads everything: then this is what it sees.
        machine.check("kernel_lockdown", Some(10_000), "integrity");
    } else {
        machine.check("kernel_lockdown", None, "permission denied");
    }
}

#[test]
fn a_directory_without_end_is_not_read_to_its_end() {
    let machine = laptop();
    for n in 0..4_200 {
        machine.file(&format!("boot/{n}"), b"");
    }
    machine.check("reboot_pending", None, "more than 4096 files");
}
