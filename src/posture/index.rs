//! What is known of devices, in memory. Locks are held for a look-up, never across an await.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::kernel::{DeviceId, RealmId};

use super::model::{Known, Source};

/// What is known, by realm and device.
#[derive(Debug, Default)]
pub(super) struct Index {
    realms: RwLock<HashMap<RealmId, HashMap<DeviceId, Arc<Known>>>>,
}

impl Index {
    /// What is known of this device, whatever its realm: ids of devices are there once.
    pub(super) fn find(&self, device: DeviceId) -> Option<Arc<Known>> {
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        realms.values().find_map(|all| all.get(&device)).map(Arc::clone)
    }

    /// True if it is this very report of this source that is known.
    pub(super) fn holds(&self, device: DeviceId, source: &Source, digest: &[u8]) -> bool {
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        let known = realms.values().find_map(|all| all.get(&device));
        known.and_then(|known| known.of(source)).is_some_and(|said| said.digest == digest)
    }

    pub(super) fn replace(&self, realm: RealmId, known: Vec<Known>) {
        let all = known.into_iter().map(|known| (known.device, Arc::new(known))).collect();
        let mut realms = self.realms.write().unwrap_or_else(PoisonError::into_inner);
        realms.insert(realm, all);
    }

    /// Takes in what is known, as far as it is later than what is there already: a row that was read a moment ago may come
    /// after a report that was taken meanwhile.
    pub(super) fn put(&self, realm: RealmId, known: Known) {
        let mut realms = self.realms.write().unwrap_or_else(PoisonError::into_inner);
        let all = realms.entry(realm).or_default();
        let known = match all.get(&known.device) {
            Some(held) => known.later(held),
            None => known,
        };
        all.insert(known.device, Arc::new(known));
    }

    /// Nothing is known of it any more.
    pub(super) fn remove(&self, realm: RealmId, device: DeviceId) {
        let mut realms = self.realms.write().unwrap_or_else(PoisonError::into_inner);
        realms.entry(realm).or_default().remove(&device);
    }
}
