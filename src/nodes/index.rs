//! The realm's agents in memory, and the notices about them. Locks are held for a look-up, never across an await.
//!
//! Invariant: an agent whose current SVID is newer here than in its row is among the `unwritten` until the row is as new.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::broadcast;

use crate::kernel::{DeviceId, RealmId, SpiffeId, Timestamp};

use super::model::{Agent, CurrentSvid, Notice, PeerSvid};

/// Agents by realm and ID.
#[derive(Debug, Default)]
pub(super) struct Index {
    realms: RwLock<HashMap<RealmId, Realm>>,
    /// Replaced SVIDs that were used, by serial, until they end: each was told of once.
    rung: Mutex<HashMap<(RealmId, String), Timestamp>>,
}

#[derive(Debug)]
struct Realm {
    agents: BTreeMap<SpiffeId, Arc<Agent>>,
    /// Which of them run on a device.
    on_device: HashMap<DeviceId, BTreeSet<SpiffeId>>,
    /// Whose activation the database does not know yet.
    unwritten: BTreeSet<SpiffeId>,
    notices: broadcast::Sender<Notice>,
}

/// Notices a receiver may lag behind before it must read everything anew.
const NOTICES_MAX: usize = 4096;

/// Replaced SVIDs that are remembered: a fleet of ten thousand whose SVIDs were all copied. Beyond it nobody is told anew.
const RUNG_MAX: usize = 10_000;

impl Default for Realm {
    fn default() -> Self {
        let notices = broadcast::Sender::new(NOTICES_MAX);
        let (agents, on_device) = (BTreeMap::new(), HashMap::new());
        Self { agents, on_device, unwritten: BTreeSet::new(), notices }
    }
}

impl Index {
    pub(super) fn agent(&self, realm: RealmId, id: &SpiffeId) -> Option<Arc<Agent>> {
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        realms.get(&realm)?.agents.get(id).map(Arc::clone)
    }

    pub(super) fn agents(&self, realm: RealmId) -> Vec<Arc<Agent>> {
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        realms
            .get(&realm)
            .map(|realm| realm.agents.values().map(Arc::clone).collect())
            .unwrap_or_default()
    }

    /// The agents whose nodes run on this device.
    pub(super) fn on_device(&self, realm: RealmId, device: DeviceId) -> Vec<Arc<Agent>> {
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        let Some(realm) = realms.get(&realm) else { return Vec::new() };
        let ids = realm.on_device.get(&device).into_iter().flatten();
        ids.filter_map(|id| realm.agents.get(id)).map(Arc::clone).collect()
    }

    /// All agents whose nodes run on a device.
    pub(super) fn on_devices(&self, realm: RealmId) -> Vec<Arc<Agent>> {
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        let Some(realm) = realms.get(&realm) else { return Vec::new() };
        let ids = realm.on_device.values().flatten();
        ids.filter_map(|id| realm.agents.get(id)).map(Arc::clone).collect()
    }

    pub(super) fn notices(&self, realm: RealmId) -> broadcast::Receiver<Notice> {
        let mut realms = self.realms.write().unwrap_or_else(PoisonError::into_inner);
        realms.entry(realm).or_default().notices.subscribe()
    }

    pub(super) fn replace(&self, realm: RealmId, agents: Vec<Agent>) {
        let mut realms = self.realms.write().unwrap_or_else(PoisonError::into_inner);
        let realm = realms.entry(realm).or_default();
        let old = std::mem::take(&mut realm.agents);
        realm.on_device.clear();
        realm.unwritten.clear();
        for agent in agents {
            realm.put(agent);
        }
        for id in old.into_keys().filter(|id| !realm.agents.contains_key(id)).collect::<Vec<_>>() {
            realm.tell(Notice::Gone(id));
        }
    }

    pub(super) fn put(&self, realm: RealmId, key: &str, agent: Option<Agent>) {
        let mut realms = self.realms.write().unwrap_or_else(PoisonError::into_inner);
        let realm = realms.entry(realm).or_default();
        match (agent, SpiffeId::parse(key)) {
            (Some(agent), _) => realm.put(agent),
            (None, Ok(id)) => {
                realm.unwritten.remove(&id);
                if let Some(gone) = realm.agents.remove(&id) {
                    realm.place(&id, gone.device, None);
                    realm.tell(Notice::Gone(id));
                }
            }
            (None, Err(_)) => {}
        }
    }

    /// Makes an SVID the current one ahead of the database, if it is still newer. Gives the agent as it is then, and
    /// whether this call changed it.
    pub(super) fn activate(
        &self,
        realm: RealmId,
        id: &SpiffeId,
        svid: &CurrentSvid,
    ) -> Option<(Arc<Agent>, bool)> {
        let mut realms = self.realms.write().unwrap_or_else(PoisonError::into_inner);
        let realm = realms.get_mut(&realm)?;
        let known = realm.agents.get_mut(id)?;
        if !svid.replaces(&known.current) {
            return Some((Arc::clone(known), false));
        }
        let mut agent = Agent::clone(known);
        let previous = std::mem::take(&mut agent.current.serial);
        agent.current = CurrentSvid { previous, ..svid.clone() };
        *known = Arc::new(agent);
        realm.unwritten.insert(id.clone());
        Some((Arc::clone(known), true))
    }

    /// True if nobody was told yet that this replaced SVID was used. One that has ended is refused as such, and forgotten here.
    pub(super) fn rings(&self, realm: RealmId, shown: &PeerSvid, now: Timestamp) -> bool {
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        if rung.len() >= RUNG_MAX {
            rung.retain(|_, expires| *expires > now);
        }
        rung.len() < RUNG_MAX && rung.insert((realm, shown.serial.clone()), shown.expires).is_none()
    }

    /// It could not be told: the next use tells.
    pub(super) fn rings_again(&self, realm: RealmId, shown: &PeerSvid) {
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        rung.remove(&(realm, shown.serial.clone()));
    }

    /// The agents whose activation the database does not know yet.
    pub(super) fn unwritten(&self, realm: RealmId) -> Vec<Arc<Agent>> {
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        let Some(realm) = realms.get(&realm) else { return Vec::new() };
        realm.unwritten.iter().filter_map(|id| realm.agents.get(id)).map(Arc::clone).collect()
    }

    /// The agent's row is as new as this, or newer.
    pub(super) fn written(&self, realm: RealmId, agent: &Agent) {
        let mut realms = self.realms.write().unwrap_or_else(PoisonError::into_inner);
        let Some(realm) = realms.get_mut(&realm) else { return };
        // Another SVID may have become the current one while this one was written.
        if realm.agents.get(&agent.id).is_none_or(|now| now.current == agent.current) {
            realm.unwritten.remove(&agent.id);
        }
    }
}

impl Realm {
    fn put(&mut self, agent: Agent) {
        let id = agent.id.clone();
        let banned = agent.banned;
        let before = self.agents.get(&id).and_then(|known| known.device);
        self.place(&id, before, agent.device);
        let mut agent = agent;
        if let Some(known) = self.agents.get(&id) {
            // What was activated here while the database was away is newer than the row.
            if known.attested_at == agent.attested_at && known.current.replaces(&agent.current) {
                agent.current = known.current.clone();
            } else {
                self.unwritten.remove(&id);
            }
            if **known == agent {
                return;
            }
            let same = known.selectors == agent.selectors
                && known.banned == banned
                && known.alias == agent.alias
                && known.device == agent.device;
            self.agents.insert(id.clone(), Arc::new(agent));
            if same {
                return;
            }
        } else {
            self.agents.insert(id.clone(), Arc::new(agent));
        }
        self.tell(if banned { Notice::Banned(id) } else { Notice::Updated(id) });
    }

    /// The agent runs on another device now, or on none.
    fn place(&mut self, id: &SpiffeId, from: Option<DeviceId>, to: Option<DeviceId>) {
        if let Some(from) = from.filter(|from| to != Some(*from))
            && let Some(ids) = self.on_device.get_mut(&from)
        {
            ids.remove(id);
            if ids.is_empty() {
                self.on_device.remove(&from);
            }
        }
        if let Some(to) = to {
            self.on_device.entry(to).or_default().insert(id.clone());
        }
    }

    fn tell(&self, notice: Notice) {
        // Nobody listening is no error.
        let _listeners = self.notices.send(notice);
    }
}

impl CurrentSvid {
    /// True if this SVID is newer than `current`: issued later, or in the same second and neither it nor its predecessor.
    pub(super) fn replaces(&self, current: &Self) -> bool {
        if self.serial == current.serial || self.serial == current.previous {
            return false;
        }
        self.issued_at >= current.issued_at
    }
}
