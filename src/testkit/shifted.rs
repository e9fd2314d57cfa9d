//! The machine's clock, wrong by as much as a test wants.

use futures_util::future::BoxFuture;

use crate::env::{Clock, SystemClock};
use crate::kernel::{Lifetime, Timestamp};

/// A clock that is ahead, or behind.
#[derive(Debug)]
pub struct ShiftedClock {
    true_one: SystemClock,
    ahead: Lifetime,
    behind: Lifetime,
}

impl ShiftedClock {
    /// Ahead by this much.
    pub fn ahead(by: Lifetime) -> Self {
        Self { true_one: SystemClock::new(), ahead: by, behind: Lifetime::ZERO }
    }

    /// Behind by this much.
    pub fn behind(by: Lifetime) -> Self {
        Self { true_one: SystemClock::new(), ahead: Lifetime::ZERO, behind: by }
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        self.true_one.now().plus(self.ahead).minus(self.behind)
    }

    fn elapsed(&self) -> Lifetime {
        self.true_one.elapsed()
    }

    fn sleep(&self, span: Lifetime) -> BoxFuture<'static, ()> {
        self.true_one.sleep(span)
    }
}
