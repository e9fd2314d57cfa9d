//! What a containment is, the facts of this slice, and its errors.

use std::fmt;

use crate::access::{self, Action, Administrator, Request};
use crate::events::{self, Event};
use crate::kernel::{
    DeviceId, Failure, Fault, Kind, Lifetime, RealmId, SpiffeId, SubjectId, Timestamp, UserId,
};

/// The change kind; its key is the text of [`Whom`].
pub const CONTAINMENT: &str = "containment";

/// Who can be contained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// A device, and all that is behind it: `dev_…`.
    Device(DeviceId),
    /// A person: `usr_…`.
    Person {
        /// Who.
        user: UserId,
        /// Their number in evidence and events.
        number: SubjectId,
    },
    /// A workload or an application, by its SPIFFE ID.
    Named(SpiffeId),
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(device) => write!(f, "{device}"),
            Self::Person { user, .. } => write!(f, "{user}"),
            Self::Named(id) => write!(f, "{id}"),
        }
    }
}

/// Somebody gets nothing for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Containment {
    /// Who.
    pub whom: Whom,
    /// Why, in an administrator's words.
    pub reason: String,
    /// Who said so: `usr_…` for a person, else a SPIFFE ID or a user of the server's machine; nothing where that is not known.
    pub by: Option<String>,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when, if nobody releases it before.
    pub ends_at: Timestamp,
}

/// Contain a subject, or release it.
#[derive(Debug, Clone)]
pub struct Contain {
    /// Whoever asks.
    pub by: Administrator,
    /// Whom, as text.
    pub whom: String,
}

impl Action for Contain {
    const NAME: &'static str = "Contain";

    fn request(&self) -> Request<'_> {
        self.by.request(("Containment", &self.whom), None)
    }
}

/// Look at who is contained.
#[derive(Debug, Clone)]
pub struct ReadContainment {
    /// Whoever asks.
    pub by: Administrator,
}

impl Action for ReadContainment {
    const NAME: &'static str = "ReadContainment";

    fn request(&self) -> Request<'_> {
        self.by.request(("Containment", "all"), None)
    }
}

pub(super) mod told {
    //! The facts of this slice.

    use super::{Containment, Event, RealmId, Whom};
    use crate::events::Owner;

    /// A subject is contained from now on, or for another time.
    pub(in super::super) fn began(realm: RealmId, containment: &Containment) -> Event {
        about(Event::new(realm, "containment.began"), containment)
            .about("reason", containment.reason.as_str())
            .about("ends_at", containment.ends_at.to_string())
    }

    /// It was released before its time.
    pub(in super::super) fn released(
        realm: RealmId,
        containment: &Containment,
        reason: &str,
    ) -> Event {
        about(Event::new(realm, "containment.released"), containment).about("reason", reason)
    }

    fn about(event: Event, containment: &Containment) -> Event {
        let event = event.about("subject", containment.whom.to_string());
        match containment.whom {
            Whom::Person { number, .. } => {
                event.subject(number).subject_owner(Owner::Person(number))
            }
            Whom::Device(_) | Whom::Named(_) => event,
        }
    }
}

/// What this slice answers instead of what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was asked for cannot be.
    #[error("{0}")]
    Invalid(String),
    /// Whoever asks would put themselves out.
    #[error("nobody contains themselves, nor the device they call from: ask another administrator")]
    Oneself,
    /// Nobody of that name is contained.
    #[error("this subject is not contained")]
    NotFound,
    /// Policy says no.
    #[error(transparent)]
    Access(#[from] access::Error),
    /// The fact could not be recorded.
    #[error(transparent)]
    Events(#[from] events::Error),
    /// A shell failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let public = error.to_string();
        match error {
            Error::Invalid(_) => Self::new(Kind::Invalid, "containment.invalid", public),
            Error::Oneself => Self::new(Kind::Denied, "containment.oneself", public),
            Error::NotFound => Self::new(Kind::NotFound, "containment.not_found", public),
            Error::Access(error) => error.into(),
            Error::Events(error) => error.into(),
            Error::Fault(fault) => fault.into(),
        }
    }
}

/// Shorter is no containment: what is out lives for minutes.
pub(super) const SHORTEST: Lifetime = Lifetime::minutes(1);
/// Whatever takes longer is decided anew, or is a lock.
pub(super) const LONGEST: Lifetime = Lifetime::days(30);
/// A line of a log.
pub(super) const REASON_BYTES_MAX: usize = 256;
