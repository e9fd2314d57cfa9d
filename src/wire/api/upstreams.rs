//! Upstreams: the identity providers that people sign in with, and what is made of what those say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Time;

/// An upstream, as the admin API shows it. Its client secret is never shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Upstream {
    /// Its name; part of its callback address.
    pub id: String,
    /// Rises by one with every change; also the entity tag.
    pub revision: i64,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
    /// The redirect URI to register at the provider.
    pub callback: String,
    /// True if a client secret is kept.
    pub has_secret: bool,
    /// What it says.
    pub settings: UpstreamSettings,
}

/// What an upstream shall be. Replaces all settings: what is not said is at its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpstreamInput {
    /// The settings.
    pub settings: UpstreamSettings,
    /// The client secret that the provider gave. Not said: the one that is kept stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
}

/// The settings of an upstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct UpstreamSettings {
    /// What people read on the button.
    pub display_name: String,
    /// The provider's issuer, letter by letter as its own metadata says it.
    pub issuer: String,
    /// The client id that the provider gave.
    pub client_id: String,
    /// How the client secret is shown at the token endpoint.
    #[serde(default)]
    pub client_authentication: ClientAuthentication,
    /// What is asked for; `openid` is always among it.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// With what the provider may sign ID tokens: `RS256`, `ES256` and their kin.
    #[serde(default = "algorithms")]
    pub algorithms: Vec<String>,
    /// Off: nobody comes through it, whatever is linked.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whether people sign in with it, or only link it to the account they have.
    #[serde(default)]
    pub usage: UpstreamUsage,
    /// E-mail domains whose people are sent here from the sign-in page.
    #[serde(default)]
    pub domains: Vec<String>,
    /// Standard claims, each by a CEL expression over `claims`. Empty: each as the provider says it.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// A CEL expression over `claims` that gives the provider's groups, a list of texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<String>,
    /// Which of the provider's groups are which of ours; others give nothing. What is gone there is gone here at the next
    /// sign-in.
    #[serde(default)]
    pub group_map: BTreeMap<String, String>,
    /// A CEL expression over `claims` that is true where the provider saw two factors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub two_factors: Option<String>,
    /// Whether the provider's word that an address is verified counts.
    #[serde(default)]
    pub email_trust: EmailTrust,
    /// The domains for which it counts, where `email_trust` is `domains`.
    #[serde(default)]
    pub email_domains: Vec<String>,
    /// Links an identity that nobody has to the account with the same address, if both sides have verified it.
    #[serde(default)]
    pub link_verified_email: bool,
    /// Makes an account for an identity that nobody has.
    #[serde(default)]
    pub create_accounts: bool,
    /// Only for verified addresses of these domains; empty: for all.
    #[serde(default)]
    pub create_domains: Vec<String>,
    /// Only for members of one of these groups of the provider; empty: for all.
    #[serde(default)]
    pub create_groups: Vec<String>,
    /// Whether the userinfo endpoint is asked, too.
    #[serde(default = "yes")]
    pub userinfo: bool,
    /// Keeps the provider's tokens, sealed.
    #[serde(default)]
    pub keep_tokens: bool,
    /// How far the provider's clock may be off, at most 60.
    #[serde(default = "skew_seconds")]
    pub skew_seconds: i64,
    /// Where the provider is, if it is in a private network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_private_network: Option<PrivateNetwork>,
}

/// How the client secret is shown (OpenID Connect Core §9).
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// In the `Authorization` header.
    #[default]
    ClientSecretBasic,
    /// In the body.
    ClientSecretPost,
    /// There is none: a public client.
    None,
}

/// What an upstream is for.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamUsage {
    /// Signing in, and linking.
    #[default]
    Login,
    /// Linking alone.
    LinkOnly,
}

/// Whether an upstream's `email_verified` counts.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum EmailTrust {
    /// Never.
    Never,
    /// Where it says true.
    #[default]
    IfTrue,
    /// Where it says true, for the domains named alone.
    Domains,
}

/// A provider in a private network: both must be named, and the server's own settings must allow the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PrivateNetwork {
    /// The network: `10.1.0.0/16`.
    pub network: String,
    /// Host and port that may be asked in it: `idp.example.org:443`.
    pub authority: String,
    /// Certificates in PEM that alone vouch for it; not said: those of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates: Option<String>,
}

/// What to try an upstream with: claims, or the id of a test that was begun. With neither the connection is tried, and a
/// browser may bring claims.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpstreamTestInput {
    /// Claims as the provider would say them: what is made of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub claims: Option<serde_json::Map<String, serde_json::Value>>,
    /// A test that was begun: what a browser brought for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
}

/// The tokens that an upstream gave for somebody; null where none are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UpstreamTokens {
    /// The access token.
    pub access_token: Option<String>,
    /// The refresh token.
    pub refresh_token: Option<String>,
}

/// What came of trying an upstream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UpstreamTest {
    /// What is wrong with the provider's metadata or keys, or null.
    pub connection: Option<String>,
    /// The key ids that the provider publishes now.
    #[serde(default)]
    pub keys: Vec<String>,
    /// Open this in a browser and sign in there: what the provider says of you is then shown for this `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The test's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Claims received, and what is made of them; null as long as there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<UpstreamTestOutcome>,
}

/// Claims, and what the mapping makes of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UpstreamTestOutcome {
    /// The claims received.
    #[schema(value_type = Object)]
    pub claims: serde_json::Map<String, serde_json::Value>,
    /// Attributes of the account.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// The address, if there is one.
    #[serde(default)]
    pub email: Option<String>,
    /// Whether it counts as verified.
    #[serde(default)]
    pub email_verified: bool,
    /// The provider's groups.
    #[serde(default)]
    pub upstream_groups: Vec<String>,
    /// Our groups that they give.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Whether two factors count as shown.
    #[serde(default)]
    pub two_factors: bool,
    /// What would happen to somebody who comes with these claims, in words.
    #[serde(default)]
    pub verdict: String,
    /// What was left out, and why.
    #[serde(default)]
    pub notes: Vec<String>,
}

fn scopes() -> Vec<String> {
    ["openid", "profile", "email"].map(str::to_owned).to_vec()
}

fn algorithms() -> Vec<String> {
    vec!["RS256".to_owned()]
}

const fn yes() -> bool {
    true
}

const fn skew_seconds() -> i64 {
    30
}
