//! A clock that stands still until a test moves it, and wakes whoever waited.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::{oneshot, watch};

use crate::env::Clock;
use crate::kernel::{Lifetime, Timestamp};

/// The clock of a test. Cheap to clone; clones share the time. Starts at 2026-01-01T00:00:00Z.
#[derive(Debug, Clone)]
pub struct TestClock {
    state: Arc<Mutex<State>>,
    armed: watch::Sender<usize>,
}

#[derive(Debug)]
struct State {
    now: Timestamp,
    elapsed: Lifetime,
    sleepers: Vec<(Lifetime, oneshot::Sender<()>)>,
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl TestClock {
    /// A clock at 2026-01-01T00:00:00Z.
    pub fn new() -> Self {
        Self::at(Timestamp::from_seconds(1_767_225_600))
    }

    /// A clock that starts at this time.
    pub fn at(now: Timestamp) -> Self {
        let state = State { now, elapsed: Lifetime::ZERO, sleepers: Vec::new() };
        Self { state: Arc::new(Mutex::new(state)), armed: watch::Sender::new(0) }
    }

    /// Moves the time on and wakes every sleeper whose span has passed.
    pub fn advance(&self, span: Lifetime) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.now = state.now.plus(span);
        state.elapsed =
            Lifetime::micros(state.elapsed.as_micros().saturating_add(span.as_micros()));
        let elapsed = state.elapsed;
        let (due, waiting): (Vec<_>, Vec<_>) =
            state.sleepers.drain(..).partition(|(at, _)| *at <= elapsed);
        state.sleepers = waiting;
        let left = state.sleepers.len();
        drop(state);
        for (_, sleeper) in due {
            // A sleeper that was dropped meanwhile needs no waking.
            let _gone = sleeper.send(());
        }
        self.armed.send_replace(left);
    }

    /// Steps the wall clock without letting time pass: an administrator, or a bad time server, moved it.
    pub fn step_to(&self, now: Timestamp) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).now = now;
    }

    /// Waits until at least this many sleepers wait for the clock.
    pub async fn until_armed(&self, sleepers: usize) {
        let mut armed = self.armed.subscribe();
        // The sender lives as long as `self`, so this ends only when the count is reached.
        let _count = armed.wait_for(|count| *count >= sleepers).await;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).now
    }

    fn elapsed(&self) -> Lifetime {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).elapsed
    }

    fn sleep(&self, span: Lifetime) -> BoxFuture<'static, ()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (wake, woken) = oneshot::channel();
        let at = Lifetime::micros(state.elapsed.as_micros().saturating_add(span.as_micros()));
        state.sleepers.retain(|(_, sleeper)| !sleeper.is_closed());
        state.sleepers.push((at, wake));
        self.armed.send_replace(state.sleepers.len());
        Box::pin(async move {
            // Dropping the clock wakes everybody: nobody waits for a time that cannot come.
            let _woken = woken.await;
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn advancing_wakes_those_whose_time_has_come() {
        let clock = TestClock::new();
        let early = clock.sleep(Lifetime::seconds(1));
        let late = clock.sleep(Lifetime::seconds(10));
        clock.until_armed(2).await;
        clock.advance(Lifetime::seconds(2));
        early.await;
        assert!(futures_util::FutureExt::now_or_never(late).is_none());
    }
}
