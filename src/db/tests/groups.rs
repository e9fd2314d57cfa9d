//! Transactions: grouped commits, the isolation of bodies, panics, callers that go away.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::super::{Db, Engine};
use super::{REALM, Runs, change, names, put, spawn, write};
use crate::kernel::{Fault, Kind};
use crate::testkit::{TestDatabase, engines, on_each_engine};

/// An error of a slice's own.
#[derive(Debug)]
enum Error {
    Refused,
    Fault,
}

impl From<Fault> for Error {
    fn from(_: Fault) -> Self {
        Self::Fault
    }
}

#[tokio::test]
async fn a_body_that_fails_changes_nothing_and_its_neighbours_are_not_touched() {
    on_each_engine(async |db| {
        let refused: Result<(), Error> = db
            .write(REALM, (), |tx, ()| {
                Box::pin(async move {
                    put(tx, "half").await?;
                    Err(Error::Refused)
                })
            })
            .await;
        assert!(matches!(refused, Err(Error::Refused)), "{refused:?}");
        let all = (0..40).map(|n| {
            let db = db.clone();
            spawn(async move {
                // Every fourth writes a row that is there already, after one of its own.
                let name = format!("row {n:02}");
                let body_fails = n % 4 == 3;
                db.change(REALM, super::SERVER, (name, body_fails), |tx, (name, fails)| {
                    Box::pin(async move {
                        put(tx, name).await?;
                        tx.changed("lease", name, b"")?;
                        if *fails { Err(Error::Refused) } else { Ok(()) }
                    })
                })
                .await
            })
        });
        let answers = futures_util::future::join_all(all).await;
        let refused = answers.iter().filter(|answer| matches!(answer, Ok(Err(Error::Refused))));
        assert_eq!(refused.count(), 10);
        assert_eq!(names(&db).await.len(), 30);
        assert_eq!(super::changes::numbers(&db, REALM).await, (1..=30).collect::<Vec<i64>>());
    })
    .await;
}

#[tokio::test]
async fn a_panic_is_that_bodys_fault_and_the_database_goes_on() {
    on_each_engine(async |db| {
        let bug: Result<(), Fault> = db
            .write(REALM, (), |tx, ()| {
                Box::pin(async move {
                    put(tx, "half").await?;
                    panic!("broken body")
                })
            })
            .await;
        let bug = bug.unwrap_err();
        assert_eq!(bug.kind(), Kind::Bug);
        assert!(bug.to_string().contains("broken body"), "{bug}");
        let bug: Result<(), Fault> = db
            .change(REALM, super::SERVER, (), |tx, ()| {
                Box::pin(async move {
                    put(tx, "half").await?;
                    panic!("broken body")
                })
            })
            .await;
        assert_eq!(bug.unwrap_err().kind(), Kind::Bug);
        change(&db, "whole").await.unwrap();
        assert_eq!(names(&db).await, ["whole"]);
    })
    .await;
}

#[tokio::test]
async fn a_caller_that_goes_away_changes_nothing_in_what_happens() {
    on_each_engine(async |db| {
        for n in 0..20 {
            let name = format!("row {n:02}");
            let (db, gone) = (db.clone(), tokio::time::Duration::from_micros(n * 20));
            let call = spawn(async move {
                let write = write(&db, &name);
                // The caller goes away at any moment after it asked.
                let _gave_up = tokio::time::timeout(gone, write).await;
            });
            call.await.unwrap();
        }
        write(&db, "last").await.unwrap();
        until(async || names(&db).await.len() == 21).await;
    })
    .await;
}

#[tokio::test]
async fn a_body_may_await_nothing_but_its_transaction() {
    let base = TestDatabase::new(Engine::Sqlite).await;
    let db = base.open().await;
    let refused: Result<(), Fault> = db
        .write(REALM, (), |tx, ()| {
            Box::pin(async move {
                put(tx, "half").await?;
                tokio::task::yield_now().await;
                Ok(())
            })
        })
        .await;
    assert_eq!(refused.unwrap_err().kind(), Kind::Bug);
    assert_eq!(names(&db).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_does_not_see_what_is_committed_meanwhile() {
    on_each_engine(async |db| {
        write(&db, "before").await.unwrap();
        let (here, arrived) = channel();
        let (go, may_go) = channel();
        let gates = Mutex::new((here, may_go));
        let reading = spawn({
            let db = db.clone();
            async move {
                db.read(REALM, gates, |tx, gates| {
                    Box::pin(async move {
                        let first = tx.rows(super::NAMES, &[]).await?.len();
                        pause(gates);
                        let second = tx.rows(super::NAMES, &[]).await?.len();
                        Ok::<_, Fault>((first, second))
                    })
                })
                .await
            }
        });
        until(async || arrived.try_recv().is_ok()).await;
        write(&db, "after").await.unwrap();
        go.send(()).unwrap();
        assert_eq!(reading.await.unwrap().unwrap(), (1, 1));
        assert_eq!(names(&db).await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_body_may_run_again_and_only_its_last_run_counts() {
    for engine in engines() {
        let base = TestDatabase::new(engine).await;
        let db: Db = base.open().await;
        let runs = Runs::default();
        let counted = runs.clone();
        let answer: Result<usize, Fault> = db
            .change(REALM, super::SERVER, counted, |tx, counted| {
                Box::pin(async move {
                    let run = counted.one();
                    put(tx, &format!("run {run}")).await?;
                    tx.changed("lease", &format!("run {run}"), b"")?;
                    Ok(run)
                })
            })
            .await;
        let run = answer.unwrap();
        assert_eq!(run, runs.count());
        assert_eq!(names(&db).await, [format!("run {run}")]);
    }
}

/// A change whose body waits at a gate before it ends.
fn gated(db: &Db, name: &'static str, gates: Gates) -> JoinHandle<Result<(), Fault>> {
    let db = db.clone();
    spawn(async move {
        db.change(REALM, super::SERVER, (name, Mutex::new(gates)), |tx, (name, gates)| {
            Box::pin(async move {
                put(tx, name).await?;
                tx.changed("lease", name, b"")?;
                pause(gates);
                Ok(())
            })
        })
        .await
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn bodies_that_wait_share_a_transaction_and_answers_leave_after_its_commit() {
    on_each_engine(async |db| {
        let (here, arrived) = channel();
        let (go, may_go) = channel();
        let (here_too, arrived_too) = channel();
        let (go_too, may_go_too) = channel();
        let first = gated(&db, "first", (here, may_go));
        until(async || arrived.try_recv().is_ok()).await;
        let refused = spawn({
            let db = db.clone();
            async move {
                db.change(REALM, super::SERVER, (), |_, ()| {
                    Box::pin(async move { Err::<(), _>(Error::Refused) })
                })
                .await
            }
        });
        let last = gated(&db, "last", (here_too, may_go_too));
        // Both must be in the queue before the first body ends.
        tokio::time::timeout(Duration::from_millis(200), std::future::pending::<()>())
            .await
            .unwrap_err();
        go.send(()).unwrap();
        until(async || arrived_too.try_recv().is_ok()).await;
        assert!(!first.is_finished(), "its commit is still to come");
        assert!(!refused.is_finished(), "errors leave after the commit, too");
        assert_eq!(names(&db).await, [""; 0]);
        go_too.send(()).unwrap();
        first.await.unwrap().unwrap();
        last.await.unwrap().unwrap();
        assert!(matches!(refused.await.unwrap(), Err(Error::Refused)));
        assert_eq!(names(&db).await, ["first", "last"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_fault_that_ends_the_transaction_is_its_bodys_answer_and_the_others_run_again() {
    let base = TestDatabase::new(Engine::Sqlite).await;
    let db = base.open().await;
    let (here, arrived) = channel();
    let (go, may_go) = channel();
    let first = gated(&db, "first", (here, may_go));
    until(async || arrived.try_recv().is_ok()).await;
    let ending = spawn({
        let db = db.clone();
        async move {
            db.write(REALM, (), |tx, ()| {
                Box::pin(async move {
                    put(tx, "half").await?;
                    // As SQLite itself does on a full disk.
                    tx.execute("ROLLBACK", &[]).await
                })
            })
            .await
        }
    });
    let last = spawn({
        let db = db.clone();
        async move { write(&db, "last").await }
    });
    until(async || !ending.is_finished()).await;
    go.send(()).unwrap();
    // Its second run.
    until(async || arrived.try_recv().is_ok() || first.is_finished()).await;
    drop(go);
    let ended: Result<u64, Fault> = ending.await.unwrap();
    assert_eq!(ended.unwrap_err().kind(), Kind::Bug);
    first.await.unwrap().unwrap();
    last.await.unwrap().unwrap();
    assert_eq!(names(&db).await, ["first", "last"]);
    assert_eq!(super::changes::numbers(&db, REALM).await, [1]);
}

#[tokio::test]
async fn a_full_disk_is_told_and_what_fits_is_still_taken() {
    const BOUND: &str = "PRAGMA max_page_count = 40";
    const UNBOUND: &str = "PRAGMA max_page_count = 1000000";
    const FILL: &str = "INSERT INTO delivery (realm, id, kind, body, made, due, attempts) \
        VALUES ($1, $2, 'mail', $3, 0, 0, 0)";
    let base = TestDatabase::new(Engine::Sqlite).await;
    let db = base.open().await;
    let bounded: Result<_, Fault> =
        db.write(REALM, (), |tx, ()| Box::pin(tx.row(BOUND, &[]))).await;
    bounded.unwrap();
    let full: Result<u64, Fault> = db
        .write(REALM, vec![7_u8; 400_000], |tx, body| {
            Box::pin(async move { tx.execute(FILL, &["a".into(), body.into()]).await })
        })
        .await;
    assert!(matches!(full, Err(Fault::Full { what: "database" })), "{full:?}");
    let small = write(&db, "small").await;
    small.unwrap();
    let unbounded: Result<_, Fault> =
        db.write(REALM, (), |tx, ()| Box::pin(tx.row(UNBOUND, &[]))).await;
    unbounded.unwrap();
    assert_eq!(names(&db).await, ["small"]);
}

#[tokio::test]
async fn a_commit_that_fails_runs_each_body_again_alone() {
    // A deferred reference shows only at COMMIT.
    const CHILD: &str = "CREATE TABLE child (realm BIGINT NOT NULL, name TEXT NOT NULL, \
        FOREIGN KEY (realm, name) REFERENCES lease (realm, name) DEFERRABLE INITIALLY DEFERRED)";
    const ORPHAN: &str = "INSERT INTO child (realm, name) VALUES ($1, 'nobody')";
    on_each_engine(async |db| {
        let made: Result<u64, Fault> =
            db.write(REALM, (), |tx, ()| Box::pin(tx.execute(CHILD, &[]))).await;
        made.unwrap();
        let callers = (0..30).map(|n| {
            let db = db.clone();
            spawn(async move {
                if n != 10 {
                    return change(&db, &format!("{n:02}")).await;
                }
                db.change(REALM, super::SERVER, (), |tx, ()| {
                    Box::pin(async move {
                        tx.execute(ORPHAN, &[]).await?;
                        tx.changed("lease", "orphan", b"")
                    })
                })
                .await
            })
        });
        for (n, answer) in futures_util::future::join_all(callers).await.into_iter().enumerate() {
            let answer = answer.unwrap();
            assert_eq!(matches!(answer, Err(Fault::Reference { .. })), n == 10, "{n}: {answer:?}");
        }
        assert_eq!(names(&db).await.len(), 29);
        assert_eq!(super::changes::numbers(&db, REALM).await, (1..=29).collect::<Vec<i64>>());
    })
    .await;
}

/// Where a body says that it got there, and what it waits for.
type Gates = (Sender<()>, Receiver<()>);

/// Says that it got here, and blocks until it may go on.
fn pause(gates: &Mutex<Gates>) {
    let gates = gates.lock().unwrap();
    // Once the test has opened the gate for good, nobody stands there any more.
    let _passed = tokio::task::block_in_place(|| (gates.0.send(()), gates.1.recv()));
}

/// Looks until it is so; fails after a minute: a loaded machine is no failure.
pub(super) async fn until(so: impl AsyncFn() -> bool) {
    let mut every = tokio::time::interval(Duration::from_millis(5));
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 0..12_000 {
        if so().await {
            return;
        }
        every.tick().await;
    }
    panic!("it did not become so");
}
