//! Passkeys: shown, added, renamed, removed, and offered again.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;

use super::super::pages::{Creation, PasskeyLine, PasskeysPage, Tab};
use super::super::{Account, Done, Wrong};
use super::visitor::{Asks, Away, Visitor, done, wrong};
use crate::accounts::{By, Error, Passkey};
use crate::crypto::digest::{base64url, from_base64url};
use crate::http::pages::page;
use crate::http::{Form, Problem};
use crate::kernel::PasskeyId;

/// Those there are; after `start`, with what the browser needs to make a new one.
pub(super) async fn show(State(account): State<Account>, asks: Asks) -> Result<Response, Away> {
    let visitor = if asks.add {
        account.enter_to_change(&asks, Tab::Passkeys).await?
    } else {
        account.enter(&asks, Tab::Passkeys).await?
    };
    let (realm, user) = (visitor.realm, visitor.user.id);
    let creation = if asks.add {
        let challenge = account.accounts.register_passkey_start(realm, user).await?;
        let (options, state) = (challenge.options.to_string(), base64url(&challenge.state));
        Some(Creation { options, state })
    } else {
        None
    };
    let all = account.accounts.passkeys(realm, user).await?;
    // Whoever has a passkey is offered none anyway.
    let declined = visitor.user.passkey_declined_at.filter(|_| all.is_empty());
    let shown = PasskeysPage {
        look: &visitor.look,
        nav: visitor.nav(Tab::Passkeys),
        flaws: &visitor.flaws,
        passkeys: all.iter().map(|passkey| line(&visitor, passkey)).collect(),
        declined: declined.map(|at| visitor.ago(at)),
        creation,
        suggestion: visitor.look.say("passkeys-new-name"),
    };
    Ok(page(StatusCode::OK, &shown, &visitor.look))
}

fn line(visitor: &Visitor, passkey: &Passkey) -> PasskeyLine {
    PasskeyLine {
        id: passkey.id.to_string(),
        name: passkey.name.clone(),
        kind: (!passkey.synced).then(|| visitor.look.say("how-hardware-passkey")),
        since: visitor.ago(passkey.created_at),
        used: passkey.used_at.map(|used| visitor.ago(used)),
    }
}

/// Whoever has shown who they are lately goes on to make one.
pub(super) async fn start(State(account): State<Account>, asks: Asks) -> Result<Response, Away> {
    account.enter_to_change(&asks, Tab::Passkeys).await?;
    Ok(Redirect::to("/account/passkeys?add").into_response())
}

/// What the script sends.
#[derive(Deserialize)]
pub(super) struct Made {
    credential: String,
    state: String,
    name: String,
}

pub(super) async fn add(
    State(account): State<Account>,
    asks: Asks,
    Form(made): Form<Made>,
) -> Result<Response, Away> {
    let visitor = account.enter_to_change(&asks, Tab::Passkeys).await?;
    let Some(state) = from_base64url(&made.state) else {
        return Ok(wrong(Tab::Passkeys, Wrong::Passkey));
    };
    let said = (made.credential.as_str(), made.name.as_str());
    let (realm, user) = (visitor.realm, visitor.user.id);
    match account.accounts.register_passkey_finish(realm, user, &state, said).await {
        Ok(_) => Ok(done(Tab::Passkeys, Done::PasskeyAdded)),
        Err(Error::Spent | Error::Taken { .. } | Error::Invalid { .. }) => {
            Ok(wrong(Tab::Passkeys, Wrong::Passkey))
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Renamed {
    passkey: String,
    name: String,
}

pub(super) async fn rename(
    State(account): State<Account>,
    asks: Asks,
    Form(renamed): Form<Renamed>,
) -> Result<Response, Away> {
    let visitor = account.enter_to_change(&asks, Tab::Passkeys).await?;
    let passkey = read(&renamed.passkey)?;
    let (realm, user) = (visitor.realm, visitor.user.id);
    account.accounts.rename_passkey(realm, user, passkey, &renamed.name).await?;
    Ok(done(Tab::Passkeys, Done::Saved))
}

#[derive(Debug, Deserialize)]
pub(super) struct Which {
    passkey: String,
}

/// Removes one, unless it is the last way to sign in.
pub(super) async fn remove(
    State(account): State<Account>,
    asks: Asks,
    Form(which): Form<Which>,
) -> Result<Response, Away> {
    let visitor = account.enter_to_change(&asks, Tab::Passkeys).await?;
    let passkey = read(&which.passkey)?;
    let (realm, user) = (visitor.realm, visitor.user.id);
    match account.accounts.remove_passkey(realm, user, passkey, By::Themselves).await {
        Ok(()) => Ok(done(Tab::Passkeys, Done::Removed)),
        Err(Error::LastFactor) => Ok(wrong(Tab::Passkeys, Wrong::Last)),
        Err(error) => Err(error.into()),
    }
}

/// Has sign-ins offer a passkey again. It changes nothing that one signs in with, so nothing has to be shown for it.
pub(super) async fn offer(State(account): State<Account>, asks: Asks) -> Result<Response, Away> {
    let visitor = account.enter(&asks, Tab::Passkeys).await?;
    account.accounts.offer_passkey_again(visitor.realm, visitor.user.id).await?;
    Ok(done(Tab::Passkeys, Done::Saved))
}

fn read(text: &str) -> Result<PasskeyId, Problem> {
    PasskeyId::parse(text).map_err(|_| Problem::invalid("request.form", "this is no passkey's id"))
}
