//! What is kept between the two halves of a ceremony: sealed, so that whoever carries it can neither read nor change it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::CEREMONY_WITHIN;
use crate::accounts::Accounts;
use crate::accounts::model::Error;
use crate::kernel::{Fault, RealmId, Timestamp, UserId};

/// What a challenge is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ceremony {
    /// A sign-in, of this person if one is asked.
    SignIn(Option<UserId>),
    /// A new passkey of this person.
    Register(UserId),
}

impl Accounts {
    pub(super) fn sealed(
        &self,
        realm: RealmId,
        ceremony: Ceremony,
        state: &impl Serialize,
    ) -> Result<Vec<u8>, Error> {
        let (kind, user) = match ceremony {
            Ceremony::SignIn(user) => ("sign_in", user),
            Ceremony::Register(user) => ("register", Some(user)),
        };
        let document = json!({
            "kind": kind,
            "user": user.map(|user| user.to_string()),
            "expires": self.inner.env.clock.now().plus(CEREMONY_WITHIN).micros(),
            "state": serde_json::to_value(state).map_err(Fault::bug)?,
        });
        let text = serde_json::to_vec(&document).map_err(Fault::bug)?;
        Ok(self.inner.ring.seal(&place(realm), &text, self.inner.env.entropy.as_ref())?)
    }

    /// `Spent` for what was not sealed here, in this realm, or is too old.
    pub(super) fn opened<S: DeserializeOwned>(
        &self,
        realm: RealmId,
        sealed: &[u8],
    ) -> Result<(Ceremony, S), Error> {
        if sealed.len() > SEALED_BYTES_MAX {
            return Err(Error::Spent);
        }
        let text = self.inner.ring.open(&place(realm), sealed).map_err(|_| Error::Spent)?;
        let mut document: Value =
            serde_json::from_slice(text.expose()).map_err(|_| Error::Spent)?;
        let expires = document.get("expires").and_then(Value::as_i64).unwrap_or_default();
        if self.inner.env.clock.now() >= Timestamp::from_micros(expires) {
            return Err(Error::Spent);
        }
        let user = document.get("user").and_then(Value::as_str);
        let user = user.map(UserId::parse).transpose().map_err(|_| Error::Spent)?;
        let ceremony = match (document.get("kind").and_then(Value::as_str), user) {
            (Some("sign_in"), user) => Ceremony::SignIn(user),
            (Some("register"), Some(user)) => Ceremony::Register(user),
            _ => return Err(Error::Spent),
        };
        let state = document.get_mut("state").map(Value::take).unwrap_or_default();
        Ok((ceremony, serde_json::from_value(state).map_err(|_| Error::Spent)?))
    }
}

fn place(realm: RealmId) -> Vec<u8> {
    format!("passkey ceremony|{realm}").into_bytes()
}

/// The model of the authenticator, as the attestation object says it (WebAuthn §6.5.1): after the relying party's digest, flags
/// and counter. For people to tell their keys apart; nothing is decided by it, and the library has checked the rest.
pub(super) fn aaguid(attestation: &[u8]) -> Option<String> {
    let key = b"\x68authData";
    let at = attestation.windows(key.len()).position(|window| window == key)?;
    let rest = attestation.get(at + key.len()..)?;
    // A CBOR byte string with its length in one byte or two (RFC 8949 §3.1).
    let data = match rest.first()? {
        0x58 => rest.get(2..)?,
        0x59 => rest.get(3..)?,
        _ => return None,
    };
    let bytes: [u8; 16] = data.get(37..53)?.try_into().ok()?;
    let model = uuid::Uuid::from_bytes(bytes);
    (!model.is_nil()).then(|| model.to_string())
}

/// Whether a new passkey may be on several devices, as the library's document of it says.
pub(super) fn backup_eligible(document: &str) -> Result<bool, Fault> {
    let document: Value = serde_json::from_str(document).map_err(Fault::bug)?;
    let flag = document.pointer("/cred/backup_eligible").and_then(Value::as_bool);
    flag.ok_or_else(|| Fault::bug("a passkey does not say whether it is backed up"))
}

/// A state is a few hundred bytes.
const SEALED_BYTES_MAX: usize = 64 * 1024;
