//! The event, its owner, the value that waits for it to be durable, and the event at rest.

use std::fmt;

use uuid::Uuid;

use crate::kernel::{Failure, Fault, RealmId, Secret, Standing, SubjectId, Timestamp};

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
    /// The subject's part.
    pub about: Fields,
    /// The actor's part.
    pub by: Fields,
}

/// A part of an event's body: the members of a JSON object, in text from the first on. Each is named once.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// Members, with a comma before each.
    text: Vec<u8>,
    /// A value that JSON cannot say.
    broken: Option<&'static str>,
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members = self.text.get(1..).unwrap_or_default();
        write!(f, "{{{}}}", String::from_utf8_lossy(members))
    }
}

impl Fields {
    /// True while nothing was added.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.broken.is_none()
    }

    /// Adds a member.
    fn add(&mut self, field: &'static str, value: impl serde::Serialize) {
        if self.text.is_empty() {
            self.text.reserve(USUAL_BYTES);
        }
        self.text.extend_from_slice(b",\"");
        self.text.extend_from_slice(field.as_bytes());
        self.text.extend_from_slice(b"\":");
        if serde_json::to_writer(&mut self.text, &value).is_err() {
            self.broken.get_or_insert(field);
        }
    }

    /// The whole object. Fails where a value could not be written.
    pub(super) fn json(&self) -> Result<Secret<Vec<u8>>, Fault> {
        if let Some(field) = self.broken {
            return Err(Fault::bug(format_args!("the field `{field}` of an event has no JSON")));
        }
        let mut json = Vec::with_capacity(self.text.len() + 2);
        json.push(b'{');
        json.extend_from_slice(self.text.get(1..).unwrap_or_default());
        json.push(b'}');
        Ok(Secret::new(json))
    }
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
            about: Fields::default(),
            by: Fields::default(),
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

    /// Under whose key the subject's part is sealed, when it is not the realm's.
    #[must_use]
    pub fn subject_owner(mut self, owner: Owner) -> Self {
        self.subject_owner = owner;
        self
    }

    /// Under whose key the actor's part is sealed, when it is not the realm's.
    #[must_use]
    pub fn actor_owner(mut self, owner: Owner) -> Self {
        self.actor_owner = owner;
        self
    }

    /// Adds a field to the subject's part. Its name needs no escape in JSON, and comes once.
    #[must_use]
    pub fn about(mut self, field: &'static str, value: impl serde::Serialize) -> Self {
        self.about.add(field, value);
        self
    }

    /// Adds what was known of the device behind the subject when this was decided: level, score, by which model, from which
    /// evidence; nothing without one.
    #[must_use]
    pub fn on_device(self, standing: &Standing) -> Self {
        let Some(device) = standing.device else { return self };
        self.about("device", device.to_string())
            .about("level", standing.level.as_str())
            .about("score_basis_points", standing.score.map(|score| i64::from(score.get())))
            .about("model", standing.model.as_deref())
            .about("evidence", &*standing.evidence)
    }

    /// Adds a field to the actor's part.
    #[must_use]
    pub fn by(mut self, field: &'static str, value: impl serde::Serialize) -> Self {
        self.by.add(field, value);
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

    /// Adds a field to the event.
    pub fn about(self, field: &'static str, value: impl serde::Serialize) -> Self {
        Self { event: self.event.about(field, value), ..self }
    }
}

/// What a class 1 write did: a value, and for each changed row its kind, key and event.
#[derive(Debug)]
pub struct Changed<T> {
    /// What the caller gets after the commit.
    pub value: T,
    /// What changed, in order. Empty: nothing changed, and nothing is numbered.
    pub changes: Vec<(&'static str, String, Event)>,
    /// True if rights changed: older permits are refused from here on.
    pub rights: bool,
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

/// Where a fact was numbered: one start of one server, or the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stream(pub [u8; 16]);

impl Stream {
    /// Facts that were written in the transaction they tell of; the database numbers them.
    pub const DB: Self = Self([0; 16]);

    /// Reads the text that `Display` prints.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "db" {
            return Some(Self::DB);
        }
        Uuid::parse_str(text).ok().map(|uuid| Self(*uuid.as_bytes()))
    }

    /// As 32 hexadecimal digits.
    pub fn hex(self) -> String {
        Uuid::from_bytes(self.0).simple().to_string()
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::DB { f.write_str("db") } else { f.write_str(&self.hex()) }
    }
}

/// An event's header: never edited, and without personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// When it happened.
    pub time: Timestamp,
    /// What happened.
    pub kind: String,
    /// To whom.
    pub subject: Option<SubjectId>,
    /// By whom.
    pub actor: Option<SubjectId>,
}

/// An event at rest: its header, and its sealed body (`body.rs` has the form).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The header.
    pub header: Header,
    /// Both parts.
    pub body: Vec<u8>,
}

/// A numbered fact of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// In which realm.
    pub realm: RealmId,
    /// Its number in its stream.
    pub n: u64,
    /// What it says.
    pub sealed: Sealed,
}

impl Fact {
    /// Reads a record's envelope.
    pub(super) fn decode(realm: RealmId, n: u64, envelope: &[u8]) -> Result<Self, Fault> {
        Ok(Self { realm, n, sealed: Sealed::decode(envelope)? })
    }
}

/// True for a dotted name: lower-case words of `a-z 0-9 _`, at least two, joined by dots.
pub fn is_dotted(kind: &str) -> bool {
    let word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    kind.len() <= KIND_BYTES_MAX && kind.contains('.') && kind.split('.').all(word)
}

/// Longest kind: a byte holds its length, and a column of a table on a terminal its text.
pub const KIND_BYTES_MAX: usize = 64;
/// The subject's part of most events is smaller.
const USUAL_BYTES: usize = 768;
