//! Identities at other providers: linked, found, unlinked. What names one is provider, issuer and subject, never an address.

pub(super) mod store;

use serde_json::{Value, json};

use super::Accounts;
use super::change_user::touched;
use super::model::{By, Error, ExternalId, ExternalIdentity};
use super::passwords::must_be_left;
use crate::kernel::{RealmId, UserId};

impl Accounts {
    /// The person an identity is linked to; notes that it was used.
    pub async fn find_external(
        &self,
        realm: RealmId,
        id: &ExternalId,
    ) -> Result<Option<UserId>, Error> {
        let input = (id.clone(), self.inner.env.clock.now());
        let db = &self.inner.env.db;
        db.write(realm, input, |tx, (id, now)| {
            Box::pin(async move { Ok::<_, Error>(store::note_use(tx, id, *now).await?) })
        })
        .await
    }

    /// Links an identity. `Taken` if it is another person's; their own again changes nothing.
    pub async fn link(
        &self,
        realm: RealmId,
        user: UserId,
        identity: (ExternalId, Option<String>),
        by: By,
    ) -> Result<(), Error> {
        let input = (user, identity, self.inner.env.clock.now(), by);
        self.give(realm, user, input, move |tx, (user, (id, display), now, by)| {
            Box::pin(async move {
                let head = touched(tx, *user, *now).await?;
                let linked = store::insert(tx, *user, (id, display.as_deref()), *now).await?;
                if !linked && store::holder(tx, id).await? != Some(*user) {
                    return Err(Error::Taken { what: "identity" });
                }
                let event = by.tells(realm, "accounts.identity_linked", &head);
                Ok((
                    (),
                    event
                        .about("upstream", id.upstream.as_str())
                        .about("subject", id.subject.as_str()),
                ))
            })
        })
        .await
    }

    /// Removes a link, if something else is left to sign in with.
    pub async fn unlink(
        &self,
        realm: RealmId,
        user: UserId,
        id: &ExternalId,
        by: By,
    ) -> Result<(), Error> {
        let input = (user, id.clone(), self.inner.env.clock.now(), by.clone());
        self.take((realm, user, &by), input, move |tx, (user, id, now, by)| {
            Box::pin(async move {
                let head = touched(tx, *user, *now).await?;
                if !store::delete(tx, *user, id).await? {
                    return Err(Error::Unknown("identity"));
                }
                must_be_left(tx, *user).await?;
                let event = by.tells(realm, "accounts.identity_unlinked", &head);
                Ok((
                    (),
                    event
                        .about("upstream", id.upstream.as_str())
                        .about("subject", id.subject.as_str()),
                ))
            })
        })
        .await
    }

    /// A person's linked identities, oldest first.
    pub async fn links(
        &self,
        realm: RealmId,
        user: UserId,
    ) -> Result<Vec<ExternalIdentity>, Error> {
        let read = self.inner.env.db.read(realm, user, |tx, user| {
            Box::pin(async move { Ok::<_, Error>(store::of_user(tx, *user).await?) })
        });
        read.await
    }
}

/// As an export tells it.
pub(super) fn told(identity: &ExternalIdentity) -> Value {
    json!({
        "upstream": identity.id.upstream.as_str(),
        "issuer": identity.id.issuer,
        "subject": identity.id.subject,
        "display": identity.display,
        "linked_at": identity.linked_at.to_string(),
        "used_at": identity.used_at.map(|at| at.to_string()),
    })
}
