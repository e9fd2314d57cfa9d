//! Who is contained.

use serde::{Deserialize, Serialize};

use super::Time;

/// Whom to contain, why, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewContainment {
    /// A device (`dev_…`), a person (`usr_…`), or a workload or application by its SPIFFE ID.
    pub subject: String,
    /// Why: a line.
    pub reason: String,
    /// For how long, in seconds: from a minute to thirty days.
    #[serde(default = "four_hours")]
    pub lifetime_seconds: i64,
}

/// Whom to release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReleaseQuery {
    /// As it was contained.
    pub subject: String,
    /// Why, for the log.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Somebody gets nothing for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Containment {
    /// Who: `dev_…`, `usr_…` or a SPIFFE ID.
    pub subject: String,
    /// Why.
    pub reason: String,
    /// Who said so: `usr_…` for a person, else a SPIFFE ID or `uid:` and the number of a user of the server's machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Since when.
    pub created_at: Time,
    /// Until when, if nobody releases it before.
    pub ends_at: Time,
}

const fn four_hours() -> i64 {
    4 * 3600
}
