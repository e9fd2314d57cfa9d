//! `ledger.sync = "database"`: facts are durable once the database has them. Whoever comes while an insert is under way is
//! part of the next one, as with the fsync of a disk.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::db::Db;
use crate::kernel::{Fault, RealmId};

use super::copy_segments::{Batch, insert};
use super::model::{Fact, Sealed, Stream};

/// Numbers facts and inserts them in groups.
#[derive(Debug)]
pub(super) struct Inserter {
    stream: Stream,
    queue: Mutex<Vec<Waiting>>,
    turn: tokio::sync::Mutex<Turn>,
}

#[derive(Debug)]
struct Waiting {
    facts: Vec<(RealmId, Sealed)>,
    done: oneshot::Sender<Result<(), Fault>>,
}

/// What whoever inserts just now knows.
#[derive(Debug, Default)]
struct Turn {
    /// The last number that was used.
    last: u64,
    /// Numbered facts of which it is not known whether the database has them. They are inserted again first: under their
    /// numbers nothing else may ever stand.
    owed: Vec<(RealmId, Vec<Fact>)>,
}

impl Inserter {
    /// Has inserted nothing yet.
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, queue: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }

    /// Inserts these facts, with whatever else waits. Whatever it answers but `Ok`, nothing may be handed out.
    pub(super) async fn append(&self, db: &Db, facts: Vec<(RealmId, Sealed)>) -> Result<(), Fault> {
        let (done, mut answer) = oneshot::channel();
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push(Waiting { facts, done });
        let mut turn = self.turn.lock().await;
        if let Ok(answer) = answer.try_recv() {
            return answer;
        }
        let group = std::mem::take(&mut *self.queue.lock().unwrap_or_else(PoisonError::into_inner));
        turn.insert_group(db, self.stream, group).await;
        drop(turn);
        answer.await.unwrap_or(Err(Fault::OutcomeUnknown))
    }
}

impl Turn {
    async fn insert_group(&mut self, db: &Db, stream: Stream, group: Vec<Waiting>) {
        let mut outcome = self.pay(db, stream).await;
        let mut realms: BTreeMap<RealmId, Vec<Sealed>> = BTreeMap::new();
        let mut waiting = Vec::with_capacity(group.len());
        for Waiting { facts, done } in group {
            waiting.push(done);
            for (realm, sealed) in facts {
                realms.entry(realm).or_default().push(sealed);
            }
        }
        for (realm, events) in realms {
            if outcome.is_ok() {
                outcome = self.insert_realm(db, stream, realm, events).await;
            }
        }
        for done in waiting {
            // Who went away is not missed.
            drop(done.send(outcome.clone()));
        }
    }

    async fn insert_realm(
        &mut self,
        db: &Db,
        stream: Stream,
        realm: RealmId,
        events: Vec<Sealed>,
    ) -> Result<(), Fault> {
        let first = self.last;
        let facts: Vec<Fact> = events
            .into_iter()
            .zip(first + 1..)
            .map(|(sealed, n)| Fact { realm, n, sealed })
            .collect();
        self.last = facts.last().map_or(first, |fact| fact.n);
        // Owed before the first await: a caller that goes away in the middle leaves the debt behind, not a doubt.
        self.owed.push((realm, facts));
        let paid = self.pay(db, stream).await;
        if matches!(&paid, Err(fault) if !matches!(fault, Fault::OutcomeUnknown)) {
            // Surely not stored: the numbers are free again.
            self.owed.pop();
            self.last = first;
        }
        paid
    }

    async fn pay(&mut self, db: &Db, stream: Stream) -> Result<(), Fault> {
        while let Some((realm, facts)) = self.owed.first() {
            let batch = Batch { engine: db.engine(), stream, facts: facts.clone() };
            let inserting = db.write(*realm, batch, |tx, batch| Box::pin(insert(tx, batch)));
            let (_, differing): (u64, Vec<u64>) = inserting.await?;
            self.owed.remove(0);
            if !differing.is_empty() {
                return Err(Fault::bug(format_args!(
                    "the ledger has something else as {differing:?}"
                )));
            }
        }
        Ok(())
    }
}
