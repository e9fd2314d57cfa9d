//! Counts statements by the label of the handle they came through: proof that a hot path asks the database nothing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The label of a handle that was given none.
pub(super) const REQUEST: &str = "request";

/// The label of such a handle inside [`in_background`].
pub(super) const BACKGROUND: &str = "background";

tokio::task_local! {
    /// Set while a background job runs in this task. It only decides where statements are counted, as a span decides where
    /// lines of the log belong.
    static IN_BACKGROUND: ();
}

/// Runs background work: what it asks of the database is not counted as asked by requests.
pub async fn in_background<F: Future>(work: F) -> F::Output {
    IN_BACKGROUND.scope((), work).await
}

/// True inside [`in_background`].
pub(super) fn is_background() -> bool {
    IN_BACKGROUND.try_with(|()| ()).is_ok()
}

/// One label's counter. Cheap to clone; clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Counter(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// Statements, beginnings included.
    statements: AtomicU64,
    beginnings: AtomicU64,
}

/// The counters of all labels.
#[derive(Debug, Default)]
pub(super) struct Counters(Mutex<BTreeMap<&'static str, Counter>>);

impl Counter {
    /// One more statement.
    pub(super) fn one(&self) {
        self.0.statements.fetch_add(1, Ordering::Relaxed);
    }

    /// A transaction or snapshot begins: that is a statement, too.
    pub(super) fn begin(&self) {
        self.one();
        self.0.beginnings.fetch_add(1, Ordering::Relaxed);
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
        self.each(|counts| &counts.statements)
    }

    /// How many of them were beginnings.
    pub(super) fn beginnings(&self) -> BTreeMap<&'static str, u64> {
        self.each(|counts| &counts.beginnings)
    }

    fn each(&self, pick: fn(&Counts) -> &AtomicU64) -> BTreeMap<&'static str, u64> {
        let counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |Counter(counts): &Counter| pick(counts).load(Ordering::Relaxed);
        counters.iter().map(|(label, counter)| (*label, count(counter))).collect()
    }
}
