//! An authorization request, read and judged (RFC 6749 §4.1.1; OpenID Connect Core §3.1.2). Pure.
//!
//! Until client and redirect URI are known to belong together, a refusal is a page and never a redirect: the address may be an
//! attacker's (RFC 6749 §4.1.2.1). From there on it is a redirect with `state` and `iss`.

use std::collections::BTreeSet;

use super::claims_request::ClaimsRequest;
use super::client::{GrantType, SharedClient};
use super::parameters::{Parameters, Twice, words};
use super::wire_error::{Code, WireError};
use crate::crypto::digest::from_base64url;
use crate::kernel::limits::{AUDIENCES_MAX, CLIENT_ID_BYTES_MAX};
use crate::kernel::{ClientId, Lifetime};

/// A request that may be answered.
#[derive(Debug, Clone)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client: SharedClient,
    /// Where the answer goes, and what goes with it.
    pub back: Back,
    /// The scopes asked for that this client may have.
    pub scopes: BTreeSet<String>,
    /// The resources asked for.
    pub resources: Vec<String>,
    /// To be found in the ID token.
    pub nonce: Option<String>,
    /// SHA-256 of the verifier, by S256 (RFC 7636 §4.2).
    pub challenge: Option<String>,
    /// What the person must be shown.
    pub prompt: Prompt,
    /// How old the sign-in may be.
    pub max_age: Option<Lifetime>,
    /// Wished for, best first.
    pub acr_values: Vec<String>,
    /// True if one of those is a must.
    pub acr_essential: bool,
    /// Languages of the person, best first.
    pub ui_locales: Vec<String>,
    /// What the person may type.
    pub login_hint: Option<String>,
    /// An ID token of the person who is expected; not verified here.
    pub id_token_hint: Option<String>,
    /// Single claims.
    pub claims: ClaimsRequest,
}

/// The way back to the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Back {
    /// The registered address, as the request names it.
    pub redirect_uri: String,
    /// Returned as it came.
    pub state: Option<String>,
}

/// `prompt` (OpenID Connect Core §3.1.2.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word that may stand there")]
pub struct Prompt {
    /// No page at all.
    pub none: bool,
    /// Sign in again.
    pub login: bool,
    /// Ask for consent again.
    pub consent: bool,
    /// Choose an account.
    pub select_account: bool,
}

/// Why a request is not answered as it wished.
#[derive(Debug)]
pub enum Refusal {
    /// Said to the person: where else it could go is not known.
    Page(WireError),
    /// Said to the application.
    Redirect(Box<Back>, WireError),
}

impl AuthorizationRequest {
    /// Reads a request. `find` knows the clients; `issuer` is a resource of its own.
    pub fn parse(
        parameters: &Parameters,
        issuer: &str,
        find: impl Fn(&ClientId) -> Option<SharedClient>,
    ) -> Result<Self, Refusal> {
        let (client, back) = return_address(parameters, find).map_err(Refusal::Page)?;
        read(parameters, issuer, client, back.clone())
            .map_err(|error| Refusal::Redirect(Box::new(back), error))
    }

    /// True for OpenID Connect: an ID token is wanted.
    pub fn is_openid(&self) -> bool {
        self.scopes.contains("openid")
    }
}

fn return_address(
    parameters: &Parameters,
    find: impl Fn(&ClientId) -> Option<SharedClient>,
) -> Result<(SharedClient, Back), WireError> {
    let one = |name| parameters.one(name).map_err(twice);
    let id = one("client_id")?.ok_or_else(|| WireError::request("client_id is missing"))?;
    let client = Some(id).filter(|id| id.len() <= CLIENT_ID_BYTES_MAX);
    let client = client.and_then(|id| ClientId::parse(id).ok()).and_then(|id| find(&id));
    let unknown = || WireError::request("no application of this client_id is known here");
    let client = client.ok_or_else(unknown)?;
    let asked =
        one("redirect_uri")?.ok_or_else(|| WireError::request("redirect_uri is missing"))?;
    let profile = client.terms.profile;
    if !client.terms.redirect_uris.iter().any(|known| known.matches(asked, profile)) {
        return Err(WireError::request("redirect_uri is not registered for this application"));
    }
    // Of two states neither is the application's for sure.
    let state = parameters.one("state").unwrap_or_default();
    if state.is_some_and(|state| state.len() > STATE_BYTES_MAX) {
        return Err(WireError::request("state is longer than 8 KiB"));
    }
    let back = Back { redirect_uri: asked.to_owned(), state: state.map(str::to_owned) };
    Ok((client, back))
}

fn read(
    parameters: &Parameters,
    issuer: &str,
    client: SharedClient,
    back: Back,
) -> Result<AuthorizationRequest, WireError> {
    check_form(parameters, &client)?;
    let text = |name| parameters.one(name).map_err(twice);
    let scopes = scopes(text("scope")?.unwrap_or_default(), &client)?;
    let resources = resources(parameters, &client, issuer)?;
    let challenge = challenge(parameters, &client)?;
    let prompt = prompt(text("prompt")?.unwrap_or_default())?;
    let claims = match text("claims")? {
        Some(claims) => {
            ClaimsRequest::parse(claims).map_err(|error| WireError::request(error.to_string()))?
        }
        None => ClaimsRequest::default(),
    };
    let nonce = text("nonce")?;
    if nonce.is_some_and(|nonce| nonce.len() > NONCE_BYTES_MAX) {
        return Err(WireError::request("nonce is longer than 2 KiB"));
    }
    let listed = |text: Option<&str>| -> Vec<String> {
        words(text.unwrap_or_default()).take(WORDS_MAX).map(str::to_owned).collect()
    };
    let mut acr_values = claims.acr.clone();
    acr_values.extend(listed(text("acr_values")?));
    // A hint that is too long is none: it is never a reason to fail (OpenID Connect Core §15.1).
    let login_hint = text("login_hint")?.filter(|hint| hint.len() <= LOGIN_HINT_BYTES_MAX);
    Ok(AuthorizationRequest {
        client,
        back,
        scopes,
        resources,
        nonce: nonce.map(str::to_owned),
        challenge,
        prompt,
        max_age: max_age(text("max_age")?)?,
        acr_values,
        acr_essential: claims.acr_essential && !claims.acr.is_empty(),
        ui_locales: listed(text("ui_locales")?),
        login_hint: login_hint.map(str::to_owned),
        id_token_hint: text("id_token_hint")?.map(str::to_owned),
        claims,
    })
}

/// What is wrong whatever else is asked for.
fn check_form(parameters: &Parameters, client: &SharedClient) -> Result<(), WireError> {
    if let Some(name) = parameters.twice(&ONCE) {
        return Err(WireError::request(format!("{name} was sent twice")));
    }
    let sent = |name| parameters.all(name).next().is_some();
    if sent("request") {
        let words = "request objects are not taken: send each parameter by itself";
        return Err(WireError::new(Code::RequestNotSupported, words));
    }
    if sent("request_uri") {
        let words = "request_uri is not taken: send each parameter by itself";
        return Err(WireError::new(Code::RequestUriNotSupported, words));
    }
    if sent("registration") {
        let words = "applications are registered by an administrator";
        return Err(WireError::new(Code::RegistrationNotSupported, words));
    }
    match parameters.one("response_type").map_err(twice)? {
        Some("code") => {}
        Some(_) => {
            let words = "response_type is code";
            return Err(WireError::new(Code::UnsupportedResponseType, words));
        }
        None => return Err(WireError::request("response_type is missing")),
    }
    match parameters.one("response_mode").map_err(twice)? {
        None | Some("query") => {}
        Some(_) => return Err(WireError::request("response_mode is query")),
    }
    if !client.terms.allows(GrantType::AuthorizationCode) {
        let words = "this application may not act for people";
        return Err(WireError::new(Code::UnauthorizedClient, words));
    }
    Ok(())
}

/// Scopes that are unknown, or not this client's, are passed over (OpenID Connect Core §3.1.2.1); what is left is said in the
/// token response. None left is an error.
fn scopes(text: &str, client: &SharedClient) -> Result<BTreeSet<String>, WireError> {
    let asked: BTreeSet<&str> = words(text).take(SCOPES_MAX).collect();
    let terms = &client.terms;
    let knows = |scope: &str| {
        terms.scopes.contains(scope)
            || terms.resources.iter().any(|resource| resource.scopes.contains(scope))
    };
    let scopes: BTreeSet<String> =
        asked.iter().filter(|scope| knows(scope)).map(|scope| (*scope).to_owned()).collect();
    if scopes.is_empty() && !asked.is_empty() {
        let words = "this application may ask for none of these scopes";
        return Err(WireError::new(Code::InvalidScope, words));
    }
    Ok(scopes)
}

/// RFC 8707 §2.
fn resources(
    parameters: &Parameters,
    client: &SharedClient,
    issuer: &str,
) -> Result<Vec<String>, WireError> {
    let mut resources: Vec<String> = Vec::new();
    for asked in parameters.all("resource") {
        check_resource(asked, client, issuer)?;
        if !resources.iter().any(|known| known == asked) {
            resources.push(asked.to_owned());
        }
    }
    if resources.len() > AUDIENCES_MAX {
        return Err(WireError::new(Code::InvalidTarget, "too many resources"));
    }
    Ok(resources)
}

/// A resource that this client may ask for: one of its own, the provider itself, and for administration its admin API.
pub(super) fn check_resource(
    asked: &str,
    client: &SharedClient,
    issuer: &str,
) -> Result<(), WireError> {
    let terms = &client.terms;
    let admin = || asked.strip_prefix(issuer) == Some("/api");
    if terms.resource(asked).is_some() || asked == issuer || (terms.administration && admin()) {
        return Ok(());
    }
    let words = "this application may not ask for a token for this resource";
    Err(WireError::new(Code::InvalidTarget, words))
}

/// RFC 7636 §4.3: S256 only, because whoever can read the request could use a plain challenge.
fn challenge(parameters: &Parameters, client: &SharedClient) -> Result<Option<String>, WireError> {
    let method = parameters.one("code_challenge_method").map_err(twice)?;
    match (parameters.one("code_challenge").map_err(twice)?, method) {
        (None, None) if client.terms.needs_pkce() => {
            Err(WireError::request("code_challenge is missing: this application must use PKCE"))
        }
        (None, None) => Ok(None),
        (None, Some(_)) => Err(WireError::request("code_challenge is missing")),
        (Some(challenge), Some("S256")) => {
            // 32 bytes, and one spelling of them.
            let digest = from_base64url(challenge).filter(|digest| digest.len() == 32);
            let wrong = || WireError::request("code_challenge is not a digest of SHA-256");
            digest.map(|_| Some(challenge.to_owned())).ok_or_else(wrong)
        }
        (Some(_), _) => Err(WireError::request("code_challenge_method is S256")),
    }
}

fn prompt(text: &str) -> Result<Prompt, WireError> {
    let mut prompt = Prompt::default();
    for word in words(text) {
        match word {
            "none" => prompt.none = true,
            "login" => prompt.login = true,
            "consent" => prompt.consent = true,
            "select_account" => prompt.select_account = true,
            _ => return Err(WireError::request("prompt has a value that is not supported")),
        }
    }
    let Prompt { none, login, consent, select_account } = prompt;
    if none && (login || consent || select_account) {
        return Err(WireError::request("prompt=none stands alone"));
    }
    Ok(prompt)
}

fn max_age(text: Option<&str>) -> Result<Option<Lifetime>, WireError> {
    let Some(text) = text else { return Ok(None) };
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let seconds = Some(text).filter(|_| digits).and_then(|text| text.parse::<i64>().ok());
    seconds
        .map(|seconds| Some(Lifetime::seconds(seconds)))
        .ok_or_else(|| WireError::request("max_age is a number of seconds"))
}

fn twice(Twice(name): Twice) -> WireError {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let name = if plain { name } else { "a parameter".to_owned() };
    WireError::request(format!("{name} was sent twice"))
}

/// Parameters that stand once; `resource` alone may stand more often, and unknown ones are nothing to us.
const ONCE: [&str; 20] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "display",
    "prompt",
    "max_age",
    "ui_locales",
    "claims_locales",
    "id_token_hint",
    "login_hint",
    "acr_values",
    "claims",
    "code_challenge",
    "code_challenge_method",
    "request",
    "request_uri",
];
/// It comes back in a header of the answer.
const STATE_BYTES_MAX: usize = 8 * 1024;
/// It is kept with the code, and in the ID token.
const NONCE_BYTES_MAX: usize = 2048;
const LOGIN_HINT_BYTES_MAX: usize = 256;
const SCOPES_MAX: usize = 64;
const WORDS_MAX: usize = 16;
