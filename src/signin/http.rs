//! The doors of sign-ins: parse, ask, show the page or send the browser on.

mod show;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, State};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use http::header::SET_COOKIE;
use serde::Deserialize;

use super::arrive::Arrival;
use super::view::Found;
use super::{Error, Onward, Sent, Signin, SigninRequest};
use crate::http::pages::Look;
use crate::http::{Cookies, Form, HostCookie, Path, Problem, Query, own_forms_only};
use crate::kernel::{Failure, Lifetime, RealmId, Secret, SignInId, UpstreamId};
use crate::realms::Realm;
use crate::sessions::{Browser, BrowserCookie, SessionCookie};
use crate::upstreams::Callback;
use crate::wire::device_proof::ANSWER_STEP;

/// The routes.
pub fn routes(signin: &Signin) -> Router {
    Router::new()
        .route("/sign-in/{id}", get(page))
        .route("/sign-in/{id}/{step}", post(submit))
        .route(&format!("/sign-in/{{id}}/{ANSWER_STEP}"), get(come_from_device))
        .route("/callback/{upstream}", get(come_back))
        .route("/account/proof/{token}", get(look_at_link).post(use_link))
        .layer(from_fn(own_forms_only))
        .with_state(signin.clone())
}

impl Signin {
    /// Begins a sign-in: 303 to its first page.
    pub async fn start(
        &self,
        realm: RealmId,
        request: SigninRequest,
        browser: &Browser,
    ) -> Response {
        match self.begin(realm, request, browser).await {
            Ok(started) => to_page(started.id, started.cookie.as_ref()),
            Err(error) => Problem::from(error).into_response(),
        }
    }
}

/// The fields of all forms.
#[derive(Deserialize)]
struct Fields {
    way: Option<String>,
    account: Option<String>,
    decision: Option<String>,
    upstream: Option<String>,
    identifier: Option<String>,
    password: Option<String>,
    repeated: Option<String>,
    code: Option<String>,
    credential: Option<String>,
    name: Option<String>,
}

impl From<Fields> for Sent {
    fn from(fields: Fields) -> Self {
        let Fields { way, account, decision, upstream, identifier, password, repeated, .. } =
            fields;
        Self {
            way,
            account,
            decision,
            upstream,
            identifier,
            password: password.map(Secret::new),
            repeated: repeated.map(Secret::new),
            code: fields.code,
            credential: fields.credential,
            name: fields.name,
            look: None,
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "what a request brings, each part named")]
async fn page(
    State(signin): State<Signin>,
    Extension(realm): Extension<Arc<Realm>>,
    Path(id): Path<String>,
    browser: Browser,
    cookies: Cookies,
    look: Look,
) -> Result<Response, Problem> {
    let id = sign_in_id(&id)?;
    match signin.view(&realm, id, &browser).await? {
        Found::Page(view) => Ok(show::page(&view, cookies.get(PROVIDER), &look)),
        Found::Onward(onward) => Ok(leave(id, onward, &look)),
    }
}

#[expect(clippy::too_many_arguments, reason = "what a request brings, each part named")]
async fn submit(
    State(signin): State<Signin>,
    Extension(realm): Extension<Arc<Realm>>,
    Path((id, step)): Path<(String, String)>,
    browser: Browser,
    look: Look,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let id = sign_in_id(&id)?;
    let sent = Sent { look: Some(look.clone()), ..fields.into() };
    let went = signin.submit(&realm, (id, &step), sent, &browser).await;
    went_on(id, went, &look)
}

/// What a device's answer has in its query.
#[derive(Deserialize)]
struct DeviceAnswer {
    proof: String,
}

#[expect(clippy::too_many_arguments, reason = "what a request brings, each part named")]
async fn come_from_device(
    State(signin): State<Signin>,
    Extension(realm): Extension<Arc<Realm>>,
    Path(id): Path<String>,
    Query(answer): Query<DeviceAnswer>,
    browser: Browser,
    look: Look,
) -> Result<Response, Problem> {
    let id = sign_in_id(&id)?;
    let went = signin.come_from_device(&realm, id, &answer.proof, &browser).await;
    went_on(id, went, &look)
}

/// What a provider's answer has in its query. A parameter that stands there twice is refused by the reader.
#[derive(Deserialize)]
struct Answer {
    state: Option<String>,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

#[expect(clippy::too_many_arguments, reason = "what a request brings, each part named")]
async fn come_back(
    State(signin): State<Signin>,
    Extension(realm): Extension<Arc<Realm>>,
    Path(upstream): Path<String>,
    Query(answer): Query<Answer>,
    browser: Browser,
    look: Look,
) -> Result<Response, Problem> {
    let upstream = UpstreamId::parse(&upstream).map_err(|_| Failure::from(Error::NotFound))?;
    let Answer { state, code, iss, error, error_description } = answer;
    let callback = Callback { state, code, iss, error, error_description };
    let back = signin.come_back(&realm, &upstream, callback, &browser).await?;
    let mut answer = match (back.sign_in, back.onward) {
        (Some(id), onward) => leave(id, onward, &look),
        (None, Onward::Leave(path, _)) => return Ok(Redirect::to(&path).into_response()),
        (None, _) => return Err(Failure::from(Error::NotFound).into()),
    };
    if back.came_in {
        let cookie = PROVIDER.set(upstream.as_str(), Some(PROVIDER_LIFE));
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(answer)
}

async fn look_at_link(
    State(signin): State<Signin>,
    Extension(realm): Extension<Arc<Realm>>,
    Path(token): Path<String>,
    look: Look,
) -> Result<Response, Problem> {
    let purpose = signin.look_at_link(&realm, &Secret::new(token)).await?;
    Ok(show::link(purpose, &look))
}

async fn use_link(
    State(signin): State<Signin>,
    Extension(realm): Extension<Arc<Realm>>,
    Path(token): Path<String>,
    browser: Browser,
    look: Look,
) -> Result<Response, Problem> {
    Ok(match signin.arrive(&realm, &Secret::new(token), &browser).await? {
        Arrival::SignIn(id, cookie) => to_page(id, cookie.as_ref()),
        Arrival::Verified => show::verified(&look),
        Arrival::SignInFirst => show::sign_in_first(&look),
        Arrival::Unlinked => show::unlinked(&look),
        Arrival::Spent => show::link(None, &look),
    })
}

/// Where the browser goes after a step. Where the other tab went on, what is so now is shown.
fn went_on(id: SignInId, went: Result<Onward, Error>, look: &Look) -> Result<Response, Problem> {
    match went {
        Err(Error::Moved) => Ok(leave(id, Onward::Page, look)),
        went => Ok(leave(id, went?, look)),
    }
}

fn leave(id: SignInId, onward: Onward, look: &Look) -> Response {
    match onward {
        Onward::Page => to_page(id, None),
        Onward::Provider { url, name } => show::away(&name, &url, look),
        Onward::Leave(path, cookie) => {
            let mut answer = Redirect::to(&path).into_response();
            if let Some(cookie) = cookie.as_ref().map(SessionCookie::header) {
                answer.headers_mut().append(SET_COOKIE, cookie);
            }
            answer
        }
    }
}

fn to_page(id: SignInId, cookie: Option<&BrowserCookie>) -> Response {
    let mut answer = Redirect::to(&format!("/sign-in/{id}")).into_response();
    if let Some(cookie) = cookie.map(BrowserCookie::header) {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
    answer
}

fn sign_in_id(text: &str) -> Result<SignInId, Failure> {
    SignInId::parse(text).map_err(|_| Error::NotFound.into())
}

/// The provider that this browser came through last: a mark on its button.
const PROVIDER: HostCookie = HostCookie::named("__Host-weft-provider");
const PROVIDER_LIFE: Lifetime = Lifetime::days(180);
