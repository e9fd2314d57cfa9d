//! Authorities: the realm's signing keys in their slots.

use serde::{Deserialize, Serialize};

use super::Time;

/// A signing key with one purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Authority {
    /// Its id, `aut_…`.
    pub id: String,
    /// What it signs.
    pub purpose: AuthorityPurpose,
    /// Its slot.
    pub state: AuthorityState,
    /// Nothing new may depend on it: SVIDs under it are renewed early.
    pub tainted: bool,
    /// Its signature algorithm, as JOSE names it: `ES256`.
    pub algorithm: String,
    /// The key id: in tokens and JWKs, and the subject key identifier of a certificate in hexadecimal.
    pub key_id: String,
    /// From when on it is good.
    pub not_before: Time,
    /// Until when it is good.
    pub not_after: Time,
    /// When it was made.
    pub created_at: Time,
    /// When it began to sign; null if it does not sign.
    pub activated_at: Option<Time>,
    /// Which connected agents have it in their bundle.
    pub seen: Seen,
}

/// How many of the connected agents have applied a bundle with this authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Seen {
    /// Connected agents that have it.
    pub by: u64,
    /// Connected agents.
    pub connected: u64,
}

/// What an authority signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub enum AuthorityPurpose {
    /// X.509-SVIDs.
    #[serde(rename = "x509")]
    X509,
    /// JWT-SVIDs.
    #[serde(rename = "jwt-svid")]
    JwtSvid,
    /// OpenID tokens.
    #[serde(rename = "oidc")]
    Oidc,
}

impl AuthorityPurpose {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::X509, Self::JwtSvid, Self::Oidc];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::X509 => "x509",
            Self::JwtSvid => "jwt-svid",
            Self::Oidc => "oidc",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == name)
    }
}

/// An authority's slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthorityState {
    /// In the bundle, and does not sign yet.
    Prepared,
    /// Signs.
    Active,
    /// Signs no more; in the bundle until what it signed has ended.
    Old,
    /// Out of the bundle before its end: what it signed is refused.
    Revoked,
}

impl AuthorityState {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prepared => "prepared",
            Self::Active => "active",
            Self::Old => "old",
            Self::Revoked => "revoked",
        }
    }
}

/// Prepare a new authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PrepareAuthority {
    /// What it shall sign.
    pub purpose: AuthorityPurpose,
    /// What it shall sign with; `ES256` where it is not said. `RS256` is for OpenID tokens alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<AuthorityAlgorithm>,
}

/// What an authority can sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub enum AuthorityAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// RSA PKCS#1 v1.5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
}

impl AuthorityAlgorithm {
    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "ES256" => Some(Self::Es256),
            "RS256" => Some(Self::Rs256),
            _ => None,
        }
    }
}

/// Let a prepared authority sign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ActivateAuthority {
    /// Also before it was published for as long as it has to be: agents that were off meanwhile are then locked out, and other
    /// verifiers may meet a key they do not know.
    pub force: bool,
}
