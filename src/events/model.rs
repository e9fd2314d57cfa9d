//! The event, its owner, and the value that waits for it to be durable.

use crate::kernel::{Failure, Fault, RealmId, SubjectId};

/// Under whose key a part of an event's body is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The realm's key: what names no person.
    Realm,
    /// A person's key: erasing it erases the part.
    Person(SubjectId),
    /// The day's key, dropped after 30 days: what belongs to nobody known.
    Nobody,
}

/// One fact. The header (`kind`, opaque numbers) is never edited; the two parts of the body are sealed.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The realm it happened in.
    pub realm: RealmId,
    /// Its dotted name, unique over all slices: `svid.x509_issued`.
    pub kind: &'static str,
    /// Whom it is about.
    pub subject: Option<SubjectId>,
    /// Who did it.
    pub actor: Option<SubjectId>,
    /// Under whose key the subject's part is sealed.
    pub subject_owner: Owner,
    /// Under whose key the actor's part is sealed.
    pub actor_owner: Owner,
    /// The subject's part, as JSON.
    pub about: serde_json::Map<String, serde_json::Value>,
    /// The actor's part, as JSON.
    pub by: serde_json::Map<String, serde_json::Value>,
}

impl Event {
    /// An event of this kind about nobody yet, sealed under the realm's key.
    pub fn new(realm: RealmId, kind: &'static str) -> Self {
        Self {
            realm,
            kind,
            subject: None,
            actor: None,
            subject_owner: Owner::Realm,
            actor_owner: Owner::Realm,
            about: serde_json::Map::new(),
            by: serde_json::Map::new(),
        }
    }

    /// Whom it is about.
    #[must_use]
    pub fn subject(mut self, number: SubjectId) -> Self {
        self.subject = Some(number);
        self
    }

    /// Who did it; nobody for the server itself.
    #[must_use]
    pub fn actor(mut self, number: Option<SubjectId>) -> Self {
        self.actor = number;
        self
    }

    /// Adds a field to the subject's part.
    #[must_use]
    pub fn about(mut self, field: &'static str, value: impl Into<serde_json::Value>) -> Self {
        self.about.insert(field.to_owned(), value.into());
        self
    }

    /// Adds a field to the actor's part.
    #[must_use]
    pub fn by(mut self, field: &'static str, value: impl Into<serde_json::Value>) -> Self {
        self.by.insert(field.to_owned(), value.into());
        self
    }
}

/// A value that nobody may have before its event is durable. Only `Events` opens it.
#[derive(Debug)]
#[must_use = "what was issued is lost unless it is recorded"]
pub struct Unrecorded<T> {
    pub(super) value: T,
    pub(super) event: Event,
}

impl<T> Unrecorded<T> {
    /// Ties a value to the event that must be durable first.
    pub fn new(value: T, event: Event) -> Self {
        Self { value, event }
    }
}

/// Why a fact could not be recorded. Nothing was handed out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Storage did not take it.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Fault(fault) => fault.into(),
        }
    }
}
