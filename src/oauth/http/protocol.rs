//! The endpoints that programs call: token, userinfo, introspection, revocation, keys, discovery.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Extension, FromRequest, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, PRAGMA, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use crate::http::{CalledBy, Origin, Problem, bearer};
use crate::kernel::limits::FORM_BYTES_MAX;
use crate::kernel::{DeviceId, Fault, Kind, Secret};
use crate::oauth::Oauth;
use crate::oauth::exchange_token::Shows;
use crate::oauth::grant::Place;
use crate::oauth::issue_tokens::TokenAnswer;
use crate::oauth::parameters::Parameters;
use crate::oauth::wire_error::{Code, WireError};
use crate::realms::Realm;

/// The routes.
pub(super) fn routes(oauth: &Oauth) -> Router {
    let routes = [
        ("/token", post(token)),
        ("/userinfo", get(userinfo).post(userinfo_form)),
        ("/introspect", post(introspect)),
        ("/revoke", post(revoke)),
        ("/jwks", get(jwks)),
        ("/.well-known/openid-configuration", get(configuration)),
        ("/.well-known/oauth-authorization-server", get(configuration)),
        // RFC 8414 §3.1: of an issuer with a path the well-known part stands between host and path.
        ("/.well-known/oauth-authorization-server/{*path}", get(inserted)),
    ];
    // A browser asks before it sends (Fetch §3.2.2), so each route answers to OPTIONS itself: what it does not answer to
    // never reaches the layer.
    let add = |router: Router<Arc<Oauth>>, (path, methods): (&str, MethodRouter<Arc<Oauth>>)| {
        router.route(path, methods.options(async || StatusCode::NO_CONTENT))
    };
    let routes = routes.into_iter().fold(Router::new(), add);
    // Shared: each request has the state to itself several times, and this one holds a dozen slices.
    routes.layer(from_fn(any_origin)).with_state(Arc::new(oauth.clone()))
}

/// The token endpoint for programs on a device that shows its SVID.
pub(super) fn mtls_routes(oauth: &Oauth) -> Router {
    Router::new().route("/token", post(token_on_device)).with_state(Arc::new(oauth.clone()))
}

/// Where a request of this realm is.
pub(super) fn place(realm: &Realm) -> Place {
    Place {
        realm: realm.id,
        issuer: realm.issuer.as_str().to_owned(),
        trust_domain: realm.trust_domain.clone(),
    }
}

/// Applications in browsers call these from their own pages. Nothing here reads a cookie, so any origin may (Fetch §3.2).
async fn any_origin(request: Request, next: Next) -> Response {
    let asks = request.method() == Method::OPTIONS;
    let mut answer = next.run(request).await;
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if asks {
        let allowed = HeaderValue::from_static("authorization, content-type");
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    answer
}

async fn token(
    State(oauth): State<Arc<Oauth>>,
    Extension(realm): Extension<Arc<Realm>>,
    origin: Origin,
    call: ClientCall,
) -> Result<Response, Refused> {
    let address = Some(origin.address);
    let shows = Shows { authorization: call.authorization()?, address, device: None };
    let answer = oauth.token(&place(&realm), shows, &call.form).await?;
    Ok(shown(&answer)?)
}

/// The same at the door `mtls` (RFC 8705 §5): whose SVID a device is, the door has judged.
async fn token_on_device(
    State(oauth): State<Arc<Oauth>>,
    CalledBy(caller): CalledBy,
    call: ClientCall,
) -> Result<Response, Refused> {
    let realm = oauth.realms.get(caller.realm).ok_or_else(WireError::client)?;
    let device = caller.subject.as_ref().and_then(DeviceId::of_spiffe_id);
    let shows = Shows { authorization: call.authorization()?, address: caller.address, device };
    let answer = oauth.token(&place(&realm), shows, &call.form).await?;
    Ok(shown(&answer)?)
}

async fn introspect(
    State(oauth): State<Arc<Oauth>>,
    Extension(realm): Extension<Arc<Realm>>,
    call: ClientCall,
) -> Result<Response, Refused> {
    let members = oauth.introspect(&place(&realm), call.authorization()?, &call.form).await?;
    Ok(document(StatusCode::OK, members.to_string()))
}

async fn revoke(
    State(oauth): State<Arc<Oauth>>,
    Extension(realm): Extension<Arc<Realm>>,
    call: ClientCall,
) -> Result<Response, Refused> {
    oauth.revoke_token(&place(&realm), call.authorization()?, &call.form).await?;
    Ok(plain(StatusCode::OK))
}

async fn userinfo(
    State(oauth): State<Arc<Oauth>>,
    Extension(realm): Extension<Arc<Realm>>,
    headers: HeaderMap,
) -> Response {
    claims(&oauth, &realm, token_of(&headers)).await
}

/// RFC 6750 §2.2: the token may be in the form, but not in two places.
async fn userinfo_form(
    State(oauth): State<Arc<Oauth>>,
    Extension(realm): Extension<Arc<Realm>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let token = match (token_of(&headers), form(&headers, &body)) {
        (Ok(header), Ok(form)) => match (header, form.one("access_token")) {
            (Some(_), Ok(Some(_))) | (_, Err(_)) => {
                Err(WireError::request("the access token was sent twice"))
            }
            (Some(token), Ok(None)) => Ok(Some(token)),
            (None, Ok(token)) => Ok(token.map(str::to_owned)),
        },
        // A POST with the token in the header has no form.
        (token, Err(_)) | (token @ Err(_), _) => token,
    };
    claims(&oauth, &realm, token).await
}

async fn claims(
    oauth: &Oauth,
    realm: &Realm,
    token: Result<Option<String>, WireError>,
) -> Response {
    let answer = match token {
        Ok(Some(token)) => oauth.userinfo(&place(realm), &token).await,
        // RFC 6750 §3: who shows nothing is told what to show, and no error.
        Ok(None) => return challenge(StatusCode::UNAUTHORIZED, None),
        Err(error) => Err(error),
    };
    match answer {
        Ok(claims) => document(StatusCode::OK, Value::Object(claims).to_string()),
        Err(error) => {
            let status = match error.code {
                Code::InvalidRequest => StatusCode::BAD_REQUEST,
                Code::InsufficientScope => StatusCode::FORBIDDEN,
                Code::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
                Code::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::UNAUTHORIZED,
            };
            challenge(status, Some(&error))
        }
    }
}

async fn jwks(
    State(oauth): State<Arc<Oauth>>,
    Extension(realm): Extension<Arc<Realm>>,
) -> Result<Response, Problem> {
    let keys = oauth.key_set(realm.id).ok_or_else(Problem::no_route)?;
    Ok(public(keys))
}

async fn configuration(
    State(oauth): State<Arc<Oauth>>,
    Extension(realm): Extension<Arc<Realm>>,
) -> Response {
    public(oauth.discovery(&realm).to_string())
}

async fn inserted(
    State(oauth): State<Arc<Oauth>>,
    Extension(realm): Extension<Arc<Realm>>,
    axum::extract::Path(path): axum::extract::Path<String>,
) -> Result<Response, Problem> {
    if realm.issuer.as_str().strip_suffix(&path).is_some_and(|rest| rest.ends_with('/')) {
        return Ok(public(oauth.discovery(&realm).to_string()));
    }
    Err(Problem::no_route())
}

/// A document that everybody may read and keep for a few minutes: shorter than a key is announced before it signs.
fn public(text: String) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "public, max-age=300")];
    (headers, text).into_response()
}

/// What a client sends: a form, and perhaps its credentials in the header.
struct ClientCall {
    headers: HeaderMap,
    form: Parameters,
}

impl ClientCall {
    /// The header with the credentials, whatever its scheme is.
    fn authorization(&self) -> Result<Option<&str>, WireError> {
        let mut values = self.headers.get_all(AUTHORIZATION).iter();
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(WireError::request("the authorization header is there twice")),
            (None, None) => Ok(None),
            (Some(value), None) => value.to_str().map(Some).map_err(|_| WireError::client()),
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for ClientCall {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let headers = request.headers().clone();
        let body =
            Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        let form = form(&headers, &body).map_err(|error| refusal(&error))?;
        Ok(Self { headers, form })
    }
}

/// An error as these endpoints answer it.
struct Refused(WireError);

impl From<WireError> for Refused {
    fn from(error: WireError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        refusal(&self.0)
    }
}

/// The form of a request; other media types are refused (RFC 6749 §3.2).
fn form(headers: &HeaderMap, body: &Bytes) -> Result<Parameters, WireError> {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    if !media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(WireError::request("send a form: application/x-www-form-urlencoded"));
    }
    if body.len() > FORM_BYTES_MAX {
        return Err(WireError::request("the form is too large"));
    }
    Ok(Parameters::of(body))
}

/// The token in the header (RFC 6750 §2.1). Another scheme shows none.
fn token_of(headers: &HeaderMap) -> Result<Option<String>, WireError> {
    match bearer(headers) {
        Ok(token) => Ok(token.map(str::to_owned)),
        Err(error) if error.kind == Kind::Invalid => Err(WireError::request(error.public)),
        Err(_) => Ok(None),
    }
}

/// RFC 6749 §5.1, OpenID Connect Core §3.1.3.3.
fn shown(answer: &TokenAnswer) -> Result<Response, WireError> {
    let members = Shown {
        access_token: answer.access_token.expose(),
        token_type: "Bearer",
        expires_in: answer.expires_in.as_seconds(),
        scope: answer.scopes.join(" "),
        id_token: answer.id_token.as_ref().map(text),
        refresh_token: answer.refresh_token.as_ref().map(text),
    };
    Ok(document(StatusCode::OK, serde_json::to_string(&members).map_err(Fault::bug)?))
}

fn text(token: &Secret<String>) -> &str {
    token.expose()
}

#[derive(Serialize)]
struct Shown<'a> {
    access_token: &'a str,
    token_type: &'a str,
    expires_in: i64,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
}

/// A refusal of the endpoints that clients call (RFC 6749 §5.2).
fn refusal(error: &WireError) -> Response {
    log(error);
    let status = match error.code {
        Code::InvalidClient => StatusCode::UNAUTHORIZED,
        Code::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    };
    let members = json!({ "error": error.code.as_str(), "error_description": &*error.description });
    let mut answer = document(status, members.to_string());
    if status == StatusCode::UNAUTHORIZED {
        answer.headers_mut().insert(WWW_AUTHENTICATE, BASIC);
    }
    answer
}

/// A refusal of a protected resource (RFC 6750 §3).
fn challenge(status: StatusCode, error: Option<&WireError>) -> Response {
    let words = match error {
        None => "Bearer".to_owned(),
        Some(error) => {
            log(error);
            let (code, words) = (error.code.as_str(), &error.description);
            format!("Bearer error=\"{code}\", error_description=\"{words}\"")
        }
    };
    let mut answer = plain(status);
    let value = HeaderValue::from_str(&words).unwrap_or(HeaderValue::from_static("Bearer"));
    answer.headers_mut().insert(WWW_AUTHENTICATE, value);
    answer
}

pub(super) fn log(error: &WireError) {
    let cause = crate::http::causes(error.cause.as_ref().map(|cause| {
        let cause: &(dyn std::error::Error + Send + Sync + 'static) = cause;
        cause
    }));
    let code = error.code.as_str();
    if error.code == Code::ServerError {
        tracing::error!(
            error.code = code,
            error.cause = cause,
            "request failed: {}",
            error.description
        );
    } else {
        tracing::info!(
            error.code = code,
            error.cause = cause,
            "request refused: {}",
            error.description
        );
    }
}

/// An answer in JSON, which nobody keeps.
fn document(status: StatusCode, text: String) -> Response {
    let mut answer = (status, text).into_response();
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    no_store(headers);
    answer
}

fn plain(status: StatusCode) -> Response {
    let mut answer = status.into_response();
    no_store(answer.headers_mut());
    answer
}

/// RFC 6749 §5.1.
fn no_store(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
}

const BASIC: HeaderValue = HeaderValue::from_static("Basic realm=\"weft\"");
