//! A device's files: whatever moment the program ends at, there is a key with its SVID, and for its owner alone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use super::files::Files;
use crate::crypto::keys::{Algorithm, PrivateKey};
use crate::crypto::x509::{CaTemplate, Issuer, LeafTemplate, Serial, pem, self_signed_ca};
use crate::env::SystemEntropy;
use crate::kernel::{SpiffeId, Timestamp, TrustDomain};
use crate::wire::api::DeviceSvid;

pub(super) const ISSUER: &str = "https://id.weft.test";
const ID: &str = "spiffe://weft.test/device/dev_1";
pub(super) const FROM: Timestamp = Timestamp::from_seconds(1_700_000_000);
pub(super) const UNTIL: Timestamp = Timestamp::from_seconds(1_900_000_000);

fn serial() -> Serial {
    Serial::new(&SystemEntropy::default()).unwrap()
}

/// What a server would answer for this key.
fn given(key: &PrivateKey) -> DeviceSvid {
    let own = Arc::new(PrivateKey::generate(Algorithm::P256).unwrap());
    let trust_domain = &TrustDomain::parse("weft.test").unwrap();
    let template = CaTemplate {
        trust_domain,
        serial: serial(),
        not_before: FROM,
        not_after: UNTIL,
        path_length: None,
    };
    let root = self_signed_ca(&template, own.as_ref()).unwrap();
    let leaf = LeafTemplate {
        id: &SpiffeId::parse(ID).unwrap(),
        dns_names: &[],
        organization: None,
        serial: serial(),
        not_before: FROM,
        not_after: UNTIL,
    };
    let leaf = Issuer::new(&root, own).unwrap().sign_leaf(&leaf, key.public()).unwrap();
    DeviceSvid {
        id: "dev_1".to_owned(),
        spiffe_id: ID.to_owned(),
        chain: pem("CERTIFICATE", &leaf).to_string(),
        bundle: pem("CERTIFICATE", &root).to_string(),
        expires_at: UNTIL.into(),
        issuer: ISSUER.to_owned(),
    }
}

/// The files of a device that has enrolled.
pub(super) fn enrolled() -> (tempfile::TempDir, Files) {
    let (folder, files) = place();
    let key = files.next_key().unwrap();
    files.keep(&key, &given(&key)).unwrap();
    (folder, files)
}

fn place() -> (tempfile::TempDir, Files) {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::at(folder.path().join("device"));
    files.settle().unwrap();
    (folder, files)
}

fn names(directory: &Path) -> Vec<String> {
    let all = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        all.map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_is_kept_is_for_its_owner_alone() {
    let (_folder, files) = place();
    let key = files.next_key().unwrap();
    files.keep(&key, &given(&key)).unwrap();
    assert_eq!(names(files.directory()), ["bundle.pem", "issuer", "key.pem", "svid.pem"]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(files.directory()), 0o700);
    for name in names(files.directory()) {
        assert_eq!(mode(&files.directory().join(&name)), 0o600, "{name}");
    }
    assert_eq!(files.held_until(), Some(UNTIL));
}

#[test]
fn an_answer_that_was_lost_is_asked_for_again_with_the_same_key() {
    let (_folder, files) = place();
    let asked = files.next_key().unwrap();
    assert_eq!(files.next_key().unwrap().public().spki(), asked.public().spki());
    files.keep(&asked, &given(&asked)).unwrap();
    assert_ne!(files.next_key().unwrap().public().spki(), asked.public().spki());
    assert_eq!(files.held_until(), Some(UNTIL), "the next key takes nothing away");
}

#[test]
fn an_svid_for_another_key_is_not_taken() {
    let (_folder, files) = place();
    let key = files.next_key().unwrap();
    let other = PrivateKey::generate(Algorithm::P256).unwrap();
    assert!(files.keep(&key, &given(&other)).is_err());
    let somebody = DeviceSvid { spiffe_id: format!("{ID}2"), ..given(&key) };
    assert!(files.keep(&key, &somebody).is_err());
    assert_eq!(files.held_until(), None);
}

/// The program ends after each of the steps in which a new key and its SVID take their places.
#[test]
fn a_renewal_that_was_interrupted_is_finished_by_the_next_run() {
    for steps in 0..=2 {
        let (_folder, files) = place();
        let first = files.next_key().unwrap();
        files.keep(&first, &given(&first)).unwrap();
        let next = files.next_key().unwrap();
        let at = |name: &str| files.directory().join(name);
        fs::write(at("svid.next.pem"), given(&next).chain).unwrap();
        for (from, to) in
            [("key.next.pem", "key.pem"), ("svid.next.pem", "svid.pem")].iter().take(steps)
        {
            fs::rename(at(from), at(to)).unwrap();
        }
        files.settle().unwrap();
        assert_eq!(
            names(files.directory()),
            ["bundle.pem", "issuer", "key.pem", "svid.pem"],
            "{steps}"
        );
        assert_eq!(files.held_until(), Some(UNTIL), "{steps}");
        let kept = crate::crypto::x509::pem_private_key(&fs::read(at("key.pem")).unwrap()).unwrap();
        assert_eq!(kept.public().spki(), next.public().spki(), "{steps}");
    }
}
