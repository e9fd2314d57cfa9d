//! Writes that carry their event: into stream `db`, or into the change log; the same transaction, or neither.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::db::Tx;
use crate::kernel::{Fault, Granted, RealmId, Timestamp};

use super::keys::{KeyOwner, Slot, Unsealed};
use super::model::{Changed, Error, Event, Unrecorded};
use super::record_fact::KEYS_OF_AN_EVENT_MAX;
use super::{Events, store};

impl Events {
    /// Runs a class 2 or 3 write; its event is inserted into stream `db` in the same transaction, and the value is given
    /// out after the commit.
    pub async fn record_in<I, T, E, F>(&self, realm: RealmId, input: I, body: F) -> Result<T, E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: From<Fault> + From<Error> + Send + 'static,
        F: for<'t> Fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<Unrecorded<T>, E>>
            + Send
            + Sync
            + 'static,
    {
        let env = &self.inner.env;
        let now = env.clock.now();
        let id = env.entropy.uuid(now).map_err(E::from)?;
        let shared = Arc::new((self.clone(), body));
        let value = env
            .db
            .write(realm, input, move |tx, input| {
                let shared = Arc::clone(&shared);
                Box::pin(async move {
                    let (events, body) = &*shared;
                    let Unrecorded { value, event } = body(&mut *tx, input).await?;
                    let sealed = events.seal_in(tx, &event, now, |event, extra| {
                        events.seal_apart(event, now, extra)
                    });
                    let sealed = sealed.await?;
                    store::insert_unnumbered(tx, id, &sealed).await?;
                    Ok::<T, E>(value)
                })
            })
            .await?;
        self.inner.unnumbered.nudge();
        Ok(value)
    }

    /// Runs a class 1 write (`Db::change`): its events go into the change log with the changes they tell of. Who was
    /// granted the write is the actor of an event that names none.
    pub async fn change_in<I, T, E, F>(
        &self,
        realm: RealmId,
        granted: Granted,
        input: I,
        body: F,
    ) -> Result<T, E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: From<Fault> + From<Error> + Send + 'static,
        F: for<'t> Fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<Changed<T>, E>>
            + Send
            + Sync
            + 'static,
    {
        let env = &self.inner.env;
        let now = env.clock.now();
        let actor = granted.actor;
        let shared = Arc::new((self.clone(), body));
        env.db
            .change(realm, granted, input, move |tx, input| {
                let shared = Arc::clone(&shared);
                Box::pin(async move {
                    let (events, body) = &*shared;
                    let Changed { value, changes, rights } = body(&mut *tx, input).await?;
                    for (kind, key, mut event) in changes {
                        event.actor = event.actor.or(actor);
                        let bytes = events.encode_in(tx, &event, now).await?;
                        tx.changed(kind, &key, &bytes)?;
                    }
                    if rights {
                        tx.rights_changed()?;
                    }
                    Ok(value)
                })
            })
            .await
    }

    async fn encode_in(
        &self,
        tx: &mut Tx,
        event: &Event,
        now: Timestamp,
    ) -> Result<Vec<u8>, Fault> {
        let sealed = self.seal_in(tx, event, now, |event, extra| {
            let mut bytes = Vec::new();
            self.inner.keys.seal(event, now, extra, &mut bytes)?;
            Ok(bytes)
        });
        sealed.await
    }

    /// Seals inside a transaction. A key that is not in memory is read, or made, in it, and is not remembered: the
    /// transaction may yet be rolled back.
    async fn seal_in<S>(
        &self,
        tx: &mut Tx,
        event: &Event,
        now: Timestamp,
        seal: impl Fn(&Event, &HashMap<KeyOwner, Slot>) -> Result<S, Unsealed>,
    ) -> Result<S, Fault> {
        if event.realm != tx.realm() {
            return Err(Fault::bug(format_args!("`{}` belongs to another realm", event.kind)));
        }
        let mut extra = HashMap::new();
        for _ in 0..KEYS_OF_AN_EVENT_MAX {
            match seal(event, &extra) {
                Ok(sealed) => return Ok(sealed),
                Err(Unsealed::Fault(fault)) => return Err(fault),
                Err(Unsealed::Missing(owner)) => {
                    extra.insert(owner, self.key_in(tx, owner, now).await?);
                }
            }
        }
        Err(Fault::bug("the keys of an event are not in its transaction"))
    }

    async fn key_in(&self, tx: &mut Tx, owner: KeyOwner, now: Timestamp) -> Result<Slot, Fault> {
        let realm = tx.realm();
        let row = match store::key_of(tx, &owner.text()).await? {
            Some(row) => row,
            None => store::ensure_key(tx, &self.inner.keys.make(realm, owner)?, now).await?,
        };
        self.slot(realm, &row)
    }
}
