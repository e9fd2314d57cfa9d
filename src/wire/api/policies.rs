//! Policies: Cedar documents by name; the realm's own take the place of shipped ones of the same name.

use serde::{Deserialize, Serialize};

/// A policy document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub origin: PolicyOrigin,
    /// The document, in Cedar.
    pub text: String,
    /// The text of the shipped policy whose place it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipped_text: Option<String>,
}

/// Where a policy comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PolicyOrigin {
    /// Part of this release.
    Shipped,
    /// Written in this realm.
    Realm,
    /// Written in this realm, in the place of a shipped one.
    Replaced,
}

impl PolicyOrigin {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shipped => "shipped",
            Self::Realm => "realm",
            Self::Replaced => "replaced",
        }
    }
}

/// A policy document to be stored; it is checked against the published schema first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyInput {
    /// The document, in Cedar.
    pub text: String,
}
