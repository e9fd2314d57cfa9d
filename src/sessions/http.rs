//! The browser behind a request; sessions in the admin API.

use std::sync::Arc;

use axum::extract::{Extension, FromRequestParts, State};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Browser, BrowserCookie, Error, Session, SessionCookie, Sessions};
use crate::access::Administrator;
use crate::accounts::Accounts;
use crate::http::{Cookies, HostCookie, Json, Origin, Path, Problem, Query, cursor, page_then};
use crate::kernel::{Failure, Kind, Lifetime, Method, SessionId, UserId};
use crate::wire::api;

/// The cookie of a session. It ends with the browser: what outlives it is the session's own limits.
pub const SESSION: HostCookie = HostCookie::named(SessionCookie::NAME);
/// The cookie that tells a browser from others.
pub const BROWSER: HostCookie = HostCookie::named(BrowserCookie::NAME);

impl SessionCookie {
    /// The `Set-Cookie` header that gives it to its browser.
    pub fn header(&self) -> HeaderValue {
        SESSION.set(&self.expose(), None)
    }
}

impl BrowserCookie {
    /// The `Set-Cookie` header that gives it to its browser.
    pub fn header(&self) -> HeaderValue {
        BROWSER.set(&self.expose(), Some(BROWSER_LIFE))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Browser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Origin { address, agent } = Origin::from_request_parts(parts, state).await?;
        let cookies = Cookies::of(&parts.headers);
        Ok(Self {
            binding: cookies.get(BROWSER).and_then(BrowserCookie::parse),
            session: cookies.get(SESSION).and_then(SessionCookie::parse),
            address,
            agent,
        })
    }
}

#[derive(Debug, Clone)]
struct Desk {
    sessions: Sessions,
    accounts: Accounts,
}

/// The routes of the admin API.
pub fn routes(sessions: &Sessions, accounts: &Accounts) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_sessions, end_sessions))
        .routes(routes!(show_session, end_session))
        .with_state(Desk { sessions: sessions.clone(), accounts: accounts.clone() })
}

/// Lists the live sessions of a person, newest first.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "sessions", params(api::SessionListQuery),
    responses((status = 200, body = api::Page<api::Session>), (status = "default", body = api::Problem)))]
async fn list_sessions(
    State(desk): State<Desk>,
    Extension(by): Extension<Administrator>,
    Query(query): Query<api::SessionListQuery>,
) -> Result<Json<api::Page<api::Session>>, Problem> {
    let (limit, after) = cursor::<String>(query.limit, query.cursor.as_deref())?;
    let after = after.map(|text| session_id(&text)).transpose()?;
    let (sessions, next) = desk.sessions.read_list(by, user(&query.user)?, (limit, after)).await?;
    let next = next.map(|id| id.to_string());
    Ok(Json(page_then(sessions, next.as_ref(), |session| shown(&session))?))
}

/// Ends all sessions of a person, and voids everything that was granted to applications so far: signs out everywhere.
#[utoipa::path(delete, path = "/api/v1/sessions", tag = "sessions", params(api::SessionQuery),
    responses((status = 204), (status = "default", body = api::Problem)))]
async fn end_sessions(
    State(desk): State<Desk>,
    Extension(by): Extension<Administrator>,
    Query(query): Query<api::SessionQuery>,
) -> Result<StatusCode, Problem> {
    let id = user(&query.user)?;
    let permit = desk.sessions.may_end(by.clone(), id)?;
    let person = desk.accounts.fresh(by.realm, id).await?.ok_or(Error::NotFound)?;
    desk.sessions.end_all_for(by.realm, permit, (id, person.number)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows one session.
#[utoipa::path(get, path = "/api/v1/sessions/{id}", tag = "sessions", params(("id" = String, Path)),
    responses((status = 200, body = api::Session), (status = "default", body = api::Problem)))]
async fn show_session(
    State(desk): State<Desk>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
) -> Result<Json<api::Session>, Problem> {
    let session = desk.sessions.read_one(by, session_id(&id)?).await?;
    Ok(Json(shown(&session)))
}

/// Ends one session.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", tag = "sessions", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = api::Problem)))]
async fn end_session(
    State(desk): State<Desk>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    desk.sessions.end_for(by, session_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn user(text: &str) -> Result<UserId, Failure> {
    UserId::parse(text)
        .map_err(|error| Failure::new(Kind::Invalid, "session.user", error.to_string()))
}

fn session_id(text: &str) -> Result<SessionId, Failure> {
    SessionId::parse(text)
        .map_err(|error| Failure::new(Kind::Invalid, "session.id", error.to_string()))
}

fn shown(session: &Arc<Session>) -> api::Session {
    api::Session {
        id: session.id.to_string(),
        user: session.user.to_string(),
        assurance: session.assurance.as_str().to_owned(),
        methods: session.methods.iter().copied().map(Method::as_str).map(str::to_owned).collect(),
        upstream: session.upstream.as_ref().map(|id| id.as_str().to_owned()),
        device: session.device.map(|id| id.to_string()),
        address: session.address.clone(),
        agent: session.agent.clone(),
        created_at: session.created_at.into(),
        signed_in_at: session.signed_in_at.into(),
        used_at: session.used_at.into(),
        expires_at: session.idle_at.min(session.expires_at).into(),
    }
}

/// A tab that was left open over a holiday still belongs to its browser.
const BROWSER_LIFE: Lifetime = Lifetime::days(30);
