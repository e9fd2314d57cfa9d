//! A passkey in software: what an authenticator and its browser do together (WebAuthn Level 3 §5.1, §6), on P-256.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::database::must;
use crate::crypto::digest::{base64url, from_base64url, sha256};
use crate::crypto::keys::{Algorithm, PrivateKey, Signer as _};

/// An authenticator with one key for one site.
#[derive(Debug)]
pub struct TestPasskey {
    key: PrivateKey,
    id: [u8; 16],
    origin: String,
    /// Whose it is, once it is registered.
    user: std::sync::Mutex<Option<Vec<u8>>>,
    synced: bool,
    verifies: bool,
    uses: AtomicU32,
}

impl TestPasskey {
    /// One that is synchronised between devices, in a browser at this origin.
    pub fn synced(origin: &str) -> Self {
        let key = must(PrivateKey::generate(Algorithm::P256), "a key");
        let digest = sha256(key.public_key().spki());
        let mut id = [0; 16];
        id.copy_from_slice(digest.get(..16).unwrap_or(&[0; 16]));
        Self {
            key,
            id,
            origin: origin.to_owned(),
            user: std::sync::Mutex::default(),
            synced: true,
            verifies: true,
            uses: AtomicU32::new(0),
        }
    }

    /// One that stays in one piece of hardware.
    pub fn hardware(origin: &str) -> Self {
        Self { synced: false, ..Self::synced(origin) }
    }

    /// The same, which does not ask whose finger it is.
    #[must_use]
    pub fn without_verification(self) -> Self {
        Self { verifies: false, ..self }
    }

    /// The same, in a browser that is elsewhere.
    #[must_use]
    pub fn at(self, origin: &str) -> Self {
        Self { origin: origin.to_owned(), ..self }
    }

    /// What `navigator.credentials.create` gives for these options, as `toJSON` writes it.
    pub fn create(&self, options: &Value) -> String {
        let options = options.get("publicKey").unwrap_or(options);
        let user = options.pointer("/user/id").and_then(Value::as_str).unwrap_or_default();
        *must(self.user.lock(), "the user") = from_base64url(user);
        let mut data = self.head(rp_of(options.pointer("/rp/id"), &self.origin).as_str(), true);
        data.extend_from_slice(&[0; 16]);
        data.extend_from_slice(&[0, 16]);
        data.extend_from_slice(&self.id);
        data.extend_from_slice(&self.cose());
        let mut object = vec![0xa3];
        text(&mut object, "fmt");
        text(&mut object, "none");
        text(&mut object, "attStmt");
        object.push(0xa0);
        text(&mut object, "authData");
        bytes(&mut object, &data);
        let response = json!({
            "attestationObject": base64url(&object),
            "clientDataJSON": base64url(self.client_data("webauthn.create", options).as_bytes()),
        });
        self.credential(&response)
    }

    /// What `navigator.credentials.get` gives for these options.
    pub fn get(&self, options: &Value) -> String {
        let options = options.get("publicKey").unwrap_or(options);
        let data = self.head(rp_of(options.get("rpId"), &self.origin).as_str(), false);
        let client = self.client_data("webauthn.get", options);
        let signed = [data.as_slice(), &sha256(client.as_bytes())].concat();
        let user = must(self.user.lock(), "the user").clone();
        let response = json!({
            "authenticatorData": base64url(&data),
            "clientDataJSON": base64url(client.as_bytes()),
            "signature": base64url(&must(self.key.sign(&signed), "a signature")),
            "userHandle": user.map(|user| base64url(&user)),
        });
        self.credential(&response)
    }

    fn credential(&self, response: &Value) -> String {
        let id = base64url(&self.id);
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        })
        .to_string()
    }

    /// Authenticator data up to the counter (§6.1).
    fn head(&self, rp: &str, attested: bool) -> Vec<u8> {
        let mut flags = 0x01;
        flags |= if self.verifies { 0x04 } else { 0 };
        flags |= if self.synced { 0x18 } else { 0 };
        flags |= if attested { 0x40 } else { 0 };
        let counter = if self.synced { 0 } else { self.uses.fetch_add(1, Ordering::Relaxed) + 1 };
        let mut data = sha256(rp.as_bytes()).to_vec();
        data.push(flags);
        data.extend_from_slice(&counter.to_be_bytes());
        data
    }

    /// The public key (RFC 9053 §7.1.1): EC2, ES256, P-256.
    fn cose(&self) -> Vec<u8> {
        let spki = self.key.public_key().spki();
        let point = spki.get(spki.len().saturating_sub(64)..).unwrap_or_default();
        let (x, y) = point.split_at(32);
        let mut key = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21];
        bytes(&mut key, x);
        key.push(0x22);
        bytes(&mut key, y);
        key
    }

    fn client_data(&self, what: &str, options: &Value) -> String {
        let challenge = options.get("challenge").cloned().unwrap_or_default();
        json!({ "type": what, "challenge": challenge, "origin": self.origin, "crossOrigin": false })
            .to_string()
    }
}

/// The relying party's id, or else the origin's host.
fn rp_of(said: Option<&Value>, origin: &str) -> String {
    let host = || origin.trim_start_matches("https://").split(':').next().unwrap_or_default();
    said.and_then(Value::as_str).unwrap_or_else(host).to_owned()
}

/// A text in CBOR, shorter than 24 bytes.
fn text(out: &mut Vec<u8>, text: &str) {
    out.push(0x60 | u8::try_from(text.len()).unwrap_or(0));
    out.extend_from_slice(text.as_bytes());
}

/// A byte string in CBOR, shorter than 256 bytes.
fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&[0x58, u8::try_from(bytes.len()).unwrap_or(0)]);
    out.extend_from_slice(bytes);
}
