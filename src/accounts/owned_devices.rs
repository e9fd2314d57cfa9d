//! People as owners of devices: who exists, and what is known and forgotten of them there.

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{Accounts, Change, Erased, KeepsPersonalData, User, store};
use crate::db::Tx;
use crate::devices::{Device, Devices, People};
use crate::kernel::{Fault, RealmId, SubjectId, UserId};

impl People for Accounts {
    fn number(
        &self,
        realm: RealmId,
        user: UserId,
    ) -> BoxFuture<'_, Result<Option<SubjectId>, Fault>> {
        Box::pin(async move {
            let db = &self.inner.env.db;
            let read = db.read(realm, user, |tx, user| Box::pin(store::load(tx, *user)));
            let found: Option<User> = read.await?;
            Ok(found.map(|user| user.number))
        })
    }

    fn numbered(
        &self,
        realm: RealmId,
        number: SubjectId,
    ) -> BoxFuture<'_, Result<Option<UserId>, Fault>> {
        Box::pin(async move {
            let db = &self.inner.env.db;
            db.read(realm, number, |tx, number| Box::pin(store::numbered(tx, *number))).await
        })
    }
}

/// The devices that belong to people.
#[derive(Debug)]
pub struct OwnedDevices(pub Devices);

impl KeepsPersonalData for OwnedDevices {
    fn name(&self) -> &'static str {
        "devices"
    }

    fn export<'t>(
        &'t self,
        tx: &'t mut Tx,
        user: &'t Erased,
    ) -> BoxFuture<'t, Result<Value, Fault>> {
        Box::pin(async move {
            let devices = self.0.of_owner(tx, user.user).await?;
            let shown = |device: &Device| {
                json!({
                    "id": device.id.to_string(),
                    "name": device.name,
                    "platform": device.platform,
                    "state": device.state.as_str(),
                    "created_at": device.created_at.to_string(),
                })
            };
            Ok(devices.iter().map(shown).collect())
        })
    }

    fn erase<'t>(
        &'t self,
        tx: &'t mut Tx,
        user: &'t Erased,
    ) -> BoxFuture<'t, Result<Vec<Change>, Fault>> {
        Box::pin(self.0.disown(tx, user.user))
    }
}
