//! Join tokens: what lets a new agent in, made once, used a counted number of times.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Time;

/// A join token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JoinToken {
    /// Its public id, `jtk_…`.
    pub id: String,
    /// How many agents may use it.
    pub uses_max: i64,
    /// How many have.
    pub uses: i64,
    /// The selectors its agents get, `type:value` each.
    pub selectors: Vec<String>,
    /// A second parent its agents get: a SPIFFE ID.
    pub agent_alias: Option<String>,
    /// When it was made.
    pub created_at: Time,
    /// When it ends.
    pub expires_at: Time,
    /// Taken back by an administrator.
    pub revoked: bool,
}

/// A join token to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JoinTokenInput {
    /// How many agents may use it; 1 if not said.
    pub uses_max: i64,
    /// How long it is good for; an hour if not said.
    pub lifetime_seconds: i64,
    /// The selectors its agents get, `type:value` each.
    pub selectors: Vec<String>,
    /// A second parent its agents get: a SPIFFE ID.
    pub agent_alias: Option<String>,
}

impl Default for JoinTokenInput {
    fn default() -> Self {
        Self { uses_max: 1, lifetime_seconds: 3600, selectors: Vec::new(), agent_alias: None }
    }
}

/// A join token just made: the only document that carries its secret. It does not print itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NewJoinToken {
    /// What is kept of it.
    #[serde(flatten)]
    pub token: JoinToken,
    /// What an agent shows.
    pub secret: String,
    /// The whole join string: trust domain, address, token, and pins of the bundle's keys. `weft agent --join` takes it.
    pub join: String,
    /// Until when it is good. Where that is before the token ends, the server's authorities are replaced then by ones that
    /// the join string does not name; by hand that can happen sooner. An older server says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join_good_until: Option<Time>,
}

impl fmt::Debug for NewJoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewJoinToken").field("token", &self.token).finish_non_exhaustive()
    }
}
