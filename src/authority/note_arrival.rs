//! How far a bundle has come: who of those that are connected has which one. It is shown to administrators, and decides
//! nothing: agents that are off, servers of other domains and everybody else who fetches the bundle are not among them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::Authority;
use crate::kernel::{RealmId, SpiffeId};

/// How far a bundle has come among those connected to this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Who has it, or a newer one.
    pub have: usize,
    /// Who is connected.
    pub connected: usize,
}

/// The newest bundle that each connected holder has shown to have.
#[derive(Debug, Default)]
pub(super) struct Arrivals(Mutex<HashMap<RealmId, HashMap<SpiffeId, u64>>>);

impl Arrivals {
    fn with<T>(&self, realm: RealmId, act: impl FnOnce(&mut HashMap<SpiffeId, u64>) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        act(all.entry(realm).or_default())
    }
}

impl Authority {
    /// An agent is connected: from now on it counts. Zero if it has no bundle yet.
    pub fn seen(&self, realm: RealmId, holder: &SpiffeId, sequence: u64) {
        self.arrivals.with(realm, |holders| {
            // A late acknowledgement of an older bundle takes nothing back.
            let newest = holders.entry(holder.clone()).or_insert(sequence);
            *newest = sequence.max(*newest);
        });
    }

    /// An agent is connected no longer: it is not counted.
    pub fn left(&self, realm: RealmId, holder: &SpiffeId) {
        self.arrivals.with(realm, |holders| holders.remove(holder));
    }

    /// How far this bundle has come.
    pub fn arrival(&self, realm: RealmId, sequence: u64) -> Arrival {
        self.arrivals.with(realm, |holders| Arrival {
            have: holders.values().filter(|seen| **seen >= sequence).count(),
            connected: holders.len(),
        })
    }
}
