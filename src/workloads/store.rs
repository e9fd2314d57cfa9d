//! Rows of registration entries. The index is read from here, and nothing else is.

use super::model::{Entry, Terms};
use crate::crypto::digest::sha256;
use crate::db::{Row, Tx, Value};
use crate::kernel::{
    EntryId, Fault, Lifetime, Selector, SpiffeId, SubjectId, Timestamp, TrustDomain,
};

/// Why an entry was not inserted or changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Clash {
    /// The id is taken.
    Id,
    /// That entry has the same parent, SPIFFE ID and selectors.
    Like(EntryId),
}

/// At most `limit` entries behind `after`, in the order of ids; it takes a page at a time to read all of them.
pub(super) async fn page(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Entry>, Fault> {
    tx.rows(PAGE, &[after.into(), limit.into()]).await?.iter().map(entry).collect()
}

pub(super) async fn find(tx: &mut Tx, id: &str) -> Result<Option<Entry>, Fault> {
    tx.row(FIND, &[id.into()]).await?.as_ref().map(entry).transpose()
}

/// Those of these entries that there are. Many at once, because on PostgreSQL each statement is a round trip.
pub(super) async fn find_all(tx: &mut Tx, ids: &[String]) -> Result<Vec<Entry>, Fault> {
    let mut found = Vec::with_capacity(ids.len());
    for some in ids.chunks(AT_ONCE) {
        if let [id] = some {
            found.extend(find(tx, id).await?);
            continue;
        }
        // The text has a fixed number of places: the last id fills those that are left.
        let last = some.last().map(String::as_str).unwrap_or_default();
        let places = some.iter().map(String::as_str).chain(std::iter::repeat(last)).take(AT_ONCE);
        let places: Vec<Value<'_>> = places.map(Value::from).collect();
        for row in tx.rows(FIND_8, &places).await? {
            found.push(entry(&row)?);
        }
    }
    Ok(found)
}

/// The places of `FIND_8`.
const AT_ONCE: usize = 8;

/// Inserts the entry, unless its id or its likeness is taken.
pub(super) async fn insert(tx: &mut Tx, entry: &Entry) -> Result<Result<(), Clash>, Fault> {
    let columns = Columns::of(entry);
    if tx.execute(INSERT, &columns.values(entry)).await? == 1 {
        return Ok(Ok(()));
    }
    match like(tx, &columns.likeness).await? {
        Some(other) if other != entry.id => Ok(Err(Clash::Like(other))),
        _ => Ok(Err(Clash::Id)),
    }
}

/// Writes the entry over the row of its id, unless another has its likeness. The caller has read the row in this
/// transaction, and changes of a realm run one after the other.
pub(super) async fn update(tx: &mut Tx, entry: &Entry) -> Result<Result<(), Clash>, Fault> {
    let columns = Columns::of(entry);
    match like(tx, &columns.likeness).await? {
        Some(other) if other != entry.id => return Ok(Err(Clash::Like(other))),
        _ => {}
    }
    match tx.execute(UPDATE, &columns.values(entry)).await? {
        1 => Ok(Ok(())),
        n => Err(Fault::bug(format!("an update of one entry touched {n} rows"))),
    }
}

pub(super) async fn delete(tx: &mut Tx, id: &EntryId) -> Result<bool, Fault> {
    Ok(tx.execute(DELETE, &[id.as_str().into()]).await? == 1)
}

/// Entries whose expiry has come, longest ago first.
pub(super) async fn expired(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<Entry>, Fault> {
    tx.rows(EXPIRED, &[now.into(), limit.into()]).await?.iter().map(entry).collect()
}

async fn like(tx: &mut Tx, likeness: &[u8; 32]) -> Result<Option<EntryId>, Fault> {
    let row = tx.row(LIKE, &[likeness.as_slice().into()]).await?;
    row.map(|row| id(&row.text("id")?)).transpose()
}

/// What has to be made for a row and lives as long as its parameters.
struct Columns {
    number: String,
    selectors: String,
    likeness: [u8; 32],
    federates_with: Option<String>,
    dns_names: Option<String>,
}

impl Columns {
    fn of(entry: &Entry) -> Self {
        let terms = &entry.terms;
        let selectors = json(terms.selectors.iter().map(ToString::to_string).collect());
        let said = format!("{}\n{}\n{selectors}", terms.parent_id, terms.spiffe_id);
        let federates: Vec<_> = terms.federates_with.iter().map(ToString::to_string).collect();
        let names: Vec<_> = terms.dns_names.iter().map(ToString::to_string).collect();
        Self {
            number: entry.number.to_string(),
            selectors,
            likeness: sha256(said.as_bytes()),
            federates_with: (!federates.is_empty()).then(|| json(federates)),
            dns_names: (!names.is_empty()).then(|| json(names)),
        }
    }

    /// `$2` to `$20`, in the order of `INSERT` and `UPDATE`.
    fn values<'a>(&'a self, entry: &'a Entry) -> [Value<'a>; 19] {
        let terms = &entry.terms;
        [
            entry.id.as_str().into(),
            (&self.number).into(),
            entry.revision.into(),
            entry.created_at.into(),
            terms.spiffe_id.as_str().into(),
            terms.parent_id.as_str().into(),
            (&self.selectors).into(),
            self.likeness.as_slice().into(),
            terms.x509_svid_ttl.map(Lifetime::as_micros).into(),
            terms.jwt_svid_ttl.map(Lifetime::as_micros).into(),
            self.federates_with.as_deref().into(),
            terms.admin.into(),
            terms.downstream.into(),
            terms.expires_at.into(),
            self.dns_names.as_deref().into(),
            terms.store_svid.into(),
            terms.hint.as_deref().into(),
            terms.disable_x509_svid_prefetch.into(),
            terms.jwt_svid_include_jti.into(),
        ]
    }
}

fn json(texts: Vec<String>) -> String {
    serde_json::Value::from(texts).to_string()
}

fn entry(row: &Row) -> Result<Entry, Fault> {
    let texts = |column: &str| -> Result<Vec<String>, Fault> {
        match row.str_or_null(column)? {
            Some(text) => serde_json::from_str(text).map_err(malformed),
            None => Ok(Vec::new()),
        }
    };
    let ttl = |column: &str| Ok::<_, Fault>(row.int_or_null(column)?.map(Lifetime::micros));
    let selectors: Result<_, _> = texts("selectors")?.iter().map(|s| Selector::parse(s)).collect();
    let federates: Result<_, _> =
        texts("federates_with")?.iter().map(|s| TrustDomain::parse(s)).collect();
    Ok(Entry {
        id: id(row.str("id")?)?,
        number: SubjectId::parse(row.str("number")?).map_err(malformed)?,
        revision: row.int("revision")?,
        created_at: row.time("created_at")?,
        terms: Terms {
            spiffe_id: SpiffeId::parse(row.str("spiffe_id")?).map_err(malformed)?,
            parent_id: SpiffeId::parse(row.str("parent_id")?).map_err(malformed)?,
            selectors: selectors.map_err(malformed)?,
            x509_svid_ttl: ttl("x509_svid_ttl")?,
            jwt_svid_ttl: ttl("jwt_svid_ttl")?,
            federates_with: federates.map_err(malformed)?,
            admin: row.flag("admin")?,
            downstream: row.flag("downstream")?,
            expires_at: row.time_or_null("expires_at")?,
            dns_names: texts("dns_names")?.into_iter().map(Into::into).collect(),
            store_svid: row.flag("store_svid")?,
            hint: row.str_or_null("hint")?.map(Into::into),
            disable_x509_svid_prefetch: row.flag("disable_x509_svid_prefetch")?,
            jwt_svid_include_jti: row.flag("jwt_svid_include_jti")?,
        },
    })
}

fn id(text: &str) -> Result<EntryId, Fault> {
    EntryId::parse(text).map_err(malformed)
}

fn malformed(cause: impl std::fmt::Display) -> Fault {
    Fault::malformed("entry row", cause)
}

const INSERT: &str = "INSERT INTO entry (realm, id, number, revision, created_at, spiffe_id, \
    parent_id, selectors, likeness, x509_svid_ttl, jwt_svid_ttl, federates_with, admin, \
    downstream, expires_at, dns_names, store_svid, hint, disable_x509_svid_prefetch, \
    jwt_svid_include_jti) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, \
    $20) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE entry SET number = $3, revision = $4, created_at = $5, \
    spiffe_id = $6, parent_id = $7, selectors = $8, likeness = $9, x509_svid_ttl = $10, \
    jwt_svid_ttl = $11, federates_with = $12, admin = $13, downstream = $14, expires_at = $15, \
    dns_names = $16, store_svid = $17, hint = $18, disable_x509_svid_prefetch = $19, \
    jwt_svid_include_jti = $20 WHERE realm = $1 AND id = $2";
const DELETE: &str = "DELETE FROM entry WHERE realm = $1 AND id = $2";
const FIND: &str = "SELECT * FROM entry WHERE realm = $1 AND id = $2";
const FIND_8: &str =
    "SELECT * FROM entry WHERE realm = $1 AND id IN ($2, $3, $4, $5, $6, $7, $8, $9)";
const LIKE: &str = "SELECT id FROM entry WHERE realm = $1 AND likeness = $2";
const PAGE: &str = "SELECT * FROM entry WHERE realm = $1 AND id > $2 ORDER BY id LIMIT $3";
const EXPIRED: &str =
    "SELECT * FROM entry WHERE realm = $1 AND expires_at <= $2 ORDER BY expires_at, id LIMIT $3";

/// Every statement of this slice; a test prepares them on both engines.
pub(crate) const STATEMENTS: &[&str] = &[INSERT, UPDATE, DELETE, FIND, FIND_8, LIKE, PAGE, EXPIRED];
