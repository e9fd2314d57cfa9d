//! What an administrator asks for, checked against the rules of the profile.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use super::client::{AuthMethod, ConsentPolicy, Profile, Resource, Rule, Terms, USUAL_SCOPES};
use super::model::Error;
use super::redirect_uri::RedirectUri;
use crate::crypto::jose::JwsAlgorithm;
use crate::kernel::UpstreamId;
use crate::kernel::limits::{AUDIENCE_BYTES_MAX, AUDIENCES_MAX, REASON_BYTES_MAX};

/// What is asked for; what is not said has the profile's default.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What people are shown.
    pub name: String,
    /// The sort.
    pub profile: Profile,
    /// `token_endpoint_auth_method`.
    pub auth_method: Option<AuthMethod>,
    /// `id_token_signed_response_alg`; RS256 where nothing is said (OpenID Connect Registration §2).
    pub id_token_algorithm: Option<JwsAlgorithm>,
    /// What signs access tokens; ES256 where nothing is said.
    pub access_token_algorithm: Option<JwsAlgorithm>,
    /// Where answers may go.
    pub redirect_uris: Vec<String>,
    /// Where a browser may go after signing out.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where it hears that a session ended.
    pub backchannel_logout_uri: Option<String>,
    /// Scopes; the usual ones where nothing is said and people use it.
    pub scopes: Option<BTreeSet<String>>,
    /// Resources.
    pub resources: Vec<Resource>,
    /// Whether its tokens may call the admin API.
    pub administration: bool,
    /// Upstreams; all where nothing is said.
    pub upstreams: Option<BTreeSet<UpstreamId>>,
    /// Whether people are asked; they are where nothing is said.
    pub consent: Option<ConsentPolicy>,
    /// Whether refresh tokens rotate; they do where nothing is said.
    pub rotates_refresh_tokens: Option<bool>,
    /// Rules it is excused from, and why.
    pub relaxed: BTreeMap<Rule, String>,
    /// Whether anything is given to it.
    pub enabled: bool,
}

/// The terms that follow from a draft, or the first thing that is wrong with it.
pub(super) fn check(draft: Draft) -> Result<Terms, Error> {
    check_words(&draft)?;
    let profile = draft.profile;
    let auth_method = auth_method(&draft)?;
    let plain = draft.relaxed.contains_key(&Rule::HttpsRedirects);
    let uris = |field, texts: &[String]| redirect_uris(field, texts, profile, plain);
    let redirect_uris = uris("redirect_uris", &draft.redirect_uris)?;
    let post_logout_redirect_uris =
        uris("post_logout_redirect_uris", &draft.post_logout_redirect_uris)?;
    if profile.has_people() == redirect_uris.is_empty() {
        let words = "are needed where people sign in, and only there";
        return Err(Error::invalid("redirect_uris", words));
    }
    let rotates = draft.rotates_refresh_tokens.unwrap_or(true);
    if profile.is_public() && !rotates && !draft.relaxed.contains_key(&Rule::RefreshRotation) {
        let words = "of a public client rotate (RFC 9700 §2.2.2), unless the rule `refresh_rotation` is relaxed";
        return Err(Error::invalid("rotates_refresh_tokens", words));
    }
    if let Some(uri) = &draft.backchannel_logout_uri {
        check_logout_uri(uri, plain)?;
    }
    check_resources(&draft.resources)?;
    let usual = if profile.has_people() { USUAL_SCOPES.as_slice() } else { &[] };
    Ok(Terms {
        name: draft.name,
        profile,
        auth_method,
        id_token_algorithm: algorithm("id_token_signed_response_alg", draft.id_token_algorithm)?
            .unwrap_or(JwsAlgorithm::Rs256),
        access_token_algorithm: algorithm(
            "access_token_signed_response_alg",
            draft.access_token_algorithm,
        )?
        .unwrap_or(JwsAlgorithm::Es256),
        redirect_uris,
        post_logout_redirect_uris,
        backchannel_logout_uri: draft.backchannel_logout_uri,
        scopes: draft
            .scopes
            .unwrap_or_else(|| usual.iter().map(|scope| (*scope).to_owned()).collect()),
        resources: draft.resources,
        administration: draft.administration,
        upstreams: draft.upstreams,
        consent: draft.consent.unwrap_or(ConsentPolicy::Ask),
        rotates_refresh_tokens: rotates,
        relaxed: draft.relaxed,
        enabled: draft.enabled,
    })
}

fn check_words(draft: &Draft) -> Result<(), Error> {
    let shown = |text: &str, most| {
        !text.trim().is_empty() && text.len() <= most && !text.chars().any(char::is_control)
    };
    if !shown(&draft.name, NAME_BYTES_MAX) {
        return Err(Error::invalid("name", "is 1 to 128 bytes that people can read"));
    }
    if !draft.relaxed.values().all(|reason| shown(reason, REASON_BYTES_MAX)) {
        return Err(Error::invalid("relaxed", "has a reason for each rule, at most 512 bytes"));
    }
    let scopes = draft.scopes.iter().flatten();
    let all = scopes.chain(draft.resources.iter().flat_map(|resource| &resource.scopes));
    if all.clone().count() > SCOPES_MAX || !all.clone().all(|scope| is_scope(scope)) {
        let words = "are at most 64, each of 1 to 64 printable characters without space, quote and backslash";
        return Err(Error::invalid("scopes", words));
    }
    Ok(())
}

fn auth_method(draft: &Draft) -> Result<AuthMethod, Error> {
    match (draft.profile.is_public(), draft.auth_method) {
        (true, None | Some(AuthMethod::None)) => Ok(AuthMethod::None),
        (false, None) => Ok(AuthMethod::Secret),
        (false, Some(method)) if method != AuthMethod::None => Ok(method),
        (true, _) => Err(Error::invalid(
            "token_endpoint_auth_method",
            "is `none` for `spa` and `native`: what such a program knows, everybody can read",
        )),
        (false, _) => Err(Error::invalid(
            "token_endpoint_auth_method",
            "is `client_secret_basic` or `client_secret_post` for `web` and `machine`",
        )),
    }
}

/// The two that we sign with; `none` cannot even be written.
fn algorithm(
    field: &'static str,
    asked: Option<JwsAlgorithm>,
) -> Result<Option<JwsAlgorithm>, Error> {
    match asked {
        None | Some(JwsAlgorithm::Rs256 | JwsAlgorithm::Es256) => Ok(asked),
        Some(_) => Err(Error::invalid(field, "is `RS256` or `ES256`")),
    }
}

fn redirect_uris(
    field: &'static str,
    texts: &[String],
    profile: Profile,
    plain: bool,
) -> Result<Vec<RedirectUri>, Error> {
    if texts.len() > URIS_MAX {
        return Err(Error::invalid(field, "are at most 32"));
    }
    let parse = |text: &String| {
        RedirectUri::parse(text, profile, plain).map_err(|error| {
            let shown: String = text.chars().take(120).collect();
            Error::Invalid { field, words: format!("`{shown}` {error}") }
        })
    };
    texts.iter().map(parse).collect()
}

/// OpenID Connect Back-Channel Logout §2.2.
fn check_logout_uri(text: &str, plain: bool) -> Result<(), Error> {
    RedirectUri::parse(text, Profile::Web, plain).map(drop).map_err(|error| Error::Invalid {
        field: "backchannel_logout_uri",
        words: error.to_string(),
    })
}

/// RFC 8707 §2: an absolute URI without fragment.
fn check_resources(resources: &[Resource]) -> Result<(), Error> {
    let fits = |resource: &Resource| {
        resource.uri.len() <= AUDIENCE_BYTES_MAX
            && !resource.uri.contains('#')
            && resource.uri.bytes().all(|b| b.is_ascii_graphic())
            && Url::parse(&resource.uri).is_ok()
    };
    let different: BTreeSet<&str> =
        resources.iter().map(|resource| resource.uri.as_str()).collect();
    if resources.len() > AUDIENCES_MAX || different.len() != resources.len() {
        return Err(Error::invalid("resources", "are at most 16, each once"));
    }
    if !resources.iter().all(fits) {
        return Err(Error::invalid(
            "resources",
            "are absolute URIs without fragment (RFC 8707 §2)",
        ));
    }
    Ok(())
}

/// A scope token (RFC 6749 §3.3).
pub(super) fn is_scope(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
    (1..=SCOPE_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

/// Fits the heading of a page.
const NAME_BYTES_MAX: usize = 128;
const URIS_MAX: usize = 32;
const SCOPES_MAX: usize = 64;
const SCOPE_BYTES_MAX: usize = 64;
