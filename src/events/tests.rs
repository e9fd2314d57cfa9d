//! The specification of events: what acknowledged means, what survives, what is refused, what erasure leaves.

mod copy;
mod erase;
mod ledger;
mod record;
mod replicas;

use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use crate::crypto::seal::{Kek, KekRing};
use crate::db::Db;
use crate::env::Env;
use crate::kernel::{Fault, RealmId, Secret, SubjectId};
use crate::testkit::{SeededEntropy, TestClock};

use super::model::{Sealed, Stream};
use super::{Event, Events, LedgerSettings, Opener, Part, store};

const REALM: RealmId = RealmId(1);

/// A replica's recorder on this database and directory; `seed` tells replicas and starts apart.
fn open(db: &Db, clock: &TestClock, directory: &Path, seed: u64) -> Events {
    open_with(db, clock, directory, seed, LedgerSettings::default())
}

fn open_with(
    db: &Db,
    clock: &TestClock,
    directory: &Path,
    seed: u64,
    settings: LedgerSettings,
) -> Events {
    let entropy = Arc::new(SeededEntropy::new(seed));
    let env = Env { db: db.clone(), clock: Arc::new(clock.clone()), entropy };
    Events::open(env, directory.to_owned(), ring(1), settings).unwrap()
}

fn ring(key: u8) -> Arc<KekRing> {
    Arc::new(KekRing::new(Kek::from_bytes(&Secret::new([key; 32])).unwrap(), Vec::new()))
}

fn person(number: u128) -> SubjectId {
    SubjectId::new(Uuid::from_u128(number))
}

/// An event with something in both parts.
fn issued(number: u128) -> Event {
    Event::new(REALM, "test.issued")
        .subject(person(number))
        .about("serial", "0a1b")
        .by("method", "possession")
}

/// All numbered facts of the realm.
async fn facts(db: &Db) -> Vec<(Stream, u64, Sealed)> {
    let facts: Result<_, Fault> =
        db.read(REALM, (), |tx, ()| Box::pin(store::whole_ledger(tx))).await;
    facts.unwrap()
}

/// Whom the realm's facts are about, in the order of their numbers.
async fn subjects(db: &Db) -> Vec<u128> {
    let number = |sealed: &Sealed| sealed.header.subject.unwrap().uuid().as_u128();
    facts(db).await.iter().map(|(_, _, sealed)| number(sealed)).collect()
}

/// Both parts of an event, as an auditor reads them.
async fn parts(events: &Events, db: &Db, sealed: &Sealed) -> [Part; 2] {
    let input = (events.clone(), sealed.clone());
    let parts: Result<_, Fault> = db
        .read(REALM, input, |tx, (events, sealed)| {
            Box::pin(async move { Opener::new(events).open(tx, sealed).await })
        })
        .await;
    parts.unwrap()
}

fn opened(field: &str, value: &str) -> Part {
    Part::Open([(field.to_owned(), value.into())].into_iter().collect())
}

/// The state of a directory as a crash at this moment would leave it.
fn crashed(directory: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    copy
}
