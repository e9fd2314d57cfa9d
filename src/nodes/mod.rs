//! Nodes: agents, how they prove themselves, how long they stay, and how they are put out.
//!
//! Owns: agents, join tokens, node attestors, the judgement whether an agent's SVID is still the newest one.
//! Does not own: what an agent's workloads get (`workloads`), keys and signing (`svid`), the chain check (the listener).
//! Endpoints: `spire.api.server.agent.v1.Agent` on the `node` listener; admin REST under `/agents` and `/join-tokens`;
//! `POST /devices/self/agent` for a device that an agent runs on.
//! Invariants:
//! - Of an agent's SVIDs the newest that was used counts; an older one is refused (`judge`).
//! - A join token's secret is stored as a digest, and its last use is won by one agent (`store::use_token`).
//! - An agent is bound to a device by a statement of its own key, brought by the device's; it stays bound until it is bound to
//!   another one, or evicted. A device that is locked or retired therefore takes its node with it.
//! - Nothing here reads the database while it judges a caller.
//!
//! Spec: SPIFFE checklist §5.2; RFC 5280 for what an SVID is.

pub mod attest_agent;
pub mod attestors;
mod bind_device;
mod create_token;
pub mod grpc;
pub mod http;
mod index;
mod judge_caller;
mod manage_agent;
pub mod model;
mod renew_agent;
pub mod settings;
pub(crate) mod store;
#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::access::Access;
use crate::bundles::Bundles;
use crate::db::Tx;
use crate::devices::Inventory;
use crate::env::Env;
use crate::events::Events;
use crate::kernel::{DeviceId, Fault, RealmId, SpiffeId};
use crate::posture::Posture;
use crate::realms::Realms;
use crate::svid::Svid;

use attestors::Attestors;
pub use bind_device::BindDevice;
use index::Index;
pub use model::{Agent, Error, NodeCaller, Notice, PeerSvid, Refusal};
pub use settings::Settings;

/// The slice. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Nodes {
    env: Env,
    access: Access,
    events: Events,
    posture: Posture,
    svid: Svid,
    realms: Realms,
    bundles: Bundles,
    devices: Inventory,
    attestors: Arc<Attestors>,
    settings: Arc<Settings>,
    index: Arc<Index>,
}

/// The slices that nodes stand on.
#[derive(Debug, Clone)]
pub struct Below {
    /// Who may.
    pub access: Access,
    /// What is recorded.
    pub events: Events,
    /// What is known of devices.
    pub posture: Posture,
    /// Who signs.
    pub svid: Svid,
    /// Where.
    pub realms: Realms,
    /// Who is trusted.
    pub bundles: Bundles,
    /// Which devices there are: a node may run on one.
    pub devices: Inventory,
}

impl Nodes {
    /// The slice with these attestors, empty until `load`.
    pub fn new(env: Env, below: Below, attestors: Attestors, settings: Settings) -> Self {
        let Below { access, events, posture, svid, realms, bundles, devices } = below;
        let index = Arc::new(Index::default());
        Self {
            env,
            access,
            events,
            posture,
            svid,
            realms,
            bundles,
            devices,
            attestors: Arc::new(attestors),
            settings: Arc::new(settings),
            index,
        }
    }

    /// The agent of this ID, banned or not.
    pub fn agent(&self, realm: RealmId, id: &SpiffeId) -> Option<Arc<Agent>> {
        self.index.agent(realm, id)
    }

    /// Every agent of the realm, in the order of their IDs.
    pub fn agents(&self, realm: RealmId) -> Vec<Arc<Agent>> {
        self.index.agents(realm)
    }

    /// The agents whose nodes run on this device.
    pub fn on_device(&self, realm: RealmId, device: DeviceId) -> Vec<Arc<Agent>> {
        self.index.on_device(realm, device)
    }

    /// All agents whose nodes run on a device.
    pub fn on_devices(&self, realm: RealmId) -> Vec<Arc<Agent>> {
        self.index.on_devices(realm)
    }

    /// What others must know about the realm's agents, from now on. A receiver that lags reads everything anew.
    pub fn notices(&self, realm: RealmId) -> broadcast::Receiver<Notice> {
        self.index.notices(realm)
    }

    fn trust_domain(&self, realm: RealmId) -> Result<crate::kernel::TrustDomain, Error> {
        self.realms
            .get(realm)
            .map(|realm| realm.trust_domain.clone())
            .ok_or(Error::NotFound("realm"))
    }

    /// Replaces the realm's agents by what the database holds.
    pub async fn load(&self, tx: &mut Tx) -> Result<(), Fault> {
        let agents = store::agents(tx).await?;
        self.index.replace(tx.realm(), agents);
        Ok(())
    }

    /// Reads the agents that these keys name once more.
    pub async fn apply(&self, tx: &mut Tx, keys: &[String]) -> Result<(), Fault> {
        for key in keys {
            let agent = store::agent(tx, key).await?;
            self.index.put(tx.realm(), key, agent);
        }
        Ok(())
    }
}
