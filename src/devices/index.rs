//! The realm's devices in memory. Locks are held for a look-up, never across an await.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
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

    pub(super) fn has_any(&self, realm: RealmId) -> bool {
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        realms.get(&realm).is_some_and(|all| !all.is_empty())
    }

    /// The next devices behind this id that are wanted, by id: at most `limit` of them, of at most `looks` that are looked at.
    /// With the last id that was looked at, where there may be more.
    pub(super) fn page(
        &self,
        realm: RealmId,
        after: Option<DeviceId>,
        (limit, looks): (usize, usize),
        mut wanted: impl FnMut(&Device) -> bool,
    ) -> (Vec<Arc<Device>>, Option<DeviceId>) {
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        let Some(all) = realms.get(&realm) else { return (Vec::new(), None) };
        let behind = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = all.range((behind, Bound::Unbounded));
        let (mut found, mut last) = (Vec::new(), None);
        for (id, device) in rest.by_ref().take(looks) {
            last = Some(*id);
            if wanted(device) {
                found.push(Arc::clone(device));
            }
            if found.len() >= limit {
                break;
            }
        }
        (found, last.filter(|_| rest.next().is_some()))
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
