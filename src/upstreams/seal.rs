//! What of upstreams is sealed at rest, each bound to its place: a blob that is moved to another row does not open.

use serde_json::Value;

use super::model::{Binding, Error, Purpose};
use crate::crypto::digest::hex;
use crate::crypto::seal::KekRing;
use crate::env::Entropy;
use crate::kernel::{Fault, RealmId, Secret, Timestamp, UpstreamId, UserId};

/// What the row of an attempt must not say in the clear.
#[derive(Debug)]
pub(super) struct Document {
    /// The PKCE verifier.
    pub(super) verifier: Secret<String>,
    /// The nonce.
    pub(super) nonce: Secret<String>,
    /// The issuer and client id that the attempt began with.
    pub(super) party: (String, String),
    /// Whether the person must authenticate anew.
    pub(super) fresh: bool,
    /// What for.
    pub(super) errand: Errand,
}

/// What an attempt is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Errand {
    /// Somebody signs in, or links.
    Person(Purpose),
    /// An administrator tries the upstream.
    Test,
}

/// Seals an attempt's document under the digest of its state.
pub(super) fn seal_document(
    ring: &KekRing,
    (realm, digest): (RealmId, &Binding),
    document: &Document,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, Fault> {
    let (purpose, user, authenticated_at) = match document.errand {
        Errand::Test => ("test", None, None),
        Errand::Person(Purpose::SignIn) => ("sign_in", None, None),
        Errand::Person(Purpose::Link { user, authenticated_at }) => {
            ("link", Some(user.to_string()), Some(authenticated_at.micros()))
        }
    };
    let text = Secret::new(
        serde_json::json!({
            "verifier": document.verifier.expose(),
            "nonce": document.nonce.expose(),
            "issuer": document.party.0,
            "client_id": document.party.1,
            "fresh": document.fresh,
            "purpose": purpose,
            "user": user,
            "authenticated_at": authenticated_at,
        })
        .to_string(),
    );
    ring.seal(&place("attempt", realm, &hex(digest)), text.expose().as_bytes(), entropy)
}

/// Opens it.
pub(super) fn open_document(
    ring: &KekRing,
    (realm, digest): (RealmId, &Binding),
    blob: &[u8],
) -> Result<Document, Error> {
    let bad = || Fault::malformed("attempt", "its document has another form");
    let opened = ring.open(&place("attempt", realm, &hex(digest)), blob)?;
    let value: Value = serde_json::from_slice(opened.expose()).map_err(|_| bad())?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let errand = match text("purpose").as_deref() {
        Some("test") => Errand::Test,
        Some("sign_in") => Errand::Person(Purpose::SignIn),
        Some("link") => {
            let user = text("user").and_then(|id| UserId::parse(&id).ok()).ok_or_else(bad)?;
            let at = value.get("authenticated_at").and_then(Value::as_i64).ok_or_else(bad)?;
            let authenticated_at = Timestamp::from_micros(at);
            Errand::Person(Purpose::Link { user, authenticated_at })
        }
        _ => return Err(bad().into()),
    };
    Ok(Document {
        verifier: Secret::new(text("verifier").ok_or_else(bad)?),
        nonce: Secret::new(text("nonce").ok_or_else(bad)?),
        party: (text("issuer").ok_or_else(bad)?, text("client_id").ok_or_else(bad)?),
        fresh: value.get("fresh").and_then(Value::as_bool).ok_or_else(bad)?,
        errand,
    })
}

/// Where an upstream's client secret is.
pub(super) fn secret_place(realm: RealmId, id: &UpstreamId) -> Vec<u8> {
    place("secret", realm, id.as_str())
}

/// Where a test's outcome is.
pub(super) fn outcome_place(realm: RealmId, digest: &Binding) -> Vec<u8> {
    place("outcome", realm, &hex(digest))
}

/// Where somebody's tokens are.
pub(super) fn tokens_place(realm: RealmId, id: &UpstreamId, user: UserId) -> Vec<u8> {
    place("tokens", realm, &format!("{id}|{user}"))
}

/// No part can hold the separator.
fn place(what: &str, realm: RealmId, which: &str) -> Vec<u8> {
    format!("upstream|{what}|{realm}|{which}").into_bytes()
}
