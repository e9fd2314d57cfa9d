//! Actions, the facts a decision is made from, permits, refusals, explanations, and this slice's events.

use std::sync::Arc;

use crate::kernel::{
    Caller, Failure, Fault, Granted, Kind, Lifetime, Proof, RealmId, SpiffeId, SubjectId,
    Timestamp, TrustDomain,
};

/// A role was given.
pub const ROLE_BOUND: &str = "access.role_bound";
/// A role was taken away.
pub const ROLE_UNBOUND: &str = "access.role_unbound";
/// A policy of the realm's own was written.
pub const POLICY_SET: &str = "access.policy_set";
/// A policy of the realm's own was removed.
pub const POLICY_DELETED: &str = "access.policy_deleted";

/// The kind of change of a role binding; its key is the binding's name.
pub const ROLE_BINDING: &str = "role_binding";
/// The kind of change of a policy; its key is the policy's name.
pub const POLICY: &str = "policy";

/// Something that needs a yes. Each slice defines its own; the name is the Cedar action's id.
pub trait Action {
    /// The action's id in policies: `IssueX509Svid`.
    const NAME: &'static str;

    /// The facts a policy may look at.
    fn request(&self) -> Request<'_>;
}

/// The facts of one question. Which a policy may read is in `config/policies/weft.cedarschema`; whoever asks gives
/// exactly those of the action's context but `own` and `now_seconds`, which `access` adds.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// In which realm.
    pub realm: RealmId,
    /// Who asks: Cedar type (`Node`, `Workload`, `User`, `Local`, `Nobody`) and id.
    pub principal: (&'static str, &'a str),
    /// The principal's SPIFFE ID, if it has one; roles hang off it.
    pub principal_id: Option<&'a SpiffeId>,
    /// The principal's number, for the event.
    pub actor: Option<SubjectId>,
    /// On what: Cedar type (`Entry`, `Agent`, `Realm`, …) and id.
    pub resource: (&'static str, &'a str),
    /// The SPIFFE ID the resource is, or would get; prefix rights look at it.
    pub resource_id: Option<&'a SpiffeId>,
    /// Further facts: posture, strength, flags asked for (`admin`, `downstream`, `dns_names`, …), small and bounded.
    pub context: Vec<(&'static str, Fact<'a>)>,
    /// When the evidence ends: a decision is not remembered past it, and none is made after it.
    pub evidence_expires: Timestamp,
}

/// A context value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fact<'a> {
    /// A text.
    Text(&'a str),
    /// A number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
    /// A SPIFFE ID in the tree of paths: a policy asks `context.parent in Path::"spiffe://…"`.
    Id(&'a SpiffeId),
}

/// Who asks, as policies see it; made from a `Caller` once, and kept by the action for its `Request`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    kind: &'static str,
    id: String,
    spiffe: Option<SpiffeId>,
}

impl Asker {
    /// What this caller is to the policies of a realm whose trust domain is `home`.
    ///
    /// Only an X.509-SVID of the realm's own `/spire/agent/` makes a `Node`, and only the realm's own `/user/` a `User`:
    /// another trust domain may name its own as it likes, so all of its subjects are `Workload`s here.
    pub fn of(caller: &Caller, home: &TrustDomain) -> Self {
        match (&caller.proof, &caller.subject) {
            (Proof::KernelPeer { uid, .. }, _) => {
                Self { kind: "Local", id: uid.to_string(), spiffe: None }
            }
            (Proof::X509Svid { .. }, Some(id)) => Self::subject(id, home, true),
            (Proof::JwtSvid { .. }, Some(id)) => Self::subject(id, home, false),
            _ => Self::nobody(),
        }
    }

    /// Whoever is not known.
    pub fn nobody() -> Self {
        Self { kind: "Nobody", id: "nobody".to_owned(), spiffe: None }
    }

    /// The realm's own attested agent, known by its X.509-SVID.
    pub fn node(id: &SpiffeId) -> Self {
        Self { kind: "Node", id: id.to_string(), spiffe: Some(id.clone()) }
    }

    fn subject(id: &SpiffeId, home: &TrustDomain, possession: bool) -> Self {
        let kind = if id.trust_domain() != home {
            "Workload"
        } else if id.is_under("/spire/agent") && possession {
            "Node"
        } else if id.is_under("/user") {
            "User"
        } else if ["/spire", "/device", "/client"].iter().any(|reserved| id.is_under(reserved)) {
            return Self::nobody();
        } else {
            "Workload"
        };
        Self { kind, id: id.to_string(), spiffe: Some(id.clone()) }
    }

    /// Type and id, for `Request::principal`.
    pub fn principal(&self) -> (&'static str, &str) {
        (self.kind, &self.id)
    }

    /// The SPIFFE ID, for `Request::principal_id`.
    pub fn spiffe_id(&self) -> Option<&SpiffeId> {
        self.spiffe.as_ref()
    }
}

/// A yes, for this action, once. Made only in `access`, and taken by value by the operation that acts.
#[derive(Debug)]
#[must_use = "a permit that nobody uses permits nothing"]
pub struct Permit<A> {
    pub(super) action: A,
    pub(super) ceiling: Lifetime,
    pub(super) granted: Granted,
}

impl<A> Permit<A> {
    /// What was asked.
    pub fn action(&self) -> &A {
        &self.action
    }

    /// The longest life of whatever is issued by this permit; no time at all where the action issues nothing.
    pub fn ceiling(&self) -> Lifetime {
        self.ceiling
    }

    /// Uses the permit up: the action, and the facts its event and its write need.
    pub fn spend(self) -> (A, Granted) {
        (self.action, self.granted)
    }
}

/// Which policies decided a question, and why; for administrators and error texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The answer: the ceiling, or the refusal as the caller would read it.
    pub outcome: Result<Lifetime, Error>,
    /// The policies that decided, by their ids, each with what it says.
    pub decided_by: Vec<(Arc<str>, Arc<str>)>,
    /// Every policy that was looked at.
    pub considered: Vec<Arc<str>>,
    /// What the caller holds in this realm, in words.
    pub holds: String,
}

/// A no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No policy permits it, or one forbids it.
    #[error("denied: {reason}")]
    Denied {
        /// For the caller: which right is missing, in words.
        reason: Arc<str>,
        /// The ids of the policies that forbade it; empty when none permitted.
        policies: Arc<[Arc<str>]>,
    },
    /// A stronger or fresher authentication would do.
    #[error("step-up needed: {reason}")]
    StepUp {
        /// What would do.
        reason: Arc<str>,
    },
    /// The policies could not be evaluated: deny.
    #[error("policies could not be evaluated: {reason}")]
    Broken {
        /// Why, for the log.
        reason: Arc<str>,
    },
}

impl Error {
    pub(super) fn denied(reason: impl Into<Arc<str>>) -> Self {
        Self::Denied { reason: reason.into(), policies: Arc::from([]) }
    }

    pub(super) fn broken(reason: impl std::fmt::Display) -> Self {
        Self::Broken { reason: Arc::from(reason.to_string()) }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match &error {
            Error::Denied { reason, .. } => {
                Self::new(Kind::Denied, "access.denied", reason.to_string()).because(error)
            }
            Error::StepUp { reason } => {
                Self::new(Kind::StepUp, "access.step_up", reason.to_string()).because(error)
            }
            Error::Broken { .. } => {
                Self::new(Kind::Denied, "access.broken", "the policies could not be evaluated")
                    .because(error)
            }
        }
    }
}

/// Why a policy text cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It is not Cedar.
    #[error("not a Cedar policy: {0}")]
    Syntax(Arc<str>),
    /// It does not fit the published schema.
    #[error("does not fit the schema: {0}")]
    Schema(Arc<str>),
    /// Two policies have one id.
    #[error("the id `{0}` is used twice")]
    Twice(Arc<str>),
    /// An annotation has a value that it cannot have, or is on a policy that it cannot be on.
    #[error("annotation `@{name}`: {why}")]
    Annotation {
        /// Which.
        name: &'static str,
        /// What would be right.
        why: &'static str,
    },
    /// A template: nothing links it.
    #[error("templates cannot be used: write the policy out")]
    Template,
}

impl From<PolicyError> for Fault {
    fn from(error: PolicyError) -> Self {
        Self::malformed("policy", error)
    }
}
