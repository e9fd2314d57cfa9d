//! The doors of one's own account: who it is, whether it was shown lately, and the pages at a glance.

mod applications;
mod credentials;
mod data;
mod devices;
mod history;
mod passkeys;
mod providers;
mod sessions;
mod visitor;

use axum::Router;
use axum::extract::State;
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::{get, post};
use http::StatusCode;

use super::pages::{OverviewPage, Tab};
use super::{Account, Standing, cards, console};
use crate::access::{Administrator, Asker};
use crate::http::own_forms_only;
use crate::http::pages::{Look, SignedOutPage, page};
use crate::kernel::Fault;
use visitor::{Asks, Away, Visitor};

/// `/account` and what is below it.
pub fn routes(account: &Account) -> Router {
    Router::new()
        .route("/account", get(overview))
        .route("/account/signed-out", get(signed_out))
        .route("/account/sign-out", post(sessions::sign_out))
        .route("/account/sessions", get(sessions::show))
        .route("/account/sessions/end", post(sessions::end))
        .route("/account/sessions/end-all", post(sessions::end_all))
        .route("/account/devices", get(devices::show))
        .route("/account/devices/retire", post(devices::retire))
        .route("/account/passkeys", get(passkeys::show))
        .route("/account/passkeys/start", post(passkeys::start))
        .route("/account/passkeys/add", post(passkeys::add))
        .route("/account/passkeys/rename", post(passkeys::rename))
        .route("/account/passkeys/remove", post(passkeys::remove))
        .route("/account/passkeys/offer", post(passkeys::offer))
        .route("/account/password", get(credentials::password).post(credentials::set_password))
        .route("/account/authenticator", get(credentials::authenticator))
        .route("/account/authenticator/start", post(credentials::start_authenticator))
        .route("/account/authenticator/confirm", post(credentials::confirm_authenticator))
        .route("/account/authenticator/remove", post(credentials::remove_authenticator))
        .route("/account/recovery-codes", get(credentials::recovery_codes))
        .route("/account/recovery-codes/make", post(credentials::make_recovery_codes))
        .route("/account/providers", get(providers::show))
        .route("/account/providers/link", post(providers::link))
        .route("/account/providers/unlink", post(providers::unlink))
        .route("/account/applications", get(applications::show))
        .route("/account/applications/withdraw", post(applications::withdraw))
        .route("/account/history", get(history::show))
        .route("/account/verification", post(data::verify))
        .route("/account/email", post(data::change_address))
        .route("/account/data", get(data::show))
        .route("/account/language", post(data::set_language))
        .route("/account/export", post(data::export))
        .route("/account/delete", get(data::ask_delete).post(data::delete))
        .layer(from_fn(own_forms_only))
        .with_state(account.clone())
}

async fn overview(State(account): State<Account>, asks: Asks) -> Result<Response, Away> {
    let visitor = account.enter(&asks, Tab::Overview).await?;
    let sessions = account.sessions.list(visitor.realm, visitor.user.id).await?.len();
    let applications = account.oauth.connected(visitor.realm, visitor.user.id).await?.len();
    let devices = account.devices_of(&visitor).await?.len();
    let factors = &visitor.user.factors;
    let many = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
    let standing = Standing {
        passkeys: many(factors.passkeys),
        password: factors.password,
        authenticator: factors.totp,
        codes: many(factors.recovery_codes),
        sessions,
        devices,
        linked: many(factors.external),
        applications,
    };
    let mut cards = cards(&visitor.look, &standing);
    let roles = account.roles(&asks, &visitor)?;
    cards.extend((!roles.is_empty()).then(|| console(&visitor.look, &roles)));
    let unproven = account.unproven(&visitor).map(str::to_owned);
    let shown = OverviewPage {
        look: &visitor.look,
        nav: visitor.nav(Tab::Overview),
        flaws: &visitor.flaws,
        unproven,
        cards,
    };
    Ok(page(StatusCode::OK, &shown, &visitor.look))
}

impl Account {
    /// The roles that this person holds in the realm: who holds one finds something at the console.
    fn roles(&self, asks: &Asks, visitor: &Visitor) -> Result<Vec<&'static str>, Away> {
        let id = visitor.user.spiffe_id(asks.trust_domain()).map_err(Fault::bug)?;
        let by = Administrator { realm: visitor.realm, asker: Asker::person(&id) };
        let held = self.access.held_by(&by)?;
        let mut roles: Vec<&'static str> = held.iter().map(|given| given.role().as_str()).collect();
        roles.sort_unstable();
        roles.dedup();
        Ok(roles)
    }
}

async fn signed_out(look: Look) -> Response {
    page(StatusCode::OK, &SignedOutPage { look: &look }, &look)
}
