//! PostgreSQL: several replicas, a database that goes away, answers that are lost, a database restored under us.

use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::super::{Cursor, Db, Engine};
use super::changes::{after, granted, numbers, revoke};
use super::groups::until;
use super::{REALM, Runs, SERVER, change, change_in, names, put, spawn, write};
use crate::kernel::{Fault, Kind, Lifetime};
use crate::testkit::postgres::{PostgresServer, Stop};
use crate::testkit::{Lose, LossyPostgres, TestDatabase, engines};

const START: Cursor = Cursor::START;

/// A database on PostgreSQL, if this test run is about it.
async fn postgres() -> Option<TestDatabase> {
    if !engines().contains(&Engine::Postgres) {
        return None;
    }
    Some(TestDatabase::new(Engine::Postgres).await)
}

/// A database on a server that the test may stop.
fn server_of_its_own() -> Option<TestDatabase> {
    let wanted = engines().contains(&Engine::Postgres);
    wanted.then(|| TestDatabase::with_server(PostgresServer::start()))
}

/// Runs it, and fails unless it took no longer than this.
async fn within<T>(seconds: f64, call: impl Future<Output = T>) -> T {
    #[expect(clippy::disallowed_methods, reason = "the bound is on real time")]
    let begun = Instant::now();
    let answer = call.await;
    let took = begun.elapsed();
    assert!(took <= Duration::from_secs_f64(seconds), "it took {took:?}");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_with_eight_writers_each_leave_no_gap_and_no_double() {
    let Some(base) = postgres().await else { return };
    let replicas = [base.open().await, base.open().await];
    let writers = (0..16).map(|writer: usize| {
        let db = replicas[writer % 2].clone();
        spawn(async move {
            for n in 0..20 {
                change(&db, &format!("{writer:02} {n:02}")).await.unwrap();
            }
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    for db in &replicas {
        assert_eq!(numbers(db, REALM).await, (1..=320).collect::<Vec<i64>>());
        assert_eq!(names(db).await.len(), 320);
    }
    // The order of numbers is the order of commits, so a follower of either replica saw the same.
    assert_eq!(after(&replicas[0], REALM, START).await, after(&replicas[1], REALM, START).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_wait_share_transactions() {
    let Some(base) = postgres().await else { return };
    let db = base.open().await;
    let callers = (0..200).map(|n| {
        let db = db.clone();
        spawn(async move { change(&db, &n.to_string()).await })
    });
    for answer in join_all(callers).await {
        answer.unwrap().unwrap();
    }
    let groups: usize = base.sql("SELECT count(*) FROM write_done").parse().unwrap();
    assert!(groups < 100, "{groups} transactions for 200 changes");
}

#[tokio::test]
async fn a_replica_hears_of_what_another_committed() {
    let Some(base) = postgres().await else { return };
    let (one, two) = (base.open().await, base.open().await);
    let mut heard = two.heard(REALM);
    change(&one, "a").await.unwrap();
    let there = heard.wait_for(|head| head.seq == 1);
    tokio::time::timeout(Duration::from_secs(5), there).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_lost_notice_costs_a_second_and_never_a_change() {
    let Some(base) = postgres().await else { return };
    let (one, two) = (base.open().await, base.open().await);
    change(&one, "a").await.unwrap();
    // Nobody listens any more, for a moment.
    base.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'");
    let mut heard = two.heard(REALM);
    change(&one, "b").await.unwrap();
    let there = heard.wait_for(|head| head.seq == 2);
    tokio::time::timeout(Duration::from_secs(5), there).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_right_taken_away_on_one_replica_is_not_used_on_another() {
    let Some(base) = postgres().await else { return };
    let (one, two) = (base.open().await, base.open().await);
    change_in(&two, REALM, granted(0), "before").await.unwrap();
    revoke(&one).await.unwrap();
    // Whether or not the other replica has heard of it.
    let refused = change_in(&two, REALM, granted(0), "after").await;
    assert!(matches!(refused, Err(Fault::RightsChanged)), "{refused:?}");
    assert_eq!(names(&two).await, ["before"]);
}

#[tokio::test]
async fn a_database_that_goes_away_is_told_in_time_and_needs_no_restart_when_it_is_back() {
    let Some(base) = server_of_its_own() else { return };
    let server = base.server().unwrap();
    let db = base.open().await;
    change(&db, "before").await.unwrap();
    for (round, how) in [Stop::Fast, Stop::Immediate, Stop::Kill].into_iter().enumerate() {
        server.stop(how);
        let away = within(2.5, write(&db, "away")).await;
        assert!(matches!(away, Err(Fault::Away { .. })), "{how:?}: {away:?}");
        let away = within(2.5, change(&db, "away")).await.unwrap_err();
        assert_eq!(away.code(), "storage.away", "{how:?}");
        let read: Result<Cursor, Fault> =
            within(2.5, db.read(REALM, (), |tx, ()| Box::pin(tx.head()))).await;
        assert_eq!(read.unwrap_err().code(), "storage.away", "{how:?}");
        server.start_again();
        change(&db, &format!("change {round}")).await.unwrap();
        write(&db, &format!("write {round}")).await.unwrap();
    }
    assert_eq!(names(&db).await.len(), 7);
    assert_eq!(numbers(&db, REALM).await, [1, 2, 3, 4]);
    // Notices work again too.
    let other = base.open().await;
    let mut heard = other.heard(REALM);
    change(&db, "after").await.unwrap();
    let there = heard.wait_for(|head| head.seq == 5);
    tokio::time::timeout(Duration::from_secs(5), there).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_told_in_time() {
    let Some(base) = server_of_its_own() else { return };
    let server = base.server().unwrap();
    let db = base.open().await;
    write(&db, "before").await.unwrap();
    change(&db, "before too").await.unwrap();
    server.freeze();
    let away = within(2.5, write(&db, "frozen")).await.unwrap_err();
    assert_eq!(away.kind(), Kind::Unavailable);
    let away = within(2.5, change(&db, "frozen too")).await.unwrap_err();
    assert_eq!(away.kind(), Kind::Unavailable);
    server.thaw();
    write(&db, "after").await.unwrap();
    change(&db, "after too").await.unwrap();
    assert_eq!(names(&db).await, ["after", "after too", "before", "before too"]);
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_looked_up_and_answered() {
    let Some(base) = server_of_its_own() else { return };
    let lossy = LossyPostgres::before(base.server().unwrap());
    let db = base.open_at(&lossy.url(base.url())).await;
    let runs = Runs::default();
    lossy.next(Lose::Answer);
    counted_change(&db, "change", &runs).await.unwrap();
    assert!(lossy.happened());
    lossy.next(Lose::Answer);
    counted_write(&db, "write", &runs).await.unwrap();
    assert!(lossy.happened());
    assert_eq!(runs.count(), 2, "each ran once");
    assert_eq!(names(&db).await, ["change", "write"]);
    assert_eq!(numbers(&db, REALM).await, [1]);
}

#[tokio::test]
async fn a_commit_that_never_arrived_is_run_again() {
    let Some(base) = server_of_its_own() else { return };
    let lossy = LossyPostgres::before(base.server().unwrap());
    let db = base.open_at(&lossy.url(base.url())).await;
    let runs = Runs::default();
    lossy.next(Lose::Commit);
    counted_change(&db, "change", &runs).await.unwrap();
    lossy.next(Lose::Commit);
    counted_write(&db, "write", &runs).await.unwrap();
    assert!(lossy.happened());
    assert_eq!(runs.count(), 4, "each ran twice");
    assert_eq!(names(&db).await, ["change", "write"]);
    assert_eq!(numbers(&db, REALM).await, [1]);
}

#[tokio::test]
async fn an_outcome_that_cannot_be_told_is_called_unknown() {
    let Some(base) = server_of_its_own() else { return };
    let lossy = LossyPostgres::before(base.server().unwrap());
    let db = base.open_at(&lossy.url(base.url())).await;
    lossy.next(Lose::Everything);
    let unknown = within(5.0, change(&db, "a")).await.unwrap_err();
    assert!(matches!(unknown, Fault::OutcomeUnknown), "{unknown}");
    assert_eq!(unknown.kind(), Kind::Unavailable);
    // The caller finds it by its id.
    let direct = base.open().await;
    assert_eq!(names(&direct).await, ["a"]);
}

#[tokio::test]
async fn a_database_restored_under_us_is_a_new_history_for_everybody() {
    let Some(base) = postgres().await else { return };
    let (one, two) = (base.open().await, base.open().await);
    for name in ["a", "b", "c"] {
        change(&one, name).await.unwrap();
    }
    let before = Cursor { history: 1, seq: 3 };
    let mut heard = two.heard(REALM);
    heard.wait_for(|head| *head == before).await.unwrap();
    // An old copy came back: a head below one already seen.
    base.sql(
        "UPDATE change_head SET seq = 1; DELETE FROM change WHERE seq > 1; \
         DELETE FROM lease WHERE name <> 'a'",
    );
    change(&one, "d").await.unwrap();
    assert_eq!(after(&one, REALM, before).await, None);
    let there = heard.wait_for(|head| head.history == 2);
    tokio::time::timeout(Duration::from_secs(5), there).await.unwrap().unwrap();
    assert_eq!(names(&two).await, ["a", "d"]);
}

#[tokio::test]
async fn a_follower_hears_of_a_head_below_the_one_it_knows() {
    let Some(base) = postgres().await else { return };
    let db = base.open().await;
    change(&db, "a").await.unwrap();
    change(&db, "b").await.unwrap();
    let mut heard = db.heard(REALM);
    base.sql("UPDATE change_head SET seq = 1");
    let there = heard.wait_for(|head| head.seq == 1);
    tokio::time::timeout(Duration::from_secs(5), there).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writes_that_meet_are_run_again_until_both_are_done() {
    let Some(base) = postgres().await else { return };
    let db = base.open().await;
    write(&db, "a").await.unwrap();
    write(&db, "b").await.unwrap();
    let barrier = Arc::new(Barrier::new(2));
    let crossing = [["a", "b"], ["b", "a"]].map(|order| {
        let (db, barrier, runs) = (db.clone(), Arc::clone(&barrier), Runs::default());
        spawn(async move {
            let input = (order, barrier, runs);
            db.write(REALM, input, |tx, (order, barrier, runs)| {
                Box::pin(async move {
                    tx.execute(TOUCH, &[order[0].into()]).await?;
                    if runs.one() == 1 {
                        tokio::task::block_in_place(|| barrier.wait());
                    }
                    tx.execute(TOUCH, &[order[1].into()]).await
                })
            })
            .await
        })
    });
    for crossed in join_all(crossing).await {
        let answer: Result<u64, Fault> = crossed.unwrap();
        assert_eq!(answer.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_write_that_meets_others_for_ever_is_given_up_after_five_runs() {
    const MEET: &str = "DO $$ BEGIN RAISE EXCEPTION 'met' USING ERRCODE = '40001'; END $$";
    let Some(base) = postgres().await else { return };
    let db = base.open().await;
    for changing in [false, true] {
        let runs = Runs::default();
        let answer: Result<u64, Fault> = if changing {
            db.change(REALM, SERVER, runs.clone(), |tx, runs| {
                runs.one();
                Box::pin(tx.execute(MEET, &[]))
            })
            .await
        } else {
            db.write(REALM, runs.clone(), |tx, runs| {
                runs.one();
                Box::pin(tx.execute(MEET, &[]))
            })
            .await
        };
        assert_eq!(answer.unwrap_err().kind(), Kind::Unavailable);
        assert_eq!(runs.count(), 5);
    }
}

#[tokio::test]
async fn full_disks_and_read_only_servers_have_faults_of_their_own() {
    const FULL: &str = "DO $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$";
    let Some(base) = postgres().await else { return };
    let db = base.open().await;
    let full: Result<u64, Fault> =
        db.write(REALM, (), |tx, ()| Box::pin(tx.execute(FULL, &[]))).await;
    assert!(matches!(full, Err(Fault::Full { what: "database" })), "{full:?}");
    base.sql(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$; \
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    let refused = write(&db, "a").await;
    assert!(matches!(refused, Err(Fault::ReadOnly { what: "database" })), "{refused:?}");
    let refused = change(&db, "a").await;
    assert!(matches!(refused, Err(Fault::ReadOnly { what: "database" })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_killed_in_the_middle_of_changes_loses_nothing_that_was_acknowledged() {
    let Some(base) = server_of_its_own() else { return };
    let server = base.server().unwrap();
    let db = base.open().await;
    change(&db, "first").await.unwrap();
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let db = db.clone();
            spawn(async move {
                let mut acknowledged = Vec::new();
                for n in 0..200 {
                    let name = format!("{writer} {n:03}");
                    if change(&db, &name).await.is_ok() {
                        acknowledged.push(name);
                    }
                }
                acknowledged
            })
        })
        .collect();
    until(async || names(&db).await.len() > 50).await;
    tokio::task::block_in_place(|| {
        server.stop(Stop::Kill);
        server.start_again();
    });
    let mut acknowledged = vec!["first".to_owned()];
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    let stored = names(&db).await;
    let lost: Vec<_> = acknowledged.iter().filter(|name| !stored.contains(name)).collect();
    assert_eq!(lost, [""; 0]);
    let count = i64::try_from(stored.len()).unwrap();
    assert_eq!(numbers(&db, REALM).await, (1..=count).collect::<Vec<i64>>());
}

#[tokio::test]
async fn write_ids_that_nobody_looks_up_any_more_are_forgotten() {
    let Some(base) = postgres().await else { return };
    let db = base.open().await;
    change(&db, "a").await.unwrap();
    write(&db, "b").await.unwrap();
    let kept = || base.sql("SELECT count(*) FROM write_done");
    assert_eq!(kept(), "2");
    base.clock().advance(Lifetime::hours(1));
    let _other = base.open().await;
    until(async || kept() == "0").await;
}

async fn counted_change(db: &Db, name: &str, runs: &Runs) -> Result<(), Fault> {
    db.change(REALM, SERVER, (name.to_owned(), runs.clone()), |tx, (name, runs)| {
        Box::pin(async move {
            runs.one();
            put(tx, name).await?;
            tx.changed("lease", name, b"event")
        })
    })
    .await
}

async fn counted_write(db: &Db, name: &str, runs: &Runs) -> Result<u64, Fault> {
    db.write(REALM, (name.to_owned(), runs.clone()), |tx, (name, runs)| {
        Box::pin(async move {
            runs.one();
            put(tx, name).await
        })
    })
    .await
}

const TOUCH: &str = "UPDATE lease SET expires = expires + 1 WHERE realm = $1 AND name = $2";
