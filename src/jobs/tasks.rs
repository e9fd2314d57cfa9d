//! `Tasks`: spawns what must be waited for. A stop cancels, waits up to its deadline, and then drops what is left.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::env::Clock;
use crate::kernel::Lifetime;

/// Spawns tasks and waits for them at the end. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Tasks {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Arc<dyn Clock>,
    tracker: TaskTracker,
    stop: CancellationToken,
    abandon: CancellationToken,
    running: Mutex<BTreeMap<&'static str, usize>>,
    panics: AtomicU64,
}

/// A task that had not ended when the deadline of a stop passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Straggler {
    /// The name it was spawned under.
    pub name: &'static str,
    /// How many of that name were left.
    pub count: usize,
}

impl Tasks {
    /// Nothing runs yet. The clock measures the deadline of a stop.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            inner: Arc::new(Inner {
                clock,
                tracker: TaskTracker::new(),
                stop: CancellationToken::new(),
                abandon: CancellationToken::new(),
                running: Mutex::new(BTreeMap::new()),
                panics: AtomicU64::new(0),
            }),
        }
    }

    /// Runs `future` in a task of its own until it ends. It should watch [`Tasks::token`] and end soon after a stop
    /// began; it is dropped only when the deadline of that stop has passed.
    pub fn spawn(&self, name: &'static str, future: impl Future<Output = ()> + Send + 'static) {
        let tasks = self.clone();
        tasks.count(name, true);
        let work = async move {
            let running = AssertUnwindSafe(future).catch_unwind();
            tokio::select! {
                outcome = running => if let Err(panic) = outcome { tasks.panicked(name, panic.as_ref()) },
                () = tasks.inner.abandon.cancelled() => {}
            }
            tasks.count(name, false);
        };
        self.spawn_unnamed(work);
    }

    /// The same for work that may be dropped between any two of its steps: it is, as soon as a stop begins.
    pub fn spawn_until_stop(
        &self,
        name: &'static str,
        future: impl Future<Output = ()> + Send + 'static,
    ) {
        let stop = self.token();
        self.spawn(name, async move {
            // The answer only says whether the stop came first.
            let _ended = stop.run_until_cancelled(future).await;
        });
    }

    /// Cancelled when a stop begins.
    pub fn token(&self) -> CancellationToken {
        self.inner.stop.clone()
    }

    /// True once a stop began.
    pub fn is_stopping(&self) -> bool {
        self.inner.stop.is_cancelled()
    }

    /// How many tasks have panicked since the start.
    pub fn panics(&self) -> u64 {
        self.inner.panics.load(Ordering::Relaxed)
    }

    /// Begins the stop, waits for all tasks at most `within`, and drops those that are left; they are the answer.
    pub async fn stop(&self, within: Lifetime) -> Vec<Straggler> {
        self.inner.stop.cancel();
        self.inner.tracker.close();
        tokio::select! {
            () = self.inner.tracker.wait() => return Vec::new(),
            () = self.inner.clock.sleep(within) => {}
        }
        let left = self.running();
        for straggler in &left {
            tracing::warn!(
                task.name = straggler.name,
                task.count = straggler.count,
                "task did not end in time and is dropped"
            );
        }
        self.inner.abandon.cancel();
        left
    }

    /// What runs now, by name.
    pub fn running(&self) -> Vec<Straggler> {
        let running = self.inner.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.iter().map(|(&name, &count)| Straggler { name, count }).collect()
    }

    /// For work that belongs to a named task already, such as the streams of one connection: a stop waits for it too.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
    fn spawn_unnamed(&self, future: impl Future<Output = ()> + Send + 'static) {
        // Detached on purpose: the tracker knows it.
        drop(tokio::spawn(self.inner.tracker.track_future(future)));
    }

    fn count(&self, name: &'static str, starts: bool) {
        let mut running = self.inner.running.lock().unwrap_or_else(PoisonError::into_inner);
        let count = running.entry(name).or_default();
        if starts {
            *count = count.saturating_add(1);
        } else {
            *count = count.saturating_sub(1);
            if *count == 0 {
                running.remove(name);
            }
        }
    }

    fn panicked(&self, name: &'static str, panic: &(dyn Any + Send)) {
        self.inner.panics.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("weft_task_panics_total", "task" => name).increment(1);
        tracing::error!(task.name = name, panic = panic_words(panic), "task panicked");
    }
}

/// Lets hyper run the streams of an HTTP/2 connection as tasks that a stop waits for.
impl<F> hyper::rt::Executor<F> for Tasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.spawn_unnamed(future);
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").field("running", &self.running()).finish_non_exhaustive()
    }
}

/// What a panic said, if it said it in words.
pub(crate) fn panic_words(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without words")
}
