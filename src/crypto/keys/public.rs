//! A public key: exactly the bytes of its `SubjectPublicKeyInfo`, decoded and checked once.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use aws_lc_rs::signature as sig;
use aws_lc_rs::signature::{ParsedPublicKey, UnparsedPublicKey, VerificationAlgorithm};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey as ParsedKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::crypto::der;
use crate::crypto::digest::sha256;

/// What sort of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
    /// Ed25519.
    Ed25519,
    /// RSA, with the bits of its modulus.
    Rsa(usize),
}

/// How a signature was made. ECDSA signatures are in DER here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// ECDSA over SHA-256.
    EcdsaSha256,
    /// ECDSA over SHA-384.
    EcdsaSha384,
    /// ECDSA over SHA-512.
    EcdsaSha512,
    /// RSA PKCS#1 v1.5 over SHA-256.
    RsaPkcs1Sha256,
    /// RSA PKCS#1 v1.5 over SHA-384.
    RsaPkcs1Sha384,
    /// RSA PKCS#1 v1.5 over SHA-512.
    RsaPkcs1Sha512,
    /// RSA PSS over SHA-256, salt as long as the digest.
    RsaPssSha256,
    /// RSA PSS over SHA-256, salt as long as fits: what Go's `crypto/rsa` makes when it is told nothing.
    RsaPssSha256LongestSalt,
    /// RSA PSS over SHA-384, salt as long as the digest.
    RsaPssSha384,
    /// RSA PSS over SHA-512, salt as long as the digest.
    RsaPssSha512,
    /// Ed25519.
    Ed25519,
}

/// Why bytes are no key that we accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not DER, trailing bytes, or a point that is not on its curve.
    #[error("the public key is malformed")]
    Malformed,
    /// Another algorithm or curve, or a compressed point.
    #[error(
        "the public key is of a kind that is not accepted: P-256, P-384, P-521, Ed25519 or RSA"
    )]
    Kind,
    /// RSA under 2048 bits, or so long that verifying with it would cost us more than it costs the sender.
    #[error("an RSA key has {RSA_BITS_MIN} to {RSA_BITS_MAX} bits")]
    RsaSize,
}

/// A checked public key. Cheap to clone.
#[derive(Clone)]
pub struct PublicKey(Arc<Inner>);

struct Inner {
    kind: KeyKind,
    spki: Vec<u8>,
    digest: [u8; 32],
    /// Where the key's own bits begin in `spki`.
    bits_at: usize,
    /// Parsed for the usual scheme, so that a request is parsed once.
    parsed: ParsedPublicKey,
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7) in DER, to the last byte.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        for (kind, prefix, length) in FIXED_FORMS {
            if der.starts_with(prefix) {
                if der.len() != length {
                    return Err(KeyError::Malformed);
                }
                return Self::checked(kind, der.to_vec(), prefix.len());
            }
        }
        Self::rsa(der)
    }

    /// The whole `SubjectPublicKeyInfo`, as it was given.
    pub fn spki(&self) -> &[u8] {
        &self.0.spki
    }

    /// SHA-256 of the `SubjectPublicKeyInfo`: the key's name in pins, bindings and callers' proofs.
    pub fn digest(&self) -> [u8; 32] {
        self.0.digest
    }

    /// What sort of key it is.
    pub fn kind(&self) -> KeyKind {
        self.0.kind
    }

    /// The key's own bits: the point, the Ed25519 key, or the `RSAPublicKey` structure.
    pub fn bits(&self) -> &[u8] {
        self.0.spki.get(self.0.bits_at..).unwrap_or_default()
    }

    /// True if this key made this signature over this message by this scheme; false for a scheme of another sort of key.
    pub fn verify(&self, scheme: Scheme, message: &[u8], signature: &[u8]) -> bool {
        let kind = self.0.kind;
        if usual(kind).0 == scheme {
            return self.0.parsed.verify_sig(message, signature).is_ok();
        }
        der_algorithm(kind, scheme)
            .is_some_and(|algorithm| self.verify_by(algorithm, message, signature))
    }

    pub(in crate::crypto) fn verify_by(
        &self,
        algorithm: &'static dyn VerificationAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        UnparsedPublicKey::new(algorithm, self.bits()).verify(message, signature).is_ok()
    }

    pub(super) fn from_p256_point(point: &[u8]) -> Result<Self, KeyError> {
        Self::from_point(KeyKind::P256, point)
    }

    /// A key of fixed form (not RSA) from its own bits.
    pub(in crate::crypto) fn from_point(wanted: KeyKind, bits: &[u8]) -> Result<Self, KeyError> {
        let (_, prefix, _) =
            FIXED_FORMS.into_iter().find(|(kind, _, _)| *kind == wanted).ok_or(KeyError::Kind)?;
        Self::from_spki_der(&[prefix, bits].concat())
    }

    /// An RSA key from modulus and exponent, big-endian.
    pub(in crate::crypto) fn from_rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        let (Some(n), Some(e)) = (der::integer(modulus), der::integer(exponent)) else {
            return Err(KeyError::Malformed);
        };
        let bits = der::bit_string(&der::sequence(&[&n, &e]));
        Self::rsa(&der::sequence(&[RSA_ALGORITHM, &bits]))
    }

    /// Modulus and exponent of an RSA key, big-endian without leading zeros.
    pub(in crate::crypto) fn rsa_numbers(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let (_, info) = SubjectPublicKeyInfo::from_der(self.spki()).ok()?;
        let Ok(ParsedKey::RSA(key)) = info.parsed() else { return None };
        let plain = |number: &[u8]| number.iter().copied().skip_while(|byte| *byte == 0).collect();
        Some((plain(key.modulus), plain(key.exponent)))
    }

    fn rsa(der: &[u8]) -> Result<Self, KeyError> {
        let (rest, info) = SubjectPublicKeyInfo::from_der(der).map_err(|_| KeyError::Malformed)?;
        if !rest.is_empty() {
            return Err(KeyError::Malformed);
        }
        // RFC 3279 §2.3.1: rsaEncryption with NULL parameters; PSS-only keys are refused with every other kind.
        if !contains_at_start(der, RSA_ALGORITHM) {
            return Err(KeyError::Kind);
        }
        let Ok(ParsedKey::RSA(key)) = info.parsed() else { return Err(KeyError::Malformed) };
        let bits = key.key_size();
        if !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
            return Err(KeyError::RsaSize);
        }
        let bits_at =
            der.len().checked_sub(info.subject_public_key.data.len()).ok_or(KeyError::Malformed)?;
        Self::checked(KeyKind::Rsa(bits), der.to_vec(), bits_at)
    }

    fn checked(kind: KeyKind, spki: Vec<u8>, bits_at: usize) -> Result<Self, KeyError> {
        let bits = spki.get(bits_at..).ok_or(KeyError::Malformed)?;
        let parsed = ParsedPublicKey::new(usual(kind).1, bits).map_err(|_| KeyError::Malformed)?;
        let digest = sha256(&spki);
        Ok(Self(Arc::new(Inner { kind, spki, digest, bits_at, parsed })))
    }
}

/// DER of an ECDSA signature from its two numbers, big-endian, of any length; nothing for a zero.
pub fn ecdsa_der(r: &[u8], s: &[u8]) -> Option<Vec<u8>> {
    Some(der::sequence(&[&der::integer(r)?, &der::integer(s)?]))
}

/// True if the first element inside the outer SEQUENCE of `der` is `element`.
fn contains_at_start(der: &[u8], element: &[u8]) -> bool {
    let header = match der.get(1) {
        Some(0x82) => 4,
        Some(0x81) => 3,
        _ => 2,
    };
    der.get(header..).is_some_and(|inside| inside.starts_with(element))
}

/// The scheme that keys of this kind mostly sign by.
fn usual(kind: KeyKind) -> (Scheme, &'static dyn VerificationAlgorithm) {
    match kind {
        KeyKind::P256 => (Scheme::EcdsaSha256, &sig::ECDSA_P256_SHA256_ASN1),
        KeyKind::P384 => (Scheme::EcdsaSha384, &sig::ECDSA_P384_SHA384_ASN1),
        KeyKind::P521 => (Scheme::EcdsaSha512, &sig::ECDSA_P521_SHA512_ASN1),
        KeyKind::Ed25519 => (Scheme::Ed25519, &sig::ED25519),
        KeyKind::Rsa(_) => (Scheme::RsaPkcs1Sha256, &sig::RSA_PKCS1_2048_8192_SHA256),
    }
}

fn der_algorithm(kind: KeyKind, scheme: Scheme) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match (kind, scheme) {
        (KeyKind::P256, Scheme::EcdsaSha256) => &sig::ECDSA_P256_SHA256_ASN1,
        (KeyKind::P256, Scheme::EcdsaSha384) => &sig::ECDSA_P256_SHA384_ASN1,
        (KeyKind::P256, Scheme::EcdsaSha512) => &sig::ECDSA_P256_SHA512_ASN1,
        (KeyKind::P384, Scheme::EcdsaSha256) => &sig::ECDSA_P384_SHA256_ASN1,
        (KeyKind::P384, Scheme::EcdsaSha384) => &sig::ECDSA_P384_SHA384_ASN1,
        (KeyKind::P384, Scheme::EcdsaSha512) => &sig::ECDSA_P384_SHA512_ASN1,
        (KeyKind::P521, Scheme::EcdsaSha256) => &sig::ECDSA_P521_SHA256_ASN1,
        (KeyKind::P521, Scheme::EcdsaSha384) => &sig::ECDSA_P521_SHA384_ASN1,
        (KeyKind::P521, Scheme::EcdsaSha512) => &sig::ECDSA_P521_SHA512_ASN1,
        (KeyKind::Rsa(_), Scheme::RsaPkcs1Sha256) => &sig::RSA_PKCS1_2048_8192_SHA256,
        (KeyKind::Rsa(_), Scheme::RsaPkcs1Sha384) => &sig::RSA_PKCS1_2048_8192_SHA384,
        (KeyKind::Rsa(_), Scheme::RsaPkcs1Sha512) => &sig::RSA_PKCS1_2048_8192_SHA512,
        (KeyKind::Rsa(_), Scheme::RsaPssSha256) => &sig::RSA_PSS_2048_8192_SHA256,
        (KeyKind::Rsa(_), Scheme::RsaPssSha256LongestSalt) => &PSS_LONGEST_SALT,
        (KeyKind::Rsa(_), Scheme::RsaPssSha384) => &sig::RSA_PSS_2048_8192_SHA384,
        (KeyKind::Rsa(_), Scheme::RsaPssSha512) => &sig::RSA_PSS_2048_8192_SHA512,
        (KeyKind::Ed25519, Scheme::Ed25519) => &sig::ED25519,
        _ => return None,
    })
}

/// Two keys are one if their bytes are.
impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.spki == other.0.spki
    }
}

impl Eq for PublicKey {}

impl Hash for PublicKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.digest.hash(state);
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?}, {})", self.0.kind, crate::crypto::digest::hex(&self.0.digest))
    }
}

const PSS_LONGEST_SALT: sig::RsaParameters =
    sig::RSA_PSS_2048_8192_SHA256.with_pss_salt_length(sig::RsaPssSaltLength::Max);

/// NIST SP 800-131A: nothing shorter signs today.
const RSA_BITS_MIN: usize = 2048;
/// Verifying with 16384 bits costs milliseconds, and the sender nothing.
const RSA_BITS_MAX: usize = 8192;

/// Keys of which the DER has one form only: everything before the key's bits, and the length of the whole (RFC 5480 §2,
/// uncompressed points; RFC 8410 §4).
const FIXED_FORMS: [(KeyKind, &[u8], usize); 4] = [
    (KeyKind::P256, b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00", 91),
    (KeyKind::P384, b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00", 120),
    (KeyKind::P521, b"\x30\x81\x9b\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23\x03\x81\x86\x00", 158),
    (KeyKind::Ed25519, b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 44),
];

/// `rsaEncryption` with NULL parameters.
const RSA_ALGORITHM: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
