//! Bundles: the public authorities of our trust domain and of foreign ones.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Time;

/// What is known of a bundle; the document itself has its own path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BundleSummary {
    /// Whose authorities.
    pub trust_domain: String,
    /// The realm's own: it follows the authorities and cannot be set.
    pub own: bool,
    /// Rises with every change of the bundle.
    pub sequence: u64,
    /// How often others should ask for it again; null if it does not say.
    pub refresh_hint_seconds: Option<i64>,
    /// How many X.509 authorities it has.
    pub x509_authorities: u64,
    /// How many JWT authorities it has.
    pub jwt_authorities: u64,
    /// When it last changed here.
    pub updated_at: Time,
}

/// A SPIFFE bundle document: a JWK set with two members of SPIFFE's own (SPIFFE Trust Domain and Bundle §4).
///
/// For the description and for reading. A foreign document is stored as it came, so a handler takes the bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BundleDocument {
    /// One JWK an authority; `use` is `x509-svid` or `jwt-svid`.
    #[schema(value_type = Vec<Object>)]
    pub keys: Vec<Value>,
    /// Rises with every change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spiffe_sequence: Option<u64>,
    /// How often to ask again, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spiffe_refresh_hint: Option<u64>,
}
