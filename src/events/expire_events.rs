//! Lets go what is old: facts after their retention, and the keys of days whose events belong to nobody known.

use crate::kernel::{Fault, RealmId};

use super::keys::day_of;
use super::prepare_keys::DAY_KEYS_KEPT;
use super::{Events, store};

impl Events {
    /// Drops what is too old in this realm; gives how many facts and keys. Stops after a bounded share of the work, so
    /// that it never holds up others for long; the next call goes on.
    pub async fn expire(&self, realm: RealmId) -> Result<u64, Fault> {
        let db = &self.inner.background;
        let now = self.inner.env.clock.now();
        let day = day_of(now.minus(DAY_KEYS_KEPT));
        let mut dropped =
            db.write(realm, day, |tx, day| Box::pin(store::drop_days_before(tx, *day))).await?;
        let before = now.minus(self.inner.settings.retention());
        for _ in 0..TURNS_MAX {
            let facts = db
                .write(realm, before, |tx, before| Box::pin(store::drop_facts_before(tx, *before)))
                .await?;
            dropped += facts;
            if facts == 0 {
                break;
            }
        }
        Ok(dropped)
    }
}

/// Transactions of a thousand facts in one call: more than an hour of a busy server's events.
const TURNS_MAX: usize = 50;
