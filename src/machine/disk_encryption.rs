//! Whether the disk that the system is on is encrypted: from the mount of `/` down through the block devices.

use super::{Root, Seen, Signal, Unknown, unknown};
use crate::kernel::Timestamp;

#[derive(Debug)]
pub(super) struct DiskEncryption;

impl Signal for DiskEncryption {
    fn name(&self) -> &'static str {
        "disk_encryption"
    }

    fn source(&self) -> &'static str {
        "/proc/self/mountinfo, /sys/block"
    }

    fn look(&self, root: &Root, _now: Timestamp) -> Result<Seen, Unknown> {
        let mounts = root.need("/proc/self/mountinfo")?;
        // What is mounted last hides what is below it.
        let Some(mount) = mounts.lines().rev().find_map(Mount::of_root) else {
            return unknown("`/proc/self/mountinfo` does not say where `/` is");
        };
        let device = mount.device(root)?;
        judge(&device, layer(root, &device, 0)?.as_deref())
    }
}

/// The device that `/` is on, and what encrypts it.
pub fn judge(device: &str, how: Option<&str>) -> Result<Seen, Unknown> {
    match how {
        Some(how) => Seen::good(format!("`/` is on {device}, encrypted with {how}")),
        None => Seen::bad(format!("`/` is on {device}, which is not encrypted")),
    }
}

/// The mount of `/`: number of its device, kind of file system, what was mounted (proc(5)).
struct Mount<'l> {
    number: &'l str,
    kind: &'l str,
    source: &'l str,
}

impl<'l> Mount<'l> {
    fn of_root(line: &'l str) -> Option<Self> {
        let (before, after) = line.split_once(" - ")?;
        let mut fields = before.split(' ').skip(2);
        let (number, place) = (fields.next()?, fields.nth(1)?);
        let mut fields = after.split(' ');
        (place == "/").then_some(Self { number, kind: fields.next()?, source: fields.next()? })
    }

    /// The block device's name in `/sys/block`, or of a partition.
    fn device(&self, root: &Root) -> Result<String, Unknown> {
        let by_number = !self.number.starts_with("0:");
        let name = self.source.strip_prefix("/dev/mapper/");
        for block in root.names("/sys/block")?.unwrap_or_default() {
            let below = format!("/sys/block/{block}");
            let says = |file: &str| {
                Ok::<_, Unknown>(root.text(&format!("{below}/{file}"))?.as_deref().map(trimmed))
            };
            if by_number && says("dev")?.as_deref() == Some(self.number) {
                return Ok(block);
            }
            if name.is_some() && says("dm/name")?.as_deref() == name {
                return Ok(block);
            }
            let parts = root.names(&below)?.unwrap_or_default();
            for part in parts.into_iter().filter(|part| part.starts_with(&block)) {
                if by_number && says(&format!("{part}/dev"))?.as_deref() == Some(self.number) {
                    return Ok(part);
                }
            }
        }
        match self.source.strip_prefix("/dev/") {
            Some(device) if !device.contains('/') && device != "root" => Ok(device.to_owned()),
            _ => unknown(format!(
                "`/` is {} from `{}`, and no disk that can be seen",
                self.kind, self.source
            )),
        }
    }
}

/// What encrypts a device, itself or all that is below it.
fn layer(root: &Root, device: &str, depth: u32) -> Result<Option<String>, Unknown> {
    if depth > LAYERS_MAX {
        return unknown("the block devices stand on each other in a circle");
    }
    let says = root
        .text(&format!("/sys/block/{device}/dm/uuid"))?
        .as_deref()
        .map(trimmed)
        .unwrap_or_default();
    // `CRYPT-VERITY` and `CRYPT-INTEGRITY` protect what is there from change, not from being read.
    for (mark, how) in [("CRYPT-LUKS", "LUKS"), ("CRYPT-PLAIN", "dm-crypt")] {
        if says.starts_with(mark) {
            return Ok(Some(how.to_owned()));
        }
    }
    let below = root.names(&format!("/sys/block/{device}/slaves"))?.unwrap_or_default();
    let mut how = None;
    for one in &below {
        match layer(root, one, depth + 1)? {
            Some(found) => how = Some(found),
            None => return Ok(None),
        }
    }
    Ok(how)
}

fn trimmed(text: &str) -> String {
    text.trim().to_owned()
}

/// RAID, encryption, volumes and caches make four.
const LAYERS_MAX: u32 = 8;
