//! Services in the database.

use crate::db::{Row, Tx, Value};
use crate::kernel::Fault;

use super::mapping;
use super::model::Service;

/// One service.
pub(super) async fn service(tx: &mut Tx, name: &str) -> Result<Option<Service>, Fault> {
    tx.row(SERVICE, &[Value::from(name)]).await?.map(|row| read(&row)).transpose()
}

/// Every service of the realm.
pub(super) async fn services(tx: &mut Tx) -> Result<Vec<Service>, Fault> {
    tx.rows(SERVICES, &[]).await?.iter().map(read).collect()
}

/// Inserts or replaces a service. The caller has read the row in the same transaction.
pub(super) async fn put(tx: &mut Tx, service: &Service) -> Result<(), Fault> {
    let former = service.former.as_ref();
    let params = [
        Value::from(&service.name),
        Value::from(&service.document),
        Value::from(&service.secret),
        Value::from(former.map(|(blob, _)| blob.as_slice())),
        Value::from(former.map(|(_, ends)| *ends)),
        Value::from(service.created_at),
        Value::from(service.updated_at),
        Value::from(service.revision),
    ];
    tx.execute(PUT, &params).await.map(drop)
}

/// Takes a service out.
pub(super) async fn delete(tx: &mut Tx, name: &str) -> Result<(), Fault> {
    tx.execute(DELETE, &[Value::from(name)]).await.map(drop)
}

fn read(row: &Row) -> Result<Service, Fault> {
    let document = row.text("mapping")?;
    let former = match (row.bytes_or_null("former")?, row.time_or_null("former_ends")?) {
        (Some(blob), Some(ends)) => Some((blob, ends)),
        _ => None,
    };
    Ok(Service {
        name: row.text("name")?,
        mapping: mapping::parse(&document)
            .map_err(|error| Fault::malformed("row of `services`", error))?,
        document,
        secret: row.bytes("secret")?,
        former,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        revision: row.int("revision")?,
    })
}

const SERVICE: &str = "SELECT * FROM posture_service WHERE realm = $1 AND name = $2";
const SERVICES: &str = "SELECT * FROM posture_service WHERE realm = $1";
const PUT: &str = "INSERT INTO posture_service (realm, name, mapping, secret, former, former_ends, created_at, updated_at, \
     revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
     ON CONFLICT (realm, name) DO UPDATE SET mapping = excluded.mapping, secret = excluded.secret, former = excluded.former, \
     former_ends = excluded.former_ends, updated_at = excluded.updated_at, revision = excluded.revision \
     WHERE posture_service.realm = $1";
const DELETE: &str = "DELETE FROM posture_service WHERE realm = $1 AND name = $2";

/// Every statement of this slice.
pub(crate) const STATEMENTS: &[&str] = &[SERVICE, SERVICES, PUT, DELETE];
