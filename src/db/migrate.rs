//! Brings a schema up to date: each migration in a transaction of its own, recorded with the digest of its text and the
//! level of the oldest binary that can live with it.
//!
//! The level of a binary is the number of the last migration it knows. A database that went past this binary is refused,
//! unless every further migration says that this binary can live with it (expand and contract, one release apart).

use std::fmt::Write;

use super::{Engine, Row};
use crate::crypto::digest::sha256;
use crate::kernel::Fault;

/// One step of the schema, in both dialects.
#[derive(Debug, Clone, Copy)]
pub(super) struct Migration {
    /// Counted from 1 without gaps.
    pub(super) number: i64,
    /// The file's name without its ending.
    pub(super) name: &'static str,
    /// The level of the oldest binary that can live with it.
    pub(super) oldest: i64,
    /// Its text for SQLite.
    pub(super) sqlite: &'static str,
    /// Its text for PostgreSQL.
    pub(super) postgres: &'static str,
}

/// A migration as the database recorded it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recorded {
    number: i64,
    name: String,
    digest: String,
    oldest: i64,
}

impl Migration {
    /// Its text for this engine.
    pub(super) const fn text(&self, engine: Engine) -> &'static str {
        match engine {
            Engine::Sqlite => self.sqlite,
            Engine::Postgres => self.postgres,
        }
    }

    /// The SHA-256 of its text for this engine, in hexadecimal.
    pub(super) fn digest(&self, engine: Engine) -> String {
        sha256(self.text(engine).as_bytes()).iter().fold(String::new(), |mut text, byte| {
            // Writing to a `String` cannot fail.
            let _infallible = write!(text, "{byte:02x}");
            text
        })
    }
}

impl Recorded {
    /// From a row of `migration`.
    pub(super) fn from_row(row: &Row) -> Result<Self, Fault> {
        Ok(Self {
            number: row.int("number")?,
            name: row.text("name")?,
            digest: row.text("digest")?,
            oldest: row.int("oldest")?,
        })
    }
}

/// The migrations still to run, or why this binary must leave the database alone.
pub(super) fn pending<'m>(
    known: &'m [Migration],
    recorded: &[Recorded],
    engine: Engine,
) -> Result<&'m [Migration], Fault> {
    let level = known.last().map_or(0, |last| last.number);
    for done in recorded {
        match known.iter().find(|migration| migration.number == done.number) {
            Some(ours) if ours.digest(engine) == done.digest => {}
            Some(ours) => {
                let text = format!(
                    "migration {} was run as `{}` with another text than this program's `{}`",
                    done.number, done.name, ours.name
                );
                return Err(Fault::malformed("database schema", text));
            }
            None if done.oldest <= level => {}
            None => {
                let text = format!(
                    "it is newer than this program: migration {} `{}` needs a program of schema level {}, this one has {level}; \
                     install the newer program or restore a backup",
                    done.number, done.name, done.oldest
                );
                return Err(Fault::malformed("database schema", text));
            }
        }
    }
    let done = known.iter().filter(|ours| recorded.iter().any(|done| done.number == ours.number));
    Ok(known.split_at_checked(done.count()).map_or(known, |(_, rest)| rest))
}

/// The table of what was run; its own first step, so that it needs no migration.
pub(super) const TABLE_SQLITE: &str = "CREATE TABLE IF NOT EXISTS migration (\
    number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL, \
    oldest INTEGER NOT NULL, at INTEGER NOT NULL) STRICT";
/// The same for PostgreSQL.
pub(super) const TABLE_POSTGRES: &str = "CREATE TABLE IF NOT EXISTS migration (\
    number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL, \
    oldest BIGINT NOT NULL, at BIGINT NOT NULL)";
/// What was run.
pub(super) const DONE: &str = "SELECT number, name, digest, oldest FROM migration ORDER BY number";
/// Records one; the first parameter is bound like a realm and is the number.
pub(super) const RECORD: &str =
    "INSERT INTO migration (number, name, digest, oldest, at) VALUES ($1, $2, $3, $4, $5)";

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Migration =
        Migration { number: 1, name: "0001_a", oldest: 1, sqlite: "a", postgres: "b" };
    const TWO: Migration =
        Migration { number: 2, name: "0002_b", oldest: 1, sqlite: "c", postgres: "d" };

    fn recorded(number: i64, digest: String, oldest: i64) -> Recorded {
        Recorded { number, name: format!("{number:04}"), digest, oldest }
    }

    #[test]
    fn only_what_was_not_run_yet_is_pending() {
        let done = [recorded(1, ONE.digest(Engine::Sqlite), 1)];
        let numbers = |done: &[Recorded]| -> Vec<i64> {
            pending(&[ONE, TWO], done, Engine::Sqlite).unwrap().iter().map(|m| m.number).collect()
        };
        assert_eq!(numbers(&[]), [1, 2]);
        assert_eq!(numbers(&done), [2]);
    }

    #[test]
    fn a_migration_run_with_another_text_is_refused() {
        let done = [recorded(1, ONE.digest(Engine::Postgres), 1)];
        assert!(pending(&[ONE], &done, Engine::Sqlite).is_err());
    }

    #[test]
    fn a_database_newer_than_the_program_is_refused_unless_it_says_that_both_can_live() {
        let first = recorded(1, ONE.digest(Engine::Sqlite), 1);
        let expand = recorded(2, String::from("x"), 1);
        let contract = recorded(3, String::from("y"), 2);
        assert!(pending(&[ONE], &[first.clone(), expand.clone()], Engine::Sqlite).is_ok());
        let refused = pending(&[ONE], &[first, expand, contract], Engine::Sqlite).unwrap_err();
        assert!(refused.to_string().contains("newer than this program"), "{refused}");
    }
}
