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

/// Whose sessions, a page at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SessionListQuery {
    /// The person, `usr_…`.
    pub user: String,
    /// Items on the page, 1 to 500; 100 if not said. A page has fewer where sessions on it were taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Where to begin: `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
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
