//! Look entries up, in pages: from the index, never from the database.

use std::sync::Arc;

use super::Workloads;
use super::index::Filter;
use super::model::{Entry, Error};
use super::rights::ReadEntry;
use super::update_entries::not_found;
use crate::access::Asker;
use crate::kernel::limits::PAGE_ITEMS_MAX;
use crate::kernel::{EntryId, RealmId};

/// A page of entries to look up.
#[derive(Debug, Clone)]
pub struct ListEntries {
    /// In which realm.
    pub realm: RealmId,
    /// Who asks, as policies see it.
    pub by: Asker,
    /// Which.
    pub filter: Filter,
    /// Those behind this one, in the order of ids.
    pub after: Option<EntryId>,
    /// At most so many; more than 500 is 500.
    pub limit: usize,
}

/// A page.
#[derive(Debug, Clone)]
pub struct Page {
    /// In the order of ids.
    pub entries: Vec<Arc<Entry>>,
    /// Where to go on; nothing on the last page.
    pub next: Option<EntryId>,
}

impl Workloads {
    /// A page of those entries. The right is asked for by the path the filter is limited to, else for the whole realm.
    pub fn list(&self, ask: ListEntries) -> Result<Page, Error> {
        let home = self.home(ask.realm)?.id();
        let Filter { spiffe_id, under, .. } = &ask.filter;
        let limited_to = spiffe_id.as_ref().or(under.as_ref()).unwrap_or(&home);
        let action = ReadEntry { realm: ask.realm, by: &ask.by, spiffe_id: limited_to };
        // The permit is for reading, which nothing more is asked of.
        let _read = self.access.permit(action)?.spend();
        let mut filter = ask.filter;
        if let Some((_, selectors)) = &mut filter.selectors {
            selectors.sort();
            selectors.dedup();
        }
        let limit = ask.limit.clamp(1, PAGE_ITEMS_MAX);
        let (mut entries, mut after) = (Vec::new(), ask.after);
        loop {
            let wanted = limit.saturating_sub(entries.len());
            let look =
                |realm: &super::push::Realm| realm.index.stretch(&filter, after.as_ref(), wanted);
            let stretch = self.read(ask.realm, look).ok_or(Error::Realm)?;
            entries.extend(stretch.found);
            after = stretch.next;
            if after.is_none() || entries.len() >= limit {
                return Ok(Page { entries, next: after });
            }
        }
    }

    /// The entry of this id; `NotFound` also where the caller may not know of it.
    pub fn show(&self, realm: RealmId, by: &Asker, id: &EntryId) -> Result<Arc<Entry>, Error> {
        self.home(realm)?;
        let entry = self.entry(realm, id).ok_or_else(|| not_found(id))?;
        if self.may_read(realm, by, &entry.terms.spiffe_id) {
            Ok(entry)
        } else {
            Err(not_found(id))
        }
    }
}
