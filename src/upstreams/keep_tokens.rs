//! The provider's tokens, where an upstream keeps them: sealed, handed out on record, forgotten with the link.

use std::sync::Arc;

use serde_json::Value;

use super::model::{Administrator, Error, ReadUpstreamTokens, UPSTREAM_TOKENS_READ, Upstream};
use super::redeem_code::Given;
use super::refusal::{Reason, Refusal};
use super::revoke_tokens::tell;
use super::{Upstreams, seal, store};
use crate::db::Tx;
use crate::events::{Event, Unrecorded};
use crate::kernel::{Fault, Lifetime, RealmId, Secret, Timestamp, UpstreamId, UserId};

/// The tokens that a provider gave for somebody.
#[derive(Debug)]
pub struct Kept {
    /// The access token.
    pub access_token: Secret<String>,
    /// The refresh token, if there is one.
    pub refresh_token: Option<Secret<String>>,
}

impl Upstreams {
    /// Keeps the tokens, if the upstream is one that keeps them.
    pub(super) async fn keep_tokens(
        &self,
        realm: RealmId,
        upstream: &Arc<Upstream>,
        user: UserId,
        tokens: &Given,
    ) -> Result<(), Error> {
        if !upstream.terms.keep_tokens {
            return Ok(());
        }
        let refresh = tokens.refresh.as_ref().map(Secret::expose);
        let text = Secret::new(
            serde_json::json!({ "access": tokens.access.expose(), "refresh": refresh }).to_string(),
        );
        let place = seal::tokens_place(realm, &upstream.id, user);
        let entropy = self.env.entropy.as_ref();
        let blob = self.below.ring.seal(&place, text.expose().as_bytes(), entropy)?;
        let life = match &tokens.refresh {
            Some(_) => REFRESH_LIFE,
            None => tokens.lifetime.unwrap_or(ACCESS_LIFE).capped_by(REFRESH_LIFE),
        };
        let input = (upstream.id.clone(), user, blob, self.env.clock.now().plus(life));
        let keep = self.env.db.write(realm, input, |tx, (upstream, user, blob, until)| {
            Box::pin(store::put_tokens(tx, upstream, *user, (blob, *until)))
        });
        Ok(keep.await?)
    }

    /// The tokens that are kept for somebody, if there are any. On record before they are given out.
    pub async fn tokens(
        &self,
        by: Administrator,
        id: &UpstreamId,
        user: UserId,
    ) -> Result<Option<Kept>, Error> {
        let (realm, asker) = (by.realm, by.asker.clone());
        let permit = self.below.access.permit(ReadUpstreamTokens(by, id.clone()));
        if let Err(refusal) = &permit {
            // Whoever asks for another's tokens without a right is worth a record.
            let refusal = Refusal::new(Reason::TokensDenied, refusal);
            self.record_refusal(realm, id, &refusal).await?;
        }
        let _spent = permit?.spend();
        self.slot(realm, id).ok_or_else(|| Error::NotFound(id.clone()))?;
        let kept = self.opened(realm, id, user).await?;
        let event = Event::new(realm, UPSTREAM_TOKENS_READ)
            .about("upstream", id.as_str())
            .about("user", user.to_string())
            .about("kept", kept.is_some());
        Ok(self.below.events.record(Unrecorded::new(kept, asker.sign(event))).await?)
    }

    /// Forgets somebody's tokens. The provider hears of it; its answer changes nothing.
    pub(super) async fn forget_tokens(
        &self,
        realm: RealmId,
        id: &UpstreamId,
        user: UserId,
    ) -> Result<(), Error> {
        let input = (id.clone(), user, self.env.clock.now());
        let forget = self
            .env
            .db
            .write(realm, input, |tx, (id, user, now)| Box::pin(forget(tx, (id, *user), *now)));
        forget.await?;
        self.below.accounts.posted().nudge();
        Ok(())
    }

    async fn opened(
        &self,
        realm: RealmId,
        id: &UpstreamId,
        user: UserId,
    ) -> Result<Option<Kept>, Error> {
        let read = self.env.db.read(realm, (id.clone(), user), |tx, (id, user)| {
            Box::pin(store::tokens(tx, id, *user))
        });
        let Some(blob) = read.await? else { return Ok(None) };
        Ok(Some(self.open_tokens(realm, (id, user), &blob)?))
    }

    /// What is in a row or a delivery of these.
    pub(super) fn open_tokens(
        &self,
        realm: RealmId,
        (id, user): (&UpstreamId, UserId),
        blob: &[u8],
    ) -> Result<Kept, Fault> {
        let opened = self.below.ring.open(&seal::tokens_place(realm, id, user), blob)?;
        let value: Value = serde_json::from_slice(opened.expose())
            .map_err(|_| Fault::malformed("upstream token", "its document has another form"))?;
        let secret = |name: &str| {
            value.get(name).and_then(Value::as_str).map(|text| Secret::new(text.to_owned()))
        };
        let access_token = secret("access").unwrap_or_else(|| Secret::new(String::new()));
        Ok(Kept { access_token, refresh_token: secret("refresh") })
    }
}

async fn forget(
    tx: &mut Tx,
    (id, user): (&UpstreamId, UserId),
    now: Timestamp,
) -> Result<(), Fault> {
    if let (Some(tokens), Some(upstream)) =
        (store::tokens(tx, id, user).await?, store::find(tx, id).await?)
    {
        tell(tx, &upstream, (user, tokens), now).await?;
    }
    store::drop_tokens(tx, id, user).await
}

/// A provider that does not say.
const ACCESS_LIFE: Lifetime = Lifetime::hours(1);
/// Whoever did not come for so long has to come again.
const REFRESH_LIFE: Lifetime = Lifetime::days(90);
