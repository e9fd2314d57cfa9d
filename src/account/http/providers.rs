//! Who one is at other providers: shown, linked, unlinked.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use http::header::SET_COOKIE;
use serde::Deserialize;

use super::super::pages::{LinkLine, ProviderLine, ProvidersPage, Tab};
use super::super::{Account, Done, Wrong};
use super::visitor::{Asks, Away, Visitor, done, wrong};
use crate::accounts::{By, Error, ExternalId, ExternalIdentity};
use crate::crypto::digest::base64url;
use crate::http::Form;
use crate::http::pages::{LeavePage, page};
use crate::kernel::UpstreamId;
use crate::upstreams::{self, Group, Purpose, Start};

pub(super) async fn show(State(account): State<Account>, asks: Asks) -> Result<Response, Away> {
    let visitor = account.enter(&asks, Tab::Providers).await?;
    let links = account.accounts.links(visitor.realm, visitor.user.id).await?;
    // Several identities at one provider are possible, and hardly what somebody is looking for here.
    let taken = |id: &UpstreamId| links.iter().any(|link| link.id.upstream == *id);
    let others = account.upstreams.linkable(visitor.realm).into_iter();
    let others = others
        .filter(|offer| !taken(&offer.id))
        .map(|offer| ProviderLine {
            id: offer.id.to_string(),
            name: offer.display_name.to_string(),
        })
        .collect();
    let shown = ProvidersPage {
        look: &visitor.look,
        nav: visitor.nav(Tab::Providers),
        flaws: &visitor.flaws,
        linked: links.iter().map(|link| line(&account, &visitor, link)).collect(),
        others,
    };
    Ok(page(StatusCode::OK, &shown, &visitor.look))
}

fn line(account: &Account, visitor: &Visitor, link: &ExternalIdentity) -> LinkLine {
    let upstream = account.upstreams.get(visitor.realm, &link.id.upstream);
    let name = upstream.map(|upstream| upstream.terms.display_name.to_string());
    LinkLine {
        value: name_of(&link.id),
        provider: name.unwrap_or_else(|| link.id.upstream.to_string()),
        display: link.display.clone(),
        since: visitor.ago(link.linked_at),
    }
}

/// Names an identity in a form without saying who it is at the other provider.
fn name_of(id: &ExternalId) -> String {
    base64url(&id.digest())
}

#[derive(Debug, Deserialize)]
pub(super) struct Chosen {
    upstream: String,
}

/// Away to a provider whose identity is to be linked; it comes back to this page, linked or not.
pub(super) async fn link(
    State(account): State<Account>,
    asks: Asks,
    Form(Chosen { upstream }): Form<Chosen>,
) -> Result<Response, Away> {
    let visitor = account.enter_to_change(&asks, Tab::Providers).await?;
    let Ok(id) = UpstreamId::parse(&upstream) else {
        return Ok(wrong(Tab::Providers, Wrong::Provider(Group::NotAllowed)));
    };
    let (binding, cookie) = asks.bound(account.env.entropy.as_ref())?;
    let (user, authenticated_at) = (visitor.user.id, visitor.session.signed_in_at);
    let start = Start {
        sign_in: None,
        purpose: Purpose::Link { user, authenticated_at },
        binding,
        login_hint: None,
        fresh: false,
    };
    let url = match account.upstreams.start(visitor.realm, &id, start).await {
        Ok(url) => url,
        Err(upstreams::Error::Refused(refusal)) => {
            return Ok(wrong(Tab::Providers, Wrong::Provider(refusal.reason.group())));
        }
        Err(upstreams::Error::NotFound(_)) => {
            return Ok(wrong(Tab::Providers, Wrong::Provider(Group::NotAllowed)));
        }
        Err(error) => return Err(error.into()),
    };
    let upstream = account.upstreams.get(visitor.realm, &id);
    let name = upstream.map(|upstream| upstream.terms.display_name.to_string()).unwrap_or_default();
    let leave = LeavePage { look: &visitor.look, name: &name, url: &url };
    let mut answer = page(StatusCode::OK, &leave, &visitor.look);
    if let Some(cookie) = cookie {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(answer)
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
    let occasion = (By::Themselves, Some(asks.origin()));
    match account.upstreams.unlink(realm, user, &link.id, occasion).await {
        Ok(()) => Ok(done(Tab::Providers, Done::Removed)),
        Err(upstreams::Error::Account(Error::LastFactor)) => Ok(wrong(Tab::Providers, Wrong::Last)),
        Err(error) => Err(error.into()),
    }
}
