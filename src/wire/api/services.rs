//! Services that tell what they know of devices.

use serde::{Deserialize, Serialize};

use super::Time;

/// A service that tells what it knows of devices, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PostureService {
    /// Its name.
    pub name: String,
    /// Where it delivers to, at the door `public`.
    pub path: String,
    /// How what it sends is read: a document in TOML.
    pub mapping: String,
    /// Until when the secret before its newest one is live too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former_secret_ends_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// When it was changed last.
    pub updated_at: Time,
    /// Counts its changes.
    pub revision: i64,
}

/// A service to be made or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostureServiceInput {
    /// How what it sends is read: a document in TOML.
    pub mapping: String,
}

/// How a secret is replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PostureServiceRotation {
    /// For how long the former secret stays live; a day if not said, and not at all with 0.
    pub overlap_seconds: i64,
}

impl Default for PostureServiceRotation {
    fn default() -> Self {
        Self { overlap_seconds: 86_400 }
    }
}

/// A service, and its secret where one was made just now. It does not print itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PostureServiceMade {
    /// What is kept of it.
    #[serde(flatten)]
    pub service: PostureService,
    /// What it signs with, `whsec_…`: shown here and nowhere else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl std::fmt::Debug for PostureServiceMade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostureServiceMade").field("service", &self.service).finish_non_exhaustive()
    }
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PostureDelivery {
    /// The device that it is about.
    pub device: String,
    /// Whether it counts.
    pub outcome: PostureDelivered,
}

/// Whether a delivery counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PostureDelivered {
    /// What it says is what the service says from now on.
    Taken,
    /// It says nothing that is newer.
    Known,
}
