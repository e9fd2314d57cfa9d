//! Which devices there are, from memory: for whoever stands beside this slice and must not wait.

use std::sync::Arc;

use crate::db::Db;
use crate::kernel::{Caller, DeviceId, Proof, RealmId, SpiffeId};

use super::index::Index;
use super::{Device, Error, store};

/// The devices of every realm. Cheap to clone; clones share what `Devices` keeps at the head of the log.
#[derive(Debug, Clone)]
pub struct Inventory {
    db: Db,
    pub(super) index: Arc<Index>,
}

impl Inventory {
    /// Nothing, until `Devices::load`.
    pub fn new(db: Db) -> Self {
        Self { db, index: Arc::default() }
    }

    /// The device of this id.
    pub fn device(&self, realm: RealmId, id: DeviceId) -> Option<Arc<Device>> {
        self.index.device(realm, id)
    }

    /// The device of this id, whatever its realm: ids are drawn here, and none is there twice.
    pub fn find(&self, id: DeviceId) -> Option<Arc<Device>> {
        self.index.find(id)
    }

    /// Every device of the realm, in the order of their ids.
    pub fn devices(&self, realm: RealmId) -> Vec<Arc<Device>> {
        self.index.devices(realm)
    }

    /// True if the realm has devices.
    pub fn has_any(&self, realm: RealmId) -> bool {
        self.index.has_any(realm)
    }

    /// The device as policies see it. Whoever may not look is refused before they learn whether there is one.
    pub fn asked(&self, realm: RealmId, id: DeviceId) -> (String, Option<SpiffeId>) {
        match self.device(realm, id) {
            Some(known) => (known.spiffe_id.to_string(), Some(known.spiffe_id.clone())),
            None => (id.to_string(), None),
        }
    }

    /// The device of this SPIFFE ID.
    pub fn named(&self, realm: RealmId, id: &SpiffeId) -> Option<Arc<Device>> {
        let device = self.device(realm, DeviceId::of_spiffe_id(id)?)?;
        (device.spiffe_id == *id).then_some(device)
    }

    /// The same, also where memory here does not know of it yet.
    pub async fn found(&self, realm: RealmId, id: &SpiffeId) -> Result<Option<Arc<Device>>, Error> {
        match self.named(realm, id) {
            Some(device) => Ok(Some(device)),
            None => Ok(self.row(realm, id).await?.map(Arc::new)),
        }
    }

    /// The device behind a call that a door has let in, and the serial number of what it showed. It may have enrolled just
    /// now, at another replica.
    pub async fn calling(&self, caller: &Caller) -> Result<(RealmId, Arc<Device>, String), Error> {
        let (Proof::X509Svid { serial, .. }, Some(id)) = (&caller.proof, &caller.subject) else {
            return Err(Error::NoSvid);
        };
        let device = self.found(caller.realm, id).await?.ok_or(Error::NoSvid)?;
        Ok((caller.realm, device, serial.clone()))
    }

    /// The device of this SPIFFE ID as its row has it: for what memory here does not know yet.
    pub(super) async fn row(&self, realm: RealmId, id: &SpiffeId) -> Result<Option<Device>, Error> {
        let Some(device) = DeviceId::of_spiffe_id(id) else { return Ok(None) };
        let read = self.db.read(realm, device, |tx, device| {
            Box::pin(async move { Ok::<_, Error>(store::device(tx, *device).await?) })
        });
        Ok(read.await?.filter(|device| device.spiffe_id == *id))
    }
}
