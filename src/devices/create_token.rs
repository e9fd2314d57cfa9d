//! Tokens that devices enrol with: made, listed, taken back. The secret exists in clear only in the answer that made it.

use crate::access::Administrator;
use crate::crypto::digest::{base64url, sha256};
use crate::events::Unrecorded;
use crate::kernel::{DeviceTokenId, Fault, Lifetime, RealmId, Secret};

use super::model::{
    CreateDeviceToken, DeviceToken, Grant, NewDeviceToken, ReadDeviceToken, RevokeDeviceToken,
    TokenWish, events,
};
use super::{Devices, Error, store};

/// Devices that may share one token: a room that is set up together.
const USES_MAX: i64 = 1000;
/// Longest life of a token: it waits for machines to be set up, not for years.
const LIFETIME_MAX: Lifetime = Lifetime::days(30);
/// Longest name of a profile.
const PROFILE_BYTES_MAX: usize = 64;

impl Devices {
    /// Makes a token.
    pub async fn create_token(&self, wish: TokenWish) -> Result<NewDeviceToken, Error> {
        check(&wish)?;
        let realm = wish.by.realm;
        let ask = CreateDeviceToken { by: wish.by, id: "new".to_owned(), device: None };
        let granted = self.below.access.permit(ask)?.spend().1;
        self.check_owner(realm, &wish.grant).await?;
        if let Some(id) = wish.grant.device {
            self.device(realm, id).ok_or(Error::NotFound("device"))?.state.check()?;
        }
        let now = self.env.clock.now();
        let random = self.env.entropy.token()?;
        let secret = Secret::new(base64url(random.expose()));
        let token = DeviceToken {
            id: match wish.id {
                Some(id) => id,
                None => DeviceTokenId::new(self.env.entropy.uuid(now)?),
            },
            uses_max: wish.uses_max,
            uses: 0,
            grant: wish.grant,
            created_at: now,
            expires: now.plus(wish.lifetime),
            revoked: false,
        };
        let input = (token.clone(), sha256(secret.expose().as_bytes()), granted.actor);
        self.below
            .events
            .record_in(realm, input, move |tx, (token, digest, actor)| {
                Box::pin(async move {
                    store::insert_token(tx, token, digest).await.map_err(taken)?;
                    let event = events::token(realm, "device_token.created", token, *actor);
                    Ok::<_, Error>(Unrecorded::new((), event))
                })
            })
            .await?;
        Ok(NewDeviceToken { token, secret })
    }

    /// A page of tokens, by id.
    pub async fn tokens(
        &self,
        by: Administrator,
        after: String,
        limit: i64,
    ) -> Result<Vec<DeviceToken>, Error> {
        let realm = by.realm;
        let ask = ReadDeviceToken { by, id: "all".to_owned(), device: None };
        self.below.access.permit(ask)?.spend();
        self.env
            .db
            .read(realm, (after, limit), |tx, (after, limit)| {
                Box::pin(async move { Ok(store::tokens(tx, after, *limit).await?) })
            })
            .await
    }

    /// One token.
    pub async fn token(&self, by: Administrator, id: DeviceTokenId) -> Result<DeviceToken, Error> {
        let realm = by.realm;
        let ask = ReadDeviceToken { by, id: id.to_string(), device: None };
        self.below.access.permit(ask)?.spend();
        self.stored_token(realm, id).await
    }

    async fn stored_token(&self, realm: RealmId, id: DeviceTokenId) -> Result<DeviceToken, Error> {
        self.env
            .db
            .read(realm, id, |tx, id| Box::pin(async move { Ok(store::token(tx, *id).await?) }))
            .await
            .and_then(|token| token.ok_or(Error::NotFound("device token")))
    }

    /// Takes a token back: nobody enrols with it any more; who has enrolled stays.
    pub async fn revoke_token(&self, by: Administrator, id: DeviceTokenId) -> Result<(), Error> {
        let realm = by.realm;
        let ask = RevokeDeviceToken { by, id: id.to_string(), device: None };
        let permit = self.below.access.permit(ask)?;
        let token = self.stored_token(realm, id).await?;
        let input = (token, permit.spend().1.actor);
        self.below
            .events
            .record_in(realm, input, move |tx, (token, actor)| {
                Box::pin(async move {
                    store::revoke_token(tx, token.id).await?;
                    let event = events::token(realm, "device_token.revoked", token, *actor);
                    Ok::<_, Error>(Unrecorded::new((), event))
                })
            })
            .await
    }

    /// A person of this realm, if anybody: a token for somebody else's would tell nothing and own nothing.
    async fn check_owner(&self, realm: RealmId, grant: &Grant) -> Result<(), Error> {
        let Some(user) = grant.owner else { return Ok(()) };
        let known = match self.people.get() {
            Some(people) => people.number(realm, user).await?,
            None => None,
        };
        known.map(drop).ok_or(Error::NotFound("person"))
    }
}

fn check(wish: &TokenWish) -> Result<(), Error> {
    if !(1..=USES_MAX).contains(&wish.uses_max) {
        return Err(Error::Invalid(format!("a device token is for 1 to {USES_MAX} devices")));
    }
    if wish.lifetime.is_zero() || wish.lifetime > LIFETIME_MAX {
        return Err(Error::Invalid(format!("a device token lives from 1 s to {LIFETIME_MAX}")));
    }
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    match &wish.grant.profile {
        Some(name)
            if name.is_empty() || name.len() > PROFILE_BYTES_MAX || !name.bytes().all(allowed) =>
        {
            Err(Error::Invalid(format!(
                "a profile's name has 1 to {PROFILE_BYTES_MAX} lower-case letters, digits and `-`"
            )))
        }
        _ => Ok(()),
    }
}

fn taken(fault: Fault) -> Error {
    match fault {
        Fault::Unique { .. } => Error::Exists,
        other => other.into(),
    }
}
