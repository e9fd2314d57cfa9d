//! The five changes of a slot, each one numbered change: whoever asks, the timer or an administrator, takes this way.
//!
//! The head of the realm's change log is locked before a body runs, so what it reads stays true until it commits, and of two
//! replicas that do the same at once one finds nothing left to do.

use super::make_authority::Made;
use super::model::{
    ACTIVATED, AUTHORITY, Doer, Error, Line, Manager, PREPARED, Purpose, REMOVED, RENUMBERED,
    RETIRED, REVOKED, Slot, State, TAINTED,
};
use super::{Authority, store};
use crate::db::Tx;
use crate::events::{Changed, Event};
use crate::kernel::{AuthorityId, Granted, RealmId, Timestamp};

/// A change of a slot that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Activate,
    Taint,
    Revoke,
    Remove,
}

struct Ask {
    id: AuthorityId,
    verb: Verb,
    now: Timestamp,
    doer: Doer,
}

impl Authority {
    /// Stores and publishes a new authority. Nothing if one of its purpose was prepared already.
    pub(super) async fn store_prepared(
        &self,
        realm: RealmId,
        made: Made,
        doer: Doer,
    ) -> Result<Option<Slot>, Error> {
        let slot = &made.stored.slot;
        let id = slot.id;
        if slot.manager == Manager::Memory {
            // Before the write: the index takes the row up before the write returns.
            self.index.remember(id, made.key);
        }
        let granted = doer.granted.clone();
        let input = (made.stored, doer);
        let stored = self
            .events
            .change_in(realm, granted, input, move |tx, (stored, doer)| {
                Box::pin(async move {
                    let slot = &stored.slot;
                    let sequence = publish(tx, slot.line(), slot.prepared_at).await?;
                    if !store::insert(tx, stored, sequence).await? {
                        return Err(Error::Prepared(slot.line()));
                    }
                    let event = doer
                        .tells(realm, PREPARED, (&id.to_string(), slot.purpose))
                        .about("key_id", slot.key_id.as_str())
                        .about("expires", slot.not_after.seconds())
                        .about("sequence", sequence);
                    let value = Slot { published_sequence: sequence, ..slot.clone() };
                    Ok(changed(Some(value), id, [event]))
                })
            })
            .await;
        if stored.is_err() {
            self.index.forget(id);
        }
        match stored {
            Err(Error::Prepared(_)) => Ok(None),
            other => other,
        }
    }

    /// Changes a slot; gives it as it is then. Fails with `State` when it is not in the state that the verb needs.
    pub(super) async fn change_slot(
        &self,
        realm: RealmId,
        id: AuthorityId,
        verb: Verb,
        doer: Doer,
    ) -> Result<Slot, Error> {
        let granted = doer.granted.clone();
        let ask = Ask { id, verb, now: self.env.clock.now(), doer };
        self.events
            .change_in(realm, granted, ask, |tx, ask| {
                Box::pin(async move {
                    let stored = store::find(tx, ask.id)
                        .await?
                        .ok_or_else(|| Error::NotFound(ask.id.to_string()))?;
                    match ask.verb {
                        Verb::Activate => activate(tx, ask, &stored.slot).await,
                        Verb::Taint => taint(tx, ask, &stored.slot).await,
                        Verb::Revoke => revoke(tx, ask, &stored.slot).await,
                        Verb::Remove => remove(tx, ask, &stored.slot).await,
                    }
                })
            })
            .await
    }

    /// Numbers the bundle anew: after a restore, those who hold a newer one than the backup must take ours.
    pub(super) async fn renumber(&self, realm: RealmId, now: Timestamp) -> Result<(), Error> {
        self.events
            .change_in(realm, Granted::to_server("RotateAuthorities"), now, move |tx, now| {
                Box::pin(async move {
                    let sequence = store::next_sequence(tx, *now).await?;
                    let event = Event::new(realm, RENUMBERED).about("sequence", sequence);
                    Ok::<_, Error>(Changed {
                        value: (),
                        changes: vec![(AUTHORITY, "bundle".to_owned(), event)],
                        rights: false,
                    })
                })
            })
            .await
    }
}

async fn activate(tx: &mut Tx, ask: &Ask, slot: &Slot) -> Result<Changed<Slot>, Error> {
    if slot.state != State::Prepared {
        return Err(wrong(slot, "only a prepared authority can be activated"));
    }
    let retired = store::retire(tx, slot.line(), ask.now).await?;
    store::activate(tx, ask.id, ask.now).await?;
    let mut changed =
        changed(after(ask, slot, State::Active), ask.id, [told(tx, ACTIVATED, ask, slot.purpose)]);
    for old in retired {
        let event = ask.doer.tells(tx.realm(), RETIRED, (&old, slot.purpose));
        let event = event.about("successor", ask.id.to_string());
        changed.changes.push((AUTHORITY, old, event));
    }
    Ok(changed)
}

async fn taint(tx: &mut Tx, ask: &Ask, slot: &Slot) -> Result<Changed<Slot>, Error> {
    if !store::taint(tx, ask.id, ask.now).await? {
        return Err(wrong(
            slot,
            "only an old authority that is not tainted yet can be tainted; activate its successor first",
        ));
    }
    published(tx, ask, after(ask, slot, State::Old { tainted: true }), TAINTED).await
}

async fn revoke(tx: &mut Tx, ask: &Ask, slot: &Slot) -> Result<Changed<Slot>, Error> {
    if !store::revoke(tx, ask.id, ask.now).await? {
        return Err(wrong(
            slot,
            "only an old and tainted authority can be revoked; taint it first, so that everybody renews",
        ));
    }
    published(tx, ask, after(ask, slot, State::Revoked), REVOKED).await
}

async fn remove(tx: &mut Tx, ask: &Ask, slot: &Slot) -> Result<Changed<Slot>, Error> {
    if !store::remove(tx, ask.id).await? {
        return Err(wrong(slot, "an authority that signs cannot be removed"));
    }
    published(tx, ask, slot.clone(), REMOVED).await
}

/// The number under which verifiers see a change: the bundle's next one. An OpenID key is in no bundle, so it changes none.
async fn publish(tx: &mut Tx, line: Line, now: Timestamp) -> Result<i64, Error> {
    match line.purpose {
        Purpose::X509 | Purpose::JwtSvid => Ok(store::next_sequence(tx, now).await?),
        Purpose::Oidc => Ok(store::head(tx).await?.map_or(0, |head| head.sequence)),
    }
}

/// A change that verifiers see.
async fn published(
    tx: &mut Tx,
    ask: &Ask,
    slot: Slot,
    kind: &'static str,
) -> Result<Changed<Slot>, Error> {
    let sequence = publish(tx, slot.line(), ask.now).await?;
    let event = told(tx, kind, ask, slot.purpose).about("sequence", sequence);
    Ok(changed(slot, ask.id, [event]))
}

fn after(ask: &Ask, slot: &Slot, state: State) -> Slot {
    Slot { state, changed_at: ask.now, ..slot.clone() }
}

fn told(tx: &Tx, kind: &'static str, ask: &Ask, purpose: Purpose) -> Event {
    ask.doer.tells(tx.realm(), kind, (&ask.id.to_string(), purpose))
}

fn wrong(slot: &Slot, needs: &'static str) -> Error {
    Error::State { id: slot.id, state: slot.state.as_str(), needs }
}

fn changed<T, const N: usize>(value: T, id: AuthorityId, events: [Event; N]) -> Changed<T> {
    let changes = events.into_iter().map(|event| (AUTHORITY, id.to_string(), event)).collect();
    Changed { value, changes, rights: false }
}
