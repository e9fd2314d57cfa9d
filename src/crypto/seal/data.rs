//! Data keys: for many small blobs under one key.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::env::Entropy;
use crate::kernel::{Fault, Secret};

/// An AES-256-GCM key that never uses a nonce twice: eight random bytes drawn when the key is taken up, then a counter. Two
/// processes with the same key draw the same prefix with odds of 2⁻⁶⁴ a pair (NIST SP 800-38D §8.2.1, deterministic
/// construction with a random fixed field).
pub struct DataKey {
    key: LessSafeKey,
    prefix: [u8; 8],
    counter: AtomicU32,
}

impl DataKey {
    /// Takes up a key.
    pub fn from_bytes(bytes: &Secret<[u8; 32]>, entropy: &dyn Entropy) -> Result<Self, Fault> {
        Ok(Self { key: aead_key(bytes)?, prefix: entropy.nonce()?, counter: AtomicU32::new(0) })
    }

    /// Nonce, ciphertext and tag. Refuses after 2³² uses, when the counter is spent: take the key up anew.
    pub fn seal(&self, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut blob = Vec::with_capacity(NONCE_LEN + plaintext.len() + AES_256_GCM.tag_len());
        self.seal_onto(&mut blob, aad, plaintext)?;
        Ok(blob)
    }

    /// The same, appended; nothing is appended where it fails.
    pub fn seal_onto(&self, out: &mut Vec<u8>, aad: &[u8], plaintext: &[u8]) -> Result<(), Fault> {
        let count = self
            .counter
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_add(1))
            .map_err(|_| Fault::bug("a data key has used all its nonces"))?;
        let mut nonce = [0_u8; NONCE_LEN];
        let (head, tail) = nonce.split_at_mut(self.prefix.len());
        head.copy_from_slice(&self.prefix);
        tail.copy_from_slice(&count.to_be_bytes());
        seal_onto(out, &self.key, (nonce, aad), plaintext)
    }

    /// The plaintext, if this key sealed it with this associated data.
    pub fn open(&self, aad: &[u8], blob: &[u8]) -> Result<Secret<Vec<u8>>, Fault> {
        open_with(&self.key, aad, blob)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(…)")
    }
}

pub(super) fn aead_key(bytes: &Secret<[u8; 32]>) -> Result<LessSafeKey, Fault> {
    let unbound = UnboundKey::new(&AES_256_GCM, bytes.expose())
        .map_err(|_| Fault::bug("32 bytes are no AES-256 key"))?;
    Ok(LessSafeKey::new(unbound))
}

pub(super) fn seal_with(
    key: &LessSafeKey,
    nonce: [u8; NONCE_LEN],
    aad: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, Fault> {
    let mut blob = Vec::with_capacity(NONCE_LEN + plaintext.len() + AES_256_GCM.tag_len());
    seal_onto(&mut blob, key, (nonce, aad), plaintext)?;
    Ok(blob)
}

fn seal_onto(
    out: &mut Vec<u8>,
    key: &LessSafeKey,
    (nonce, aad): ([u8; NONCE_LEN], &[u8]),
    plaintext: &[u8],
) -> Result<(), Fault> {
    let begin = out.len();
    out.extend_from_slice(&nonce);
    out.extend_from_slice(plaintext);
    let body = out.get_mut(begin + NONCE_LEN..).unwrap_or_default();
    let nonce = Nonce::assume_unique_for_key(nonce);
    let Ok(tag) = key.seal_in_place_separate_tag(nonce, Aad::from(aad), body) else {
        // What is left of the text must not stay there in the clear.
        out.truncate(begin);
        return Err(Fault::bug("sealing failed"));
    };
    out.extend_from_slice(tag.as_ref());
    Ok(())
}

pub(super) fn open_with(
    key: &LessSafeKey,
    aad: &[u8],
    blob: &[u8],
) -> Result<Secret<Vec<u8>>, Fault> {
    let (nonce, sealed) = blob.split_first_chunk::<NONCE_LEN>().ok_or_else(damaged)?;
    let mut body = sealed.to_vec();
    let length = key
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), &mut body)
        .map_err(|_| damaged())?
        .len();
    body.truncate(length);
    Ok(Secret::new(body))
}

fn damaged() -> Fault {
    Fault::malformed("sealed blob", "it was changed, moved, or sealed under another key")
}
