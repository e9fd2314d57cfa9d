//! What a device is answered to its report, and what is known of a device.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ScoredDocument;
use crate::wire::api::Time;

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportOutcome {
    /// It is what is known of the device from now on.
    Taken,
    /// It was taken before.
    Known,
    /// A later one is held: this one counts nothing.
    Older,
}

/// The answer to a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReportAnswer {
    /// What became of it.
    pub outcome: ReportOutcome,
    /// The same in words.
    pub detail: String,
    /// The score of what is held now: 6235 is 62.35 of 100.
    pub score_basis_points: u16,
    /// The level that the device holds: `trusted`, `standard`, `restricted` or `quarantine`.
    pub level: String,
    /// A better level that has to last first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rising_to: Option<String>,
    /// How much of the score stands on evidence.
    pub confidence_basis_points: u16,
    /// The model that made it: name, version, and SHA-256 of its document.
    #[serde(default)]
    pub model: String,
    /// What costs most and can be mended at the device, most first.
    pub fix: Vec<ReportFix>,
    /// When to report again.
    pub report_in_seconds: i64,
}

/// Something to mend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReportFix {
    /// The signal.
    pub signal: String,
    /// What it takes from the score.
    pub loss_basis_points: u16,
    /// What to do.
    pub remedy: String,
}

/// What is known of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DevicePosture {
    /// The device, `dev_…`.
    pub device: String,
    /// Its level now; `unknown` where it never reported.
    pub level: String,
    /// A better level that has to last first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rising_to: Option<String>,
    /// Why, what hurts most first.
    pub reasons: Vec<String>,
    /// Who says something of it.
    #[serde(default)]
    pub sources: Vec<PostureSource>,
    /// When its newest report was made, by its own clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collected_at: Option<Time>,
    /// When that came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<Time>,
    /// SHA-256 of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_sha256: Option<String>,
    /// What the device says that it is.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
    /// Its score now, with everything that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scored: Option<ScoredDocument>,
    /// Its score over time, oldest first: at each change of the level, and once an hour.
    #[serde(default)]
    pub history: Vec<ScoreThen>,
    /// Between two reports of it.
    pub report_every_seconds: i64,
}

/// A source of what is known of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PostureSource {
    /// `collector`, `osquery`, or `service:` and the name of a service.
    pub source: String,
    /// What is believed of its word at most.
    pub class: String,
    /// When the newest of it was seen, by its own clock.
    pub collected_at: Time,
    /// When that came.
    pub received_at: Time,
    /// SHA-256 of it.
    pub report_sha256: String,
    /// How many signals it tells that the model counts.
    pub signals: u32,
}

/// A score at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ScoreThen {
    /// When.
    pub at: Time,
    /// The score.
    pub score_basis_points: u16,
    /// The level.
    pub level: String,
}
