//! Sessions of people's browsers.

use serde::{Deserialize, Serialize};

use super::Time;

/// Whose sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SessionQuery {
    /// The person, `usr_…`.
    pub user: String,
}

/// A browser that is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Session {
    /// Its id, `ses_…`; `sid` in tokens.
    pub id: String,
    /// Whose it is, `usr_…`.
    pub user: String,
    /// How sure the sign-in was: `aal1`, `aal2` or `aal3`.
    pub assurance: String,
    /// What was shown.
    pub methods: Vec<String>,
    /// The provider that vouched.
    pub upstream: Option<String>,
    /// The device that the browser proved it runs on, `dev_…`.
    pub device: Option<String>,
    /// Where the browser was.
    pub address: String,
    /// What the browser called itself.
    pub agent: String,
    /// When it began.
    pub created_at: Time,
    /// When something was last shown.
    pub signed_in_at: Time,
    /// When it was last used, to the minute.
    pub used_at: Time,
    /// When it ends, if it is not used before.
    pub expires_at: Time,
}
