//! Rows of the ledger and of the change log, in the order of a listing.

use crate::db::{Row, Tx, Value};
use crate::events::{Sealed, Stream};
use crate::kernel::{Fault, Timestamp};

use super::model::{ChangePlace, LedgerPlace, Order, Origin, Query};

/// A row of either log, its body still sealed.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) origin: Origin,
    /// What it is ordered by among the rows of both logs.
    pub(super) time: Timestamp,
    pub(super) event: Sealed,
}

/// The next `limit` facts of the ledger that the query wants.
pub(super) async fn facts(
    tx: &mut Tx,
    query: &Query,
    after: LedgerPlace,
    limit: i64,
) -> Result<Vec<Found>, Fault> {
    let sql = match query.order {
        Order::Newest => FACTS_NEWEST,
        Order::Oldest => FACTS_OLDEST,
    };
    let kind = pattern(query.kind.as_deref());
    let subject = query.subject.map(|number| *number.uuid().as_bytes());
    let actor = query.actor.map(|number| *number.uuid().as_bytes());
    let values = [
        after.time.into(),
        after.stream.as_slice().into(),
        after.n.into(),
        lowest(query).into(),
        highest(query).into(),
        Value::from(&kind),
        subject.as_ref().map(<[u8; 16]>::as_slice).into(),
        actor.as_ref().map(<[u8; 16]>::as_slice).into(),
        limit.into(),
    ];
    tx.rows(sql, &values).await?.iter().map(fact).collect()
}

/// The next `limit` rows of the change log in the query's time, whatever their events say.
pub(super) async fn changes(
    tx: &mut Tx,
    query: &Query,
    after: ChangePlace,
    limit: i64,
) -> Result<Vec<Row>, Fault> {
    let sql = match query.order {
        Order::Newest => CHANGES_NEWEST,
        Order::Oldest => CHANGES_OLDEST,
    };
    let values = [
        after.history.into(),
        after.seq.into(),
        lowest(query).into(),
        highest(query).into(),
        limit.into(),
    ];
    tx.rows(sql, &values).await
}

/// The event that was numbered there, if it is still kept.
pub(super) async fn at(tx: &mut Tx, origin: Origin) -> Result<Option<Found>, Fault> {
    match origin {
        Origin::Ledger { stream, n } => {
            let n = i64::try_from(n).unwrap_or(i64::MAX);
            let row = tx.row(FACT_AT, &[stream.0.as_slice().into(), n.into()]).await?;
            row.map(|row| fact(&row)).transpose()
        }
        Origin::ChangeLog { history, seq } => {
            let row = tx.row(CHANGE_AT, &[history.into(), seq.into()]).await?;
            row.map(|row| change(&row)).transpose().map(Option::flatten)
        }
    }
}

/// The place of a row of the change log.
pub(super) fn change_place(row: &Row) -> Result<ChangePlace, Fault> {
    Ok(ChangePlace { history: row.int("history")?, seq: row.int("seq")? })
}

/// The event of a row of the change log; none for a change that was made without one.
pub(super) fn change(row: &Row) -> Result<Option<Found>, Fault> {
    let event = row.bytes("event")?;
    if event.is_empty() {
        return Ok(None);
    }
    let ChangePlace { history, seq } = change_place(row)?;
    let origin = Origin::ChangeLog { history, seq };
    Ok(Some(Found { origin, time: row.time("at")?, event: Sealed::decode(&event)? }))
}

fn fact(row: &Row) -> Result<Found, Fault> {
    let stream = <[u8; 16]>::try_from(row.bytes("stream")?.as_slice());
    let stream = Stream(stream.map_err(|_| Fault::malformed("row", "a stream has not 16 bytes"))?);
    let n = u64::try_from(row.int("n")?).map_err(Fault::bug)?;
    let event = Sealed::from_row(row)?;
    Ok(Found { origin: Origin::Ledger { stream, n }, time: event.header.time, event })
}

/// The first microsecond wanted, and the one after the last.
fn lowest(query: &Query) -> i64 {
    query.from.map_or(i64::MIN, Timestamp::micros)
}

fn highest(query: &Query) -> i64 {
    query.until.map_or(i64::MAX, Timestamp::micros)
}

/// The pattern of kinds wanted: names have underscores, which a pattern must not take for any character.
fn pattern(kind: Option<&str>) -> String {
    let Some(kind) = kind else { return "%".to_owned() };
    let mut pattern = String::with_capacity(kind.len() + 4);
    for character in kind.chars() {
        if matches!(character, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(character);
    }
    if kind.ends_with('.') {
        pattern.push('%');
    }
    pattern
}

const FACTS_NEWEST: &str = "SELECT stream, n, time, kind, subject, actor, body FROM ledger \
    WHERE realm = $1 AND (time, stream, n) < ($2, $3, $4) AND time >= $5 AND time < $6 \
    AND kind LIKE $7 ESCAPE '!' AND (subject = $8 OR $8 IS NULL) AND (actor = $9 OR $9 IS NULL) \
    ORDER BY time DESC, stream DESC, n DESC LIMIT $10";
const FACTS_OLDEST: &str = "SELECT stream, n, time, kind, subject, actor, body FROM ledger \
    WHERE realm = $1 AND (time, stream, n) > ($2, $3, $4) AND time >= $5 AND time < $6 \
    AND kind LIKE $7 ESCAPE '!' AND (subject = $8 OR $8 IS NULL) AND (actor = $9 OR $9 IS NULL) \
    ORDER BY time, stream, n LIMIT $10";
const CHANGES_NEWEST: &str = "SELECT history, seq, event, at FROM change \
    WHERE realm = $1 AND (history, seq) < ($2, $3) AND at >= $4 AND at < $5 \
    ORDER BY history DESC, seq DESC LIMIT $6";
const CHANGES_OLDEST: &str = "SELECT history, seq, event, at FROM change \
    WHERE realm = $1 AND (history, seq) > ($2, $3) AND at >= $4 AND at < $5 \
    ORDER BY history, seq LIMIT $6";
const FACT_AT: &str = "SELECT stream, n, time, kind, subject, actor, body FROM ledger \
    WHERE realm = $1 AND stream = $2 AND n = $3";
const CHANGE_AT: &str = "SELECT history, seq, event, at FROM change \
    WHERE realm = $1 AND history = $2 AND seq = $3";

/// Every statement of this slice, for the test that prepares them on both engines.
pub(crate) const STATEMENTS: &[&str] =
    &[FACTS_NEWEST, FACTS_OLDEST, CHANGES_NEWEST, CHANGES_OLDEST, FACT_AT, CHANGE_AT];
