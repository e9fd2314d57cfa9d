//! The desk: credentials made from permits. Template → sign → read again.
//!
//! Owns: what an X.509-SVID, a JWT-SVID and a token of the OpenID provider say and how long they live; the actions `IssueX509`,
//! `IssueJwtSvid` and `IssueTokens`; whether a token is one of ours; the server's own certificate. Does not own: who may have one (`access`), entries, agents and devices (whoever calls), and
//! the keys (`authority`). Endpoints: none.
//!
//! Invariants:
//! - Nothing is signed without a permit; only the server's certificate for itself needs none.
//! - Nothing outlives what was asked, its permit, its evidence or its authority.
//! - What leaves has been read again and follows its specification, or it is a bug and does not leave.
//! - A replica that has not seen its database for too long signs for itself alone: bans and deletions have passed it by.
//!
//! - A token of one kind is never taken for one of another, nor one by a key for something else.
//!
//! Spec: SPIFFE X509-SVID, JWT-SVID; RFC 5280; OpenID Connect Core §2, Back-Channel Logout §2.4; RFC 9068.

pub mod model;
mod serve_tls;
mod settings;
mod sign_jwt;
mod sign_tokens;
mod sign_x509;
mod template;
pub mod tokens;
mod verify_output;
mod verify_token;

use std::fmt;
use std::sync::Arc;

pub use model::{
    Bound, Error, IssueJwtSvid, IssueX509, JWT_ISSUED, JwtSvid, REFUSED, SERVER_ISSUED,
    X509_ISSUED, X509Svid,
};
pub use serve_tls::ServerCertificates;
pub use settings::Settings;
pub use sign_x509::PlannedX509;
pub use tokens::{GrantKind, IssueTokens, TOKENS_ISSUED, Token, TokenDraft, TokenKind, Tokens};
pub use verify_token::{Expiry, TokenError, VerifiedToken};

use crate::authority::Authority;
use crate::env::Env;
use crate::kernel::{Lifetime, Timestamp};
use verify_token::SeenTokens;

/// The desk. Cheap to clone.
#[derive(Clone)]
pub struct Svid {
    env: Env,
    authority: Authority,
    settings: Arc<Settings>,
    away_max: Lifetime,
    seen: SeenTokens,
}

impl Svid {
    /// The desk, signing with these authorities for as long as the database was seen within `away_max`.
    pub fn new(env: Env, authority: Authority, settings: Settings, away_max: Lifetime) -> Self {
        Self { env, authority, settings: Arc::new(settings), away_max, seen: SeenTokens::default() }
    }

    /// Fails with `OutOfSight` where the database was away for so long that nothing may be signed: what was banned, evicted
    /// or deleted meanwhile is not known here.
    pub fn check_sight(&self, now: Timestamp) -> Result<(), Error> {
        let away = now.since(self.env.db.last_seen());
        if away > self.away_max { Err(Error::OutOfSight { away }) } else { Ok(()) }
    }
}

impl fmt::Debug for Svid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Svid").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;
