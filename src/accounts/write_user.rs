//! How everything about a person is written: with its event, in one transaction, and forgotten where it was cached.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::Accounts;
use super::model::{By, Error};
use super::personal_data::{Erased, KeepsPersonalData};
use super::store::Head;
use crate::db::Tx;
use crate::events::{Changed, Event, FORGET, Owner, Unrecorded};
use crate::kernel::{Fault, Granted, RealmId, UserId};

/// What one run of a write did: its value, and what is to be told of it.
pub(super) type Done<T> = (T, Event);

impl Accounts {
    /// A write that gives something, or changes it: its event goes to the ledger with it.
    pub(super) async fn give<I, T, F>(
        &self,
        realm: RealmId,
        user: UserId,
        input: I,
        body: F,
    ) -> Result<T, Error>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'t> Fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<Done<T>, Error>>
            + Send
            + Sync
            + 'static,
    {
        let body = Arc::new(body);
        let done = self
            .inner
            .events
            .record_in(realm, input, move |tx, input| {
                let body = Arc::clone(&body);
                Box::pin(async move {
                    let (value, event) = body(tx, input).await?;
                    Ok::<_, Error>(Unrecorded::new(value, event))
                })
            })
            .await;
        self.inner.people.forget(realm, user);
        done
    }

    /// A write that takes something away: every replica hears of it. Writes of this sort run one after the other in a realm, so
    /// what one reads still holds when it writes.
    pub(super) async fn take<I, T, F>(
        &self,
        (realm, user, by): (RealmId, UserId, &By),
        input: I,
        body: F,
    ) -> Result<T, Error>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'t> Fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<Done<T>, Error>>
            + Send
            + Sync
            + 'static,
    {
        self.take_from((realm, user, by), None, input, body).await
    }

    /// The same, and in the same transaction everything ends that hangs off what they showed before: sessions, grants, what
    /// applications were given.
    pub(super) async fn take_and_cut_off<I, T, F>(
        &self,
        (realm, user, by): (RealmId, UserId, &By),
        input: I,
        body: F,
    ) -> Result<T, Error>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'t> Fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<Done<T>, Error>>
            + Send
            + Sync
            + 'static,
    {
        let known = self.existing(realm, user).await?;
        let whom = self.whom(realm, &known)?;
        self.take_from((realm, user, by), Some((whom, self.keepers())), input, body).await
    }

    async fn take_from<I, T, F>(
        &self,
        (realm, user, by): (RealmId, UserId, &By),
        ends: Option<(Erased, Vec<Arc<dyn KeepsPersonalData>>)>,
        input: I,
        body: F,
    ) -> Result<T, Error>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'t> Fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<Done<T>, Error>>
            + Send
            + Sync
            + 'static,
    {
        let body = Arc::new(body);
        let done = self
            .inner
            .events
            .change_in(realm, by.granted(), (input, ends), move |tx, (input, ends)| {
                let body = Arc::clone(&body);
                Box::pin(async move {
                    let (value, event) = body(tx, input).await?;
                    let mut changes = vec![(FORGET, user.to_string(), event)];
                    if let Some((whom, keepers)) = ends {
                        for keeper in keepers {
                            changes.extend(keeper.cut_off(tx, whom).await?);
                        }
                    }
                    Ok::<_, Error>(Changed { value, changes, rights: false })
                })
            })
            .await;
        self.inner.people.forget(realm, user);
        done
    }
}

impl By {
    /// The permit behind it; their own are their own.
    pub(super) fn granted(&self) -> Granted {
        match self {
            Self::Administrator { granted, .. } => granted.clone(),
            Self::Themselves => Granted::to_server("accounts.own"),
            Self::Upstream(_) => Granted::to_server("accounts.upstream"),
        }
    }

    /// An event about this person, done by this one; both parts are the persons' own.
    pub(super) fn tells(&self, realm: RealmId, kind: &'static str, head: &Head) -> Event {
        let about = Owner::Person(head.number);
        let event = Event::new(realm, kind).subject(head.number).subject_owner(about);
        match self {
            Self::Themselves => event.actor(Some(head.number)).actor_owner(about),
            Self::Administrator { asker, .. } => asker.sign(event),
            Self::Upstream(upstream) => event.by("upstream", upstream.as_str()),
        }
    }
}

/// What a unique key that holds already means.
pub(super) fn taken(what: &'static str) -> impl Fn(Fault) -> Error {
    move |fault| match fault {
        Fault::Unique { .. } => Error::Taken { what },
        other => other.into(),
    }
}
