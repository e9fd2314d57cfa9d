//! Follows the change log: reads entries into memory, and says when everything up to a revision is there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::index::Index;
use super::model::Entry;
use super::{Shared, Workloads, push, store};
use crate::db::{Cursor, Tx};
use crate::kernel::{EntryId, Fault, RealmId};

impl Workloads {
    /// Replaces the realm's entries by what the database holds.
    pub async fn load(&self, tx: &mut Tx) -> Result<(), Fault> {
        let mut index = Index::default();
        let mut after = String::new();
        loop {
            let page = store::page(tx, &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            last.id.as_str().clone_into(&mut after);
            for entry in page {
                index.insert(entry);
            }
        }
        let now = self.env.clock.now();
        self.shared_or_new(tx.realm());
        self.edit(tx.realm(), |realm| realm.replace(index, now));
        self.state.sooner.notify_one();
        Ok(())
    }

    /// Reads the entries that these keys name once more.
    pub async fn apply(&self, tx: &mut Tx, keys: &[String]) -> Result<(), Fault> {
        // A key without a row is a deletion.
        let mut rows: HashMap<EntryId, Option<Entry>> = HashMap::with_capacity(keys.len());
        for key in keys {
            let id = EntryId::parse(key).map_err(|e| Fault::malformed("change key", e))?;
            rows.insert(id, None);
        }
        let found = store::find_all(tx, keys).await?;
        let expires = found.iter().any(|row| row.terms.expires_at.is_some());
        rows.extend(found.into_iter().map(|entry| (entry.id.clone(), Some(entry))));
        self.edit(tx.realm(), |realm| {
            for (id, row) in rows {
                realm.change(&id, row);
            }
        });
        if expires {
            self.state.sooner.notify_one();
        }
        Ok(())
    }

    /// Every slice's index of this realm holds everything up to `cursor`: agents hear of it now.
    pub fn settled(&self, realm: RealmId, cursor: Cursor) {
        self.edit(realm, |realm| realm.settle(cursor));
    }

    fn shared_or_new(&self, id: RealmId) -> Arc<Shared> {
        let mut realms = self.state.realms.write().unwrap_or_else(PoisonError::into_inner);
        let shared = realms.entry(id).or_insert_with(|| {
            let realm = push::Realm::new(&self.settings, self.env.clock.now());
            let (judging, views) = (Mutex::default(), Mutex::default());
            Arc::new(Shared { realm: RwLock::new(realm), judging, views })
        });
        Arc::clone(shared)
    }
}

/// Rows in memory at once while loading: some megabytes.
const PAGE: i64 = 2_000;
