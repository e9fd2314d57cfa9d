//! Actions, the facts a decision is made from, permits, and refusals.

use std::sync::Arc;

use crate::kernel::{Failure, Granted, Kind, Lifetime, RealmId, SpiffeId, SubjectId, Timestamp};

/// Something that needs a yes. Each slice defines its own; the name is the Cedar action's id.
pub trait Action {
    /// The action's id in policies: `IssueX509Svid`.
    const NAME: &'static str;

    /// The facts a policy may look at.
    fn request(&self) -> Request<'_>;
}

/// The facts of one question.
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
    /// When the evidence ends: a decision is not remembered past it.
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

    /// The longest life of whatever is issued by this permit.
    pub fn ceiling(&self) -> Lifetime {
        self.ceiling
    }

    /// Uses the permit up: the action, and the facts its event and its write need.
    pub fn spend(self) -> (A, Granted) {
        (self.action, self.granted)
    }
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
