//! Identities at other providers, at rest.

use crate::accounts::model::{ExternalId, ExternalIdentity};
use crate::accounts::store::user_id;
use crate::db::{Row, Tx};
use crate::kernel::{Fault, Timestamp, UpstreamId, UserId};

/// False if it is linked already, to whomever.
pub(crate) async fn insert(
    tx: &mut Tx,
    user: UserId,
    (id, display): (&ExternalId, Option<&str>),
    now: Timestamp,
) -> Result<bool, Fault> {
    let whose = user.to_string();
    let params = [
        id.upstream.as_str().into(),
        (&id.issuer).into(),
        (&id.subject).into(),
        (&whose).into(),
        display.into(),
        now.into(),
    ];
    Ok(tx.execute(INSERT, &params).await? == 1)
}

pub(crate) async fn holder(tx: &mut Tx, id: &ExternalId) -> Result<Option<UserId>, Fault> {
    let params = [id.upstream.as_str().into(), (&id.issuer).into(), (&id.subject).into()];
    tx.row(HOLDER, &params).await?.map(|row| user_id(&row, "user_id")).transpose()
}

/// Whose it is, noting that it was used.
pub(crate) async fn note_use(
    tx: &mut Tx,
    id: &ExternalId,
    now: Timestamp,
) -> Result<Option<UserId>, Fault> {
    let params =
        [id.upstream.as_str().into(), (&id.issuer).into(), (&id.subject).into(), now.into()];
    tx.row(NOTE_USE, &params).await?.map(|row| user_id(&row, "user_id")).transpose()
}

pub(crate) async fn of_user(tx: &mut Tx, user: UserId) -> Result<Vec<ExternalIdentity>, Fault> {
    let rows = tx.rows(OF_USER, &[(&user.to_string()).into()]).await?;
    rows.iter().map(identity_of).collect()
}

pub(crate) async fn delete(tx: &mut Tx, user: UserId, id: &ExternalId) -> Result<bool, Fault> {
    let whose = user.to_string();
    let params =
        [(&whose).into(), id.upstream.as_str().into(), (&id.issuer).into(), (&id.subject).into()];
    Ok(tx.execute(DELETE, &params).await? == 1)
}

fn identity_of(row: &Row) -> Result<ExternalIdentity, Fault> {
    let upstream = UpstreamId::parse(&row.text("upstream")?);
    Ok(ExternalIdentity {
        id: ExternalId {
            upstream: upstream.map_err(|error| Fault::malformed("identity row", error))?,
            issuer: row.text("issuer")?,
            subject: row.text("subject")?,
        },
        display: row.text_or_null("display")?,
        linked_at: row.time("linked_at")?,
        used_at: row.time_or_null("used_at")?,
    })
}

const INSERT: &str = "INSERT INTO external_identity \
    (realm, upstream, issuer, subject, user_id, display, linked_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) \
    ON CONFLICT (realm, upstream, issuer, subject) DO NOTHING";
const HOLDER: &str = "SELECT user_id FROM external_identity \
    WHERE realm = $1 AND upstream = $2 AND issuer = $3 AND subject = $4";
const NOTE_USE: &str = "UPDATE external_identity SET used_at = $5 \
    WHERE realm = $1 AND upstream = $2 AND issuer = $3 AND subject = $4 RETURNING user_id";
const OF_USER: &str = "SELECT upstream, issuer, subject, display, linked_at, used_at \
    FROM external_identity WHERE realm = $1 AND user_id = $2 ORDER BY linked_at, upstream, subject";
const DELETE: &str = "DELETE FROM external_identity \
    WHERE realm = $1 AND user_id = $2 AND upstream = $3 AND issuer = $4 AND subject = $5";

/// Every statement on identities.
pub(crate) const STATEMENTS: &[&str] = &[INSERT, HOLDER, NOTE_USE, OF_USER, DELETE];
