//! Sign-ins on their way in the database.

use crate::db::{Tx, Value};
use crate::jobs::REMOVED_AT_ONCE;
use crate::kernel::{Fault, SignInId, Timestamp};

/// A row of `sign_in`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) version: i64,
    pub(super) document: Vec<u8>,
    pub(super) expires_at: Timestamp,
}

/// Inserts a sign-in.
pub(super) async fn insert(
    tx: &mut Tx,
    id: SignInId,
    binding: &[u8],
    row: &Row,
    now: Timestamp,
) -> Result<(), Fault> {
    let id = id.to_string();
    let params = [
        Value::from(&id),
        Value::from(binding),
        Value::from(row.version),
        Value::from(&row.document),
        Value::from(now),
        Value::from(row.expires_at),
    ];
    tx.execute(INSERT, &params).await.map(drop)
}

/// The sign-in that this browser began.
pub(super) async fn find(
    tx: &mut Tx,
    id: SignInId,
    binding: &[u8],
    now: Timestamp,
) -> Result<Option<Row>, Fault> {
    let id = id.to_string();
    let params = [Value::from(&id), Value::from(binding), Value::from(now)];
    tx.row(FIND, &params).await?.map(|row| read(&row)).transpose()
}

/// The newest sign-ins of a browser.
pub(super) async fn of_browser(
    tx: &mut Tx,
    binding: &[u8],
    now: Timestamp,
    most: i64,
) -> Result<Vec<(SignInId, Row)>, Fault> {
    let params = [Value::from(binding), Value::from(now), Value::from(most)];
    let rows = tx.rows(OF_BROWSER, &params).await?;
    let read = |row: &crate::db::Row| {
        let id = row.text("id")?;
        let id =
            SignInId::parse(&id).map_err(|error| Fault::malformed("row of `signin`", error))?;
        Ok((id, read(row)?))
    };
    rows.iter().map(read).collect()
}

fn read(row: &crate::db::Row) -> Result<Row, Fault> {
    Ok(Row {
        version: row.int("version")?,
        document: row.bytes("document")?,
        expires_at: row.time("expires_at")?,
    })
}

/// Writes the next state; false if another tab was faster.
pub(super) async fn advance(
    tx: &mut Tx,
    id: SignInId,
    from: i64,
    document: &[u8],
) -> Result<bool, Fault> {
    let id = id.to_string();
    let params = [Value::from(&id), Value::from(from), Value::from(document)];
    Ok(tx.execute(ADVANCE, &params).await? == 1)
}

/// Removes some sign-ins whose time is over.
pub(super) async fn delete_past(tx: &mut Tx, now: Timestamp) -> Result<u64, Fault> {
    tx.execute(PAST, &[Value::from(now), Value::from(REMOVED_AT_ONCE)]).await
}

const INSERT: &str = "INSERT INTO sign_in (realm, id, binding, version, document, created_at, expires_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)";
const FIND: &str = "SELECT version, document, expires_at FROM sign_in \
     WHERE realm = $1 AND id = $2 AND binding = $3 AND expires_at > $4";
const OF_BROWSER: &str = "SELECT id, version, document, expires_at FROM sign_in \
     WHERE realm = $1 AND binding = $2 AND expires_at > $3 ORDER BY created_at DESC LIMIT $4";
const ADVANCE: &str = "UPDATE sign_in SET version = version + 1, document = $4 \
     WHERE realm = $1 AND id = $2 AND version = $3";
const PAST: &str = "DELETE FROM sign_in WHERE realm = $1 AND id IN \
     (SELECT id FROM sign_in WHERE realm = $1 AND expires_at <= $2 LIMIT $3)";

/// Every statement of this slice.
pub(crate) const STATEMENTS: &[&str] = &[INSERT, FIND, OF_BROWSER, ADVANCE, PAST];
