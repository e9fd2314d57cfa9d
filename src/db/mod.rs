//! The database shell: SQLite through rusqlite, PostgreSQL through sqlx; nobody above sees either.
//!
//! Owns: connections, transactions and their grouping, retries, the change log and its heads, migrations, the mapping of
//! what an engine answers to a `Fault`. Does not own: any slice's statement or table.
//!
//! Invariants: `write` and `change` are the only ways to change a row. A body may run again, so it holds only statements
//! and pure code. An answer, error or value, leaves after the COMMIT it belongs to. After the first fault a transaction
//! takes no further statement. The numbers of a realm's changes have no gaps, and their order is the order of commits.
//! The waiting of this shell (polls, reconnects, bounds on an answer) is in real time, also in tests: the other end of the
//! wire does not live by our clock. Times in rows are the given clock's.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::env::{Clock, Entropy};
use crate::kernel::{Fault, Granted, Lifetime, RealmId, Timestamp};

mod count;
mod fault;
mod heads;
mod job;
mod log;
mod migrate;
mod migrations;
mod postgres;
mod sqlite;
mod text;
mod tx;
mod value;

#[cfg(test)]
mod tests;

pub use count::in_background;
pub use fault::unique;
pub use sqlite::Alone;
pub use tx::Tx;
pub use value::{Row, Value};

use count::{Counter, Counters};
use heads::Heads;
use job::{Body, Order};

/// Bodies in one group: enough to share the cost of a sync, few enough that the first need not wait long for the last.
const GROUP_BODIES_MAX: usize = 64;
/// A group takes no further body once it has worked so long: the wait that a body may add to another's.
const GROUP_TIME_MAX: Lifetime = Lifetime::millis(5);
/// How long a group waits for callers who came with the last one before it begins: a commit is some 200 µs of CPU, and two
/// milliseconds are no more than a way through a network.
const GROUP_PATIENCE: Lifetime = Lifetime::millis(2);
/// Runs of one body at most, when transactions that met each other had to be given up.
const RUNS_MAX: usize = 5;

/// Which database stands behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// SQLite in a file of this machine: one replica.
    Sqlite,
    /// PostgreSQL: any number of replicas.
    Postgres,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// A place in a realm's change log. A restored database is a new history; the numbers go on from where they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor {
    /// The number of the history: rises with every restore.
    pub history: i64,
    /// The number of the last change in it.
    pub seq: i64,
}

impl Cursor {
    /// Before the first change of the first history.
    pub const START: Self = Self { history: 1, seq: 0 };
}

/// One numbered change: what changed, not the new state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its number.
    pub seq: i64,
    /// What sort of thing changed: `entry`, `agent`, `authority`.
    pub kind: String,
    /// Which one.
    pub key: String,
}

/// The database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Db {
    inner: Arc<Inner>,
    counter: Counter,
    /// Nobody gave it a label.
    plain: bool,
}

#[derive(Debug)]
struct Inner {
    shell: Shell,
    heads: Arc<Heads>,
    counters: Counters,
}

#[derive(Debug)]
enum Shell {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

impl Db {
    /// Opens the database that `url` names (`sqlite:<path>` or `postgres://…`) and brings its schema up to date. Refused
    /// (`Fault::Malformed`) when the schema is newer than this program can live with.
    pub async fn open(
        url: &str,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, Fault> {
        let heads = Arc::new(Heads::default());
        let shell = match url.split_once(':') {
            Some(("sqlite", path)) => {
                let path = PathBuf::from(path);
                Shell::Sqlite(sqlite::Sqlite::open(path, clock, Arc::clone(&heads)).await?)
            }
            Some(("postgres" | "postgresql", _)) => {
                let opening = postgres::Postgres::open(url, clock, entropy, Arc::clone(&heads));
                Shell::Postgres(opening.await?)
            }
            _ => {
                let form = "write `sqlite:<path>` or `postgres://<user>@<host>/<database>`";
                return Err(Fault::malformed("database address", form));
            }
        };
        let counters = Counters::default();
        let counter = counters.of(count::REQUEST);
        Ok(Self { inner: Arc::new(Inner { shell, heads, counters }), counter, plain: true })
    }

    /// Which engine this is.
    pub fn engine(&self) -> Engine {
        match self.inner.shell {
            Shell::Sqlite(_) => Engine::Sqlite,
            Shell::Postgres(_) => Engine::Postgres,
        }
    }

    /// The same database, its statements counted under this label: for background work, so that what requests ask can be
    /// told from it. A handle starts with the label `request`, or `background` inside [`in_background`].
    #[must_use]
    pub fn labelled(&self, label: &'static str) -> Self {
        let counter = self.inner.counters.of(label);
        Self { inner: Arc::clone(&self.inner), counter, plain: false }
    }

    fn counter(&self) -> Counter {
        if self.plain && count::is_background() {
            self.inner.counters.of(count::BACKGROUND)
        } else {
            self.counter.clone()
        }
    }

    /// How many statements came through handles of each label, the beginnings of transactions included.
    pub fn statements(&self) -> BTreeMap<&'static str, u64> {
        self.inner.counters.counts()
    }

    /// How many of these were beginnings of transactions and snapshots.
    pub fn beginnings(&self) -> BTreeMap<&'static str, u64> {
        self.inner.counters.beginnings()
    }

    /// Runs `body` in a write transaction; the answer leaves after the COMMIT. `body` may run again.
    pub async fn write<I, T, E, F>(&self, realm: RealmId, input: I, body: F) -> Result<T, E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
        F: for<'t> Fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
    {
        let order = Order { realm, granted: None, counter: self.counter() };
        let (job, answer) = Body::boxed(order, input, body);
        match &self.inner.shell {
            Shell::Sqlite(sqlite) => sqlite.write(job).await?,
            Shell::Postgres(postgres) => postgres.write(job),
        }
        answer.await.map_or(Err(E::from(Fault::OutcomeUnknown)), |(result, _)| result)
    }

    /// Like `write`, for writes that indexes follow: `Tx::changed` numbers them in the realm's change log. Refused with
    /// `Fault::RightsChanged` when the rights that `granted` saw are no longer the newest. After the COMMIT it waits at
    /// most a second for this replica's indexes.
    pub async fn change<I, T, E, F>(
        &self,
        realm: RealmId,
        granted: Granted,
        input: I,
        body: F,
    ) -> Result<T, E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
        F: for<'t> Fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
    {
        let order = Order { realm, granted: Some(granted), counter: self.counter() };
        let (job, answer) = Body::boxed(order, input, body);
        match &self.inner.shell {
            Shell::Sqlite(sqlite) => sqlite.write(job).await?,
            Shell::Postgres(postgres) => postgres.change(job).await?,
        }
        let (result, cursor) = answer.await.map_err(|_| Fault::OutcomeUnknown)?;
        if let Some(cursor) = cursor {
            self.inner.heads.until_applied(realm, cursor).await;
        }
        result
    }

    /// Runs `body` on one read-only snapshot.
    pub async fn read<I, T, E, F>(&self, realm: RealmId, input: I, body: F) -> Result<T, E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
        F: for<'t> Fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
    {
        let order = Order { realm, granted: None, counter: self.counter() };
        let (job, answer) = Body::boxed(order, input, body);
        match &self.inner.shell {
            Shell::Sqlite(sqlite) => sqlite.read(job).await?,
            Shell::Postgres(postgres) => postgres.read(job),
        }
        let ended = |_| Fault::away("database", "its task has ended");
        answer.await.map_err(ended)?.0
    }

    /// The newest head of the realm's change log this replica has heard of (own commits at once, other replicas' by
    /// NOTIFY, and at the latest by the poll each second). A follower waits on it. A head below one seen before is a
    /// restored database: take everything anew.
    pub fn heard(&self, realm: RealmId) -> watch::Receiver<Cursor> {
        self.inner.heads.watch(realm)
    }

    /// The follower says that this replica's indexes hold everything up to `cursor`; wakes the `change` calls that wait.
    pub fn applied(&self, realm: RealmId, cursor: Cursor) {
        self.inner.heads.applied(realm, cursor);
    }

    /// When this replica last saw the heads in the database: now for SQLite, within a second or two for a PostgreSQL that
    /// answers.
    pub fn last_seen(&self) -> Timestamp {
        match &self.inner.shell {
            Shell::Sqlite(sqlite) => sqlite.now(),
            Shell::Postgres(_) => self.inner.heads.last_seen(),
        }
    }

    /// Begins a new history in the realm's change log: for a restored database, before anybody is served from it. Every
    /// follower takes everything anew, and no older permit is valid.
    pub async fn new_history(&self, realm: RealmId) -> Result<Cursor, Fault> {
        let cursor = self.write(realm, (), |tx, ()| Box::pin(log::new_history(tx))).await?;
        self.inner.heads.hear(realm, cursor);
        Ok(cursor)
    }

    /// Forgets the realm's changes made before this time; gives their number. Followers further behind take everything
    /// anew.
    pub async fn forget_changes_before(
        &self,
        realm: RealmId,
        time: Timestamp,
    ) -> Result<u64, Fault> {
        let mut forgotten = 0_u64;
        loop {
            let some = self.write(realm, time, |tx, time| Box::pin(log::forget(tx, *time))).await?;
            forgotten = forgotten.saturating_add(some);
            if some == 0 {
                return Ok(forgotten);
            }
        }
    }

    /// Leaves no erased byte behind in a log of the engine's own: on SQLite the write-ahead log is copied and emptied.
    /// PostgreSQL recycles its own; there it does nothing.
    pub async fn truncate_log(&self) -> Result<(), Fault> {
        match &self.inner.shell {
            Shell::Sqlite(sqlite) => sqlite.truncate_log().await,
            Shell::Postgres(_) => Ok(()),
        }
    }

    /// For tests: makes SQLite's medium one that can only be read, or ends that. PostgreSQL is told so itself.
    #[cfg(feature = "testkit")]
    pub async fn read_only(&self, on: bool) -> Result<(), Fault> {
        match &self.inner.shell {
            Shell::Sqlite(sqlite) => sqlite.read_only(on).await,
            Shell::Postgres(_) => Err(Fault::bug("PostgreSQL is told by a statement of its own")),
        }
    }

    /// Copies one snapshot of a SQLite database into a new file, for its owner alone, while everything goes on. Refused where
    /// a file is there. PostgreSQL is refused: it has `pg_dump`.
    pub async fn backup(&self, to: &Path) -> Result<(), Fault> {
        match &self.inner.shell {
            Shell::Sqlite(sqlite) => sqlite.backup(to.to_owned()).await,
            Shell::Postgres(_) => Err(Fault::bug("PostgreSQL is copied by pg_dump")),
        }
    }

    /// Copies a backup beside the SQLite database `target`, and looks whether it is one that this program can use. Gives
    /// where it lies: open it, begin a `new_history` for every realm, and let [`Alone`] put it in the database's place. Blocks.
    pub fn stage(backup: &Path, target: &Path) -> Result<PathBuf, Fault> {
        sqlite::stage(backup, target)
    }

    /// Removes what `stage` made.
    pub fn unstage(staged: &Path) {
        sqlite::discard(staged);
    }
}
