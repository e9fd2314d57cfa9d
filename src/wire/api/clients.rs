//! OAuth clients: the applications that may ask for tokens.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Time;

/// A client, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Client {
    /// `client_id`.
    pub id: String,
    /// Its number in events, `sub_…`.
    pub number: String,
    /// What people are shown.
    pub name: String,
    /// `web`, `spa`, `native` or `machine`.
    pub profile: String,
    /// `client_secret_basic`, `client_secret_post` or `none`; null: the secret either way.
    pub token_endpoint_auth_method: Option<String>,
    /// What signs its ID tokens: `RS256` or `ES256`.
    pub id_token_signed_response_alg: String,
    /// What signs access tokens for it.
    pub access_token_signed_response_alg: String,
    /// Where answers may go.
    pub redirect_uris: Vec<String>,
    /// Where a browser may go after signing out.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where it hears that a session ended.
    pub backchannel_logout_uri: Option<String>,
    /// The scopes it may ask for.
    pub scopes: Vec<String>,
    /// The resources it may ask tokens for.
    pub resources: Vec<ClientResource>,
    /// Its tokens may call the admin API.
    pub administration: bool,
    /// The upstream providers its people may come through; null: all.
    pub upstreams: Option<Vec<String>>,
    /// `ask` or `first_party`.
    pub consent: String,
    /// A refresh token is used once.
    pub rotates_refresh_tokens: bool,
    /// Rules of the profile that it is excused from, each with the reason.
    pub relaxed: BTreeMap<String, String>,
    /// False: nothing is given to it.
    pub enabled: bool,
    /// How many secrets count now.
    pub secrets: usize,
    /// When it was made.
    pub created_at: Time,
    /// When it was changed last.
    pub updated_at: Time,
    /// How often it was written.
    pub revision: i64,
}

/// A resource that a client may ask tokens for (RFC 8707).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientResource {
    /// Its identifier, which becomes the token's audience.
    pub uri: String,
    /// The scopes it knows.
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// What is said of a client. What is not said has the profile's default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClientInput {
    /// `client_id`; one is made if none is said.
    pub id: Option<String>,
    /// What people are shown.
    pub name: String,
    /// `web`, `spa`, `native` or `machine`.
    pub profile: String,
    /// `client_secret_basic`, `client_secret_post` or `none`; null: the secret either way.
    pub token_endpoint_auth_method: Option<String>,
    /// What signs its ID tokens; `RS256` if not said.
    pub id_token_signed_response_alg: Option<String>,
    /// What signs access tokens for it; `ES256` if not said.
    pub access_token_signed_response_alg: Option<String>,
    /// Where answers may go, each address whole.
    pub redirect_uris: Vec<String>,
    /// Where a browser may go after signing out.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where it hears that a session ended.
    pub backchannel_logout_uri: Option<String>,
    /// The scopes it may ask for; the standard ones of OpenID Connect if not said.
    pub scopes: Option<Vec<String>>,
    /// The resources it may ask tokens for.
    pub resources: Vec<ClientResource>,
    /// Its tokens may call the admin API.
    pub administration: bool,
    /// The upstream providers its people may come through; all if not said.
    pub upstreams: Option<Vec<String>>,
    /// `ask` (if not said) or `first_party`.
    pub consent: Option<String>,
    /// A refresh token is used once; true if not said.
    pub rotates_refresh_tokens: Option<bool>,
    /// Rules of the profile that it is excused from, each with the reason: `pkce`, `https_redirects`,
    /// `refresh_rotation`, `people_only`.
    pub relaxed: BTreeMap<String, String>,
    /// False: nothing is given to it.
    pub enabled: bool,
}

impl Default for ClientInput {
    fn default() -> Self {
        Self {
            id: None,
            name: String::new(),
            profile: String::new(),
            token_endpoint_auth_method: None,
            id_token_signed_response_alg: None,
            access_token_signed_response_alg: None,
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            scopes: None,
            resources: Vec::new(),
            administration: false,
            upstreams: None,
            consent: None,
            rotates_refresh_tokens: None,
            relaxed: BTreeMap::new(),
            enabled: true,
        }
    }
}

/// What is there, as it would be said anew.
impl From<Client> for ClientInput {
    fn from(client: Client) -> Self {
        Self {
            id: Some(client.id),
            name: client.name,
            profile: client.profile,
            token_endpoint_auth_method: client.token_endpoint_auth_method,
            id_token_signed_response_alg: Some(client.id_token_signed_response_alg),
            access_token_signed_response_alg: Some(client.access_token_signed_response_alg),
            redirect_uris: client.redirect_uris,
            post_logout_redirect_uris: client.post_logout_redirect_uris,
            backchannel_logout_uri: client.backchannel_logout_uri,
            scopes: Some(client.scopes),
            resources: client.resources,
            administration: client.administration,
            upstreams: client.upstreams,
            consent: Some(client.consent),
            rotates_refresh_tokens: Some(client.rotates_refresh_tokens),
            relaxed: client.relaxed,
            enabled: client.enabled,
        }
    }
}

/// A client with a secret that was made just now: the only document that carries it. It does not print itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NewClient {
    /// What is kept of it.
    #[serde(flatten)]
    pub client: Client,
    /// The secret; null for a client without authentication.
    pub client_secret: Option<String>,
}

impl fmt::Debug for NewClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewClient").field("client", &self.client).finish_non_exhaustive()
    }
}

/// How a secret is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RotateSecret {
    /// Whether the secret before it counts until the next rotation; true if not said.
    pub keep_previous: bool,
}

impl Default for RotateSecret {
    fn default() -> Self {
        Self { keep_previous: true }
    }
}
