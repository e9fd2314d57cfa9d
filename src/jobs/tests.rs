//! What tasks and reconcilers promise.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::BoxFuture;

use super::reconcile::wait_after;
use super::*;
use crate::kernel::{Fault, Kind, Lifetime};
use crate::testkit::{SeededEntropy, TestClock};

fn tasks(clock: &TestClock) -> Tasks {
    Tasks::new(Arc::new(clock.clone()))
}

#[tokio::test]
async fn a_stop_waits_for_a_task_that_is_ending() {
    let clock = TestClock::new();
    let tasks = tasks(&clock);
    let ended = Arc::new(AtomicU64::new(0));
    let (seen, stop) = (Arc::clone(&ended), tasks.token());
    tasks.spawn("ending", async move {
        stop.cancelled().await;
        tokio::task::yield_now().await;
        seen.store(1, Ordering::SeqCst);
    });
    assert!(tasks.stop(Lifetime::seconds(5)).await.is_empty());
    assert_eq!(ended.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_task_that_does_not_end_is_named_and_dropped_at_the_deadline() {
    let clock = TestClock::new();
    let tasks = tasks(&clock);
    let (alive, dropped) = tokio::sync::oneshot::channel::<()>();
    tasks.spawn("stuck", async move {
        let _held = alive;
        std::future::pending::<()>().await;
    });
    let stopping = tasks.stop(Lifetime::seconds(5));
    let advance = async {
        clock.until_armed(1).await;
        clock.advance(Lifetime::seconds(5));
    };
    let (left, ()) = tokio::join!(stopping, advance);
    assert_eq!(left, vec![Straggler { name: "stuck", count: 1 }]);
    assert!(dropped.await.is_err(), "what the task held is dropped with it");
}

#[tokio::test]
async fn a_panicking_task_is_counted_and_hurts_nobody_else() {
    let tasks = tasks(&TestClock::new());
    tasks.spawn("bad", async { panic!("on purpose") });
    let (tell, told) = tokio::sync::oneshot::channel();
    tasks.spawn("good", async move {
        tell.send(7).expect("the test waits");
    });
    assert_eq!(told.await, Ok(7));
    assert!(tasks.stop(Lifetime::seconds(5)).await.is_empty());
    assert_eq!(tasks.panics(), 1);
    assert!(tasks.running().is_empty());
}

/// Counts its runs; each run changes something until `work` is used up; fails when told to.
#[derive(Default)]
struct Counting {
    runs: AtomicU64,
    work: AtomicU64,
    failing: AtomicU64,
}

impl Reconciler for Counting {
    fn name(&self) -> &'static str {
        "test.counting"
    }

    fn period(&self) -> Lifetime {
        Lifetime::minutes(1)
    }

    fn reconcile(&self) -> BoxFuture<'_, Result<Summary, Fault>> {
        Box::pin(async {
            self.runs.fetch_add(1, Ordering::SeqCst);
            match self.failing.load(Ordering::SeqCst) {
                0 => {}
                1 => return Err(Fault::away("the thing", "on purpose")),
                _ => panic!("on purpose"),
            }
            let left = self.work.load(Ordering::SeqCst);
            if left == 0 {
                return Ok(Summary::nothing());
            }
            self.work.store(left - 1, Ordering::SeqCst);
            Ok(Summary::did(1, "did one"))
        })
    }
}

fn driver(clock: &TestClock, counting: &Arc<Counting>, nudge: &Nudge) -> Reconcilers {
    let driver = Reconcilers::new(Arc::new(clock.clone()), Arc::new(SeededEntropy::new(1)));
    let reconciler: Arc<dyn Reconciler> = Arc::<Counting>::clone(counting);
    driver.add(reconciler, nudge);
    driver
}

#[tokio::test]
async fn a_reconciler_runs_at_once_then_on_its_period_and_when_nudged() {
    let clock = TestClock::new();
    let (counting, nudge) = (Arc::new(Counting::default()), Nudge::default());
    let driver = driver(&clock, &counting, &nudge);
    let tasks = tasks(&clock);
    driver.start(&tasks);
    clock.until_armed(1).await;
    assert_eq!(counting.runs.load(Ordering::SeqCst), 1);

    clock.advance(Lifetime::seconds(59));
    tokio::task::yield_now().await;
    assert_eq!(counting.runs.load(Ordering::SeqCst), 1, "not before its period");
    clock.advance(Lifetime::seconds(7));
    clock.until_armed(1).await;
    assert_eq!(counting.runs.load(Ordering::SeqCst), 2, "within the period and a tenth");

    nudge.nudge();
    nudge.nudge();
    while counting.runs.load(Ordering::SeqCst) < 3 {
        tokio::task::yield_now().await;
    }
    assert!(tasks.stop(Lifetime::seconds(5)).await.is_empty());
    assert_eq!(counting.runs.load(Ordering::SeqCst), 3, "two nudges before a run make one run");
}

#[tokio::test]
async fn settle_runs_until_nothing_changes_and_remembers_the_last_summary() {
    let (clock, counting) = (TestClock::new(), Arc::new(Counting::default()));
    counting.work.store(3, Ordering::SeqCst);
    let driver = driver(&clock, &counting, &Nudge::default());
    driver.settle().await.expect("it comes to rest");
    assert_eq!(counting.runs.load(Ordering::SeqCst), 4);
    let last = driver.states()[0].last.clone().expect("it ran");
    assert_eq!(last.outcome.expect("no fault"), Summary::nothing());
}

#[tokio::test]
async fn settle_gives_up_on_one_that_never_comes_to_rest() {
    let (clock, counting) = (TestClock::new(), Arc::new(Counting::default()));
    counting.work.store(u64::MAX, Ordering::SeqCst);
    let driver = driver(&clock, &counting, &Nudge::default());
    let fault = driver.settle().await.expect_err("it never rests");
    assert!(fault.to_string().contains("test.counting"), "{fault}");
}

#[tokio::test]
async fn faults_and_panics_of_a_reconciler_are_remembered_and_counted() {
    let (clock, counting) = (TestClock::new(), Arc::new(Counting::default()));
    let driver = driver(&clock, &counting, &Nudge::default());
    for (mode, kind) in [(1, Kind::Unavailable), (2, Kind::Bug)] {
        counting.failing.store(mode, Ordering::SeqCst);
        assert_eq!(driver.settle().await.expect_err("told to fail").kind(), kind);
    }
    assert_eq!(driver.states()[0].failures, 2);
    counting.failing.store(0, Ordering::SeqCst);
    driver.settle().await.expect("well again");
    assert_eq!(driver.states()[0].failures, 0);
}

#[test]
fn the_wait_is_the_period_and_a_tenth_and_shorter_after_faults() {
    let hour = Lifetime::hours(1);
    let cases = [
        (hour, 0, 0, hour),
        (hour, 0, u32::MAX, Lifetime::minutes(66)),
        (hour, 1, 0, Lifetime::seconds(1)),
        (hour, 3, 0, Lifetime::seconds(4)),
        (hour, 50, 0, Lifetime::seconds(64)),
        (Lifetime::millis(100), 1, 0, Lifetime::millis(100)),
        (Lifetime::MAX, 0, u32::MAX, Lifetime::MAX),
    ];
    for (period, failures, chance, expected) in cases {
        assert_eq!(wait_after(period, failures, chance), expected, "{period} {failures} {chance}");
    }
}
