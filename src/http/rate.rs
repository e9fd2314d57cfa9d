//! How often one user or address may ask: a bucket each, refilled steadily.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::peer::{PeerInfo, PeerKey};
use crate::env::Clock;
use crate::kernel::Lifetime;

/// A rate limit by peer. Cheap to clone; clones share the buckets.
///
/// It remembers for each peer when its bucket will be full again (GCRA), and forgets peers whose bucket is.
#[derive(Debug, Clone)]
pub struct RateLimit {
    clock: Arc<dyn Clock>,
    every: Lifetime,
    burst: Lifetime,
    full_again: Arc<Mutex<HashMap<PeerKey, Lifetime>>>,
}

impl RateLimit {
    /// One request `every` so long, and `burst` of them at once. A limit shared by so many peers that it forgets none
    /// refuses newcomers: a flood from everywhere stays bounded too.
    pub fn new(clock: Arc<dyn Clock>, every: Lifetime, burst: u32) -> Self {
        let burst = every.times(i64::from(burst.max(1)));
        Self { clock, every, burst, full_again: Arc::new(Mutex::new(HashMap::new())) }
    }

    /// Takes one from the peer's bucket; if it is empty, says how long to wait.
    pub fn take(&self, peer: &PeerInfo) -> Result<(), Lifetime> {
        let (key, now) = (peer.remote().key(), self.clock.elapsed());
        let mut peers = self.full_again.lock().unwrap_or_else(PoisonError::into_inner);
        if peers.len() >= PEERS_MAX && !peers.contains_key(&key) {
            peers.retain(|_, full| *full > now);
            if peers.len() >= PEERS_MAX {
                return Err(self.every);
            }
        }
        let full = peers.get(&key).copied().unwrap_or(now).max(now);
        let next = full.as_micros().saturating_add(self.every.as_micros());
        let over = next.saturating_sub(now.as_micros()).saturating_sub(self.burst.as_micros());
        if over > 0 {
            return Err(Lifetime::micros(over));
        }
        peers.insert(key, Lifetime::micros(next));
        Ok(())
    }
}

/// Some 6 MiB of buckets.
const PEERS_MAX: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Remote;
    use crate::testkit::TestClock;

    fn peer(last: u8) -> PeerInfo {
        PeerInfo::new("test", Remote::Tcp(([192, 0, 2, last], 1).into()), None)
    }

    #[test]
    fn a_peer_may_burst_and_then_must_wait_and_others_do_not_suffer() {
        let clock = TestClock::new();
        let limit = RateLimit::new(Arc::new(clock.clone()), Lifetime::seconds(1), 3);
        for _ in 0..3 {
            assert_eq!(limit.take(&peer(1)), Ok(()));
        }
        assert_eq!(limit.take(&peer(1)), Err(Lifetime::seconds(1)));
        assert_eq!(limit.take(&peer(2)), Ok(()));
        clock.advance(Lifetime::millis(600));
        assert_eq!(limit.take(&peer(1)), Err(Lifetime::millis(400)));
        clock.advance(Lifetime::millis(400));
        assert_eq!(limit.take(&peer(1)), Ok(()));
        assert_eq!(limit.take(&peer(1)), Err(Lifetime::seconds(1)));
    }
}
