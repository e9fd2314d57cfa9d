//! Nodes in memory, by their keys: whoever shows a key is known, or is not, without a question to the database.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::kernel::{RealmId, Timestamp};

use super::model::Node;

/// A node, and when it was asked for its posture last. That is of this process alone: it only spares a question.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) node: Node,
    asked: Mutex<Timestamp>,
}

impl Entry {
    /// True if `due` says so of when it was asked last; then it is asked now.
    pub(super) fn ask(&self, now: Timestamp, due: impl FnOnce(Timestamp) -> bool) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let ask = due(*asked);
        if ask {
            *asked = now;
        }
        ask
    }
}

/// What a key says of who shows it.
#[derive(Debug)]
pub(super) enum Shown {
    /// The node's own.
    Own(Arc<Entry>),
    /// The one it had before.
    Former(Arc<Entry>),
}

#[derive(Debug, Default)]
struct Nodes {
    by_host: HashMap<String, Arc<Entry>>,
    by_key: HashMap<[u8; 32], Arc<Entry>>,
}

/// Nodes by realm.
#[derive(Debug, Default)]
pub(super) struct Index {
    realms: RwLock<HashMap<RealmId, Nodes>>,
}

impl Index {
    /// Who has the key with this digest. A digest tells nothing by the time its look-up takes.
    pub(super) fn shown(&self, realm: RealmId, key: &[u8; 32]) -> Option<Shown> {
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        let entry = realms.get(&realm)?.by_key.get(key).map(Arc::clone)?;
        Some(if entry.node.key == *key { Shown::Own(entry) } else { Shown::Former(entry) })
    }

    /// The node on this host.
    #[cfg(test)]
    pub(super) fn host(&self, realm: RealmId, host: &str) -> Option<Arc<Entry>> {
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        realms.get(&realm)?.by_host.get(host).map(Arc::clone)
    }

    pub(super) fn replace(&self, realm: RealmId, nodes: Vec<Node>) {
        let mut all = Nodes::default();
        for node in nodes {
            all.put(node);
        }
        self.realms.write().unwrap_or_else(PoisonError::into_inner).insert(realm, all);
    }

    pub(super) fn put(&self, realm: RealmId, host: &str, node: Option<Node>) {
        let mut realms = self.realms.write().unwrap_or_else(PoisonError::into_inner);
        let all = realms.entry(realm).or_default();
        all.remove(host);
        if let Some(node) = node {
            all.put(node);
        }
    }
}

impl Nodes {
    fn put(&mut self, node: Node) {
        let entry = Arc::new(Entry { node, asked: Mutex::new(Timestamp::EPOCH) });
        for key in entry.node.previous.iter().chain([&entry.node.key]) {
            self.by_key.insert(*key, Arc::clone(&entry));
        }
        self.by_host.insert(entry.node.host.clone(), entry);
    }

    fn remove(&mut self, host: &str) {
        let Some(old) = self.by_host.remove(host) else { return };
        for key in old.node.previous.iter().chain([&old.node.key]) {
            self.by_key.remove(key);
        }
    }
}
