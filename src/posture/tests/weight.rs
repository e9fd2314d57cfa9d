//! What a device's posture weighs in memory: measured in a process of its own, so that other tests do not weigh in.

use std::process::Command;
use std::sync::Arc;

use crate::kernel::{BasisPoints, DeviceId, Level, RealmId, Timestamp};
use crate::posture::index::Index;
use crate::posture::model::{Known, Said, Source};
use crate::posture::scoring::{Class, Held, Reading};
use crate::posture::store;
use crate::posture::words::Current;

const DEVICES: u32 = 100_000;
const MARK: &str = "bytes a device: ";

/// What this process has written to memory: not the program itself, which is read in as it runs.
fn written_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    let kibibytes: usize = line.trim().trim_end_matches(" kB").parse().unwrap();
    kibibytes * 1024
}

fn known(n: u32, current: &Current) -> Known {
    let mut digest = [7; 32];
    digest[..4].copy_from_slice(&n.to_be_bytes());
    let evidence = store::evidence(&Source::Collector, &digest);
    // What the model does not count is not held.
    let reading = |name: &&str| {
        Some(Reading {
            signal: current.known_name(name)?,
            value: BasisPoints::ONE,
            class: Class::BearerAgent,
            at: Timestamp::EPOCH,
            evidence: Arc::clone(&evidence),
        })
    };
    let said = Said {
        source: Source::Collector,
        collected_at: Timestamp::EPOCH,
        received_at: Timestamp::EPOCH,
        digest,
        evidence: Arc::clone(&evidence),
        came_as: Class::BearerAgent,
        laptop: true,
        readings: crate::machine::names().iter().filter_map(reading).collect(),
    };
    Known {
        device: DeviceId::new(uuid::Uuid::from_u128(n.into())),
        said: Arc::from([said]),
        held: Held { level: Level::Restricted, rising: None },
        charted_at: Timestamp::EPOCH,
        revision: 1,
    }
}

#[test]
fn a_devices_posture_weighs_at_most_a_kibibyte_and_a_bit() {
    if alone() {
        let current = Current::shipped().unwrap();
        let before = written_bytes();
        let index = Index::new(Current::shipped().unwrap());
        for n in 0..DEVICES {
            index.put(RealmId::FIRST, &current, known(n, &current));
        }
        println!("{MARK}{}", written_bytes().saturating_sub(before) / 100_000);
        assert!(index.find(DeviceId::new(uuid::Uuid::from_u128(99_999))).is_some());
        return;
    }
    let name = "posture::tests::weight::a_devices_posture_weighs_at_most_a_kibibyte_and_a_bit";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env("WEFT_WEIGH", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let bytes = said.lines().find_map(|line| line.split_once(MARK)).map(|(_, bytes)| bytes);
    let bytes: usize = bytes.unwrap_or_else(|| panic!("{said}")).trim().parse().unwrap();
    assert!(bytes <= 1200, "a device weighs {bytes} bytes");
    assert!(bytes > 100, "{bytes} bytes a device: that is no measurement");
    println!("proof: posture of a device in memory: {bytes} bytes, measured over {DEVICES}");
}

#[expect(clippy::disallowed_methods, reason = "a test that runs itself tells its child so")]
fn alone() -> bool {
    std::env::var("WEFT_WEIGH").is_ok()
}
