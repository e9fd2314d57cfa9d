//! The realm's devices in memory. Locks are held for a look-up, never across an await.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use crate::kernel::{DeviceId, RealmId};

use super::model::Device;

/// Devices by realm and id.
#[derive(Debug, Default)]
pub(super) struct Index {
    realms: RwLock<HashMap<RealmId, BTreeMap<DeviceId, Arc<Device>>>>,
}

impl Index {
    pub(super) fn device(&self, realm: RealmId, id: DeviceId) -> Option<Arc<Device>> {
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        realms.get(&realm)?.get(&id).map(Arc::clone)
    }

    pub(super) fn find(&self, id: DeviceId) -> Option<Arc<Device>> {
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        realms.values().find_map(|all| all.get(&id)).map(Arc::clone)
    }

    pub(super) fn devices(&self, realm: RealmId) -> Vec<Arc<Device>> {
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        realms.get(&realm).map(|all| all.values().map(Arc::clone).collect()).unwrap_or_default()
    }

    pub(super) fn replace(&self, realm: RealmId, devices: Vec<Device>) {
        let all = devices.into_iter().map(|device| (device.id, Arc::new(device))).collect();
        let mut realms = self.realms.write().unwrap_or_else(PoisonError::into_inner);
        realms.insert(realm, all);
    }

    pub(super) fn put(&self, realm: RealmId, id: DeviceId, device: Option<Device>) {
        let mut realms = self.realms.write().unwrap_or_else(PoisonError::into_inner);
        let all = realms.entry(realm).or_default();
        match device {
            Some(device) => all.insert(id, Arc::new(device)),
            None => all.remove(&id),
        };
    }
}
