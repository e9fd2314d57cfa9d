//! A private key in this process, parsed once.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    RSA_PKCS1_SHA256, RsaEncoding, RsaKeyPair,
};

use super::{Algorithm, KeyKind, PublicKey, Signer};
use crate::kernel::{Fault, Secret};

/// A key pair of ours. The secret half leaves only through `to_pkcs8`.
pub struct PrivateKey {
    pair: Pair,
    public: PublicKey,
}

/// Of an ECDSA key both faces, one for each form of its signatures.
enum Pair {
    P256 { der: EcdsaKeyPair, fixed: EcdsaKeyPair },
    Rsa(RsaKeyPair),
}

impl PrivateKey {
    /// A new key. Its chance comes from the cryptographic module itself, which takes none from outside. An RSA key takes
    /// up to a second of CPU: not on a thread that others wait for.
    pub fn generate(algorithm: Algorithm) -> Result<Self, Fault> {
        let no_key = |_| Fault::away("random generator", "no key could be generated");
        let serial = |_| Fault::bug("a new key does not serialise");
        match algorithm {
            Algorithm::P256 => {
                let pair =
                    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(no_key)?;
                Self::p256(pair.to_pkcs8v1().map_err(serial)?.as_ref())
            }
            Algorithm::Rsa2048 => {
                Self::rsa(RsaKeyPair::generate(KeySize::Rsa2048).map_err(no_key)?)
            }
        }
    }

    /// Reads a P-256 key in PKCS#8 (RFC 5208).
    pub fn from_pkcs8(der: &Secret<Vec<u8>>) -> Result<Self, Fault> {
        Self::p256(der.expose())
    }

    /// Reads a key of this sort, and no other, in PKCS#8.
    pub fn from_pkcs8_of(algorithm: Algorithm, der: &Secret<Vec<u8>>) -> Result<Self, Fault> {
        match algorithm {
            Algorithm::P256 => Self::p256(der.expose()),
            Algorithm::Rsa2048 => {
                let pair = RsaKeyPair::from_pkcs8(der.expose());
                Self::rsa(pair.map_err(|error| Fault::malformed("private key", error))?)
            }
        }
    }

    /// The key as PKCS#8: for sealing, for the Workload API, and for our own TLS.
    pub fn to_pkcs8(&self) -> Result<Secret<Vec<u8>>, Fault> {
        let serial = |_| Fault::bug("a key does not serialise");
        let bytes = match &self.pair {
            Pair::P256 { der, .. } => der.to_pkcs8v1().map_err(serial)?.as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let document: Pkcs8V1Der<'_> = pair.as_der().map_err(serial)?;
                document.as_ref().to_vec()
            }
        };
        Ok(Secret::new(bytes))
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    fn p256(pkcs8: &[u8]) -> Result<Self, Fault> {
        let rejected = |cause| Fault::malformed("private key", cause);
        let der =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8).map_err(rejected)?;
        let fixed =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map_err(rejected)?;
        let public = PublicKey::from_p256_point(der.public_key().as_ref())
            .map_err(|error| Fault::malformed("private key", error))?;
        Ok(Self { pair: Pair::P256 { der, fixed }, public })
    }

    fn rsa(pair: RsaKeyPair) -> Result<Self, Fault> {
        let spki: PublicKeyX509Der<'_> =
            pair.public_key().as_der().map_err(|error| Fault::malformed("private key", error))?;
        let public = PublicKey::from_spki_der(spki.as_ref())
            .map_err(|error| Fault::malformed("private key", error))?;
        if public.kind() != KeyKind::Rsa(RSA_BITS) {
            return Err(Fault::malformed("private key", "an RSA key of ours has 2048 bits"));
        }
        Ok(Self { pair: Pair::Rsa(pair), public })
    }
}

impl Signer for PrivateKey {
    fn algorithm(&self) -> Algorithm {
        match &self.pair {
            Pair::P256 { .. } => Algorithm::P256,
            Pair::Rsa(_) => Algorithm::Rsa2048,
        }
    }

    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Fault> {
        match &self.pair {
            Pair::P256 { der, .. } => sign_ecdsa(der, message),
            Pair::Rsa(pair) => sign_rsa(pair, message),
        }
    }

    fn sign_fixed(&self, message: &[u8]) -> Result<Vec<u8>, Fault> {
        match &self.pair {
            Pair::P256 { fixed, .. } => sign_ecdsa(fixed, message),
            Pair::Rsa(pair) => sign_rsa(pair, message),
        }
    }
}

fn sign_ecdsa(pair: &EcdsaKeyPair, message: &[u8]) -> Result<Vec<u8>, Fault> {
    // aws-lc ignores the generator that its face asks for and uses its own.
    let signature =
        pair.sign(&SystemRandom::new(), message).map_err(|_| Fault::bug("a signature failed"))?;
    Ok(signature.as_ref().to_vec())
}

/// RSASSA-PKCS1-v1_5 over SHA-256 (RFC 8017 §8.2): the one that every OpenID client knows (OpenID Connect Core §15.1).
fn sign_rsa(pair: &RsaKeyPair, message: &[u8]) -> Result<Vec<u8>, Fault> {
    let padding: &'static dyn RsaEncoding = &RSA_PKCS1_SHA256;
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(padding, &SystemRandom::new(), message, &mut signature)
        .map_err(|_| Fault::bug("a signature failed"))?;
    Ok(signature)
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("public", &self.public).finish_non_exhaustive()
    }
}

/// The least that signs today (RFC 7518 §3.3), and the cheapest to verify.
const RSA_BITS: usize = 2048;
