//! What applications were given, and its end.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::super::pages::{ApplicationLine, ApplicationsPage, Tab};
use super::super::{Account, Done};
use super::visitor::{Asks, Away, Visitor, done};
use crate::http::Form;
use crate::http::pages::page;
use crate::kernel::ClientId;
use crate::oauth::Connection;
use crate::oauth::pages::scope_text;

pub(super) async fn show(State(account): State<Account>, asks: Asks) -> Result<Response, Away> {
    let visitor = account.enter(&asks, Tab::Applications).await?;
    let connected = account.oauth.connected(visitor.realm, visitor.user.id).await?;
    let shown = ApplicationsPage {
        look: &visitor.look,
        nav: visitor.nav(Tab::Applications),
        applications: connected.iter().map(|connection| line(&visitor, connection)).collect(),
    };
    Ok(page(StatusCode::OK, &shown, &visitor.look))
}

fn line(visitor: &Visitor, connection: &Connection) -> ApplicationLine {
    // A scope that an application made up for itself has no words but its name.
    let gets = |scope: &String| scope_text(&visitor.look, scope).unwrap_or_else(|| scope.clone());
    ApplicationLine {
        value: connection.client.to_string(),
        name: connection.name.clone(),
        resources: connection.resources.iter().cloned().collect(),
        gets: connection.scopes.iter().map(gets).collect(),
        since: visitor.ago(connection.since),
        used: connection.used.map(|at| visitor.ago(at)),
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Which {
    application: String,
}

/// Takes back what an application was given. It is cut off at once; it may ask again.
pub(super) async fn withdraw(
    State(account): State<Account>,
    asks: Asks,
    Form(which): Form<Which>,
) -> Result<Response, Away> {
    let visitor = account.enter(&asks, Tab::Applications).await?;
    // Of an application that nobody knows nothing stands: it is answered like one that was withdrawn already.
    if let Ok(client) = ClientId::parse(&which.application) {
        account.oauth.disconnect(visitor.realm, visitor.user.id, &client).await?;
    }
    Ok(done(Tab::Applications, Done::Withdrawn))
}
