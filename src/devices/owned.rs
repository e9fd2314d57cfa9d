//! What this slice knows of a person: the devices that are theirs.

use super::model::{DEVICE, events};
use super::{Device, Devices, store};
use crate::db::Tx;
use crate::events::Event;
use crate::kernel::{Fault, RealmId, UserId};

impl Devices {
    /// The devices of a person, for that person alone: whoever calls has seen their session.
    pub async fn owned(&self, realm: RealmId, owner: UserId) -> Result<Vec<Device>, Fault> {
        self.env.db.read(realm, owner, |tx, owner| Box::pin(store::of_owner(tx, *owner))).await
    }

    /// The devices of a person, for an export.
    pub async fn of_owner(&self, tx: &mut Tx, owner: UserId) -> Result<Vec<Device>, Fault> {
        store::of_owner(tx, owner).await
    }

    /// Takes a person who is being erased off their devices, which stay; gives what followers must hear of. Devices are often
    /// called after whoever has them: what is left goes by its id.
    pub async fn disown(
        &self,
        tx: &mut Tx,
        owner: UserId,
    ) -> Result<Vec<(&'static str, String, Event)>, Fault> {
        let (realm, theirs) = (tx.realm(), store::of_owner(tx, owner).await?);
        store::disown(tx, owner).await?;
        let change = |device: &Device| {
            (DEVICE, device.id.to_string(), events::device(realm, "device.disowned", device))
        };
        Ok(theirs.iter().map(change).collect())
    }
}
