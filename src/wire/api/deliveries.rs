//! What is to be delivered, and was not yet.

use serde::{Deserialize, Serialize};

use super::Time;

/// Something that the server tells somebody else: a letter, a client that somebody signed out, a provider whose tokens are
/// needed no more. Gone once it is delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Delivery {
    /// Its id.
    pub id: String,
    /// What it is: `mail`, `oauth.backchannel_logout` or `upstream.revocation`.
    pub kind: String,
    /// The client that it is for. Whom a letter is for is not said.
    pub client: Option<String>,
    /// How it stands.
    pub state: DeliveryState,
    /// When it was posted.
    pub created_at: Time,
    /// How often it was tried.
    pub tries: i64,
    /// When it is tried next; never, if it was given up.
    pub next_at: Option<Time>,
    /// What was wrong with the last try.
    pub last_error: Option<String>,
}

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// No try has failed.
    Waiting,
    /// A try failed, and another one will come.
    Failing,
    /// No other try will come by itself. It is kept for thirty days.
    GivenUp,
}
