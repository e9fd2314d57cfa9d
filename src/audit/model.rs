//! What is asked of the list of events, and what it answers.

use std::fmt;

use crate::access::{self, Action, Asker, Request};
use crate::crypto::digest::{base64url, from_base64url};
use crate::events::{Part, Stream};
use crate::kernel::limits::PAGE_ITEMS_MAX;
use crate::kernel::{Failure, Fault, Kind, RealmId, SubjectId, Timestamp};

/// Read what happened in a realm.
#[derive(Debug, Clone)]
pub struct ReadEvents {
    /// In which realm.
    pub realm: RealmId,
    /// Who asks, as policies see it.
    pub asker: Asker,
    /// What is wanted.
    pub query: Query,
}

impl Action for ReadEvents {
    const NAME: &'static str = "ReadEvents";

    fn request(&self) -> Request<'_> {
        Request {
            realm: self.realm,
            principal: self.asker.principal(),
            principal_id: self.asker.spiffe_id(),
            actor: None,
            resource: ("Events", "all"),
            resource_id: None,
            context: Vec::new(),
            standing: self.asker.standing(),
            situation: self.asker.situation(),
            evidence_expires: Timestamp::FOREVER,
        }
    }
}

/// Which end of the list comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The newest: for people.
    #[default]
    Newest,
    /// The oldest: for programs that read everything.
    Oldest,
}

/// What is wanted. The default is everything, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// Which end comes first.
    pub order: Order,
    /// Only this kind; one that ends in a dot stands for all that begin with it: `svid.`.
    pub kind: Option<String>,
    /// Only what is about this subject.
    pub subject: Option<SubjectId>,
    /// Only what this actor did.
    pub actor: Option<SubjectId>,
    /// Only from this time on.
    pub from: Option<Timestamp>,
    /// Only before this time.
    pub until: Option<Timestamp>,
    /// Only this one, whatever else is asked.
    pub at: Option<Origin>,
    /// Where the page before this one ended.
    pub after: Option<Place>,
    /// How many at most; nothing, or more than a page may hold, is a full page.
    pub limit: usize,
}

impl Query {
    /// How many records a page of this query has at most.
    pub(super) fn page(&self) -> usize {
        if self.limit == 0 { PAGE_ITEMS_MAX } else { self.limit.min(PAGE_ITEMS_MAX) }
    }

    /// True if a kind is among those wanted.
    pub(super) fn wants_kind(&self, kind: &str) -> bool {
        self.kind.as_ref().is_none_or(|wanted| {
            kind == wanted || (wanted.ends_with('.') && kind.starts_with(wanted.as_str()))
        })
    }
}

/// Where an event was numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// In the ledger.
    Ledger {
        /// One start of one server, or the database.
        stream: Stream,
        /// Its number there.
        n: u64,
    },
    /// In the change log, with the change it tells of.
    ChangeLog {
        /// Rises with every restored backup.
        history: i64,
        /// Its number there.
        seq: i64,
    },
}

impl Origin {
    /// Reads the text that `Display` prints; nothing for any other.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let (log, one, two) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        match log {
            "ledger" => Some(Self::Ledger { stream: Stream::parse(one)?, n: two.parse().ok()? }),
            "changes" => {
                Some(Self::ChangeLog { history: one.parse().ok()?, seq: two.parse().ok()? })
            }
            _ => None,
        }
    }
}

impl fmt::Display for Origin {
    /// An id that is the same for ever: `ledger:<stream>:<n>` or `changes:<history>:<seq>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ledger { stream, n } => write!(f, "ledger:{stream}:{n}"),
            Self::ChangeLog { history, seq } => write!(f, "changes:{history}:{seq}"),
        }
    }
}

/// One event, read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it was numbered.
    pub origin: Origin,
    /// When it happened.
    pub time: Timestamp,
    /// What happened.
    pub kind: String,
    /// To whom.
    pub subject: Option<SubjectId>,
    /// By whom.
    pub actor: Option<SubjectId>,
    /// The subject's part of its body.
    pub about: Part,
    /// The actor's part of its body.
    pub by: Part,
}

/// Part of a list, and where it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it; may be empty although there is a next page.
    pub items: Vec<T>,
    /// Where the next page begins; nothing at the end.
    pub next: Option<Place>,
}

/// A place in both logs: the last row that was looked at in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub(super) ledger: LedgerPlace,
    pub(super) changes: ChangePlace,
}

/// A place in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LedgerPlace {
    pub(super) time: i64,
    pub(super) stream: [u8; 16],
    pub(super) n: i64,
}

/// A place in the change log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChangePlace {
    pub(super) history: i64,
    pub(super) seq: i64,
}

impl Place {
    /// The beginning of a list in this order: beyond everything.
    pub(super) fn start(order: Order) -> Self {
        let (end, stream) = match order {
            Order::Newest => (i64::MAX, [u8::MAX; 16]),
            Order::Oldest => (i64::MIN, [0; 16]),
        };
        Self {
            ledger: LedgerPlace { time: end, stream, n: end },
            changes: ChangePlace { history: end, seq: end },
        }
    }

    /// Reads the text that `Display` prints.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bytes = from_base64url(text).ok_or(Error::Place)?;
        let mut rest = bytes.as_slice();
        let mut number = || {
            let (field, after) = rest.split_first_chunk::<8>()?;
            rest = after;
            Some(i64::from_be_bytes(*field))
        };
        let mut fields = [0; 6];
        for field in &mut fields {
            *field = number().ok_or(Error::Place)?;
        }
        let [time, n, history, seq, high, low] = fields;
        if !rest.is_empty() {
            return Err(Error::Place);
        }
        let mut stream = [0; 16];
        stream[..8].copy_from_slice(&high.to_be_bytes());
        stream[8..].copy_from_slice(&low.to_be_bytes());
        Ok(Self { ledger: LedgerPlace { time, stream, n }, changes: ChangePlace { history, seq } })
    }
}

impl fmt::Display for Place {
    /// Opaque text for a URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(48);
        for field in [self.ledger.time, self.ledger.n, self.changes.history, self.changes.seq] {
            bytes.extend_from_slice(&field.to_be_bytes());
        }
        bytes.extend_from_slice(&self.ledger.stream);
        f.write_str(&base64url(&bytes))
    }
}

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Who asks may not read events.
    #[error(transparent)]
    Access(#[from] access::Error),
    /// The place is not one that a page gave.
    #[error("the place to go on from is not one that a page gave")]
    Place,
    /// Storage did not answer.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Access(error) => error.into(),
            Error::Fault(fault) => fault.into(),
            Error::Place => Self::new(
                Kind::Invalid,
                "events.place_unknown",
                "the cursor is not one that a page of this listing gave: begin without one",
            ),
        }
    }
}
