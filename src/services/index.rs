//! Services in memory, by name.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use crate::kernel::RealmId;

use super::model::Service;

/// Services by realm and name.
#[derive(Debug, Default)]
pub(super) struct Index {
    realms: RwLock<HashMap<RealmId, BTreeMap<String, Arc<Service>>>>,
}

impl Index {
    pub(super) fn find(&self, realm: RealmId, name: &str) -> Option<Arc<Service>> {
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        realms.get(&realm)?.get(name).map(Arc::clone)
    }

    pub(super) fn all(&self, realm: RealmId) -> Vec<Arc<Service>> {
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        realms.get(&realm).map(|all| all.values().map(Arc::clone).collect()).unwrap_or_default()
    }

    pub(super) fn replace(&self, realm: RealmId, services: Vec<Service>) {
        let all = services.into_iter().map(|one| (one.name.clone(), Arc::new(one))).collect();
        self.realms.write().unwrap_or_else(PoisonError::into_inner).insert(realm, all);
    }

    pub(super) fn put(&self, realm: RealmId, name: &str, service: Option<Service>) {
        let mut realms = self.realms.write().unwrap_or_else(PoisonError::into_inner);
        let all = realms.entry(realm).or_default();
        match service {
            Some(service) => all.insert(name.to_owned(), Arc::new(service)),
            None => all.remove(name),
        };
    }
}
