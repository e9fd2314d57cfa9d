//! Containment: a subject gets nothing for a while, because somebody with the right to say so said so.
//!
//! Owns: who is contained, why and until when; contain, release and the list. Does not own: what follows, which is policy's
//! (`access`, through the standing that `posture` gives) and, for what is out already, each slice's own (`server/react.rs`).
//! Endpoints: admin REST under `/containments`.
//! Invariants:
//! - Whether a subject is contained is in memory, for the moment it is asked in: an end that has come needs no event.
//! - Nobody contains themselves, nor the server.
//! - Released, or ended, nothing of it is left but its events.

mod contain_subject;
pub mod http;
mod jobs;
pub mod model;
pub(crate) mod store;
#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use crate::access::Access;
use crate::db::Tx;
use crate::devices::{Inventory, People};
use crate::env::Env;
use crate::events::Events;
use crate::kernel::{
    DeviceId, Fault, RealmId, SpiffeId, Subject, SubjectId, SubjectKind, Timestamp,
};

pub use contain_subject::Wish;
pub use model::{CONTAINMENT, Containment, Error, Whom};

/// The slice. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Containments {
    env: Env,
    below: Below,
    people: Arc<OnceLock<Arc<dyn People>>>,
    index: Arc<RwLock<Realms>>,
}

type Realms = HashMap<RealmId, HashMap<Key, Arc<Containment>>>;

/// By what a decision knows them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Device(DeviceId),
    Person(SubjectId),
    Named(SpiffeId),
}

impl Key {
    fn of(whom: &Whom) -> Self {
        match whom {
            Whom::Device(device) => Self::Device(*device),
            Whom::Person { number, .. } => Self::Person(*number),
            Whom::Named(id) => Self::Named(id.clone()),
        }
    }
}

/// What it stands on.
#[derive(Debug, Clone)]
pub struct Below {
    /// Who may.
    pub access: Access,
    /// What is recorded.
    pub events: Events,
    /// Which devices there are.
    pub devices: Inventory,
}

impl Containments {
    /// Nobody, until `load`.
    pub fn new(env: Env, below: Below) -> Self {
        Self { env, below, people: Arc::default(), index: Arc::default() }
    }

    /// Says who keeps people. Once; until then no person can be contained.
    pub fn people(&self, people: Arc<dyn People>) {
        let _first = self.people.set(people);
    }

    /// Replaces what is known of the realm by what the database holds.
    pub async fn load(&self, tx: &mut Tx) -> Result<(), Fault> {
        let all = store::all(tx).await?.into_iter();
        let all = all.map(|one| (Key::of(&one.whom), Arc::new(one))).collect();
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        index.insert(tx.realm(), all);
        Ok(())
    }

    /// Reads the subjects that these keys name once more.
    pub async fn apply(&self, tx: &mut Tx, keys: &[String]) -> Result<(), Fault> {
        for key in keys {
            let row = store::one(tx, key).await?;
            let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
            let realm = index.entry(tx.realm()).or_default();
            realm.retain(|_, one| one.whom.to_string() != *key);
            if let Some(row) = row {
                realm.insert(Key::of(&row.whom), Arc::new(row));
            }
        }
        Ok(())
    }

    /// Why this subject is contained now; nothing if it is not. Asked with each decision: a look-up.
    pub fn of(&self, subject: &Subject) -> Option<Arc<Containment>> {
        let key = match subject.kind {
            _ if !self.any() => return None,
            SubjectKind::User => Key::Person(subject.number),
            SubjectKind::Device => Key::Device(DeviceId::of_spiffe_id(&subject.id)?),
            _ => Key::Named(subject.id.clone()),
        };
        self.find(&key)
    }

    /// The same for a device.
    pub fn of_device(&self, device: DeviceId) -> Option<Arc<Containment>> {
        self.find(&Key::Device(device))
    }

    /// The same for a workload or an application.
    pub fn of_named(&self, id: &SpiffeId) -> Option<Arc<Containment>> {
        self.any().then(|| self.find(&Key::Named(id.clone())))?
    }

    /// What holds now for whom the log names so.
    pub fn held(&self, realm: RealmId, named: &str) -> Option<Arc<Containment>> {
        self.now(realm, self.env.clock.now()).into_iter().find(|one| one.whom.to_string() == named)
    }

    fn find(&self, key: &Key) -> Option<Arc<Containment>> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        // None of these is there in two realms.
        let found = index.values().find_map(|realm| realm.get(key))?;
        (self.env.clock.now() < found.ends_at).then(|| Arc::clone(found))
    }

    /// False if nobody is contained, in any realm.
    pub fn any(&self) -> bool {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        index.values().any(|realm| !realm.is_empty())
    }

    /// Everybody who is contained now, in the order of their names.
    fn now(&self, realm: RealmId, now: Timestamp) -> Vec<Arc<Containment>> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        let held = index.get(&realm).into_iter().flat_map(HashMap::values);
        let mut all: Vec<_> = held.filter(|one| now < one.ends_at).map(Arc::clone).collect();
        all.sort_by_cached_key(|one| one.whom.to_string());
        all
    }

    fn drop_past(&self, realm: RealmId, now: Timestamp) {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(realm) = index.get_mut(&realm) {
            realm.retain(|_, one| now < one.ends_at);
        }
    }
}
