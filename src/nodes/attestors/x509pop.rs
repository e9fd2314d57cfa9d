//! The attestor `x509pop`: possession of the key of a certificate that a configured authority issued.
//!
//! The chain is bounded before any of it is verified: a long one, or huge keys, would cost us more than the sender.
//! Payloads are those of SPIRE's attestor (SPIFFE checklist §5.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use crate::crypto::digest::{hex, sha1};
use crate::crypto::keys::{KeyKind, PublicKey, Scheme, ecdsa_der};
use crate::crypto::x509::{VerifiedPki, verify_pki};
use crate::env::Env;
use crate::kernel::limits::CHAIN_CERTIFICATES_MAX;
use crate::kernel::{Selector, Strength};
use crate::nodes::Error;

use super::{Attested, Exchange, NodeAttestor, Opening, Step};

pub(super) const NAME: &str = "x509pop";

/// Bytes of each side's nonce, as in SPIRE.
const NONCE_BYTES: usize = 32;

/// The attestor, with the authorities it accepts.
#[derive(Debug)]
pub struct X509Pop {
    roots: Vec<Vec<u8>>,
}

impl X509Pop {
    /// Accepts certificates under these DER-encoded authorities.
    pub fn new(roots: Vec<Vec<u8>>) -> Self {
        Self { roots }
    }
}

#[derive(Debug)]
struct Challenged {
    key: PublicKey,
    nonce: [u8; NONCE_BYTES],
    attested: Attested,
}

impl NodeAttestor for X509Pop {
    fn name(&self) -> &'static str {
        NAME
    }

    fn open<'a>(
        &'a self,
        env: &'a Env,
        opening: Opening<'a>,
    ) -> BoxFuture<'a, Result<Step, Error>> {
        Box::pin(async move {
            let chain = read_chain(opening.payload)?;
            let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
            let roots: Vec<&[u8]> = self.roots.iter().map(Vec::as_slice).collect();
            let verified = verify_pki(&chain, &roots, env.clock.now()).map_err(|_| {
                Error::Attestation("the certificate is not from an authority that is accepted here")
            })?;
            if verified.leaf.key_usage.is_some_and(|usage| !usage.digital_signature) {
                return Err(Error::Attestation("the certificate's key is not for signing"));
            }
            let key = PublicKey::from_spki_der(&verified.leaf.spki).map_err(|_| {
                Error::Attestation("the certificate's key is of a kind that is not accepted")
            })?;
            let nonce: [u8; NONCE_BYTES] = env.entropy.nonce()?;
            let text = challenge(&key, &nonce)?;
            let attested = found(&verified, &chain)?;
            Ok(Step::Challenge(text, Box::new(Challenged { key, nonce, attested })))
        })
    }
}

impl Exchange for Challenged {
    fn answer(self: Box<Self>, answer: &[u8]) -> Result<Step, Error> {
        let document: Value = serde_json::from_slice(answer)
            .map_err(|_| Error::Attestation("the answer is not JSON"))?;
        let (scheme, signature, nonce) = if let KeyKind::Rsa(_) = self.key.kind() {
            let part = document.get("rsa_signature").unwrap_or(&Value::Null);
            (Scheme::RsaPssSha256, bytes(part, "signature")?, bytes(part, "nonce")?)
        } else {
            let part = document.get("ecdsa_signature").unwrap_or(&Value::Null);
            let der = ecdsa_der(&bytes(part, "r")?, &bytes(part, "s")?)
                .ok_or(Error::Attestation("the signature is malformed"))?;
            (Scheme::EcdsaSha256, der, bytes(part, "nonce")?)
        };
        if nonce.len() != NONCE_BYTES {
            return Err(Error::Attestation("the answer's nonce must have 32 bytes"));
        }
        let message = [self.nonce.as_slice(), &nonce].concat();
        // SPIRE's agents sign with the longest salt that fits, which is Go's way when it is told nothing.
        let longest_salt =
            || self.key.verify(Scheme::RsaPssSha256LongestSalt, &message, &signature);
        if !self.key.verify(scheme, &message, &signature) && !longest_salt() {
            return Err(Error::Attestation(
                "the signature does not prove possession of the certificate's key",
            ));
        }
        Ok(Step::Done(self.attested))
    }
}

fn read_chain(payload: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
    let document: Value = serde_json::from_slice(payload)
        .map_err(|_| Error::Attestation("the payload is not JSON"))?;
    let list = document
        .get("certificates")
        .and_then(Value::as_array)
        .ok_or(Error::Attestation("the payload has no list `certificates`"))?;
    if list.len() > CHAIN_CERTIFICATES_MAX {
        return Err(Error::Attestation("the certificate chain is too long"));
    }
    list.iter()
        .map(|item| item.as_str().and_then(|text| STANDARD.decode(text).ok()))
        .collect::<Option<_>>()
        .ok_or(Error::Attestation("a certificate is not base64"))
}

fn challenge(key: &PublicKey, nonce: &[u8]) -> Result<Vec<u8>, Error> {
    let nonce = STANDARD.encode(nonce);
    let document = match key.kind() {
        KeyKind::Rsa(_) => json!({ "rsa_signature": { "nonce": nonce } }),
        KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => {
            json!({ "ecdsa_signature": { "nonce": nonce } })
        }
        KeyKind::Ed25519 => {
            return Err(Error::Attestation("the certificate's key must be RSA or ECDSA"));
        }
    };
    Ok(document.to_string().into_bytes())
}

fn bytes(part: &Value, field: &str) -> Result<Vec<u8>, Error> {
    part.get(field)
        .and_then(Value::as_str)
        .and_then(|text| STANDARD.decode(text).ok())
        .ok_or(Error::Attestation("the answer lacks a field, or it is not base64"))
}

/// SPIRE's selectors: the common name, the fingerprint of each authority on the verified path, the serial number.
///
/// Never of what was merely sent along: anybody can send a certificate that stands in public, and would be taken for one
/// of that authority's nodes.
fn found(verified: &VerifiedPki, chain: &[&[u8]]) -> Result<Attested, Error> {
    let VerifiedPki { leaf: view, issuers } = verified;
    let leaf = chain.first().copied().unwrap_or_default();
    let mut values = vec![format!("serialnumber:{}", view.serial)];
    if let Some(name) = &view.common_name {
        values.push(format!("subject:cn:{name}"));
    }
    for issuer in issuers {
        values.push(format!("ca:fingerprint:{}", hex(&sha1(issuer))));
    }
    let mut selectors = Vec::new();
    for value in values {
        selectors.push(
            Selector::new(NAME, &value)
                .map_err(|_| Error::Attestation("the subject is too long"))?,
        );
    }
    selectors.sort();
    selectors.dedup();
    let path = format!("{NAME}/{}", hex(&sha1(leaf)));
    Ok(Attested {
        path,
        selectors,
        alias: None,
        strength: Strength::Software,
        can_reattest: true,
        good_for: None,
    })
}

#[cfg(test)]
#[cfg(feature = "testkit")]
#[path = "x509pop_tests.rs"]
mod tests;
