//! Two replicas on one database: they agree on keys, and number without a gap or a double.

use futures_util::future::{join, join_all};

use crate::db::Engine;
use crate::events::{Error, Owner, Unrecorded};
use crate::testkit::on_each_database;

use super::{REALM, facts, issued, open, opened, parts, subjects};

#[tokio::test]
async fn two_replicas_that_need_a_key_at_once_agree_on_one() {
    on_each_database(async |database| {
        let (db, clock) = (database.open().await, database.clock());
        let directory = tempfile::tempdir().unwrap();
        let one = open(&db, &clock, &directory.path().join("one"), 1);
        let two = open(&db, &clock, &directory.path().join("two"), 2);
        let event = |n| Unrecorded::new((), issued(n).actor_owner(Owner::Nobody));
        let (first, second) = join(one.record(event(1)), two.record(event(2))).await;
        first.unwrap();
        second.unwrap();
        one.copy().await.unwrap();
        two.copy().await.unwrap();
        let facts = facts(&db).await;
        let keys = facts
            .iter()
            .map(|(_, _, sealed)| sealed.parts().unwrap().map(|part| part.unwrap().key));
        let keys: Vec<_> = keys.collect();
        assert_eq!(keys[0], keys[1]);
        for (_, _, sealed) in &facts {
            let expected = [opened("serial", "0a1b"), opened("method", "possession")];
            assert_eq!(parts(&one, &db, sealed).await, expected);
        }
    })
    .await;
}

#[tokio::test]
async fn two_replicas_that_number_at_once_leave_no_gap_and_no_double() {
    on_each_database(async |database| {
        let db = database.open().await;
        // SQLite has one replica: there the same handle numbers twice at once.
        let other =
            if database.engine() == Engine::Postgres { database.open().await } else { db.clone() };
        let clock = database.clock();
        let directory = tempfile::tempdir().unwrap();
        let one = open(&db, &clock, &directory.path().join("one"), 1);
        let two = open(&other, &clock, &directory.path().join("two"), 2);
        let (one, two) = (&one, &two);
        let write = |n: u128| {
            let events = if n.is_multiple_of(2) { one } else { two };
            async move {
                let written: Result<(), Error> = events
                    .record_in(REALM, n, |_, n| {
                        Box::pin(async move { Ok(Unrecorded::new((), issued(*n))) })
                    })
                    .await;
                written.unwrap();
                if n.is_multiple_of(10) {
                    let (first, second) = join(one.number(REALM), two.number(REALM)).await;
                    first.unwrap();
                    second.unwrap();
                }
            }
        };
        join_all((1..=200).map(write)).await;
        one.number(REALM).await.unwrap();
        let numbers: Vec<_> = facts(&db).await.iter().map(|(_, n, _)| *n).collect();
        assert_eq!(numbers, (1..=200).collect::<Vec<_>>());
        let mut found = subjects(&db).await;
        found.sort_unstable();
        assert_eq!(found, (1..=200).collect::<Vec<_>>());
    })
    .await;
}
