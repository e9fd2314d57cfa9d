//! Posture: what is known of the device behind a subject.
//!
//! Owns: what devices report of themselves, the level each holds, and the standing of a subject, which every issuing operation
//! asks for between evidence and decision; [`scoring`], which makes a score of what a device reports.
//! Does not own: devices (`devices`), what a standing permits (`access`).
//! Endpoints: `POST /devices/self/reports` and `GET /devices/self/posture` for a device by its SVID;
//! `GET /devices/{id}/posture` and `DELETE /devices/{id}/posture/{source}` for administrators.
//! Invariants:
//! - A standing comes from memory, for the moment it is asked in: it ages with the clock, without any event.
//! - Where nothing is known the standing says so (`Level::Unknown`), and the policy's ceiling applies.
//! - A report is durable before it is answered, and of two of one source of a device the later one counts, whatever order
//!   they come in.
//! - What a report says of its own class is believed no further than the way it came allows.
//! - Each source of a device has its own word; what they say together, one rule decides ([`scoring::sources`]).
//! - A report that changes nothing but times is no change of the log: other replicas read it within half a minute, and whoever
//!   acts on silence reads the row first ([`Posture::confirmed`]).

mod add_words;
mod fleet;
mod forget_source;
mod hold;
pub mod http;
mod index;
mod inflate;
mod jobs;
pub mod model;
mod read_posture;
mod refusals;
pub mod scoring;
pub mod settings;
mod standing;
pub(crate) mod store;
mod take_report;
#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;
mod words;

use std::sync::{Arc, PoisonError, RwLock};

use crate::access::Access;
use crate::containment::Containments;
use crate::db::Tx;
use crate::devices::Inventory;
use crate::env::Env;
use crate::events::Events;
use crate::kernel::{DeviceId, Fault};

pub(crate) use add_words::seen_at;
pub use fleet::{Fleet, FleetOrder, FleetPage, FleetWish, Place, Position, Row};
use index::Index;
pub(crate) use inflate::{inflate, is_packed};
pub use jobs::FreshReports;
pub use model::{Error, Known, POSTURE, Said, Source};
pub use read_posture::{Reported, Told};
pub(crate) use refusals::Refusals;
pub use scoring::DocumentError;
pub use settings::Settings;
pub use take_report::{Outcome, Sent, Taken};
use words::Current;

/// The slice. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Posture {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    env: Env,
    below: Below,
    settings: Settings,
    current: RwLock<Arc<Current>>,
    index: Index,
    refusals: Refusals,
    fleets: fleet::Fleets,
}

/// What posture stands on.
#[derive(Debug, Clone)]
pub struct Below {
    /// Who may.
    pub access: Access,
    /// What is recorded.
    pub events: Events,
    /// Which devices there are, and which are locked.
    pub devices: Inventory,
    /// Who is contained.
    pub containments: Containments,
}

impl Posture {
    /// The slice with the model that is shipped, empty until `load`.
    pub fn new(env: Env, below: Below, settings: Settings) -> Result<Self, DocumentError> {
        let current = RwLock::new(Arc::new(Current::of(scoring::shipped()?)));
        let (index, refusals) = (Index::default(), Refusals::default());
        let fleets = fleet::Fleets::default();
        let inner = Inner { env, below, settings, current, index, refusals, fleets };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Replaces what is known of the realm's devices by what the database holds.
    pub async fn load(&self, tx: &mut Tx) -> Result<(), Fault> {
        let known = store::all(tx, &self.current()).await?;
        self.inner.index.replace(tx.realm(), known);
        Ok(())
    }

    /// Reads the devices that these keys name once more.
    pub async fn apply(&self, tx: &mut Tx, keys: &[String]) -> Result<(), Fault> {
        let current = self.current();
        for key in keys {
            let Ok(id) = DeviceId::parse(key) else { continue };
            match store::known(tx, id, &current).await? {
                Some(known) => self.inner.index.put(tx.realm(), known),
                None => self.inner.index.remove(tx.realm(), id),
            }
        }
        Ok(())
    }

    /// The model that counts now.
    fn current(&self) -> Arc<Current> {
        Arc::clone(&self.inner.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}
