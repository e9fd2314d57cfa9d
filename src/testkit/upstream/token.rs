//! The ID tokens of the provider of a test, true and false.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::super::database::must;
use super::{Granted, Lie, Shared};
use crate::crypto::digest::{base64url, sha256};
use crate::crypto::jose::{JwsAlgorithm, key_members};
use crate::crypto::keys::{Algorithm, PrivateKey, Signer};
use crate::kernel::Timestamp;

impl Shared {
    /// An ID token for what was granted.
    pub(super) fn id_token(&self, granted: &Granted, access_token: &str) -> String {
        let (header, key) = self.header();
        let claims = self.claims(granted, access_token);
        let mut text = Value::Object(claims).to_string();
        if self.has(Lie::TwoSubjects) {
            text = text.replacen('{', "{\"sub\":\"mallory\",", 1);
        }
        let signed =
            format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(text.as_bytes()));
        if self.has(Lie::AlgorithmNone) {
            return format!("{signed}.");
        }
        let message = if self.has(Lie::Signature) { "something else" } else { &signed };
        let signature = must(key.sign_fixed(message.as_bytes()), "a signature");
        let token = format!("{signed}.{}", base64url(&signature));
        if self.has(Lie::Encrypted) { format!("{token}.AAAA.AAAA") } else { token }
    }

    fn header(&self) -> (Value, Arc<PrivateKey>) {
        let (name, key) =
            self.lock().keys.first().cloned().unwrap_or_else(|| ("none".to_owned(), new_key()));
        let algorithm = JwsAlgorithm::of_signer(key.algorithm()).as_str();
        let mut header = json!({ "alg": algorithm, "kid": name, "typ": "JWT" });
        let mut set = |name: &str, value: Value| {
            if let Some(members) = header.as_object_mut() {
                members.insert(name.to_owned(), value);
            }
        };
        let has = |lie| self.has(lie);
        if has(Lie::AlgorithmNone) {
            set("alg", json!("none"));
        }
        if has(Lie::AlgorithmHmac) {
            set("alg", json!("HS256"));
        }
        if has(Lie::AlgorithmOther) {
            set("alg", json!("ES384"));
        }
        let own = if has(Lie::OtherKey) || has(Lie::UnknownKey) || has(Lie::HeaderKey) {
            new_key()
        } else {
            key
        };
        if has(Lie::UnknownKey) {
            set("kid", json!("invented"));
        }
        if has(Lie::HeaderKey) {
            set("jwk", Value::Object(key_members(own.public())));
        }
        if has(Lie::HeaderKeyUrl) {
            set("jku", json!(format!("{}/keys", self.issuer)));
        }
        if has(Lie::HeaderCertificateUrl) {
            set("x5u", json!(format!("{}/certificate", self.issuer)));
        }
        if has(Lie::HeaderCritical) {
            set("crit", json!(["exp"]));
        }
        if has(Lie::HeaderType) {
            set("typ", json!("at+jwt"));
        }
        if has(Lie::KeysNameless)
            && let Some(members) = header.as_object_mut()
        {
            members.remove("kid");
        }
        (header, own)
    }

    fn claims(&self, granted: &Granted, access_token: &str) -> Map<String, Value> {
        let now = self.clock.now();
        let person = self.lock().person.clone();
        let mut claims = person.id_token;
        let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        set("iss", json!(self.issuer));
        set("aud", json!(granted.client));
        set("sub", json!(person.subject));
        set("iat", json!(now.seconds()));
        set("exp", json!(now.seconds() + 300));
        set("auth_time", json!(now.seconds()));
        if let Some(nonce) = &granted.nonce {
            set("nonce", json!(nonce));
        }
        let digest = sha256(access_token.as_bytes());
        let half = digest.first_chunk::<16>().map_or_else(String::new, |half| base64url(half));
        set("at_hash", json!(half));
        self.bend(&mut claims, now);
        claims
    }

    /// The lies about claims: another value, or none.
    fn bend(&self, claims: &mut Map<String, Value>, now: Timestamp) {
        let other: [(Lie, &str, Value); 13] = [
            (Lie::Issuer, "iss", json!("https://other.localhost")),
            (Lie::Audience, "aud", json!("another")),
            (Lie::Audiences, "aud", json!(["weft", "another"])),
            (Lie::AuthorizedParty, "azp", json!("another")),
            (Lie::Expired, "exp", json!(now.seconds() - 31)),
            (Lie::IssuedAhead, "iat", json!(now.seconds() + 3600)),
            (Lie::IssuedBefore, "iat", json!(now.seconds() - 3600)),
            (Lie::Nonce, "nonce", json!("another")),
            (Lie::EmptySubject, "sub", json!("")),
            (Lie::LongSubject, "sub", json!("a".repeat(300))),
            (Lie::AccessTokenHash, "at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA")),
            (Lie::ClaimType, "email", json!(7)),
            (Lie::MetadataIssuer, "iss", json!("https://other.localhost")),
        ];
        for (lie, name, value) in other {
            if self.has(lie) {
                claims.insert(name.to_owned(), value);
            }
        }
        let missing = [
            (Lie::NoIssuer, "iss"),
            (Lie::NoAudience, "aud"),
            (Lie::NoExpiry, "exp"),
            (Lie::NoIssuedAt, "iat"),
            (Lie::NoNonce, "nonce"),
            (Lie::NoSubject, "sub"),
        ];
        for (lie, name) in missing {
            if self.has(lie) {
                claims.remove(name);
            }
        }
    }
}

pub(super) fn new_key() -> Arc<PrivateKey> {
    Arc::new(must(PrivateKey::generate(Algorithm::P256), "a key"))
}
