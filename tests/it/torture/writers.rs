//! Those who write under torture: administrators who create entries with ids of their own, and a node that has SVIDs
//! issued; each keeps book of what was acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::admin::Outcome;
use super::node::Node;
use super::program::Replica;

/// What a writer was told, by id.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) acknowledged: Vec<String>,
    pub(super) in_doubt: Vec<String>,
    pub(super) refused: Vec<String>,
    pub(super) wrong: Vec<String>,
}

impl Book {
    pub(super) fn add(&mut self, other: Self) {
        self.acknowledged.extend(other.acknowledged);
        self.in_doubt.extend(other.in_doubt);
        self.refused.extend(other.refused);
        self.wrong.extend(other.wrong);
    }

    fn note(&mut self, id: String, outcome: Outcome) {
        match outcome {
            Outcome::Acknowledged => self.acknowledged.push(id),
            Outcome::InDoubt => self.in_doubt.push(id),
            Outcome::Refused => self.refused.push(id),
            Outcome::Wrong(answer) => self.wrong.push(format!("{id}: {answer}")),
        }
    }
}

/// How far all writers are, and when they stop.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) acknowledged: AtomicU64,
    stop: AtomicBool,
}

impl Run {
    /// Everybody finishes what they are at, and stops.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::SeqCst)
    }
}

/// Creates entries at one replica until the end, in turn one alone and a batch. An id is asked for once: whoever does
/// not know what became of it looks later.
pub(super) async fn write(replica: Arc<Replica>, name: String, run: Arc<Run>) -> Book {
    let mut book = Book::default();
    for turn in 0_u64.. {
        if !run.goes_on() {
            break;
        }
        let id = |n: usize| format!("{name}.{turn}.{n}");
        let ids: Vec<String> = (0..if turn % 2 == 0 { 1 } else { BATCH }).map(id).collect();
        let outcomes = match ids.as_slice() {
            [id] => vec![replica.admin.create(id).await],
            ids => replica.admin.create_batch(ids).await,
        };
        assert_eq!(outcomes.len(), ids.len(), "a batch has an outcome for each item");
        let done = outcomes.iter().filter(|one| **one == Outcome::Acknowledged).count();
        run.acknowledged.fetch_add(u64::try_from(done).unwrap(), Ordering::SeqCst);
        ids.into_iter().zip(outcomes).for_each(|(id, outcome)| book.note(id, outcome));
        if done == 0 {
            // The server or its database is down: ask again soon, not at once.
            super::pause(20).await;
        }
    }
    book
}

/// Has X.509-SVIDs issued at one replica until the end; gives the serial numbers of all that came. While nobody answers,
/// nothing comes: that is no fault of the ledger's.
pub(super) async fn issue(
    replica: Arc<Replica>,
    mut node: Node,
    entry: String,
    run: Arc<Run>,
) -> Vec<String> {
    let mut serials = Vec::new();
    while run.goes_on() {
        match node.x509_svids(&entry, ISSUED_AT_ONCE).await {
            Ok(issued) => serials.extend(issued),
            Err(_) => node.dial(replica.node()),
        }
        super::pause(20).await;
    }
    serials
}

const BATCH: usize = 16;
const ISSUED_AT_ONCE: usize = 8;
