//! Secrets of one-time passwords, and recovery codes, at rest.

use crate::accounts::store::user_id;
use crate::db::{Row, Tx};
use crate::kernel::{Fault, Timestamp, UserId};

/// The sealed secrets of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TotpRow {
    pub(crate) secret: Option<Vec<u8>>,
    pub(crate) pending: Option<Vec<u8>>,
}

pub(crate) async fn totp(tx: &mut Tx, user: UserId) -> Result<Option<TotpRow>, Fault> {
    tx.row(TOTP, &[(&user.to_string()).into()]).await?.as_ref().map(totp_of).transpose()
}

pub(crate) async fn all_totp(tx: &mut Tx) -> Result<Vec<(UserId, TotpRow)>, Fault> {
    let rows = tx.rows(ALL_TOTP, &[]).await?;
    rows.iter().map(|row| Ok((user_id(row, "user_id")?, totp_of(row)?))).collect()
}

pub(crate) async fn put_pending(
    tx: &mut Tx,
    user: UserId,
    sealed: &[u8],
    now: Timestamp,
) -> Result<(), Fault> {
    let whose = user.to_string();
    let params = [(&whose).into(), sealed.into(), now.into()];
    tx.execute(PUT_PENDING, &params).await.map(|_| ())
}

/// False if another one waits by now.
pub(crate) async fn confirm(
    tx: &mut Tx,
    user: UserId,
    sealed: &[u8],
    step: i64,
) -> Result<bool, Fault> {
    let whose = user.to_string();
    let params = [(&whose).into(), sealed.into(), step.into()];
    Ok(tx.execute(CONFIRM, &params).await? == 1)
}

/// False if this step or a later one was used already, or the secret is another by now.
pub(crate) async fn use_step(
    tx: &mut Tx,
    user: UserId,
    sealed: &[u8],
    step: i64,
) -> Result<bool, Fault> {
    let whose = user.to_string();
    let params = [(&whose).into(), sealed.into(), step.into()];
    Ok(tx.execute(USE_STEP, &params).await? == 1)
}

pub(crate) async fn delete_totp(tx: &mut Tx, user: UserId) -> Result<bool, Fault> {
    Ok(tx.execute(DELETE_TOTP, &[(&user.to_string()).into()]).await? == 1)
}

/// False if the row changed meanwhile.
pub(crate) async fn reseal(
    tx: &mut Tx,
    user: UserId,
    old: &TotpRow,
    new: &TotpRow,
) -> Result<bool, Fault> {
    let whose = user.to_string();
    let params = [
        (&whose).into(),
        old.secret.as_deref().unwrap_or_default().into(),
        old.pending.as_deref().unwrap_or_default().into(),
        new.secret.as_deref().into(),
        new.pending.as_deref().into(),
    ];
    Ok(tx.execute(RESEAL, &params).await? == 1)
}

pub(crate) async fn delete_codes(tx: &mut Tx, user: UserId) -> Result<(), Fault> {
    tx.execute(DELETE_CODES, &[(&user.to_string()).into()]).await.map(|_| ())
}

pub(crate) async fn insert_code(
    tx: &mut Tx,
    user: UserId,
    digest: &[u8; 32],
    now: Timestamp,
) -> Result<(), Fault> {
    let whose = user.to_string();
    let params = [(&whose).into(), digest.as_slice().into(), now.into()];
    tx.execute(INSERT_CODE, &params).await.map(|_| ())
}

/// False if there is no such code, or it was used.
pub(crate) async fn use_code(
    tx: &mut Tx,
    user: UserId,
    digest: &[u8; 32],
    now: Timestamp,
) -> Result<bool, Fault> {
    let whose = user.to_string();
    let params = [(&whose).into(), digest.as_slice().into(), now.into()];
    Ok(tx.execute(USE_CODE, &params).await? == 1)
}

fn totp_of(row: &Row) -> Result<TotpRow, Fault> {
    Ok(TotpRow { secret: row.bytes_or_null("secret")?, pending: row.bytes_or_null("pending")? })
}

const TOTP: &str = "SELECT secret, pending FROM user_totp WHERE realm = $1 AND user_id = $2";
const ALL_TOTP: &str = "SELECT user_id, secret, pending FROM user_totp WHERE realm = $1";
const PUT_PENDING: &str = "INSERT INTO user_totp (realm, user_id, secret, pending, step, created_at) \
    VALUES ($1, $2, NULL, $3, 0, $4) ON CONFLICT (realm, user_id) DO UPDATE SET pending = $3";
const CONFIRM: &str = "UPDATE user_totp SET secret = pending, pending = NULL, step = $4 \
    WHERE realm = $1 AND user_id = $2 AND pending = $3";
const USE_STEP: &str = "UPDATE user_totp SET step = $4 \
    WHERE realm = $1 AND user_id = $2 AND secret = $3 AND step < $4";
const DELETE_TOTP: &str = "DELETE FROM user_totp WHERE realm = $1 AND user_id = $2";
const RESEAL: &str = "UPDATE user_totp SET secret = $5, pending = $6 WHERE realm = $1 AND user_id = $2 \
    AND (secret = $3 OR secret IS NULL) AND (pending = $4 OR pending IS NULL)";
const DELETE_CODES: &str = "DELETE FROM user_recovery_code WHERE realm = $1 AND user_id = $2";
const INSERT_CODE: &str = "INSERT INTO user_recovery_code (realm, user_id, digest, created_at) \
    VALUES ($1, $2, $3, $4)";
const USE_CODE: &str = "UPDATE user_recovery_code SET used_at = $4 \
    WHERE realm = $1 AND user_id = $2 AND digest = $3 AND used_at IS NULL";

/// Every statement on codes.
pub(crate) const STATEMENTS: &[&str] = &[
    TOTP,
    ALL_TOTP,
    PUT_PENDING,
    CONFIRM,
    USE_STEP,
    DELETE_TOTP,
    RESEAL,
    DELETE_CODES,
    INSERT_CODE,
    USE_CODE,
];
