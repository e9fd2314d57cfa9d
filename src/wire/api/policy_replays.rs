//! What policies were, back to that, and what others would have said to what is on record.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{PolicyAnswer, Time};

/// A change of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PolicyChange {
    /// Its number, for a rollback.
    pub number: u64,
    /// When.
    pub time: Time,
    /// Who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The text since then; nothing where it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The realm's own text before; nothing where it had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

/// Back to what a policy was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyRollback {
    /// Before the change of this number; nothing: before the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
}

/// What is to be asked again, and of what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyReplayInput {
    /// Documents in the place of the realm's own of those names; `null`: as if it had none.
    #[serde(default)]
    pub policies: BTreeMap<String, Option<String>>,
    /// The newest so many decisions, at most 1,000, which it is if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<u32>,
}

/// Which decisions would have gone the other way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PolicyReplay {
    /// How many decisions were asked again.
    pub decisions: u32,
    /// How many of them were allowed and would have been refused.
    pub would_refuse: u32,
    /// How many of them were refused and would have been allowed.
    pub would_allow: u32,
    /// Some of the first, newest first.
    pub refused: Vec<ReplayedDecision>,
    /// Some of the second, newest first.
    pub allowed: Vec<ReplayedDecision>,
}

/// A decision that would have gone the other way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReplayedDecision {
    /// Its event: `ledger:<stream>:<number>`.
    pub event: String,
    /// When.
    pub time: Time,
    /// For whom.
    pub subject: String,
    /// What was asked for.
    pub action: String,
    /// What the policies in force say to it now.
    pub now: PolicyAnswer,
    /// What would be said.
    pub would: PolicyAnswer,
}
