//! Realms at rest, all of them rows of realm 0.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{HostName, Issuer, Realm, RealmName};
use crate::db::{Row, Tx};
use crate::kernel::{Fault, RealmId, TrustDomain};

/// All realms, by number.
pub(super) async fn all(tx: &mut Tx) -> Result<Vec<Realm>, Fault> {
    let mut hosts: BTreeMap<i64, BTreeSet<HostName>> = BTreeMap::new();
    for row in tx.rows(ALL_HOSTS, &[]).await? {
        hosts.entry(row.int("id")?).or_default().insert(host_of(&row)?);
    }
    let rows = tx.rows(ALL, &[]).await?;
    let of = |row: &Row| realm_of(row, hosts.remove(&row.int("id")?).unwrap_or_default());
    rows.iter().map(of).collect()
}

/// The realm of this number.
pub(super) async fn by_id(tx: &mut Tx, id: RealmId) -> Result<Option<Realm>, Fault> {
    let Some(row) = tx.row(BY_ID, &[id.0.into()]).await? else { return Ok(None) };
    let hosts = tx.rows(HOSTS_OF, &[id.0.into()]).await?;
    let hosts = hosts.iter().map(host_of).collect::<Result<_, _>>()?;
    realm_of(&row, hosts).map(Some)
}

/// Keeps a realm and its host names. The caller has looked for others with the same, under the lock of the change log.
pub(super) async fn insert(tx: &mut Tx, realm: &Realm) -> Result<(), Fault> {
    let params = [
        realm.id.0.into(),
        realm.name.as_str().into(),
        realm.trust_domain.as_str().into(),
        realm.issuer.as_str().into(),
        realm.created.into(),
    ];
    tx.execute(INSERT, &params).await?;
    for host in &realm.hosts {
        tx.execute(INSERT_HOST, &[host.as_str().into(), realm.id.0.into()]).await?;
    }
    Ok(())
}

fn realm_of(row: &Row, hosts: BTreeSet<HostName>) -> Result<Realm, Fault> {
    let bad = |error: &dyn std::fmt::Display| Fault::malformed("realm", error);
    Ok(Realm {
        id: RealmId(row.int("id")?),
        name: RealmName::parse(&row.text("name")?).map_err(|error| bad(&error))?,
        trust_domain: TrustDomain::parse(&row.text("trust_domain")?)
            .map_err(|error| bad(&error))?,
        issuer: Issuer::parse(&row.text("issuer")?).map_err(|error| bad(&error))?,
        hosts,
        created: row.time("created")?,
    })
}

fn host_of(row: &Row) -> Result<HostName, Fault> {
    HostName::parse(&row.text("host")?).map_err(|error| Fault::malformed("host name", error))
}

const ALL: &str = "SELECT id, name, trust_domain, issuer, created FROM realm \
    WHERE realm = $1 ORDER BY id";
const BY_ID: &str = "SELECT id, name, trust_domain, issuer, created FROM realm \
    WHERE realm = $1 AND id = $2";
const ALL_HOSTS: &str = "SELECT id, host FROM realm_host WHERE realm = $1";
const HOSTS_OF: &str = "SELECT id, host FROM realm_host WHERE realm = $1 AND id = $2";
const INSERT: &str = "INSERT INTO realm (realm, id, name, trust_domain, issuer, created) \
    VALUES ($1, $2, $3, $4, $5, $6)";
const INSERT_HOST: &str = "INSERT INTO realm_host (realm, host, id) VALUES ($1, $2, $3)";

/// Every statement of this slice, for the test that prepares them on both engines.
pub(crate) const STATEMENTS: &[&str] = &[ALL, BY_ID, ALL_HOSTS, HOSTS_OF, INSERT, INSERT_HOST];
