//! Registration entries: their types, kinds of change and events, and what can be wrong with a request about them.

use std::borrow::Cow;
use std::sync::Arc;

use crate::access;
use crate::events::{self, Event};
use crate::kernel::limits::BATCH_ITEMS_MAX;
use crate::kernel::{
    EntryId, Failure, Fault, Granted, Kind, Lifetime, RealmId, Selector, SpiffeId, SubjectId,
    Timestamp, TrustDomain,
};
use crate::svid;

/// The kind of change of an entry; its key is the entry's id.
pub const ENTRY: &str = "entry";

/// An entry was made.
pub const ENTRY_CREATED: &str = "entry.created";
/// An entry was changed.
pub const ENTRY_UPDATED: &str = "entry.updated";
/// An entry was removed, by somebody or by its expiry.
pub const ENTRY_DELETED: &str = "entry.deleted";

/// What an entry says: whoever shows all the selectors, under the parent, is the SPIFFE ID. Passed the rules of
/// `validate_entry`; made nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "SPIRE's entry has these five switches, each of its own"
)]
pub struct Terms {
    /// The identity it gives.
    pub spiffe_id: SpiffeId,
    /// The agent it is delegated to, another entry's identity, or the server (then it is an alias for nodes).
    pub parent_id: SpiffeId,
    /// All of them must be attested. Sorted, each once.
    pub selectors: Box<[Selector]>,
    /// How long its X.509-SVIDs live; nothing: the default.
    pub x509_svid_ttl: Option<Lifetime>,
    /// How long its JWT-SVIDs live; nothing: the default.
    pub jwt_svid_ttl: Option<Lifetime>,
    /// Foreign trust domains whose bundles come with the identity. Sorted, each once.
    pub federates_with: Box<[TrustDomain]>,
    /// The identity may administer the server.
    pub admin: bool,
    /// The identity is a downstream server.
    pub downstream: bool,
    /// From when on the entry counts no more.
    pub expires_at: Option<Timestamp>,
    /// DNS names in its X.509-SVIDs, lower case, in the order given: the first is also the common name.
    pub dns_names: Arc<[Arc<str>]>,
    /// The SVID is pushed into a store instead of served to workloads.
    pub store_svid: bool,
    /// Tells identities apart for workloads that have several.
    pub hint: Option<Arc<str>>,
    /// The agent asks for the X.509-SVID only when a workload does.
    pub disable_x509_svid_prefetch: bool,
    /// JWT-SVIDs carry a `jti`, and agents do not cache them.
    pub jwt_svid_include_jti: bool,
}

/// A registration entry. Held once and shared: clone the `Arc` around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id, unique in the realm, chosen by the client or by the server.
    pub id: EntryId,
    /// Its number in event headers, which says nothing about it.
    pub number: SubjectId,
    /// Rises by one with every change of the entry.
    pub revision: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// What it says.
    pub terms: Terms,
}

impl Entry {
    /// True once its expiry has come: it counts as if it were not there.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.terms.expires_at.is_some_and(|at| at <= now)
    }

    /// The event that tells of a change of this entry.
    pub(super) fn event(&self, realm: RealmId, kind: &'static str, granted: &Granted) -> Event {
        let terms = &self.terms;
        let selectors: Vec<_> = terms.selectors.iter().map(ToString::to_string).collect();
        Event::new(realm, kind)
            .subject(self.number)
            .actor(granted.actor)
            .about("entry_id", self.id.as_str())
            .about("spiffe_id", terms.spiffe_id.as_str())
            .about("parent_id", terms.parent_id.as_str())
            .about("selectors", selectors)
            .about("revision", self.revision)
            .about("admin", terms.admin)
            .about("downstream", terms.downstream)
            .by("action", granted.action)
            .by("policy_version", granted.policy_version)
    }
}

/// What a client asks an entry to be; the border has parsed what has a type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "SPIRE's entry has these five switches, each of its own"
)]
pub struct Draft {
    /// The client's choice of id.
    pub id: Option<EntryId>,
    /// The identity it gives.
    pub spiffe_id: SpiffeId,
    /// Under whom.
    pub parent_id: SpiffeId,
    /// In any order, any number of times.
    pub selectors: Vec<Selector>,
    /// Seconds; 0 is the default.
    pub x509_svid_ttl_seconds: i64,
    /// Seconds; 0 is the default.
    pub jwt_svid_ttl_seconds: i64,
    /// Foreign trust domains.
    pub federates_with: Vec<TrustDomain>,
    /// May administer the server.
    pub admin: bool,
    /// Is a downstream server.
    pub downstream: bool,
    /// From when on it counts no more.
    pub expires_at: Option<Timestamp>,
    /// DNS names; the first becomes the common name.
    pub dns_names: Vec<String>,
    /// Is pushed into a store.
    pub store_svid: bool,
    /// Empty for none.
    pub hint: String,
    /// No pre-fetch.
    pub disable_x509_svid_prefetch: bool,
    /// `jti` in tokens.
    pub jwt_svid_include_jti: bool,
}

impl Draft {
    /// The least an entry needs; everything else is off or at its default.
    pub fn new(spiffe_id: SpiffeId, parent_id: SpiffeId, selectors: Vec<Selector>) -> Self {
        Self {
            id: None,
            spiffe_id,
            parent_id,
            selectors,
            x509_svid_ttl_seconds: 0,
            jwt_svid_ttl_seconds: 0,
            federates_with: Vec::new(),
            admin: false,
            downstream: false,
            expires_at: None,
            dns_names: Vec::new(),
            store_svid: false,
            hint: String::new(),
            disable_x509_svid_prefetch: false,
            jwt_svid_include_jti: false,
        }
    }
}

/// Why a request about entries, or for a workload's SVID, was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field breaks a rule.
    #[error("`{field}`: {rule}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What would be right.
        rule: Cow<'static, str>,
    },
    /// An entry with the same parent, SPIFFE ID and selectors is there already.
    #[error("entry `{existing}` has the same parent, SPIFFE ID and selectors")]
    Similar {
        /// Which.
        existing: EntryId,
    },
    /// An entry with this id is there already.
    #[error("entry `{id}` exists")]
    Exists {
        /// Which.
        id: EntryId,
    },
    /// No such entry, or none that the caller may know of.
    #[error("`{id}` is not there, or not for this caller")]
    NotFound {
        /// Which.
        id: String,
    },
    /// The caller changes a revision that is not the newest.
    #[error("entry `{id}` is at revision {current}")]
    Outdated {
        /// Which.
        id: EntryId,
        /// The newest revision.
        current: i64,
    },
    /// More items than one call takes.
    #[error("a call has 1 to {BATCH_ITEMS_MAX} items")]
    BatchSize,
    /// The realm is not one of this server's.
    #[error("no such realm")]
    Realm,
    /// The policy says no.
    #[error("access")]
    Access(#[from] access::Error),
    /// It could not be signed.
    #[error("svid")]
    Svid(#[from] svid::Error),
    /// It could not be recorded.
    #[error("events")]
    Events(#[from] events::Error),
    /// Storage failed.
    #[error("storage")]
    Fault(#[from] Fault),
}

impl Error {
    pub(super) fn invalid(field: &'static str, rule: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid { field, rule: rule.into() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let words = error.to_string();
        match error {
            Error::Invalid { .. } => Self::new(Kind::Invalid, "entry.invalid", words),
            Error::BatchSize => Self::new(Kind::Invalid, "entry.batch_size", words),
            Error::Similar { .. } => Self::new(Kind::Conflict, "entry.similar", words),
            Error::Exists { .. } => Self::new(Kind::Conflict, "entry.exists", words),
            Error::Outdated { .. } => Self::new(Kind::Conflict, "entry.outdated", words),
            Error::NotFound { .. } => Self::new(Kind::NotFound, "entry.not_found", words),
            Error::Realm => Self::new(Kind::NotFound, "realm.not_found", words),
            Error::Access(error) => error.into(),
            Error::Svid(error) => error.into(),
            Error::Events(error) => error.into(),
            Error::Fault(fault) => fault.into(),
        }
    }
}
