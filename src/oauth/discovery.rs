//! What the provider says of itself (OpenID Connect Discovery §3, RFC 8414 §2).

use serde_json::{Value, json};

use url::Url;

use super::Oauth;
use super::client::{GrantType, USUAL_SCOPES};
use crate::accounts::claims_supported;
use crate::kernel::Assurance;
use crate::realms::Realm;

impl Oauth {
    /// What this realm's provider says of itself.
    pub(super) fn discovery(&self, realm: &Realm) -> Value {
        let mut document = document(realm.issuer.as_str());
        let base = self.mtls.get().and_then(|place| place.base(realm.issuer.as_str()));
        if let (Some(base), Some(members)) = (base, document.as_object_mut()) {
            // RFC 8705 §5.
            let aliases = json!({ "token_endpoint": format!("{base}/token") });
            members.insert("mtls_endpoint_aliases".to_owned(), aliases);
        }
        document
    }
}

/// Where the door `mtls` is, seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MtlsPlace {
    /// `host:port`, as the settings say.
    Advertised(String),
    /// At this port of the issuer's host.
    Port(u16),
}

impl MtlsPlace {
    fn base(&self, issuer: &str) -> Option<String> {
        match self {
            Self::Advertised(place) => Some(format!("https://{place}")),
            Self::Port(port) => {
                let mut url = Url::parse(issuer).ok()?;
                url.set_port(Some(*port)).ok()?;
                Some(url.origin().ascii_serialization())
            }
        }
    }
}

fn document(issuer: &str) -> Value {
    let at = |path: &str| format!("{issuer}/{path}");
    let mut claims =
        vec!["iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash"];
    claims.extend(claims_supported());
    let algorithms = ["RS256", "ES256"];
    let methods = ["client_secret_basic", "client_secret_post"];
    json!({
        "issuer": issuer,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("token"),
        "userinfo_endpoint": at("userinfo"),
        "jwks_uri": at("jwks"),
        "introspection_endpoint": at("introspect"),
        "revocation_endpoint": at("revoke"),
        "end_session_endpoint": at("logout"),
        "scopes_supported": USUAL_SCOPES,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": GrantType::ALL.map(GrantType::as_str),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms,
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "introspection_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "code_challenge_methods_supported": ["S256"],
        "acr_values_supported": Assurance::ALL.map(Assurance::as_str),
        "display_values_supported": ["page"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claim_types_supported": ["normal"],
        "claims_supported": claims,
        "ui_locales_supported": ["en", "de", "ar"],
        "claims_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "require_request_uri_registration": false,
        "authorization_response_iss_parameter_supported": true,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "frontchannel_logout_supported": false,
    })
}
