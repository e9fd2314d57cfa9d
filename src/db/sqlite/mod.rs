//! SQLite, through rusqlite: one writer thread that owns its connection and polls each body itself, and a few readers.
//!
//! A hand-over to another thread costs more than a statement, so a body crosses once, as a whole. Neither thread has an
//! async runtime: a body's statements are ready at once, and a body that waits for anything else is refused.

mod gate;
mod link;
mod reader;
mod restore;
mod writer;

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{mpsc, oneshot};

use gate::Gate;
pub(super) use link::Link;
pub use restore::Alone;
pub(super) use restore::{discard, stage};

use super::fault::{Met, from_sqlite};
use super::heads::Heads;
use super::job::Job;
use super::migrate::{self, Recorded};
use super::migrations::MIGRATIONS;
use super::tx::Head;
use super::{Engine, GROUP_PATIENCE, Value};
use crate::env::Clock;
use crate::kernel::{Fault, RealmId, Timestamp};

/// Bodies that may wait for the writer or a reader before callers wait for room.
const WAITING_MAX: usize = 1024;
/// Readers: each holds a connection with its cache; more than this gains nothing, because reads are in memory mostly.
const READERS: usize = 3;

/// The threads and the file behind them. Dropping it ends the threads once what waits is done.
#[derive(Debug)]
pub(super) struct Sqlite {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    writer: mpsc::Sender<writer::Message>,
    gate: Arc<Gate>,
    readers: mpsc::Sender<Box<dyn Job>>,
}

impl Sqlite {
    /// Opens or makes the file, brings its schema up to date, and starts the threads.
    pub(super) async fn open(
        path: PathBuf,
        clock: Arc<dyn Clock>,
        heads: Arc<Heads>,
    ) -> Result<Self, Fault> {
        let opening = tokio::task::spawn_blocking(move || Self::start(path, clock, heads));
        opening.await.map_err(|error| Fault::bug(error.to_string()))?
    }

    fn start(path: PathBuf, clock: Arc<dyn Clock>, heads: Arc<Heads>) -> Result<Self, Fault> {
        let mut link = open_writer(&path).map_err(|met| met.fault)?;
        bring_up(&mut link, clock.now()).map_err(|met| met.fault)?;
        hear_all(&mut link, &heads).map_err(|met| met.fault)?;
        link.batch(OPENED).map_err(|met| met.fault)?;
        let ours = Arc::clone(&clock);
        let (writer, inbox) = mpsc::channel(WAITING_MAX);
        let gate = Arc::new(Gate::new(GROUP_PATIENCE));
        let inbox = (inbox, Arc::clone(&gate));
        start_thread("weft-db-write", move || {
            writer::Writer::new(link, inbox, heads, clock).run();
        })?;
        let (readers, queue) = mpsc::channel(WAITING_MAX);
        let queue = reader::shared(queue);
        for _ in 0..READERS {
            let link = open_reader(&path).map_err(|met| met.fault)?;
            let queue = Arc::clone(&queue);
            start_thread("weft-db-read", move || reader::run(link, &queue))?;
        }
        Ok(Self { path, clock: ours, writer, gate, readers })
    }

    /// The time: the file is always in sight.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Hands a body to the writer.
    pub(super) async fn write(&self, job: Box<dyn Job>) -> Result<(), Fault> {
        self.writer.send(writer::Message::Run(job)).await.map_err(|_| ended())?;
        self.gate.came(self.writer.max_capacity() - self.writer.capacity());
        Ok(())
    }

    /// Hands a body to a reader.
    pub(super) async fn read(&self, job: Box<dyn Job>) -> Result<(), Fault> {
        self.readers.send(job).await.map_err(|_| ended())
    }

    /// Copies the write-ahead log into the file and empties it, so that no erased byte is left in it.
    pub(super) async fn truncate_log(&self) -> Result<(), Fault> {
        let (done, answer) = oneshot::channel();
        self.writer.send(writer::Message::Truncate(done)).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }

    /// Makes the medium one that can only be read, or ends that.
    #[cfg(feature = "testkit")]
    pub(super) async fn read_only(&self, on: bool) -> Result<(), Fault> {
        let (done, answer) = oneshot::channel();
        self.writer.send(writer::Message::ReadOnly(on, done)).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }

    /// Copies one snapshot of the database into a new file, while everything goes on.
    pub(super) async fn backup(&self, to: PathBuf) -> Result<(), Fault> {
        let from = self.path.clone();
        let copying = tokio::task::spawn_blocking(move || copy(&from, &to));
        copying.await.map_err(|error| Fault::bug(error.to_string()))?
    }
}

fn ended() -> Fault {
    Fault::away("database", "its thread has ended")
}

fn start_thread(name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), Fault> {
    let started = thread::Builder::new().name(name.to_owned()).spawn(body);
    started.map(drop).map_err(|error| Fault::away("thread", error))
}

/// The writer's connection. The file is made for its owner only; SQLite gives its log the same rights.
fn open_writer(path: &Path) -> Result<Link, Met> {
    let made = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    // A medium that can only be read is met again below, with its own fault.
    drop(made);
    let connection = Connection::open(path).map_err(|error| from_sqlite(&error))?;
    let link = Link::new(connection)?;
    link.batch(WRITER)?;
    Ok(link)
}

fn open_reader(path: &Path) -> Result<Link, Met> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|error| from_sqlite(&error))?;
    let link = Link::new(connection)?;
    link.batch(READER)?;
    Ok(link)
}

fn bring_up(link: &mut Link, now: Timestamp) -> Result<(), Met> {
    loop {
        link.batch(BEGIN)?;
        let more = migrate_one(link, now);
        match more {
            Ok(_) => link.batch(COMMIT)?,
            Err(_) => link.rollback(),
        }
        if !more? {
            return Ok(());
        }
    }
}

/// Runs the next migration, if there is one.
fn migrate_one(link: &mut Link, now: Timestamp) -> Result<bool, Met> {
    link.batch(migrate::TABLE_SQLITE)?;
    let rows = link.rows_bare(migrate::DONE)?;
    let recorded: Vec<Recorded> = rows.iter().map(Recorded::from_row).collect::<Result<_, _>>()?;
    let next = migrate::pending(MIGRATIONS, &recorded, Engine::Sqlite)?.first();
    if let Some(migration) = next {
        link.batch(migration.sqlite)?;
        let digest = migration.digest(Engine::Sqlite);
        let values: [Value<'_>; 4] =
            [migration.name.into(), (&digest).into(), migration.oldest.into(), now.into()];
        link.execute(migrate::RECORD, RealmId(migration.number), &values)?;
    }
    Ok(next.is_some())
}

fn hear_all(link: &mut Link, heads: &Heads) -> Result<(), Met> {
    for row in link.rows_bare(ALL_HEADS)? {
        heads.hear(RealmId(row.int("realm")?), Head::from_row(&row)?.cursor());
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), Fault> {
    let met = |error: rusqlite::Error| from_sqlite(&error).fault;
    let source =
        Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(met)?;
    // Made before SQLite opens it, which would make it as the umask says; refused where something is there.
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    made.map_err(|error| Fault::away("backup", format!("`{}`: {error}", to.display())))?;
    let mut target = Connection::open(to).map_err(met)?;
    let backup = Backup::new(&source, &mut target).map_err(met)?;
    // All pages in one step: a snapshot, so that no write makes it begin again.
    match backup.step(-1).map_err(met)? {
        rusqlite::backup::StepResult::Done => Ok(()),
        other => Err(Fault::away("database", format!("the copy ended early: {other:?}"))),
    }
}

/// While it opens, another program of ours may be migrating the same file.
const WRITER: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
    PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;";
/// From then on, a group waits for others (a copy, a repair by hand) no longer than its callers would.
const OPENED: &str = "PRAGMA busy_timeout = 400";
const READER: &str =
    "PRAGMA busy_timeout = 1000; PRAGMA query_only = ON; PRAGMA temp_store = MEMORY;";
const BEGIN: &str = "BEGIN IMMEDIATE";
const COMMIT: &str = "COMMIT";
const ALL_HEADS: &str = "SELECT realm, history, seq, rights_seq FROM change_head";
