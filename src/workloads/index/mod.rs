//! The entries of one realm in memory (state class 1): by id, by parent, by SPIFFE ID, aliases by selector, by expiry.
//!
//! Invariants: every entry is in `by_id`, in the group of its parent and in that of its SPIFFE ID; an alias also in the
//! group of its first selector; one with an expiry also in `expiries`. Equal selectors and trust domains share their
//! bytes: an entry takes at most 1 KiB, indexes included (measured by a test).

mod group;
mod query;
mod walk;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::model::{Entry, Terms};
use super::validate_entry::SERVER_PATH;
use crate::kernel::{EntryId, Selector, SpiffeId, Timestamp, TrustDomain};

use group::{ByIdentity, Group, Groups, join, leave};
pub use query::{Filter, SelectorMatch};
pub(super) use walk::{Node, Roots, is_subset};

/// The entries of one realm.
#[derive(Debug, Default)]
pub(super) struct Index {
    by_id: BTreeMap<EntryId, Arc<Entry>>,
    by_parent: Groups<SpiffeId>,
    by_spiffe_id: ByIdentity,
    /// Aliases by their first selector: a node can match only the aliases under its own selectors.
    aliases: Groups<Selector>,
    expiries: BTreeSet<(Timestamp, EntryId)>,
    /// Each selector in use, and how many times.
    selectors: HashMap<Selector, u32>,
    /// The realm's trust domain, shared by all IDs.
    home: Option<TrustDomain>,
}

/// True if the entry is an alias of nodes: under the server, its selectors are the nodes'.
pub(super) fn is_alias(entry: &Entry) -> bool {
    entry.terms.parent_id.path() == SERVER_PATH
}

impl Index {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Nothing is held, not even an empty group.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
            && self.by_parent.is_empty()
            && self.by_spiffe_id.is_empty()
            && self.aliases.is_empty()
            && self.expiries.is_empty()
            && self.selectors.is_empty()
    }

    pub(super) fn get(&self, id: &EntryId) -> Option<&Arc<Entry>> {
        self.by_id.get(id)
    }

    pub(super) fn with_spiffe_id(&self, id: &SpiffeId) -> impl Iterator<Item = &Arc<Entry>> {
        self.by_spiffe_id.get(id).into_iter().flat_map(Group::as_slice)
    }

    pub(super) fn under(&self, parent: &SpiffeId) -> impl Iterator<Item = &Arc<Entry>> {
        self.by_parent.get(parent).into_iter().flat_map(Group::as_slice)
    }

    /// Takes the entry in; gives the one with the same id that it replaces.
    pub(super) fn insert(&mut self, entry: Entry) -> Option<Arc<Entry>> {
        // A start reads the entries in the order of their ids: then there is nothing to look for.
        let last = self.by_id.last_key_value();
        let behind_all = last.is_none_or(|(last, _)| *last < entry.id);
        let replaced = if behind_all { None } else { self.remove(&entry.id) };
        let entry = Arc::new(self.shared(entry));
        let terms = &entry.terms;
        join(&mut self.by_parent, terms.parent_id.clone(), &entry);
        self.by_spiffe_id.join(&entry);
        if let (true, Some(first)) = (is_alias(&entry), terms.selectors.first()) {
            join(&mut self.aliases, first.clone(), &entry);
        }
        if let Some(at) = terms.expires_at {
            self.expiries.insert((at, entry.id.clone()));
        }
        self.by_id.insert(entry.id.clone(), entry);
        replaced
    }

    /// Drops the entry; gives it if it was there.
    pub(super) fn remove(&mut self, id: &EntryId) -> Option<Arc<Entry>> {
        let entry = self.by_id.remove(id)?;
        let terms = &entry.terms;
        leave(&mut self.by_parent, &terms.parent_id, id);
        self.by_spiffe_id.leave(&entry);
        if let Some(first) = terms.selectors.first() {
            leave(&mut self.aliases, first, id);
        }
        if let Some(at) = terms.expires_at {
            self.expiries.remove(&(at, id.clone()));
        }
        for selector in &terms.selectors {
            if let Some(uses) = self.selectors.get_mut(selector) {
                *uses = uses.saturating_sub(1);
                if *uses == 0 {
                    self.selectors.remove(selector);
                }
            }
        }
        Some(entry)
    }

    /// The first expiry after `now`.
    pub(super) fn next_expiry(&self, now: Timestamp) -> Option<Timestamp> {
        self.expired_between(now, Timestamp::FOREVER).next().map(|(at, _)| *at)
    }

    /// The entries whose expiry lies after `from`, and not after `to`, soonest first.
    pub(super) fn expired_between(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> impl Iterator<Item = &(Timestamp, EntryId)> {
        self.expiries
            .iter()
            .skip_while(move |(at, _)| *at <= from)
            .take_while(move |(at, _)| *at <= to)
    }

    /// The entry with its equal parts replaced by those already held.
    fn shared(&mut self, entry: Entry) -> Entry {
        let Terms { spiffe_id, parent_id, selectors, .. } = &entry.terms;
        let home = self.home.get_or_insert_with(|| spiffe_id.trust_domain().clone()).clone();
        let again = |id: &SpiffeId| home.with_path(id.path()).unwrap_or_else(|_| id.clone());
        let same = self.by_spiffe_id.get(spiffe_id).and_then(|group| group.as_slice().first());
        let spiffe_id = same.map_or_else(|| again(spiffe_id), |same| same.terms.spiffe_id.clone());
        let parent_id = match self.by_parent.get_key_value(parent_id) {
            Some((held, _)) => held.clone(),
            None => again(parent_id),
        };
        let selectors = selectors.iter().map(|selector| self.share(selector)).collect();
        Entry { terms: Terms { spiffe_id, parent_id, selectors, ..entry.terms }, ..entry }
    }

    fn share(&mut self, selector: &Selector) -> Selector {
        let held = self.selectors.get_key_value(selector).map(|(held, _)| held.clone());
        let shared = held.unwrap_or_else(|| selector.clone());
        let uses = self.selectors.entry(shared.clone()).or_default();
        *uses = uses.saturating_add(1);
        shared
    }
}
