//! Where the writer waits for company before it begins a transaction.

use std::sync::{Condvar, Mutex, PoisonError};

use crate::kernel::Lifetime;

/// Whoever hands a body over says so here; nobody is woken before as many wait as the writer wants.
#[derive(Debug)]
pub(super) struct Gate {
    patience: Lifetime,
    /// So many must wait; nobody waits for them while it is 0.
    wanted: Mutex<usize>,
    wake: Condvar,
}

impl Gate {
    /// Where nobody is waited for longer than that.
    pub(super) fn new(patience: Lifetime) -> Self {
        Self { patience, wanted: Mutex::default(), wake: Condvar::new() }
    }

    /// A body was put into the queue, in which so many wait now.
    pub(super) fn came(&self, waiting: usize) {
        let wanted = *self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted > 0 && waiting >= wanted {
            self.wake.notify_one();
        }
    }

    /// Returns when so many wait, or when patience is at its end.
    pub(super) fn wait(&self, for_bodies: usize, waiting: impl Fn() -> usize) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        *wanted = for_bodies;
        // A body is in the queue before its caller asks for the lock: either it is counted here, or it is heard.
        let missing = |wanted: &mut usize| waiting() < *wanted;
        let ended = self.wake.wait_timeout_while(wanted, self.patience.to_std(), missing);
        let (mut wanted, _) = ended.unwrap_or_else(PoisonError::into_inner);
        *wanted = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_writer_that_waits_for_company_goes_on_when_the_last_one_came() {
        let (gate, waiting) = (Gate::new(Lifetime::hours(1)), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| gate.wait(2, || waiting.load(Ordering::SeqCst)));
            for _ in 0..2 {
                gate.came(waiting.fetch_add(1, Ordering::SeqCst) + 1);
            }
            writer.join().unwrap();
        });
        assert_eq!(waiting.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn company_that_is_there_already_is_not_waited_for() {
        Gate::new(Lifetime::hours(1)).wait(2, || 3);
    }

    #[test]
    fn who_does_not_come_is_waited_for_no_longer_than_there_is_patience() {
        let gate = Gate::new(Lifetime::millis(1));
        gate.wait(2, || 1);
        // Whoever comes when nobody waits wakes nobody.
        gate.came(5);
    }
}
