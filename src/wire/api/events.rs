//! Events: what happened, newest first.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Time;

/// One fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Event {
    /// Where it was numbered: a stream of a server's start, `db`, or `change`.
    pub stream: String,
    /// Its number in that stream.
    pub number: u64,
    /// When it happened.
    pub time: Time,
    /// What happened, dotted: `svid.x509_issued`.
    pub kind: String,
    /// To whom: `sub_…`.
    pub subject: Option<String>,
    /// By whom: `sub_…`.
    pub actor: Option<String>,
    /// What is told of the subject; empty if erased.
    #[schema(value_type = Object)]
    pub about: Map<String, Value>,
    /// What is told of the actor; empty if erased.
    #[schema(value_type = Object)]
    pub by: Map<String, Value>,
    /// The subject's part was erased, or its key is gone.
    pub about_erased: bool,
    /// The actor's part was erased, or its key is gone.
    pub by_erased: bool,
}

/// Which events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// Of exactly this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// About this subject: `sub_…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// At or after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>, format = DateTime)]
    pub since: Option<Time>,
    /// Before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>, format = DateTime)]
    pub until: Option<Time>,
    /// Items on the page, 1 to 500; 100 if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Where to begin: `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}
