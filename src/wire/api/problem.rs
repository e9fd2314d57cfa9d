//! A failure as RFC 9457 has it: read by clients, and one item of a batch's answer.

use serde::{Deserialize, Serialize};

/// Why a request, or one item of it, was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// Names the sort of problem: `urn:weft:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The sort of problem in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong here, and what would be right.
    #[serde(default)]
    pub detail: String,
    /// Stable and dotted, for programs.
    #[serde(default)]
    pub code: String,
    /// Names this request in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}
