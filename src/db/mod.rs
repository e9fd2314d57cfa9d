//! The database shell: SQLite through rusqlite, PostgreSQL through sqlx; nobody above sees either.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::env::{Clock, Entropy};
use crate::kernel::{Fault, Granted, RealmId};

mod value;

pub use value::{Row, Value};

/// Which database stands behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// SQLite in a file of this machine: one replica.
    Sqlite,
    /// PostgreSQL: any number of replicas.
    Postgres,
}

/// A place in a realm's change log. A restored database is a new history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor {
    /// The number of the history: rises with every restore.
    pub history: i64,
    /// The number of the last change in it.
    pub seq: i64,
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
    engine: Engine,
    _inner: Arc<()>,
}

/// A transaction or snapshot. Parameters are counted from `$2`: `db` binds the realm as `$1`.
#[derive(Debug)]
pub struct Tx {
    realm: RealmId,
}

impl Db {
    /// Opens the database that `url` names (`sqlite:<path>` or `postgres://…`) and brings its schema up to date.
    pub async fn open(
        _url: &str,
        _clock: Arc<dyn Clock>,
        _entropy: Arc<dyn Entropy>,
    ) -> Result<Self, Fault> {
        todo!()
    }

    /// Which engine this is.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Runs `body` in a write transaction; the answer leaves after the COMMIT. `body` may run again.
    pub async fn write<I, T, E, F>(&self, _realm: RealmId, _input: I, _body: F) -> Result<T, E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
        F: for<'t> Fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
    {
        todo!()
    }

    /// Like `write`, for writes that indexes follow: `Tx::changed` numbers them in the realm's change log. Refused with
    /// `Fault::RightsChanged` when the rights that `granted` saw are no longer the newest. After the COMMIT it waits at
    /// most a second for this replica's indexes.
    pub async fn change<I, T, E, F>(
        &self,
        _realm: RealmId,
        _granted: Granted,
        _input: I,
        _body: F,
    ) -> Result<T, E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
        F: for<'t> Fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
    {
        todo!()
    }

    /// Runs `body` on one read-only snapshot.
    pub async fn read<I, T, E, F>(&self, _realm: RealmId, _input: I, _body: F) -> Result<T, E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
        F: for<'t> Fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
    {
        todo!()
    }

    /// The newest head of the realm's change log this replica has heard of (own commits at once, other replicas' by
    /// NOTIFY, and at the latest by the poll each second). A follower waits on it.
    pub fn heard(&self, _realm: RealmId) -> watch::Receiver<Cursor> {
        todo!()
    }

    /// The follower says that this replica's indexes hold everything up to `cursor`; wakes the `change` calls that wait.
    pub fn applied(&self, _realm: RealmId, _cursor: Cursor) {
        todo!()
    }
}

impl Tx {
    /// The realm bound as `$1`.
    pub fn realm(&self) -> RealmId {
        self.realm
    }

    /// Runs a statement; gives the number of rows it touched.
    pub async fn execute(
        &mut self,
        _sql: &'static str,
        _params: &[Value<'_>],
    ) -> Result<u64, Fault> {
        todo!()
    }

    /// The first row, if any.
    pub async fn row(
        &mut self,
        _sql: &'static str,
        _params: &[Value<'_>],
    ) -> Result<Option<Row>, Fault> {
        todo!()
    }

    /// All rows.
    pub async fn rows(
        &mut self,
        _sql: &'static str,
        _params: &[Value<'_>],
    ) -> Result<Vec<Row>, Fault> {
        todo!()
    }

    /// Numbers a change of `kind` and `key` in the realm's change log, with its sealed event. Only inside `Db::change`.
    pub fn changed(&mut self, _kind: &'static str, _key: &str, _event: &[u8]) -> Result<(), Fault> {
        todo!()
    }

    /// Says that this change concerns rights: the group ends after it, and permits that are older are refused.
    pub fn rights_changed(&mut self) -> Result<(), Fault> {
        todo!()
    }

    /// The head of the realm's change log in this snapshot.
    pub async fn head(&mut self) -> Result<Cursor, Fault> {
        todo!()
    }

    /// The changes after `cursor`, oldest first, at most `limit`; `None` when the history is another or they are gone:
    /// take everything anew.
    pub async fn changes_after(
        &mut self,
        _cursor: Cursor,
        _limit: usize,
    ) -> Result<Option<Vec<Change>>, Fault> {
        todo!()
    }
}
