//! A passkey in software: what an authenticator and its browser do together (WebAuthn Level 3 §5.1, §6), on P-256.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::database::must;
use crate::crypto::digest::{base64url, from_base64url, sha256};
use crate::crypto::keys::{Algorithm, PrivateKey, Signer as _};

/// An authenticator with one key for one site. It and its browser can be bent, to say what they should not.
#[derive(Debug)]
pub struct TestPasskey {
    key: PrivateKey,
    id: [u8; 16],
    /// Where its browser says it is.
    pub origin: String,
    /// The relying party it answers for; none: the one that the options name.
    pub rp_id: Option<String>,
    /// Whose it says it is, once it is registered.
    pub user: std::sync::Mutex<Option<Vec<u8>>>,
    /// What it says of itself (WebAuthn Level 3 §6.1).
    pub flags: u8,
    /// How often it was used; one that is synchronised does not count.
    pub uses: AtomicU32,
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
            rp_id: None,
            user: std::sync::Mutex::default(),
            flags: Self::PRESENT | Self::VERIFIED | Self::BACKUP_ELIGIBLE | Self::BACKED_UP,
            uses: AtomicU32::new(0),
        }
    }

    /// One that stays in one piece of hardware.
    pub fn hardware(origin: &str) -> Self {
        Self { flags: Self::PRESENT | Self::VERIFIED, ..Self::synced(origin) }
    }

    /// Somebody touched it.
    pub const PRESENT: u8 = 0x01;
    /// It knows whose finger it was.
    pub const VERIFIED: u8 = 0x04;
    /// It may be copied to other devices.
    pub const BACKUP_ELIGIBLE: u8 = 0x08;
    /// It was.
    pub const BACKED_UP: u8 = 0x10;
    /// Its model, as it names itself.
    pub const MODEL: &str = "00112233-4455-6677-8899-aabbccddeeff";

    /// What `navigator.credentials.create` gives for these options, as `toJSON` writes it.
    pub fn create(&self, options: &Value) -> String {
        let options = options.get("publicKey").unwrap_or(options);
        let user = options.pointer("/user/id").and_then(Value::as_str).unwrap_or_default();
        *must(self.user.lock(), "the user") = from_base64url(user);
        let mut data = self.head(options.pointer("/rp/id"), true);
        data.extend_from_slice(must(uuid::Uuid::parse_str(Self::MODEL), "a model").as_bytes());
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
        let data = self.head(options.get("rpId"), false);
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
    fn head(&self, asked: Option<&Value>, attested: bool) -> Vec<u8> {
        let counts = self.flags & Self::BACKUP_ELIGIBLE == 0;
        let counter = if counts { self.uses.fetch_add(1, Ordering::Relaxed) + 1 } else { 0 };
        let rp = self.rp_id.clone().unwrap_or_else(|| rp_of(asked, &self.origin));
        let mut data = sha256(rp.as_bytes()).to_vec();
        data.push(self.flags | if attested { HAS_CREDENTIAL } else { 0 });
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

/// Its data names a credential.
const HAS_CREDENTIAL: u8 = 0x40;

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
