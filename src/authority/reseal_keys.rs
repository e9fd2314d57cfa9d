//! Seals every private key of a realm under the current key-encryption key, so that an older one can be taken away.

use super::model::{AUTHORITY, Doer, Error, RESEALED, Slot};
use super::store::Stored;
use super::{Authority, seal_key, store};
use crate::events::Changed;
use crate::kernel::{Granted, RealmId};

impl Authority {
    /// Reseals what is sealed under another key; gives how many were. Run again after an interruption, it goes on. It needs
    /// no permit: only a process that was given both key-encryption keys can do it, and nothing that anybody sees changes.
    pub async fn reseal(&self, realm: RealmId, granted: &Granted) -> Result<usize, Error> {
        let doer = Doer { granted: granted.clone(), asker: None };
        let rows: Vec<Stored> =
            self.env.db.read(realm, (), |tx, ()| Box::pin(store::all(tx))).await?;
        let mut resealed = 0;
        for row in rows {
            if let Some(stale) = row.sealed_key.as_deref().filter(|blob| self.ring.is_stale(blob)) {
                let key = seal_key::open(&self.ring, realm, &row.slot, row.key_version, stale)?;
                let place = (realm, row.slot.id, row.slot.purpose, row.key_version + 1);
                let blob = seal_key::seal(&self.ring, &key, place, self.env.entropy.as_ref())?;
                resealed += usize::from(
                    self.replace_blob(realm, row.slot, (row.key_version, blob), &doer).await?,
                );
            }
        }
        Ok(resealed)
    }

    /// False if the row changed meanwhile: another replica resealed it, or its key is gone.
    async fn replace_blob(
        &self,
        realm: RealmId,
        slot: Slot,
        (version, blob): (i64, Vec<u8>),
        doer: &Doer,
    ) -> Result<bool, Error> {
        let input = (slot, version, blob, doer.clone());
        self.events
            .change_in(
                realm,
                doer.granted.clone(),
                input,
                move |tx, (slot, version, blob, doer)| {
                    Box::pin(async move {
                        let value = store::reseal(tx, slot.id, *version, blob).await?;
                        let event =
                            doer.tells(realm, RESEALED, (&slot.id.to_string(), slot.purpose));
                        let changes = if value {
                            vec![(AUTHORITY, slot.id.to_string(), event)]
                        } else {
                            Vec::new()
                        };
                        Ok::<_, Error>(Changed { value, changes, rights: false })
                    })
                },
            )
            .await
    }
}
