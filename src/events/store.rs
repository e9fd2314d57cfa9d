//! Rows of events: keys, the ledger, and facts that wait for their number.

use uuid::Uuid;

use crate::db::{Engine, Row, Tx, Value};
use crate::kernel::{Fault, SubjectId, Timestamp};

use super::keys::NewKey;
use super::model::{Fact, Header, Sealed, Stream};

/// The row of a data key; without `sealed`, its person was erased.
#[derive(Debug)]
pub(super) struct KeyRow {
    pub(super) owner: String,
    pub(super) id: [u8; 16],
    pub(super) sealed: Option<Vec<u8>>,
}

/// The key of this owner.
pub(super) async fn key_of(tx: &mut Tx, owner: &str) -> Result<Option<KeyRow>, Fault> {
    tx.row(KEY_OF, &[owner.into()]).await?.map(|row| key_row(&row)).transpose()
}

/// The key with this id.
pub(super) async fn key_by_id(tx: &mut Tx, id: [u8; 16]) -> Result<Option<KeyRow>, Fault> {
    tx.row(KEY_BY_ID, &[id.as_slice().into()]).await?.map(|row| key_row(&row)).transpose()
}

/// The realm's key, and those of days from this one on.
pub(super) async fn fixed_keys(tx: &mut Tx, from_day: i64) -> Result<Vec<KeyRow>, Fault> {
    tx.rows(FIXED_KEYS, &[from_day.into()]).await?.iter().map(key_row).collect()
}

/// All keys that are left.
pub(super) async fn all_keys(tx: &mut Tx) -> Result<Vec<KeyRow>, Fault> {
    tx.rows(ALL_KEYS, &[]).await?.iter().map(key_row).collect()
}

/// Stores a key unless its owner has one; gives the one that is there now.
pub(super) async fn ensure_key(tx: &mut Tx, new: &NewKey, now: Timestamp) -> Result<KeyRow, Fault> {
    let values = [
        Value::from(&new.owner),
        new.day.into(),
        new.id.as_slice().into(),
        Value::from(&new.sealed),
        now.into(),
    ];
    tx.execute(ENSURE_KEY, &values).await?;
    key_of(tx, &new.owner)
        .await?
        .ok_or_else(|| Fault::bug("an event key is gone right after it was stored"))
}

/// Seals a key's row anew, if nobody else did or erased it meanwhile.
pub(super) async fn reseal_key(
    tx: &mut Tx,
    id: [u8; 16],
    old: &[u8],
    new: &[u8],
) -> Result<u64, Fault> {
    tx.execute(RESEAL_KEY, &[id.as_slice().into(), old.into(), new.into()]).await
}

/// Removes a person's key for ever and says so in its place.
pub(super) async fn erase_key(
    tx: &mut Tx,
    tombstone: &NewKey,
    now: Timestamp,
) -> Result<(), Fault> {
    let values = [Value::from(&tombstone.owner), tombstone.id.as_slice().into(), now.into()];
    tx.execute(ERASE_KEY, &values).await.map(drop)
}

/// Removes the keys of days before this one; gives how many there were.
pub(super) async fn drop_days_before(tx: &mut Tx, day: i64) -> Result<u64, Fault> {
    tx.execute(DROP_DAYS, &[day.into()]).await
}

/// Inserts facts of one realm and stream; those that are there already are left alone. Gives how many were new.
pub(super) async fn insert(
    tx: &mut Tx,
    engine: Engine,
    stream: Stream,
    facts: &[Fact],
) -> Result<u64, Fault> {
    let mut rest = facts;
    let mut inserted = 0;
    while !rest.is_empty() {
        // One row at a time costs SQLite nothing, and PostgreSQL a round trip.
        let (text, count) = match (engine, rest.len()) {
            (Engine::Postgres, 64..) => (INSERT_64, 64),
            (Engine::Postgres, 8..) => (INSERT_8, 8),
            _ => (INSERT_1, 1),
        };
        let (now, later) = rest.split_at_checked(count).unwrap_or((rest, &[]));
        let owned: Vec<FactValues> = now.iter().map(FactValues::of).collect::<Result<_, _>>()?;
        let mut values = vec![Value::from(stream.0.as_slice())];
        for fact in &owned {
            fact.push(&mut values);
        }
        inserted += tx.execute(text, &values).await?;
        rest = later;
    }
    Ok(inserted)
}

/// The numbers among these facts under which the ledger has something else.
pub(super) async fn differing(
    tx: &mut Tx,
    stream: Stream,
    facts: &[Fact],
) -> Result<Vec<u64>, Fault> {
    let (Some(first), Some(last)) = (facts.first(), facts.last()) else { return Ok(Vec::new()) };
    let range = [stream.0.as_slice().into(), number(first.n)?.into(), number(last.n)?.into()];
    let rows = tx.rows(RANGE, &range).await?;
    let mut differing = Vec::new();
    for row in &rows {
        let n = u64::try_from(row.int("n")?).map_err(Fault::bug)?;
        let stored = Sealed::from_row(row)?;
        if facts.iter().any(|fact| fact.n == n && fact.sealed != stored) {
            differing.push(n);
        }
    }
    Ok(differing)
}

/// Stores an event that the database will number.
pub(super) async fn insert_unnumbered(tx: &mut Tx, id: Uuid, event: &Sealed) -> Result<(), Fault> {
    let id = id.simple().to_string();
    let (subject, actor) = (bytes_of(event.header.subject), bytes_of(event.header.actor));
    let values = [
        Value::from(&id),
        event.header.time.into(),
        Value::from(&event.header.kind),
        subject.as_ref().map(<[u8; 16]>::as_slice).into(),
        actor.as_ref().map(<[u8; 16]>::as_slice).into(),
        Value::from(&event.body),
    ];
    tx.execute(INSERT_UNNUMBERED, &values).await.map(drop)
}

/// True if events wait for their number: asked often, and almost always answered with no.
pub(super) async fn has_unnumbered(tx: &mut Tx) -> Result<bool, Fault> {
    tx.row(HAS_UNNUMBERED, &[]).await.map(|row| row.is_some())
}

/// Numbers at most 64 waiting events of the realm; gives how many.
pub(super) async fn number_some(tx: &mut Tx, engine: Engine) -> Result<u64, Fault> {
    tx.execute(ENSURE_HEAD, &[]).await?;
    // Locks the head, so that of two replicas that number at once one waits for the other.
    let head =
        tx.row(LOCK_HEAD, &[]).await?.ok_or_else(|| Fault::bug("a ledger without a head"))?;
    let mut n = u64::try_from(head.int("n")?).map_err(Fault::bug)?;
    let rows = tx.rows(UNNUMBERED, &[]).await?;
    let (Some(_), Some(last)) = (rows.first(), rows.last()) else { return Ok(0) };
    let mut facts = Vec::with_capacity(rows.len());
    let mut ids = Vec::with_capacity(UNNUMBERED_AT_ONCE);
    for row in &rows {
        n += 1;
        facts.push(Fact { realm: tx.realm(), n, sealed: Sealed::from_row(row)? });
        ids.push(row.text("id")?);
    }
    // The text takes 64 ids: a shorter list repeats its last.
    ids.resize(UNNUMBERED_AT_ONCE, last.text("id")?);
    let inserted = insert(tx, engine, Stream::DB, &facts).await?;
    let values: Vec<Value<'_>> = ids.iter().map(Value::from).collect();
    let deleted = tx.execute(DELETE_UNNUMBERED_64, &values).await?;
    tx.execute(MOVE_HEAD, &[number(n)?.into()]).await?;
    if inserted != deleted {
        return Err(Fault::bug("numbering events moved another count than it removed"));
    }
    Ok(inserted)
}

/// Removes at most a thousand facts older than `before`; gives how many.
pub(super) async fn drop_facts_before(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    tx.execute(DROP_FACTS, &[before.into()]).await
}

impl Sealed {
    /// From a row with the columns `time, kind, subject, actor, body`.
    pub(crate) fn from_row(row: &Row) -> Result<Self, Fault> {
        let header = Header {
            time: row.time("time")?,
            kind: row.text("kind")?,
            subject: subject_of(row.bytes_or_null("subject")?)?,
            actor: subject_of(row.bytes_or_null("actor")?)?,
        };
        Ok(Self { header, body: row.bytes("body")? })
    }
}

/// A fact's values, borrowed by the statement.
struct FactValues<'a> {
    n: i64,
    fact: &'a Sealed,
    subject: Option<[u8; 16]>,
    actor: Option<[u8; 16]>,
}

impl<'a> FactValues<'a> {
    fn of(fact: &'a Fact) -> Result<Self, Fault> {
        let header = &fact.sealed.header;
        let (subject, actor) = (bytes_of(header.subject), bytes_of(header.actor));
        Ok(Self { n: number(fact.n)?, fact: &fact.sealed, subject, actor })
    }

    fn push<'b>(&'b self, values: &mut Vec<Value<'b>>) {
        values.push(self.n.into());
        values.push(self.fact.header.time.into());
        values.push(Value::from(&self.fact.header.kind));
        values.push(self.subject.as_ref().map(<[u8; 16]>::as_slice).into());
        values.push(self.actor.as_ref().map(<[u8; 16]>::as_slice).into());
        values.push(Value::from(&self.fact.body));
    }
}

fn key_row(row: &Row) -> Result<KeyRow, Fault> {
    let id = <[u8; 16]>::try_from(row.bytes("id")?.as_slice());
    let id = id.map_err(|_| Fault::malformed("row", "the id of an event key has not 16 bytes"))?;
    Ok(KeyRow { owner: row.text("owner")?, id, sealed: row.bytes_or_null("sealed")? })
}

fn bytes_of(number: Option<SubjectId>) -> Option<[u8; 16]> {
    number.map(|number| *number.uuid().as_bytes())
}

fn subject_of(bytes: Option<Vec<u8>>) -> Result<Option<SubjectId>, Fault> {
    let Some(bytes) = bytes else { return Ok(None) };
    let uuid = Uuid::from_slice(&bytes).map_err(|error| Fault::malformed("row", error))?;
    Ok(Some(SubjectId::new(uuid)))
}

fn number(n: u64) -> Result<i64, Fault> {
    i64::try_from(n).map_err(Fault::bug)
}

const UNNUMBERED_AT_ONCE: usize = 64;

const KEY_OF: &str = "SELECT owner, id, sealed FROM event_key WHERE realm = $1 AND owner = $2";
const KEY_BY_ID: &str = "SELECT owner, id, sealed FROM event_key WHERE realm = $1 AND id = $2";
const FIXED_KEYS: &str = "SELECT owner, id, sealed FROM event_key \
    WHERE realm = $1 AND (owner = 'realm' OR day >= $2)";
const ALL_KEYS: &str =
    "SELECT owner, id, sealed FROM event_key WHERE realm = $1 AND sealed IS NOT NULL ORDER BY id";
const ENSURE_KEY: &str = "INSERT INTO event_key (realm, owner, day, id, sealed, made) \
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (realm, owner) DO NOTHING";
const RESEAL_KEY: &str =
    "UPDATE event_key SET sealed = $4 WHERE realm = $1 AND id = $2 AND sealed = $3";
const ERASE_KEY: &str = "INSERT INTO event_key (realm, owner, id, sealed, made) \
    VALUES ($1, $2, $3, NULL, $4) ON CONFLICT (realm, owner) DO UPDATE SET sealed = NULL";
const DROP_DAYS: &str = "DELETE FROM event_key WHERE realm = $1 AND day < $2";

const INSERT_1: &str = "INSERT INTO ledger \
    (realm, stream, n, time, kind, subject, actor, body) VALUES \
    ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (realm, stream, n) DO NOTHING";
const RANGE: &str = "SELECT n, time, kind, subject, actor, body FROM ledger \
    WHERE realm = $1 AND stream = $2 AND n >= $3 AND n <= $4";
const DROP_FACTS: &str = "DELETE FROM ledger WHERE realm = $1 AND (stream, n) IN \
    (SELECT stream, n FROM ledger WHERE realm = $1 AND time < $2 ORDER BY time LIMIT 1000)";

const INSERT_UNNUMBERED: &str = "INSERT INTO ledger_unnumbered \
    (realm, id, time, kind, subject, actor, body) VALUES ($1, $2, $3, $4, $5, $6, $7)";
const UNNUMBERED: &str = "SELECT id, time, kind, subject, actor, body FROM ledger_unnumbered \
    WHERE realm = $1 ORDER BY id LIMIT 64";
const HAS_UNNUMBERED: &str = "SELECT id FROM ledger_unnumbered WHERE realm = $1 LIMIT 1";
const ENSURE_HEAD: &str =
    "INSERT INTO ledger_head (realm, n) VALUES ($1, 0) ON CONFLICT (realm) DO NOTHING";
const LOCK_HEAD: &str = "UPDATE ledger_head SET n = n WHERE realm = $1 RETURNING n";
const MOVE_HEAD: &str = "UPDATE ledger_head SET n = $2 WHERE realm = $1";

const INSERT_8: &str = {
    const TEXT: &Text = &Text::insert(8);
    TEXT.as_str()
};
const INSERT_64: &str = {
    const TEXT: &Text = &Text::insert(64);
    TEXT.as_str()
};
const DELETE_UNNUMBERED_64: &str = {
    const TEXT: &Text = &Text::delete(UNNUMBERED_AT_ONCE);
    TEXT.as_str()
};

/// A statement of many rows, written by the compiler.
struct Text {
    bytes: [u8; 4096],
    length: usize,
}

impl Text {
    /// `INSERT_1` for this many rows of one stream (`$2`).
    const fn insert(rows: usize) -> Self {
        let mut text = Self { bytes: [b' '; 4096], length: 0 };
        text = text.push(
            "INSERT INTO ledger (realm, stream, n, time, kind, subject, actor, body) VALUES ",
        );
        let mut parameter = 3;
        let mut row = 0;
        while row < rows {
            text = text.push(if row == 0 { "($1, $2" } else { ", ($1, $2" });
            let mut column = 0;
            while column < 6 {
                text = text.push(", $").number(parameter);
                parameter += 1;
                column += 1;
            }
            text = text.push(")");
            row += 1;
        }
        text.push(" ON CONFLICT (realm, stream, n) DO NOTHING")
    }

    /// Deletes the waiting events with these ids.
    const fn delete(ids: usize) -> Self {
        let mut text = Self { bytes: [b' '; 4096], length: 0 };
        text = text.push("DELETE FROM ledger_unnumbered WHERE realm = $1 AND id IN ($2");
        let mut id = 1;
        while id < ids {
            text = text.push(", $").number(id + 2);
            id += 1;
        }
        text.push(")")
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "runs in the compiler: out of range does not compile"
    )]
    const fn push(mut self, part: &str) -> Self {
        let part = part.as_bytes();
        let mut at = 0;
        while at < part.len() {
            self.bytes[self.length] = part[at];
            self.length += 1;
            at += 1;
        }
        self
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "runs in the compiler: out of range does not compile"
    )]
    const fn number(self, number: usize) -> Self {
        const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
        if number < 10 {
            self.push(DIGITS[number])
        } else {
            self.number(number / 10).push(DIGITS[number % 10])
        }
    }

    const fn as_str(&self) -> &str {
        match std::str::from_utf8(self.bytes.split_at(self.length).0) {
            Ok(text) => text,
            Err(_) => "",
        }
    }
}

/// The whole ledger of a realm, for tests.
#[cfg(test)]
#[cfg(feature = "testkit")]
pub(super) async fn whole_ledger(tx: &mut Tx) -> Result<Vec<(Stream, u64, Sealed)>, Fault> {
    const WHOLE: &str = "SELECT stream, n, time, kind, subject, actor, body FROM ledger \
        WHERE realm = $1 ORDER BY stream, n";
    let mut facts = Vec::new();
    for row in tx.rows(WHOLE, &[]).await? {
        let stream = <[u8; 16]>::try_from(row.bytes("stream")?.as_slice()).map_err(Fault::bug)?;
        let n = u64::try_from(row.int("n")?).map_err(Fault::bug)?;
        facts.push((Stream(stream), n, Sealed::from_row(&row)?));
    }
    Ok(facts)
}

/// Removes all keys of the realm, as if an older backup had been restored: for tests.
#[cfg(test)]
#[cfg(feature = "testkit")]
pub(super) async fn lose_keys(tx: &mut Tx) -> Result<u64, Fault> {
    const LOSE: &str = "DELETE FROM event_key WHERE realm = $1";
    tx.execute(LOSE, &[]).await
}

/// Takes the ledger's table away, or brings it back: for tests of a database that fails.
#[cfg(test)]
#[cfg(feature = "testkit")]
pub(super) async fn hide_ledger(tx: &mut Tx, hidden: bool) -> Result<(), Fault> {
    const AWAY: &str = "ALTER TABLE ledger RENAME TO ledger_away";
    const BACK: &str = "ALTER TABLE ledger_away RENAME TO ledger";
    tx.execute(if hidden { AWAY } else { BACK }, &[]).await.map(drop)
}

/// Every statement of this slice, for the test that prepares them on both engines.
pub(crate) const STATEMENTS: &[&str] = &[
    KEY_OF,
    KEY_BY_ID,
    FIXED_KEYS,
    ALL_KEYS,
    ENSURE_KEY,
    RESEAL_KEY,
    ERASE_KEY,
    DROP_DAYS,
    INSERT_1,
    INSERT_8,
    INSERT_64,
    RANGE,
    DROP_FACTS,
    INSERT_UNNUMBERED,
    UNNUMBERED,
    HAS_UNNUMBERED,
    ENSURE_HEAD,
    LOCK_HEAD,
    MOVE_HEAD,
    DELETE_UNNUMBERED_64,
];
