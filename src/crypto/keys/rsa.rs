//! An RSA key that somebody else made: a node's own, which it proves possession of. Ours are in `private`.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{RSA_PSS_SHA256, RsaEncoding};

use crate::kernel::{Fault, Secret};

/// An RSA private key in this process, parsed once.
pub struct RsaPrivateKey(KeyPair);

impl RsaPrivateKey {
    /// Reads PKCS#8 (RFC 5208).
    pub fn from_pkcs8(der: &Secret<Vec<u8>>) -> Result<Self, Fault> {
        KeyPair::from_pkcs8(der.expose())
            .map(Self)
            .map_err(|error| Fault::malformed("RSA key", error))
    }

    /// Signs with RSASSA-PSS over SHA-256, the salt as long as the digest (RFC 8017 §8.1).
    pub fn sign_pss_sha256(&self, message: &[u8]) -> Result<Vec<u8>, Fault> {
        let padding: &'static dyn RsaEncoding = &RSA_PSS_SHA256;
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(padding, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| Fault::bug("an RSA key does not sign"))?;
        Ok(signature)
    }
}

impl fmt::Debug for RsaPrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaPrivateKey(…)")
    }
}
