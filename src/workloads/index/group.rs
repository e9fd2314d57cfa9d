//! A small set of entries, sorted by id, in as many bytes as it has entries times eight.

use std::sync::Arc;

use crate::kernel::EntryId;
use crate::workloads::model::Entry;

/// Entries that have something in common, each once, in the order of their ids.
#[derive(Debug, Default)]
pub(in crate::workloads) struct Group(Vec<Arc<Entry>>);

impl Group {
    pub(super) fn insert(&mut self, entry: Arc<Entry>) {
        match self.find(&entry.id) {
            Ok(at) => {
                if let Some(slot) = self.0.get_mut(at) {
                    *slot = entry;
                }
            }
            Err(at) => {
                // Most groups have one member: grow from one, not from four.
                if self.0.is_empty() {
                    self.0.reserve_exact(1);
                }
                self.0.insert(at, entry);
            }
        }
    }

    pub(super) fn remove(&mut self, id: &EntryId) {
        if let Ok(at) = self.find(id) {
            self.0.remove(at);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(in crate::workloads) fn iter(&self) -> std::slice::Iter<'_, Arc<Entry>> {
        self.0.iter()
    }

    /// Those behind this id; all without one.
    pub(super) fn after(&self, id: Option<&EntryId>) -> std::slice::Iter<'_, Arc<Entry>> {
        let from = match id {
            Some(id) => self.0.partition_point(|entry| entry.id <= *id),
            None => 0,
        };
        self.0.get(from..).unwrap_or_default().iter()
    }

    fn find(&self, id: &EntryId) -> Result<usize, usize> {
        self.0.binary_search_by(|entry| entry.id.cmp(id))
    }
}
