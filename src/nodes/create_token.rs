//! Join tokens: made, listed, taken back. The secret exists in clear only in the answer that made it.

use crate::crypto::digest::{base64url, sha256};
use crate::events::Unrecorded;
use crate::kernel::limits::SELECTORS_MAX;
use crate::kernel::{JoinTokenId, Lifetime, RealmId, Secret};

use super::model::{
    Administrator, CreateJoinToken, JoinToken, NewJoinToken, ReadJoinToken, RevokeJoinToken,
    TokenWish, events,
};
use super::{Error, Nodes, store};

/// Agents that may share one token: a rack, not a fleet; beyond it an attestor that needs no secret is the right one.
const USES_MAX: i64 = 1000;
/// Longest life of a token: it waits for machines to be set up, not for years.
const LIFETIME_MAX: Lifetime = Lifetime::days(30);

impl Nodes {
    /// Makes a join token.
    pub async fn create_token(&self, wish: TokenWish) -> Result<NewJoinToken, Error> {
        check(&wish)?;
        let realm = wish.by.realm;
        let permit = self.access.permit(CreateJoinToken(wish))?;
        let (CreateJoinToken(wish), granted) = permit.spend();
        let now = self.env.clock.now();
        let random = self.env.entropy.token()?;
        let secret = Secret::new(base64url(random.expose()));
        let mut selectors = wish.selectors;
        selectors.sort();
        selectors.dedup();
        let token = JoinToken {
            id: match wish.id {
                Some(id) => id,
                None => JoinTokenId::new(self.env.entropy.uuid(now)?),
            },
            uses_max: wish.uses_max,
            uses: 0,
            selectors,
            alias: wish.alias,
            created_at: now,
            expires: now.plus(wish.lifetime),
            revoked: false,
        };
        let input = (token.clone(), sha256(secret.expose().as_bytes()), granted.actor);
        self.events
            .record_in(realm, input, move |tx, (token, digest, actor)| {
                Box::pin(async move {
                    store::insert_token(tx, token, digest).await.map_err(taken)?;
                    Ok::<_, Error>(Unrecorded::new(
                        (),
                        events::token(realm, "join_token.created", token, *actor),
                    ))
                })
            })
            .await?;
        Ok(NewJoinToken { token, secret })
    }

    /// A page of join tokens, by id.
    pub async fn tokens(
        &self,
        by: Administrator,
        after: String,
        limit: i64,
    ) -> Result<Vec<JoinToken>, Error> {
        let realm = by.realm;
        self.access.permit(ReadJoinToken(by))?.spend();
        self.env
            .db
            .read(realm, (after, limit), |tx, (after, limit)| {
                Box::pin(async move { Ok(store::tokens(tx, after, *limit).await?) })
            })
            .await
    }

    /// One join token.
    pub async fn token(&self, by: Administrator, id: JoinTokenId) -> Result<JoinToken, Error> {
        let realm = by.realm;
        self.access.permit(ReadJoinToken(by))?.spend();
        self.stored_token(realm, id).await
    }

    async fn stored_token(&self, realm: RealmId, id: JoinTokenId) -> Result<JoinToken, Error> {
        self.env
            .db
            .read(realm, id, |tx, id| Box::pin(async move { Ok(store::token(tx, *id).await?) }))
            .await
            .and_then(|token| token.ok_or(Error::NotFound("join token")))
    }

    /// Takes a join token back: nobody joins with it any more; who has joined stays.
    pub async fn revoke_token(&self, by: Administrator, id: JoinTokenId) -> Result<(), Error> {
        let realm = by.realm;
        let permit = self.access.permit(RevokeJoinToken { by, token: id.to_string() })?;
        let token = self.stored_token(realm, id).await?;
        let input = (token, permit.spend().1.actor);
        self.events
            .record_in(realm, input, move |tx, (token, actor)| {
                Box::pin(async move {
                    store::revoke_token(tx, token.id).await?;
                    Ok::<_, Error>(Unrecorded::new(
                        (),
                        events::token(realm, "join_token.revoked", token, *actor),
                    ))
                })
            })
            .await
    }
}

fn check(wish: &TokenWish) -> Result<(), Error> {
    if !(1..=USES_MAX).contains(&wish.uses_max) {
        return Err(Error::Invalid(format!("a join token is for 1 to {USES_MAX} agents")));
    }
    if wish.lifetime.is_zero() || wish.lifetime > LIFETIME_MAX {
        return Err(Error::Invalid(format!("a join token lives from 1 s to {LIFETIME_MAX}")));
    }
    if wish.selectors.len() >= SELECTORS_MAX {
        return Err(Error::Invalid(format!(
            "a join token gives fewer than {SELECTORS_MAX} selectors"
        )));
    }
    match &wish.alias {
        Some(alias) if !alias.has_path() || alias.is_under("/spire") => Err(Error::Invalid(
            "an agent's alias is a SPIFFE ID with a path, and not below `/spire`".to_owned(),
        )),
        _ => Ok(()),
    }
}

fn taken(fault: crate::kernel::Fault) -> Error {
    match fault {
        crate::kernel::Fault::Unique { .. } => Error::Exists,
        other => other.into(),
    }
}
