//! Realms at rest, all of them rows of realm 0; and each realm's brand, a row of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{HostName, Issuer, Realm, RealmName};
use crate::db::{Row, Tx};
use crate::http::pages::{Brand, Colour, Logo};
use crate::kernel::{Fault, RealmId, Timestamp, TrustDomain};

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

/// The brand of the transaction's realm. What a release before this one would not take is left out.
pub(super) async fn brand(tx: &mut Tx) -> Result<Option<Brand>, Fault> {
    let Some(row) = tx.row(FIND_BRAND, &[]).await? else { return Ok(None) };
    let colour = |column: &str| -> Result<Option<Colour>, Fault> {
        Ok(row.text_or_null(column)?.as_deref().and_then(Colour::parse))
    };
    let logo = row.bytes_or_null("logo")?.and_then(|bytes| Logo::of(bytes).ok());
    Ok(Some(Brand {
        name: row.text("name")?,
        logo,
        accent: colour("accent")?,
        accent_dark: colour("accent_dark")?,
    }))
}

pub(super) async fn put_brand(tx: &mut Tx, brand: &Brand, now: Timestamp) -> Result<(), Fault> {
    let (accent, dark) = (brand.accent.map(Colour::css), brand.accent_dark.map(Colour::css));
    let params = [
        brand.name.as_str().into(),
        accent.as_deref().into(),
        dark.as_deref().into(),
        brand.logo.as_ref().map(|logo| logo.media).into(),
        brand.logo.as_ref().map(|logo| logo.bytes.as_slice()).into(),
        now.into(),
    ];
    tx.execute(PUT_BRAND, &params).await.map(|_| ())
}

pub(super) async fn delete_brand(tx: &mut Tx) -> Result<(), Fault> {
    tx.execute(DELETE_BRAND, &[]).await.map(|_| ())
}

const FIND_BRAND: &str = "SELECT name, accent, accent_dark, logo FROM brand WHERE realm = $1";
const PUT_BRAND: &str = "INSERT INTO brand (realm, name, accent, accent_dark, logo_media, logo, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (realm) DO UPDATE SET name = excluded.name, \
    accent = excluded.accent, accent_dark = excluded.accent_dark, logo_media = excluded.logo_media, \
    logo = excluded.logo, updated_at = excluded.updated_at";
const DELETE_BRAND: &str = "DELETE FROM brand WHERE realm = $1";
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
pub(crate) const STATEMENTS: &[&str] =
    &[FIND_BRAND, PUT_BRAND, DELETE_BRAND, ALL, BY_ID, ALL_HOSTS, HOSTS_OF, INSERT, INSERT_HOST];
