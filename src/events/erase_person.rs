//! Erases a person: the key of their parts goes, and the numbers stay.

use crate::db::Tx;
use crate::kernel::{Fault, Granted, RealmId, SubjectId};

use super::keys::{KeyOwner, NewKey};
use super::model::{Changed, Error, Event};
use super::{Events, store};

/// The kind of change that takes something away from caches; its key is the id to forget.
pub const FORGET: &str = "forget";

const ERASED: &str = "person.erased";

/// An erasure that is on its way: made before the transaction, done in it, and finished after the commit.
#[derive(Debug)]
pub struct Erasure {
    person: SubjectId,
    tombstone: NewKey,
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
        let input = (self.clone(), self.erasure(person)?);
        self.change_in(realm, granted, input, |tx, (events, erasure)| {
            Box::pin(async move {
                let changes = vec![events.erase_in(tx, erasure).await?];
                Ok::<_, Error>(Changed { value: (), changes, rights: false })
            })
        })
        .await?;
        self.erased(realm, person).await
    }

    /// Prepares an erasure.
    pub fn erasure(&self, person: SubjectId) -> Result<Erasure, Error> {
        let owner = KeyOwner::Person(person).text();
        let id = self.inner.env.entropy.nonce()?;
        Ok(Erasure { person, tombstone: NewKey { owner, day: None, id, sealed: Vec::new() } })
    }

    /// The erasure's part of a `change_in`, to be told there.
    pub async fn erase_in(
        &self,
        tx: &mut Tx,
        erasure: &Erasure,
    ) -> Result<(&'static str, String, Event), Fault> {
        store::erase_key(tx, &erasure.tombstone, self.inner.env.clock.now()).await?;
        let event = Event::new(tx.realm(), ERASED).subject(erasure.person);
        Ok((FORGET, erasure.person.to_string(), event))
    }

    /// What is left to do after the commit.
    pub async fn erased(&self, realm: RealmId, person: SubjectId) -> Result<(), Error> {
        self.inner.keys.forget(realm, person);
        self.inner.env.db.truncate_log().await.map_err(|fault: Fault| fault.into())
    }
}
