//! Sealing as sentences.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::crypto::digest::{base64, hex};
use crate::crypto::keys::KeyFileError;
use crate::kernel::Secret;
use crate::testkit::SeededEntropy;

fn kek(byte: u8) -> Kek {
    Kek::from_bytes(&Secret::new([byte; 32])).unwrap()
}

fn chance() -> SeededEntropy {
    SeededEntropy::new(1)
}

#[test]
fn a_blob_opens_in_its_own_place_only() {
    let ring = KekRing::new(kek(1), vec![]);
    let blob = ring.seal(b"row 1", b"secret", &chance()).unwrap();
    assert!(ring.open(b"row 1", &blob).unwrap().equals(b"secret"));
    assert!(ring.open(b"row 2", &blob).is_err(), "moved to another row");
    assert!(!blob.windows(6).any(|window| window == b"secret"));
    for at in 0..blob.len() {
        let mut bent = blob.clone();
        bent[at] ^= 1;
        assert!(ring.open(b"row 1", &bent).is_err(), "byte {at}");
    }
    for cut in 0..blob.len() {
        assert!(ring.open(b"row 1", &blob[..cut]).is_err());
    }
}

#[test]
fn two_keys_are_in_use_while_rows_are_resealed() {
    let before = KekRing::new(kek(1), vec![]);
    let blob = before.seal(b"a", b"secret", &chance()).unwrap();
    let both = KekRing::new(kek(2), vec![kek(1)]);
    assert!(both.open(b"a", &blob).unwrap().equals(b"secret"));
    assert!(both.is_stale(&blob) && !before.is_stale(&blob));
    let resealed = both.seal(b"a", b"secret", &chance()).unwrap();
    let after = KekRing::new(kek(2), vec![]);
    assert!(after.open(b"a", &resealed).unwrap().equals(b"secret"));
    let words = after.open(b"a", &blob).unwrap_err().to_string();
    assert!(
        words.contains(&before.current_id()),
        "the error names the key that is missing: {words}"
    );
}

#[test]
fn a_data_key_never_uses_a_nonce_twice() {
    let key = DataKey::from_bytes(&Secret::new([7; 32]), &chance()).unwrap();
    let blobs: Vec<Vec<u8>> = (0..100).map(|_| key.seal(b"", b"x").unwrap()).collect();
    let nonces: std::collections::HashSet<&[u8]> = blobs.iter().map(|blob| &blob[..12]).collect();
    assert_eq!(nonces.len(), 100);
    let again = DataKey::from_bytes(&Secret::new([7; 32]), &SeededEntropy::new(2)).unwrap();
    assert!(again.open(b"", &blobs[0]).unwrap().equals(b"x"), "the key taken up anew");
    assert_ne!(again.seal(b"", b"x").unwrap()[..8], blobs[0][..8], "has another prefix");
    assert!(again.open(b"other", &blobs[0]).is_err());
    assert!(again.open(b"", &blobs[0][..11]).is_err());
}

#[test]
fn a_key_file_is_made_for_its_owner_alone_and_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kek");
    let absent = Kek::load(&KekSource::File { path: &path, create: false }, &chance());
    assert!(matches!(absent, Err(KekError::File(KeyFileError::Io { .. }))));
    let made = Kek::load(&KekSource::File { path: &path, create: true }, &chance()).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    let kept =
        Kek::load(&KekSource::File { path: &path, create: true }, &SeededEntropy::new(9)).unwrap();
    assert_eq!(made.id(), kept.id());
    assert_eq!(
        std::fs::read_dir(directory.path()).unwrap().count(),
        1,
        "nothing is left beside it"
    );
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kek");
    std::fs::write(&path, base64(&[1; 32])).unwrap();
    for mode in [0o640, 0o604, 0o660, 0o644, 0o610] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let refused = Kek::load(&KekSource::File { path: &path, create: true }, &chance());
        assert!(matches!(refused, Err(KekError::File(KeyFileError::Readable { .. }))), "{mode:o}");
        assert!(refused.unwrap_err().to_string().contains("chmod 600"));
    }
    let credential = Kek::load(&KekSource::Credential { path: &path }, &chance()).unwrap();
    assert_eq!(credential.id(), kek(1).id(), "systemd has set the rights of a credential");
}

#[test]
fn a_key_is_32_bytes_in_base64_or_hexadecimal() {
    let text = |text: String| {
        Kek::load(&KekSource::Text(&Secret::new(text)), &chance()).map(|kek| kek.id())
    };
    assert_eq!(text(base64(&[1; 32])).unwrap(), kek(1).id());
    assert_eq!(text(hex(&[1; 32]) + "\n").unwrap(), kek(1).id());
    for bad in
        [String::new(), "short".to_owned(), base64(&[1; 31]), base64(&[1; 33]), hex(&[1; 31])]
    {
        assert!(matches!(text(bad.clone()), Err(KekError::Form)), "{bad}");
    }
    assert_ne!(kek(1).id(), kek(2).id());
}
