//! Reconcilers and their driver: each in its own task, on its period plus jitter, or at once when nudged.

use std::borrow::Cow;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use super::tasks::{Tasks, panic_words};
use crate::db::in_background;
use crate::env::{Clock, Entropy};
use crate::kernel::{Fault, Lifetime, Timestamp};

/// Makes what is into what should be. It takes no input: everything it needs to know it reads.
pub trait Reconciler: Send + Sync {
    /// Its stable name, in logs and on the health page: `authority.rotation`.
    fn name(&self) -> &'static str;
    /// How long to wait after a run without a nudge.
    fn period(&self) -> Lifetime;
    /// One run. May be dropped between any two awaits, and is run again after a fault.
    fn reconcile(&self) -> BoxFuture<'_, Result<Summary, Fault>>;
}

/// What one run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// How many things it changed; zero: all was as it should be.
    pub changed: u64,
    /// The same in words, for the health page.
    pub words: Cow<'static, str>,
}

impl Summary {
    /// All was as it should be.
    pub const fn nothing() -> Self {
        Self { changed: 0, words: Cow::Borrowed("nothing to do") }
    }

    /// This many things were changed.
    pub fn did(changed: u64, words: impl Into<Cow<'static, str>>) -> Self {
        Self { changed, words: words.into() }
    }
}

/// Asks for a run soon. Cheap to clone; many nudges before a run make one run.
#[derive(Debug, Clone, Default)]
pub struct Nudge(Arc<Notify>);

impl Nudge {
    /// Asks for a run. Never waits.
    pub fn nudge(&self) {
        self.0.notify_one();
    }
}

/// How a reconciler fares, for the health page.
#[derive(Debug, Clone)]
pub struct State {
    /// Its name.
    pub name: &'static str,
    /// Its last run; nothing before the first.
    pub last: Option<Last>,
    /// How many runs in a row ended in a fault.
    pub failures: u32,
}

/// One run that ended.
#[derive(Debug, Clone)]
pub struct Last {
    /// When it ended.
    pub at: Timestamp,
    /// How.
    pub outcome: Result<Summary, Fault>,
}

/// Runs reconcilers. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Reconcilers {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    jobs: Arc<Mutex<Vec<Arc<Job>>>>,
}

struct Job {
    reconciler: Arc<dyn Reconciler>,
    nudge: Nudge,
    /// Held for a whole run, so that the driver and `settle` never run the same one twice at once.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

impl Reconcilers {
    /// Nothing is driven yet.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clock, entropy, jobs: Arc::new(Mutex::new(Vec::new())) }
    }

    /// Takes a reconciler in; `nudge` is what others ask for a run with.
    pub fn add(&self, reconciler: Arc<dyn Reconciler>, nudge: &Nudge) {
        let state = State { name: reconciler.name(), last: None, failures: 0 };
        self.lock().push(Arc::new(Job {
            reconciler,
            nudge: nudge.clone(),
            turn: tokio::sync::Mutex::new(()),
            state: Mutex::new(state),
        }));
    }

    /// Runs each at once and then on its period, until `tasks` stops. Those added later are not started.
    pub fn start(&self, tasks: &Tasks) {
        for job in self.all() {
            let (clock, entropy) = (Arc::clone(&self.clock), Arc::clone(&self.entropy));
            tasks.spawn_until_stop(job.reconciler.name(), drive(job, clock, entropy));
        }
    }

    /// Runs all in turn until a whole round changes nothing. The answer is the first fault; one that never comes to
    /// rest is a bug. For tests and for `doctor`.
    pub async fn settle(&self) -> Result<(), Fault> {
        let mut restless = Vec::new();
        for _round in 0..SETTLE_ROUNDS_MAX {
            restless.clear();
            for job in self.all() {
                if job.run(self.clock.as_ref()).await?.changed > 0 {
                    restless.push(job.reconciler.name());
                }
            }
            if restless.is_empty() {
                return Ok(());
            }
        }
        Err(Fault::bug(format!("reconcilers do not come to rest: {}", restless.join(", "))))
    }

    /// How each fares, in the order they were added.
    pub fn states(&self) -> Vec<State> {
        self.all()
            .iter()
            .map(|job| job.state.lock().unwrap_or_else(PoisonError::into_inner).clone())
            .collect()
    }

    fn all(&self) -> Vec<Arc<Job>> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Job>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Reconcilers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reconcilers").field(&self.states()).finish()
    }
}

impl Job {
    async fn run(&self, clock: &dyn Clock) -> Result<Summary, Fault> {
        let _turn = self.turn.lock().await;
        let name = self.reconciler.name();
        let work = in_background(self.reconciler.reconcile());
        let outcome = match AssertUnwindSafe(work).catch_unwind().await {
            Ok(outcome) => outcome,
            Err(panic) => Err(Fault::bug(format!("panic: {}", panic_words(panic.as_ref())))),
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures = if outcome.is_ok() { 0 } else { state.failures.saturating_add(1) };
        state.last = Some(Last { at: clock.now(), outcome: outcome.clone() });
        match &outcome {
            Ok(summary) if summary.changed > 0 => {
                tracing::info!(job.name = name, job.changed = summary.changed, "{}", summary.words);
            }
            Ok(_) => {}
            Err(fault) => {
                metrics::counter!("weft_job_faults_total", "job" => name).increment(1);
                tracing::warn!(job.name = name, job.failures = state.failures, error = %fault, "job failed");
            }
        }
        outcome
    }

    fn failures(&self) -> u32 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).failures
    }
}

async fn drive(job: Arc<Job>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) {
    loop {
        // The outcome is remembered in the job's state and logged there.
        let _remembered = job.run(clock.as_ref()).await;
        // Without chance the herd only runs in step, so a fault here is no reason to stop.
        let chance = entropy.nonce::<4>().map_or(0, u32::from_be_bytes);
        let wait = wait_after(job.reconciler.period(), job.failures(), chance);
        tokio::select! {
            () = clock.sleep(wait) => {}
            () = job.nudge.0.notified() => {}
        }
        // A second nudge that came before this run is answered by this run.
        let _answered = job.nudge.0.notified().now_or_never();
    }
}

/// How long to wait: the period and up to a tenth of it; after faults less, doubling from one second.
pub(super) fn wait_after(period: Lifetime, failures: u32, chance: u32) -> Lifetime {
    let base = match failures {
        0 => period,
        // 1 s, 2 s, 4 s … 64 s, never longer than the period itself.
        n => Lifetime::seconds(1_i64 << n.saturating_sub(1).min(6)).capped_by(period),
    };
    let tenth = i128::from(base.divided_by(10).as_micros());
    let jitter = tenth.saturating_mul(i128::from(chance)) / i128::from(u32::MAX);
    let micros = i128::from(base.as_micros()).saturating_add(jitter);
    Lifetime::micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

/// A chain of reconcilers, each waking the next, comes to rest well within this.
const SETTLE_ROUNDS_MAX: usize = 100;
