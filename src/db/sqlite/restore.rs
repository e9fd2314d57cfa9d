//! A backup in the place of a database: nobody else has it open, what comes is looked at first, and what was there is kept.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::super::Engine;
use super::super::fault::from_sqlite;
use super::super::migrate::{self, Recorded};
use super::super::migrations::MIGRATIONS;
use super::Link;
use crate::kernel::Fault;

/// A database file that no other program has open, for as long as this lives; or that there is none.
#[derive(Debug)]
pub struct Alone {
    path: PathBuf,
    /// Holds SQLite's exclusive lock. Nothing for a file that is not there, or that is no database: nobody serves from it.
    _held: Option<Connection>,
}

impl Alone {
    /// Takes the file for this program alone, its log written into it. Blocks for some seconds where another is just ending.
    /// Refused (`Fault::Away`) while another program has it open.
    pub fn take(path: &Path) -> Result<Self, Fault> {
        let held = if path.exists() { hold(path)? } else { None };
        Ok(Self { path: path.to_owned(), _held: held })
    }

    /// Puts this file in its place, and keeps what was there under the name `aside`. Either the old file is there afterwards,
    /// or the whole new one.
    pub fn replace_by(self, staged: &Path, aside: &Path) -> Result<(), Fault> {
        File::open(staged).and_then(|file| file.sync_all()).map_err(away)?;
        if self.path.exists() {
            std::fs::hard_link(&self.path, aside).map_err(away)?;
        }
        // Where the old one could be read they are gone; of one that could not, they belong to it, and not to the new one.
        for ending in ["-wal", "-shm"] {
            match std::fs::rename(with(&self.path, ending), with(aside, ending)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(away(error)),
                _ => {}
            }
        }
        std::fs::rename(staged, &self.path).map_err(away)?;
        discard_logs(staged);
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new("."));
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(away)
    }
}

/// In the mode that SQLite is served from, every program that has the file open holds a lock on it: leaving that mode needs it
/// alone, and writes the log into the file.
fn hold(path: &Path) -> Result<Option<Connection>, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let opened = Connection::open_with_flags(path, flags);
    let connection = opened.map_err(|error| from_sqlite(&error).fault)?;
    let waited = connection.execute_batch(WAIT);
    let left = waited.and_then(|()| connection.query_row(LEAVE, [], |row| row.get::<_, String>(0)));
    let busy =
        || Fault::away("database file", format!("`{}` is open in another program", path.display()));
    match left.and_then(|mode| connection.execute_batch(HOLD).map(|()| mode)) {
        Ok(mode) if mode == "delete" => Ok(Some(connection)),
        Ok(_) => Err(busy()),
        Err(rusqlite::Error::SqliteFailure(code, _))
            if matches!(code.code, ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) =>
        {
            Err(busy())
        }
        Err(rusqlite::Error::SqliteFailure(code, _))
            if matches!(code.code, ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) =>
        {
            Ok(None)
        }
        Err(error) => Err(from_sqlite(&error).fault),
    }
}

/// Copies a backup to a file of its own beside `target`, for its owner alone, and looks at it: whole, and of a schema that this
/// program can live with. Fails (`Fault::Malformed`) with what it is not.
pub(in crate::db) fn stage(backup: &Path, target: &Path) -> Result<PathBuf, Fault> {
    let staged = with(target, ".restoring");
    discard(&staged);
    let copied = copy(backup, &staged).map_err(away).and_then(|()| check(&staged));
    match copied {
        Ok(()) => Ok(staged),
        Err(fault) => {
            discard(&staged);
            Err(fault)
        }
    }
}

/// Removes what `stage` made.
pub(in crate::db) fn discard(staged: &Path) {
    // What stays is in nobody's way: the next one begins with this.
    let _gone = std::fs::remove_file(staged);
    discard_logs(staged);
}

fn discard_logs(staged: &Path) {
    for ending in ["-wal", "-shm"] {
        let _gone = std::fs::remove_file(with(staged, ending));
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut copy = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut source, &mut copy)?;
    copy.sync_all()
}

fn check(staged: &Path) -> Result<(), Fault> {
    let no_backup = |words: String| Fault::malformed("backup", words);
    let connection = Connection::open_with_flags(staged, OpenFlags::SQLITE_OPEN_READ_WRITE);
    let connection = connection.map_err(|error| from_sqlite(&error).fault)?;
    let one = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0));
    let whole = one(WHOLE).map_err(|error| no_backup(error.to_string()))?;
    if whole != "ok" {
        return Err(no_backup(format!("it is damaged: {whole}")));
    }
    if one(OURS).is_err() {
        return Err(no_backup("it is an SQLite database, and none of Weft's".to_owned()));
    }
    let mut link = Link::new(connection).map_err(|met| met.fault)?;
    let rows = link.rows_bare(migrate::DONE).map_err(|met| met.fault)?;
    let recorded: Vec<Recorded> = rows.iter().map(Recorded::from_row).collect::<Result<_, _>>()?;
    if recorded.is_empty() {
        return Err(no_backup("it is empty".to_owned()));
    }
    migrate::pending(MIGRATIONS, &recorded, Engine::Sqlite).map(drop)
}

fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn away(error: io::Error) -> Fault {
    Fault::away("database file", error)
}

const WAIT: &str = "PRAGMA busy_timeout = 4000";
const LEAVE: &str = "PRAGMA journal_mode = DELETE";
const HOLD: &str = "BEGIN EXCLUSIVE";
const WHOLE: &str = "PRAGMA integrity_check(1)";
const OURS: &str = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'migration'";
