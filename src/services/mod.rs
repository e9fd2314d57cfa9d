//! Services that look after devices, such as device management and endpoint detection: they tell what they know by webhook.
//!
//! Owns: which services there are, the secrets that they sign with, the documents that say how what they send is read.
//! Does not own: devices (`devices`), what is held of them and what it is worth (`posture`).
//! Endpoints: admin REST under `/posture-sources`; `POST /api/posture/{name}` at the door `public` for the service itself.
//! Invariants:
//! - A delivery counts where one of the service's live secrets signed it, its time and its id with it, not long ago.
//! - What it says counts as of the time that was signed, and never younger: a delivery that is sent again says nothing new, at
//!   any replica.
//! - A secret is sealed at rest, and in clear once, in the answer that made it. Two are live while one replaces the other.
//! - A service speaks for the devices that it names by our own ids, or that its document names. What a machine says of itself
//!   names nobody.
//!
//! Spec: Standard Webhooks 1.0.0 for how a delivery is signed (HMAC-SHA-256 over id, time and body).

mod deliver;
pub mod http;
mod index;
mod manage_service;
pub mod mapping;
pub mod model;
mod signature;
pub(crate) mod store;
#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;

use std::sync::Arc;

use crate::access::Access;
use crate::crypto::seal::KekRing;
use crate::db::Tx;
use crate::devices::Inventory;
use crate::env::Env;
use crate::events::Events;
use crate::http::RateLimit;
use crate::kernel::{Fault, Lifetime};
use crate::posture::Posture;

pub use deliver::{Delivered, Delivery};
use index::Index;
pub use manage_service::Made;
pub use model::{Error, SERVICE, Service};

/// The slice. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Services {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    env: Env,
    below: Below,
    index: Index,
    /// How often an address may send what nobody signed.
    unsigned: RateLimit,
}

/// What this slice stands on.
#[derive(Debug, Clone)]
pub struct Below {
    /// Who may.
    pub access: Access,
    /// What is recorded.
    pub events: Events,
    /// Which devices there are.
    pub devices: Inventory,
    /// What is known of them.
    pub posture: Posture,
    /// Seals secrets.
    pub ring: Arc<KekRing>,
}

impl Services {
    /// The slice, empty until `load`.
    pub fn new(env: Env, below: Below) -> Self {
        // A service signs; what is not signed is a mistake or an attack, and a few of those are enough to tell which.
        let unsigned = RateLimit::new(Arc::clone(&env.clock), Lifetime::seconds(1), 10);
        let index = Index::default();
        Self { inner: Arc::new(Inner { env, below, index, unsigned }) }
    }

    /// Replaces the realm's services by what the database holds.
    pub async fn load(&self, tx: &mut Tx) -> Result<(), Fault> {
        let services = store::services(tx).await?;
        self.inner.index.replace(tx.realm(), services);
        Ok(())
    }

    /// Reads the services of these names once more.
    pub async fn apply(&self, tx: &mut Tx, names: &[String]) -> Result<(), Fault> {
        for name in names {
            let service = store::service(tx, name).await?;
            self.inner.index.put(tx.realm(), name, service);
        }
        Ok(())
    }
}
