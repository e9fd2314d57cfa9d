//! A score with everything that made it: `weft posture score --output json` prints it, and
//! a device is told it.

use serde::{Deserialize, Serialize};

use crate::wire::api::Time;

/// One score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ScoredDocument {
    /// The score, gates included: 6235 is 62.35 of 100.
    pub score_basis_points: u16,
    /// `trusted`, `standard`, `restricted` or `quarantine`.
    pub level: String,
    /// How much of it stands on evidence.
    pub confidence_basis_points: u16,
    /// What it would be without gates.
    pub ungated_basis_points: u16,
    /// What the gates took beyond the signals' losses.
    pub gate_loss_basis_points: u16,
    /// What it was made with.
    pub model: ScoredModel,
    /// For which moment.
    pub evaluated_at: Time,
    /// When a gate's evidence ends; absent where no gate knows anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_ends: Option<Time>,
    /// Each signal of the profile, in its order. Their losses, the gates' and the score add up to 10000.
    pub signals: Vec<ScoredSignal>,
    /// The gates that fired.
    pub gates: Vec<ScoredGate>,
    /// What helps most, best first.
    pub improvements: Vec<ScoredImprovement>,
    /// What a credential would get.
    pub lifetime: ScoredLifetime,
}

/// The model behind a score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ScoredModel {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// SHA-256 of its document.
    pub digest: String,
    /// Which of its profiles.
    pub profile: String,
}

/// What one signal did to the score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ScoredSignal {
    /// The signal.
    pub signal: String,
    /// Its weight.
    pub weight_basis_points: u16,
    /// How good it is; absent where nothing is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_basis_points: Option<u16>,
    /// How hard it is to fake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// How old it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<i64>,
    /// What its word is worth now: class and freshness.
    pub worth_basis_points: u16,
    /// What it took.
    pub loss_basis_points: u16,
    /// Why: `good`, `failing`, `weak`, `stale`, `unknown`.
    pub reason: String,
    /// What was seen, or why nothing is known.
    pub seen: String,
    /// The evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// A gate that fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ScoredGate {
    /// The gate.
    pub gate: String,
    /// What it caps the score to, in points.
    pub cap_points: u16,
    /// True if it fired because nothing is known.
    pub unknown: bool,
}

/// One thing to do, and where it leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ScoredImprovement {
    /// The signal to mend.
    pub signal: String,
    /// What to do.
    pub remedy: String,
    /// The score afterwards.
    pub score_basis_points: u16,
    /// The gates that hold it down even then.
    pub held_by: Vec<String>,
}

/// What a credential bound to the device would get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ScoredLifetime {
    /// By this score.
    pub seconds: i64,
    /// The shortest and the longest that were asked for.
    pub shortest_seconds: i64,
    /// See `shortest_seconds`.
    pub longest_seconds: i64,
    /// If the device's own hardware vouched for every reading: the score, and the lifetime.
    pub attested_score_basis_points: u16,
    /// See `attested_score_basis_points`.
    pub attested_seconds: i64,
}
