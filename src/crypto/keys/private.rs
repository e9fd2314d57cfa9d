//! A private key in this process, parsed once.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
};

use super::{Algorithm, PublicKey, Signer};
use crate::kernel::{Fault, Secret};

/// A key pair of ours. The secret half leaves only through `to_pkcs8`.
pub struct PrivateKey {
    der: EcdsaKeyPair,
    fixed: EcdsaKeyPair,
    public: PublicKey,
}

impl PrivateKey {
    /// A new key. Its chance comes from the cryptographic module itself, which takes none from outside.
    pub fn generate(algorithm: Algorithm) -> Result<Self, Fault> {
        match algorithm {
            Algorithm::P256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)
                    .map_err(|_| Fault::away("random generator", "no key could be generated"))?;
                let document =
                    pair.to_pkcs8v1().map_err(|_| Fault::bug("a new key does not serialise"))?;
                Self::parse(document.as_ref())
            }
        }
    }

    /// Reads PKCS#8 (RFC 5208); only P-256 for now.
    pub fn from_pkcs8(der: &Secret<Vec<u8>>) -> Result<Self, Fault> {
        Self::parse(der.expose())
    }

    /// The key as PKCS#8: for sealing, for the Workload API, and for our own TLS.
    pub fn to_pkcs8(&self) -> Result<Secret<Vec<u8>>, Fault> {
        let document = self.der.to_pkcs8v1().map_err(|_| Fault::bug("a key does not serialise"))?;
        Ok(Secret::new(document.as_ref().to_vec()))
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    fn parse(pkcs8: &[u8]) -> Result<Self, Fault> {
        let rejected = |cause| Fault::malformed("private key", cause);
        let der =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8).map_err(rejected)?;
        let fixed =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map_err(rejected)?;
        let public = PublicKey::from_p256_point(der.public_key().as_ref())
            .map_err(|error| Fault::malformed("private key", error))?;
        Ok(Self { der, fixed, public })
    }
}

impl Signer for PrivateKey {
    fn algorithm(&self) -> Algorithm {
        Algorithm::P256
    }

    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Fault> {
        sign(&self.der, message)
    }

    fn sign_fixed(&self, message: &[u8]) -> Result<Vec<u8>, Fault> {
        sign(&self.fixed, message)
    }
}

fn sign(pair: &EcdsaKeyPair, message: &[u8]) -> Result<Vec<u8>, Fault> {
    // aws-lc ignores the generator that its face asks for and uses its own.
    let signature =
        pair.sign(&SystemRandom::new(), message).map_err(|_| Fault::bug("a signature failed"))?;
    Ok(signature.as_ref().to_vec())
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("public", &self.public).finish_non_exhaustive()
    }
}
