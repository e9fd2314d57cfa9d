//! The nine algorithms of JWT-SVIDs (JWT-SVID §2.1) and the keys that each fits.

use aws_lc_rs::signature as sig;
use aws_lc_rs::signature::VerificationAlgorithm;

use crate::crypto::keys::{Algorithm, KeyKind};

/// A JWS signature algorithm (RFC 7518 §3.1). `none`, HMAC and `EdDSA` cannot be expressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JwsAlgorithm {
    /// RSA PKCS#1 v1.5 with SHA-256.
    Rs256,
    /// RSA PKCS#1 v1.5 with SHA-384.
    Rs384,
    /// RSA PKCS#1 v1.5 with SHA-512.
    Rs512,
    /// ECDSA P-256 with SHA-256.
    Es256,
    /// ECDSA P-384 with SHA-384.
    Es384,
    /// ECDSA P-521 with SHA-512.
    Es512,
    /// RSA PSS with SHA-256.
    Ps256,
    /// RSA PSS with SHA-384.
    Ps384,
    /// RSA PSS with SHA-512.
    Ps512,
}

impl JwsAlgorithm {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
    ];

    /// The name in a header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
        }
    }

    /// Reads a name; case matters (RFC 7515 §4.1.1).
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }

    /// The algorithm that our own key of this sort signs tokens with.
    pub const fn of_signer(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::P256 => Self::Es256,
            Algorithm::Rsa2048 => Self::Rs256,
        }
    }

    /// How to verify with a key of this sort; nothing if the key is of another sort than the algorithm.
    pub(super) fn verifier(self, kind: KeyKind) -> Option<&'static dyn VerificationAlgorithm> {
        Some(match (self, kind) {
            (Self::Rs256, KeyKind::Rsa(_)) => &sig::RSA_PKCS1_2048_8192_SHA256,
            (Self::Rs384, KeyKind::Rsa(_)) => &sig::RSA_PKCS1_2048_8192_SHA384,
            (Self::Rs512, KeyKind::Rsa(_)) => &sig::RSA_PKCS1_2048_8192_SHA512,
            (Self::Ps256, KeyKind::Rsa(_)) => &sig::RSA_PSS_2048_8192_SHA256,
            (Self::Ps384, KeyKind::Rsa(_)) => &sig::RSA_PSS_2048_8192_SHA384,
            (Self::Ps512, KeyKind::Rsa(_)) => &sig::RSA_PSS_2048_8192_SHA512,
            (Self::Es256, KeyKind::P256) => &sig::ECDSA_P256_SHA256_FIXED,
            (Self::Es384, KeyKind::P384) => &sig::ECDSA_P384_SHA384_FIXED,
            (Self::Es512, KeyKind::P521) => &sig::ECDSA_P521_SHA512_FIXED,
            _ => return None,
        })
    }
}
