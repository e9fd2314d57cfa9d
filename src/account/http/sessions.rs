//! Where one is signed in, and the ends of that.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;

use super::super::pages::{SessionLine, SessionsPage, Tab};
use super::super::{Account, Done, device, how};
use super::visitor::{Asks, Away, Visitor, done};
use crate::http::Form;
use crate::http::pages::page;
use crate::kernel::SessionId;
use crate::sessions::http::SESSION;
use crate::sessions::{Session, Why};

pub(super) async fn show(State(account): State<Account>, asks: Asks) -> Result<Response, Away> {
    let visitor = account.enter(&asks, Tab::Sessions).await?;
    let all = account.sessions.list(visitor.realm, visitor.user.id).await?;
    let line = |session: &Arc<Session>| {
        let on = session.device.and_then(|id| account.devices.device(visitor.realm, id));
        line(&visitor, session, on.map(|device| device.name.clone()))
    };
    let sessions = all.iter().map(line).collect();
    let shown = SessionsPage { look: &visitor.look, nav: visitor.nav(Tab::Sessions), sessions };
    Ok(page(StatusCode::OK, &shown, &visitor.look))
}

fn line(visitor: &Visitor, session: &Session, on: Option<String>) -> SessionLine {
    SessionLine {
        id: session.id.to_string(),
        device: device(&visitor.look, &session.agent),
        on,
        address: session.address.clone(),
        how: how(&visitor.look, &session.methods),
        since: visitor.ago(session.signed_in_at),
        used: visitor.ago(session.used_at),
        here: session.id == visitor.session.id,
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Which {
    session: String,
}

/// Ends one. Somebody else's is answered like one that has ended already.
pub(super) async fn end(
    State(account): State<Account>,
    asks: Asks,
    Form(which): Form<Which>,
) -> Result<Response, Away> {
    let visitor = account.enter(&asks, Tab::Sessions).await?;
    let own = account.sessions.list(visitor.realm, visitor.user.id).await?;
    let wanted = SessionId::parse(&which.session).ok();
    if let Some(session) = own.iter().find(|session| Some(session.id) == wanted) {
        account.sessions.end(visitor.realm, session.id, Why::Ended).await?;
    }
    Ok(done(Tab::Sessions, Done::Session))
}

/// Ends all of them, this one too.
pub(super) async fn end_all(State(account): State<Account>, asks: Asks) -> Result<Response, Away> {
    let visitor = account.enter(&asks, Tab::Sessions).await?;
    let user = &visitor.user;
    account.sessions.end_all(visitor.realm, user.id, user.number, Why::Ended).await?;
    Ok(out())
}

/// Ends this one.
pub(super) async fn sign_out(State(account): State<Account>, asks: Asks) -> Result<Response, Away> {
    let visitor = account.enter(&asks, Tab::Overview).await?;
    account.sessions.end(visitor.realm, visitor.session.id, Why::SignedOut).await?;
    Ok(out())
}

/// To the page that says so; the cookie goes, so that it is not shown for nothing.
fn out() -> Response {
    let cleared = SESSION.clear();
    ([(http::header::SET_COOKIE, cleared)], Redirect::to("/account/signed-out")).into_response()
}
