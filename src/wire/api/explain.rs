//! Why a workload gets the identities it gets, or none.

use serde::{Deserialize, Serialize};

use super::Time;

/// A question about a workload with these selectors, at this agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExplainRequest {
    /// What was attested of the workload, `type:value` each.
    pub selectors: Vec<String>,
    /// The agent: its SPIFFE ID or its number. Without it, every agent of the realm is judged, and an entry counts as
    /// reachable if any of them may use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// How many near misses to list, 1 to 50; 5 if not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest_max: Option<usize>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Explanation {
    /// The answer in one sentence.
    pub summary: String,
    /// What was asked about, sorted, each once.
    pub selectors: Vec<String>,
    /// The agent that was judged; null if every agent was.
    pub agent: Option<ExplainedAgent>,
    /// The identities such a workload gets.
    pub granted: Vec<ExplainedEntry>,
    /// Entries that come nearest without matching, the nearest first.
    pub nearest: Vec<NearEntry>,
}

/// What is known of the agent in question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ExplainedAgent {
    /// Its number.
    pub number: String,
    /// Its SPIFFE ID.
    pub spiffe_id: String,
    /// Its alias, and the IDs of the node entries it matches: entries under these are its own too.
    pub aliases: Vec<String>,
    /// What its attestor found.
    pub selectors: Vec<String>,
    /// Banned: it gets nothing.
    pub banned: bool,
    /// When its SVID ends.
    pub expires_at: Time,
    /// It holds a push stream to this server now.
    pub connected: bool,
    /// How old its view of its entries is; null where it is not known here.
    pub view_age_seconds: Option<i64>,
}

/// An entry that matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ExplainedEntry {
    /// Its id.
    pub id: String,
    /// The identity it gives.
    pub spiffe_id: String,
    /// Under whom.
    pub parent_id: String,
    /// Its selectors, all of which were attested.
    pub selectors: Vec<String>,
}

/// An entry that does not match, and why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NearEntry {
    /// Its id.
    pub id: String,
    /// The identity it would give.
    pub spiffe_id: String,
    /// Under whom.
    pub parent_id: String,
    /// Its selectors that were attested.
    pub matched: Vec<String>,
    /// Its selectors that were not.
    pub missing: Vec<String>,
    /// Everything that stands in the way, the first to be mended first.
    pub obstacles: Vec<Obstacle>,
}

/// What stands between a workload and an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// The entry asks for selectors that were not attested.
    MissingSelectors,
    /// The entry hangs under a parent that this agent is not and does not reach.
    OtherParent,
    /// The entry's parent is an entry or agent that does not exist.
    ParentUnknown,
    /// The entry's time is over.
    Expired,
    /// The entry's SVID goes into a store, not to workloads.
    StoreOnly,
    /// Policy refuses to issue it.
    PolicyDenies,
}
