//! Containments in the database.

use crate::db::{Row, Tx, Value};
use crate::jobs::REMOVED_AT_ONCE;
use crate::kernel::{DeviceId, Fault, SpiffeId, SubjectId, Timestamp, UserId};

use super::{Containment, Whom};

/// Every containment of the realm, ended ones too.
pub(super) async fn all(tx: &mut Tx) -> Result<Vec<Containment>, Fault> {
    tx.rows(ALL, &[]).await?.iter().map(read).collect()
}

/// That of one subject.
pub(super) async fn one(tx: &mut Tx, subject: &str) -> Result<Option<Containment>, Fault> {
    tx.row(ONE, &[subject.into()]).await?.as_ref().map(read).transpose()
}

/// Writes one, in the place of what there was.
pub(super) async fn put(tx: &mut Tx, containment: &Containment) -> Result<(), Fault> {
    let Containment { whom, reason, by, created_at, ends_at } = containment;
    let subject = whom.to_string();
    let number = match whom {
        Whom::Person { number, .. } => Some(number.to_string()),
        Whom::Device(_) | Whom::Named(_) => None,
    };
    let params = [
        Value::from(&subject),
        Value::from(number.as_deref()),
        Value::from(reason),
        (*created_at).into(),
        (*ends_at).into(),
        Value::from(by.as_deref()),
    ];
    tx.execute(PUT, &params).await.map(drop)
}

/// Removes one.
pub(super) async fn delete(tx: &mut Tx, subject: &str) -> Result<(), Fault> {
    tx.execute(DELETE, &[subject.into()]).await.map(drop)
}

/// Removes some whose end has come.
pub(super) async fn delete_past(tx: &mut Tx, now: Timestamp) -> Result<u64, Fault> {
    tx.execute(PAST, &[now.into(), REMOVED_AT_ONCE.into()]).await
}

fn read(row: &Row) -> Result<Containment, Fault> {
    let (subject, number) = (row.text("subject")?, row.text_or_null("number")?);
    Ok(Containment {
        whom: whom(&subject, number.as_deref())?,
        reason: row.text("reason")?,
        by: row.text_or_null("actor")?,
        created_at: row.time("created_at")?,
        ends_at: row.time("ends_at")?,
    })
}

fn whom(subject: &str, number: Option<&str>) -> Result<Whom, Fault> {
    if let Some(number) = number {
        let user = UserId::parse(subject).map_err(bad)?;
        return Ok(Whom::Person { user, number: SubjectId::parse(number).map_err(bad)? });
    }
    match DeviceId::parse(subject) {
        Ok(device) => Ok(Whom::Device(device)),
        Err(_) => Ok(Whom::Named(SpiffeId::parse(subject).map_err(bad)?)),
    }
}

fn bad(error: impl std::fmt::Display) -> Fault {
    Fault::malformed("row of `containment`", error)
}

const ALL: &str = "SELECT * FROM containment WHERE realm = $1";
const ONE: &str = "SELECT * FROM containment WHERE realm = $1 AND subject = $2";
const PUT: &str = "INSERT INTO containment (realm, subject, number, reason, created_at, ends_at, actor) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (realm, subject) DO UPDATE SET reason = excluded.reason, created_at = excluded.created_at, \
    ends_at = excluded.ends_at, actor = excluded.actor WHERE containment.realm = $1";
const DELETE: &str = "DELETE FROM containment WHERE realm = $1 AND subject = $2";
const PAST: &str = "DELETE FROM containment WHERE realm = $1 AND subject IN \
    (SELECT subject FROM containment WHERE realm = $1 AND ends_at <= $2 LIMIT $3)";

/// Every statement of this slice.
pub(crate) const STATEMENTS: &[&str] = &[ALL, ONE, PUT, DELETE, PAST];
