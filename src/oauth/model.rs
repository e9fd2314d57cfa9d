//! This slice's events, its actions for administrators, and its error.

use crate::access::{self, Action, Administrator, Request};
use crate::events;
use crate::kernel::{ClientId, Failure, Fault, Kind};

/// The kind of change of a client; its key is the client's id.
pub const CLIENT: &str = "client";
/// A client was made.
pub(super) const CLIENT_CREATED: &str = "client.created";
/// A client was changed.
pub(super) const CLIENT_UPDATED: &str = "client.updated";
/// A client got another secret.
pub(super) const CLIENT_SECRET_ROTATED: &str = "client.secret_rotated";
/// A client was removed.
pub(super) const CLIENT_DELETED: &str = "client.deleted";

/// A person gave a client a grant.
pub(super) const AUTHORIZED: &str = "oauth.authorized";
/// Policy did not let a client have what it asked for.
pub(super) const CONSENT_REFUSED: &str = "oauth.consent_refused";
/// The kind of the deliveries that tell clients of the end of a session.
pub const BACKCHANNEL_LOGOUT: &str = "oauth.backchannel_logout";

macro_rules! client_actions {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub(super) struct $name {
            /// Who asks.
            pub(super) by: Administrator,
            /// Which client; nothing for all of them.
            pub(super) client: Option<ClientId>,
        }

        impl Action for $name {
            const NAME: &'static str = stringify!($name);

            fn request(&self) -> Request<'_> {
                self.by.request(("Client", self.client.as_ref().map_or("", ClientId::as_str)), None)
            }
        }
    )*};
}

client_actions! {
    /// Make a client.
    CreateClient
    /// Look at clients.
    ReadClient
    /// Change what a client may do.
    UpdateClient
    /// Give a client another secret.
    RotateClientSecret
    /// Remove a client.
    DeleteClient
}

/// Why an administrator's operation on a client was not done. Nothing was changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A field is wrong.
    #[error("`{field}` {words}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What would be right.
        words: String,
    },
    /// No client has this id.
    #[error("there is no client `{0}`")]
    NotFound(ClientId),
    /// Another client has this id.
    #[error("there is a client `{0}` already")]
    Exists(ClientId),
    /// Somebody else changed it.
    #[error("client `{id}` is at revision {current}")]
    Outdated {
        /// Which.
        id: ClientId,
        /// Where it is.
        current: i64,
    },
    /// A client without authentication has no secret.
    #[error("client `{0}` has no secret")]
    NoSecret(ClientId),
    /// More than a realm holds.
    #[error("a realm has at most {most} clients")]
    TooMany {
        /// The bound.
        most: i64,
    },
    /// The caller may not.
    #[error(transparent)]
    Access(#[from] access::Error),
    /// The fact could not be recorded.
    #[error(transparent)]
    Events(#[from] events::Error),
    /// A shell failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Error {
    pub(super) fn invalid(field: &'static str, words: impl Into<String>) -> Self {
        Self::Invalid { field, words: words.into() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (kind, code) = match error {
            Error::Access(error) => return error.into(),
            Error::Events(error) => return error.into(),
            Error::Fault(fault) => return fault.into(),
            Error::Invalid { .. } => (Kind::Invalid, "client.invalid"),
            Error::NotFound(_) => (Kind::NotFound, "client.not_found"),
            Error::Exists(_) => (Kind::Conflict, "client.exists"),
            Error::Outdated { .. } => (Kind::Conflict, "client.outdated"),
            Error::NoSecret(_) => (Kind::Invalid, "client.no_secret"),
            Error::TooMany { .. } => (Kind::Limited, "client.too_many"),
        };
        Self::new(kind, code, error.to_string()).because(error)
    }
}
