//! Services, what may be done to them, the facts of this slice, and its errors.

use crate::access::{self, Action, Administrator, Request};
use crate::kernel::{Failure, Fault, Kind, Lifetime, Timestamp};
use crate::posture;
use crate::posture::scoring::DocumentError;

use super::mapping::{Mapping, Unread};

/// The change kind of a service; its key is the name.
pub const SERVICE: &str = "posture_service";

/// A service that tells what it knows of devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name, an administrator's choice: part of the address that it sends to.
    pub name: String,
    /// How what it sends is read, as it was written.
    pub document: String,
    /// The same, read.
    pub mapping: Mapping,
    /// The secret that it signs with, sealed.
    pub secret: Vec<u8>,
    /// The one before, sealed, and until when it is live too.
    pub former: Option<(Vec<u8>, Timestamp)>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Counts its changes.
    pub revision: i64,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name {
            /// Whoever asks.
            pub by: Administrator,
            /// About which, by name; `all` for a listing.
            pub id: String,
        }

        impl Action for $name {
            const NAME: &'static str = stringify!($name);

            fn request(&self) -> Request<'_> {
                self.by.request(("PostureSource", &self.id), None)
            }
        }
    )*};
}

actions! {
    /// Look at services.
    ReadPostureSource;
    /// Make a service, change how it is read, or give it another secret.
    ManagePostureSource;
    /// Take a service out.
    DeletePostureSource;
}

/// The facts of this slice.
pub mod events {
    use super::Service;
    use crate::events::Event;
    use crate::kernel::{RealmId, SubjectId};

    /// Something happened to a service: made, changed, given another secret, taken out.
    pub fn service(
        realm: RealmId,
        kind: &'static str,
        service: &Service,
        by: Option<SubjectId>,
    ) -> Event {
        Event::new(realm, kind)
            .actor(by)
            .about("source", service.name.as_str())
            .about("revision", service.revision)
    }
}

/// What this slice answers instead of what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody that is known signed this, or not lately.
    #[error("the delivery is not signed with a live secret of this source, or not of now")]
    Unsigned,
    /// This address sends what nobody signed, again and again.
    #[error("too many deliveries that nobody signed from one address; wait {0}")]
    TooOften(Lifetime),
    /// The document cannot be read by.
    #[error("the mapping: {0}")]
    Document(#[from] DocumentError),
    /// A delivery says nothing that can be kept.
    #[error("the delivery: {0}")]
    Unread(#[from] Unread),
    /// What was asked for is outside its bounds.
    #[error("bad request: {0}")]
    Invalid(String),
    /// It is there already.
    #[error("a posture source of this name exists already")]
    Exists,
    /// No such service.
    #[error("no such posture source")]
    NotFound,
    /// Policy says no.
    #[error(transparent)]
    Access(#[from] access::Error),
    /// What was said could not be kept.
    #[error(transparent)]
    Posture(#[from] posture::Error),
    /// The fact could not be recorded.
    #[error(transparent)]
    Events(#[from] crate::events::Error),
    /// A shell failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let words = error.to_string();
        match error {
            Error::Unsigned => Self::new(Kind::Unauthenticated, "posture_source.unsigned", words),
            Error::TooOften(_) => Self::new(Kind::Limited, "posture_source.too_often", words),
            Error::Document(why) => {
                Self::new(Kind::Invalid, "posture_source.mapping", why.to_string())
            }
            Error::Unread(why) => Self::new(Kind::Invalid, "posture_source.unread", why.0),
            Error::Invalid(why) => Self::new(Kind::Invalid, "posture_source.invalid", why),
            Error::Exists => Self::new(Kind::Conflict, "posture_source.exists", words),
            Error::NotFound => Self::new(Kind::NotFound, "posture_source.not_found", words),
            Error::Access(error) => error.into(),
            Error::Posture(error) => error.into(),
            Error::Events(error) => error.into(),
            Error::Fault(fault) => fault.into(),
        }
    }
}
