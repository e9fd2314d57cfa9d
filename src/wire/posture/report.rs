//! What a device says of itself: `weft device posture --output json` prints it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::wire::api::Time;

/// The form of a report that this program writes and reads.
pub const FORMAT: &str = "weft-posture-1";

/// One report. Fields that are not known are skipped, so that a newer agent may say more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Report {
    /// [`FORMAT`].
    pub format: String,
    /// When it was made, by the device's clock.
    pub collected_at: Time,
    /// `linux`.
    pub platform: String,
    /// What the device is, for people and for inventories; nothing of it is scored.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
    /// What was looked at.
    pub signals: Vec<ReportedSignal>,
}

/// One signal: a value, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReportedSignal {
    /// Its name.
    pub signal: String,
    /// How good it is, in basis points: 10000 is as it should be. Absent where it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<u16>,
    /// How hard the reporter says it is to fake. Whoever takes a report believes no more than how it came allows.
    pub class: String,
    /// When it was looked at.
    pub at: Time,
    /// Where: a path, a service.
    pub source: String,
    /// What was seen.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub seen: String,
    /// Why nothing is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}
