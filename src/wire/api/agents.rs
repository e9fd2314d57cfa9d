//! Agents: nodes that were attested.

use serde::{Deserialize, Serialize};

use super::Time;

/// An attested agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Agent {
    /// Its number, `sub_…`: names it in paths and in events.
    pub number: String,
    /// `spiffe://<trust domain>/spire/agent/<attestor>/…`.
    pub spiffe_id: String,
    /// Which attestor vouched for it.
    pub attestation_type: String,
    /// What the attestor found, `type:value` each.
    pub selectors: Vec<String>,
    /// A second parent for entries, which its join token named.
    pub alias: Option<String>,
    /// The serial number of its newest SVID, lower-case hexadecimal.
    pub serial: String,
    /// When that SVID was issued.
    pub issued_at: Time,
    /// When that SVID ends.
    pub expires_at: Time,
    /// Refused until it is evicted.
    pub banned: bool,
    /// Its attestor can vouch for it again at any time.
    pub can_reattest: bool,
    /// When it was attested last.
    pub attested_at: Time,
    /// When its attestation is too old to renew by possession; null if it never is.
    pub evidence_expires_at: Option<Time>,
    /// The software it says it runs; null until it has said so.
    pub version: Option<String>,
    /// The device that its node runs on, `dev_…`; null where none was proven.
    #[serde(default)]
    pub device: Option<String>,
    /// It holds a push stream to this server now.
    pub connected: bool,
    /// How old its view of its entries is; null where it is not known here.
    pub view_age_seconds: Option<i64>,
}

/// Which agents.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AgentQuery {
    /// With exactly this SPIFFE ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spiffe_id: Option<String>,
    /// Vouched for by this attestor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation_type: Option<String>,
    /// Banned, or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub banned: Option<bool>,
    /// Items on the page, 1 to 500; 100 if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Where to begin: `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}
