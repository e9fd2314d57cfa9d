//! Devices, the tokens they enrol with, and what a device asks for itself.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Time;

/// A device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Device {
    /// The id, `dev_…`.
    pub id: String,
    /// The number in events, `sub_…`.
    pub number: String,
    /// `spiffe://<trust domain>/device/<id>`.
    pub spiffe_id: String,
    /// What it calls itself.
    pub name: String,
    /// What it says it runs.
    pub platform: String,
    /// What sort of machine it is.
    pub class: DeviceClass,
    /// The profile of the posture model that is for it.
    pub profile: Option<String>,
    /// The person it belongs to, `usr_…`.
    pub owner: Option<String>,
    /// Whether it may call.
    pub state: DeviceState,
    /// Why it is locked or retired, as an administrator said.
    pub reason: Option<String>,
    /// The level of its posture now: `unknown`, `quarantine`, `restricted`, `standard`, `trusted`. One that is locked or retired is
    /// `quarantine`, with a score of zero.
    #[serde(default)]
    pub level: String,
    /// The score of its posture now: 6235 is 62.35 of 100. Null where nothing is known.
    #[serde(default)]
    pub score_basis_points: Option<u16>,
    /// The serial number of its current SVID, lower-case hexadecimal; null for a machine that only reports.
    pub serial: Option<String>,
    /// The serial number that this one replaced; null after an enrolment.
    pub previous_serial: Option<String>,
    /// SHA-256 of the public key of its current SVID, lower-case hexadecimal.
    pub key_sha256: Option<String>,
    /// When that SVID was issued.
    pub issued_at: Option<Time>,
    /// When that SVID ends.
    pub expires_at: Option<Time>,
    /// How it was known, oldest first.
    pub evidence: Vec<DeviceEvidence>,
    /// When it has to enrol again.
    pub evidence_expires_at: Time,
    /// When it enrolled.
    pub created_at: Time,
    /// Counts the changes that administrators made; the entity tag.
    pub revision: i64,
}

/// Whether a device may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    /// Not yet: its owner asked for it, and an administrator has to approve.
    Waiting,
    /// It may.
    Enrolled,
    /// Not until it is released.
    Locked,
    /// Never again.
    Retired,
}

/// What sort of machine a device is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceClass {
    /// Carried around.
    Laptop,
    /// Stands on a desk.
    Desktop,
    /// Has nobody before it.
    Server,
    /// Anything else.
    #[default]
    Other,
}

/// Evidence of one sort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeviceEvidence {
    /// `enrolment` or `possession`.
    pub source: String,
    /// `claimed`, `software` or `hardware`.
    pub strength: String,
    /// Seen first.
    pub first_at: Time,
    /// Seen last.
    pub last_at: Time,
}

/// Which devices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeviceQuery {
    /// In this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<DeviceState>,
    /// Of this person, `usr_…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Whose posture is of this level now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Items on the page, 1 to 500; 100 if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Where to begin: `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Why something is done to a device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeviceReason {
    /// On one line; empty if nothing is said.
    pub reason: String,
}

/// A token that devices enrol with, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeviceToken {
    /// Its public id, `dtk_…`.
    pub id: String,
    /// How many devices may use it.
    pub uses_max: i64,
    /// How many have.
    pub uses: i64,
    /// What sort of machines they are.
    pub class: DeviceClass,
    /// The profile of the posture model that is for them.
    pub profile: Option<String>,
    /// The person they belong to, `usr_…`.
    pub owner: Option<String>,
    /// The device that is there already for which it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// When it was made.
    pub created_at: Time,
    /// When it ends.
    pub expires_at: Time,
    /// Taken back by an administrator.
    pub revoked: bool,
}

/// A token to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeviceTokenInput {
    /// How many devices may use it; 1 if not said.
    pub uses_max: i64,
    /// How long it is good for; an hour if not said.
    pub lifetime_seconds: i64,
    /// What sort of machines they are; `other` if not said.
    pub class: DeviceClass,
    /// The profile of the posture model that is for them.
    pub profile: Option<String>,
    /// The person they belong to, `usr_…`.
    pub owner: Option<String>,
    /// The device that is there already, `dev_…`, for which an osquery on it may speak; no other enrols with it.
    pub device: Option<String>,
}

impl Default for DeviceTokenInput {
    fn default() -> Self {
        Self {
            uses_max: 1,
            lifetime_seconds: 3600,
            class: DeviceClass::Other,
            profile: None,
            owner: None,
            device: None,
        }
    }
}

/// A token just made: the only document that carries its secret. It does not print itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NewDeviceToken {
    /// What is kept of it.
    #[serde(flatten)]
    pub token: DeviceToken,
    /// What a device shows.
    pub secret: String,
}

impl fmt::Debug for NewDeviceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewDeviceToken").field("token", &self.token).finish_non_exhaustive()
    }
}

/// A device that wants to come in. It does not print itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceEnrolment {
    /// The token's secret.
    pub token: String,
    /// A PKCS#10 signing request, as PEM or as base64 of its DER. Of it only the key is used.
    pub csr: String,
    /// What the device calls itself.
    pub name: String,
    /// What it says it runs: `linux`.
    pub platform: String,
}

impl fmt::Debug for DeviceEnrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceEnrolment").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A device that a person who signed in brings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonDeviceAsk {
    /// A PKCS#10 signing request, as PEM or as base64 of its DER. Of it only the key is used.
    pub csr: String,
    /// What the device calls itself.
    pub name: String,
    /// What it says it runs: `linux`.
    pub platform: String,
    /// What sort of machine it is.
    #[serde(default)]
    pub class: DeviceClass,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonDevice {
    /// The device, `dev_…`.
    pub id: String,
    /// `enrolled`, or `waiting` for an administrator: then the same is asked again, until it is.
    pub state: DeviceState,
    /// Its SVID, once it is enrolled.
    pub svid: Option<DeviceSvid>,
}

/// A new SVID, please, for the device that calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceRenewal {
    /// A PKCS#10 signing request for its next key, as PEM or as base64 of its DER. Of it only the key is used.
    pub csr: String,
}

/// An X.509-SVID of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeviceSvid {
    /// The device, `dev_…`.
    pub id: String,
    /// Whom it names.
    pub spiffe_id: String,
    /// Its certificates, leaf first, without the root, in PEM.
    pub chain: String,
    /// The roots of the trust domain, in PEM.
    pub bundle: String,
    /// When it ends.
    pub expires_at: Time,
    /// The issuer of its realm: whom alone the device answers when a browser on it is asked to show where it runs.
    pub issuer: String,
}

/// An agent that runs on the device that calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceAgent {
    /// The agent's X.509-SVID: its certificates, leaf first, in PEM.
    pub chain: String,
    /// What the agent signed with the key of that SVID: a compact JWS of the type `weft-on-device+jwt` with the claims `sub` (the
    /// agent), `aud` (the device), `iat` and `exp` (a minute later at most).
    pub statement: String,
}

/// An agent and its device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BoundAgent {
    /// The agent's SPIFFE ID.
    pub agent: String,
    /// The device, `dev_…`.
    pub device: String,
}
