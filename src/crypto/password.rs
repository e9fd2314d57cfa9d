//! Passwords: Argon2id (RFC 9106), in the text form that others read too (`$argon2id$v=19$m=…,t=…,p=…$salt$hash`).
//!
//! Slow on purpose: some 20 ms of a core and 19 MiB a password. Whoever calls it does so on a thread of its own.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq as _;
use unicode_normalization::UnicodeNormalization as _;

use crate::kernel::{Fault, Secret};

/// What a hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for PasswordCost {
    /// The least that OWASP's password storage cheat sheet advises for Argon2id.
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 }
    }
}

/// A password as it is hashed: its form is unified (NFC, as NIST SP 800-63B-4 §3.1.1.2 and RFC 8265 §4.2 ask), its length fits.
#[derive(Debug)]
pub struct Password(Secret<String>);

/// Why a text is no password here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too short to resist guessing.
    #[error("a password has at least {least} characters")]
    Short {
        /// How many there must be.
        least: usize,
    },
    /// Longer than anybody types.
    #[error("a password has at most {PASSWORD_CHARS_MAX} characters")]
    Long,
    /// It is on a list of passwords that strangers try.
    #[error("this password is known to others: it was in a list of stolen passwords")]
    Breached,
}

impl Password {
    /// Reads what somebody wants as a password.
    pub fn chosen(text: &Secret<String>, least: usize) -> Result<Self, PasswordError> {
        let password = Self::typed(text).ok_or(PasswordError::Long)?;
        let chars = password.0.expose().chars().count();
        if chars < least {
            return Err(PasswordError::Short { least });
        }
        Ok(password)
    }

    /// Reads what somebody typed as theirs; nothing if it is too long to be one.
    pub fn typed(text: &Secret<String>) -> Option<Self> {
        // Before anything is done with it: normalising megabytes costs as well.
        if text.expose().len() > PASSWORD_CHARS_MAX.saturating_mul(4) {
            return None;
        }
        let form: String = text.expose().nfc().collect();
        (form.chars().count() <= PASSWORD_CHARS_MAX).then(|| Self(Secret::new(form)))
    }

    /// SHA-1 of it, by which lists of stolen passwords name theirs.
    pub fn sha1(&self) -> [u8; 20] {
        super::digest::sha1(self.0.expose().as_bytes())
    }
}

/// Memory of one hash after the other, so that it is asked of the system once.
#[derive(Default)]
pub struct Scratch(Vec<Block>);

impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scratch({} KiB)", self.0.len())
    }
}

/// The hash of a password, under this salt.
pub fn hash(
    password: &Password,
    cost: PasswordCost,
    salt: &[u8; 16],
    scratch: &mut Scratch,
) -> Result<String, Fault> {
    let digest = digest(password, cost, salt, scratch)?;
    let PasswordCost { memory_kib, passes, lanes } = cost;
    let (salt, digest) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(digest));
    Ok(format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${digest}"))
}

/// What became of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// It is this password.
    pub right: bool,
    /// It was hashed at another cost than `cost`: hash it again.
    pub stale: bool,
}

/// Compares a password with a hash, at the hash's own cost.
pub fn verify(
    password: &Password,
    stored: &str,
    cost: PasswordCost,
    scratch: &mut Scratch,
) -> Result<Verified, Fault> {
    let (own, salt, expected) =
        parse(stored).ok_or_else(|| Fault::malformed("password", "its hash"))?;
    let digest = digest(password, own, &salt, scratch)?;
    let right = bool::from(digest.as_slice().ct_eq(&expected));
    Ok(Verified { right, stale: own != cost })
}

fn digest(
    password: &Password,
    cost: PasswordCost,
    salt: &[u8],
    scratch: &mut Scratch,
) -> Result<[u8; DIGEST_BYTES], Fault> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(DIGEST_BYTES))
        .map_err(Fault::bug)?;
    if scratch.0.len() < params.block_count() {
        scratch.0.resize(params.block_count(), Block::default());
    }
    let mut out = [0; DIGEST_BYTES];
    let blocks =
        scratch.0.get_mut(..params.block_count()).ok_or_else(|| Fault::bug("no memory"))?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password.0.expose().as_bytes(), salt, &mut out, blocks)
        .map_err(Fault::bug)?;
    Ok(out)
}

fn parse(stored: &str) -> Option<(PasswordCost, Vec<u8>, Vec<u8>)> {
    let rest = stored.strip_prefix("$argon2id$v=19$")?;
    let mut parts = rest.split('$');
    let (cost, salt, digest) = (parts.next()?, parts.next()?, parts.next()?);
    let mut numbers = cost.split(',');
    let mut number = |name: &str| numbers.next()?.strip_prefix(name)?.parse::<u32>().ok();
    let cost =
        PasswordCost { memory_kib: number("m=")?, passes: number("t=")?, lanes: number("p=")? };
    let bytes = |text: &str| STANDARD_NO_PAD.decode(text).ok();
    match parts.next() {
        None => Some((cost, bytes(salt)?, bytes(digest)?)),
        Some(_) => None,
    }
}

const DIGEST_BYTES: usize = 32;
/// Longer than NIST SP 800-63B-4 §3.1.1.2 asks to take (64); short enough to hash at once.
pub const PASSWORD_CHARS_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: PasswordCost = PasswordCost { memory_kib: 64, passes: 2, lanes: 1 };

    fn password(text: &str) -> Password {
        Password::typed(&Secret::new(text.to_owned())).expect("short enough")
    }

    #[test]
    fn a_hash_is_of_its_password_and_of_no_other() {
        let mut scratch = Scratch::default();
        let stored = hash(&password("correct horse"), SMALL, &[7; 16], &mut scratch).unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=64,t=2,p=1$BwcHBwcHBwcHBwcHBwcHBw$"),
            "{stored}"
        );
        let mut check = |text: &str| verify(&password(text), &stored, SMALL, &mut scratch).unwrap();
        assert_eq!(check("correct horse"), Verified { right: true, stale: false });
        assert!(!check("correct horse ").right);
        assert!(!check("").right);
    }

    #[test]
    fn the_digest_is_that_of_the_reference_implementation() {
        // `echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 32` of the reference implementation.
        let cost = PasswordCost { memory_kib: 65_536, passes: 2, lanes: 1 };
        let digest = digest(&password("password"), cost, b"somesalt", &mut Scratch::default());
        assert_eq!(
            super::super::digest::hex(&digest.unwrap()),
            "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"
        );
    }

    #[test]
    fn a_hash_of_another_cost_is_checked_at_its_own_and_called_stale() {
        let mut scratch = Scratch::default();
        let stored = hash(&password("x"), SMALL, &[1; 16], &mut scratch).unwrap();
        let dearer = PasswordCost { memory_kib: 128, ..SMALL };
        let verified = verify(&password("x"), &stored, dearer, &mut scratch).unwrap();
        assert_eq!(verified, Verified { right: true, stale: true });
    }

    #[test]
    fn one_password_in_two_forms_is_one() {
        let mut scratch = Scratch::default();
        let stored = hash(&password("pa\u{df}wo\u{301}rt"), SMALL, &[1; 16], &mut scratch).unwrap();
        assert!(
            verify(&password("pa\u{df}w\u{f3}rt"), &stored, SMALL, &mut scratch).unwrap().right
        );
    }

    #[test]
    fn length_is_counted_in_characters_after_unifying_and_huge_input_is_not_hashed() {
        let chosen = |text: &str| Password::chosen(&Secret::new(text.to_owned()), 8).map(|_| ());
        assert_eq!(chosen("ü1234567"), Ok(()));
        assert_eq!(chosen("u\u{308}123456"), Err(PasswordError::Short { least: 8 }));
        assert_eq!(chosen(&"x".repeat(256)), Ok(()));
        assert_eq!(chosen(&"x".repeat(257)), Err(PasswordError::Long));
        assert!(Password::typed(&Secret::new("x".repeat(10_000_000))).is_none());
    }

    #[test]
    fn what_is_no_hash_is_refused_and_not_taken_for_a_wrong_password() {
        for bad in ["", "x", "$argon2i$v=19$m=64,t=2,p=1$AA$AA", "$argon2id$v=19$m=64,t=2$AA$AA"] {
            assert!(verify(&password("x"), bad, SMALL, &mut Scratch::default()).is_err(), "{bad}");
        }
    }
}
