//! How much one user of the node may ask of the agent: calls a second, and streams at once.
//!
//! Decided before anything costs: before attestation, before a lock on the cache. Counted by the kernel's user number,
//! because that is what a flood cannot change. Pure: the time comes in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::kernel::Lifetime;

/// The two bounds.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Calls a second in the long run.
    pub calls_per_second: u32,
    /// Calls at once after a quiet time.
    pub calls_burst: u32,
    /// Calls and streams that are open at the same time.
    pub open_max: u32,
}

/// The counters of all users.
#[derive(Debug, Clone)]
pub struct Limits {
    bounds: Bounds,
    users: Arc<Mutex<HashMap<u32, User>>>,
}

/// An open call or stream; dropping it gives its place back.
#[derive(Debug)]
pub struct Place {
    uid: u32,
    users: Arc<Mutex<HashMap<u32, User>>>,
}

/// Which bound was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Limited {
    /// Too many calls a second.
    #[error("this user makes more calls a second than the agent allows; wait a second and keep streams open instead")]
    Rate,
    /// Too many open at once.
    #[error("this user has more calls open at once than the agent allows; close some")]
    Open,
}

#[derive(Debug)]
struct User {
    /// Thousandths of a call that may be made now.
    credit: i64,
    at: Lifetime,
    open: u32,
}

impl Limits {
    /// Nobody has asked yet.
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, users: Arc::default() }
    }

    /// Takes a place for a call of this user at this reading of the monotonic clock.
    pub fn enter(&self, uid: u32, elapsed: Lifetime) -> Result<Place, Limited> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if users.len() >= USERS_BEFORE_SWEEP {
            users.retain(|_, user| user.open > 0 || self.refilled(user, elapsed) < self.full());
        }
        let full = self.full();
        let user = users.entry(uid).or_insert(User { credit: full, at: elapsed, open: 0 });
        user.credit = self.refilled(user, elapsed);
        user.at = user.at.max(elapsed);
        if user.open >= self.bounds.open_max {
            return Err(Limited::Open);
        }
        if user.credit < CALL {
            return Err(Limited::Rate);
        }
        user.credit -= CALL;
        user.open += 1;
        Ok(Place { uid, users: Arc::clone(&self.users) })
    }

    fn full(&self) -> i64 {
        i64::from(self.bounds.calls_burst).saturating_mul(CALL)
    }

    fn refilled(&self, user: &User, elapsed: Lifetime) -> i64 {
        let micros = elapsed.as_micros().saturating_sub(user.at.as_micros()).max(0);
        let gained = micros.saturating_mul(i64::from(self.bounds.calls_per_second)) / 1000;
        user.credit.saturating_add(gained).min(self.full())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(user) = users.get_mut(&self.uid) {
            user.open = user.open.saturating_sub(1);
        }
    }
}

/// One call, in the thousandths that credit is counted in.
const CALL: i64 = 1000;
/// More users than a node has; beyond it those whose credit is full again are forgotten.
const USERS_BEFORE_SWEEP: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { calls_per_second: 10, calls_burst: 20, open_max: 5 };

    fn calls(limits: &Limits, uid: u32, count: usize, at: Lifetime) -> usize {
        (0..count).filter(|_| limits.enter(uid, at).is_ok()).count()
    }

    #[test]
    fn ten_thousand_calls_of_one_user_are_cut_to_the_burst_and_another_user_is_served() {
        let limits = Limits::new(BOUNDS);
        assert_eq!(calls(&limits, 1000, 10_000, Lifetime::ZERO), 20);
        assert_eq!(limits.enter(1000, Lifetime::ZERO).unwrap_err(), Limited::Rate);
        assert_eq!(calls(&limits, 1001, 5, Lifetime::ZERO), 5);
    }

    #[test]
    fn credit_comes_back_with_time_up_to_the_burst() {
        let limits = Limits::new(BOUNDS);
        assert_eq!(calls(&limits, 1, 100, Lifetime::ZERO), 20);
        assert_eq!(calls(&limits, 1, 100, Lifetime::millis(500)), 5);
        assert_eq!(calls(&limits, 1, 100, Lifetime::days(9)), 20);
        assert_eq!(calls(&limits, 1, 100, Lifetime::ZERO), 0, "a clock that steps back gives nothing");
    }

    #[test]
    fn open_streams_are_bounded_until_one_closes() {
        let limits = Limits::new(BOUNDS);
        let mut open: Vec<_> = (0..5).map(|_| limits.enter(1, Lifetime::ZERO).unwrap()).collect();
        assert_eq!(limits.enter(1, Lifetime::ZERO).unwrap_err(), Limited::Open);
        open.pop();
        assert!(limits.enter(1, Lifetime::ZERO).is_ok());
    }

    #[test]
    fn users_long_gone_are_forgotten() {
        let limits = Limits::new(BOUNDS);
        for uid in 0..2000 {
            drop(limits.enter(uid, Lifetime::seconds(i64::from(uid))));
        }
        assert!(limits.users.lock().unwrap().len() <= USERS_BEFORE_SWEEP);
    }
}
