//! What a thief of the database has: ciphertext.

use std::sync::Arc;

use super::*;
use crate::crypto::keys::{Algorithm, PrivateKey};
use crate::events::{Event, Events, LedgerSettings, Unrecorded};

/// How every PKCS#8 file of a P-256 key begins, after its length (RFC 5208 §5, RFC 5480 §2.1.1).
const PKCS8: &[u8] =
    &[0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const SECRET: &str = "spiffe://weft.test/nobody-may-read-this";

#[tokio::test]
async fn a_stolen_database_opens_no_key() {
    let fresh = PrivateKey::generate(Algorithm::P256).unwrap().to_pkcs8().unwrap();
    assert!(holds(fresh.expose(), PKCS8), "the mark is that of a private key");
    on_each_database(async |database| {
        let replica = KeysReplica::started(database).await;
        let event = Event::new(REALM, "test.happened").about("spiffe_id", SECRET);
        replica.events.record(Unrecorded::new((), event)).await.unwrap();
        replica.events.copy().await.unwrap();
        let stored = stored(&replica).await;
        assert!(stored.len() >= 4, "two authorities, keys of events, bodies: {}", stored.len());
        for bytes in stored.iter().chain(&files(database)) {
            for clear in [PKCS8, &[1; 32], SECRET.as_bytes()] {
                assert!(!holds(bytes, clear), "{clear:?}");
            }
        }
        // The thief has everything but the key-encryption key.
        let wrong = Arc::new(KekRing::new(KeysReplica::kek(2), vec![]));
        let ledger = tempfile::tempdir().unwrap();
        let env = replica.env.clone();
        let place = ledger.path().to_owned();
        let events =
            Events::open(env.clone(), place, Arc::clone(&wrong), LedgerSettings::default())
                .unwrap();
        assert!(events.prepare(REALM).await.is_err(), "the keys of events do not open");
        let access = crate::access::Access::new(Arc::clone(&env.clock), 0).unwrap();
        let authority = Authority::new(env.clone(), events, access, wrong, Settings::default());
        authority.open(KeysReplica::names()).unwrap();
        let loaded: Result<(), Fault> = env
            .db
            .read(REALM, authority.clone(), |tx, it| Box::pin(async move { it.load(tx).await }))
            .await;
        assert!(loaded.is_err() && authority.active_x509(REALM).is_none(), "nothing signs");
    })
    .await;
}

/// Every sealed value of the realm.
async fn stored(replica: &KeysReplica) -> Vec<Vec<u8>> {
    let rows: Result<Vec<Vec<u8>>, Fault> = (replica.env.db)
        .read(REALM, (), |tx, ()| {
            Box::pin(async move {
                let mut all = Vec::new();
                for sql in SEALED {
                    for row in tx.rows(sql, &[]).await? {
                        all.extend(row.bytes_or_null("sealed")?);
                    }
                }
                Ok(all)
            })
        })
        .await;
    rows.unwrap()
}

/// The files of an SQLite database.
fn files(database: &TestDatabase) -> Vec<Vec<u8>> {
    let listed = database.directory().map(|place| std::fs::read_dir(place).unwrap());
    listed.into_iter().flatten().map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

const SEALED: [&str; 3] = [
    "SELECT sealed_key AS sealed FROM authority WHERE realm = $1",
    "SELECT sealed FROM event_key WHERE realm = $1",
    "SELECT body AS sealed FROM ledger WHERE realm = $1",
];
