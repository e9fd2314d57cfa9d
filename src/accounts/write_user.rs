//! How everything about a person is written: with its event, in one transaction, and forgotten where it was cached.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::Accounts;
use super::model::{By, Error};
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
        let body = Arc::new(body);
        let done = self
            .inner
            .events
            .change_in(realm, by.granted(), input, move |tx, input| {
                let body = Arc::clone(&body);
                Box::pin(async move {
                    let (value, event) = body(tx, input).await?;
                    let changes = vec![(FORGET, user.to_string(), event)];
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
