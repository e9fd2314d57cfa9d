//! A reader thread: one body at a time, each on a snapshot of its own.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use tokio::sync::mpsc;

use super::super::RealmId;
use super::super::count::Counter;
use super::super::job::Job;
use super::super::tx::{Mode, Run, Tx};
use super::{COMMIT, Link};
use crate::kernel::Fault;

/// The queue that all readers take from.
pub(super) type Queue = Mutex<mpsc::Receiver<Box<dyn Job>>>;

/// A queue for several readers.
pub(super) fn shared(queue: mpsc::Receiver<Box<dyn Job>>) -> Arc<Queue> {
    Arc::new(Mutex::new(queue))
}

/// Runs what is in the queue until nobody can add to it.
pub(super) fn run(link: Link, queue: &Queue) {
    let idle = Run::new(RealmId::SYSTEM, Mode::Read, Counter::default(), None);
    let mut tx = Tx::new(super::super::tx::Link::Sqlite(link), idle);
    loop {
        // Whoever holds the lock waits for the next body; the others wait for the lock.
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(mut job) = next else { return };
        one(&mut tx, job.as_mut());
        job.answer();
    }
}

fn one(tx: &mut Tx, job: &mut dyn Job) {
    let order = job.order();
    tx.next_run(Run::new(order.realm, Mode::Read, order.counter.clone(), None));
    if let Err(met) = control(tx, "BEGIN") {
        job.fail(met.fault);
        return;
    }
    if job.run(tx).now_or_never().is_none() {
        job.fail(Fault::bug("a body may only await its transaction"));
    }
    // Nothing was written: how a snapshot ends makes no difference.
    if control(tx, COMMIT).is_err() {
        let _ended = control(tx, "ROLLBACK");
    }
}

fn control(tx: &mut Tx, sql: &'static str) -> Result<(), super::Met> {
    tx.sqlite().control(sql)
}
