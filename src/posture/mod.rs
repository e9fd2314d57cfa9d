//! Posture: what is known of the device behind a subject.
//!
//! Owns: what devices report of themselves, the level each holds, and the standing of a subject, which every issuing operation
//! asks for between evidence and decision; the models that realms set, each kept; [`scoring`], which makes a score of what a
//! device reports.
//! Does not own: devices (`devices`), what a standing permits (`access`).
//! Endpoints: `POST /devices/self/reports` and `GET /devices/self/posture` for a device by its SVID;
//! `GET /devices/{id}/posture` and `DELETE /devices/{id}/posture/{source}` for administrators, and theirs are
//! `/posture-models`, `/posture-model-trials` and `/posture-replays`.
//! Invariants:
//! - A standing comes from memory, for the moment it is asked in: it ages with the clock, without any event.
//! - Where nothing is known the standing says so (`Level::Unknown`), and the policy's ceiling applies.
//! - A report is durable before it is answered, and of two of one source of a device the later one counts, whatever order
//!   they come in.
//! - What a report says of its own class is believed no further than the way it came allows.
//! - A realm scores by one model: from the numbered change on that set it, every replica does. Where it set none, the one that
//!   is shipped counts. What is reported is kept whole, also what the model does not count.
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
mod keep_worse;
pub mod model;
mod read_models;
mod read_posture;
mod refusals;
mod replay_score;
pub mod scoring;
mod set_model;
pub mod settings;
mod standing;
pub(crate) mod store;
mod take_report;
#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;
mod try_model;
mod words;

use std::sync::Arc;

use crate::access::Access;
use crate::containment::Containments;
use crate::db::Tx;
use crate::devices::Inventory;
use crate::env::Env;
use crate::events::Events;
use crate::kernel::{DeviceId, Fault, RealmId};

pub(crate) use add_words::seen_at;
pub use fleet::{Fleet, FleetOrder, FleetPage, FleetWish, Place, Position, Row};
use index::Index;
pub(crate) use inflate::{inflate, inflate_some, is_packed};
pub use jobs::FreshReports;
pub use model::{Error, KeptModel, Known, POSTURE, POSTURE_MODEL, Said, Source};
pub use read_models::ModelChoice;
pub use read_posture::{Reported, Told};
pub(crate) use refusals::Refusals;
pub use scoring::{DocumentError, Flaws};
pub use set_model::ModelWish;
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
    index: Index,
    refusals: Refusals,
    fleets: fleet::Fleets,
    trials: try_model::Trials,
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
    pub fn new(env: Env, below: Below, settings: Settings) -> Result<Self, Flaws> {
        let (index, refusals) = (Index::new(Current::shipped()?), Refusals::default());
        let (fleets, trials) = (fleet::Fleets::default(), try_model::Trials::default());
        let inner = Inner { env, below, settings, index, refusals, fleets, trials };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Replaces the realm's model, and what is known of its devices, by what the database holds.
    pub async fn load(&self, tx: &mut Tx) -> Result<(), Fault> {
        let current = store::current(tx, &self.current(tx.realm())).await?;
        let known = store::all(tx, &current).await?;
        self.inner.index.replace(tx.realm(), current, known);
        Ok(())
    }

    /// Scores by the model that the realm has set. Where that counts what memory does not hold, everything is read again;
    /// until then the former one counts, and nobody who decides anything waits.
    pub async fn apply_model(&self, tx: &mut Tx) -> Result<(), Fault> {
        let before = self.current(tx.realm());
        let current = store::current(tx, &before).await?;
        if Arc::ptr_eq(&before, &current) {
            return Ok(());
        }
        tracing::info!(realm = tx.realm().0, model = %current.name, "another posture model counts");
        if current.counts_within(&before) {
            self.inner.index.switch(tx.realm(), current);
        } else {
            let known = store::all(tx, &current).await?;
            self.inner.index.replace(tx.realm(), current, known);
        }
        Ok(())
    }

    /// Reads the devices that these keys name once more.
    pub async fn apply(&self, tx: &mut Tx, keys: &[String]) -> Result<(), Fault> {
        let current = self.current(tx.realm());
        for key in keys {
            let Ok(id) = DeviceId::parse(key) else { continue };
            match store::known(tx, id, &current).await? {
                Some(known) => {
                    self.inner.index.put(tx.realm(), &current, known);
                }
                None => self.inner.index.remove(tx.realm(), id),
            }
        }
        Ok(())
    }

    /// The model that counts in this realm now.
    fn current(&self, realm: RealmId) -> Arc<Current> {
        self.inner.index.current(realm)
    }
}
