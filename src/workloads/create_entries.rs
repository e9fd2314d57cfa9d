//! Make entries, one or a batch: a permit for each, one change of the database for all, an outcome for each.

use std::sync::Arc;

use super::model::{Draft, ENTRY, ENTRY_CREATED, Entry, Error};
use super::rights::CreateEntry;
use super::store::Clash;
use super::validate_entry::{Asking, validate};
use super::{Workloads, store};
use crate::access::Asker;
use crate::db::Tx;
use crate::events::Changed;
use crate::kernel::limits::BATCH_ITEMS_MAX;
use crate::kernel::{EntryId, Granted, RealmId, SubjectId, TrustDomain};

/// Entries to make. One that has an id is made only if that id is free, so asking again after a lost answer is safe.
#[derive(Debug, Clone)]
pub struct CreateEntries {
    /// In which realm.
    pub realm: RealmId,
    /// Who asks, as policies see it.
    pub by: Asker,
    /// 1 to 500 of them.
    pub drafts: Vec<Draft>,
}

/// Rights to create are decided anew for each entry, some tens of microseconds each: in between others have their turn.
const DECIDED_AT_ONCE: usize = 16;

/// What one write makes.
struct Input {
    realm: RealmId,
    items: Vec<(Entry, Granted)>,
}

impl Workloads {
    /// Makes the entries that can be made; each outcome stands at the place of its draft.
    ///
    /// An outcome is `Invalid`, `Access`, `Exists` (that id) or `Similar` (same parent, SPIFFE ID and selectors). The
    /// whole call fails only where nothing was made: `BatchSize`, `Realm`, or storage.
    pub async fn create(
        &self,
        ask: CreateEntries,
    ) -> Result<Vec<Result<Arc<Entry>, Error>>, Error> {
        if !(1..=BATCH_ITEMS_MAX).contains(&ask.drafts.len()) {
            return Err(Error::BatchSize);
        }
        let asking = self.asking(ask.realm, &ask.by)?;
        let mut outcomes = Vec::with_capacity(ask.drafts.len());
        let mut items = Vec::new();
        for (n, draft) in ask.drafts.into_iter().enumerate() {
            if n % DECIDED_AT_ONCE == 0 {
                tokio::task::yield_now().await;
            }
            outcomes.push(match self.prepare(&asking, draft) {
                Ok(ready) => {
                    items.push(ready);
                    None
                }
                Err(error) => Some(error),
            });
        }
        let mut made = self.insert(ask.realm, items).await?.into_iter();
        Ok(outcomes
            .into_iter()
            .filter_map(|refused| refused.map(Err).or_else(|| made.next()))
            .collect())
    }

    /// The trust domain of a realm of ours.
    pub(super) fn home(&self, realm: RealmId) -> Result<TrustDomain, Error> {
        Ok(self.authority.bundle(realm).ok_or(Error::Realm)?.trust_domain.clone())
    }

    /// What every item of one call has in common.
    pub(super) fn asking<'a>(&self, realm: RealmId, by: &'a Asker) -> Result<Asking<'a>, Error> {
        Ok(Asking { realm, by, home: self.home(realm)?, now: self.env.clock.now() })
    }

    fn prepare(&self, asking: &Asking<'_>, draft: Draft) -> Result<(Entry, Granted), Error> {
        let Asking { realm, by, ref home, now } = *asking;
        let terms = validate(&draft, home, now)?;
        let (_, granted) = self.access.permit(CreateEntry { realm, by, terms: &terms })?.spend();
        let id = match draft.id {
            Some(id) => id,
            None => EntryId::from_uuid(self.env.entropy.uuid(now)?),
        };
        let number = SubjectId::new(self.env.entropy.uuid(now)?);
        Ok((Entry { id, number, revision: 0, created_at: now.whole_second(), terms }, granted))
    }

    async fn insert(
        &self,
        realm: RealmId,
        items: Vec<(Entry, Granted)>,
    ) -> Result<Vec<Result<Arc<Entry>, Error>>, Error> {
        let Some(granted) = oldest(items.iter().map(|(_, granted)| granted)) else {
            return Ok(Vec::new());
        };
        let input = Input { realm, items };
        self.events.change_in(realm, granted, input, |tx, input| Box::pin(write(tx, input))).await
    }
}

type Outcomes = Vec<Result<Arc<Entry>, Error>>;

async fn write(tx: &mut Tx, input: &Input) -> Result<Changed<Outcomes>, Error> {
    let mut value = Vec::with_capacity(input.items.len());
    let mut changes = Vec::with_capacity(input.items.len());
    for (entry, granted) in &input.items {
        match store::insert(tx, entry).await? {
            Ok(()) => {
                let event = entry.event(input.realm, ENTRY_CREATED, granted);
                changes.push((ENTRY, entry.id.to_string(), event));
                value.push(Ok(Arc::new(entry.clone())));
            }
            Err(Clash::Id) => value.push(Err(Error::Exists { id: entry.id.clone() })),
            Err(Clash::Like(existing)) => value.push(Err(Error::Similar { existing })),
        }
    }
    Ok(Changed { value, changes, rights: false })
}

/// Of several decisions the one that saw the oldest rights: if that one still holds, all do.
pub(super) fn oldest<'a>(granted: impl Iterator<Item = &'a Granted>) -> Option<Granted> {
    granted.min_by_key(|granted| granted.rights_seq.unwrap_or(i64::MAX)).cloned()
}
