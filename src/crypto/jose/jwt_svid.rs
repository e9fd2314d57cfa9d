//! A JWT-SVID validated (JWT-SVID §2–5).

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{JoseError, Unverified};
use crate::crypto::keys::PublicKey;
use crate::kernel::spiffe::SpiffeIdError;
use crate::kernel::{Lifetime, SpiffeId, Timestamp, TrustDomain};

/// The JWT authorities of one trust domain, by key id. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct JwtKeys(Arc<HashMap<String, PublicKey>>);

/// What a valid JWT-SVID says.
#[derive(Debug, Clone, PartialEq)]
pub struct JwtSvidClaims {
    /// Whom it names: `sub`.
    pub id: SpiffeId,
    /// For whom it is: `aud`, all of them.
    pub audience: Vec<String>,
    /// When it ends: `exp`.
    pub expires_at: Timestamp,
    /// When it was issued: `iat`, if it says.
    pub issued_at: Option<Timestamp>,
    /// All claims.
    pub claims: Map<String, Value>,
}

/// Why a JWT-SVID is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwtSvidError {
    /// The token itself.
    #[error(transparent)]
    Token(#[from] JoseError),
    /// `typ` is neither `JWT` nor `JOSE` (§2.3).
    #[error("the type `{0}` is not `JWT` or `JOSE`")]
    Type(String),
    /// `sub` is missing or no text (§3.1).
    #[error("the token has no `sub`")]
    NoSubject,
    /// `sub` is no SPIFFE ID (§3.1).
    #[error("`sub` is no SPIFFE ID: {0}")]
    Subject(#[from] SpiffeIdError),
    /// `aud` is missing, empty, or not a text or list of texts (§3.2).
    #[error("the token has no `aud`")]
    NoAudience,
    /// `aud` does not name whoever validates (§3.2).
    #[error("the token is for another audience")]
    Audience,
    /// `exp` is missing or no number (§3.3).
    #[error("the token has no `exp`")]
    NoExpiry,
    /// `exp` is past (§3.3).
    #[error("the token ended {ago} ago")]
    Expired {
        /// How long ago.
        ago: Lifetime,
    },
    /// `nbf` lies in the future (RFC 7519 §4.1.5).
    #[error("the token begins in {left}")]
    NotYetValid {
        /// In which time it begins.
        left: Lifetime,
    },
    /// `nbf` or `iat` is there and no number (RFC 7519 §4.1.5).
    #[error("`nbf` or `iat` is no number")]
    NoDate,
    /// We hold no JWT authorities of the subject's trust domain (§4).
    #[error("there is no bundle for trust domain `{0}`")]
    NoBundle(TrustDomain),
    /// The bundle of the subject's trust domain does not hold this key (§4).
    #[error("the bundle of the subject's trust domain has no key `{0}`")]
    UnknownKey(String),
}

impl JwtKeys {
    /// The keys of one trust domain, each under its id.
    pub fn new(keys: impl IntoIterator<Item = (String, PublicKey)>) -> Self {
        Self(Arc::new(keys.into_iter().collect()))
    }

    /// The key of this id.
    pub fn get(&self, kid: &str) -> Option<&PublicKey> {
        self.0.get(kid)
    }
}

/// Validates a token for this audience. `keys` gives the JWT authorities of a trust domain: the key is looked for only
/// among those of the domain that `sub` names. `exp` equal to now is past; there is no leeway.
pub fn verify_jwt_svid(
    token: &str,
    audience: &str,
    keys: impl FnOnce(&TrustDomain) -> Option<JwtKeys>,
    now: Timestamp,
) -> Result<JwtSvidClaims, JwtSvidError> {
    let token = Unverified::parse(token)?;
    if let Some(other) = token.typ().filter(|typ| !matches!(*typ, "JWT" | "JOSE")) {
        return Err(JwtSvidError::Type(other.to_owned()));
    }
    let subject = token
        .unverified_claims()
        .get("sub")
        .and_then(Value::as_str)
        .ok_or(JwtSvidError::NoSubject)?;
    let id = SpiffeId::parse(subject)?;
    let keys =
        keys(id.trust_domain()).ok_or_else(|| JwtSvidError::NoBundle(id.trust_domain().clone()))?;
    let key =
        keys.get(token.kid()).ok_or_else(|| JwtSvidError::UnknownKey(token.kid().to_owned()))?;
    let claims = token.verify(key)?;
    let audiences = audiences(&claims).ok_or(JwtSvidError::NoAudience)?;
    if !audiences.iter().any(|one| one == audience) {
        return Err(JwtSvidError::Audience);
    }
    let expires_at = date(&claims, "exp").ok_or(JwtSvidError::NoExpiry)?;
    if expires_at <= now {
        return Err(JwtSvidError::Expired { ago: now.since(expires_at) });
    }
    let issued_at = optional_date(&claims, "iat")?;
    if let Some(from) = optional_date(&claims, "nbf")?.filter(|from| *from > now) {
        return Err(JwtSvidError::NotYetValid { left: from.since(now) });
    }
    Ok(JwtSvidClaims { id, audience: audiences, expires_at, issued_at, claims })
}

fn audiences(claims: &Map<String, Value>) -> Option<Vec<String>> {
    let found: Vec<String> = match claims.get("aud")? {
        Value::String(one) => vec![one.clone()],
        Value::Array(many) => {
            many.iter().map(|one| one.as_str().map(str::to_owned)).collect::<Option<_>>()?
        }
        _ => return None,
    };
    if found.is_empty() { None } else { Some(found) }
}

fn optional_date(
    claims: &Map<String, Value>,
    name: &str,
) -> Result<Option<Timestamp>, JwtSvidError> {
    match claims.get(name) {
        None => Ok(None),
        Some(_) => date(claims, name).map(Some).ok_or(JwtSvidError::NoDate),
    }
}

/// A `NumericDate` (RFC 7519 §2): whole seconds, or a fraction, which is rounded down.
fn date(claims: &Map<String, Value>, name: &str) -> Option<Timestamp> {
    let number = claims.get(name)?.as_number()?;
    if let Some(seconds) = number.as_i64() {
        return Some(Timestamp::from_seconds(seconds));
    }
    let seconds: i64 = format!("{:.0}", number.as_f64()?.floor()).parse().ok()?;
    Some(Timestamp::from_seconds(seconds))
}
