//! An OAuth client: what it is, and what its profile lets it do (RFC 6749 §2, RFC 7591 §2, RFC 9700).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::redirect_uri::RedirectUri;
use crate::crypto::jose::JwsAlgorithm;
use crate::kernel::{ClientId, SubjectId, Timestamp, UpstreamId};

/// What sort of application it is; the sort fixes the rules (RFC 9700 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Profile {
    /// Runs on a server that keeps a secret: authorization code and refresh token.
    Web,
    /// Runs in a browser: no secret, PKCE, refresh tokens that rotate.
    Spa,
    /// Runs on a person's machine: as `Spa`, with loopback and private-scheme redirects (RFC 8252).
    Native,
    /// Acts for itself: client credentials.
    Machine,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Web, Self::Spa, Self::Native, Self::Machine];

    /// The name on the wire and in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Spa => "spa",
            Self::Native => "native",
            Self::Machine => "machine",
        }
    }

    /// Reads the name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == text)
    }

    /// True where a secret could be read by whoever has the program (RFC 6749 §2.1, public client).
    pub const fn is_public(self) -> bool {
        matches!(self, Self::Spa | Self::Native)
    }

    /// True where it acts for people.
    pub const fn has_people(self) -> bool {
        !matches!(self, Self::Machine)
    }
}

/// A rule of a profile that one client may be excused from, with the reason on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// An authorization request has a PKCE challenge.
    Pkce,
    /// A redirect goes to `https`, or to this machine.
    HttpsRedirects,
    /// A public client's refresh token is used once.
    RefreshRotation,
    /// Only a machine asks for tokens in its own name.
    PeopleOnly,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Pkce, Self::HttpsRedirects, Self::RefreshRotation, Self::PeopleOnly];

    /// The name on the wire and in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pkce => "pkce",
            Self::HttpsRedirects => "https_redirects",
            Self::RefreshRotation => "refresh_rotation",
            Self::PeopleOnly => "people_only",
        }
    }

    /// Reads the name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == text)
    }
}

/// How a client shows at the token endpoint who it is (RFC 7591 §2, `token_endpoint_auth_method`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthMethod {
    /// HTTP Basic with the secret, and nothing else.
    SecretBasic,
    /// The secret in the form, and nothing else.
    SecretPost,
    /// The secret either way: what a registration means that names no method.
    Secret,
    /// Not at all: a public client.
    None,
}

impl AuthMethod {
    /// The registered name; `Secret` has none.
    pub const fn as_str(self) -> Option<&'static str> {
        match self {
            Self::SecretBasic => Some("client_secret_basic"),
            Self::SecretPost => Some("client_secret_post"),
            Self::Secret => None,
            Self::None => Some("none"),
        }
    }

    /// Reads a registered name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::SecretBasic, Self::SecretPost, Self::None]
            .into_iter()
            .find(|method| method.as_str() == Some(text))
    }
}

/// Whether people are asked what a client may have of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConsentPolicy {
    /// Once for each set of scopes and each resource.
    Ask,
    /// Never, but where the client itself demands it: an application of the organisation's own.
    FirstParty,
}

impl ConsentPolicy {
    /// The name on the wire and in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::FirstParty => "first_party",
        }
    }

    /// Reads the name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Ask, Self::FirstParty].into_iter().find(|policy| policy.as_str() == text)
    }
}

/// A protected resource that a client may ask tokens for (RFC 8707).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its identifier: an absolute URI without fragment, which becomes the token's audience.
    pub uri: String,
    /// The scopes it knows.
    pub scopes: BTreeSet<String>,
}

/// What an administrator says of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// What people are shown.
    pub name: String,
    /// Its sort.
    pub profile: Profile,
    /// How it authenticates.
    pub auth_method: AuthMethod,
    /// Signs its ID and logout tokens.
    pub id_token_algorithm: JwsAlgorithm,
    /// Signs access tokens for it.
    pub access_token_algorithm: JwsAlgorithm,
    /// Where answers may go.
    pub redirect_uris: Vec<RedirectUri>,
    /// Where a browser may go after signing out.
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Where it wants to hear that a session ended (OpenID Connect Back-Channel Logout §2.2).
    pub backchannel_logout_uri: Option<String>,
    /// The scopes it may ask for, beside those of its resources.
    pub scopes: BTreeSet<String>,
    /// The resources it may ask tokens for.
    pub resources: Vec<Resource>,
    /// True if its tokens may call the admin API.
    pub administration: bool,
    /// The upstream providers its people may come through; all where nothing is said.
    pub upstreams: Option<BTreeSet<UpstreamId>>,
    /// Whether people are asked.
    pub consent: ConsentPolicy,
    /// Whether a refresh token is used once.
    pub rotates_refresh_tokens: bool,
    /// The rules it is excused from, and why.
    pub relaxed: BTreeMap<Rule, String>,
    /// False: nothing is given to it.
    pub enabled: bool,
}

impl Terms {
    /// True if it is excused from this rule.
    pub fn is_excused(&self, rule: Rule) -> bool {
        self.relaxed.contains_key(&rule)
    }

    /// True if an authorization request without a PKCE challenge is refused: also of a client with a secret, which a code that
    /// somebody else's browser brings in would be shown with (RFC 9700 §2.1.1, §4.5).
    pub fn needs_pkce(&self) -> bool {
        self.allows(GrantType::AuthorizationCode) && !self.is_excused(Rule::Pkce)
    }

    /// True if it may use this grant.
    pub fn allows(&self, grant: GrantType) -> bool {
        match grant {
            GrantType::AuthorizationCode | GrantType::RefreshToken => self.profile.has_people(),
            GrantType::ClientCredentials => {
                self.auth_method != AuthMethod::None
                    && (self.profile == Profile::Machine || self.is_excused(Rule::PeopleOnly))
            }
        }
    }

    /// The resource of this identifier, if it may ask for it.
    pub fn resource(&self, uri: &str) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.uri == uri)
    }
}

/// A way to get tokens (RFC 6749 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GrantType {
    /// §4.1.
    AuthorizationCode,
    /// §6.
    RefreshToken,
    /// §4.4.
    ClientCredentials,
}

impl GrantType {
    /// All that are supported.
    pub const ALL: [Self; 3] =
        [Self::AuthorizationCode, Self::RefreshToken, Self::ClientCredentials];

    /// The value of `grant_type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
        }
    }

    /// Reads the value.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.as_str() == text)
    }
}

/// A client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// `client_id`.
    pub id: ClientId,
    /// Its number in events.
    pub number: SubjectId,
    /// What an administrator said of it.
    pub terms: Terms,
    /// SHA-256 of its secret.
    pub secret: Option<[u8; 32]>,
    /// SHA-256 of the secret that takes the other's place; both count meanwhile.
    pub next_secret: Option<[u8; 32]>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// How often.
    pub revision: i64,
}

/// A client as the index gives it.
pub type SharedClient = Arc<Client>;

/// Scopes of people that every client with people may ask for, unless its registration says which.
pub(super) const USUAL_SCOPES: [&str; 6] =
    ["openid", "profile", "email", "address", "phone", "offline_access"];
