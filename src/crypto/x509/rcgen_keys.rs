//! Our keys in the form that rcgen asks for.

use std::sync::Arc;

use rcgen::{PublicKeyData, SignatureAlgorithm, SigningKey};

use crate::crypto::keys::{Algorithm, KeyKind, PublicKey, Signer};

/// A subject's key: written into the certificate with exactly the bytes it came with.
pub(super) struct SubjectKey<'a>(pub(super) &'a PublicKey);

/// An issuer's key.
#[derive(Debug, Clone)]
pub(super) struct IssuerKey(pub(super) Arc<dyn Signer>);

/// The key of who asks, or signs for itself.
pub(super) struct OwnKey<'a>(pub(super) &'a dyn Signer);

impl PublicKeyData for SubjectKey<'_> {
    fn subject_public_key_info(&self) -> Vec<u8> {
        self.0.spki().to_vec()
    }

    fn der_bytes(&self) -> &[u8] {
        self.0.bits()
    }

    /// Only the part that names the key's kind is written, so the digest in it does not matter.
    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match self.0.kind() {
            KeyKind::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            KeyKind::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            KeyKind::P521 => &rcgen::PKCS_ECDSA_P521_SHA512,
            KeyKind::Ed25519 => &rcgen::PKCS_ED25519,
            KeyKind::Rsa(_) => &rcgen::PKCS_RSA_SHA256,
        }
    }
}

fn signature_algorithm(algorithm: Algorithm) -> &'static SignatureAlgorithm {
    match algorithm {
        Algorithm::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
        Algorithm::Rsa2048 => &rcgen::PKCS_RSA_SHA256,
    }
}

fn sign(signer: &dyn Signer, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
    signer.sign(message).map_err(|_| rcgen::Error::RemoteKeyError)
}

impl PublicKeyData for IssuerKey {
    fn der_bytes(&self) -> &[u8] {
        self.0.public_key().bits()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        signature_algorithm(self.0.algorithm())
    }
}

impl SigningKey for IssuerKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        sign(self.0.as_ref(), message)
    }
}

impl PublicKeyData for OwnKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.public_key().bits()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        signature_algorithm(self.0.algorithm())
    }
}

impl SigningKey for OwnKey<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        sign(self.0, message)
    }
}
