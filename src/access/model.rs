//! Actions, the facts a decision is made from, permits, refusals, explanations, names, and this slice's events.

use std::net::IpAddr;
use std::sync::Arc;

use super::flaw::PolicyError;
use crate::crypto::digest::sha256;
use crate::events::Event;
use crate::kernel::{
    Failure, Fault, Granted, Kind, Lifetime, RealmId, Situation, SpiffeId, Standing, SubjectId,
    Timestamp,
};

/// A role was given.
pub const ROLE_BOUND: &str = "access.role_bound";
/// A role was taken away.
pub const ROLE_UNBOUND: &str = "access.role_unbound";
/// A policy of the realm's own was written.
pub const POLICY_SET: &str = "access.policy_set";
/// A policy in shadow would have changed answers.
pub const SHADOW_DIFFERED: &str = "access.shadow_differed";
/// A policy of the realm's own was removed.
pub const POLICY_DELETED: &str = "access.policy_deleted";

/// The kind of change of a role binding; its key is the binding's name.
pub const ROLE_BINDING: &str = "role_binding";
/// The kind of change of a policy; its key is the policy's name.
pub const POLICY: &str = "policy";

/// How refusals of an action go on record: of the same subject, resource and rules one in ten minutes.
#[derive(Debug)]
pub struct Refusal<A> {
    /// About whom it is.
    pub subject: fn(&A) -> SubjectId,
    /// What is recorded; `access` adds why. Asked only for one that goes on record.
    pub event: fn(&A) -> Event,
}

/// Something that needs a yes. Each slice defines its own; the name is the Cedar action's id.
pub trait Action: Sized {
    /// The action's id in policies: `IssueX509Svid`.
    const NAME: &'static str;

    /// How a refusal of this goes on record. Nothing: it does not, or whoever asks records it.
    const REFUSAL: Option<Refusal<Self>> = None;

    /// The facts a policy may look at.
    fn request(&self) -> Request<'_>;
}

/// The facts of one question. Which a policy may read is in `config/policies/weft.cedarschema`; whoever asks gives
/// exactly those of the action's context but the ones that every context has: `access` adds those.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// In which realm.
    pub realm: RealmId,
    /// Who asks: Cedar type (`Node`, `Workload`, `User`, `Device`, `Client`, `Local`, `Nobody`) and id.
    pub principal: (&'a str, &'a str),
    /// The principal's SPIFFE ID, if it has one; roles hang off it.
    pub principal_id: Option<&'a SpiffeId>,
    /// The principal's number, for the event.
    pub actor: Option<SubjectId>,
    /// On what: Cedar type (`Entry`, `Agent`, `Realm`, …) and id.
    pub resource: (&'a str, &'a str),
    /// The SPIFFE ID the resource is, or would get; prefix rights look at it.
    pub resource_id: Option<&'a SpiffeId>,
    /// Further facts: strength, flags asked for (`admin`, `downstream`, `dns_names`, …), small and bounded.
    pub context: Vec<(&'a str, Fact<'a>)>,
    /// What is known of the device behind the principal; of an attested agent's question, of the device its node runs on.
    pub standing: Option<&'a Standing>,
    /// Where the question comes from, and how the person behind it signed in.
    pub situation: &'a Situation,
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
    /// Texts, of which the order does not matter: a policy asks `context.scopes.contains("…")`.
    Texts(&'a [String]),
    /// A network address: a policy asks `context.address.isInRange(ip("10.0.0.0/8"))`.
    Address(IpAddr),
    /// A SPIFFE ID in the tree of paths: a policy asks `context.parent in Path::"spiffe://…"`.
    Id(&'a SpiffeId),
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

    /// The reason without the words for administrators: which action on what.
    pub fn for_people(&self) -> &str {
        let (Self::Denied { reason, .. } | Self::StepUp { reason } | Self::Broken { reason }) =
            self;
        let words = reason.strip_prefix('`').and_then(|rest| rest.split_once("`: "));
        words.map_or(reason, |(_, words)| words)
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

/// The name of a role binding or of a policy: the client's choice, 1 to 64 of `a-z 0-9 . - _`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

impl Name {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
        if text.is_empty() || text.len() > NAME_BYTES_MAX || !text.bytes().all(allowed) {
            return Err(NameError);
        }
        Ok(Self(Arc::from(text)))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name is 1 to {NAME_BYTES_MAX} of a-z, 0-9, `.`, `-` and `_`")]
pub struct NameError;

/// Longest name: it fits a column of a table on a terminal.
const NAME_BYTES_MAX: usize = 64;

/// Why a change of rights was not made. Nothing was changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChangeError {
    /// The caller may not.
    #[error(transparent)]
    Refused(#[from] Error),
    /// The policy cannot be used.
    #[error("policy `{name}`: {error}")]
    Policy {
        /// Which.
        name: Name,
        /// Why.
        error: PolicyError,
    },
    /// After it no administrator could change policies and roles any more.
    #[error(
        "with this, none of the realm's administrators could change policies or roles any more: {}{}; the local socket of the server's machine could",
        names.join(", "),
        needed.map(|standing| format!("; they would need a device whose standing is {standing}, and have none")).unwrap_or_default()
    )]
    LocksOut {
        /// Whom it would lock out.
        names: Vec<String>,
        /// The standing of a device that would let one of them in, if any would.
        needed: Option<&'static str>,
    },
    /// A name of a shipped policy whose place cannot be taken.
    #[error("the policy `{0}` protects reserved names: nothing can take its place")]
    Protected(Name),
    /// No such binding or policy.
    #[error("there is no {what} `{name}`")]
    Unknown {
        /// A role binding or a policy.
        what: &'static str,
        /// Its name.
        name: Name,
    },
    /// Another binding has the name.
    #[error("another role binding is named `{0}`")]
    Taken(Name),
    /// Agents and servers hold no roles.
    #[error("`{0}` names an agent or a server: those hold no roles")]
    Holder(SpiffeId),
    /// A registrar without any right.
    #[error("a registrar needs at least one right")]
    NoRight,
    /// The policy is not in the state that the caller spoke of.
    #[error("the policy `{0}` is not as it was seen")]
    Changed(Name),
    /// More than a realm can have.
    #[error("a realm has at most {most} of these")]
    TooMany {
        /// The bound.
        most: i64,
    },
    /// More text than a policy can have.
    #[error("a policy text has at most {POLICY_BYTES_MAX} bytes")]
    TooLong,
    /// Storage did not take it.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Its event could not be recorded.
    #[error(transparent)]
    Unrecorded(#[from] crate::events::Error),
}

/// In which state a policy must be for a change to be made, compared inside the write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// In any.
    Anything,
    /// There is none of that name, shipped ones included.
    Nothing,
    /// There is one, whatever it says.
    Something,
    /// Its text has one of these SHA-256 digests.
    OneOf(Vec<[u8; 32]>),
}

impl Seen {
    /// True if this is the text of that state.
    pub(super) fn holds(&self, text: Option<&str>) -> bool {
        match (self, text) {
            (Self::Anything, _) | (Self::Nothing, None) | (Self::Something, Some(_)) => true,
            (Self::OneOf(digests), Some(text)) => digests.contains(&sha256(text.as_bytes())),
            (Self::Nothing, Some(_)) | (Self::Something | Self::OneOf(_), None) => false,
        }
    }
}

/// Longest policy document of a realm's own: some 200 policies.
pub(super) const POLICY_BYTES_MAX: usize = 64 * 1024;

impl From<ChangeError> for Failure {
    fn from(error: ChangeError) -> Self {
        let (kind, code) = match &error {
            ChangeError::Refused(inner) => return inner.clone().into(),
            ChangeError::Fault(fault) => return fault.clone().into(),
            ChangeError::Unrecorded(inner) => return inner.clone().into(),
            ChangeError::Policy { .. } => (Kind::Invalid, "access.policy_invalid"),
            ChangeError::LocksOut { .. } => (Kind::Conflict, "access.locks_out"),
            ChangeError::Protected(_) => (Kind::Denied, "access.policy_protected"),
            ChangeError::Unknown { .. } => (Kind::NotFound, "access.not_found"),
            ChangeError::Changed(_) => (Kind::Conflict, "request.precondition"),
            ChangeError::Taken(_) => (Kind::Conflict, "access.name_taken"),
            ChangeError::Holder(_) => (Kind::Invalid, "access.holder"),
            ChangeError::NoRight => (Kind::Invalid, "access.no_right"),
            ChangeError::TooMany { .. } => (Kind::Limited, "access.too_many"),
            ChangeError::TooLong => (Kind::Invalid, "access.policy_too_long"),
        };
        Self::new(kind, code, error.to_string()).because(error)
    }
}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn a_person_reads_the_policys_words_and_not_its_machinery() {
        for (reason, read) in [
            ("`SignIn` on `grafana`: this account is locked", "this account is locked"),
            ("`SignIn`: not today", "not today"),
            ("something else", "something else"),
        ] {
            assert_eq!(Error::denied(reason).for_people(), read);
        }
    }
}
