//! Change entries: what an entry says is replaced as a whole; its id, number and time of making stay.

use std::sync::Arc;

use super::create_entries::oldest;
use super::model::{Draft, ENTRY, ENTRY_UPDATED, Entry, Error};
use super::rights::{ReadEntry, UpdateEntry};
use super::store::Clash;
use super::validate_entry::{Asking, validate};
use super::{Workloads, store};
use crate::access::{self, Asker};
use crate::db::Tx;
use crate::events::Changed;
use crate::kernel::limits::BATCH_ITEMS_MAX;
use crate::kernel::{EntryId, Granted, RealmId, SpiffeId};

/// One entry to change.
#[derive(Debug, Clone)]
pub struct Change {
    /// Which.
    pub id: EntryId,
    /// Only if it is still at this revision.
    pub revision: Option<i64>,
    /// What it says from now on; its `id` is not looked at.
    pub draft: Draft,
}

/// Entries to change.
#[derive(Debug, Clone)]
pub struct UpdateEntries {
    /// In which realm.
    pub realm: RealmId,
    /// Who asks, as policies see it.
    pub by: Asker,
    /// 1 to 500 of them, no id twice.
    pub changes: Vec<Change>,
}

struct Input {
    realm: RealmId,
    items: Vec<Item>,
}

struct Item {
    /// As the decision saw it.
    old: Arc<Entry>,
    new: Entry,
    granted: Granted,
}

impl Workloads {
    /// Changes the entries that can be changed; each outcome stands at the place of its item.
    ///
    /// An outcome is `Invalid`, `Access`, `NotFound`, `Similar`, or `Outdated`: somebody else changed it since the caller,
    /// or this replica, read it.
    pub async fn update(
        &self,
        ask: UpdateEntries,
    ) -> Result<Vec<Result<Arc<Entry>, Error>>, Error> {
        if !(1..=BATCH_ITEMS_MAX).contains(&ask.changes.len()) {
            return Err(Error::BatchSize);
        }
        let asking = self.asking(ask.realm, &ask.by)?;
        let mut outcomes = Vec::with_capacity(ask.changes.len());
        let mut items = Vec::new();
        for change in ask.changes {
            outcomes.push(match self.prepare_update(&asking, &change) {
                Ok(item) => {
                    items.push(item);
                    None
                }
                Err(error) => Some(error),
            });
        }
        let mut changed = self.write_updates(ask.realm, items).await?.into_iter();
        Ok(outcomes
            .into_iter()
            .filter_map(|refused| refused.map(Err).or_else(|| changed.next()))
            .collect())
    }

    fn prepare_update(&self, asking: &Asking<'_>, change: &Change) -> Result<Item, Error> {
        let Asking { realm, by, ref home, now } = *asking;
        let old = self.entry(realm, &change.id).ok_or_else(|| not_found(&change.id))?;
        // First the right to change it, so that its state tells nothing to who may not know of it.
        let terms = validate(&change.draft, home, now)?;
        let action = UpdateEntry { realm, by, old: &old.terms, new: &terms };
        let granted = match self.access.permit(action) {
            Ok(permit) => permit.spend().1,
            Err(error) => return Err(self.hide(realm, by, &old, error)),
        };
        check_revision(&old, change.revision)?;
        let new = Entry {
            id: old.id.clone(),
            number: old.number,
            revision: old.revision.saturating_add(1),
            created_at: old.created_at,
            terms,
        };
        Ok(Item { old, new, granted })
    }

    /// A refusal about an entry that the caller may not read says that there is none.
    pub(super) fn hide(
        &self,
        realm: RealmId,
        by: &Asker,
        entry: &Entry,
        refusal: access::Error,
    ) -> Error {
        if self.may_read(realm, by, &entry.terms.spiffe_id) {
            refusal.into()
        } else {
            not_found(&entry.id)
        }
    }

    pub(super) fn may_read(&self, realm: RealmId, by: &Asker, spiffe_id: &SpiffeId) -> bool {
        self.access.permit(ReadEntry { realm, by, spiffe_id }).is_ok()
    }

    async fn write_updates(
        &self,
        realm: RealmId,
        items: Vec<Item>,
    ) -> Result<Vec<Result<Arc<Entry>, Error>>, Error> {
        let Some(granted) = oldest(items.iter().map(|item| &item.granted)) else {
            return Ok(Vec::new());
        };
        let input = Input { realm, items };
        self.events.change_in(realm, granted, input, |tx, input| Box::pin(write(tx, input))).await
    }
}

type Outcomes = Vec<Result<Arc<Entry>, Error>>;

async fn write(tx: &mut Tx, input: &Input) -> Result<Changed<Outcomes>, Error> {
    let mut value = Vec::with_capacity(input.items.len());
    let mut changes = Vec::new();
    for Item { old, new, granted } in &input.items {
        // The decision was made about the entry as the index had it: on another one it says nothing.
        let outcome = match store::find(tx, old.id.as_str()).await? {
            None => Err(not_found(&old.id)),
            Some(row) if row.revision != old.revision => Err(outdated(&row)),
            Some(_) => match store::update(tx, new).await? {
                Ok(()) => Ok(Arc::new(new.clone())),
                Err(Clash::Like(existing)) => Err(Error::Similar { existing }),
                Err(Clash::Id) => Err(Error::Exists { id: new.id.clone() }),
            },
        };
        if outcome.is_ok() {
            let event = new.event(input.realm, ENTRY_UPDATED, granted);
            changes.push((ENTRY, new.id.to_string(), event));
        }
        value.push(outcome);
    }
    Ok(Changed { value, changes, rights: false })
}

pub(super) fn not_found(id: &EntryId) -> Error {
    Error::NotFound { id: id.to_string() }
}

pub(super) fn outdated(row: &Entry) -> Error {
    Error::Outdated { id: row.id.clone(), current: row.revision }
}

/// The caller's condition, if it made one.
pub(super) fn check_revision(entry: &Entry, wanted: Option<i64>) -> Result<(), Error> {
    match wanted {
        Some(revision) if revision != entry.revision => Err(outdated(entry)),
        _ => Ok(()),
    }
}
