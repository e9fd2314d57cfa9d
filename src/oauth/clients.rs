//! The realm's clients in memory, following the change log. Class 1: no request reads a client from the database.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use super::client::{Client, SharedClient};
use crate::kernel::{ClientId, RealmId};

/// Clients by realm and id. The lock is held for a look-up, never across an await.
#[derive(Debug, Default)]
pub(super) struct Clients {
    realms: RwLock<HashMap<RealmId, BTreeMap<ClientId, SharedClient>>>,
}

impl Clients {
    pub(super) fn get(&self, realm: RealmId, id: &ClientId) -> Option<SharedClient> {
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        realms.get(&realm)?.get(id).map(Arc::clone)
    }

    pub(super) fn all(&self, realm: RealmId) -> Vec<SharedClient> {
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        realms.get(&realm).map(|all| all.values().map(Arc::clone).collect()).unwrap_or_default()
    }

    pub(super) fn replace(&self, realm: RealmId, clients: Vec<Client>) {
        let all = clients.into_iter().map(|one| (one.id.clone(), Arc::new(one))).collect();
        self.realms.write().unwrap_or_else(PoisonError::into_inner).insert(realm, all);
    }

    pub(super) fn put(&self, realm: RealmId, id: &ClientId, client: Option<Client>) {
        let mut realms = self.realms.write().unwrap_or_else(PoisonError::into_inner);
        let all = realms.entry(realm).or_default();
        match client {
            Some(client) => all.insert(id.clone(), Arc::new(client)),
            None => all.remove(id),
        };
    }
}
