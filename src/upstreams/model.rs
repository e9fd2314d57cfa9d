//! Upstreams as they are held in memory, the questions asked about them, this slice's events, and its errors.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::refusal::Refusal;
use super::terms::Terms;
pub use crate::access::Administrator;
use crate::access::{self, Action, Request};
use crate::accounts;
use crate::accounts::ExternalId;
use crate::events;
use crate::http::Origin;
use crate::kernel::{
    Failure, Fault, Kind, Lifetime, Method, Secret, SignInId, Timestamp, UpstreamId, UserId,
};

/// An upstream was made.
pub const UPSTREAM_CREATED: &str = "upstream.created";
/// An upstream was changed.
pub const UPSTREAM_UPDATED: &str = "upstream.updated";
/// An upstream was removed.
pub const UPSTREAM_DELETED: &str = "upstream.deleted";
/// Secrets of an upstream were sealed under another key.
pub const UPSTREAM_RESEALED: &str = "upstream.resealed";
/// Somebody came back from an upstream, and is who they say.
pub const UPSTREAM_ARRIVED: &str = "upstream.arrived";
/// Somebody came back from an upstream who is nobody here, and is asked to show that the account with their address is theirs.
pub const UPSTREAM_UNLINKED: &str = "upstream.unlinked_arrived";
/// Somebody came back from an upstream, and was refused; `code` says why.
pub const UPSTREAM_REFUSED: &str = "upstream.refused";
/// The tokens that an upstream gave for somebody were handed out.
pub const UPSTREAM_TOKENS_READ: &str = "upstream.tokens_read";

/// The kind of change of an upstream; its key is the upstream's id.
pub const UPSTREAM: &str = "upstream";

/// An upstream, whole in memory.
#[derive(Debug)]
pub struct Upstream {
    /// Its name.
    pub id: UpstreamId,
    /// Rises by one with every change.
    pub revision: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// What it says.
    pub terms: Terms,
    /// The client secret, sealed.
    pub(super) sealed_secret: Option<Vec<u8>>,
}

impl Upstream {
    /// True if a client secret is kept.
    pub fn has_secret(&self) -> bool {
        self.sealed_secret.is_some()
    }
}

/// An upstream as the sign-in page offers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Which.
    pub id: UpstreamId,
    /// What to write on the button.
    pub display_name: Arc<str>,
    /// True if it is the home of the e-mail domain that was asked for.
    pub home: bool,
}

/// The digest of the cookie that binds a sign-in to its browser.
pub type Binding = [u8; 32];

/// How somebody is sent to an upstream.
#[derive(Debug, Clone)]
pub struct Start {
    /// The sign-in that this is a part of.
    pub sign_in: Option<SignInId>,
    /// What for.
    pub purpose: Purpose,
    /// The browser.
    pub binding: Binding,
    /// Whom the provider may offer first.
    pub login_hint: Option<String>,
    /// True if the person must authenticate there anew, whatever session they have.
    pub fresh: bool,
}

/// What somebody is sent to an upstream for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To sign in.
    SignIn,
    /// To link the identity there to the account of somebody who is signed in.
    Link {
        /// Whose.
        user: UserId,
        /// When they last authenticated.
        authenticated_at: Timestamp,
    },
}

/// What the provider's answer had in its query (RFC 6749 §4.1.2, RFC 9207 §2). No parameter stands there twice.
#[derive(Debug, Clone, Default)]
pub struct Callback {
    /// `state`
    pub state: Option<String>,
    /// `code`
    pub code: Option<String>,
    /// `iss`
    pub iss: Option<String>,
    /// `error`
    pub error: Option<String>,
    /// `error_description`
    pub error_description: Option<String>,
}

/// Who brings an answer.
#[derive(Debug, Clone, Default)]
pub struct Bringer {
    /// The digest of the browser's cookie.
    pub binding: Option<Binding>,
    /// Who is signed in there.
    pub user: Option<UserId>,
    /// Where it is, for the letter that tells of a link.
    pub from: Option<Origin>,
}

/// Somebody came back from an upstream who is nobody here yet, and whose address, which the upstream verified, is that of an
/// account: they show that it is theirs before anything is linked.
#[derive(Debug, Clone)]
pub struct Unlinked {
    /// Who they are there.
    pub external: ExternalId,
    /// What to show of it.
    pub display: Option<String>,
    /// The account with their address.
    pub user: UserId,
    /// The address, as the upstream says it.
    pub email: String,
    /// The sign-in that this is a part of.
    pub sign_in: Option<SignInId>,
}

/// Somebody came back from an upstream with an answer that holds.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// Who they are there.
    pub external: ExternalId,
    /// Whose account that is.
    pub user: UserId,
    /// True if the account was made just now.
    pub created: bool,
    /// True if the identity was linked to the account just now.
    pub linked: bool,
    /// What they were sent for.
    pub purpose: Purpose,
    /// What was shown.
    pub methods: BTreeSet<Method>,
    /// When they authenticated there, if the provider says.
    pub authenticated_at: Option<Timestamp>,
    /// The sign-in that this is a part of.
    pub sign_in: Option<SignInId>,
}

/// May they see upstreams?
#[derive(Debug, Clone)]
pub struct ReadUpstream(pub Administrator);
/// May they make or change this upstream?
#[derive(Debug, Clone)]
pub struct SetUpstream(pub Administrator, pub UpstreamId);
/// May they remove this upstream?
#[derive(Debug, Clone)]
pub struct DeleteUpstream(pub Administrator, pub UpstreamId);
/// May they see what the upstream says of whoever tries it?
#[derive(Debug, Clone)]
pub struct TestUpstream(pub Administrator, pub UpstreamId);

impl Action for ReadUpstream {
    const NAME: &'static str = "ReadUpstream";

    fn request(&self) -> Request<'_> {
        self.0.request(("Upstream", "all"), None)
    }
}

impl Action for SetUpstream {
    const NAME: &'static str = "SetUpstream";

    fn request(&self) -> Request<'_> {
        self.0.request(("Upstream", self.1.as_str()), None)
    }
}

impl Action for DeleteUpstream {
    const NAME: &'static str = "DeleteUpstream";

    fn request(&self) -> Request<'_> {
        self.0.request(("Upstream", self.1.as_str()), None)
    }
}

impl Action for TestUpstream {
    const NAME: &'static str = "TestUpstream";

    fn request(&self) -> Request<'_> {
        self.0.request(("Upstream", self.1.as_str()), None)
    }
}

/// May they have the tokens that this upstream gave for somebody?
#[derive(Debug, Clone)]
pub struct ReadUpstreamTokens(pub Administrator, pub UpstreamId);

impl Action for ReadUpstreamTokens {
    const NAME: &'static str = "ReadUpstreamTokens";

    fn request(&self) -> Request<'_> {
        self.0.request(("Upstream", self.1.as_str()), None)
    }
}

/// An upstream to be kept.
#[derive(Debug)]
pub struct Draft {
    /// Its name.
    pub id: UpstreamId,
    /// What it says.
    pub terms: Terms,
    /// Another client secret; none: the one that is kept stays.
    pub secret: Option<Secret<String>>,
}

/// In which state an upstream must be for a change to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// There is none of that name.
    Nothing,
    /// There is one, at this revision, or at any.
    Revision(Option<i64>),
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller may not.
    #[error(transparent)]
    Access(#[from] access::Error),
    /// This realm is not open in this server.
    #[error("the realm is not open here")]
    Realm,
    /// There is no such upstream.
    #[error("there is no upstream `{0}`")]
    NotFound(UpstreamId),
    /// There is one of this name.
    #[error("there is an upstream `{0}` already")]
    Exists(UpstreamId),
    /// It is not as the caller saw it.
    #[error("the upstream `{0}` is not as it was seen")]
    Outdated(UpstreamId),
    /// A setting cannot be so.
    #[error("`{field}`: {why}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What would be right.
        why: String,
    },
    /// More than a realm can have.
    #[error("a realm has at most {0} upstreams")]
    TooMany(usize),
    /// No test of this id, or it is over.
    #[error("there is no such test, or it is over")]
    NoTest,
    /// The authentication that a link needs is too old.
    #[error("linking needs an authentication of the last {0}")]
    Stale(Lifetime),
    /// The sign-in through the upstream was refused.
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    /// Accounts refused.
    #[error(transparent)]
    Account(#[from] accounts::Error),
    /// Storage did not take it.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Its event could not be recorded.
    #[error(transparent)]
    Unrecorded(#[from] events::Error),
}

impl Error {
    pub(super) fn invalid(field: &'static str, why: impl fmt::Display) -> Self {
        Self::Invalid { field, why: why.to_string() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (kind, code) = match error {
            Error::Access(inner) => return inner.into(),
            Error::Fault(fault) => return fault.into(),
            Error::Unrecorded(inner) => return inner.into(),
            Error::Refused(refusal) => return refusal.into(),
            Error::Account(inner) => return inner.into(),
            Error::Realm => (Kind::NotFound, "upstream.realm"),
            Error::NotFound(_) => (Kind::NotFound, "upstream.not_found"),
            Error::NoTest => (Kind::NotFound, "upstream.no_test"),
            Error::Exists(_) => (Kind::Conflict, "upstream.exists"),
            Error::Outdated(_) => (Kind::Conflict, "request.precondition"),
            Error::Invalid { .. } => (Kind::Invalid, "upstream.invalid"),
            Error::TooMany(_) => (Kind::Limited, "upstream.too_many"),
            Error::Stale(_) => (Kind::StepUp, "upstream.stale"),
        };
        Self::new(kind, code, error.to_string()).because(error)
    }
}

/// Upstreams of one realm: a page of buttons would hold fewer.
pub(super) const UPSTREAMS_MAX: usize = 256;
/// How old the authentication behind a link may be: that of every other change of what one signs in with.
pub(super) const LINK_AGE_MAX: Lifetime = Lifetime::minutes(5);
/// How long a sign-in through an upstream may take.
pub(super) const TRANSACTION_LIFE: Lifetime = Lifetime::minutes(10);
