//! Who an access token is about: verified, for this audience, not taken back, and of somebody who may still act.

use std::sync::Arc;

use serde_json::Value;

use super::PersonSvids;
use crate::accounts::User;
use crate::kernel::{DeviceId, Failure, Kind, SessionId, SpiffeId, Timestamp, UserId};
use crate::realms::Realm;
use crate::sessions::Revocable;
use crate::svid::{Expiry, TokenKind, VerifiedToken};

/// A person, by an access token.
#[derive(Debug, Clone)]
pub struct Person {
    /// Who.
    pub user: Arc<User>,
    /// Their SPIFFE ID.
    pub id: SpiffeId,
    /// What was shown.
    pub token: Arc<VerifiedToken>,
    /// The session it hangs off.
    pub session: SessionId,
    /// When they signed in.
    pub signed_in_at: Timestamp,
    /// The device that the token hangs off: that proved its key when it was asked for, or in the sign-in behind it.
    pub device: Option<DeviceId>,
}

/// A token that holds, and the sign-in behind it.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) token: Arc<VerifiedToken>,
    pub(super) session: SessionId,
    pub(super) signed_in_at: Timestamp,
}

impl PersonSvids {
    /// The person of this token. Reads class 1 and the cache of people alone, never a session.
    ///
    /// Fails with kind `Unauthenticated`; the words do not say which of the conditions does not hold.
    pub async fn person(
        &self,
        realm: &Realm,
        token: &str,
        audience: &str,
    ) -> Result<Person, Failure> {
        let Shown { token, session, signed_in_at } = self.shown(realm, token, audience)?;
        let user = UserId::parse(&token.subject).map_err(|_| refused("it is about no person"))?;
        let user = self.below.accounts.user(realm.id, user).await?;
        let user = user.filter(|user| user.is_active());
        let user = user.ok_or_else(|| refused("the person is gone or locked"))?;
        let id = user.spiffe_id(&realm.trust_domain)?;
        let device = device(&token)?;
        Ok(Person { user, id, token, session, signed_in_at, device })
    }

    /// What this token says, as far as no person need be read for it.
    pub(super) fn shown(
        &self,
        realm: &Realm,
        token: &str,
        audience: &str,
    ) -> Result<Shown, Failure> {
        let at = (self.env.clock.now(), Expiry::Strict);
        let token = self.below.svid.verify_token(realm.id, token, TokenKind::Access, at)?;
        if !token.audience.iter().any(|one| one == audience) {
            return Err(refused("it is for another audience"));
        }
        let (session, signed_in_at) =
            sign_in(&token).ok_or_else(|| refused("no person signed in for it"))?;
        if self.is_revoked(&token, session) {
            return Err(refused("it was taken back"));
        }
        Ok(Shown { token, session, signed_in_at })
    }

    fn is_revoked(&self, token: &VerifiedToken, session: SessionId) -> bool {
        let (Some(grant), Some(client)) = (token.grant, &token.client) else { return true };
        let what = [
            Revocable::Grant(grant),
            Revocable::Session(session),
            Revocable::Subject(&token.subject),
            Revocable::Subject(client.as_str()),
        ];
        self.below.sessions.is_revoked(token.realm, what, token.issued_at)
    }
}

/// `sid` and `auth_time`: a token without them stands for no sign-in.
fn sign_in(token: &VerifiedToken) -> Option<(SessionId, Timestamp)> {
    let session = token.claims.get("sid").and_then(Value::as_str)?;
    let signed_in_at = token.claims.get("auth_time").and_then(Value::as_i64)?;
    Some((SessionId::parse(session).ok()?, Timestamp::from_seconds(signed_in_at)))
}

/// `device`: a token that names one nobody could have is none of ours.
fn device(token: &VerifiedToken) -> Result<Option<DeviceId>, Failure> {
    let named = token.claims.get("device").map(|named| {
        let known = named.as_str().and_then(|text| DeviceId::parse(text).ok());
        known.ok_or_else(|| refused("it names a device that cannot be"))
    });
    named.transpose()
}

pub(super) fn refused(why: &'static str) -> Failure {
    let words = "the access token is not accepted here";
    Failure::new(Kind::Unauthenticated, "token.refused", words).because(why)
}
