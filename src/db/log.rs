//! The upkeep of the change log: new histories after a restore, and forgetting.

use super::Cursor;
use super::tx::{HEAD, Head, Tx};
use crate::kernel::{Fault, Timestamp};

/// Rows forgotten in one transaction: others should not wait long behind it.
const FORGET_ROWS: i64 = 1000;

/// Begins the next history. The numbers go on without a gap, and older permits are not valid in it.
pub(super) async fn new_history(tx: &mut Tx) -> Result<Cursor, Fault> {
    tx.execute(FIRST_HEAD, &[]).await?;
    tx.execute(NEXT_HISTORY, &[]).await?;
    let row = tx.row(HEAD, &[]).await?;
    Ok(row.as_ref().map_or(Ok(Head::START), Head::from_row)?.cursor())
}

/// Forgets some of the oldest changes; gives how many.
pub(super) async fn forget(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    tx.execute(FORGET, &[before.into(), FORGET_ROWS.into()]).await
}

/// All of this room, to be prepared by a test.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] =
    &[FIRST_HEAD, NEXT_HISTORY, FORGET, HEAD, super::tx::CHANGES_AFTER];

const FIRST_HEAD: &str = "INSERT INTO change_head (realm, history, seq, rights_seq) \
    VALUES ($1, 1, 0, 0) ON CONFLICT (realm) DO NOTHING";
const NEXT_HISTORY: &str =
    "UPDATE change_head SET history = history + 1, rights_seq = seq WHERE realm = $1";
const FORGET: &str = "DELETE FROM change WHERE realm = $1 AND seq IN (\
    SELECT seq FROM (SELECT seq, at FROM change WHERE realm = $1 ORDER BY history, seq LIMIT $3) AS oldest \
    WHERE at < $2)";
