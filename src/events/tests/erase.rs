//! Erasure: a person's key goes, the numbers stay, and nothing of the person is left in the files.

use crate::db::Engine;
use crate::events::{Event, Owner, Part, Unrecorded};
use crate::kernel::{Fault, Granted, Lifetime};
use crate::testkit::on_each_database;

use super::{REALM, facts, open, opened, parts, person, ring};

fn signed_in(number: u128) -> Event {
    Event::new(REALM, "test.signed_in")
        .subject(person(number))
        .subject_owner(Owner::Person(person(number)))
        .about("email", "ada.lovelace@example.org")
        .by("listener", "public")
}

fn granted() -> Granted {
    Granted::to_server("test")
}

#[tokio::test]
async fn erasure_makes_the_persons_parts_unreadable_and_keeps_numbers_headers_and_other_parts() {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        let events = open(&db, &clock, directory.path(), 1);
        db.applied(REALM, crate::db::Cursor { history: 1, seq: 100 });
        for n in [1, 2] {
            events.record(Unrecorded::new((), signed_in(n))).await.unwrap();
        }
        events.copy().await.unwrap();
        let before = facts(&db).await;
        events.erase(REALM, granted(), person(1)).await.unwrap();
        assert_eq!(facts(&db).await, before, "no row of the ledger was touched");
        let [erased, kept] = parts(&events, &db, &before[0].2).await;
        assert_eq!(erased, Part::Erased);
        assert_eq!(kept, opened("listener", "public"));
        let [other, _] = parts(&events, &db, &before[1].2).await;
        assert_eq!(other, opened("email", "ada.lovelace@example.org"));
    })
    .await;
}

#[tokio::test]
async fn no_byte_of_the_person_and_no_key_is_left_in_the_database_files() {
    on_each_database(async |database| {
        if database.engine() != Engine::Sqlite {
            return;
        }
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        let events = open(&db, &clock, directory.path(), 1);
        db.applied(REALM, crate::db::Cursor { history: 1, seq: 100 });
        events.record(Unrecorded::new((), signed_in(1))).await.unwrap();
        events.copy().await.unwrap();
        let row: Result<_, Fault> = db
            .read(REALM, (), |tx, ()| {
                Box::pin(async move {
                    let owner = crate::events::keys::KeyOwner::Person(person(1)).text();
                    crate::events::store::key_of(tx, &owner).await
                })
            })
            .await;
        let key = row.unwrap().unwrap().sealed.unwrap();
        let path = database.url().strip_prefix("sqlite:").unwrap().to_owned();
        let holds = |needle: &[u8]| {
            ["", "-wal"].iter().any(|suffix| {
                let bytes = std::fs::read(format!("{path}{suffix}")).unwrap_or_default();
                bytes.windows(needle.len()).any(|window| window == needle)
            })
        };
        assert!(holds(&key), "the search finds what is there");
        events.erase(REALM, granted(), person(1)).await.unwrap();
        assert!(!holds(&key));
        assert!(!holds(b"ada.lovelace"));
    })
    .await;
}

#[tokio::test]
async fn what_comes_late_about_an_erased_person_belongs_to_nobody_and_goes_after_thirty_days() {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        let events = open(&db, &clock, directory.path(), 1);
        db.applied(REALM, crate::db::Cursor { history: 1, seq: 100 });
        events.erase(REALM, granted(), person(1)).await.unwrap();
        events.record(Unrecorded::new((), signed_in(1))).await.unwrap();
        events.copy().await.unwrap();
        let (_, _, late) = facts(&db).await.swap_remove(0);
        assert_eq!(
            parts(&events, &db, &late).await[0],
            opened("email", "ada.lovelace@example.org")
        );
        clock.advance(Lifetime::days(29));
        events.expire(REALM).await.unwrap();
        assert_eq!(
            parts(&events, &db, &late).await[0],
            opened("email", "ada.lovelace@example.org")
        );
        clock.advance(Lifetime::days(2));
        events.expire(REALM).await.unwrap();
        assert_eq!(parts(&events, &db, &late).await[0], Part::Erased);
    })
    .await;
}

#[tokio::test]
async fn another_replica_forgets_the_key_when_it_follows_the_change() {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        let one = open(&db, &clock, &directory.path().join("one"), 1);
        let two = open(&db, &clock, &directory.path().join("two"), 2);
        db.applied(REALM, crate::db::Cursor { history: 1, seq: 100 });
        two.record(Unrecorded::new((), signed_in(1))).await.unwrap();
        one.erase(REALM, granted(), person(1)).await.unwrap();
        let change: Result<_, Fault> = db
            .read(REALM, (), |tx, ()| {
                Box::pin(async move {
                    tx.changes_after(crate::db::Cursor { history: 1, seq: 0 }, 9).await
                })
            })
            .await;
        let change = change.unwrap().unwrap().swap_remove(0);
        assert_eq!((change.kind.as_str(), &change.key), ("forget", &person(1).to_string()));
        two.apply(REALM, &[change.key]);
        // A key that were still used would be gone for good: this part would be lost at once.
        two.record(Unrecorded::new((), signed_in(1))).await.unwrap();
        two.copy().await.unwrap();
        let facts = facts(&db).await;
        assert_eq!(parts(&two, &db, &facts[0].2).await[0], Part::Erased);
        assert_eq!(
            parts(&two, &db, &facts[1].2).await[0],
            opened("email", "ada.lovelace@example.org")
        );
    })
    .await;
}

#[tokio::test]
async fn keys_sealed_anew_still_open_and_the_old_key_encryption_key_is_not_needed() {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        let events = open(&db, &clock, directory.path(), 1);
        events.record(Unrecorded::new((), signed_in(1))).await.unwrap();
        events.copy().await.unwrap();
        let fact = facts(&db).await.swap_remove(0).2;
        let env = |seed| crate::env::Env {
            db: db.clone(),
            clock: std::sync::Arc::new(clock.clone()),
            entropy: std::sync::Arc::new(crate::testkit::SeededEntropy::new(seed)),
        };
        let kek = |byte| {
            crate::crypto::seal::Kek::from_bytes(&crate::kernel::Secret::new([byte; 32])).unwrap()
        };
        let both = std::sync::Arc::new(crate::crypto::seal::KekRing::new(kek(2), vec![kek(1)]));
        let place = |name| directory.path().join(name);
        let settings = crate::events::LedgerSettings::default;
        let during = crate::events::Events::open(env(2), place("b"), both, settings()).unwrap();
        assert_eq!(during.reseal(REALM).await.unwrap(), 2);
        assert_eq!(during.reseal(REALM).await.unwrap(), 0);
        let after = crate::events::Events::open(env(3), place("c"), ring(2), settings()).unwrap();
        assert_eq!(parts(&after, &db, &fact).await[0], opened("email", "ada.lovelace@example.org"));
    })
    .await;
}
