//! Tokens at rest: digests only.

use crate::accounts::model::{ProofPurpose, ProofToken};
use crate::accounts::store::user_id;
use crate::db::{Row, Tx};
use crate::jobs::REMOVED_AT_ONCE;
use crate::kernel::{Fault, Timestamp, UserId};

pub(crate) async fn insert(
    tx: &mut Tx,
    digest: &[u8; 32],
    token: &ProofToken,
    now: Timestamp,
) -> Result<(), Fault> {
    let whose = token.user.to_string();
    let params = [
        digest.as_slice().into(),
        (&whose).into(),
        token.purpose.as_str().into(),
        token.address.as_deref().into(),
        token.bound_to.as_deref().into(),
        now.into(),
        token.expires_at.into(),
    ];
    tx.execute(INSERT, &params).await.map(|_| ())
}

/// The token of this digest, if it is still good.
pub(crate) async fn find(
    tx: &mut Tx,
    digest: &[u8; 32],
    now: Timestamp,
) -> Result<Option<ProofToken>, Fault> {
    let row = tx.row(FIND, &[digest.as_slice().into(), now.into()]).await?;
    row.as_ref().map(token_of).transpose()
}

/// Uses it up: of a race for one token, one gets it.
pub(crate) async fn consume(
    tx: &mut Tx,
    digest: &[u8; 32],
    purpose: ProofPurpose,
    now: Timestamp,
) -> Result<Option<ProofToken>, Fault> {
    let params = [digest.as_slice().into(), purpose.as_str().into(), now.into()];
    tx.row(CONSUME, &params).await?.as_ref().map(token_of).transpose()
}

/// All of a person's are void from here on.
pub(crate) async fn void_all(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<(), Fault> {
    tx.execute(VOID_ALL, &[(&user.to_string()).into(), now.into()]).await.map(|_| ())
}

pub(crate) async fn delete_before(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    tx.execute(DELETE_BEFORE, &[before.into(), REMOVED_AT_ONCE.into()]).await
}

fn token_of(row: &Row) -> Result<ProofToken, Fault> {
    let purpose = row.text("purpose")?;
    Ok(ProofToken {
        user: user_id(row, "user_id")?,
        purpose: ProofPurpose::parse(&purpose)
            .ok_or_else(|| Fault::malformed("proof row", purpose))?,
        address: row.text_or_null("address")?,
        bound_to: row.bytes_or_null("bound_to")?,
        expires_at: row.time("expires_at")?,
    })
}

const INSERT: &str = "INSERT INTO user_proof \
    (realm, digest, user_id, purpose, address, bound_to, created_at, expires_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const FIND: &str = "SELECT user_id, purpose, address, bound_to, expires_at FROM user_proof \
    WHERE realm = $1 AND digest = $2 AND used_at IS NULL AND expires_at > $3";
const CONSUME: &str = "UPDATE user_proof SET used_at = $4 \
    WHERE realm = $1 AND digest = $2 AND purpose = $3 AND used_at IS NULL AND expires_at > $4 \
    RETURNING user_id, purpose, address, bound_to, expires_at";
// What takes a link back outlives a password: it may be a thief who changed it.
const VOID_ALL: &str = "UPDATE user_proof SET used_at = $3 \
    WHERE realm = $1 AND user_id = $2 AND used_at IS NULL AND purpose <> 'unlink'";
const DELETE_BEFORE: &str = "DELETE FROM user_proof WHERE realm = $1 AND digest IN \
    (SELECT digest FROM user_proof WHERE realm = $1 AND expires_at < $2 LIMIT $3)";

/// Every statement on tokens.
pub(crate) const STATEMENTS: &[&str] = &[INSERT, FIND, CONSUME, VOID_ALL, DELETE_BEFORE];
