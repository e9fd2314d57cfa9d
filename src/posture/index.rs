//! What is known of devices, in memory. Locks are held for a look-up, never across an await.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::kernel::{DeviceId, RealmId};

use super::model::Known;

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

    /// The same, where it is this very report.
    pub(super) fn holds(&self, device: DeviceId, digest: &[u8]) -> bool {
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        let known = realms.values().find_map(|all| all.get(&device));
        known.is_some_and(|known| known.digest == digest)
    }

    pub(super) fn replace(&self, realm: RealmId, known: Vec<Known>) {
        let all = known.into_iter().map(|known| (known.device, Arc::new(known))).collect();
        let mut realms = self.realms.write().unwrap_or_else(PoisonError::into_inner);
        realms.insert(realm, all);
    }

    /// Takes a report in, unless a later one is there already: a row that was read a moment ago may come after it.
    pub(super) fn put(&self, realm: RealmId, known: Known) {
        let mut realms = self.realms.write().unwrap_or_else(PoisonError::into_inner);
        let all = realms.entry(realm).or_default();
        if all.get(&known.device).is_none_or(|held| held.order() <= known.order()) {
            all.insert(known.device, Arc::new(known));
        }
    }
}
