//! Clients, requests on their way, and grants at rest.

use super::client::Client;
use super::client_document;
use crate::db::{Row, Tx, Value};
use crate::kernel::{ClientId, Fault, SubjectId};

/// Every client of the realm.
pub(super) async fn clients(tx: &mut Tx) -> Result<Vec<Client>, Fault> {
    tx.rows(CLIENTS, &[]).await?.iter().map(read_client).collect()
}

/// One client.
pub(super) async fn client(tx: &mut Tx, id: &str) -> Result<Option<Client>, Fault> {
    tx.row(CLIENT, &[id.into()]).await?.as_ref().map(read_client).transpose()
}

pub(super) async fn count_clients(tx: &mut Tx) -> Result<i64, Fault> {
    tx.row(COUNT_CLIENTS, &[]).await?.map_or(Ok(0), |row| row.int("n"))
}

/// False if the id is taken.
pub(super) async fn insert_client(tx: &mut Tx, client: &Client) -> Result<bool, Fault> {
    let (number, document) = (client.number.to_string(), client_document::print(&client.terms));
    let params = [
        client.id.as_str().into(),
        Value::from(&number),
        Value::from(&document),
        bytes(client.secret.as_ref()),
        bytes(client.next_secret.as_ref()),
        client.created_at.into(),
    ];
    Ok(tx.execute(INSERT_CLIENT, &params).await? == 1)
}

/// False if it is at another revision than `before`, or not there.
pub(super) async fn update_client(
    tx: &mut Tx,
    client: &Client,
    before: i64,
) -> Result<bool, Fault> {
    let document = client_document::print(&client.terms);
    let params = [
        client.id.as_str().into(),
        Value::from(&document),
        bytes(client.secret.as_ref()),
        bytes(client.next_secret.as_ref()),
        client.updated_at.into(),
        client.revision.into(),
        before.into(),
    ];
    Ok(tx.execute(UPDATE_CLIENT, &params).await? == 1)
}

/// False if it is at another revision than `before`, or not there.
pub(super) async fn delete_client(tx: &mut Tx, id: &ClientId, before: i64) -> Result<bool, Fault> {
    Ok(tx.execute(DELETE_CLIENT, &[id.as_str().into(), before.into()]).await? == 1)
}

fn read_client(row: &Row) -> Result<Client, Fault> {
    Ok(Client {
        id: ClientId::parse(&row.text("id")?).map_err(bad)?,
        number: SubjectId::parse(&row.text("number")?).map_err(bad)?,
        terms: client_document::read(&row.text("document")?)?,
        secret: digest(row.bytes_or_null("secret")?)?,
        next_secret: digest(row.bytes_or_null("next_secret")?)?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        revision: row.int("revision")?,
    })
}

fn digest(bytes: Option<Vec<u8>>) -> Result<Option<[u8; 32]>, Fault> {
    bytes.map(|bytes| bytes.try_into().map_err(|_| bad("a digest of another length"))).transpose()
}

fn bytes(digest: Option<&[u8; 32]>) -> Value<'_> {
    Value::Bytes(digest.map(<[u8; 32]>::as_slice))
}

fn bad(error: impl std::fmt::Display) -> Fault {
    Fault::malformed("row of `oauth`", error)
}

const CLIENTS: &str = "SELECT * FROM client WHERE realm = $1";
const CLIENT: &str = "SELECT * FROM client WHERE realm = $1 AND id = $2";
const COUNT_CLIENTS: &str = "SELECT COUNT(*) AS n FROM client WHERE realm = $1";
const INSERT_CLIENT: &str = "INSERT INTO client (realm, id, number, document, secret, next_secret, created_at, \
    updated_at, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 1) ON CONFLICT (realm, id) DO NOTHING";
const UPDATE_CLIENT: &str = "UPDATE client SET document = $3, secret = $4, next_secret = $5, updated_at = $6, \
    revision = $7 WHERE realm = $1 AND id = $2 AND revision = $8";
const DELETE_CLIENT: &str = "DELETE FROM client WHERE realm = $1 AND id = $2 AND revision = $3";

/// Every statement of this slice.
pub(crate) const STATEMENTS: &[&str] =
    &[CLIENTS, CLIENT, COUNT_CLIENTS, INSERT_CLIENT, UPDATE_CLIENT, DELETE_CLIENT];
