//! Counts statements by the label of the handle they came through: proof that a hot path asks the database nothing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The label of a handle that was given none.
pub(super) const REQUEST: &str = "request";

/// One label's counter. Cheap to clone; clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Counter(Arc<AtomicU64>);

/// The counters of all labels.
#[derive(Debug, Default)]
pub(super) struct Counters(Mutex<BTreeMap<&'static str, Counter>>);

impl Counter {
    /// One more statement.
    pub(super) fn one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Counters {
    /// The counter of this label.
    pub(super) fn of(&self, label: &'static str) -> Counter {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counters.entry(label).or_default().clone()
    }

    /// What each label counted since the database was opened.
    pub(super) fn counts(&self) -> BTreeMap<&'static str, u64> {
        let counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counters
            .iter()
            .map(|(label, Counter(count))| (*label, count.load(Ordering::Relaxed)))
            .collect()
    }
}
