//! Key-encryption keys, several at once: one seals, all open.

use std::fmt;

use aws_lc_rs::aead::LessSafeKey;
use aws_lc_rs::hmac;

use super::data::{aead_key, open_with, seal_with};
use crate::crypto::digest::{hmac_sha256, sha256};
use crate::env::Entropy;
use crate::kernel::{Fault, Secret};

/// A key-encryption key and its id.
pub struct Kek {
    id: [u8; ID_BYTES],
    key: LessSafeKey,
    pseudonyms: hmac::Key,
    /// Other keys are made from this one; it is one way from the key itself.
    root: Secret<[u8; 32]>,
}

/// The keys that may open, and the one that seals.
#[derive(Debug)]
pub struct KekRing {
    current: Kek,
    others: Vec<Kek>,
}

impl Kek {
    /// Takes up a key. Its id is made from it one way, so that equal keys have equal ids everywhere.
    pub fn from_bytes(bytes: &Secret<[u8; 32]>) -> Result<Self, Fault> {
        let labelled = Secret::new([ID_LABEL, bytes.expose()].concat());
        let digest = sha256(labelled.expose());
        let id = digest.first_chunk().copied().unwrap_or_default();
        let labelled = Secret::new([PSEUDONYM_LABEL, bytes.expose()].concat());
        let pseudonyms = hmac::Key::new(hmac::HMAC_SHA256, &sha256(labelled.expose()));
        let root = Secret::new(hmac_sha256(bytes.expose(), ROOT_LABEL));
        Ok(Self { id, key: aead_key(bytes)?, pseudonyms, root })
    }

    /// Its id, as `weft keys` prints it.
    pub fn id(&self) -> String {
        crate::crypto::digest::hex(&self.id)
    }
}

impl KekRing {
    /// A ring of which `current` seals, and all open.
    pub fn new(current: Kek, others: Vec<Kek>) -> Self {
        Self { current, others }
    }

    /// A key for one purpose, made from the key that seals, and behind it those made from the others: what was made with one
    /// of them is still known after a change of keys.
    pub fn derived(&self, purpose: &str) -> Vec<Secret<[u8; 32]>> {
        let of = |kek: &Kek| Secret::new(hmac_sha256(kek.root.expose(), purpose.as_bytes()));
        std::iter::once(&self.current).chain(&self.others).map(of).collect()
    }

    /// The id of the key that seals.
    pub fn current_id(&self) -> String {
        self.current.id()
    }

    /// Seals under the current key. The nonce is random: a key-encryption key seals few things (SP 800-38D §8.2.2 allows 2³²).
    pub fn seal(
        &self,
        aad: &[u8],
        plaintext: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, Fault> {
        let mut blob = Vec::with_capacity(1 + ID_BYTES + 28 + plaintext.len());
        blob.push(FORM);
        blob.extend_from_slice(&self.current.id);
        let sealed = seal_with(&self.current.key, entropy.nonce()?, aad, plaintext)?;
        blob.extend_from_slice(&sealed);
        Ok(blob)
    }

    /// Opens a blob that any key of the ring sealed with this associated data.
    pub fn open(&self, aad: &[u8], blob: &[u8]) -> Result<Secret<Vec<u8>>, Fault> {
        let (id, sealed) = split(blob)?;
        let kek = std::iter::once(&self.current)
            .chain(&self.others)
            .find(|kek| kek.id == *id)
            .ok_or_else(|| {
                let id = crate::crypto::digest::hex(id);
                Fault::malformed(
                    "sealed blob",
                    format!("it is sealed under key {id}, which this server was not given"),
                )
            })?;
        open_with(&kek.key, aad, sealed)
    }

    /// A name for something that nobody can tell or find by trying without the key: for what is counted and not to be known.
    /// Under another current key it is another one.
    pub fn pseudonym(&self, what: &[u8]) -> [u8; 32] {
        let tag = hmac::sign(&self.current.pseudonyms, what);
        tag.as_ref().try_into().unwrap_or_default()
    }

    /// True if this blob is sealed under another key than the one that seals now.
    pub fn is_stale(&self, blob: &[u8]) -> bool {
        split(blob).is_ok_and(|(id, _)| *id != self.current.id)
    }
}

fn split(blob: &[u8]) -> Result<(&[u8; ID_BYTES], &[u8]), Fault> {
    match blob.split_first() {
        Some((&FORM, rest)) => rest
            .split_first_chunk()
            .ok_or_else(|| Fault::malformed("sealed blob", "it is cut short")),
        _ => Err(Fault::malformed("sealed blob", "its form is unknown")),
    }
}

impl fmt::Debug for Kek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kek({})", self.id())
    }
}

/// The first byte of every blob, should the form ever change.
const FORM: u8 = 1;
/// Enough that two of an operator's keys never share one.
const ID_BYTES: usize = 8;
/// Keeps the id apart from every other digest of the same bytes.
const ID_LABEL: &[u8] = b"weft key-encryption key id v1\0";
/// The same for pseudonyms.
const PSEUDONYM_LABEL: &[u8] = b"weft key-encryption key pseudonyms v1\0";
/// Keeps derived keys apart from everything else that is made of the same bytes.
const ROOT_LABEL: &[u8] = b"weft key-encryption key root v1";
