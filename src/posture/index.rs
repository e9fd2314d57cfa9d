//! What is known of devices, in memory, with the model that each realm scores by. Locks are held for a look-up, never across an
//! await.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::kernel::{DeviceId, RealmId};

use super::model::{Known, Source};
use super::words::Current;

/// What is known, by realm and device.
#[derive(Debug)]
pub(super) struct Index {
    shipped: Arc<Current>,
    realms: RwLock<HashMap<RealmId, Realm>>,
}

/// A realm's devices, as far as its model counts what they say: both change in one step.
#[derive(Debug)]
struct Realm {
    current: Arc<Current>,
    all: HashMap<DeviceId, Arc<Known>>,
}

impl Index {
    /// Nothing is known of any device, and no realm set a model.
    pub(super) fn new(shipped: Current) -> Self {
        Self { shipped: Arc::new(shipped), realms: RwLock::default() }
    }

    /// The model that is shipped.
    pub(super) fn shipped(&self) -> Arc<Current> {
        Arc::clone(&self.shipped)
    }

    /// The model that counts in this realm.
    pub(super) fn current(&self, realm: RealmId) -> Arc<Current> {
        let realms = self.read();
        Arc::clone(realms.get(&realm).map_or(&self.shipped, |realm| &realm.current))
    }

    /// What is known of this device, whatever its realm: ids of devices are there once.
    pub(super) fn find(&self, device: DeviceId) -> Option<Arc<Known>> {
        self.judged_by(device).map(|(_, known)| known)
    }

    /// What is known of this device, and the model that counts for it.
    pub(super) fn judged_by(&self, device: DeviceId) -> Option<(Arc<Current>, Arc<Known>)> {
        self.read().values().find_map(|realm| {
            let known = realm.all.get(&device)?;
            Some((Arc::clone(&realm.current), Arc::clone(known)))
        })
    }

    /// True if it is this very report of this source that is known.
    pub(super) fn holds(&self, device: DeviceId, source: &Source, digest: &[u8]) -> bool {
        let known = self.find(device);
        known.is_some_and(|known| known.of(source).is_some_and(|said| said.digest == digest))
    }

    /// Everything of a realm anew: its model, and what is known as far as that model counts it.
    pub(super) fn replace(&self, realm: RealmId, current: Arc<Current>, known: Vec<Known>) {
        let all = known.into_iter().map(|known| (known.device, Arc::new(known))).collect();
        let former = self.write().insert(realm, Realm { current, all });
        // A large fleet takes a while to let go of; nobody waits for that.
        drop(former);
    }

    /// Scores by this model from now on, of which memory holds all that it counts. What it does not count goes; that is worked
    /// out before anybody has to wait.
    pub(super) fn switch(&self, realm: RealmId, current: Arc<Current>) {
        let fitted = self.fitted(realm, &current);
        let mut realms = self.write();
        let realm = realms.entry(realm).or_insert_with(|| self.empty());
        for (before, fitted) in fitted {
            match realm.all.get_mut(&before.device) {
                Some(held) if Arc::ptr_eq(held, &before) => *held = fitted,
                Some(held) => *held = Arc::new(held.as_far_as(&current)),
                None => {}
            }
        }
        realm.current = current;
    }

    /// What is known of each device beside as much of it as this model counts; nothing where that is all of it.
    fn fitted(&self, realm: RealmId, current: &Current) -> Vec<(Arc<Known>, Arc<Known>)> {
        if self.current(realm).counts_within(current) {
            return Vec::new();
        }
        let all: Vec<Arc<Known>> = self
            .read()
            .get(&realm)
            .map(|realm| realm.all.values().cloned().collect())
            .unwrap_or_default();
        let fit = |known: Arc<Known>| {
            let fitted = Arc::new(known.as_far_as(current));
            (known, fitted)
        };
        all.into_iter().map(fit).collect()
    }

    /// Takes in what is known, read as `current` counts it, as far as it is later than what is there already: a row that was
    /// read a moment ago may come after a report that was taken meanwhile. False where another model counts by now, which may
    /// count more of it.
    pub(super) fn put(&self, realm: RealmId, current: &Current, known: Known) -> bool {
        let mut realms = self.write();
        let realm = realms.entry(realm).or_insert_with(|| self.empty());
        if realm.current.model.digest != current.model.digest {
            return false;
        }
        let known = match realm.all.get(&known.device) {
            Some(held) => known.later(held),
            None => known,
        };
        realm.all.insert(known.device, Arc::new(known));
        true
    }

    /// Nothing is known of it any more.
    pub(super) fn remove(&self, realm: RealmId, device: DeviceId) {
        if let Some(realm) = self.write().get_mut(&realm) {
            realm.all.remove(&device);
        }
    }

    fn empty(&self) -> Realm {
        Realm { current: self.shipped(), all: HashMap::new() }
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<RealmId, Realm>> {
        self.realms.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<RealmId, Realm>> {
        self.realms.write().unwrap_or_else(PoisonError::into_inner)
    }
}
