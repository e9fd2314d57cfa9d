//! Copying the ledger into the database: nothing lost, nothing twice, contradictions loud.

use std::sync::Arc;

use crate::db::Db;
use crate::events::{Error, Unrecorded, store};
use crate::jobs::Reconcilers;
use crate::kernel::{Fault, Lifetime, RealmId};
use crate::testkit::{SeededEntropy, on_each_database};

use super::{REALM, crashed, facts, issued, open, subjects};

/// Lets every insert into the ledger fail, as a database that is away would.
pub(super) async fn hide(db: &Db, hidden: bool) {
    let done: Result<(), Fault> =
        db.write(REALM, hidden, |tx, hidden| Box::pin(store::hide_ledger(tx, *hidden))).await;
    done.unwrap();
}

#[tokio::test]
async fn a_crash_between_append_and_copy_loses_nothing_and_copies_nothing_twice() {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        let events = open(&db, &clock, directory.path(), 1);
        for n in 1..=10 {
            events.record(Unrecorded::new((), issued(n))).await.unwrap();
        }
        events.copy().await.unwrap();
        for n in 11..=20 {
            events.record(Unrecorded::new((), issued(n))).await.unwrap();
        }
        let left = crashed(directory.path());
        let next = open(&db, &clock, left.path(), 2);
        assert_eq!(next.copy().await.unwrap(), 10, "only what the database did not have is new");
        assert_eq!(subjects(&db).await, (1..=20).collect::<Vec<_>>());
        assert_eq!(next.health().alarms, 0);
        let segments = std::fs::read_dir(left.path()).unwrap();
        let names: Vec<_> = segments.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "the lock and this start's segment: {names:?}");
    })
    .await;
}

#[tokio::test]
async fn while_the_database_is_away_segments_stay_and_afterwards_everything_is_copied() {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        let events = open(&db, &clock, directory.path(), 1);
        events.record(Unrecorded::new((), issued(1))).await.unwrap();
        events.copy().await.unwrap();
        hide(&db, true).await;
        for n in 2..=30 {
            events.record(Unrecorded::new((), issued(n))).await.unwrap();
            assert!(events.copy().await.is_err());
        }
        assert!(events.health().backlog_bytes > 0);
        hide(&db, false).await;
        assert_eq!(events.copy().await.unwrap(), 29);
        assert_eq!(subjects(&db).await, (1..=30).collect::<Vec<_>>());
        assert_eq!(events.health().backlog_bytes, 0);
        assert_eq!(events.health().alarms, 0);
    })
    .await;
}

#[tokio::test]
async fn the_same_number_with_another_content_is_an_alarm_and_the_first_stays() {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        // Two starts with the same chance have the same stream: what a copied disk would do.
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = open(&db, &clock, one.path(), 1);
        first.record(Unrecorded::new((), issued(1))).await.unwrap();
        first.copy().await.unwrap();
        let second = open(&db, &clock, two.path(), 1);
        second.record(Unrecorded::new((), issued(2))).await.unwrap();
        assert_eq!(second.copy().await.unwrap(), 0);
        assert_eq!(second.health().alarms, 1);
        assert_eq!(subjects(&db).await, [1]);
    })
    .await;
}

#[tokio::test]
async fn a_damaged_record_is_an_alarm_and_its_segment_is_kept_aside() {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        let events = open(&db, &clock, directory.path(), 1);
        for n in 1..=3 {
            events.record(Unrecorded::new((), issued(n))).await.unwrap();
        }
        let left = crashed(directory.path());
        let entries = std::fs::read_dir(left.path()).unwrap().map(|entry| entry.unwrap().path());
        let path = entries.into_iter().find(|path| path.extension().is_some()).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[64 + 50] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let next = open(&db, &clock, left.path(), 2);
        assert_eq!(next.copy().await.unwrap(), 2);
        assert_eq!(subjects(&db).await, [2, 3]);
        assert_eq!(next.health().alarms, 1);
        assert!(path.with_extension("damaged").exists());
        assert_eq!(next.copy().await.unwrap(), 0);
        assert_eq!(next.health().alarms, 1, "an alarm is raised once");
    })
    .await;
}

#[tokio::test]
async fn facts_of_several_realms_in_one_segment_each_go_to_their_realm() {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        let events = open(&db, &clock, directory.path(), 1);
        for n in 1..=6 {
            let mut event = issued(n);
            event.realm = RealmId(1 + i64::from(n % 2 == 0));
            events.record(Unrecorded::new((), event)).await.unwrap();
        }
        assert_eq!(events.copy().await.unwrap(), 6);
        assert_eq!(subjects(&db).await, [1, 3, 5]);
        assert_eq!(facts(&db).await.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn closing_copies_the_rest_and_leaves_no_segment_behind() {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        let events = open(&db, &clock, directory.path(), 1);
        let batch = (1..=3000).map(|n| Unrecorded::new(n, issued(n))).collect();
        events.record_all(batch).await.unwrap();
        events.close().await.unwrap();
        assert_eq!(subjects(&db).await, (1..=3000).collect::<Vec<_>>());
        assert!(events.record(Unrecorded::new((), issued(1))).await.is_err());
        assert_eq!(events.health().allocated_bytes, 0, "no segment is left");
    })
    .await;
}

#[tokio::test]
async fn facts_are_dropped_after_their_retention_and_not_before() {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        let events = open(&db, &clock, directory.path(), 1);
        events.record(Unrecorded::new((), issued(1))).await.unwrap();
        clock.advance(Lifetime::days(89));
        events.record(Unrecorded::new((), issued(2))).await.unwrap();
        events.copy().await.unwrap();
        events.expire(REALM).await.unwrap();
        assert_eq!(subjects(&db).await, [1, 2]);
        clock.advance(Lifetime::days(2));
        events.expire(REALM).await.unwrap();
        assert_eq!(subjects(&db).await, [2]);
    })
    .await;
}

#[tokio::test]
async fn background_work_copies_numbers_and_prepares_without_being_told_what_to_do() {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        let events = open(&db, &clock, directory.path(), 1);
        let entropy = Arc::new(SeededEntropy::new(9));
        let jobs = Reconcilers::new(Arc::new(clock.clone()), entropy);
        events.add_jobs(&jobs);
        events.record(Unrecorded::new((), issued(1))).await.unwrap();
        let written: Result<(), Error> = events
            .record_in(REALM, (), |_, ()| Box::pin(async { Ok(Unrecorded::new((), issued(2))) }))
            .await;
        written.unwrap();
        jobs.settle().await.unwrap();
        let mut found = subjects(&db).await;
        found.sort_unstable();
        assert_eq!(found, [1, 2]);
        hide(&db, true).await;
        events.record(Unrecorded::new((), issued(3))).await.unwrap();
        assert!(jobs.settle().await.is_err(), "a fault is seen on the health page");
        hide(&db, false).await;
        jobs.settle().await.unwrap();
        assert_eq!(subjects(&db).await.len(), 3);
    })
    .await;
}
