//! What was granted, taken back: known in memory on every replica (RFC 7009, RFC 6749 §4.1.2).

use super::client_auth::Credentials;
use super::exchange_token::one;
use super::grant::Place;
use super::parameters::Parameters;
use super::refresh_token::RefreshToken;
use super::settings::GRANT_LIFE_MAX;
use super::wire_error::WireError;
use super::{Oauth, store};
use crate::db::Tx;
use crate::events::{Changed, Event};
use crate::kernel::{ClientId, Failure, Fault, GrantId, Granted, RealmId, Timestamp, UserId};
use crate::sessions::{self, Revocable, Sessions};
use crate::svid::{Expiry, TokenKind};

impl Oauth {
    /// Ends a grant and everything that hangs off it.
    pub(super) async fn revoke_grant(
        &self,
        realm: RealmId,
        grant: GrantId,
    ) -> Result<(), WireError> {
        let now = self.env.clock.now();
        let input = (grant, now);
        let done: Result<(), sessions::Error> = self
            .events
            .change_in(realm, Granted::to_server("RevokeGrant"), input, |tx, (grant, now)| {
                Box::pin(async move {
                    let change = taken_back(tx, *grant, *now).await?;
                    Ok(Changed { value: (), changes: vec![change], rights: false })
                })
            })
            .await;
        Ok(done.map_err(Failure::from)?)
    }

    /// The revocation endpoint (RFC 7009 §2): a token of this client, and what hangs off the same grant, is void. A token that
    /// is none of this client's is no error, and nothing happens (§2.2).
    pub async fn revoke_token(
        &self,
        place: &Place,
        header: Option<&str>,
        form: &Parameters,
    ) -> Result<(), WireError> {
        let credentials = Credentials::of(header, form)?;
        let client = self.authenticate(place.realm, &credentials)?;
        let token = one(form, "token")?.ok_or_else(|| WireError::request("token is missing"))?;
        let grant = match RefreshToken::parse(token) {
            Some(shown) => self.family_of(place.realm, shown, client.id.clone()).await?,
            None => self
                .svid
                .verify_token(
                    place.realm,
                    token,
                    TokenKind::Access,
                    (self.env.clock.now(), Expiry::Strict),
                )
                .ok()
                .filter(|verified| verified.client.as_ref() == Some(&client.id))
                .and_then(|verified| verified.grant),
        };
        match grant {
            Some(grant) => self.revoke_grant(place.realm, grant).await,
            None => Ok(()),
        }
    }

    /// The grant of a refresh token that counts now and is this client's.
    async fn family_of(
        &self,
        realm: RealmId,
        shown: RefreshToken,
        client: ClientId,
    ) -> Result<Option<GrantId>, Fault> {
        self.env
            .db
            .read(realm, (shown, client), |tx, (shown, client)| {
                Box::pin(async move {
                    let family = store::family(tx, shown.grant).await?;
                    let is = family.is_some_and(|(family, grant)| {
                        family.digest == shown.digest() && grant.client == *client
                    });
                    Ok(is.then_some(shown.grant))
                })
            })
            .await
    }

    /// A person withdraws what an application was given: consents, refresh tokens and every token that is out.
    pub async fn disconnect(
        &self,
        realm: RealmId,
        user: UserId,
        client: &ClientId,
    ) -> Result<(), Failure> {
        let now = self.env.clock.now();
        let input = (user, client.clone(), now);
        let granted = Granted::to_server("RevokeGrant");
        let done: Result<(), sessions::Error> = self
            .events
            .change_in(realm, granted, input, |tx, (user, client, now)| {
                Box::pin(async move {
                    store::delete_consents(tx, *user, client).await?;
                    let mut changes = Vec::new();
                    for grant in store::grants_of(tx, *user, *now).await? {
                        if grant.client == *client {
                            changes.push(taken_back(tx, grant.id, *now).await?);
                        }
                    }
                    Ok(Changed { value: (), changes, rights: false })
                })
            })
            .await;
        Ok(done?)
    }
}

/// Ends a grant's family and takes back what hangs off the grant, for a transaction that records the change.
pub(super) async fn taken_back(
    tx: &mut Tx,
    grant: GrantId,
    now: Timestamp,
) -> Result<(&'static str, String, Event), Fault> {
    store::delete_family(tx, grant).await?;
    Sessions::revoke_in(tx, Revocable::Grant(grant), now, now.plus(GRANT_LIFE_MAX)).await
}
