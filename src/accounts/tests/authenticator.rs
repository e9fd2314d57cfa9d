//! An authenticator and its browser, as small as WebAuthn lets them be: one key a credential, answers as a page sends them.

use serde_json::{Value, json};

use crate::crypto::digest::{base64url, from_base64url, sha256};
use crate::crypto::keys::{Algorithm, PrivateKey, Signer as _};

/// One credential, and what its authenticator says of itself.
pub(super) struct Authenticator {
    key: PrivateKey,
    pub(super) id: Vec<u8>,
    pub(super) handle: Vec<u8>,
    pub(super) counter: u32,
    /// User present and verified.
    pub(super) flags: u8,
    pub(super) origin: String,
    pub(super) rp_id: String,
}

pub(super) const PRESENT: u8 = 0x01;
pub(super) const VERIFIED: u8 = 0x04;
pub(super) const BACKUP_ELIGIBLE: u8 = 0x08;
pub(super) const BACKED_UP: u8 = 0x10;
const HAS_CREDENTIAL: u8 = 0x40;

/// A model, as it names itself.
pub(super) const MODEL: &str = "00112233-4455-6677-8899-aabbccddeeff";

impl Authenticator {
    /// In hardware, verifying its user, at the right place.
    pub(super) fn new(name: &str) -> Self {
        Self {
            key: PrivateKey::generate(Algorithm::P256).unwrap(),
            id: sha256(name.as_bytes()).to_vec(),
            handle: Vec::new(),
            counter: 0,
            flags: PRESENT | VERIFIED,
            origin: "https://id.weft.test".to_owned(),
            rp_id: "id.weft.test".to_owned(),
        }
    }

    /// What `navigator.credentials.create` gives for these options.
    pub(super) fn create(&mut self, options: &Value) -> String {
        let asked = &options["publicKey"];
        self.handle = from_base64url(asked["user"]["id"].as_str().unwrap()).unwrap();
        let client = self.client_data("webauthn.create", asked);
        let mut data = self.head(HAS_CREDENTIAL);
        data.extend_from_slice(uuid::Uuid::parse_str(MODEL).unwrap().as_bytes());
        data.extend_from_slice(&u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend_from_slice(&self.id);
        data.extend_from_slice(&self.cose_key());
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        object.push(u8::try_from(data.len()).unwrap());
        object.extend_from_slice(&data);
        json!({
            "id": base64url(&self.id),
            "rawId": base64url(&self.id),
            "type": "public-key",
            "response": {
                "attestationObject": base64url(&object),
                "clientDataJSON": base64url(client.as_bytes()),
            },
            "extensions": {},
        })
        .to_string()
    }

    /// What `navigator.credentials.get` gives for these options.
    pub(super) fn get(&mut self, options: &Value) -> String {
        let client = self.client_data("webauthn.get", &options["publicKey"]);
        let data = self.head(0);
        let signed = [data.as_slice(), &sha256(client.as_bytes())].concat();
        json!({
            "id": base64url(&self.id),
            "rawId": base64url(&self.id),
            "type": "public-key",
            "response": {
                "authenticatorData": base64url(&data),
                "clientDataJSON": base64url(client.as_bytes()),
                "signature": base64url(&self.key.sign(&signed).unwrap()),
                "userHandle": base64url(&self.handle),
            },
            "extensions": {},
        })
        .to_string()
    }

    fn client_data(&self, kind: &str, asked: &Value) -> String {
        let challenge = &asked["challenge"];
        json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false })
            .to_string()
    }

    fn head(&self, more: u8) -> Vec<u8> {
        let mut data = sha256(self.rp_id.as_bytes()).to_vec();
        data.push(self.flags | more);
        data.extend_from_slice(&self.counter.to_be_bytes());
        data
    }

    /// RFC 9052 §7: EC2, ES256, P-256.
    fn cose_key(&self) -> Vec<u8> {
        let spki = self.key.public().spki();
        let point = &spki[spki.len() - 64..];
        let mut key = b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20".to_vec();
        key.extend_from_slice(&point[..32]);
        key.extend_from_slice(b"\x22\x58\x20");
        key.extend_from_slice(&point[32..]);
        key
    }
}
