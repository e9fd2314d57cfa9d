//! What entries weigh in memory: measured in a process of its own, so that other tests do not weigh in.

use std::process::Command;

use crate::kernel::{EntryId, Lifetime, Selector, SpiffeId, SubjectId, Timestamp};
use crate::workloads::index::Index;
use crate::workloads::model::{Entry, Terms};

const ENTRIES: u32 = 100_000;
const MARK: &str = "bytes an entry: ";

/// What this process has written to memory: not the program itself, which is read in as it runs.
fn written_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    let kibibytes: usize = line.trim().trim_end_matches(" kB").parse().unwrap();
    kibibytes * 1024
}

/// An entry as fleets have them: a long path, three selectors of which one is its own, a DNS name.
fn entry(n: u32) -> Entry {
    let id = |path: String| SpiffeId::parse(&format!("spiffe://prod.example.org{path}")).unwrap();
    let mut selectors = [
        format!("k8s:ns:team-{}", n % 500),
        format!("k8s:sa:service-{n}"),
        "k8s:container-name:main".to_owned(),
    ]
    .map(|text| Selector::parse(&text).unwrap());
    selectors.sort();
    Entry {
        id: EntryId::from_uuid(uuid::Uuid::from_u128(n.into())),
        number: SubjectId::new(uuid::Uuid::from_u128(n.into())),
        revision: 0,
        created_at: Timestamp::EPOCH,
        terms: Terms {
            spiffe_id: id(format!("/ns/team-{}/sa/service-{n}", n % 500)),
            parent_id: id(format!("/spire/agent/join_token/{}", n % 1000)),
            selectors: selectors.into(),
            x509_svid_ttl: Some(Lifetime::hours(1)),
            jwt_svid_ttl: None,
            federates_with: Box::default(),
            admin: false,
            downstream: false,
            expires_at: n.is_multiple_of(10).then_some(Timestamp::FOREVER),
            dns_names: [format!("service-{n}.team.svc").into()].into(),
            store_svid: false,
            hint: None,
            disable_x509_svid_prefetch: false,
            jwt_svid_include_jti: false,
        },
    }
}

#[test]
fn an_entry_weighs_at_most_a_kibibyte_with_its_indexes() {
    if alone() {
        let before = written_bytes();
        let mut index = Index::default();
        for n in 0..ENTRIES {
            index.insert(entry(n));
        }
        println!("{MARK}{}", written_bytes().saturating_sub(before) / 100_000);
        assert_eq!(index.len(), 100_000);
        return;
    }
    let name = "workloads::tests::weight::an_entry_weighs_at_most_a_kibibyte_with_its_indexes";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env("WEFT_WEIGH", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let bytes = said.lines().find_map(|line| line.split_once(MARK)).map(|(_, bytes)| bytes);
    let bytes: usize = bytes.unwrap_or_else(|| panic!("{said}")).trim().parse().unwrap();
    assert!(bytes <= 1024, "an entry weighs {bytes} bytes");
    assert!(bytes > 100, "{bytes} bytes an entry: that is no measurement");
}

#[expect(clippy::disallowed_methods, reason = "a test that runs itself tells its child so")]
fn alone() -> bool {
    std::env::var("WEFT_WEIGH").is_ok()
}
