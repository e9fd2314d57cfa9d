//! Workloads: registration entries, which agent is authorised for which, their SVIDs, and the push stream to agents.
//!
//! Owns: entries and their index; the walk that says what an agent is authorised for; the calls of agents about
//! entries, SVIDs and bundles; what waits for each connected agent; `explain`.
//! Does not own: agents (`nodes`), what an SVID says and who signs it (`svid`), bundles (`bundles`), who may (`access`).
//! Endpoints: on the `node` listener `spire.api.server.entry.v1.Entry`, `spire.api.server.svid.v1.SVID`,
//! `spire.api.server.bundle.v1.Bundle` and `weft.node.v1.Node`; admin REST under `/entries`.
//! Invariants:
//! - No call of an agent reads the database.
//! - An entry gives an identity to nobody from the second of its expiry on.
//! - An agent learns only of entries that it is or was authorised for.
//! - What waits for an agent is bounded, whatever happens.
//!
//! Spec: SPIFFE checklist §5.2; architecture §4.1 and §6.

mod create_entries;
mod delete_entries;
pub mod explain;
mod fetch_bundle;
pub mod grpc;
pub mod http;
mod index;
mod issue_jwt;
mod issue_x509;
pub mod jobs;
mod list_entries;
mod load_entries;
pub mod model;
mod push;
mod redecide_agent;
mod rights;
mod settings;
pub(crate) mod store;
mod sync_entries;
#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;
mod update_entries;
mod validate_entry;
mod watch_agents;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::{Notify, Semaphore};

use crate::access::Access;
use crate::authority::Authority;
use crate::bundles::Bundles;
use crate::db::Cursor;
use crate::env::Env;
use crate::events::Events;
use crate::kernel::{RealmId, SpiffeId, Timestamp};
use crate::nodes::Nodes;
use crate::posture::Posture;
use crate::svid::Svid;

pub use create_entries::CreateEntries;
pub use delete_entries::DeleteEntries;
pub use index::{Filter, SelectorMatch};
pub use issue_jwt::JwtAsk;
pub use issue_x509::X509Ask;
pub use list_entries::{ListEntries, Page};
pub use model::{Draft, ENTRY, Entry, Error, Terms};
pub use push::Goodbye;
pub use settings::Settings;
pub use update_entries::{Change, UpdateEntries};

/// The slice. Cheap to clone.
#[derive(Clone)]
pub struct Workloads {
    env: Env,
    access: Access,
    events: Events,
    authority: Authority,
    bundles: Bundles,
    posture: Posture,
    svid: Svid,
    nodes: Nodes,
    settings: Arc<Settings>,
    state: Arc<State>,
}

/// The slices that workloads stand on.
#[derive(Debug, Clone)]
pub struct Below {
    /// Who may.
    pub access: Access,
    /// What is recorded.
    pub events: Events,
    /// Our own bundles, and who has them.
    pub authority: Authority,
    /// Those of others.
    pub bundles: Bundles,
    /// What is known of devices.
    pub posture: Posture,
    /// Who signs.
    pub svid: Svid,
    /// Who asks.
    pub nodes: Nodes,
}

/// What is in memory.
struct State {
    realms: RwLock<HashMap<RealmId, Arc<Shared>>>,
    /// Rung when an expiry may have come sooner than the one waited for.
    sooner: Notify,
    /// Batches that are being signed: as many as there are cores, so that others can be answered meanwhile.
    signing: Arc<Semaphore>,
}

/// One realm.
struct Shared {
    realm: RwLock<push::Realm>,
    /// Held while agents are judged anew, so that of two judgements the later one stands.
    judging: Mutex<()>,
    views: Mutex<HashMap<SpiffeId, View>>,
}

/// How far an agent has come, as this replica knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// The last revision that it has applied, or was given by a poll.
    pub revision: Cursor,
    /// When it said so.
    pub at: Timestamp,
}

impl Workloads {
    /// The slice, empty until `load`.
    pub fn new(env: Env, below: Below, settings: Settings) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let state = State {
            realms: RwLock::new(HashMap::new()),
            sooner: Notify::new(),
            signing: Arc::new(Semaphore::new(cores)),
        };
        let Below { access, events, authority, bundles, posture, svid, nodes } = below;
        let (settings, state) = (Arc::new(settings), Arc::new(state));
        Self { env, access, events, authority, bundles, posture, svid, nodes, settings, state }
    }

    /// How far an agent has come; nothing if this replica has not heard from it since its start.
    pub fn view(&self, realm: RealmId, agent: &SpiffeId) -> Option<View> {
        let shared = self.shared(realm)?;
        let views = shared.views.lock().unwrap_or_else(PoisonError::into_inner);
        views.get(agent).copied()
    }

    /// True while this agent holds a push stream to this replica.
    pub fn is_connected(&self, realm: RealmId, agent: &SpiffeId) -> bool {
        self.read(realm, |realm| realm.watching_from(agent).is_some()).unwrap_or(false)
    }

    /// How many entries the realm has.
    pub fn count(&self, realm: RealmId) -> usize {
        self.read(realm, |realm| realm.index.len()).unwrap_or(0)
    }

    /// The entry of this id.
    pub fn entry(&self, realm: RealmId, id: &crate::kernel::EntryId) -> Option<Arc<Entry>> {
        self.read(realm, |realm| realm.index.get(id).cloned())?
    }

    fn saw(&self, realm: RealmId, agent: &SpiffeId, revision: Cursor) {
        if let Some(shared) = self.shared(realm) {
            let at = self.env.clock.now();
            let mut views = shared.views.lock().unwrap_or_else(PoisonError::into_inner);
            views.insert(agent.clone(), View { revision, at });
        }
    }

    fn shared(&self, realm: RealmId) -> Option<Arc<Shared>> {
        let realms = self.state.realms.read().unwrap_or_else(PoisonError::into_inner);
        realms.get(&realm).cloned()
    }

    /// Looks at a realm; nothing if it is not one of ours. Short, and never across an await.
    fn read<T>(&self, realm: RealmId, look: impl FnOnce(&push::Realm) -> T) -> Option<T> {
        let shared = self.shared(realm)?;
        let realm = shared.realm.read().unwrap_or_else(PoisonError::into_inner);
        Some(look(&realm))
    }

    /// The same, to change it.
    fn edit<T>(&self, realm: RealmId, act: impl FnOnce(&mut push::Realm) -> T) -> Option<T> {
        let shared = self.shared(realm)?;
        let mut realm = shared.realm.write().unwrap_or_else(PoisonError::into_inner);
        Some(act(&mut realm))
    }
}

impl fmt::Debug for Workloads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workloads").field("settings", &self.settings).finish_non_exhaustive()
    }
}
