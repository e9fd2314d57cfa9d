//! Keys: ours, which sign, and everybody's, which are certified and verified with.
//!
//! Invariant: a `PublicKey` has been decoded and checked (a point on its curve, a modulus of a sane size), so whoever holds
//! one may put it into a certificate.

mod file;
mod private;
mod public;
mod rsa;

use std::fmt;

pub use file::{KeyFileError, read_credential, read_key_file};
pub use private::PrivateKey;
pub use public::{KeyError, KeyKind, PublicKey, Scheme, ecdsa_der};
pub use rsa::RsaPrivateKey;

use crate::kernel::Fault;

/// What our own keys sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256: `ES256`.
    P256,
    /// RSA PKCS#1 v1.5 with 2048 bits and SHA-256: `RS256`. For OpenID tokens alone, whose clients may know nothing else.
    Rsa2048,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::P256, Self::Rsa2048];

    /// The name in settings, rows and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "ec-p256",
            Self::Rsa2048 => "rsa-2048",
        }
    }

    /// Reads the name that `as_str` prints.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
}

/// A private key somewhere: in this process, or behind an adapter. Local and synchronous.
pub trait Signer: Send + Sync + fmt::Debug {
    /// What it signs with.
    fn algorithm(&self) -> Algorithm;
    /// Its public half.
    fn public_key(&self) -> &PublicKey;
    /// Signs the message; the signature as certificates carry it (DER of r and s for ECDSA).
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Fault>;
    /// Signs the message; the signature as JWS carries it (of ECDSA r and s side by side, RFC 7518 §3.3, §3.4).
    fn sign_fixed(&self, message: &[u8]) -> Result<Vec<u8>, Fault>;
}
