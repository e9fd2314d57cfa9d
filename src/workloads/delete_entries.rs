//! Remove entries, by somebody or because their time has come.

use std::sync::Arc;

use super::create_entries::oldest;
use super::model::{ENTRY, ENTRY_DELETED, Entry, Error};
use super::rights::DeleteEntry;
use super::update_entries::{check_revision, not_found, outdated};
use super::{Workloads, store};
use crate::access::Asker;
use crate::db::Tx;
use crate::events::Changed;
use crate::kernel::limits::BATCH_ITEMS_MAX;
use crate::kernel::{EntryId, Granted, RealmId, Timestamp};

/// Entries to remove.
#[derive(Debug, Clone)]
pub struct DeleteEntries {
    /// In which realm.
    pub realm: RealmId,
    /// Who asks, as policies see it.
    pub by: Asker,
    /// 1 to 500 of them: which, and only if it is still at this revision.
    pub items: Vec<(EntryId, Option<i64>)>,
}

struct Input {
    realm: RealmId,
    items: Vec<Item>,
}

struct Item {
    /// As the decision saw it.
    entry: Arc<Entry>,
    revision: Option<i64>,
    granted: Granted,
}

/// Expired entries removed in one write: few enough not to hold up others.
pub(super) const EXPIRED_AT_ONCE: i64 = 200;

impl Workloads {
    /// Removes the entries that can be removed; each outcome stands at the place of its item: `Access`, `NotFound`, or
    /// `Outdated`.
    pub async fn delete(&self, ask: DeleteEntries) -> Result<Vec<Result<(), Error>>, Error> {
        if !(1..=BATCH_ITEMS_MAX).contains(&ask.items.len()) {
            return Err(Error::BatchSize);
        }
        self.home(ask.realm)?;
        let mut outcomes = Vec::with_capacity(ask.items.len());
        let mut items = Vec::new();
        for (id, revision) in ask.items {
            outcomes.push(match self.prepare_delete(ask.realm, &ask.by, &id, revision) {
                Ok(item) => {
                    items.push(item);
                    None
                }
                Err(error) => Some(error),
            });
        }
        let mut deleted = self.write_deletes(ask.realm, items).await?.into_iter();
        Ok(outcomes
            .into_iter()
            .filter_map(|refused| refused.map(Err).or_else(|| deleted.next()))
            .collect())
    }

    fn prepare_delete(
        &self,
        realm: RealmId,
        by: &Asker,
        id: &EntryId,
        revision: Option<i64>,
    ) -> Result<Item, Error> {
        let entry = self.entry(realm, id).ok_or_else(|| not_found(id))?;
        let action = DeleteEntry { realm, by, spiffe_id: &entry.terms.spiffe_id };
        let granted = match self.access.permit(action) {
            Ok(permit) => permit.spend().1,
            Err(error) => return Err(self.hide(realm, by, &entry, error)),
        };
        check_revision(&entry, revision)?;
        Ok(Item { entry, revision, granted })
    }

    async fn write_deletes(
        &self,
        realm: RealmId,
        items: Vec<Item>,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let Some(granted) = oldest(items.iter().map(|item| &item.granted)) else {
            return Ok(Vec::new());
        };
        let input = Input { realm, items };
        self.events.change_in(realm, granted, input, |tx, input| Box::pin(write(tx, input))).await
    }

    /// Removes some of the entries whose expiry has come; gives how many. The server's own work: nobody asks for it.
    pub(super) async fn delete_expired(&self, realm: RealmId) -> Result<usize, Error> {
        let granted = Granted::to_server("DeleteExpiredEntries");
        let input = (realm, granted.clone(), self.env.clock.now());
        self.events
            .change_in(realm, granted, input, |tx, input| Box::pin(write_expired(tx, input)))
            .await
    }
}

async fn write(tx: &mut Tx, input: &Input) -> Result<Changed<Vec<Result<(), Error>>>, Error> {
    let mut value = Vec::with_capacity(input.items.len());
    let mut changes = Vec::new();
    for Item { entry, revision, granted } in &input.items {
        let outcome = match store::find(tx, entry.id.as_str()).await? {
            None => Err(not_found(&entry.id)),
            // The right to remove it was decided by its SPIFFE ID.
            Some(row) if row.terms.spiffe_id != entry.terms.spiffe_id => Err(outdated(&row)),
            Some(row) => check_revision(&row, *revision),
        };
        if outcome.is_ok() && store::delete(tx, &entry.id).await? {
            let event = entry.event(input.realm, ENTRY_DELETED, granted);
            changes.push((ENTRY, entry.id.to_string(), event));
        }
        value.push(outcome);
    }
    Ok(Changed { value, changes, rights: false })
}

async fn write_expired(
    tx: &mut Tx,
    (realm, granted, now): &(RealmId, Granted, Timestamp),
) -> Result<Changed<usize>, Error> {
    let mut changes = Vec::new();
    for entry in store::expired(tx, *now, EXPIRED_AT_ONCE).await? {
        store::delete(tx, &entry.id).await?;
        let event = entry.event(*realm, ENTRY_DELETED, granted);
        changes.push((ENTRY, entry.id.to_string(), event));
    }
    Ok(Changed { value: changes.len(), changes, rights: false })
}
