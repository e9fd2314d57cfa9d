//! Tries at rest.

use crate::db::Tx;
use crate::jobs::REMOVED_AT_ONCE;
use crate::kernel::{Fault, Timestamp};

/// Counts a try; gives how many there are now, and when the one before was. Those before `forgotten` do not count.
pub(crate) async fn count(
    tx: &mut Tx,
    key: &[u8; 32],
    now: Timestamp,
    forgotten: Timestamp,
) -> Result<(i64, Timestamp), Fault> {
    let params = [key.as_slice().into(), now.into(), forgotten.into()];
    let row = tx.row(COUNT, &params).await?.ok_or_else(|| Fault::bug("a try was not counted"))?;
    Ok((row.int("failures")?, row.time("last_at")?))
}

/// Notes when the last try was that was let through.
pub(crate) async fn note(tx: &mut Tx, key: &[u8; 32], now: Timestamp) -> Result<(), Fault> {
    tx.execute(NOTE, &[key.as_slice().into(), now.into()]).await.map(|_| ())
}

/// One less.
pub(crate) async fn take_back(tx: &mut Tx, key: &[u8; 32]) -> Result<(), Fault> {
    tx.execute(TAKE_BACK, &[key.as_slice().into()]).await.map(|_| ())
}

/// None.
pub(crate) async fn delete(tx: &mut Tx, key: &[u8; 32]) -> Result<(), Fault> {
    tx.execute(DELETE, &[key.as_slice().into()]).await.map(|_| ())
}

/// Removes those before this.
pub(crate) async fn delete_before(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    tx.execute(DELETE_BEFORE, &[before.into(), REMOVED_AT_ONCE.into()]).await
}

const COUNT: &str = "INSERT INTO sign_in_failure (realm, key_digest, failures, last_at) \
    VALUES ($1, $2, 1, $3) ON CONFLICT (realm, key_digest) DO UPDATE SET failures = \
    CASE WHEN sign_in_failure.last_at < $4 THEN 1 ELSE sign_in_failure.failures + 1 END \
    RETURNING failures, last_at";
const NOTE: &str = "UPDATE sign_in_failure SET last_at = $3 WHERE realm = $1 AND key_digest = $2";
const TAKE_BACK: &str = "UPDATE sign_in_failure SET failures = failures - 1 \
    WHERE realm = $1 AND key_digest = $2 AND failures > 0";
const DELETE: &str = "DELETE FROM sign_in_failure WHERE realm = $1 AND key_digest = $2";
const DELETE_BEFORE: &str = "DELETE FROM sign_in_failure WHERE realm = $1 AND key_digest IN \
    (SELECT key_digest FROM sign_in_failure WHERE realm = $1 AND last_at < $2 LIMIT $3)";

/// Every statement on tries.
pub(crate) const STATEMENTS: &[&str] = &[COUNT, NOTE, TAKE_BACK, DELETE, DELETE_BEFORE];
