//! Identities at other providers: linked, found, unlinked. What names one is provider, issuer and subject, never an address.

pub(super) mod store;

use serde_json::{Value, json};

use super::Accounts;
use super::change_user::touched;
use super::model::{By, Error, ExternalId, ExternalIdentity};
use super::passwords::must_be_left;
use super::proofs::{LinkNews, News};
use crate::crypto::digest::sha256;
use crate::db::Tx;
use crate::http::Origin;
use crate::jobs::deliveries::{self, Delivery};
use crate::kernel::{RealmId, Timestamp, UserId};

impl ExternalId {
    /// Names it without saying who it is: in a form, and in the link of a letter.
    pub fn digest(&self) -> [u8; 32] {
        sha256([self.upstream.as_str(), &self.issuer, &self.subject].join("\n").as_bytes())
    }
}

/// How a link came or went: what is recorded, and what its person is told in a letter.
#[derive(Debug, Clone)]
pub struct Occasion {
    /// Who did it.
    pub by: By,
    /// What people call the provider; else its id is said.
    pub provider: Option<String>,
    /// From where, if a browser asked for it.
    pub from: Option<Origin>,
}

impl From<By> for Occasion {
    fn from(by: By) -> Self {
        Self { by, provider: None, from: None }
    }
}

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

    /// Links an identity, and tells its person by mail. `Taken` if it is another person's; their own again changes nothing.
    pub async fn link(
        &self,
        realm: RealmId,
        user: UserId,
        identity: (ExternalId, Option<String>),
        occasion: Occasion,
    ) -> Result<(), Error> {
        let (id, display) = identity;
        let news = self.news((realm, user, News::Linked), (&id, display.as_deref()), &occasion)?;
        let input = (user, (id, display), news, occasion.by);
        let linked = self.give(realm, user, input, move |tx, (user, (id, display), news, by)| {
            Box::pin(async move {
                let head = touched(tx, *user, news.at).await?;
                let linked = store::insert(tx, *user, (id, display.as_deref()), news.at).await?;
                if linked {
                    news.post(tx).await?;
                } else if store::holder(tx, id).await? != Some(*user) {
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
        });
        linked.await?;
        self.inner.posted.nudge();
        Ok(())
    }

    /// Removes a link, if something else is left to sign in with, and tells its person by mail.
    pub async fn unlink(
        &self,
        realm: RealmId,
        user: UserId,
        id: &ExternalId,
        occasion: Occasion,
    ) -> Result<(), Error> {
        let news = self.news((realm, user, News::Unlinked), (id, None), &occasion)?;
        let by = occasion.by;
        let input = (user, id.clone(), news, by.clone());
        let unlinked = self.take((realm, user, &by), input, move |tx, (user, id, news, by)| {
            Box::pin(async move {
                let head = touched(tx, *user, news.at).await?;
                if !store::delete(tx, *user, id).await? {
                    return Err(Error::Unknown("identity"));
                }
                must_be_left(tx, *user).await?;
                news.post(tx).await?;
                let event = by.tells(realm, "accounts.identity_unlinked", &head);
                Ok((
                    (),
                    event
                        .about("upstream", id.upstream.as_str())
                        .about("subject", id.subject.as_str()),
                ))
            })
        });
        unlinked.await?;
        self.inner.posted.nudge();
        Ok(())
    }

    /// The letter that tells of it, if letters can be sent; it leaves with the transaction.
    fn news(
        &self,
        (realm, user, what): (RealmId, UserId, News),
        (id, display): (&ExternalId, Option<&str>),
        occasion: &Occasion,
    ) -> Result<Posted, Error> {
        let at = self.inner.env.clock.now();
        if !self.sends_mail() {
            return Ok(Posted { at, letter: None });
        }
        let news = LinkNews {
            user,
            what,
            provider: occasion.provider.clone().unwrap_or_else(|| id.upstream.to_string()),
            display: display.map(str::to_owned),
            at,
            from: occasion.from.as_ref().map(|from| (from.address.to_string(), from.agent.clone())),
            identity: id.digest().to_vec(),
        };
        Ok(Posted { at, letter: Some(self.letter_of(realm, news)?) })
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

/// What one run of a link or its end writes beside it.
#[derive(Debug)]
struct Posted {
    at: Timestamp,
    letter: Option<Delivery>,
}

impl Posted {
    async fn post(&self, tx: &mut Tx) -> Result<(), Error> {
        match &self.letter {
            Some(letter) => Ok(deliveries::post(tx, letter, self.at).await?),
            None => Ok(()),
        }
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
