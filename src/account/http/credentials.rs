//! The password, the authenticator app, the recovery codes.
//!
//! What is shown once (a new secret, new codes) is the answer to the form itself: a page of its own would have to keep it.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use http::header::SET_COOKIE;
use serde::Deserialize;

use super::super::pages::{
    AuthenticatorPage, AuthenticatorState, PasswordPage, RecoveryCodesPage, Tab,
};
use super::super::{Account, Done, Wrong, picture_of};
use super::visitor::{Asks, Away, Visitor, done, wrong};
use crate::accounts::{By, Error};
use crate::http::Form;
use crate::http::pages::page;
use crate::kernel::Secret;

pub(super) async fn password(State(account): State<Account>, asks: Asks) -> Result<Response, Away> {
    let visitor = account.enter(&asks, Tab::Password).await?;
    let shown = PasswordPage {
        look: &visitor.look,
        nav: visitor.nav(Tab::Password),
        flaws: &visitor.flaws,
        present: visitor.user.factors.password,
        least: account.accounts.settings().password_chars_min,
    };
    Ok(page(StatusCode::OK, &shown, &visitor.look))
}

/// A new password, typed twice, and whether everything else ends with the old one.
#[derive(Deserialize)]
pub(super) struct Chosen {
    password: String,
    repeated: String,
    elsewhere: Option<String>,
}

pub(super) async fn set_password(
    State(account): State<Account>,
    asks: Asks,
    Form(chosen): Form<Chosen>,
) -> Result<Response, Away> {
    let visitor = account.enter_to_change(&asks, Tab::Password).await?;
    let (password, repeated) = (Secret::new(chosen.password), Secret::new(chosen.repeated));
    if !password.equals(repeated.expose().as_bytes()) {
        return Ok(wrong(Tab::Password, Wrong::Repeated));
    }
    let (realm, user) = (visitor.realm, visitor.user.id);
    let ends = chosen.elsewhere.as_deref() == Some("end");
    let set = if ends {
        account.accounts.renew_password(realm, user, &password, By::Themselves).await
    } else {
        account.accounts.set_password(realm, user, &password, By::Themselves).await
    };
    let mut answer = match set {
        Ok(()) => done(Tab::Password, Done::Saved),
        Err(Error::Password(_)) => return Ok(wrong(Tab::Password, Wrong::Password)),
        Err(error) => return Err(error.into()),
    };
    if ends {
        let here = account.sessions.begin_anew(&visitor.session).await?;
        answer.headers_mut().append(SET_COOKIE, here.cookie.header());
    }
    Ok(answer)
}

pub(super) async fn authenticator(
    State(account): State<Account>,
    asks: Asks,
) -> Result<Response, Away> {
    let visitor = account.enter(&asks, Tab::Authenticator).await?;
    let present = visitor.user.factors.totp;
    let state = if present { AuthenticatorState::Present } else { AuthenticatorState::Absent };
    Ok(authenticator_page(&visitor, state))
}

fn authenticator_page(visitor: &Visitor, state: AuthenticatorState) -> Response {
    let shown = AuthenticatorPage {
        look: &visitor.look,
        nav: visitor.nav(Tab::Authenticator),
        flaws: &visitor.flaws,
        state,
    };
    page(StatusCode::OK, &shown, &visitor.look)
}

pub(super) async fn start_authenticator(
    State(account): State<Account>,
    asks: Asks,
) -> Result<Response, Away> {
    let visitor = account.enter_to_change(&asks, Tab::Authenticator).await?;
    let enrolment = account.accounts.enrol_totp(visitor.realm, visitor.user.id).await?;
    let picture = picture_of(enrolment.uri.expose()).unwrap_or_default();
    let secret = enrolment.secret.expose().clone();
    Ok(authenticator_page(&visitor, AuthenticatorState::Begun { picture, secret }))
}

#[derive(Deserialize)]
pub(super) struct Code {
    code: String,
}

/// Takes the new secret into use. After a wrong code one begins anew: the secret is shown once.
pub(super) async fn confirm_authenticator(
    State(account): State<Account>,
    asks: Asks,
    Form(Code { code }): Form<Code>,
) -> Result<Response, Away> {
    let visitor = account.enter_to_change(&asks, Tab::Authenticator).await?;
    match account.accounts.confirm_totp(visitor.realm, visitor.user.id, &code).await {
        Ok(true) => Ok(done(Tab::Authenticator, Done::Confirmed)),
        Ok(false) | Err(Error::Spent) => Ok(wrong(Tab::Authenticator, Wrong::Code)),
        Err(Error::Limited { .. }) => Ok(wrong(Tab::Authenticator, Wrong::Limited)),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn remove_authenticator(
    State(account): State<Account>,
    asks: Asks,
) -> Result<Response, Away> {
    let visitor = account.enter_to_change(&asks, Tab::Authenticator).await?;
    match account.accounts.remove_totp(visitor.realm, visitor.user.id, By::Themselves).await {
        Ok(()) => Ok(done(Tab::Authenticator, Done::Removed)),
        Err(Error::LastFactor) => Ok(wrong(Tab::Authenticator, Wrong::Last)),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn recovery_codes(
    State(account): State<Account>,
    asks: Asks,
) -> Result<Response, Away> {
    let visitor = account.enter(&asks, Tab::RecoveryCodes).await?;
    Ok(codes_page(&visitor, Vec::new()))
}

pub(super) async fn make_recovery_codes(
    State(account): State<Account>,
    asks: Asks,
) -> Result<Response, Away> {
    let visitor = account.enter_to_change(&asks, Tab::RecoveryCodes).await?;
    let codes = account.accounts.make_recovery_codes(visitor.realm, visitor.user.id).await?;
    let shown = codes.iter().map(|code| code.expose().clone()).collect();
    Ok(codes_page(&visitor, shown))
}

fn codes_page(visitor: &Visitor, codes: Vec<String>) -> Response {
    let left = usize::try_from(visitor.user.factors.recovery_codes).unwrap_or(usize::MAX);
    let shown = RecoveryCodesPage {
        look: &visitor.look,
        nav: visitor.nav(Tab::RecoveryCodes),
        flaws: &visitor.flaws,
        left,
        codes,
    };
    page(StatusCode::OK, &shown, &visitor.look)
}
