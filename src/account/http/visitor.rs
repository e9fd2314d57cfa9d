//! Who looks after an account: a browser with a session, and for a change one in which something was shown lately.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderValue;
use http::request::Parts;

use super::super::pages::{Nav, Tab};
use super::super::{Account, Done, Wrong};
use crate::accounts::User;
use crate::env::Entropy;
use crate::http::pages::{Flaws, Look};
use crate::http::{Origin, Problem};
use crate::kernel::{Assurance, Fault, Lifetime, RealmId, Timestamp, TrustDomain, UserId};
use crate::realms::Realm;
use crate::sessions::{Browser, Session};
use crate::signin::{OwnPath, SigninRequest};

/// Why there is no page for them: they sign in first and come back, may not, or something failed.
pub(super) use crate::http::pages::Away;

/// What a request to these pages brings.
#[derive(Debug)]
pub(super) struct Asks {
    realm: Arc<Realm>,
    browser: Browser,
    look: Look,
    /// What was just done, and what was wrong: the query of the page that follows a form.
    done: Option<Done>,
    wrong: Option<Wrong>,
    /// True where a new passkey was begun.
    pub(super) add: bool,
}

impl Asks {
    /// Where this realm is, for whoever has to type it.
    pub(super) fn server(&self) -> String {
        self.realm.issuer.as_str().to_owned()
    }

    /// The trust domain of this realm.
    pub(super) fn trust_domain(&self) -> &TrustDomain {
        &self.realm.trust_domain
    }

    /// Where the browser is.
    pub(super) fn origin(&self) -> Origin {
        self.browser.origin()
    }

    /// What an attempt at a provider is bound to: this browser's cookie, which a new one gets with the answer.
    pub(super) fn bound(
        &self,
        entropy: &(dyn Entropy + 'static),
    ) -> Result<([u8; 32], Option<HeaderValue>), Away> {
        let (cookie, new) = self.browser.bind(entropy)?;
        Ok((cookie.digest(), new.then(|| cookie.header())))
    }
}

/// The person whose account it is.
#[derive(Debug)]
pub(super) struct Visitor {
    /// In which realm.
    pub(super) realm: RealmId,
    /// Who.
    pub(super) user: Arc<User>,
    /// By which session.
    pub(super) session: Arc<Session>,
    /// How pages look for them.
    pub(super) look: Look,
    /// What is wrong with the form that was sent before.
    pub(super) flaws: Flaws,
    /// When.
    pub(super) now: Timestamp,
    done: Option<Done>,
}

/// What has to be shown again before a change.
#[derive(Debug)]
struct Again {
    /// By whom.
    user: UserId,
    /// Since when it would have done.
    since: Timestamp,
    /// How sure.
    least: Assurance,
}

impl Account {
    /// Whoever has a session comes in to look.
    pub(super) async fn enter(&self, asks: &Asks, tab: Tab) -> Result<Visitor, Away> {
        let Some(session) = self.session_of(asks).await? else {
            return Err(self.elsewhere(asks, tab, None).await);
        };
        let realm = asks.realm.id;
        let Some(user) = self.accounts.user(realm, session.user).await? else {
            return Err(self.elsewhere(asks, tab, None).await);
        };
        Ok(self.visitor(asks, session, user))
    }

    /// Whoever has shown something in the last five minutes comes in to change, with two factors if they have two: one that
    /// was stolen must not become a second. Others show it again, and come back to the page, where they can repeat what they
    /// wanted: a form is never kept.
    pub(super) async fn enter_to_change(&self, asks: &Asks, tab: Tab) -> Result<Visitor, Away> {
        let Some(session) = self.session_of(asks).await? else {
            return Err(self.elsewhere(asks, tab, None).await);
        };
        let realm = asks.realm.id;
        let since = self.env.clock.now().minus(LATELY);
        let user = self.accounts.fresh(realm, session.user).await?.filter(|user| user.is_active());
        let Some(user) = user else { return Err(self.elsewhere(asks, tab, None).await) };
        let least = if user.factors.shows_two() { Assurance::Aal2 } else { Assurance::Aal1 };
        if session.signed_in_at >= since && session.assurance >= least {
            return Ok(self.visitor(asks, session, user));
        }
        let again = Again { user: user.id, since, least };
        Err(self.elsewhere(asks, tab, Some(again)).await)
    }

    async fn session_of(&self, asks: &Asks) -> Result<Option<Arc<Session>>, Away> {
        let Some(cookie) = &asks.browser.session else { return Ok(None) };
        Ok(self.sessions.by_cookie(asks.realm.id, cookie).await?)
    }

    async fn elsewhere(&self, asks: &Asks, tab: Tab, again: Option<Again>) -> Away {
        let Some(path) = OwnPath::parse(tab.path()) else {
            return Fault::bug("a path of our own").into();
        };
        let mut request = SigninRequest::to(path);
        if let Some(Again { user, since, least }) = again {
            request.expected_user = Some(user);
            request.fresh_after = Some(since);
            request.assurance = Some(least);
        }
        Away::to(self.signin.start(asks.realm.id, request, &asks.browser).await)
    }

    fn visitor(&self, asks: &Asks, session: Arc<Session>, user: Arc<User>) -> Visitor {
        let look = asks.look.clone().prefer(user.language.as_slice());
        let flaws = asks.wrong.map(|wrong| wrong.flaws(&look)).unwrap_or_default();
        let (realm, now) = (asks.realm.id, self.env.clock.now());
        Visitor { realm, user, session, look, flaws, now, done: asks.done }
    }
}

impl Visitor {
    /// Where they are.
    pub(super) fn nav(&self, tab: Tab) -> Nav<'_> {
        let mut nav = Nav::on(self.user.display_name(), tab);
        nav.done = self.done.map(|done| done.words(&self.look));
        nav
    }

    /// How long ago.
    pub(super) fn ago(&self, then: Timestamp) -> String {
        self.look.ago(then, self.now)
    }
}

/// Back to the page, which says what was done.
pub(super) fn done(tab: Tab, done: Done) -> Response {
    Redirect::to(&format!("{}?done={}", tab.path(), done.as_str())).into_response()
}

/// Back to the page, which says what was wrong.
pub(super) fn wrong(tab: Tab, wrong: Wrong) -> Response {
    Redirect::to(&format!("{}?wrong={}", tab.path(), wrong.as_str())).into_response()
}

impl<S: Send + Sync> FromRequestParts<S> for Asks {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let realm = parts.extensions.get::<Arc<Realm>>().cloned();
        let realm = realm.ok_or_else(|| Fault::bug("a request without its realm"))?;
        let browser = Browser::from_request_parts(parts, state).await?;
        let look = Look::of(&parts.headers, &parts.extensions, &parts.uri);
        let query = parts.uri.query().unwrap_or_default();
        let said = |name: &str| {
            let pairs = url::form_urlencoded::parse(query.as_bytes());
            pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let done = said("done").and_then(|word| Done::parse(&word));
        let wrong = said("wrong").and_then(|word| Wrong::parse(&word));
        Ok(Self { realm, browser, look, done, wrong, add: said("add").is_some() })
    }
}

/// To change what one signs in with, something was shown at most so long ago.
const LATELY: Lifetime = Lifetime::minutes(5);
