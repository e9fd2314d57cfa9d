//! Whether a token is one that this realm's OpenID provider made, of the kind that belongs here.
//!
//! The key decides by which algorithm a token is verified, never the token (RFC 8725 §3.1); its `typ` must be that of its kind,
//! its `iss` ours. Keys are those of OpenID tokens alone: an SVID is nothing here, however its claims look.

use std::fmt;
use std::sync::Arc;

use moka::sync::Cache;
use serde_json::{Map, Value};

use super::Svid;
use super::tokens::TokenKind;
use crate::authority::OidcKeySet;
use crate::crypto::digest::Sha256;
use crate::crypto::jose::{JoseError, Unverified};
use crate::kernel::{ClientId, Failure, GrantId, Kind, Lifetime, RealmId, Timestamp};

/// What a token of ours says.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedToken {
    /// In which realm.
    pub realm: RealmId,
    /// Its kind.
    pub kind: TokenKind,
    /// `sub`.
    pub subject: String,
    /// `aud`, all of them.
    pub audience: Vec<String>,
    /// `client_id`; of access tokens.
    pub client: Option<ClientId>,
    /// What it hangs off; of access tokens.
    pub grant: Option<GrantId>,
    /// `scope`; of access tokens.
    pub scopes: Vec<String>,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
    /// `jti`.
    pub jti: String,
    /// The name of the key that signed it.
    pub kid: String,
    /// All claims.
    pub claims: Map<String, Value>,
}

/// Whether a token that has ended is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// It is.
    Strict,
    /// It is not: a hint who signed in is good for as long as its key is known (RP-Initiated Logout §4).
    Ignored,
}

/// Why a token is not taken. Whoever showed it learns no more than that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token itself.
    #[error(transparent)]
    Token(#[from] JoseError),
    /// No key of this realm's OpenID tokens has this name.
    #[error("this realm's OpenID tokens have no key `{0}`")]
    UnknownKey(String),
    /// It says another algorithm than its key signs by.
    #[error("the token says another algorithm than its key signs by")]
    Algorithm,
    /// It is of another kind.
    #[error("the token is no {expected} token: its type is `{found}`")]
    Kind {
        /// Which would be right.
        expected: TokenKind,
        /// What it says.
        found: String,
    },
    /// Another issuer's.
    #[error("the token is of another issuer")]
    Issuer,
    /// A claim that every token of ours has is missing or of another type.
    #[error("the token has no `{0}`")]
    Claim(&'static str),
    /// `exp` is past.
    #[error("the token ended {ago} ago")]
    Expired {
        /// How long ago.
        ago: Lifetime,
    },
    /// It begins later.
    #[error("the token begins in {left}")]
    NotYetValid {
        /// In which time.
        left: Lifetime,
    },
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        Self::new(Kind::Unauthenticated, "token.refused", "the token is not accepted")
            .because(error)
    }
}

/// Tokens that were verified, by the digest of realm and text. Bounded; whether one still holds is asked each time.
#[derive(Clone)]
pub(super) struct SeenTokens(Cache<[u8; 32], Arc<VerifiedToken>>);

impl Svid {
    /// What this token says, if this realm made it, and as this kind. Whether it was revoked is not looked at here.
    pub fn verify_token(
        &self,
        realm: RealmId,
        token: &str,
        kind: TokenKind,
        (now, expiry): (Timestamp, Expiry),
    ) -> Result<Arc<VerifiedToken>, TokenError> {
        let unknown = || TokenError::UnknownKey(String::new());
        let keys = self.authority.oidc_key_set(realm).ok_or_else(unknown)?;
        let name = name_of(realm, token);
        let verified = match self.seen.0.get(&name) {
            // A revoked key takes what it signed with it. A token that is no such kind is looked at again, for its words.
            Some(seen) if seen.kind == kind && keys.get(&seen.kid).is_some() => seen,
            _ => {
                let verified = Arc::new(verify(realm, token, kind, &keys)?);
                self.seen.0.insert(name, Arc::clone(&verified));
                verified
            }
        };
        check_time(&verified, now, expiry)?;
        Ok(verified)
    }
}

fn verify(
    realm: RealmId,
    token: &str,
    kind: TokenKind,
    keys: &OidcKeySet,
) -> Result<VerifiedToken, TokenError> {
    let token = Unverified::parse(token)?;
    if token.typ() != Some(kind.typ()) {
        let found = token.typ().unwrap_or_default().to_owned();
        return Err(TokenError::Kind { expected: kind, found });
    }
    let key_name = token.kid().to_owned();
    let key = keys.get(&key_name).ok_or_else(|| TokenError::UnknownKey(key_name.clone()))?;
    if token.algorithm() != key.algorithm {
        return Err(TokenError::Algorithm);
    }
    let claims = token.verify(&key.key)?;
    let text = |name: &'static str| {
        claims.get(name).and_then(Value::as_str).ok_or(TokenError::Claim(name)).map(str::to_owned)
    };
    let date = |name: &'static str| {
        let seconds = claims.get(name).and_then(Value::as_i64);
        seconds.map(Timestamp::from_seconds).ok_or(TokenError::Claim(name))
    };
    if text("iss")? != keys.issuer() {
        return Err(TokenError::Issuer);
    }
    let (mut client, mut grant, mut scopes) = (None, None, Vec::new());
    if kind == TokenKind::Access {
        let bad = |name| move |_| TokenError::Claim(name);
        client = Some(ClientId::parse(&text("client_id")?).map_err(bad("client_id"))?);
        grant = Some(GrantId::parse(&text("grant")?).map_err(bad("grant"))?);
        scopes = text("scope")?.split_whitespace().map(str::to_owned).collect();
    }
    Ok(VerifiedToken {
        realm,
        kind,
        subject: text("sub")?,
        audience: audience(&claims).ok_or(TokenError::Claim("aud"))?,
        client,
        grant,
        scopes,
        issued_at: date("iat")?,
        expires_at: date("exp")?,
        jti: text("jti")?,
        kid: key_name,
        claims,
    })
}

fn audience(claims: &Map<String, Value>) -> Option<Vec<String>> {
    let found: Vec<String> = match claims.get("aud")? {
        Value::String(one) => vec![one.clone()],
        Value::Array(many) => {
            many.iter().map(|one| one.as_str().map(str::to_owned)).collect::<Option<_>>()?
        }
        _ => return None,
    };
    (!found.is_empty()).then_some(found)
}

/// `exp` equal to now is past; a token of another replica may be younger than our clock by a little.
fn check_time(token: &VerifiedToken, now: Timestamp, expiry: Expiry) -> Result<(), TokenError> {
    if expiry == Expiry::Strict && token.expires_at <= now {
        return Err(TokenError::Expired { ago: now.since(token.expires_at) });
    }
    if token.issued_at > now.plus(SKEW) {
        return Err(TokenError::NotYetValid { left: token.issued_at.since(now) });
    }
    Ok(())
}

fn name_of(realm: RealmId, token: &str) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(&realm.0.to_be_bytes());
    digest.update(token.as_bytes());
    digest.finish()
}

impl Default for SeenTokens {
    fn default() -> Self {
        // The claims are there once as text and once as values, and values take more.
        let weight = |_: &[u8; 32], token: &Arc<VerifiedToken>| {
            let claims: usize =
                token.claims.iter().map(|(name, value)| name.len() + size(value)).sum();
            u32::try_from(ENTRY_BYTES + 2 * claims).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(SEEN_BYTES_MAX).weigher(weight).build())
    }
}

fn size(value: &Value) -> usize {
    VALUE_BYTES
        + match value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(size).sum(),
            Value::Object(members) => {
                members.iter().map(|(name, value)| VALUE_BYTES + name.len() + size(value)).sum()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
}

impl fmt::Debug for SeenTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SeenTokens").field(&self.0.entry_count()).finish()
    }
}

/// Clocks of replicas differ by less.
const SKEW: Lifetime = Lifetime::seconds(60);
/// Some 8,000 access tokens: more are not shown to us again and again within their five minutes.
const SEEN_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// What the memory itself takes for a token, and the fields beside its claims.
const ENTRY_BYTES: usize = 600;
/// A JSON value or name without its text.
const VALUE_BYTES: usize = 56;
