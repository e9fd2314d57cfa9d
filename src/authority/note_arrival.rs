//! Proof of arrival: who of those that are connected has which bundle.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::{Authority, Purpose};
use crate::db::Engine;
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

    /// An agent is connected no longer: nobody waits for it.
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

    /// True if everybody who verifies is known to have what is published under this number. Who verifies OpenID tokens, nobody
    /// knows: for them time must pass.
    pub(super) fn has_arrived(&self, realm: RealmId, purpose: Purpose, sequence: i64) -> bool {
        match purpose {
            Purpose::X509 | Purpose::JwtSvid => self.is_known_everywhere(realm, sequence),
            Purpose::Oidc => false,
        }
    }

    /// True if every holder there can be has it. Only a server that is alone knows all of them, and only if somebody is
    /// connected at all; everywhere else time must pass.
    fn is_known_everywhere(&self, realm: RealmId, sequence: i64) -> bool {
        let arrival = self.arrival(realm, u64::try_from(sequence).unwrap_or(u64::MAX));
        self.env.db.engine() == Engine::Sqlite
            && arrival.connected > 0
            && arrival.have == arrival.connected
    }
}
