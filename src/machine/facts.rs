//! What the machine is, for people and for inventories. Nothing of it is scored; nothing of it names a person.

use std::collections::BTreeMap;

use super::os_supported::field;
use super::{Root, shortened};

/// What is known; the rest is left out.
pub(super) fn facts(root: &Root) -> BTreeMap<String, String> {
    let line = |path: &str| root.text(path).ok().flatten().map(|text| text.trim().to_owned());
    let os = line("/etc/os-release");
    let os = os.as_deref().and_then(|text| field(text, "PRETTY_NAME")).map(ToOwned::to_owned);
    let chassis = line("/sys/class/dmi/id/chassis_type").map(|kind| chassis(&kind).to_owned());
    let tpm = match line("/sys/class/tpm/tpm0/tpm_version_major").as_deref() {
        Some("2") => Some("2.0".to_owned()),
        Some("1") => Some("1.2".to_owned()),
        _ => None,
    };
    let facts = [
        ("os", os),
        ("kernel", line("/proc/sys/kernel/osrelease")),
        ("model", line("/sys/class/dmi/id/product_name")),
        ("chassis", chassis),
        ("tpm", tpm),
    ];
    let known = facts.into_iter().filter_map(|(name, value)| Some((name, value?)));
    known.map(|(name, value)| (name.to_owned(), shortened(&value))).collect()
}

/// What a chassis is (SMBIOS §7.4.1), as far as it makes a difference here.
fn chassis(kind: &str) -> &'static str {
    match kind {
        "8" | "9" | "10" | "11" | "14" | "30" | "31" | "32" => "laptop",
        "17" | "23" | "28" | "29" => "server",
        "3" | "4" | "5" | "6" | "7" | "13" | "15" | "16" | "35" | "36" => "desktop",
        _ => "other",
    }
}
