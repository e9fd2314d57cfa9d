//! The language, a copy of what is known, and the way out.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, SET_COOKIE};
use http::{HeaderValue, StatusCode};
use serde::Deserialize;

use super::super::pages::{DataPage, DeletePage, Tab};
use super::super::{Account, Done, Wrong};
use super::visitor::{Asks, Away, Visitor, done, wrong};
use crate::accounts::{AskedFrom, AttributeName, By, Error, UserChange};
use crate::http::pages::{Language, page};
use crate::http::{Form, Problem};
use crate::sessions::http::SESSION;

pub(super) async fn show(State(account): State<Account>, asks: Asks) -> Result<Response, Away> {
    let visitor = account.enter(&asks, Tab::Data).await?;
    let nav = visitor.nav(Tab::Data);
    let email = visitor.user.attribute(AttributeName::Email).unwrap_or_default().to_owned();
    let email = account.accounts.sends_mail().then_some(email);
    let shown = DataPage { look: &visitor.look, nav, flaws: &visitor.flaws, email };
    Ok(page(StatusCode::OK, &shown, &visitor.look))
}

impl Account {
    /// Their e-mail address, where a letter would prove it.
    pub(super) fn unproven<'a>(&self, visitor: &'a Visitor) -> Option<&'a str> {
        let user = &visitor.user;
        let unproven = self.accounts.sends_mail() && user.verified_email().is_none();
        user.attribute(AttributeName::Email).filter(|_| unproven)
    }
}

/// Sends the letter that proves the address once more. It goes to the address that is known, so nothing has to be shown for it.
pub(super) async fn verify(State(account): State<Account>, asks: Asks) -> Result<Response, Away> {
    let visitor = account.enter(&asks, Tab::Overview).await?;
    if account.unproven(&visitor).is_none() {
        return Ok(Redirect::to(Tab::Overview.path()).into_response());
    }
    let language = Some(visitor.look.language());
    let from = AskedFrom { address: asks.origin().address, language };
    match account.accounts.send_verification(visitor.realm, visitor.user.id, from).await {
        Ok(()) => Ok(done(Tab::Overview, Done::LetterSent)),
        Err(Error::Limited { .. }) => Ok(wrong(Tab::Overview, Wrong::Limited)),
        Err(error) => Err(error.into()),
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Address {
    address: String,
}

/// Sends a letter to the address that shall be theirs; it is once its link was used. What is answered does not go by whose the
/// address is.
pub(super) async fn change_address(
    State(account): State<Account>,
    asks: Asks,
    Form(wanted): Form<Address>,
) -> Result<Response, Away> {
    let visitor = account.enter_to_change(&asks, Tab::Data).await?;
    let language = Some(visitor.look.language());
    let from = AskedFrom { address: asks.origin().address, language };
    let (realm, user) = (visitor.realm, visitor.user.id);
    let sent = account.accounts.send_change_of_address(realm, user, (&wanted.address, from));
    match sent.await {
        Ok(()) => Ok(done(Tab::Data, Done::LetterSent)),
        Err(Error::Limited { .. }) => Ok(wrong(Tab::Data, Wrong::Limited)),
        Err(Error::Invalid { .. }) => Ok(wrong(Tab::Data, Wrong::Address)),
        Err(error) => Err(error.into()),
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Chosen {
    language: String,
}

/// The language of mails, and of pages where none was chosen. Changes nothing that one signs in with.
pub(super) async fn set_language(
    State(account): State<Account>,
    asks: Asks,
    Form(chosen): Form<Chosen>,
) -> Result<Response, Away> {
    let visitor = account.enter(&asks, Tab::Data).await?;
    let language = Language::of_tag(&chosen.language)
        .ok_or_else(|| Problem::invalid("request.language", "pages do not speak this language"))?;
    let change =
        UserChange { language: Some(Some(language.tag().to_owned())), ..UserChange::default() };
    account.accounts.amend(visitor.realm, visitor.user.id, change, By::Themselves).await?;
    Ok(done(Tab::Data, Done::Saved))
}

/// Everything that is known of a person, as a file.
pub(super) async fn export(State(account): State<Account>, asks: Asks) -> Result<Response, Away> {
    let visitor = account.enter_to_change(&asks, Tab::Data).await?;
    let document = account.accounts.export(visitor.realm, visitor.user.id).await?;
    let mut answer = document.to_string().into_response();
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let name = HeaderValue::from_static("attachment; filename=\"account.json\"");
    headers.insert(CONTENT_DISPOSITION, name);
    Ok(answer)
}

pub(super) async fn ask_delete(
    State(account): State<Account>,
    asks: Asks,
) -> Result<Response, Away> {
    let visitor = account.enter(&asks, Tab::Data).await?;
    let nav = visitor.nav(Tab::Data);
    let shown = DeletePage { look: &visitor.look, nav, flaws: &visitor.flaws };
    Ok(page(StatusCode::OK, &shown, &visitor.look))
}

#[derive(Debug, Deserialize)]
pub(super) struct Sure {
    sure: Option<String>,
}

/// Erases the account: only with the box ticked, and only for whoever has shown who they are lately.
pub(super) async fn delete(
    State(account): State<Account>,
    asks: Asks,
    Form(Sure { sure }): Form<Sure>,
) -> Result<Response, Away> {
    let visitor = account.enter_to_change(&asks, Tab::Data).await?;
    if sure.as_deref() != Some("yes") {
        let back = format!("/account/delete?wrong={}", Wrong::Sure.as_str());
        return Ok(Redirect::to(&back).into_response());
    }
    account.accounts.erase(visitor.realm, visitor.user.id, By::Themselves).await?;
    let cleared = SESSION.clear();
    Ok(([(SET_COOKIE, cleared)], Redirect::to("/account/signed-out")).into_response())
}
