//! The public keys of a realm's OpenID tokens, ready to verify with and to publish (RFC 7517).

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::model::{Purpose, Slot, State};
use crate::crypto::jose::{JwsAlgorithm, key_members};
use crate::crypto::keys::PublicKey;
use crate::kernel::{Fault, Timestamp};

/// The keys by which relying parties verify what the OpenID provider signs. No key of an SVID is among them.
#[derive(Debug, Clone)]
pub struct OidcKeySet {
    keys: HashMap<String, OidcKey>,
    issuer: Arc<str>,
    document: Arc<str>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcKey {
    /// The key.
    pub key: PublicKey,
    /// The one algorithm that it signs by.
    pub algorithm: JwsAlgorithm,
    /// Nothing that it signed lives longer.
    pub not_after: Timestamp,
}

impl OidcKeySet {
    /// The key of this name.
    pub fn get(&self, kid: &str) -> Option<&OidcKey> {
        self.keys.get(kid)
    }

    /// The names of all keys.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// `iss` of everything that these keys signed.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The JWK set as a document: each key with its own `kid`, with `use` and `alg`, and nothing private.
    pub fn document(&self) -> &Arc<str> {
        &self.document
    }

    /// Of every slot but the revoked ones, oldest first.
    pub(super) fn of_slots<'s>(
        issuer: &Arc<str>,
        slots: impl Iterator<Item = &'s Slot>,
    ) -> Result<Self, Fault> {
        let (mut keys, mut published) = (HashMap::new(), Vec::new());
        let ours = slots.filter(|slot| slot.purpose == Purpose::Oidc);
        for slot in ours.filter(|slot| slot.state != State::Revoked) {
            let algorithm = JwsAlgorithm::of_signer(slot.algorithm);
            let mut members = key_members(&slot.public_key);
            members.insert("use".to_owned(), json!("sig"));
            members.insert("alg".to_owned(), json!(algorithm.as_str()));
            members.insert("kid".to_owned(), json!(slot.key_id));
            published.push(Value::Object(members));
            let key =
                OidcKey { key: slot.public_key.clone(), algorithm, not_after: slot.not_after };
            if keys.insert(slot.key_id.clone(), key).is_some() {
                return Err(Fault::malformed("authority row", "two keys have one name"));
            }
        }
        let document = json!({ "keys": published }).to_string();
        Ok(Self { keys, issuer: Arc::clone(issuer), document: Arc::from(document) })
    }
}
