//! Rows of upstreams, of attempts on their way through one, and of tokens that providers gave.

use super::model::Upstream;
use crate::db::{Row, Tx, Value};
use crate::jobs::REMOVED_AT_ONCE;
use crate::kernel::{Fault, SignInId, Timestamp, UpstreamId, UserId};

/// An upstream as the database has it.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) id: UpstreamId,
    pub(super) document: String,
    pub(super) secret: Option<Vec<u8>>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) revision: i64,
}

/// An attempt on its way.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) upstream: UpstreamId,
    pub(super) sign_in: Option<SignInId>,
    pub(super) binding: Vec<u8>,
    /// Sealed.
    pub(super) document: Vec<u8>,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Timestamp,
}

/// All upstreams of the realm, by name.
pub(super) async fn all(tx: &mut Tx) -> Result<Vec<Stored>, Fault> {
    tx.rows(ALL, &[]).await?.iter().map(stored).collect()
}

/// One upstream.
pub(super) async fn find(tx: &mut Tx, id: &UpstreamId) -> Result<Option<Stored>, Fault> {
    tx.row(FIND, &[id.as_str().into()]).await?.as_ref().map(stored).transpose()
}

/// How many there are.
pub(super) async fn count(tx: &mut Tx) -> Result<i64, Fault> {
    tx.row(COUNT, &[]).await?.map_or(Ok(0), |row| row.int("n"))
}

/// Keeps a new upstream. False if there is one of this name.
pub(super) async fn insert(tx: &mut Tx, new: &Upstream) -> Result<bool, Fault> {
    let values = [
        new.id.as_str().into(),
        new.terms.written().into(),
        Value::from(new.sealed_secret.as_deref()),
        new.created_at.into(),
        new.updated_at.into(),
        new.revision.into(),
    ];
    Ok(tx.execute(INSERT, &values).await? == 1)
}

/// Replaces what an upstream says, if it is at the revision before. True if it was.
pub(super) async fn update(tx: &mut Tx, new: &Upstream) -> Result<bool, Fault> {
    let values = [
        new.id.as_str().into(),
        new.terms.written().into(),
        Value::from(new.sealed_secret.as_deref()),
        new.updated_at.into(),
        new.revision.into(),
        (new.revision - 1).into(),
    ];
    Ok(tx.execute(UPDATE, &values).await? == 1)
}

fn user_of(row: &Row) -> Result<UserId, Fault> {
    let user = UserId::parse(&row.text("user_id")?);
    user.map_err(|error| Fault::malformed("upstream token", error))
}

/// Puts another blob in the place of a sealed secret, if the row is still at this revision. True if it did.
pub(super) async fn reseal(
    tx: &mut Tx,
    id: &UpstreamId,
    revision: i64,
    blob: &[u8],
) -> Result<bool, Fault> {
    let values = [id.as_str().into(), revision.into(), Value::from(blob)];
    Ok(tx.execute(RESEAL, &values).await? == 1)
}

/// Removes an upstream. True if it was there.
pub(super) async fn delete(tx: &mut Tx, id: &UpstreamId) -> Result<bool, Fault> {
    Ok(tx.execute(DELETE, &[id.as_str().into()]).await? == 1)
}

/// Keeps an attempt under the digest of its state.
pub(super) async fn begin(tx: &mut Tx, digest: &[u8; 32], attempt: &Attempt) -> Result<(), Fault> {
    let sign_in = attempt.sign_in.map(|id| id.to_string());
    let values = [
        Value::from(digest.as_slice()),
        attempt.upstream.as_str().into(),
        Value::from(sign_in.as_deref()),
        Value::from(&attempt.binding),
        Value::from(&attempt.document),
        attempt.created_at.into(),
        attempt.expires_at.into(),
    ];
    tx.execute(BEGIN_ATTEMPT, &values).await.map(drop)
}

/// Uses an attempt up, whoever shows its state: shown by the wrong browser, or at the wrong upstream, it is known to a stranger
/// and must not work later. Nothing if there is none, or it was used.
pub(super) async fn consume(
    tx: &mut Tx,
    digest: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Attempt>, Fault> {
    let row = tx.row(CONSUME, &[Value::from(digest.as_slice()), now.into()]).await?;
    row.as_ref().map(attempt).transpose()
}

/// Puts what a test brought in the place of its used attempt.
pub(super) async fn keep_outcome(
    tx: &mut Tx,
    digest: &[u8; 32],
    document: &[u8],
    expires_at: Timestamp,
) -> Result<(), Fault> {
    let values = [Value::from(digest.as_slice()), Value::from(document), expires_at.into()];
    tx.execute(KEEP_OUTCOME, &values).await.map(drop)
}

/// A test's attempt, used or not: its document, and whether it was used.
pub(super) async fn outcome(
    tx: &mut Tx,
    digest: &[u8; 32],
    now: Timestamp,
) -> Result<Option<(Attempt, bool)>, Fault> {
    let row = tx.row(OUTCOME, &[Value::from(digest.as_slice()), now.into()]).await?;
    row.map(|row| Ok((attempt(&row)?, row.time_or_null("used_at")?.is_some()))).transpose()
}

/// Removes attempts that nobody can finish any more.
pub(super) async fn delete_past(tx: &mut Tx, now: Timestamp) -> Result<u64, Fault> {
    let bounds = [now.into(), REMOVED_AT_ONCE.into()];
    let attempts = tx.execute(PAST_ATTEMPTS, &bounds).await?;
    Ok(attempts.saturating_add(tx.execute(PAST_TOKENS, &bounds).await?))
}

/// Keeps a person's tokens in the place of older ones.
pub(super) async fn put_tokens(
    tx: &mut Tx,
    upstream: &UpstreamId,
    user: UserId,
    (document, expires_at): (&[u8], Timestamp),
) -> Result<(), Fault> {
    let user = user.to_string();
    let values =
        [upstream.as_str().into(), Value::from(&user), Value::from(document), expires_at.into()];
    tx.execute(PUT_TOKENS, &values).await.map(drop)
}

/// A person's tokens, sealed.
pub(super) async fn tokens(
    tx: &mut Tx,
    upstream: &UpstreamId,
    user: UserId,
) -> Result<Option<Vec<u8>>, Fault> {
    let user = user.to_string();
    let row = tx.row(TOKENS, &[upstream.as_str().into(), Value::from(&user)]).await?;
    row.map(|row| row.bytes("document")).transpose()
}

/// A person's tokens at every upstream, sealed.
pub(super) async fn tokens_of(
    tx: &mut Tx,
    user: UserId,
) -> Result<Vec<(UpstreamId, Vec<u8>)>, Fault> {
    let user = user.to_string();
    let rows = tx.rows(TOKENS_OF, &[Value::from(&user)]).await?;
    rows.iter().map(|row| Ok((upstream_of(row)?, row.bytes("document")?))).collect()
}

/// Everybody's tokens at an upstream, sealed.
pub(super) async fn tokens_through(
    tx: &mut Tx,
    upstream: &UpstreamId,
) -> Result<Vec<(UserId, Vec<u8>)>, Fault> {
    let rows = tx.rows(TOKENS_THROUGH, &[upstream.as_str().into()]).await?;
    rows.iter().map(|row| Ok((user_of(row)?, row.bytes("document")?))).collect()
}

/// Forgets a person's tokens.
pub(super) async fn drop_tokens(
    tx: &mut Tx,
    upstream: &UpstreamId,
    user: UserId,
) -> Result<(), Fault> {
    let user = user.to_string();
    tx.execute(DROP_TOKENS, &[upstream.as_str().into(), Value::from(&user)]).await.map(drop)
}

/// Forgets everybody's tokens of an upstream.
pub(super) async fn drop_all_tokens(tx: &mut Tx, upstream: &UpstreamId) -> Result<(), Fault> {
    tx.execute(DROP_ALL_TOKENS, &[upstream.as_str().into()]).await.map(drop)
}

/// Everybody's tokens, sealed: to be sealed anew.
pub(super) async fn all_tokens(tx: &mut Tx) -> Result<Vec<(UpstreamId, UserId, Vec<u8>)>, Fault> {
    let read = |row: &Row| Ok((upstream_of(row)?, user_of(row)?, row.bytes("document")?));
    tx.rows(ALL_TOKENS, &[]).await?.iter().map(read).collect()
}

/// Puts another blob in the place of somebody's tokens, if they are still those that were opened.
pub(super) async fn reseal_tokens(
    tx: &mut Tx,
    (upstream, user): (&UpstreamId, UserId),
    (old, new): (&[u8], &[u8]),
) -> Result<bool, Fault> {
    let user = user.to_string();
    let values = [upstream.as_str().into(), Value::from(&user), Value::from(old), Value::from(new)];
    Ok(tx.execute(RESEAL_TOKENS, &values).await? == 1)
}

fn stored(row: &Row) -> Result<Stored, Fault> {
    let id = UpstreamId::parse(&row.text("id")?);
    Ok(Stored {
        id: id.map_err(|error| Fault::malformed("upstream", error))?,
        document: row.text("document")?,
        secret: row.bytes_or_null("secret")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        revision: row.int("revision")?,
    })
}

fn attempt(row: &Row) -> Result<Attempt, Fault> {
    let sign_in = row.text_or_null("sign_in_id")?;
    let sign_in = sign_in.map(|id| SignInId::parse(&id)).transpose();
    Ok(Attempt {
        upstream: upstream_of(row)?,
        sign_in: sign_in.map_err(|error| Fault::malformed("attempt", error))?,
        binding: row.bytes("binding")?,
        document: row.bytes("document")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
    })
}

fn upstream_of(row: &Row) -> Result<UpstreamId, Fault> {
    UpstreamId::parse(&row.text("upstream")?).map_err(|error| Fault::malformed("upstream", error))
}

const ALL: &str = "SELECT id, document, secret, created_at, updated_at, revision FROM upstream \
    WHERE realm = $1 ORDER BY id";
const FIND: &str = "SELECT id, document, secret, created_at, updated_at, revision FROM upstream \
    WHERE realm = $1 AND id = $2";
const COUNT: &str = "SELECT COUNT(*) AS n FROM upstream WHERE realm = $1";
const INSERT: &str = "INSERT INTO upstream \
    (realm, id, document, secret, created_at, updated_at, revision) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (realm, id) DO NOTHING";
const UPDATE: &str = "UPDATE upstream SET document = $3, secret = $4, updated_at = $5, revision = $6 \
    WHERE realm = $1 AND id = $2 AND revision = $7";
const RESEAL: &str =
    "UPDATE upstream SET secret = $4 WHERE realm = $1 AND id = $2 AND revision = $3";
const DELETE: &str = "DELETE FROM upstream WHERE realm = $1 AND id = $2";
const BEGIN_ATTEMPT: &str = "INSERT INTO broker_transaction \
    (realm, digest, upstream, sign_in_id, binding, document, created_at, expires_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const CONSUME: &str = "UPDATE broker_transaction SET used_at = $3 \
    WHERE realm = $1 AND digest = $2 AND used_at IS NULL \
    RETURNING upstream, sign_in_id, binding, document, created_at, expires_at";
const KEEP_OUTCOME: &str = "UPDATE broker_transaction SET document = $3, expires_at = $4 \
    WHERE realm = $1 AND digest = $2 AND used_at IS NOT NULL";
const OUTCOME: &str = "SELECT upstream, sign_in_id, binding, document, created_at, expires_at, used_at \
    FROM broker_transaction WHERE realm = $1 AND digest = $2 AND expires_at > $3";
const PAST_ATTEMPTS: &str = "DELETE FROM broker_transaction WHERE realm = $1 AND digest IN \
    (SELECT digest FROM broker_transaction WHERE realm = $1 AND expires_at < $2 LIMIT $3)";
const PAST_TOKENS: &str = "DELETE FROM upstream_token WHERE realm = $1 AND (upstream, user_id) IN \
    (SELECT upstream, user_id FROM upstream_token WHERE realm = $1 AND expires_at < $2 LIMIT $3)";
const PUT_TOKENS: &str = "INSERT INTO upstream_token (realm, upstream, user_id, document, expires_at) \
    VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (realm, upstream, user_id) DO UPDATE SET document = $4, expires_at = $5";
const TOKENS: &str = "SELECT document FROM upstream_token \
    WHERE realm = $1 AND upstream = $2 AND user_id = $3";
const TOKENS_OF: &str = "SELECT upstream, document FROM upstream_token \
    WHERE realm = $1 AND user_id = $2 ORDER BY upstream";
const TOKENS_THROUGH: &str = "SELECT user_id, document FROM upstream_token \
    WHERE realm = $1 AND upstream = $2 ORDER BY user_id";
const DROP_TOKENS: &str = "DELETE FROM upstream_token \
    WHERE realm = $1 AND upstream = $2 AND user_id = $3";
const DROP_ALL_TOKENS: &str = "DELETE FROM upstream_token WHERE realm = $1 AND upstream = $2";
const ALL_TOKENS: &str = "SELECT upstream, user_id, document FROM upstream_token WHERE realm = $1";
const RESEAL_TOKENS: &str = "UPDATE upstream_token SET document = $5 \
    WHERE realm = $1 AND upstream = $2 AND user_id = $3 AND document = $4";

/// Every statement of this slice, for the test that prepares them on both engines.
pub(crate) const STATEMENTS: &[&str] = &[
    ALL,
    FIND,
    COUNT,
    INSERT,
    UPDATE,
    RESEAL,
    DELETE,
    BEGIN_ATTEMPT,
    CONSUME,
    KEEP_OUTCOME,
    OUTCOME,
    PAST_ATTEMPTS,
    PAST_TOKENS,
    PUT_TOKENS,
    TOKENS,
    TOKENS_OF,
    TOKENS_THROUGH,
    DROP_TOKENS,
    DROP_ALL_TOKENS,
    ALL_TOKENS,
    RESEAL_TOKENS,
];
