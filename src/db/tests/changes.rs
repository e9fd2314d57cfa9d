//! The change log: numbers, heads, followers, rights, histories.

use super::super::{Change, Cursor, Db, Tx};
use super::{REALM, SERVER, change, change_in, names, put, spawn, write};
use crate::kernel::{Fault, Granted, Lifetime, RealmId};
use crate::testkit::{on_each_database, on_each_engine};

const START: Cursor = Cursor::START;

/// The changes after a cursor, as a follower reads them.
pub(super) async fn after(db: &Db, realm: RealmId, cursor: Cursor) -> Option<Vec<Change>> {
    let input = cursor;
    let changes: Result<Option<Vec<Change>>, Fault> =
        db.read(realm, input, |tx, cursor| Box::pin(tx.changes_after(*cursor, usize::MAX))).await;
    changes.unwrap()
}

/// The numbers of all changes of the first history.
pub(super) async fn numbers(db: &Db, realm: RealmId) -> Vec<i64> {
    after(db, realm, START).await.unwrap().iter().map(|change| change.seq).collect()
}

async fn head(db: &Db) -> Cursor {
    let head: Result<Cursor, Fault> = db.read(REALM, (), |tx, ()| Box::pin(tx.head())).await;
    head.unwrap()
}

async fn rights_seq(db: &Db) -> i64 {
    let seq: Result<i64, Fault> = db.read(REALM, (), |tx, ()| Box::pin(tx.rights_seq())).await;
    seq.unwrap()
}

/// Takes a right away, as the change numbered next.
pub(super) async fn revoke(db: &Db) -> Result<(), Fault> {
    db.change(REALM, SERVER, (), |tx: &mut Tx, ()| {
        Box::pin(async move {
            tx.changed("role", "alice", b"")?;
            tx.rights_changed()
        })
    })
    .await
}

pub(super) fn granted(rights_seq: i64) -> Granted {
    Granted { rights_seq: Some(rights_seq), ..SERVER }
}

#[tokio::test]
async fn changes_are_numbered_from_one_and_name_what_changed() {
    on_each_engine(async |db| {
        assert_eq!(head(&db).await, START);
        change(&db, "a").await.unwrap();
        change(&db, "b").await.unwrap();
        let changes = after(&db, REALM, START).await.unwrap();
        let told: Vec<_> =
            changes.iter().map(|c| (c.seq, c.kind.as_str(), c.key.as_str())).collect();
        assert_eq!(told, [(1, "lease", "a"), (2, "lease", "b")]);
        assert_eq!(head(&db).await, Cursor { history: 1, seq: 2 });
        let rest = after(&db, REALM, Cursor { history: 1, seq: 1 }).await.unwrap();
        assert_eq!(rest.len(), 1);
        assert_eq!(after(&db, REALM, Cursor { history: 1, seq: 2 }).await, Some(Vec::new()));
    })
    .await;
}

#[tokio::test]
async fn each_realm_has_numbers_of_its_own() {
    on_each_engine(async |db| {
        change(&db, "a").await.unwrap();
        change_in(&db, RealmId(8), SERVER, "b").await.unwrap();
        assert_eq!(numbers(&db, REALM).await, [1]);
        assert_eq!(numbers(&db, RealmId(8)).await, [1]);
    })
    .await;
}

#[tokio::test]
async fn a_rollback_returns_its_numbers() {
    on_each_engine(async |db| {
        change(&db, "a").await.unwrap();
        let twice = change(&db, "a").await;
        assert!(matches!(twice, Err(Fault::Unique { .. })), "{twice:?}");
        change(&db, "b").await.unwrap();
        assert_eq!(numbers(&db, REALM).await, [1, 2]);
    })
    .await;
}

#[tokio::test]
async fn what_is_no_change_is_not_numbered() {
    on_each_engine(async |db| {
        let refused: Result<(), Fault> = db
            .write(REALM, (), |tx, ()| {
                Box::pin(async move {
                    put(tx, "a").await?;
                    // Even if the body goes on, its write fails.
                    let _refused = tx.changed("lease", "a", b"");
                    Ok(())
                })
            })
            .await;
        assert!(matches!(refused, Err(Fault::Bug { .. })), "{refused:?}");
        write(&db, "b").await.unwrap();
        assert_eq!(numbers(&db, REALM).await, [0; 0]);
        assert_eq!(names(&db).await, ["b"]);
    })
    .await;
}

#[tokio::test]
async fn eight_writers_leave_no_gap_and_no_double() {
    on_each_engine(async |db| {
        let writers = (0..8).map(|writer| {
            let db = db.clone();
            spawn(async move {
                for n in 0..25 {
                    change(&db, &format!("{writer} {n}")).await.unwrap();
                }
            })
        });
        for writer in futures_util::future::join_all(writers).await {
            writer.unwrap();
        }
        assert_eq!(numbers(&db, REALM).await, (1..=200).collect::<Vec<i64>>());
        assert_eq!(names(&db).await.len(), 200);
    })
    .await;
}

#[tokio::test]
async fn a_follower_hears_of_each_commit_at_once() {
    on_each_engine(async |db| {
        let mut heard = db.heard(REALM);
        assert_eq!(*heard.borrow_and_update(), START);
        change(&db, "a").await.unwrap();
        assert_eq!(*heard.borrow_and_update(), Cursor { history: 1, seq: 1 });
    })
    .await;
}

#[tokio::test]
async fn a_replica_that_starts_has_heard_of_the_head_that_is_there() {
    on_each_database(async |base| {
        change(&base.open().await, "a").await.unwrap();
        let again = base.open().await;
        assert_eq!(*again.heard(REALM).borrow(), Cursor { history: 1, seq: 1 });
    })
    .await;
}

#[tokio::test]
async fn an_acknowledged_change_is_in_this_replicas_indexes_if_they_follow() {
    on_each_engine(async |db| {
        db.applied(REALM, START);
        let follower = spawn({
            let db = db.clone();
            async move {
                let mut heard = db.heard(REALM);
                let wanted = Cursor { history: 1, seq: 1 };
                heard.wait_for(|head| *head >= wanted).await.unwrap();
                tokio::task::yield_now().await;
                db.applied(REALM, wanted);
            }
        });
        change(&db, "a").await.unwrap();
        follower.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_change_does_not_fail_because_the_indexes_are_slow() {
    on_each_engine(async |db| {
        db.applied(REALM, START);
        // Nobody follows: after a second it is acknowledged all the same.
        change(&db, "a").await.unwrap();
        assert_eq!(names(&db).await, ["a"]);
    })
    .await;
}

#[tokio::test]
async fn a_right_that_was_taken_away_is_not_used() {
    on_each_engine(async |db| {
        change_in(&db, REALM, granted(0), "before").await.unwrap();
        let seen = rights_seq(&db).await;
        revoke(&db).await.unwrap();
        assert_eq!(rights_seq(&db).await, 2);
        let refused = change_in(&db, REALM, granted(seen), "after").await;
        assert!(matches!(refused, Err(Fault::RightsChanged)), "{refused:?}");
        change_in(&db, REALM, granted(2), "newest").await.unwrap();
        assert_eq!(names(&db).await, ["before", "newest"]);
        assert_eq!(numbers(&db, REALM).await, [1, 2, 3]);
    })
    .await;
}

#[tokio::test]
async fn changes_in_flight_around_a_revocation_are_whole_before_it_or_refused_after_it() {
    on_each_engine(async |db| {
        let writers = (0..60).map(|n| {
            let db = db.clone();
            spawn(async move {
                if n == 30 {
                    return revoke(&db).await;
                }
                change_in(&db, REALM, granted(0), &format!("{n:02}")).await
            })
        });
        let answers = futures_util::future::join_all(writers).await;
        let done = answers.iter().filter(|answer| matches!(answer, Ok(Ok(())))).count();
        let refused =
            answers.iter().filter(|answer| matches!(answer, Ok(Err(Fault::RightsChanged))));
        assert_eq!(refused.count(), 60 - done);
        let changes = after(&db, REALM, START).await.unwrap();
        assert_eq!(changes.last().map(|last| last.kind.as_str()), Some("role"));
        assert_eq!(changes.len(), done);
    })
    .await;
}

#[tokio::test]
async fn a_new_history_sends_every_follower_back_to_the_rows_and_keeps_the_numbers() {
    on_each_engine(async |db| {
        change(&db, "a").await.unwrap();
        let old = head(&db).await;
        let new = db.new_history(REALM).await.unwrap();
        assert_eq!(new, Cursor { history: 2, seq: 1 });
        assert_eq!(*db.heard(REALM).borrow(), new);
        assert_eq!(after(&db, REALM, old).await, None);
        let refused = change_in(&db, REALM, granted(0), "b").await;
        assert!(matches!(refused, Err(Fault::RightsChanged)), "{refused:?}");
        change(&db, "c").await.unwrap();
        let changes = after(&db, REALM, new).await.unwrap();
        assert_eq!(changes.iter().map(|change| change.seq).collect::<Vec<_>>(), [2]);
    })
    .await;
}

#[tokio::test]
async fn a_cursor_beyond_the_head_or_behind_what_is_kept_means_everything_anew() {
    on_each_database(async |base| {
        let db = base.open().await;
        let ahead = Cursor { history: 1, seq: 9 };
        assert_eq!(after(&db, REALM, ahead).await, None);
        change(&db, "a").await.unwrap();
        base.clock().advance(Lifetime::days(1));
        change(&db, "b").await.unwrap();
        let now = crate::env::Clock::now(&base.clock());
        let forgotten = db.forget_changes_before(REALM, now).await.unwrap();
        assert_eq!(forgotten, 1);
        assert_eq!(after(&db, REALM, START).await, None);
        let kept = after(&db, REALM, Cursor { history: 1, seq: 1 }).await.unwrap();
        assert_eq!(kept.len(), 1);
        db.forget_changes_before(REALM, now.plus(Lifetime::days(1))).await.unwrap();
        let end = Cursor { history: 1, seq: 2 };
        assert_eq!(head(&db).await, end);
        assert_eq!(after(&db, REALM, end).await, Some(Vec::new()));
        change(&db, "c").await.unwrap();
        assert_eq!(after(&db, REALM, end).await.unwrap().len(), 1);
    })
    .await;
}
