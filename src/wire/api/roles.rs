//! Roles: who holds which, and on what path.

use serde::{Deserialize, Serialize};

/// One role given to one holder. The same document goes in and comes out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleBinding {
    /// Its name in the realm, the client's choice.
    pub name: String,
    /// Who holds it: a SPIFFE ID, or `uid:<number>` for a user of the server's own machine.
    pub holder: String,
    /// Which role.
    pub role: RoleName,
    /// For a registrar: the SPIFFE ID at and below which it registers. Null for the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// For a registrar: `create`, `update`, `delete`, `admin`, `downstream`, `dns_names`, `federation`, `lifetime`,
    /// `parents`. Empty for the first three, and for the other roles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rights: Vec<String>,
}

/// What one holder holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RoleGrant {
    /// Which role.
    pub role: RoleName,
    /// A registrar's path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A registrar's rights.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rights: Vec<String>,
}

/// A role's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleName {
    /// Reads configuration.
    Viewer,
    /// Keeps agents, join tokens and authorities going.
    Operator,
    /// Keeps the entries below a path.
    Registrar,
    /// Reads what happened.
    Auditor,
    /// Holds the realm.
    Admin,
}

impl RoleName {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Viewer, Self::Operator, Self::Registrar, Self::Auditor, Self::Admin];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Registrar => "registrar",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}
