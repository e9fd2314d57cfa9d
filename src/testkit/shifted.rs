//! The machine's clock, wrong by as much as a test wants, and moved on when it wants.

use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::future::BoxFuture;

use crate::env::{Clock, SystemClock};
use crate::kernel::{Lifetime, Timestamp};

/// A clock that is ahead, or behind.
#[derive(Debug)]
pub struct ShiftedClock {
    true_one: SystemClock,
    ahead: AtomicI64,
    behind: Lifetime,
}

impl ShiftedClock {
    /// Ahead by this much.
    pub fn ahead(by: Lifetime) -> Self {
        let ahead = AtomicI64::new(by.as_micros());
        Self { true_one: SystemClock::new(), ahead, behind: Lifetime::ZERO }
    }

    /// Behind by this much.
    pub fn behind(by: Lifetime) -> Self {
        Self { behind: by, ..Self::ahead(Lifetime::ZERO) }
    }

    /// So much later at once. What sleeps sleeps on.
    pub fn advance(&self, by: Lifetime) {
        self.ahead.fetch_add(by.as_micros(), Ordering::SeqCst);
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        let ahead = Lifetime::micros(self.ahead.load(Ordering::SeqCst));
        self.true_one.now().plus(ahead).minus(self.behind)
    }

    fn elapsed(&self) -> Lifetime {
        self.true_one.elapsed()
    }

    fn sleep(&self, span: Lifetime) -> BoxFuture<'static, ()> {
        self.true_one.sleep(span)
    }
}
