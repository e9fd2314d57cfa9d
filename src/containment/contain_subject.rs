//! Contain a subject for a while, release it, and who is contained.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::access::{Administrator, Asker};
use crate::db::Tx;
use crate::devices;
use crate::events::{Changed, Event};
use crate::kernel::{
    DeviceId, Failure, Fault, Granted, Lifetime, RealmId, SpiffeId, Timestamp, UserId,
};

use super::model::{
    CONTAINMENT, Contain, LONGEST, REASON_BYTES_MAX, ReadContainment, SHORTEST, Whom, told,
};
use super::{Containment, Containments, Error, store};

impl devices::Contains for Containments {
    fn contain(
        &self,
        realm: RealmId,
        device: DeviceId,
        reason: &'static str,
    ) -> BoxFuture<'_, Result<(), Failure>> {
        let now = self.env.clock.now();
        let wanted = Containment {
            whom: Whom::Device(device),
            reason: reason.to_owned(),
            by: None,
            created_at: now,
            ends_at: now.plus(LONGEST),
        };
        let granted = Granted::to_server("ContainClone");
        Box::pin(async move {
            let contained = self.below.events.change_in(realm, granted, wanted, |tx, wanted| {
                Box::pin(async move {
                    let whom = wanted.whom.to_string();
                    let held = store::one(tx, &whom).await?;
                    let mut changes = Vec::new();
                    // What an administrator said stands as it was said.
                    if held.is_none_or(|held| held.ends_at <= wanted.created_at) {
                        store::put(tx, wanted).await?;
                        changes.push((CONTAINMENT, whom, told::began(tx.realm(), wanted)));
                    }
                    Ok::<_, Error>(Changed { value: (), changes, rights: false })
                })
            });
            Ok(contained.await?)
        })
    }
}

/// Somebody is to be contained.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Whom: the text of a [`Whom`].
    pub subject: String,
    /// Why.
    pub reason: String,
    /// For how long.
    pub lifetime: Lifetime,
}

impl Containments {
    /// Contains a subject from now on. One that is contained already is so for this time and this reason instead.
    pub async fn contain(&self, by: Administrator, wish: Wish) -> Result<Containment, Error> {
        let realm = by.realm;
        let oneself = by.asker.clone();
        let permit = self.below.access.permit(Contain { by, whom: wish.subject.clone() })?;
        let whom = self.whom(realm, &wish.subject).await?;
        if is_oneself(&oneself, &whom) {
            return Err(Error::Oneself);
        }
        if !(SHORTEST..=LONGEST).contains(&wish.lifetime) {
            let words = format!("a containment lasts from {SHORTEST} to {LONGEST}");
            return Err(Error::Invalid(words));
        }
        let (reason, created_at) = (reason(&wish.reason)?, self.env.clock.now());
        let ends_at = created_at.plus(wish.lifetime);
        let by = self.called(realm, &oneself).await?;
        let containment = Containment { whom, reason, by, created_at, ends_at };
        let granted = permit.spend().1;
        self.below
            .events
            .change_in(realm, granted, (containment, oneself), move |tx, (wanted, asker)| {
                Box::pin(async move {
                    store::put(tx, wanted).await?;
                    let event = asker.sign(told::began(realm, wanted));
                    let changes = vec![(CONTAINMENT, wanted.whom.to_string(), event)];
                    Ok::<_, Error>(Changed { value: wanted.clone(), changes, rights: false })
                })
            })
            .await
    }

    /// Releases a subject before its time; the reason may be empty.
    pub async fn release(
        &self,
        by: Administrator,
        (subject, why): (&str, &str),
    ) -> Result<Containment, Error> {
        let (realm, asker) = (by.realm, by.asker.clone());
        let permit = self.below.access.permit(Contain { by, whom: subject.to_owned() })?;
        let why = if why.is_empty() { String::new() } else { reason(why)? };
        let granted = permit.spend().1;
        let input = (subject.to_owned(), (why, asker), self.env.clock.now());
        self.below
            .events
            .change_in(realm, granted, input, move |tx, (subject, (why, asker), now)| {
                Box::pin(async move {
                    let released = taken(tx, subject, *now).await?;
                    let event = asker.sign(told::released(realm, &released, why));
                    let changes = vec![(CONTAINMENT, subject.clone(), event)];
                    Ok::<_, Error>(Changed { value: released, changes, rights: false })
                })
            })
            .await
    }

    /// The containment of a person, ended ones too.
    pub async fn of_person(tx: &mut Tx, user: UserId) -> Result<Option<Containment>, Fault> {
        store::one(tx, &user.to_string()).await
    }

    /// Removes what is kept of a person, for the transaction that erases them.
    pub async fn forget(
        tx: &mut Tx,
        user: UserId,
    ) -> Result<Vec<(&'static str, String, Event)>, Fault> {
        let Some(held) = store::one(tx, &user.to_string()).await? else { return Ok(Vec::new()) };
        store::delete(tx, &user.to_string()).await?;
        let event = told::released(tx.realm(), &held, "");
        Ok(vec![(CONTAINMENT, user.to_string(), event)])
    }

    /// Everybody who is contained now, in the order of their names.
    pub fn list(&self, by: Administrator) -> Result<Vec<Arc<Containment>>, Error> {
        let realm = by.realm;
        self.below.access.permit(ReadContainment { by })?.spend();
        Ok(self.now(realm, self.env.clock.now()))
    }

    /// What whoever asks is called in a row that outlives them: a person by their id, which says nothing of them.
    async fn called(&self, realm: RealmId, asker: &Asker) -> Result<Option<String>, Fault> {
        match (asker.principal(), asker.actor(), self.people.get()) {
            (("User", _), Some(number), Some(people)) => {
                Ok(people.numbered(realm, number).await?.map(|user| user.to_string()))
            }
            (("User" | "Nobody", _), ..) => Ok(None),
            (("Local", uid), ..) => Ok(Some(format!("uid:{uid}"))),
            ((_, id), ..) => Ok(Some(id.to_owned())),
        }
    }

    /// Whom an administrator means.
    async fn whom(&self, realm: RealmId, text: &str) -> Result<Whom, Error> {
        let nobody = || Error::Invalid(format!("there is no `{text}`"));
        if let Ok(device) = DeviceId::parse(text) {
            self.below.devices.device(realm, device).ok_or_else(nobody)?;
            return Ok(Whom::Device(device));
        }
        if let (Ok(user), Some(people)) = (UserId::parse(text), self.people.get()) {
            let number = people.number(realm, user).await?.ok_or_else(nobody)?;
            return Ok(Whom::Person { user, number });
        }
        let id = SpiffeId::parse(text).map_err(|error| {
            let words = "is a device (`dev_…`), a person (`usr_…`) or a SPIFFE ID";
            Error::Invalid(format!("`subject` {words}: {error}"))
        })?;
        // Names of people and devices are in evidence by their numbers; an agent is banned instead, and the server stays.
        let reserved = ["/user", "/device", "/spire"];
        if id.path().is_empty() || reserved.iter().any(|prefix| id.is_under(prefix)) {
            let words = "people and devices are named by their ids, `usr_…` and `dev_…`, and agents are banned";
            return Err(Error::Invalid(words.to_owned()));
        }
        Ok(Whom::Named(id))
    }
}

fn is_oneself(asker: &Asker, whom: &Whom) -> bool {
    match whom {
        Whom::Device(device) => {
            asker.standing().is_some_and(|standing| standing.device == Some(*device))
        }
        Whom::Person { number, .. } => asker.actor() == Some(*number),
        Whom::Named(id) => asker.spiffe_id() == Some(id),
    }
}

/// Removes what holds now, and gives it.
async fn taken(tx: &mut Tx, subject: &str, now: Timestamp) -> Result<Containment, Error> {
    let held = store::one(tx, subject).await?.filter(|held| now < held.ends_at);
    let held = held.ok_or(Error::NotFound)?;
    store::delete(tx, subject).await?;
    Ok(held)
}

fn reason(text: &str) -> Result<String, Error> {
    let fits = (1..=REASON_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
    if fits {
        return Ok(text.to_owned());
    }
    Err(Error::Invalid(format!("`reason` has 1 to {REASON_BYTES_MAX} printable bytes")))
}
