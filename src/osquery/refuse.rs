//! Who calls, by the node key; and what becomes of a key that is none.

use std::sync::Arc;

use crate::crypto::digest::sha256;
use crate::devices::Device;
use crate::events::Unrecorded;
use crate::http::PeerInfo;
use crate::kernel::{RealmId, Secret};

use super::index::{Entry, Shown};
use super::model::events;
use super::{Error, Osquery};

/// An osquery that showed its key.
#[derive(Debug)]
pub(super) struct Calling {
    pub(super) realm: RealmId,
    pub(super) entry: Arc<Entry>,
    pub(super) device: Arc<Device>,
}

impl Osquery {
    /// The node with this key. Nothing is read from the database, whatever the key.
    pub(super) async fn calling(
        &self,
        realm: RealmId,
        key: &Secret<String>,
        peer: &PeerInfo,
    ) -> Result<Calling, Error> {
        let digest = sha256(key.expose().as_bytes());
        let entry = match self.inner.index.shown(realm, &digest) {
            Some(Shown::Own(entry)) => entry,
            Some(Shown::Former(entry)) => {
                self.note_clone(realm, &entry).await?;
                return Err(self.unknown(peer));
            }
            None => return Err(self.unknown(peer)),
        };
        let device = self.inner.below.devices.device(realm, entry.node.device);
        let device = device.ok_or_else(|| self.unknown(peer))?;
        device.state.check()?;
        Ok(Calling { realm, entry, device })
    }

    /// Who is told that its key is not known throws it away and enrols again. Past the limit it is told to come again later,
    /// and keeps the key meanwhile: so many that are told at once would all enrol at once.
    fn unknown(&self, peer: &PeerInfo) -> Error {
        metrics::counter!("weft_osquery_unknown_keys_total").increment(1);
        match self.inner.unknown.as_ref().map_or(Ok(()), |limit| limit.take(peer)) {
            Ok(()) => Error::NodeInvalid,
            Err(wait) => Error::TooOften(wait),
        }
    }

    /// A host gets another key when it lost the one it had. Whoever still shows that one is somebody else, or was copied.
    async fn note_clone(&self, realm: RealmId, entry: &Entry) -> Result<(), Error> {
        let Some(device) = self.inner.below.devices.device(realm, entry.node.device) else {
            return Ok(());
        };
        metrics::counter!("weft_device_clones_suspected_total").increment(1);
        if self.inner.clones.due(device.id, self.inner.env.clock.now()) {
            let host = &entry.node.host;
            tracing::warn!(device.id = %device.id, osquery.host = host, "a replaced node key is still in use");
            let event = events::clone_suspected(realm, &device, host);
            self.inner.below.events.record(Unrecorded::new((), event)).await?;
        }
        Ok(())
    }
}
