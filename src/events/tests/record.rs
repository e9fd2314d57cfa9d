//! Recording: nothing is given out before its event is durable, and an event is written with the write it tells of.

use crate::db::Value;
use crate::events::{
    Changed, Error, Event, LedgerSettings, LedgerSync, Owner, Part, Stream, Unrecorded,
};
use crate::kernel::{Fault, Granted, Lifetime, RealmId};
use crate::testkit::on_each_database;

use super::{REALM, crashed, facts, issued, open, open_with, opened, parts, person, subjects};

const NOTE: &str = "INSERT INTO lease (realm, name, holder, expires) VALUES ($1, $2, 'test', 0)";

#[tokio::test]
async fn what_was_given_out_is_in_the_ledger_after_a_crash() {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        let events = open(&db, &clock, directory.path(), 1);
        let value = events.record(Unrecorded::new("credential", issued(1))).await.unwrap();
        assert_eq!(value, "credential");
        assert_eq!(subjects(&db).await, Vec::<u128>::new(), "nothing was copied yet");
        let left = crashed(directory.path());
        let next = open(&db, &clock, left.path(), 2);
        assert_eq!(next.copy().await.unwrap(), 1);
        assert_eq!(subjects(&db).await, [1]);
    })
    .await;
}

#[tokio::test]
async fn a_batch_gives_its_values_in_order_and_numbers_its_events_in_order() {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        let events = open(&db, &clock, directory.path(), 1);
        let batch = (1..=100).map(|n| Unrecorded::new(n, issued(n))).collect();
        assert_eq!(events.record_all(batch).await.unwrap(), (1..=100).collect::<Vec<_>>());
        assert_eq!(
            events.record_all(Vec::<Unrecorded<u8>>::new()).await.unwrap(),
            Vec::<u8>::new()
        );
        events.copy().await.unwrap();
        assert_eq!(subjects(&db).await, (1..=100).collect::<Vec<_>>());
        let numbers: Vec<_> = facts(&db).await.iter().map(|(_, n, _)| *n).collect();
        assert_eq!(numbers, (1..=100).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn a_full_ledger_gives_nothing_out() {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        let settings = LedgerSettings { bound_mib: 0, ..LedgerSettings::default() };
        let events = open_with(&db, &clock, directory.path(), 1, settings);
        let refused = events.record(Unrecorded::new("credential", issued(1))).await;
        assert!(matches!(refused, Err(Error::Fault(Fault::Full { .. }))), "{refused:?}");
        let refused = events.record_all(vec![Unrecorded::new("credential", issued(1))]).await;
        assert!(refused.is_err());
        assert_eq!(events.copy().await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn both_parts_are_sealed_each_under_its_owners_key() {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        let events = open(&db, &clock, directory.path(), 1);
        let event = Event::new(REALM, "test.signed_in")
            .subject(person(1))
            .subject_owner(Owner::Person(person(1)))
            .actor_owner(Owner::Nobody)
            .about("email", "ada@example.org")
            .by("address", "192.0.2.7");
        events.record(Unrecorded::new((), event)).await.unwrap();
        events.copy().await.unwrap();
        let (_, _, sealed) = facts(&db).await.swap_remove(0);
        let [subject, actor] = sealed.parts().unwrap();
        assert_ne!(subject.unwrap().key, actor.unwrap().key);
        for clear in ["ada@", "192.0.2.7", "email", "address"] {
            assert!(!sealed.body.windows(clear.len()).any(|bytes| bytes == clear.as_bytes()));
        }
        let [subject, actor] = parts(&events, &db, &sealed).await;
        assert_eq!(subject, opened("email", "ada@example.org"));
        assert_eq!(actor, opened("address", "192.0.2.7"));
    })
    .await;
}

#[tokio::test]
async fn a_part_does_not_open_under_another_header() {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        let events = open(&db, &clock, directory.path(), 1);
        events.record(Unrecorded::new((), issued(1))).await.unwrap();
        events.copy().await.unwrap();
        let (_, _, mut sealed) = facts(&db).await.swap_remove(0);
        sealed.header.subject = Some(person(2));
        let input = (events, sealed);
        let opened: Result<[Part; 2], Fault> = db
            .read(REALM, input, |tx, (events, sealed)| {
                Box::pin(async move { crate::events::Opener::new(events).open(tx, sealed).await })
            })
            .await;
        assert!(opened.is_err());
    })
    .await;
}

#[tokio::test]
async fn once_keys_are_loaded_recording_asks_the_database_nothing() {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        open(&db, &clock, &directory.path().join("one"), 1).prepare(REALM).await.unwrap();
        let events = open(&db, &clock, &directory.path().join("two"), 2);
        let loaded: Result<(), Fault> =
            db.read(REALM, events.clone(), |tx, events| Box::pin(events.load(tx))).await;
        loaded.unwrap();
        let before = db.statements();
        // Past midnight twice: the next days' keys are there.
        for n in 1..=3 {
            let event = issued(n).actor_owner(Owner::Nobody);
            events.record(Unrecorded::new((), event)).await.unwrap();
            clock.advance(Lifetime::hours(23));
        }
        assert_eq!(db.statements(), before);
    })
    .await;
}

#[tokio::test]
async fn a_key_that_a_restored_database_does_not_have_seals_nothing_any_more() {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        let events = open(&db, &clock, directory.path(), 1);
        let event = || issued(1).subject_owner(Owner::Person(person(1))).actor_owner(Owner::Nobody);
        events.record(Unrecorded::new((), event())).await.unwrap();
        let lost: Result<u64, Fault> =
            db.write(REALM, (), |tx, ()| Box::pin(crate::events::store::lose_keys(tx))).await;
        assert_eq!(lost.unwrap(), 2);
        let loaded: Result<(), Fault> =
            db.read(REALM, events.clone(), |tx, events| Box::pin(events.load(tx))).await;
        loaded.unwrap();
        events.record(Unrecorded::new((), event())).await.unwrap();
        events.copy().await.unwrap();
        let facts = facts(&db).await;
        assert_eq!(parts(&events, &db, &facts[0].2).await, [Part::Erased, Part::Erased]);
        let [about, by] = parts(&events, &db, &facts[1].2).await;
        assert_eq!((about, by), (opened("serial", "0a1b"), opened("method", "possession")));
    })
    .await;
}

#[tokio::test]
async fn an_event_whose_kind_is_not_dotted_is_refused() {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        let events = open(&db, &clock, directory.path(), 1);
        let event = Event::new(REALM, "issued").about("serial", "0a");
        assert!(events.record(Unrecorded::new((), event)).await.is_err());
        events.record(Unrecorded::new((), issued(2))).await.unwrap();
        events.copy().await.unwrap();
        assert_eq!(subjects(&db).await, [2], "the refused one left no trace and used no number");
    })
    .await;
}

#[tokio::test]
async fn an_event_written_with_its_write_is_numbered_afterwards_without_a_gap() {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        let events = open(&db, &clock, directory.path(), 1);
        for n in 1..=150_u128 {
            let given: Result<u128, Error> = events
                .record_in(REALM, n, |tx, n| {
                    Box::pin(async move {
                        tx.execute(NOTE, &[Value::from(&n.to_string())]).await?;
                        Ok(Unrecorded::new(*n, issued(*n)))
                    })
                })
                .await;
            assert_eq!(given.unwrap(), n);
            clock.advance(Lifetime::millis(2));
        }
        assert!(facts(&db).await.is_empty());
        assert_eq!(events.number(REALM).await.unwrap(), 150);
        assert_eq!(events.number(REALM).await.unwrap(), 0);
        let facts = facts(&db).await;
        assert!(facts.iter().all(|(stream, _, _)| *stream == Stream::DB));
        assert_eq!(
            facts.iter().map(|(_, n, _)| *n).collect::<Vec<_>>(),
            (1..=150).collect::<Vec<_>>()
        );
        assert_eq!(subjects(&db).await, (1..=150).collect::<Vec<_>>());
        let [about, by] = parts(&events, &db, &facts[149].2).await;
        assert_eq!((about, by), (opened("serial", "0a1b"), opened("method", "possession")));
    })
    .await;
}

#[tokio::test]
async fn a_write_that_fails_leaves_no_event() {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        let events = open(&db, &clock, directory.path(), 1);
        let given: Result<(), Error> = events
            .record_in(REALM, (), |tx, ()| {
                Box::pin(async move {
                    tx.execute(NOTE, &["twice".into()]).await?;
                    tx.execute(NOTE, &["twice".into()]).await?;
                    Ok(Unrecorded::new((), issued(1)))
                })
            })
            .await;
        assert!(matches!(given, Err(Error::Fault(Fault::Unique { .. }))), "{given:?}");
        assert_eq!(events.number(REALM).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn an_event_of_another_realm_than_its_write_is_refused_with_the_write() {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        let events = open(&db, &clock, directory.path(), 1);
        let given: Result<(), Error> = events
            .record_in(RealmId(2), (), |_, ()| {
                Box::pin(async { Ok(Unrecorded::new((), issued(1))) })
            })
            .await;
        assert!(matches!(given, Err(Error::Fault(Fault::Bug { .. }))), "{given:?}");
    })
    .await;
}

#[tokio::test]
async fn a_change_carries_its_sealed_event_and_its_actor() {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        let events = open(&db, &clock, directory.path(), 1);
        db.applied(REALM, crate::db::Cursor { history: 1, seq: 100 });
        let granted = Granted { actor: Some(person(7)), ..Granted::to_server("test") };
        let given: Result<&str, Error> = events
            .change_in(REALM, granted, (), |_, ()| {
                Box::pin(async {
                    let changes = vec![
                        ("note", "n1".to_owned(), issued(1)),
                        ("note", "n2".to_owned(), issued(2)),
                    ];
                    Ok(Changed { value: "done", changes, rights: false })
                })
            })
            .await;
        assert_eq!(given.unwrap(), "done");
        let changes: Result<_, Fault> = db
            .read(REALM, (), |tx, ()| {
                Box::pin(async move {
                    tx.changes_after(crate::db::Cursor { history: 1, seq: 0 }, 10).await
                })
            })
            .await;
        let changes = changes.unwrap().unwrap();
        let keys: Vec<_> = changes.iter().map(|change| (change.seq, change.key.as_str())).collect();
        assert_eq!(keys, [(1, "n1"), (2, "n2")]);
    })
    .await;
}

#[tokio::test]
async fn in_database_mode_what_was_given_out_is_in_the_database_and_nothing_is_given_out_without_it()
 {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        let settings = LedgerSettings { sync: LedgerSync::Database, ..LedgerSettings::default() };
        let events = open_with(&db, &clock, directory.path(), 1, settings);
        let callers = (1..=40_u128).map(|n| events.record(Unrecorded::new(n, issued(n))));
        let given = futures_util::future::join_all(callers).await;
        assert!(given.iter().all(Result::is_ok));
        super::copy::hide(&db, true).await;
        assert!(events.record(Unrecorded::new(41, issued(41))).await.is_err());
        super::copy::hide(&db, false).await;
        events.record(Unrecorded::new(42, issued(42))).await.unwrap();
        let mut found = subjects(&db).await;
        found.sort_unstable();
        assert_eq!(found, (1..=40).chain([42]).collect::<Vec<_>>());
        let numbers: Vec<_> = facts(&db).await.iter().map(|(_, n, _)| *n).collect();
        assert_eq!(numbers, (1..=41).collect::<Vec<_>>(), "a refusal used up no number");
    })
    .await;
}

#[tokio::test]
async fn every_statement_is_understood() {
    on_each_database(async |database| {
        let db = database.open().await;
        for sql in crate::events::store::STATEMENTS {
            let prepared: Result<(), Fault> =
                db.write(REALM, *sql, |tx, sql| Box::pin(tx.prepare(sql))).await;
            prepared.unwrap();
        }
    })
    .await;
}
