//! What the engines answer, as faults: constraint, absence, full disk, read-only medium; and what may be run again.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::ErrorCode;
use rusqlite::ffi;

use crate::kernel::Fault;

/// A fault, with what follows from it for the transaction it ended.
#[derive(Debug, Clone)]
pub(super) struct Met {
    /// What the body is told.
    pub(super) fault: Fault,
    /// True if the same body may be run again: two transactions met, and neither is wrong.
    pub(super) again: bool,
    /// True if the connection is of no more use.
    pub(super) lost: bool,
}

impl From<Fault> for Met {
    fn from(fault: Fault) -> Self {
        Self { fault, again: false, lost: false }
    }
}

/// True if `fault` is that another row holds this unique key already; `key` is written `table(column, column)`.
pub fn unique(fault: &Fault, key: &str) -> bool {
    matches!(fault, Fault::Unique { key: violated } if **violated == *key)
}

/// What SQLite answered.
pub(super) fn from_sqlite(error: &rusqlite::Error) -> Met {
    let rusqlite::Error::SqliteFailure(code, text) = error else {
        return Fault::bug(error).into();
    };
    let text = text.as_deref().unwrap_or_default();
    match (code.code, code.extended_code) {
        (
            _,
            ffi::SQLITE_CONSTRAINT_UNIQUE
            | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            | ffi::SQLITE_CONSTRAINT_ROWID,
        ) => Fault::Unique { key: sqlite_key(text) }.into(),
        (_, ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => {
            Fault::Reference { key: Arc::from("foreign key") }.into()
        }
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => {
            Met { fault: Fault::away("database", error), again: true, lost: false }
        }
        (ErrorCode::DiskFull, _) => Fault::Full { what: "database" }.into(),
        (ErrorCode::ReadOnly, _) => Fault::ReadOnly { what: "database" }.into(),
        (ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::PermissionDenied, _) => {
            Fault::away("database", error).into()
        }
        (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) => {
            Fault::malformed("database", error).into()
        }
        _ => Fault::bug(error).into(),
    }
}

/// What PostgreSQL answered, or that it did not. `keys` names the columns of each unique key.
pub(super) fn from_postgres(error: &sqlx::Error, keys: &HashMap<String, String>) -> Met {
    let sqlx::Error::Database(answer) = error else {
        return match error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => lost(error),
            _ => Met { fault: Fault::bug(error), again: false, lost: true },
        };
    };
    let constraint = answer.constraint().unwrap_or("unnamed");
    let code = answer.code().unwrap_or_default();
    match code.as_ref() {
        "40001" | "40P01" | "55P03" => {
            Met { fault: Fault::away("database", error), again: true, lost: false }
        }
        "23505" => {
            let key = keys.get(constraint).map_or(constraint, String::as_str);
            Fault::Unique { key: Arc::from(key) }.into()
        }
        "23503" => Fault::Reference { key: Arc::from(constraint) }.into(),
        "53100" => Fault::Full { what: "database" }.into(),
        "25006" => Fault::ReadOnly { what: "database" }.into(),
        // Connection exceptions, an operator's stop, too many connections, an input or output error.
        code if code.starts_with("08")
            || code.starts_with("57P")
            || code.starts_with("53")
            || code.starts_with("58") =>
        {
            lost(error)
        }
        // The server knows no such database, user or password: nothing is wrong with the statement.
        "3D000" | "28000" | "28P01" => lost(error),
        _ => Fault::bug(error).into(),
    }
}

/// The connection is of no more use.
pub(super) fn lost(cause: impl std::fmt::Display) -> Met {
    Met { fault: Fault::away("database", cause), again: false, lost: true }
}

/// `UNIQUE constraint failed: account.realm, account.email` names a key as `account(realm, email)`.
fn sqlite_key(text: &str) -> Arc<str> {
    let Some((_, list)) = text.split_once("failed: ") else {
        return Arc::from(text);
    };
    let mut table = "";
    let mut columns = Vec::new();
    for item in list.split(", ") {
        let Some((of, column)) = item.split_once('.') else {
            return Arc::from(list);
        };
        table = of;
        columns.push(column);
    }
    Arc::from(format!("{table}({})", columns.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unique_key_is_written_as_table_and_columns() {
        let key = |text| sqlite_key(text).to_string();
        assert_eq!(key("UNIQUE constraint failed: entry.realm, entry.id"), "entry(realm, id)");
        assert_eq!(key("UNIQUE constraint failed: index 'lower_name'"), "index 'lower_name'");
        assert!(unique(&Fault::Unique { key: Arc::from("entry(realm, id)") }, "entry(realm, id)"));
    }
}
