//! Deliveries at rest.

use super::{Delivery, Open};
use crate::db::{Row, Tx};
use crate::kernel::{Fault, Timestamp};

/// A row whose time has come.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) delivery: Delivery,
    pub(super) made: Timestamp,
    /// How often it was tried.
    pub(super) attempts: i64,
    due: Timestamp,
}

pub(super) async fn insert(tx: &mut Tx, delivery: &Delivery, now: Timestamp) -> Result<(), Fault> {
    let Delivery { id, kind, body } = delivery;
    let params = [id.as_str().into(), kind.as_ref().into(), body.into(), now.into()];
    tx.execute(INSERT, &params).await.map(|_| ())
}

impl Waiting {
    /// Where it stands among what is due.
    pub(super) fn place(&self) -> (Timestamp, String) {
        (self.due, self.delivery.id.clone())
    }
}

/// The first of what is due, behind this one.
pub(super) async fn due(
    tx: &mut Tx,
    now: Timestamp,
    after: &(Timestamp, String),
) -> Result<Vec<Waiting>, Fault> {
    let (time, id) = after;
    tx.rows(DUE, &[now.into(), (*time).into(), id.as_str().into()])
        .await?
        .iter()
        .map(due_of)
        .collect()
}

/// Takes the row until then; false: another replica was faster.
pub(super) async fn claim(tx: &mut Tx, row: &Waiting, until: Timestamp) -> Result<bool, Fault> {
    let params = [row.delivery.id.as_str().into(), row.due.into(), until.into()];
    Ok(tx.execute(CLAIM, &params).await? == 1)
}

pub(super) async fn remove(tx: &mut Tx, id: &str) -> Result<(), Fault> {
    tx.execute(REMOVE, &[id.into()]).await.map(|_| ())
}

pub(super) async fn postpone(
    tx: &mut Tx,
    id: &str,
    due: Timestamp,
    why: &str,
) -> Result<(), Fault> {
    tx.execute(POSTPONE, &[id.into(), due.into(), why.into()]).await.map(|_| ())
}

/// Removes what was given up and made before this.
pub(super) async fn forget(tx: &mut Tx, before: Timestamp) -> Result<(), Fault> {
    tx.execute(FORGET, &[Timestamp::FOREVER.into(), before.into()]).await.map(|_| ())
}

/// What has not been delivered, by id, after this one; at most so many.
pub(super) async fn open(tx: &mut Tx, after: &str, most: i64) -> Result<Vec<Open>, Fault> {
    tx.rows(OPEN, &[after.into(), most.into()]).await?.iter().map(open_of).collect()
}

/// One of them.
pub(super) async fn find(tx: &mut Tx, id: &str) -> Result<Option<Open>, Fault> {
    tx.row(FIND, &[id.into()]).await?.as_ref().map(open_of).transpose()
}

/// Makes it due now, also where it was given up; false if there is none.
pub(super) async fn hasten(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, Fault> {
    Ok(tx.execute(HASTEN, &[id.into(), now.into()]).await? == 1)
}

fn open_of(row: &Row) -> Result<Open, Fault> {
    let kind = row.text("kind")?.into();
    let due = row.time("due")?;
    Ok(Open {
        delivery: Delivery { id: row.text("id")?, kind, body: row.bytes("body")? },
        made: row.time("made")?,
        attempts: row.int("attempts")?,
        next: (due < Timestamp::FOREVER).then_some(due),
        last_error: row.text_or_null("last_error")?,
    })
}

fn due_of(row: &Row) -> Result<Waiting, Fault> {
    let kind = row.text("kind")?.into();
    Ok(Waiting {
        delivery: Delivery { id: row.text("id")?, kind, body: row.bytes("body")? },
        made: row.time("made")?,
        attempts: row.int("attempts")?,
        due: row.time("due")?,
    })
}

/// How many are read at once: [`DUE`].
pub(super) const AT_ONCE: usize = 64;

const INSERT: &str = "INSERT INTO delivery (realm, id, kind, body, made, due, attempts) \
    VALUES ($1, $2, $3, $4, $5, $5, 0) ON CONFLICT (realm, id) DO NOTHING";
const DUE: &str = "SELECT id, kind, body, made, due, attempts FROM delivery \
    WHERE realm = $1 AND due <= $2 AND (due > $3 OR (due = $3 AND id > $4)) ORDER BY due, id LIMIT 64";
const CLAIM: &str = "UPDATE delivery SET due = $4, attempts = attempts + 1 \
    WHERE realm = $1 AND id = $2 AND due = $3";
const REMOVE: &str = "DELETE FROM delivery WHERE realm = $1 AND id = $2";
const POSTPONE: &str = "UPDATE delivery SET due = $3, last_error = $4 WHERE realm = $1 AND id = $2";
const OPEN: &str = "SELECT id, kind, body, made, due, attempts, last_error FROM delivery \
    WHERE realm = $1 AND id > $2 ORDER BY id LIMIT $3";
const FIND: &str = "SELECT id, kind, body, made, due, attempts, last_error FROM delivery \
    WHERE realm = $1 AND id = $2";
const HASTEN: &str = "UPDATE delivery SET due = $3 WHERE realm = $1 AND id = $2";
const FORGET: &str = "DELETE FROM delivery WHERE realm = $1 AND due = $2 AND made < $3";

/// Read as one law with the statements of the slices.
pub(crate) const STATEMENTS: &[&str] =
    &[INSERT, DUE, CLAIM, REMOVE, POSTPONE, OPEN, FIND, HASTEN, FORGET];
