//! Hashes of passwords at rest.

use crate::db::Tx;
use crate::kernel::{Fault, Timestamp, UserId};

pub(crate) async fn hash_of(tx: &mut Tx, user: UserId) -> Result<Option<String>, Fault> {
    let row = tx.row(HASH, &[(&user.to_string()).into()]).await?;
    row.map(|row| row.text("hash")).transpose()
}

pub(crate) async fn put(
    tx: &mut Tx,
    user: UserId,
    hash: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    tx.execute(PUT, &[(&user.to_string()).into(), hash.into(), now.into()]).await.map(|_| ())
}

/// The same password under another cost, unless it was changed meanwhile.
pub(crate) async fn replace(tx: &mut Tx, user: UserId, old: &str, new: &str) -> Result<(), Fault> {
    tx.execute(REPLACE, &[(&user.to_string()).into(), old.into(), new.into()]).await.map(|_| ())
}

pub(crate) async fn delete(tx: &mut Tx, user: UserId) -> Result<(), Fault> {
    tx.execute(DELETE, &[(&user.to_string()).into()]).await.map(|_| ())
}

const HASH: &str = "SELECT hash FROM user_password WHERE realm = $1 AND user_id = $2";
const PUT: &str = "INSERT INTO user_password (realm, user_id, hash, changed_at) \
    VALUES ($1, $2, $3, $4) ON CONFLICT (realm, user_id) DO UPDATE SET hash = $3, changed_at = $4";
const REPLACE: &str =
    "UPDATE user_password SET hash = $4 WHERE realm = $1 AND user_id = $2 AND hash = $3";
const DELETE: &str = "DELETE FROM user_password WHERE realm = $1 AND user_id = $2";

/// Every statement on passwords.
pub(crate) const STATEMENTS: &[&str] = &[HASH, PUT, REPLACE, DELETE];
