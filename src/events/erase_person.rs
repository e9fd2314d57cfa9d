//! Erases a person: the key of their parts goes, and the numbers stay.

use crate::kernel::{Fault, Granted, RealmId, SubjectId, Timestamp};

use super::keys::{KeyOwner, NewKey};
use super::model::{Changed, Error, Event};
use super::{Events, store};

/// The kind of change that takes something away from caches; its key is the id to forget.
pub const FORGET: &str = "forget";

const ERASED: &str = "person.erased";

#[derive(Debug)]
struct Erasure {
    realm: RealmId,
    person: SubjectId,
    tombstone: NewKey,
    now: Timestamp,
}

impl Events {
    /// Makes every part of an event that is sealed under this person's key unreadable for ever, on every replica, and
    /// leaves no copy of the key in the database's files (SQLite; PostgreSQL keeps dead rows until its next vacuum).
    pub async fn erase(
        &self,
        realm: RealmId,
        granted: Granted,
        person: SubjectId,
    ) -> Result<(), Error> {
        let env = &self.inner.env;
        let owner = KeyOwner::Person(person).text();
        let tombstone = NewKey { owner, day: None, id: env.entropy.nonce()?, sealed: Vec::new() };
        let input = Erasure { realm, person, tombstone, now: env.clock.now() };
        self.change_in(realm, granted, input, |tx, input| {
            Box::pin(async move {
                store::erase_key(tx, &input.tombstone, input.now).await?;
                let event = Event::new(input.realm, ERASED).subject(input.person);
                let changes = vec![(FORGET, input.person.to_string(), event)];
                Ok::<_, Error>(Changed { value: (), changes, rights: false })
            })
        })
        .await?;
        self.inner.keys.forget(realm, person);
        env.db.truncate_log().await.map_err(|fault: Fault| fault.into())
    }
}
