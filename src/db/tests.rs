//! The specification of the database shell, on both engines: statements, transactions, faults.

mod changes;
mod groups;
mod replicas;
mod schema;
mod statements;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Db, Tx};
use crate::kernel::{Fault, Granted, RealmId};

/// The realm of most tests.
const REALM: RealmId = RealmId(7);

/// A granted action that depends on no right.
const SERVER: Granted = Granted::to_server("test");

/// A named row of a table that `0001_core` has anyway: leases stand for any slice's rows.
async fn put(tx: &mut Tx, name: &str) -> Result<u64, Fault> {
    tx.execute(PUT, &[name.into(), "holder".into(), 1.into()]).await
}

/// Writes a row through `Db::write`.
async fn write(db: &Db, name: &str) -> Result<u64, Fault> {
    db.write(REALM, name.to_owned(), |tx, name| Box::pin(async move { put(tx, name).await })).await
}

/// Writes a row and numbers it as a change of the key `name`.
async fn change(db: &Db, name: &str) -> Result<(), Fault> {
    change_in(db, REALM, SERVER, name).await
}

async fn change_in(db: &Db, realm: RealmId, granted: Granted, name: &str) -> Result<(), Fault> {
    db.change(realm, granted, name.to_owned(), |tx, name| {
        Box::pin(async move {
            put(tx, name).await?;
            tx.changed("lease", name, b"event")
        })
    })
    .await
}

/// The names of all rows, in order.
async fn names(db: &Db) -> Vec<String> {
    let rows =
        db.read(REALM, (), |tx, ()| Box::pin(async move { tx.rows(NAMES, &[]).await })).await;
    let rows: Vec<super::Row> = rows.map_err(|fault: Fault| fault.to_string()).unwrap();
    rows.iter().map(|row| row.text("name").unwrap()).collect()
}

/// A caller of its own.
#[expect(clippy::disallowed_methods, reason = "a test waits for its own callers")]
fn spawn<T: Send + 'static>(
    call: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::spawn(call)
}

/// Counts the runs of a body.
#[derive(Debug, Clone, Default)]
struct Runs(Arc<AtomicUsize>);

impl Runs {
    fn one(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

const PUT: &str = "INSERT INTO lease (realm, name, holder, expires) VALUES ($1, $2, $3, $4)";
const NAMES: &str = "SELECT name FROM lease WHERE realm = $1 ORDER BY name";
