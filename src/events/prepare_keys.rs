//! Fetches keys before they are needed, and opens what they sealed.

use std::collections::HashMap;
use std::sync::Arc;

use crate::db::Tx;
use crate::kernel::{Fault, Lifetime, RealmId, SubjectId};

use super::Events;
use super::envelope::{SealedPart, Side, associated};
use super::keys::{Held, KeyOwner, Slot, day_of};
use super::model::Sealed;
use super::store::{self, KeyRow};

/// A part of an event's body, read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// It never had a field.
    Empty,
    /// It opened.
    Open(serde_json::Map<String, serde_json::Value>),
    /// Its key is gone: a person was erased, or the day has passed.
    Erased,
}

impl Events {
    /// Makes sure that the realm has its own key and those of this day and the next ones, and keeps them in memory. At
    /// start, when a realm is made, and from the reconciler: so that events can be sealed while the database is away.
    /// Gives how many keys it fetched.
    pub async fn prepare(&self, realm: RealmId) -> Result<u64, Fault> {
        let today = day_of(self.inner.env.clock.now());
        let days = (today..=today.saturating_add(DAYS_AHEAD)).map(KeyOwner::Day);
        let mut fetched = 0;
        for owner in std::iter::once(KeyOwner::Realm).chain(days) {
            if !self.inner.keys.has(realm, owner) {
                self.fetch_key(realm, owner).await?;
                fetched += 1;
            }
        }
        self.inner.keys.forget_days_before(today.saturating_sub(1));
        Ok(fetched)
    }

    /// Replaces the keys in memory of `tx`'s realm by what this snapshot has.
    pub async fn load(&self, tx: &mut Tx) -> Result<(), Fault> {
        let realm = tx.realm();
        let today = day_of(self.inner.env.clock.now());
        let rows = store::fixed_keys(tx, today).await?;
        let slot = |row: &KeyRow| Ok((KeyOwner::parse(&row.owner)?, self.slot(realm, row)?));
        let slots = rows.iter().map(slot).collect::<Result<_, Fault>>()?;
        self.inner.keys.replace(realm, slots);
        Ok(())
    }

    /// Follows changes of kind [`super::FORGET`]: keys of people who were erased leave the memory. Other ids are not ours.
    pub fn apply(&self, realm: RealmId, keys: &[String]) {
        for person in keys.iter().filter_map(|key| SubjectId::parse(key).ok()) {
            self.inner.keys.forget(realm, person);
        }
    }

    /// Seals every key of the realm that is sealed under another key-encryption key than the current one. Gives how many.
    pub async fn reseal(&self, realm: RealmId) -> Result<u64, Fault> {
        let db = &self.inner.background;
        let rows = db.read(realm, (), |tx, ()| Box::pin(store::all_keys(tx))).await?;
        let mut resealed = 0;
        for row in rows {
            let Some(old) = row.sealed else { continue };
            let Some(new) = self.inner.keys.reseal(realm, &row.owner, row.id, &old)? else {
                continue;
            };
            let input = (row.id, old, new);
            resealed += db
                .write(realm, input, |tx, (id, old, new)| {
                    Box::pin(store::reseal_key(tx, *id, old, new))
                })
                .await?;
        }
        Ok(resealed)
    }

    /// Reads a key, or makes it, and remembers it once its row is committed.
    pub(super) async fn fetch_key(&self, realm: RealmId, owner: KeyOwner) -> Result<(), Fault> {
        let (db, keys) = (&self.inner.background, &self.inner.keys);
        let found =
            db.read(realm, owner.text(), |tx, owner| Box::pin(store::key_of(tx, owner))).await?;
        let row = if let Some(row) = found {
            row
        } else {
            let input = (keys.make(realm, owner)?, self.inner.env.clock.now());
            db.write(realm, input, |tx, (new, now)| Box::pin(store::ensure_key(tx, new, *now)))
                .await?
        };
        let slot = self.slot(realm, &row)?;
        keys.hold(realm, owner, slot);
        Ok(())
    }

    /// What a row says of its owner's key.
    pub(super) fn slot(&self, realm: RealmId, row: &KeyRow) -> Result<Slot, Fault> {
        match &row.sealed {
            None => Ok(Slot::Erased),
            Some(sealed) => self.inner.keys.open(realm, &row.owner, row.id, sealed).map(Slot::Key),
        }
    }
}

/// Opens the bodies of one realm's events, remembering keys as long as it lives: a page of a listing.
#[derive(Debug)]
pub struct Opener<'a> {
    events: &'a Events,
    held: HashMap<[u8; 16], Option<Arc<Held>>>,
}

impl<'a> Opener<'a> {
    /// With no key yet.
    pub fn new(events: &'a Events) -> Self {
        Self { events, held: HashMap::new() }
    }

    /// The subject's and the actor's part of an event of `tx`'s realm.
    pub async fn open(&mut self, tx: &mut Tx, event: &Sealed) -> Result<[Part; 2], Fault> {
        let [subject, actor] = event.parts()?;
        let subject = self.part(tx, event, Side::Subject, subject).await?;
        let actor = self.part(tx, event, Side::Actor, actor).await?;
        Ok([subject, actor])
    }

    async fn part(
        &mut self,
        tx: &mut Tx,
        event: &Sealed,
        side: Side,
        part: Option<SealedPart<'_>>,
    ) -> Result<Part, Fault> {
        let Some(part) = part else { return Ok(Part::Empty) };
        let Some(held) = self.key(tx, part.key).await? else { return Ok(Part::Erased) };
        let aad = associated(tx.realm().0, side, &event.header.head())?;
        let text = held.open(&aad, part.blob)?;
        let fields = serde_json::from_slice(text.expose());
        fields.map(Part::Open).map_err(|error| Fault::malformed("event", error))
    }

    async fn key(&mut self, tx: &mut Tx, id: [u8; 16]) -> Result<Option<Arc<Held>>, Fault> {
        if let Some(held) = self.held.get(&id) {
            return Ok(held.clone());
        }
        let realm = tx.realm();
        let held = match store::key_by_id(tx, id).await? {
            Some(KeyRow { owner, id, sealed: Some(sealed) }) => {
                Some(self.events.inner.keys.open(realm, &owner, id, &sealed)?)
            }
            _ => None,
        };
        self.held.insert(id, held.clone());
        Ok(held)
    }
}

/// How long the key of what belongs to nobody known is kept.
pub(super) const DAY_KEYS_KEPT: Lifetime = Lifetime::days(30);
/// Days whose keys are made ahead: longer than `storage.away_max` lets a server issue without its database.
const DAYS_AHEAD: i64 = 2;
