//! Letters and logout notices that were not delivered yet: looked at, and tried again.
//!
//! Owns: who may see them and have them tried again, and that this is on record. Does not own: the deliveries themselves, which
//! `jobs` keeps and tries; what is in them, which is for who posted them.
//! Endpoints: admin REST under `/deliveries`.
//! Invariants: nothing of a delivery's body is shown but the client that it is for.

pub mod http;
mod model;
#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;

use crate::access::{Access, Administrator};
use crate::accounts::Accounts;
use crate::env::Env;
use crate::events::{Event, Events, Unrecorded};
use crate::jobs::deliveries::{self, Open};
use crate::kernel::{Fault, RealmId};
use crate::realms::Realms;

pub use model::{Error, ReadDelivery, RetryDelivery};

use model::DELIVERY_RETRIED;

/// The slice. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Undelivered {
    env: Env,
    below: Below,
}

/// The slices that it stands on.
#[derive(Debug, Clone)]
pub struct Below {
    /// Who may.
    pub access: Access,
    /// What is recorded.
    pub events: Events,
    /// Where.
    pub realms: Realms,
    /// Whose letters wake the postman, who carries everything.
    pub accounts: Accounts,
}

impl Undelivered {
    /// The slice.
    pub fn new(env: Env, below: Below) -> Self {
        Self { env, below }
    }

    /// What was not delivered yet, by id, after this one; at most so many.
    pub async fn list(
        &self,
        by: &Administrator,
        after: String,
        most: usize,
    ) -> Result<Vec<Open>, Error> {
        let name = self.name(by.realm)?;
        self.below.access.permit(ReadDelivery(by, &name))?.spend();
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let read = self.env.db.read(by.realm, (after, most), |tx, (after, most)| {
            Box::pin(deliveries::open(tx, after, *most))
        });
        let read: Result<Vec<Open>, Fault> = read.await;
        Ok(read?)
    }

    /// True if this person may have one tried again.
    pub fn may_retry(&self, by: &Administrator) -> bool {
        let Ok(name) = self.name(by.realm) else { return false };
        let told = self.below.access.explain(&RetryDelivery(by, &name));
        told.is_ok_and(|told| told.outcome.is_ok())
    }

    /// Has a delivery tried now, also one that was given up.
    pub async fn retry(&self, by: &Administrator, id: &str) -> Result<Open, Error> {
        let name = self.name(by.realm)?;
        self.below.access.permit(RetryDelivery(by, &name))?.spend();
        let event = by.asker.sign(Event::new(by.realm, DELIVERY_RETRIED).about("delivery", id));
        let input = (id.to_owned(), self.env.clock.now(), event);
        let tried = self.below.events.record_in(by.realm, input, |tx, (id, now, event)| {
            Box::pin(async move {
                let open = deliveries::retry(tx, id, *now).await?.ok_or(Error::NotFound)?;
                Ok::<_, Error>(Unrecorded::new(open, event.clone()))
            })
        });
        let open = tried.await?;
        self.below.accounts.posted().nudge();
        Ok(open)
    }

    fn name(&self, realm: RealmId) -> Result<String, Error> {
        let realm = self.below.realms.get(realm).ok_or(Error::NotFound)?;
        Ok(realm.name.as_str().to_owned())
    }
}
