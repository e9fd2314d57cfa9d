//! A person's SVIDs: what the command line asks for, and what it gets.

use serde::{Deserialize, Serialize};

use super::Time;

/// An X.509-SVID, please.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonX509Ask {
    /// A PKCS#10 signing request, as PEM or as base64 of its DER. Of it only the key is used.
    pub csr: String,
    /// How long it shall live, in seconds; not said: as long as policy and session allow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime_seconds: Option<i64>,
}

/// An X.509-SVID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonX509Svid {
    /// Whom it names.
    pub spiffe_id: String,
    /// Its certificates, leaf first, without the root, in PEM.
    pub chain: String,
    /// The roots of the trust domain, in PEM.
    pub bundle: String,
    /// When it ends.
    pub expires_at: Time,
    /// When the sign-in behind it ends, at the latest: nothing can be had after that.
    pub session_expires_at: Time,
}

/// A JWT-SVID, please.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonJwtAsk {
    /// For whom it shall be.
    pub audience: Vec<String>,
    /// How long it shall live, in seconds; not said: five minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime_seconds: Option<i64>,
}

/// A JWT-SVID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonJwtSvid {
    /// Whom it names.
    pub spiffe_id: String,
    /// The token, in compact form.
    pub token: String,
    /// When it ends.
    pub expires_at: Time,
}
