//! Rows of authorities, and the number of the bundle.

use super::model::{Line, Manager, Purpose, Slot, State};
use crate::crypto::digest::hex;
use crate::crypto::keys::{Algorithm, PublicKey};
use crate::crypto::x509::{CertificateView, split_chain};
use crate::db::{Row, Tx, Value};
use crate::kernel::{AuthorityId, Fault, Timestamp};

/// An authority with its private key as the database has it.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) slot: Slot,
    pub(super) sealed_key: Option<Vec<u8>>,
    pub(super) key_version: i64,
}

/// The number of a realm's bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) sequence: i64,
    /// The history of the change log in which it was given.
    pub(super) history: i64,
}

/// All authorities of the realm, oldest first.
pub(super) async fn all(tx: &mut Tx) -> Result<Vec<Stored>, Fault> {
    tx.rows(ALL, &[]).await?.iter().map(stored).collect()
}

/// One authority.
pub(super) async fn find(tx: &mut Tx, id: AuthorityId) -> Result<Option<Stored>, Fault> {
    let id = id.to_string();
    tx.row(FIND, &[Value::from(&id)]).await?.as_ref().map(stored).transpose()
}

/// A new authority, unless one of its line is prepared already. True if it was stored.
pub(super) async fn insert(tx: &mut Tx, new: &Stored, sequence: i64) -> Result<bool, Fault> {
    let slot = &new.slot;
    let id = slot.id.to_string();
    let upstream = slot.upstream.concat();
    let stored = tx
        .execute(
            INSERT,
            &[
                Value::from(&id),
                Value::from(slot.purpose.as_str()),
                Value::from(slot.manager.as_str()),
                Value::from(slot.algorithm.as_str()),
                Value::from(slot.public_key.spki()),
                Value::from(new.sealed_key.as_deref()),
                Value::from(slot.certificate.as_deref()),
                Value::from((!upstream.is_empty()).then_some(upstream.as_slice())),
                Value::from(slot.not_before),
                Value::from(slot.not_after),
                Value::from(sequence),
                Value::from(slot.prepared_at),
            ],
        )
        .await?;
    Ok(stored == 1)
}

/// Whoever signs for this line stops: its key is forgotten.
pub(super) async fn retire(tx: &mut Tx, line: Line, now: Timestamp) -> Result<Vec<String>, Fault> {
    let (purpose, algorithm) = (line.purpose.as_str(), line.algorithm.as_str());
    let values = [Value::from(purpose), Value::from(now), Value::from(algorithm)];
    let rows = tx.rows(RETIRE, &values).await?;
    rows.iter().map(|row| row.text("id")).collect()
}

/// A prepared authority signs from now on. True if it was prepared.
pub(super) async fn activate(tx: &mut Tx, id: AuthorityId, now: Timestamp) -> Result<bool, Fault> {
    let id = id.to_string();
    Ok(tx.execute(ACTIVATE, &[Value::from(&id), Value::from(now)]).await? == 1)
}

/// An old authority is tainted. True if it was old and not tainted.
pub(super) async fn taint(tx: &mut Tx, id: AuthorityId, now: Timestamp) -> Result<bool, Fault> {
    let id = id.to_string();
    Ok(tx.execute(TAINT, &[Value::from(&id), Value::from(now)]).await? == 1)
}

/// A tainted authority leaves the bundle. True if it was old and tainted.
pub(super) async fn revoke(tx: &mut Tx, id: AuthorityId, now: Timestamp) -> Result<bool, Fault> {
    let id = id.to_string();
    Ok(tx.execute(REVOKE, &[Value::from(&id), Value::from(now)]).await? == 1)
}

/// An authority that does not sign is forgotten. True if it was there.
pub(super) async fn remove(tx: &mut Tx, id: AuthorityId) -> Result<bool, Fault> {
    let id = id.to_string();
    Ok(tx.execute(REMOVE, &[Value::from(&id)]).await? == 1)
}

/// Puts another blob in the place of a sealed key, if the row still has the version that was opened. True if it did.
pub(super) async fn reseal(
    tx: &mut Tx,
    id: AuthorityId,
    version: i64,
    blob: &[u8],
) -> Result<bool, Fault> {
    let id = id.to_string();
    Ok(tx.execute(RESEAL, &[Value::from(&id), Value::from(version), Value::from(blob)]).await? == 1)
}

/// The number of the bundle; nothing before the first authority.
pub(super) async fn head(tx: &mut Tx) -> Result<Option<Head>, Fault> {
    let row = tx.row(HEAD, &[]).await?;
    row.map(|row| Ok(Head { sequence: row.int("sequence")?, history: row.int("history")? }))
        .transpose()
}

/// The next number of the bundle: one more, or the seconds of now if that is more. So it rises across a restore of the
/// database too, and those who have a newer bundle than the backup still take the next one.
pub(super) async fn next_sequence(tx: &mut Tx, now: Timestamp) -> Result<i64, Fault> {
    let history = tx.head().await?.history;
    let row =
        tx.row(NEXT_SEQUENCE, &[Value::from(now.seconds().max(1)), Value::from(history)]).await?;
    row.ok_or_else(|| Fault::bug("a bundle has no number"))?.int("sequence")
}

fn stored(row: &Row) -> Result<Stored, Fault> {
    let bad = |column: &'static str| {
        Fault::malformed("authority row", format!("`{column}` has an unknown value"))
    };
    let id = AuthorityId::parse(&row.text("id")?)
        .map_err(|error| Fault::malformed("authority row", error))?;
    let purpose = Purpose::parse(&row.text("purpose")?).ok_or_else(|| bad("purpose"))?;
    let state =
        State::parse(&row.text("state")?, row.flag("tainted")?).ok_or_else(|| bad("state"))?;
    let public_key =
        PublicKey::from_spki_der(&row.bytes("public_key")?).map_err(|_| bad("public_key"))?;
    let certificate = row.bytes_or_null("certificate")?;
    let upstream = row.bytes_or_null("upstream")?.unwrap_or_default();
    let slot = Slot {
        id,
        purpose,
        state,
        manager: Manager::parse(&row.text("manager")?).ok_or_else(|| bad("manager"))?,
        algorithm: Algorithm::parse(&row.text("algorithm")?).ok_or_else(|| bad("algorithm"))?,
        key_id: key_id(certificate.as_deref(), &public_key).ok_or_else(|| bad("certificate"))?,
        public_key,
        certificate,
        upstream: split_chain(&upstream).map_err(|_| bad("upstream"))?,
        not_before: row.time("not_before")?,
        not_after: row.time("not_after")?,
        prepared_at: row.time("prepared_at")?,
        changed_at: row.time("changed_at")?,
        published_sequence: row.int("published_sequence")?,
    };
    Ok(Stored {
        slot,
        sealed_key: row.bytes_or_null("sealed_key")?,
        key_version: row.int("key_version")?,
    })
}

/// The name of a key where it signs: the subject key identifier of its certificate, as SPIRE names authorities; for a JWT
/// key half of the digest of the key, so that equal keys have equal names and no two have the same.
pub(super) fn key_id(certificate: Option<&[u8]>, key: &PublicKey) -> Option<String> {
    match certificate {
        Some(der) => CertificateView::parse(der).ok()?.subject_key_id.map(|id| hex(&id)),
        None => key.digest().get(..16).map(hex),
    }
}

const ALL: &str = "SELECT id, purpose, state, tainted, manager, algorithm, public_key, sealed_key, key_version, \
     certificate, upstream, not_before, not_after, published_sequence, prepared_at, changed_at \
     FROM authority WHERE realm = $1 ORDER BY published_sequence, id";
const FIND: &str = "SELECT id, purpose, state, tainted, manager, algorithm, public_key, sealed_key, key_version, \
     certificate, upstream, not_before, not_after, published_sequence, prepared_at, changed_at \
     FROM authority WHERE realm = $1 AND id = $2";
const INSERT: &str = "INSERT INTO authority (realm, id, purpose, state, tainted, manager, algorithm, public_key, \
     sealed_key, key_version, certificate, upstream, not_before, not_after, published_sequence, prepared_at, changed_at) \
     VALUES ($1, $2, $3, 'prepared', 0, $4, $5, $6, $7, 1, $8, $9, $10, $11, $12, $13, $13) ON CONFLICT DO NOTHING";
const RETIRE: &str = "UPDATE authority SET state = 'old', sealed_key = NULL, changed_at = $3 \
     WHERE realm = $1 AND purpose = $2 AND algorithm = $4 AND state = 'active' RETURNING id";
const ACTIVATE: &str = "UPDATE authority SET state = 'active', changed_at = $3 \
     WHERE realm = $1 AND id = $2 AND state = 'prepared'";
const TAINT: &str = "UPDATE authority SET tainted = 1, changed_at = $3 \
     WHERE realm = $1 AND id = $2 AND state = 'old' AND tainted = 0";
const REVOKE: &str = "UPDATE authority SET state = 'revoked', changed_at = $3 \
     WHERE realm = $1 AND id = $2 AND state = 'old' AND tainted = 1";
const REMOVE: &str = "DELETE FROM authority WHERE realm = $1 AND id = $2 AND state <> 'active'";
const RESEAL: &str = "UPDATE authority SET sealed_key = $4, key_version = key_version + 1 \
     WHERE realm = $1 AND id = $2 AND key_version = $3 AND sealed_key IS NOT NULL";
const HEAD: &str = "SELECT sequence, history FROM bundle_head WHERE realm = $1";
const NEXT_SEQUENCE: &str = "INSERT INTO bundle_head (realm, sequence, history) VALUES ($1, $2, $3) \
     ON CONFLICT (realm) DO UPDATE SET history = excluded.history, sequence = CASE \
     WHEN bundle_head.sequence >= excluded.sequence THEN bundle_head.sequence + 1 ELSE excluded.sequence END \
     RETURNING sequence";

/// Every statement of this slice.
pub(crate) const STATEMENTS: &[&str] =
    &[ALL, FIND, INSERT, RETIRE, ACTIVATE, TAINT, REVOKE, REMOVE, RESEAL, HEAD, NEXT_SEQUENCE];
