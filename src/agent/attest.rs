//! How an agent shows which node it is: a join token, or the possession of an X.509 certificate's key.
//!
//! Owns: payloads and answers to challenges, as SPIRE's servers read them. Does not own: whom they are sent to
//! (`bootstrap.rs` has made sure of that), and what becomes of the SVID (`identity.rs`).

use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use crate::crypto::digest::{base64, from_base64};
use crate::crypto::keys::{PrivateKey, RsaPrivateKey, Signer as _};
use crate::crypto::x509::pem_certificates;
use crate::env::Entropy;
use crate::kernel::{Fault, Secret};

use super::key_file::read_private;
use super::model::Error;
use super::settings;

/// One way to show which node this is.
#[derive(Debug)]
pub enum Attestor {
    /// A token from `weft token create`; good once, not for attesting again.
    JoinToken(Secret<String>),
    /// A certificate that this node has already, and its key.
    X509Pop(X509Pop),
}

/// A certificate and its key.
#[derive(Debug)]
pub struct X509Pop {
    chain: Vec<Vec<u8>>,
    key: PopKey,
}

enum PopKey {
    P256(PrivateKey),
    Rsa(RsaPrivateKey),
}

impl std::fmt::Debug for PopKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::P256(_) => "P-256 key",
            Self::Rsa(_) => "RSA key",
        })
    }
}

impl Attestor {
    /// The type, as the server knows it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::JoinToken(_) => "join_token",
            Self::X509Pop(_) => "x509pop",
        }
    }

    /// What is sent first.
    pub fn payload(&self) -> Vec<u8> {
        match self {
            Self::JoinToken(token) => token.expose().clone().into_bytes(),
            Self::X509Pop(pop) => {
                let certificates: Vec<_> = pop.chain.iter().map(|der| base64(der)).collect();
                json!({ "certificates": certificates }).to_string().into_bytes()
            }
        }
    }

    /// The answer to the server's challenge.
    pub fn answer(&self, challenge: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, Error> {
        match self {
            Self::JoinToken(_) => Err(Error::BadAnswer("a join token has no challenge".to_owned())),
            Self::X509Pop(pop) => pop.answer(challenge, entropy),
        }
    }
}

impl X509Pop {
    /// Reads the two files.
    pub fn load(settings: &settings::X509Pop) -> Result<Self, Error> {
        let path = &settings.certificate;
        let text = std::fs::read(path).map_err(|why| Error::file(path, why))?;
        let chain = pem_certificates(&text).map_err(|why| Error::file(path, why))?;
        let path = &settings.private_key;
        let text = read_private(path)?.ok_or_else(|| Error::file(path, "there is no such file"))?;
        let der =
            PrivatePkcs8KeyDer::from_pem_slice(&text).map_err(|why| Error::file(path, why))?;
        let der = Secret::new(der.secret_pkcs8_der().to_vec());
        let key = match PrivateKey::from_pkcs8(&der) {
            Ok(key) => PopKey::P256(key),
            Err(_) => RsaPrivateKey::from_pkcs8(&der).map(PopKey::Rsa).map_err(|_| {
                Error::file(
                    path,
                    "it holds no PKCS#8 key of a kind that is supported: P-256 or RSA",
                )
            })?,
        };
        Ok(Self { chain, key })
    }

    /// Signs both nonces: the server's shows that the answer is fresh, ours that the server does not choose what is
    /// signed.
    fn answer(&self, challenge: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, Error> {
        let (member, nonce) = match &self.key {
            PopKey::P256(_) => ("ecdsa_signature", nonce_of(challenge, "ecdsa_signature")?),
            PopKey::Rsa(_) => ("rsa_signature", nonce_of(challenge, "rsa_signature")?),
        };
        let own: [u8; 32] = entropy.nonce()?;
        let signed = [nonce.as_slice(), &own].concat();
        let mut answer = self.key.sign(&signed)?;
        if let Some(members) = answer.as_object_mut() {
            members.insert("nonce".to_owned(), Value::from(base64(&own)));
        }
        Ok(json!({ member: answer }).to_string().into_bytes())
    }
}

impl PopKey {
    /// Over SHA-256 of the message, in the server's JSON.
    fn sign(&self, message: &[u8]) -> Result<Value, Fault> {
        match self {
            Self::P256(key) => {
                let fixed = key.sign_fixed(message)?;
                let (r, s) = fixed.split_at(fixed.len() / 2);
                Ok(json!({ "r": base64(r), "s": base64(s) }))
            }
            Self::Rsa(key) => Ok(json!({ "signature": base64(&key.sign_pss_sha256(message)?) })),
        }
    }
}

/// The server's nonce: 32 bytes, so that nothing shorter can be made to mean something else.
fn nonce_of(challenge: &[u8], member: &str) -> Result<Vec<u8>, Error> {
    let bad = |why: &str| Error::BadAnswer(format!("the attestation challenge {why}"));
    let json: Value = serde_json::from_slice(challenge).map_err(|_| bad("is not JSON"))?;
    let nonce = json.get(member).and_then(|part| part.get("nonce")).and_then(Value::as_str);
    let nonce = nonce
        .and_then(from_base64)
        .ok_or_else(|| bad("has no nonce for this node's kind of key"))?;
    if nonce.len() == NONCE_BYTES {
        Ok(nonce)
    } else {
        Err(bad("has a nonce of another length than 32 bytes"))
    }
}

const NONCE_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::tests::builders::pop_files;
    use crate::crypto::keys::{Scheme, ecdsa_der};
    use crate::testkit::SeededEntropy;

    fn challenge(bytes: &[u8]) -> Vec<u8> {
        json!({ "ecdsa_signature": { "nonce": base64(bytes) } }).to_string().into_bytes()
    }

    #[test]
    fn a_challenge_of_another_shape_is_not_signed() {
        let dir = tempfile::tempdir().unwrap();
        let (settings, _) = pop_files(dir.path());
        let attestor = Attestor::X509Pop(X509Pop::load(&settings).unwrap());
        let entropy = SeededEntropy::new(1);
        for bad in [
            &b"{}"[..],
            b"x",
            &challenge(&[1; 31]),
            &challenge(b""),
            br#"{"rsa_signature":{"nonce":"AA=="}}"#,
        ] {
            assert!(attestor.answer(bad, &entropy).is_err(), "{}", String::from_utf8_lossy(bad));
        }
        assert!(
            Attestor::JoinToken(Secret::new("t".into()))
                .answer(&challenge(&[1; 32]), &entropy)
                .is_err()
        );
    }

    #[test]
    fn possession_is_shown_by_a_signature_over_both_nonces() {
        let dir = tempfile::tempdir().unwrap();
        let (settings, public) = pop_files(dir.path());
        let attestor = Attestor::X509Pop(X509Pop::load(&settings).unwrap());
        let payload: Value = serde_json::from_slice(&attestor.payload()).unwrap();
        assert_eq!(payload["certificates"].as_array().unwrap().len(), 1);
        let answer = attestor.answer(&challenge(&[9; 32]), &SeededEntropy::new(1)).unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let part =
            |name: &str| from_base64(answer["ecdsa_signature"][name].as_str().unwrap()).unwrap();
        assert_eq!(part("nonce").len(), 32);
        let signed = [vec![9; 32], part("nonce")].concat();
        let signature = ecdsa_der(&part("r"), &part("s")).unwrap();
        assert!(public.verify(Scheme::EcdsaSha256, &signed, &signature));
    }
}
