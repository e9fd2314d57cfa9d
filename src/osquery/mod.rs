//! Osquery: machines report their posture through an osqueryd that is on them already, unmodified, over its TLS remote API.
//!
//! Owns: nodes (an osquery on a host, and the key it was given), the five calls of the API, the scheduled queries, what their
//! rows say as signals. Does not own: enrolment tokens and devices (`devices`), what a signal is good for (`machine` judges
//! what was seen, `posture` scores it).
//! Endpoints, at the door `public`: `POST /api/osquery/{enroll,config,log,distributed/read,distributed/write}` and the same
//! below `/api/v1/osquery`.
//! Invariants:
//! - An enrolment secret is a token of `devices`; there is no second kind. A node key is stored as a digest.
//! - A host that enrols again is the same node with another key, and one whose former key is still in use is two machines.
//! - A key that is not known costs a look in memory, and is told so (`node_invalid`) no oftener than a limit for each address
//!   allows: who is told comes back to enrol.
//! - What a node says is the word of an agent with a bearer key, whatever it says of itself.
//!
//! Spec: osquery's "Remote API" and "Remote settings" as its client speaks them.

mod enrol_node;
pub mod http;
mod index;
pub mod model;
mod read_lines;
mod refuse;
mod schedule;
pub mod settings;
mod signals;
pub(crate) mod store;
mod take_results;
#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;

use std::sync::Arc;

use crate::db::Tx;
use crate::devices::Devices;
use crate::env::Env;
use crate::events::Events;
use crate::http::RateLimit;
use crate::kernel::{Fault, Lifetime};
use crate::posture::{Posture, Refusals};

use index::Index;
pub use model::{Error, Node, OSQUERY_NODE};
use schedule::Schedule;
pub use settings::Settings;

/// The slice. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Osquery {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    env: Env,
    below: Below,
    schedule: Schedule,
    index: Index,
    /// How often an address may try to enrol.
    enrolments: Option<RateLimit>,
    /// How often an address is told that its key is not known.
    unknown: Option<RateLimit>,
    /// How often it is recorded that two machines speak as one.
    clones: Refusals,
}

/// What this slice stands on.
#[derive(Debug, Clone)]
pub struct Below {
    /// What is recorded.
    pub events: Events,
    /// Which devices there are, and their tokens.
    pub devices: Devices,
    /// What is known of them.
    pub posture: Posture,
}

impl Osquery {
    /// The slice, empty until `load`. Fails where the shipped queries are no document, which a test would have found.
    pub fn new(env: Env, below: Below, settings: &Settings) -> Result<Self, Fault> {
        let limit = |each_second: u32| {
            (each_second > 0).then(|| {
                let every = Lifetime::seconds(1).divided_by(i64::from(each_second));
                // A site may come through one address: ten seconds' worth may come at once.
                RateLimit::new(Arc::clone(&env.clock), every, each_second.saturating_mul(10))
            })
        };
        let enrolments = limit(settings.enrolments_per_second);
        let unknown = limit(settings.unknown_per_second);
        let (schedule, index) = (Schedule::shipped()?, Index::default());
        let inner =
            Inner { env, below, schedule, index, enrolments, unknown, clones: Refusals::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Replaces the realm's nodes by what the database holds.
    pub async fn load(&self, tx: &mut Tx) -> Result<(), Fault> {
        let nodes = store::nodes(tx).await?;
        self.inner.index.replace(tx.realm(), nodes);
        Ok(())
    }

    /// Reads the nodes on these hosts once more.
    pub async fn apply(&self, tx: &mut Tx, hosts: &[String]) -> Result<(), Fault> {
        for host in hosts {
            let node = store::node(tx, host).await?;
            self.inner.index.put(tx.realm(), host, node);
        }
        Ok(())
    }
}
