//! What can go wrong, in the two forms that travel: a shell's `Fault`, and a slice's error as a `Failure`.
//!
//! A slice has its own error enum in its own words. At its door that enum becomes a `Failure`, which answers the four
//! questions every protocol asks: who can act on it, a stable code, a text for the caller, and the cause for the log.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Who can act on a failure. One mapping to HTTP lives in `http/problem.rs`, one to gRPC in `grpc/status.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request is wrong; the same request will fail again.
    Invalid,
    /// Nobody, or nobody we could verify.
    Unauthenticated,
    /// The caller must authenticate more strongly, or again (RFC 9470).
    StepUp,
    /// The caller may not.
    Denied,
    /// Not there, or the caller may not know that it is.
    NotFound,
    /// Somebody else was faster, or it exists already.
    Conflict,
    /// Too much, too often.
    Limited,
    /// A system we depend on answered badly.
    Upstream,
    /// Not now; the same request may succeed later.
    Unavailable,
    /// Our own mistake.
    Bug,
}

/// What a shell met: the world outside the program misbehaved.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Something we need is away: the database, a disk, a peer. Nothing was done.
    Away {
        /// What.
        what: &'static str,
        /// What the outside said.
        cause: Arc<str>,
    },
    /// The answer to a COMMIT was lost, and it cannot be told whether it happened.
    OutcomeUnknown,
    /// A unique key, written `table(column, column)`, holds another row already.
    Unique {
        /// The key.
        key: Arc<str>,
    },
    /// A row refers to one that does not exist, or one that does is still referred to.
    Reference {
        /// The reference.
        key: Arc<str>,
    },
    /// No room: disk full, or the ledger at its bound.
    Full {
        /// What.
        what: &'static str,
    },
    /// The medium can only be read.
    ReadOnly {
        /// What.
        what: &'static str,
    },
    /// Bytes that do not have the form they must have.
    Malformed {
        /// What was read.
        what: &'static str,
        /// What is wrong with it.
        cause: Arc<str>,
    },
    /// The right that permitted this write was taken away before it ran.
    RightsChanged,
    /// Our own mistake: an invariant did not hold.
    Bug {
        /// Which one.
        cause: Arc<str>,
    },
}

impl Fault {
    /// `what` is away, because of `cause`.
    pub fn away(what: &'static str, cause: impl fmt::Display) -> Self {
        Self::Away { what, cause: Arc::from(cause.to_string()) }
    }

    /// `what` does not have the form it must have, because of `cause`.
    pub fn malformed(what: &'static str, cause: impl fmt::Display) -> Self {
        Self::Malformed { what, cause: Arc::from(cause.to_string()) }
    }

    /// An invariant of ours did not hold.
    pub fn bug(cause: impl fmt::Display) -> Self {
        Self::Bug { cause: Arc::from(cause.to_string()) }
    }

    /// True if the same operation may succeed later without anybody changing it.
    pub fn is_away(&self) -> bool {
        self.kind() == Kind::Unavailable
    }

    /// Who can act on it.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Away { .. }
            | Self::OutcomeUnknown
            | Self::Full { .. }
            | Self::ReadOnly { .. } => Kind::Unavailable,
            Self::Unique { .. } | Self::Reference { .. } => Kind::Conflict,
            Self::RightsChanged => Kind::Denied,
            Self::Malformed { .. } | Self::Bug { .. } => Kind::Bug,
        }
    }

    /// A stable code for people and programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Away { .. } => "storage.away",
            Self::OutcomeUnknown => "storage.outcome_unknown",
            Self::Unique { .. } => "storage.exists",
            Self::Reference { .. } => "storage.reference",
            Self::Full { .. } => "storage.full",
            Self::ReadOnly { .. } => "storage.read_only",
            Self::RightsChanged => "access.rights_changed",
            Self::Malformed { .. } | Self::Bug { .. } => "internal",
        }
    }

    /// What the caller may read: says what to do, names nothing inside.
    pub fn public(&self) -> &'static str {
        match self {
            Self::Away { .. } => {
                "a part this request needs is away; nothing was changed; try again"
            }
            Self::OutcomeUnknown => {
                "it could not be learnt whether the change was stored; read it back by its id before trying again"
            }
            Self::Unique { .. } => "something with this name or id exists already",
            Self::Reference { .. } => "something this refers to does not exist, or is still in use",
            Self::Full { .. } => "there is no room left to record this; nothing was done",
            Self::ReadOnly { .. } => "the storage can only be read; nothing was changed",
            Self::RightsChanged => "the right to do this was taken away meanwhile",
            Self::Malformed { .. } | Self::Bug { .. } => {
                "an internal error; the log of this server has the details"
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away { what, cause } => write!(f, "{what} is away: {cause}"),
            Self::OutcomeUnknown => f.write_str("the outcome of a commit is unknown"),
            Self::Unique { key } => write!(f, "`{key}` exists already"),
            Self::Reference { key } => write!(f, "reference `{key}` does not hold"),
            Self::Full { what } => write!(f, "{what} is full"),
            Self::ReadOnly { what } => write!(f, "{what} is read-only"),
            Self::Malformed { what, cause } => write!(f, "malformed {what}: {cause}"),
            Self::RightsChanged => f.write_str("rights changed before the write ran"),
            Self::Bug { cause } => write!(f, "invariant broken: {cause}"),
        }
    }
}

impl Error for Fault {}

/// A slice's error at its door: what every protocol needs to answer it, and the cause for the log.
#[derive(Debug)]
pub struct Failure {
    /// Who can act on it.
    pub kind: Kind,
    /// Stable, dotted, for programs: `entry.parent_unknown`.
    pub code: &'static str,
    /// For the caller: what is wrong and what would be right; nothing from inside.
    pub public: Cow<'static, str>,
    /// For the log only.
    pub cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A failure without a deeper cause.
    pub fn new(kind: Kind, code: &'static str, public: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, code, public: public.into(), cause: None }
    }

    /// The same, with what the log should know.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.public)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| {
            let cause: &(dyn Error + 'static) = cause;
            cause
        })
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::new(fault.kind(), fault.code(), fault.public()).because(fault)
    }
}
