//! The machine's clock, wrong by as much as a test wants.

use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::future::BoxFuture;

use crate::env::{Clock, SystemClock};
use crate::kernel::{Lifetime, Timestamp};

/// A clock that is ahead, or behind.
#[derive(Debug)]
pub struct ShiftedClock {
    true_one: SystemClock,
    ahead: Lifetime,
    behind: Lifetime,
    /// Microseconds that were skipped.
    skipped: AtomicI64,
}

impl ShiftedClock {
    /// Ahead by this much.
    pub fn ahead(by: Lifetime) -> Self {
        let (true_one, skipped) = (SystemClock::new(), AtomicI64::new(0));
        Self { true_one, ahead: by, behind: Lifetime::ZERO, skipped }
    }

    /// Behind by this much.
    pub fn behind(by: Lifetime) -> Self {
        Self { ahead: Lifetime::ZERO, behind: by, ..Self::ahead(Lifetime::ZERO) }
    }

    /// Right until `skip`.
    pub fn right() -> Self {
        Self::ahead(Lifetime::ZERO)
    }

    /// Lets so much time pass at once. Whoever sleeps by this clock does not notice.
    pub fn skip(&self, span: Lifetime) {
        self.skipped.fetch_add(span.as_micros(), Ordering::SeqCst);
    }

    fn skipped(&self) -> Lifetime {
        Lifetime::micros(self.skipped.load(Ordering::SeqCst))
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        self.true_one.now().plus(self.ahead).plus(self.skipped()).minus(self.behind)
    }

    fn elapsed(&self) -> Lifetime {
        let passed = self.true_one.elapsed().as_micros();
        Lifetime::micros(passed.saturating_add(self.skipped().as_micros()))
    }

    fn sleep(&self, span: Lifetime) -> BoxFuture<'static, ()> {
        self.true_one.sleep(span)
    }
}
