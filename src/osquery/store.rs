//! Nodes in the database.

use crate::db::{Row, Tx, Value};
use crate::kernel::{DeviceId, Fault};

use super::model::Node;

/// The node on this host.
pub(super) async fn node(tx: &mut Tx, host: &str) -> Result<Option<Node>, Fault> {
    tx.row(NODE, &[Value::from(host)]).await?.map(|row| read(&row)).transpose()
}

/// Every node of the realm.
pub(super) async fn nodes(tx: &mut Tx) -> Result<Vec<Node>, Fault> {
    tx.rows(NODES, &[]).await?.iter().map(read).collect()
}

/// Inserts or replaces a node.
pub(super) async fn put(tx: &mut Tx, node: &Node) -> Result<(), Fault> {
    let device = node.device.to_string();
    let params = [
        Value::from(node.host.as_str()),
        Value::from(&device),
        Value::from(node.key.as_slice()),
        Value::from(node.previous.as_ref().map(<[u8; 32]>::as_slice)),
        Value::from(node.enrolled_at),
    ];
    tx.execute(PUT, &params).await.map(drop)
}

/// Takes out the other hosts that spoke for this device, and says which they were.
pub(super) async fn remove_others(
    tx: &mut Tx,
    device: DeviceId,
    host: &str,
) -> Result<Vec<String>, Fault> {
    let device = device.to_string();
    let rows = tx.rows(REMOVE_OTHERS, &[Value::from(&device), Value::from(host)]).await?;
    rows.iter().map(|row| row.text("host")).collect()
}

fn read(row: &Row) -> Result<Node, Fault> {
    Ok(Node {
        host: row.text("host")?,
        device: DeviceId::parse(&row.text("device")?).map_err(bad)?,
        key: digest(row.bytes("key_digest")?)?,
        previous: row.bytes_or_null("previous_digest")?.map(digest).transpose()?,
        enrolled_at: row.time("enrolled_at")?,
    })
}

fn digest(bytes: Vec<u8>) -> Result<[u8; 32], Fault> {
    bytes.try_into().map_err(|_| bad("a key's digest has 32 bytes"))
}

fn bad(error: impl std::fmt::Display) -> Fault {
    Fault::malformed("row of `osquery`", error)
}

const NODE: &str = "SELECT * FROM osquery_node WHERE realm = $1 AND host = $2";
const NODES: &str = "SELECT * FROM osquery_node WHERE realm = $1";
const PUT: &str = "INSERT INTO osquery_node (realm, host, device, key_digest, previous_digest, enrolled_at) \
     VALUES ($1, $2, $3, $4, $5, $6) \
     ON CONFLICT (realm, host) DO UPDATE SET device = excluded.device, key_digest = excluded.key_digest, \
     previous_digest = excluded.previous_digest, enrolled_at = excluded.enrolled_at WHERE osquery_node.realm = $1";
const REMOVE_OTHERS: &str =
    "DELETE FROM osquery_node WHERE realm = $1 AND device = $2 AND host <> $3 RETURNING host";

/// Every statement of this slice.
pub(crate) const STATEMENTS: &[&str] = &[NODE, NODES, PUT, REMOVE_OTHERS];
