//! Small sets of entries that have something in common, in few bytes: most have one member.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::kernel::{EntryId, SpiffeId};
use crate::workloads::model::Entry;

/// Entries, each once, in the order of their ids. Never empty.
#[derive(Debug)]
pub(in crate::workloads) enum Group {
    One(Arc<Entry>),
    /// Boxed, so that a group of one takes 16 bytes.
    #[expect(clippy::box_collection, reason = "the box is what keeps the common case small")]
    Many(Box<Vec<Arc<Entry>>>),
}

impl Group {
    fn insert(&mut self, entry: Arc<Entry>) {
        if let Self::One(one) = self {
            *self = Self::Many(Box::new(vec![Arc::clone(one)]));
        }
        if let Self::Many(many) = self {
            if many.last().is_some_and(|last| last.id < entry.id) {
                many.push(entry);
                return;
            }
            match many.binary_search_by(|held| held.id.cmp(&entry.id)) {
                Ok(at) => {
                    if let Some(slot) = many.get_mut(at) {
                        *slot = entry;
                    }
                }
                Err(at) => many.insert(at, entry),
            }
        }
    }

    /// True if that was the last one, and the group has to go.
    fn remove(&mut self, id: &EntryId) -> bool {
        match self {
            Self::One(one) => one.id == *id,
            Self::Many(many) => {
                if let Ok(at) = many.binary_search_by(|held| held.id.cmp(id)) {
                    many.remove(at);
                }
                if many.len() <= 1
                    && let Some(last) = many.pop()
                {
                    *self = Self::One(last);
                }
                false
            }
        }
    }

    pub(super) fn as_slice(&self) -> &[Arc<Entry>] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }

    /// Those behind this id; all without one.
    pub(super) fn after(&self, id: Option<&EntryId>) -> std::slice::Iter<'_, Arc<Entry>> {
        let all = self.as_slice();
        let from = id.map_or(0, |id| all.partition_point(|entry| entry.id <= *id));
        all.get(from..).unwrap_or_default().iter()
    }
}

/// Groups by something that is in the entries.
pub(super) type Groups<K> = HashMap<K, Group>;

pub(super) fn join<K: Hash + Eq>(groups: &mut Groups<K>, key: K, entry: &Arc<Entry>) {
    match groups.get_mut(&key) {
        Some(group) => group.insert(Arc::clone(entry)),
        None => drop(groups.insert(key, Group::One(Arc::clone(entry)))),
    }
}

pub(super) fn leave<K: Hash + Eq>(groups: &mut Groups<K>, key: &K, id: &EntryId) {
    if groups.get_mut(key).is_some_and(|group| group.remove(id)) {
        groups.remove(key);
    }
}

/// Groups by SPIFFE ID: nearly as many as entries, so the name is not held again beside its entries.
#[derive(Debug, Default)]
pub(super) struct ByIdentity(HashMap<Identity, Group>);

/// A SPIFFE ID, as one of the entries that give it.
#[derive(Debug)]
struct Identity(Arc<Entry>);

impl Borrow<SpiffeId> for Identity {
    fn borrow(&self) -> &SpiffeId {
        &self.0.terms.spiffe_id
    }
}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.terms.spiffe_id.hash(state);
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.0.terms.spiffe_id == other.0.terms.spiffe_id
    }
}

impl Eq for Identity {}

impl ByIdentity {
    pub(super) fn get(&self, id: &SpiffeId) -> Option<&Group> {
        self.0.get(id)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn join(&mut self, entry: &Arc<Entry>) {
        match self.0.get_mut(&entry.terms.spiffe_id) {
            Some(group) => group.insert(Arc::clone(entry)),
            None => drop(self.0.insert(Identity(Arc::clone(entry)), Group::One(Arc::clone(entry)))),
        }
    }

    pub(super) fn leave(&mut self, entry: &Entry) {
        let Some((name, mut group)) = self.0.remove_entry(&entry.terms.spiffe_id) else { return };
        if group.remove(&entry.id) {
            return;
        }
        // The name may have been held by the entry that goes.
        let name = group.as_slice().first().map_or(name, |first| Identity(Arc::clone(first)));
        self.0.insert(name, group);
    }
}
