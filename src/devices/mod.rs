//! Devices: which there are, how they come in, how they stay, and how they are put out.
//!
//! Owns: devices, the tokens they enrol with, the judgement whether a device's SVID still counts at our doors.
//! Does not own: what is known of a device's posture (`posture`, through [`Assess`]), people (`accounts`, through [`People`]),
//! keys and signing (`svid`), the chain check (the listener).
//! Endpoints: admin REST under `/devices` and `/device-tokens`; `POST /devices/enrol` for whoever has a token,
//! `POST /devices/self/svid` for a device by its SVID. What a person brings comes through `sessions::svids`, which knows who
//! signed in.
//! Invariants:
//! - A device's key is made on the device; of its signing request only the key is used.
//! - A token's secret is stored as a digest, and its last use is won by one device (`store::use_token`).
//! - Of a device's SVIDs two count: the current one, and the one given for it last until that is used. With its first use it
//!   is the current one, and what it replaced counts no more.
//! - A person has at most so many devices as the settings say, however many they bring at once; where approval is asked for,
//!   nothing is issued before it.
//! - A locked or retired device renews nothing, and is refused at every door.
//! - Wherever a replaced SVID is shown the alarm rings, once for each, and the device is contained (`clones`).
//!
//! Unlike those of agents, renewals and first uses are written before they count: while the database is away a device goes on
//! with the SVID it holds.
//!
//! Spec: RFC 5280 for what an SVID is; X509-SVID.

mod admit_reporter;
mod clones;
mod create_token;
mod enrol_device;
mod enrol_own_device;
pub mod http;
mod index;
mod inventory;
mod judge_caller;
mod manage_device;
pub mod model;
mod owned;
mod prove_device;
mod renew_device;
pub mod settings;
pub(crate) mod store;
#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;

use std::fmt;
use std::sync::{Arc, OnceLock};

use futures_util::future::BoxFuture;

use crate::access::Access;
use crate::bundles::Bundles;
use crate::db::Tx;
use crate::env::Env;
use crate::events::Events;
use crate::kernel::{DeviceId, Evidence, Fault, RealmId, Standing, SubjectId, UserId};
use crate::realms::Realms;
use crate::svid::Svid;
use clones::Clones;

pub use admit_reporter::{Admitted, Newcomer};
pub use clones::Contains;
pub use enrol_device::{EnrolDevice, Given};
pub use enrol_own_device::{Brought, OwnDevice, count};
pub use inventory::Inventory;
pub use manage_device::Manage;
pub use model::{Device, Error, Refusal, Shown};
pub use prove_device::Asked;
pub use settings::Settings;

/// What is known of a device's posture. Whoever knows stands after this slice.
pub trait Assess: Send + Sync + fmt::Debug {
    /// The standing of the subject of this evidence.
    fn standing(&self, evidence: &Evidence) -> Standing;
}

/// Who people are, for slices that stand before the one that keeps them.
pub trait People: Send + Sync + fmt::Debug {
    /// The number of this person; nothing if the realm has none of that id.
    fn number(
        &self,
        realm: RealmId,
        user: UserId,
    ) -> BoxFuture<'_, Result<Option<SubjectId>, Fault>>;

    /// Whose number this is; nothing if nobody of the realm has it.
    fn numbered(
        &self,
        realm: RealmId,
        number: SubjectId,
    ) -> BoxFuture<'_, Result<Option<UserId>, Fault>>;
}

/// The slice. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Devices {
    env: Env,
    below: Below,
    settings: Arc<Settings>,
    people: Arc<OnceLock<Arc<dyn People>>>,
    containing: Arc<OnceLock<Arc<dyn Contains>>>,
    clones: Arc<Clones>,
}

/// What devices stand on.
#[derive(Debug, Clone)]
pub struct Below {
    /// Who may.
    pub access: Access,
    /// What is recorded.
    pub events: Events,
    /// Where.
    pub realms: Realms,
    /// What a device trusts.
    pub bundles: Bundles,
    /// Who signs.
    pub svid: Svid,
    /// Which devices there are: whoever stands after this slice has it too.
    pub inventory: Inventory,
    /// What is known of posture.
    pub posture: Arc<dyn Assess>,
}

impl Devices {
    /// The slice, empty until `load`.
    pub fn new(env: Env, below: Below, settings: Settings) -> Self {
        Self {
            env,
            below,
            settings: Arc::new(settings),
            people: Arc::default(),
            containing: Arc::default(),
            clones: Arc::default(),
        }
    }

    /// Says who knows people; until then nobody owns a device. Once.
    pub fn owned_by(&self, people: Arc<dyn People>) {
        // A second word is not heard: the server says it once, at its start.
        let _first = self.people.set(people);
    }

    /// Says who contains a device whose key is in two hands; until then nobody does. Once.
    pub fn contained_by(&self, containing: Arc<dyn Contains>) {
        let _first = self.containing.set(containing);
    }

    /// The device of this id.
    pub fn device(&self, realm: RealmId, id: DeviceId) -> Option<Arc<Device>> {
        self.below.inventory.device(realm, id)
    }

    /// The port at which a device answers browsers on it; none where sign-ins do not ask for one.
    pub fn loopback_port(&self) -> Option<u16> {
        Some(self.settings.loopback_port).filter(|port| *port != 0)
    }

    /// True if the realm has devices.
    pub fn has_any(&self, realm: RealmId) -> bool {
        self.below.inventory.has_any(realm)
    }

    /// Every device of the realm, in the order of their ids.
    pub fn devices(&self, realm: RealmId) -> Vec<Arc<Device>> {
        self.below.inventory.devices(realm)
    }

    /// Replaces the realm's devices by what the database holds.
    pub async fn load(&self, tx: &mut Tx) -> Result<(), Fault> {
        let devices = store::devices(tx).await?;
        self.below.inventory.index.replace(tx.realm(), devices);
        Ok(())
    }

    /// Reads the devices that these keys name once more.
    pub async fn apply(&self, tx: &mut Tx, keys: &[String]) -> Result<(), Fault> {
        for key in keys {
            let Ok(id) = DeviceId::parse(key) else { continue };
            let device = store::device(tx, id).await?;
            self.below.inventory.index.put(tx.realm(), id, device);
        }
        Ok(())
    }
}
