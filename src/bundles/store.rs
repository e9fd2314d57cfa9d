//! Rows of foreign bundles.

use crate::db::{Row, Tx, Value};
use crate::kernel::{Fault, Timestamp, TrustDomain};

/// A foreign bundle as the database has it.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) trust_domain: TrustDomain,
    pub(super) document: String,
    pub(super) changed_at: Timestamp,
}

/// All foreign bundles of the realm.
pub(super) async fn all(tx: &mut Tx) -> Result<Vec<Stored>, Fault> {
    tx.rows(ALL, &[]).await?.iter().map(stored).collect()
}

/// One foreign bundle.
pub(super) async fn find(tx: &mut Tx, trust_domain: &TrustDomain) -> Result<Option<Stored>, Fault> {
    tx.row(FIND, &[Value::from(trust_domain.as_str())]).await?.as_ref().map(stored).transpose()
}

/// Puts a foreign bundle in the place of the one that is there.
pub(super) async fn put(tx: &mut Tx, bundle: &Stored) -> Result<(), Fault> {
    let values = [
        Value::from(bundle.trust_domain.as_str()),
        Value::from(&bundle.document),
        Value::from(bundle.changed_at),
    ];
    tx.execute(PUT, &values).await.map(drop)
}

/// Deletes a foreign bundle. True if it was there.
pub(super) async fn delete(tx: &mut Tx, trust_domain: &TrustDomain) -> Result<bool, Fault> {
    Ok(tx.execute(DELETE, &[Value::from(trust_domain.as_str())]).await? == 1)
}

fn stored(row: &Row) -> Result<Stored, Fault> {
    let trust_domain = TrustDomain::parse(&row.text("trust_domain")?)
        .map_err(|error| Fault::malformed("foreign bundle row", error))?;
    Ok(Stored {
        trust_domain,
        document: row.text("document")?,
        changed_at: row.time("changed_at")?,
    })
}

const ALL: &str = "SELECT trust_domain, document, changed_at FROM foreign_bundle WHERE realm = $1";
const FIND: &str = "SELECT trust_domain, document, changed_at FROM foreign_bundle WHERE realm = $1 AND trust_domain = $2";
const PUT: &str = "INSERT INTO foreign_bundle (realm, trust_domain, document, changed_at) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (realm, trust_domain) DO UPDATE SET document = excluded.document, changed_at = excluded.changed_at";
const DELETE: &str = "DELETE FROM foreign_bundle WHERE realm = $1 AND trust_domain = $2";

/// Every statement of this slice.
pub(crate) const STATEMENTS: &[&str] = &[ALL, FIND, PUT, DELETE];
