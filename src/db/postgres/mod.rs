//! PostgreSQL, through sqlx: a small pool for reads and writes, a connection of its own for each realm's changes, one to
//! send notices, one to hear them, one to look at the heads each second.
//!
//! READ COMMITTED, because above it every two overlapping changes abort on the head row. A rule that reads before it
//! writes says so in its statement, or locks first.

mod change;
mod fate;
mod link;
mod notify;
mod open;
mod pool;
mod write;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub(super) use link::Link;

use super::heads::Heads;
use super::job::Job;
use crate::env::{Clock, Entropy};
use crate::kernel::{Fault, RealmId};
use notify::Notices;
use pool::Pool;

/// After so long without a connection or an answer to a write's statement, the database counts as away.
const AWAY_AFTER: Duration = Duration::from_secs(2);
/// A read may bring a whole realm into memory, so one statement of it may take longer.
const READ_WITHIN: Duration = Duration::from_secs(10);
/// A body that takes longer than this awaits something else than its transaction.
const BODY_WITHIN: Duration = Duration::from_secs(20);
/// Changes of one realm that may wait before callers wait for room.
const WAITING_MAX: usize = 1024;

/// The connections and tasks. Dropping it ends the tasks once what waits is done.
#[derive(Debug)]
pub(super) struct Postgres {
    shared: Arc<Shared>,
    /// A queue for each realm that was changed through this replica; its task ends with it.
    changes: Mutex<HashMap<RealmId, mpsc::Sender<Box<dyn Job>>>>,
    tasks: TaskTracker,
    _stop: DropGuard,
}

/// What all tasks share.
#[derive(Debug)]
struct Shared {
    pool: Pool,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    heads: Arc<Heads>,
    notices: Notices,
}

impl Postgres {
    /// Connects, brings the schema up to date, and starts to listen.
    pub(super) async fn open(
        url: &str,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        heads: Arc<Heads>,
    ) -> Result<Self, Fault> {
        let pool = open::pool(url, clock.now(), &heads).await.map_err(|met| met.fault)?;
        heads.seen(clock.now());
        let notices = Notices::default();
        let shared = Arc::new(Shared { pool, clock, entropy, heads, notices });
        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();
        let run = |task| stop.clone().run_until_cancelled_owned(task);
        tasks.spawn(run(notify::send(Arc::clone(&shared))));
        tasks.spawn(stop.clone().run_until_cancelled_owned(notify::listen(Arc::clone(&shared))));
        tasks.spawn(stop.clone().run_until_cancelled_owned(notify::poll(Arc::clone(&shared))));
        let changes = Mutex::new(HashMap::new());
        Ok(Self { shared, changes, tasks, _stop: stop.drop_guard() })
    }

    /// Runs a body in a write transaction, in a task of its own.
    pub(super) fn write(&self, job: Box<dyn Job>) {
        self.tasks.spawn(write::write(Arc::clone(&self.shared), job));
    }

    /// Runs a body on a snapshot, in a task of its own.
    pub(super) fn read(&self, job: Box<dyn Job>) {
        self.tasks.spawn(write::read(Arc::clone(&self.shared), job));
    }

    /// Hands a body to the changes of its realm.
    pub(super) async fn change(&self, job: Box<dyn Job>) -> Result<(), Fault> {
        let queue = self.queue(job.order().realm);
        queue.send(job).await.map_err(|_| Fault::away("database", "its task has ended"))
    }

    fn queue(&self, realm: RealmId) -> mpsc::Sender<Box<dyn Job>> {
        let mut queues = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queues.entry(realm).or_insert_with(|| {
            let (queue, inbox) = mpsc::channel(WAITING_MAX);
            self.tasks.spawn(change::run(Arc::clone(&self.shared), realm, inbox));
            queue
        });
        queue.clone()
    }
}
