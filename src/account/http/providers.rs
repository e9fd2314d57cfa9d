//! Who one is at other providers.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::super::pages::{LinkLine, ProvidersPage, Tab};
use super::super::{Account, Done, Wrong};
use super::visitor::{Asks, Away, Visitor, done, wrong};
use crate::accounts::{By, Error, ExternalId, ExternalIdentity};
use crate::crypto::digest::{base64url, sha256};
use crate::http::Form;
use crate::http::pages::page;

pub(super) async fn show(State(account): State<Account>, asks: Asks) -> Result<Response, Away> {
    let visitor = account.enter(&asks, Tab::Providers).await?;
    let links = account.accounts.links(visitor.realm, visitor.user.id).await?;
    let shown = ProvidersPage {
        look: &visitor.look,
        nav: visitor.nav(Tab::Providers),
        flaws: &visitor.flaws,
        linked: links.iter().map(|link| line(&visitor, link)).collect(),
        others: Vec::new(),
    };
    Ok(page(StatusCode::OK, &shown, &visitor.look))
}

fn line(visitor: &Visitor, link: &ExternalIdentity) -> LinkLine {
    LinkLine {
        value: name_of(&link.id),
        provider: link.id.upstream.to_string(),
        display: link.display.clone(),
        since: visitor.ago(link.linked_at),
    }
}

/// Names an identity in a form without saying who it is at the other provider.
fn name_of(id: &ExternalId) -> String {
    let words = [id.upstream.as_str(), id.issuer.as_str(), id.subject.as_str()];
    base64url(&sha256(words.join("\n").as_bytes()))
}

#[derive(Debug, Deserialize)]
pub(super) struct Which {
    link: String,
}

/// Removes a link, unless it is the last way to sign in.
pub(super) async fn unlink(
    State(account): State<Account>,
    asks: Asks,
    Form(which): Form<Which>,
) -> Result<Response, Away> {
    let visitor = account.enter_to_change(&asks, Tab::Providers).await?;
    let (realm, user) = (visitor.realm, visitor.user.id);
    let links = account.accounts.links(realm, user).await?;
    let Some(link) = links.iter().find(|link| name_of(&link.id) == which.link) else {
        return Ok(done(Tab::Providers, Done::Removed));
    };
    match account.accounts.unlink(realm, user, &link.id, By::Themselves).await {
        Ok(()) => Ok(done(Tab::Providers, Done::Removed)),
        Err(Error::LastFactor) => Ok(wrong(Tab::Providers, Wrong::Last)),
        Err(error) => Err(error.into()),
    }
}
