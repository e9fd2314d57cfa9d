//! Data keys of event bodies, in memory: the realm's, the days', and those of people who were active lately.
//!
//! A key enters only from a committed row, so that no event is ever sealed under a key that a rollback took away. On the
//! issuing path nothing is asked of the database: a realm's own key and the days' keys are here before they are needed.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::ArcSwap;

use crate::crypto::seal::{DataKey, KekRing};
use crate::env::Entropy;
use crate::kernel::{Fault, RealmId, Secret, SubjectId, Timestamp};

use super::envelope::{Head, Side, associated};
use super::model::{Event, Fields, Owner};

/// Whose key it is, the day being known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum KeyOwner {
    /// The realm's.
    Realm,
    /// That of a day, counted from the epoch, UTC.
    Day(i64),
    /// A person's.
    Person(SubjectId),
}

impl KeyOwner {
    /// The key of an event's owner at this time.
    pub(super) fn at(owner: Owner, now: Timestamp) -> Self {
        match owner {
            Owner::Realm => Self::Realm,
            Owner::Person(person) => Self::Person(person),
            Owner::Nobody => Self::Day(day_of(now)),
        }
    }

    /// As its row says it.
    pub(super) fn text(self) -> String {
        match self {
            Self::Realm => "realm".to_owned(),
            Self::Day(day) => format!("day:{day}"),
            Self::Person(person) => format!("person:{person}"),
        }
    }

    /// The day, for those of days.
    pub(super) fn day(self) -> Option<i64> {
        match self {
            Self::Day(day) => Some(day),
            Self::Realm | Self::Person(_) => None,
        }
    }

    /// Reads `text` back.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let wrong = || Fault::malformed("owner of an event key", text);
        match text.split_once(':') {
            None if text == "realm" => Ok(Self::Realm),
            Some(("day", day)) => day.parse().map(Self::Day).map_err(|_| wrong()),
            Some(("person", id)) => SubjectId::parse(id).map(Self::Person).map_err(|_| wrong()),
            _ => Err(wrong()),
        }
    }
}

/// The number of the day, UTC.
pub(super) fn day_of(time: Timestamp) -> i64 {
    time.seconds().div_euclid(86_400)
}

/// A key ready for use.
pub(super) struct Held {
    id: [u8; 16],
    bytes: Secret<[u8; 32]>,
    key: ArcSwap<DataKey>,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Held {
    /// Seals; a key whose nonces are spent is taken up anew, under a new prefix.
    fn seal_onto(
        &self,
        out: &mut Vec<u8>,
        aad: &[u8],
        plaintext: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<(), Fault> {
        if self.key.load().seal_onto(out, aad, plaintext).is_ok() {
            return Ok(());
        }
        let anew = DataKey::from_bytes(&self.bytes, entropy)?;
        anew.seal_onto(out, aad, plaintext)?;
        self.key.store(Arc::new(anew));
        Ok(())
    }

    /// Opens what it sealed.
    pub(super) fn open(&self, aad: &[u8], blob: &[u8]) -> Result<Secret<Vec<u8>>, Fault> {
        self.key.load().open(aad, blob)
    }
}

/// What is known of an owner's key.
#[derive(Debug, Clone)]
pub(super) enum Slot {
    /// It is this one.
    Key(Arc<Held>),
    /// The person was erased: there will never be one again.
    Erased,
}

/// Why a body could not be sealed right now.
#[derive(Debug)]
pub(super) enum Unsealed {
    /// This key is not in memory: fetch it, and try again.
    Missing(KeyOwner),
    /// It failed.
    Fault(Fault),
}

impl From<Fault> for Unsealed {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A new key and its row, not stored yet.
#[derive(Debug)]
pub(super) struct NewKey {
    pub(super) owner: String,
    pub(super) day: Option<i64>,
    pub(super) id: [u8; 16],
    pub(super) sealed: Vec<u8>,
}

/// The keys in memory.
#[derive(Debug)]
pub(super) struct Keys {
    ring: Arc<KekRing>,
    entropy: Arc<dyn Entropy>,
    fixed: RwLock<HashMap<(RealmId, KeyOwner), Slot>>,
    people: moka::sync::Cache<(RealmId, SubjectId), Slot>,
}

impl Keys {
    /// None yet; `ring` opens their rows.
    pub(super) fn new(ring: Arc<KekRing>, entropy: Arc<dyn Entropy>) -> Self {
        let people = moka::sync::Cache::new(PEOPLE_MAX);
        Self { ring, entropy, fixed: RwLock::default(), people }
    }

    /// Makes a key for this owner, to be stored.
    pub(super) fn make(&self, realm: RealmId, owner: KeyOwner) -> Result<NewKey, Fault> {
        let id = self.entropy.nonce()?;
        let (owner, day) = (owner.text(), owner.day());
        let bytes = self.entropy.token()?;
        let sealed =
            self.ring.seal(&place(realm, &owner, id), bytes.expose(), self.entropy.as_ref())?;
        Ok(NewKey { owner, day, id, sealed })
    }

    /// Takes up the key of a row.
    pub(super) fn open(
        &self,
        realm: RealmId,
        owner: &str,
        id: [u8; 16],
        sealed: &[u8],
    ) -> Result<Arc<Held>, Fault> {
        let opened = self.ring.open(&place(realm, owner, id), sealed)?;
        let bytes = <[u8; 32]>::try_from(opened.expose().as_slice());
        let bytes =
            Secret::new(bytes.map_err(|_| Fault::malformed("event key", "it has not 32 bytes"))?);
        let key = ArcSwap::from_pointee(DataKey::from_bytes(&bytes, self.entropy.as_ref())?);
        Ok(Arc::new(Held { id, bytes, key }))
    }

    /// The row of a key sealed anew, if another key-encryption key than the current one sealed it.
    pub(super) fn reseal(
        &self,
        realm: RealmId,
        owner: &str,
        id: [u8; 16],
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>, Fault> {
        if !self.ring.is_stale(sealed) {
            return Ok(None);
        }
        let place = place(realm, owner, id);
        let opened = self.ring.open(&place, sealed)?;
        self.ring.seal(&place, opened.expose(), self.entropy.as_ref()).map(Some)
    }

    /// Remembers what a committed row says.
    pub(super) fn hold(&self, realm: RealmId, owner: KeyOwner, slot: Slot) {
        if let KeyOwner::Person(person) = owner {
            self.people.insert((realm, person), slot);
        } else {
            let mut fixed = self.fixed.write().unwrap_or_else(PoisonError::into_inner);
            fixed.insert((realm, owner), slot);
        }
    }

    /// Replaces what is remembered of a realm by what a snapshot says. A restored database may have other keys, and nothing
    /// may be sealed under one that it does not have.
    pub(super) fn replace(&self, realm: RealmId, slots: Vec<(KeyOwner, Slot)>) {
        let mut fixed = self.fixed.write().unwrap_or_else(PoisonError::into_inner);
        fixed.retain(|(other, _), _| *other != realm);
        fixed.extend(slots.into_iter().map(|(owner, slot)| ((realm, owner), slot)));
        self.people.invalidate_all();
    }

    /// Forgets a person's key; the next use reads the database.
    pub(super) fn forget(&self, realm: RealmId, person: SubjectId) {
        self.people.invalidate(&(realm, person));
    }

    /// Forgets the keys of days before this one.
    pub(super) fn forget_days_before(&self, day: i64) {
        let mut fixed = self.fixed.write().unwrap_or_else(PoisonError::into_inner);
        fixed.retain(|(_, owner), _| !matches!(owner, KeyOwner::Day(old) if *old < day));
    }

    /// True if this key is in memory.
    pub(super) fn has(&self, realm: RealmId, owner: KeyOwner) -> bool {
        self.slot(realm, owner).is_some()
    }

    /// The realms whose keys are here, lowest first.
    pub(super) fn realms(&self) -> Vec<RealmId> {
        let fixed = self.fixed.read().unwrap_or_else(PoisonError::into_inner);
        let mut realms: Vec<_> = fixed.keys().map(|(realm, _)| *realm).collect();
        realms.sort_unstable();
        realms.dedup();
        realms
    }

    /// Appends the header and both sealed parts of an event. `extra` are keys that belong to a transaction under way and
    /// may not be remembered.
    pub(super) fn seal(
        &self,
        event: &Event,
        now: Timestamp,
        extra: &HashMap<KeyOwner, Slot>,
        out: &mut Vec<u8>,
    ) -> Result<(), Unsealed> {
        let head = Head { time: now, kind: event.kind, subject: event.subject, actor: event.actor };
        head.write(out)?;
        self.seal_body(event, &head, extra, out)
    }

    /// Appends the body alone, for rows whose header has columns of its own.
    pub(super) fn seal_body(
        &self,
        event: &Event,
        head: &Head<'_>,
        extra: &HashMap<KeyOwner, Slot>,
        out: &mut Vec<u8>,
    ) -> Result<(), Unsealed> {
        let length_at = out.len();
        out.extend_from_slice(&[0; 4]);
        let now = head.time;
        if !event.about.is_empty() {
            let key = self.key(event.realm, event.subject_owner, now, extra)?;
            let aad = associated(event.realm.0, Side::Subject, head)?;
            self.seal_part(&key, &aad, &event.about, out)?;
        }
        let length = u32::try_from(out.len() - length_at - 4).map_err(Fault::bug)?;
        if let Some(field) = out.get_mut(length_at..length_at + 4) {
            field.copy_from_slice(&length.to_le_bytes());
        }
        if !event.by.is_empty() {
            let key = self.key(event.realm, event.actor_owner, now, extra)?;
            let aad = associated(event.realm.0, Side::Actor, head)?;
            self.seal_part(&key, &aad, &event.by, out)?;
        }
        Ok(())
    }

    fn seal_part(
        &self,
        held: &Held,
        aad: &[u8],
        part: &Fields,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let text = part.json()?;
        out.extend_from_slice(&held.id);
        held.seal_onto(out, aad, text.expose(), self.entropy.as_ref())
    }

    /// The key of an owner. What comes late about an erased person belongs to nobody known.
    fn key(
        &self,
        realm: RealmId,
        owner: Owner,
        now: Timestamp,
        extra: &HashMap<KeyOwner, Slot>,
    ) -> Result<Arc<Held>, Unsealed> {
        let mut wanted = KeyOwner::at(owner, now);
        loop {
            let slot = extra.get(&wanted).cloned().or_else(|| self.slot(realm, wanted));
            match slot {
                Some(Slot::Key(held)) => return Ok(held),
                Some(Slot::Erased) if matches!(wanted, KeyOwner::Person(_)) => {
                    wanted = KeyOwner::at(Owner::Nobody, now);
                }
                Some(Slot::Erased) | None => return Err(Unsealed::Missing(wanted)),
            }
        }
    }

    fn slot(&self, realm: RealmId, owner: KeyOwner) -> Option<Slot> {
        if let KeyOwner::Person(person) = owner {
            return self.people.get(&(realm, person));
        }
        let fixed = self.fixed.read().unwrap_or_else(PoisonError::into_inner);
        fixed.get(&(realm, owner)).cloned()
    }
}

/// What binds a sealed key to its row.
fn place(realm: RealmId, owner: &str, id: [u8; 16]) -> Vec<u8> {
    let mut place = b"weft event key v1\0".to_vec();
    place.extend_from_slice(&realm.0.to_le_bytes());
    place.extend_from_slice(&id);
    place.extend_from_slice(owner.as_bytes());
    place
}

/// People whose keys stay in memory: some 200 bytes each.
const PEOPLE_MAX: u64 = 20_000;
