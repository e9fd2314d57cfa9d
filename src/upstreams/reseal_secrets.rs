//! Seals client secrets and kept tokens of a realm under the current key-encryption key, so that an older one can be taken away.
//! Attempts are left as they are: none is older than ten minutes.

use super::model::{Error, UPSTREAM, UPSTREAM_RESEALED};
use super::{Upstreams, seal, store};
use crate::events::{Changed, Event};
use crate::kernel::{Granted, RealmId, UpstreamId};

impl Upstreams {
    /// Reseals what is sealed under another key; gives how many were. Run again after an interruption, it goes on. It needs
    /// no permit: only a process that was given both key-encryption keys can do it, and nothing that anybody sees changes.
    pub async fn reseal(&self, realm: RealmId, granted: &Granted) -> Result<usize, Error> {
        let (ring, entropy) = (&self.below.ring, self.env.entropy.as_ref());
        let rows = self.env.db.read(realm, (), |tx, ()| Box::pin(store::all(tx))).await?;
        let mut resealed = 0;
        for row in rows {
            if let Some(stale) = row.secret.as_deref().filter(|blob| ring.is_stale(blob)) {
                let place = seal::secret_place(realm, &row.id);
                let blob = ring.seal(&place, ring.open(&place, stale)?.expose(), entropy)?;
                let new = (row.id, row.revision, blob);
                resealed += usize::from(self.replace_secret(realm, new, granted).await?);
            }
        }
        let kept = self.env.db.read(realm, (), |tx, ()| Box::pin(store::all_tokens(tx))).await?;
        for (upstream, user, stale) in kept {
            if ring.is_stale(&stale) {
                let place = seal::tokens_place(realm, &upstream, user);
                let blob = ring.seal(&place, ring.open(&place, &stale)?.expose(), entropy)?;
                let input = (upstream, user, stale, blob);
                let put = self.env.db.write(realm, input, |tx, (upstream, user, old, new)| {
                    Box::pin(store::reseal_tokens(tx, (upstream, *user), (old, new)))
                });
                resealed += usize::from(put.await?);
            }
        }
        Ok(resealed)
    }

    /// False if the row changed meanwhile.
    async fn replace_secret(
        &self,
        realm: RealmId,
        new: (UpstreamId, i64, Vec<u8>),
        granted: &Granted,
    ) -> Result<bool, Error> {
        self.below
            .events
            .change_in(realm, granted.clone(), new, move |tx, (id, revision, blob)| {
                Box::pin(async move {
                    let value = store::reseal(tx, id, *revision, blob).await?;
                    let event = Event::new(realm, UPSTREAM_RESEALED).about("id", id.as_str());
                    let change = (UPSTREAM, id.to_string(), event);
                    let changes = if value { vec![change] } else { Vec::new() };
                    Ok::<_, Error>(Changed { value, changes, rights: false })
                })
            })
            .await
    }
}
