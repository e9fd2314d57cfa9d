//! Threads that hash passwords: few, because each takes 19 MiB and a core; at a lower priority than those that answer requests,
//! so that a token does not wait for a sign-in. They start with the first password.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};

use rustix::process::setpriority_process;
use rustix::thread::gettid;
use tokio::sync::oneshot;

use crate::accounts::model::Error;
use crate::crypto::password::Scratch;
use crate::kernel::Fault;

type Job = Box<dyn FnOnce(&mut Scratch) + Send>;

/// The pool. Its threads end when it is dropped.
pub(in crate::accounts) struct HashPool {
    shared: Arc<Shared>,
    threads: usize,
    started: OnceLock<Result<(), Fault>>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    ready: Condvar,
    done: AtomicU64,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl HashPool {
    /// This many threads; 0: one for each core.
    pub(in crate::accounts) fn new(threads: usize) -> Self {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = if threads == 0 { cores() } else { threads };
        Self { shared: Arc::default(), threads, started: OnceLock::new() }
    }

    /// Runs this on one of the threads. `Busy` if too many wait already; what nobody waits for any more is not begun.
    pub(in crate::accounts) async fn run<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Scratch) -> T + Send + 'static,
    {
        self.started.get_or_init(|| self.start()).clone()?;
        let (tell, told) = oneshot::channel();
        let job: Job = Box::new(move |scratch| {
            if !tell.is_closed() {
                // Whoever went away meanwhile is not missed.
                drop(tell.send(work(scratch)));
            }
        });
        {
            let mut queue = self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
            if queue.jobs.len() >= self.threads.saturating_mul(WAITING_PER_THREAD) {
                return Err(Error::Busy);
            }
            queue.jobs.push_back(job);
        }
        self.shared.ready.notify_one();
        told.await.map_err(|_| Fault::bug("a password's thread ended").into())
    }

    /// How much was begun.
    pub(in crate::accounts) fn done(&self) -> u64 {
        self.shared.done.load(Ordering::Relaxed)
    }

    fn start(&self) -> Result<(), Fault> {
        for _thread in 0..self.threads {
            let shared = Arc::clone(&self.shared);
            std::thread::Builder::new()
                .name("weft-hash".to_owned())
                .spawn(move || shared.work())
                .map_err(|error| Fault::away("password threads", error))?;
        }
        Ok(())
    }
}

impl Shared {
    fn work(&self) {
        // On Linux a thread has a priority of its own. Without it passwords are checked all the same.
        if let Err(error) = setpriority_process(Some(gettid()), NICE) {
            tracing::warn!(cause = %error, "password threads keep the priority of the others");
        }
        let mut scratch = Scratch::default();
        while let Some(job) = self.next() {
            self.done.fetch_add(1, Ordering::Relaxed);
            job(&mut scratch);
        }
    }

    fn next(&self) -> Option<Job> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if queue.closed {
                return None;
            }
            queue = self.ready.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        let mut queue = self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.closed = true;
        queue.jobs.clear();
        drop(queue);
        self.shared.ready.notify_all();
    }
}

impl fmt::Debug for HashPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashPool").field("threads", &self.threads).finish_non_exhaustive()
    }
}

/// A tenth of the weight of other threads: they come first, and passwords are still checked under full load.
const NICE: i32 = 10;
/// Some 40 ms each on a busy core: who would wait longer than three seconds is told to come back.
const WAITING_PER_THREAD: usize = 64;
