//! Realms: one trust domain and one issuer each.

use serde::{Deserialize, Serialize};

use super::Time;

/// A realm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Realm {
    /// Its number on this server.
    pub id: i64,
    /// Its name, in paths and in `Weft-Realm`.
    pub name: String,
    /// Its SPIFFE trust domain.
    pub trust_domain: String,
    /// Its OpenID issuer.
    pub issuer: String,
    /// The host names that choose it where a server has several realms.
    pub hosts: Vec<String>,
    /// When it was made.
    pub created_at: Time,
}

/// What a realm's pages say of themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Brand {
    /// What it is called, on every page: 1 to 40 characters.
    pub name: String,
    /// The colour of buttons and links, `#rrggbb`, with a contrast of 4.5 to white pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accent: Option<String>,
    /// The same on dark pages; without, `accent` is used there too, and must be read there as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accent_dark: Option<String>,
    /// Its sign: PNG, WebP, or SVG of shapes alone, in base64, at most 64 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo: Option<String>,
}

/// A realm to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RealmInput {
    /// Its name, unique on the server.
    pub name: String,
    /// Its SPIFFE trust domain, fixed for ever.
    pub trust_domain: String,
    /// Its OpenID issuer, an `https` URL.
    pub issuer: String,
    /// The host names that choose it.
    #[serde(default)]
    pub hosts: Vec<String>,
}
