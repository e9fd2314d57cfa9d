//! A transaction or snapshot as a body sees it: statements, and the numbering of changes.
//!
//! After the first fault every further statement is refused with that fault, on both engines alike: PostgreSQL would
//! refuse them anyway, and a body that went on after a fault on SQLite would be right on one engine only.

use super::count::Counter;
use super::fault::Met;
use super::{Change, Cursor, Row, Value, postgres, sqlite};
use crate::kernel::{Fault, RealmId};

/// A transaction or snapshot. Parameters are counted from `$2`: `db` binds the realm as `$1`.
#[derive(Debug)]
pub struct Tx {
    pub(super) link: Link,
    run: Run,
}

/// The connection underneath.
#[derive(Debug)]
pub(super) enum Link {
    Sqlite(sqlite::Link),
    Postgres(Box<postgres::Link>),
}

/// What a body may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Read one snapshot.
    Read,
    /// Write what no index follows.
    Write,
    /// Write and number what changed.
    Change,
}

/// One run of one body.
#[derive(Debug)]
pub(super) struct Run {
    realm: RealmId,
    mode: Mode,
    counter: Counter,
    head: Option<Head>,
    met: Option<Met>,
    statements: u64,
    changes: Vec<NewChange>,
    rights: bool,
}

/// The end of a realm's change log, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) history: i64,
    pub(super) seq: i64,
    pub(super) rights_seq: i64,
}

/// A change that has no number yet.
#[derive(Debug)]
pub(super) struct NewChange {
    pub(super) kind: &'static str,
    pub(super) key: String,
    pub(super) event: Vec<u8>,
}

impl Head {
    /// Of a realm in which nothing was ever changed.
    pub(super) const START: Self = Self { history: 1, seq: 0, rights_seq: 0 };

    /// From a row of `change_head`.
    pub(super) fn from_row(row: &Row) -> Result<Self, Fault> {
        Ok(Self {
            history: row.int("history")?,
            seq: row.int("seq")?,
            rights_seq: row.int("rights_seq")?,
        })
    }

    /// Without the rights.
    pub(super) const fn cursor(self) -> Cursor {
        Cursor { history: self.history, seq: self.seq }
    }
}

impl Run {
    /// A run that has done nothing yet. `head` is the locked end of the log, for a change.
    pub(super) fn new(realm: RealmId, mode: Mode, counter: Counter, head: Option<Head>) -> Self {
        let changes = Vec::new();
        Self { realm, mode, counter, head, met: None, statements: 0, changes, rights: false }
    }
}

impl Tx {
    /// A transaction over this connection, for this run.
    pub(super) fn new(link: Link, run: Run) -> Self {
        Self { link, run }
    }

    /// The SQLite connection underneath: for its own threads, which make no other `Tx`.
    #[expect(clippy::unreachable, reason = "INVARIANT: called only by the threads of `sqlite`")]
    pub(super) fn sqlite(&mut self) -> &mut sqlite::Link {
        match &mut self.link {
            Link::Sqlite(link) => link,
            Link::Postgres(_) => {
                unreachable!("a thread of SQLite never has a PostgreSQL connection")
            }
        }
    }

    /// A transaction whose first run this is.
    pub(super) fn begin(link: Link, run: Run) -> Self {
        run.counter.begin();
        Self { link, run }
    }

    /// The PostgreSQL connection underneath, if it is one.
    pub(super) fn into_postgres(self) -> Option<Box<postgres::Link>> {
        match self.link {
            Link::Postgres(link) => Some(link),
            Link::Sqlite(_) => None,
        }
    }

    /// Begins the next run on the same connection; counts one statement for its beginning.
    pub(super) fn next_run(&mut self, run: Run) {
        run.counter.begin();
        self.run = run;
    }

    /// The first fault of this run.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.run.met.as_ref().map(|met| met.fault.clone())
    }

    /// The first fault of this run, with what follows from it.
    pub(super) fn met(&self) -> Option<&Met> {
        self.run.met.as_ref()
    }

    /// True once this run sent a statement.
    pub(super) fn touched(&self) -> bool {
        self.run.statements > 0
    }

    /// What the run changed, and whether it changed rights.
    pub(super) fn take_changes(&mut self) -> (Vec<NewChange>, bool) {
        (std::mem::take(&mut self.run.changes), self.run.rights)
    }

    /// The realm bound as `$1`.
    pub fn realm(&self) -> RealmId {
        self.run.realm
    }

    /// Runs a statement; gives the number of rows it touched.
    pub async fn execute(&mut self, sql: &'static str, params: &[Value<'_>]) -> Result<u64, Fault> {
        self.ready()?;
        let realm = self.run.realm;
        let answer = match &mut self.link {
            Link::Sqlite(link) => link.execute(sql, realm, params),
            Link::Postgres(link) => link.execute(sql, realm, params).await,
        };
        self.keep(answer)
    }

    /// The first row, if any.
    pub async fn row(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
    ) -> Result<Option<Row>, Fault> {
        self.ready()?;
        let realm = self.run.realm;
        let answer = match &mut self.link {
            Link::Sqlite(link) => link.row(sql, realm, params),
            Link::Postgres(link) => link.row(sql, realm, params).await,
        };
        self.keep(answer)
    }

    /// All rows.
    pub async fn rows(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
    ) -> Result<Vec<Row>, Fault> {
        self.ready()?;
        let realm = self.run.realm;
        let answer = match &mut self.link {
            Link::Sqlite(link) => link.rows(sql, realm, params),
            Link::Postgres(link) => link.rows(sql, realm, params).await,
        };
        self.keep(answer)
    }

    /// Has the engine read and plan a statement without running it: for the test that prepares all of them.
    pub async fn prepare(&mut self, sql: &'static str) -> Result<(), Fault> {
        self.ready()?;
        let answer = match &mut self.link {
            Link::Sqlite(link) => link.prepare(sql),
            Link::Postgres(link) => link.prepare(sql).await,
        };
        self.keep(answer)
    }

    /// Numbers a change of `kind` and `key` in the realm's change log, with its sealed event. Only inside `Db::change`.
    pub fn changed(&mut self, kind: &'static str, key: &str, event: &[u8]) -> Result<(), Fault> {
        self.only_in_change()?;
        self.run.changes.push(NewChange { kind, key: key.to_owned(), event: event.to_vec() });
        Ok(())
    }

    /// Says that this change concerns rights: the group ends after it, and permits that are older are refused. Without a
    /// numbered change it says nothing.
    pub fn rights_changed(&mut self) -> Result<(), Fault> {
        self.only_in_change()?;
        self.run.rights = true;
        Ok(())
    }

    /// The head of the realm's change log in this snapshot; inside `Db::change` the head before this change.
    pub async fn head(&mut self) -> Result<Cursor, Fault> {
        Ok(self.log_end().await?.cursor())
    }

    /// The number of the realm's last change of rights in this snapshot: what a permit notes, to be compared again before
    /// its write runs.
    pub async fn rights_seq(&mut self) -> Result<i64, Fault> {
        Ok(self.log_end().await?.rights_seq)
    }

    /// The changes after `cursor`, oldest first, at most `limit`; `None` when the history is another or they are gone:
    /// take everything anew.
    pub async fn changes_after(
        &mut self,
        cursor: Cursor,
        limit: usize,
    ) -> Result<Option<Vec<Change>>, Fault> {
        let head = self.log_end().await?;
        if head.history != cursor.history || head.seq < cursor.seq {
            return Ok(None);
        }
        if head.seq == cursor.seq {
            return Ok(Some(Vec::new()));
        }
        let limit = i64::try_from(limit.max(1)).unwrap_or(i64::MAX);
        let params = [cursor.history.into(), cursor.seq.into(), limit.into()];
        let rows = self.rows(CHANGES_AFTER, &params).await?;
        let changes: Vec<Change> = rows.iter().map(change).collect::<Result<_, _>>()?;
        let whole = changes.first().is_some_and(|first| first.seq == cursor.seq.saturating_add(1));
        Ok(whole.then_some(changes))
    }

    async fn log_end(&mut self) -> Result<Head, Fault> {
        if let Some(head) = self.run.head {
            return Ok(head);
        }
        let row = self.row(HEAD, &[]).await?;
        row.as_ref().map_or(Ok(Head::START), Head::from_row)
    }

    fn only_in_change(&mut self) -> Result<(), Fault> {
        if let Some(fault) = self.fault() {
            return Err(fault);
        }
        if self.run.mode == Mode::Change {
            return Ok(());
        }
        self.keep(Err(Met::from(Fault::bug("a change is numbered only inside `Db::change`"))))
    }

    fn ready(&mut self) -> Result<(), Fault> {
        if let Some(fault) = self.fault() {
            return Err(fault);
        }
        self.run.counter.one();
        self.run.statements = self.run.statements.saturating_add(1);
        Ok(())
    }

    fn keep<T>(&mut self, answer: Result<T, Met>) -> Result<T, Fault> {
        answer.map_err(|met| {
            let fault = met.fault.clone();
            self.run.met.get_or_insert(met);
            fault
        })
    }
}

fn change(row: &Row) -> Result<Change, Fault> {
    Ok(Change { seq: row.int("seq")?, kind: row.text("kind")?, key: row.text("key")? })
}

/// The end of a realm's log.
pub(super) const HEAD: &str = "SELECT history, seq, rights_seq FROM change_head WHERE realm = $1";

/// What a follower has yet to apply.
pub(super) const CHANGES_AFTER: &str = "SELECT seq, kind, key FROM change \
    WHERE realm = $1 AND history = $2 AND seq > $3 ORDER BY seq LIMIT $4";
