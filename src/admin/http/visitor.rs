//! Who looks after a realm: a browser with a session in which two factors were shown, and for a change one in which something
//! was shown lately. What that person may do is for `access` to say, of the same caller as over REST.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;

use super::super::pages::{Nav, RefusedPage, Tab};
use super::super::{Admin, Done};
use crate::access::http::granted;
use crate::access::{Administrator, Asker};
use crate::accounts::User;
use crate::http::Problem;
use crate::http::pages::{Look, page};
use crate::kernel::{
    Assurance, Caller, ClientId, Evidence, EvidenceSource, Failure, Fault, Kind, Lifetime,
    Listener, Proof, Subject, SubjectKind, Timestamp, TrustDomain,
};
use crate::realms::Realm;
use crate::sessions::{Browser, Session};
use crate::signin::{Application, OwnPath, SigninRequest};

/// Why there is no page for them: they sign in first and come back, may not, or something failed.
pub(super) use crate::http::pages::Away;

/// What a request to the console brings.
#[derive(Debug)]
pub(super) struct Asks {
    realm: Arc<Realm>,
    browser: Browser,
    look: Look,
    /// What was just done: the query of the page that follows a form.
    done: Option<Done>,
}

impl Asks {
    /// The trust domain of this realm.
    pub(super) fn trust_domain(&self) -> &TrustDomain {
        &self.realm.trust_domain
    }

    /// Where this realm is, for whoever has to type it.
    pub(super) fn server(&self) -> String {
        self.realm.issuer.as_str().to_owned()
    }
}

/// The person who looks.
#[derive(Debug)]
pub(super) struct Visitor {
    /// Who, as policies see them: the same that they are over REST.
    pub(super) by: Administrator,
    /// Who, on the page.
    user: Arc<User>,
    /// How pages look for them.
    pub(super) look: Look,
    /// When.
    pub(super) now: Timestamp,
    done: Option<Done>,
}

impl Admin {
    /// Whoever has such a session comes in to look.
    pub(super) async fn enter(&self, asks: &Asks) -> Result<Visitor, Away> {
        let Some(session) = self.session_of(asks).await? else {
            return Err(self.elsewhere(asks, asks.look.here(), None).await);
        };
        let user = self.below.accounts.user(asks.realm.id, session.user).await?;
        self.visitor(asks, session, user, asks.look.here()).await
    }

    /// Whoever has shown something in the last five minutes comes in to change. Others show it again, and come back to the
    /// page with the form, where they can repeat what they wanted.
    pub(super) async fn enter_to_change(&self, asks: &Asks, page: &str) -> Result<Visitor, Away> {
        let Some(session) = self.session_of(asks).await? else {
            return Err(self.elsewhere(asks, page, None).await);
        };
        let since = self.env.clock.now().minus(LATELY);
        if session.signed_in_at < since {
            return Err(self.elsewhere(asks, page, Some((&session, Some(since)))).await);
        }
        let user = self.below.accounts.fresh(asks.realm.id, session.user).await?;
        self.visitor(asks, session, user, page).await
    }

    async fn session_of(&self, asks: &Asks) -> Result<Option<Arc<Session>>, Away> {
        let Some(cookie) = &asks.browser.session else { return Ok(None) };
        Ok(self.below.sessions.by_cookie(asks.realm.id, cookie).await?)
    }

    async fn visitor(
        &self,
        asks: &Asks,
        session: Arc<Session>,
        user: Option<Arc<User>>,
        page: &str,
    ) -> Result<Visitor, Away> {
        let Some(user) = user.filter(|user| user.is_active()) else {
            return Err(self.elsewhere(asks, page, None).await);
        };
        if session.assurance < ENOUGH {
            return Err(self.elsewhere(asks, page, Some((&session, None))).await);
        }
        let by = self.administrator(asks, &session, &user)?;
        let look = asks.look.clone().prefer(user.language.as_slice());
        Ok(Visitor { by, user, look, now: self.env.clock.now(), done: asks.done })
    }

    /// The same asker that an access token from this session makes at the admin API.
    fn administrator(
        &self,
        asks: &Asks,
        session: &Session,
        user: &User,
    ) -> Result<Administrator, Fault> {
        let realm = &asks.realm;
        let id = user.spiffe_id(&realm.trust_domain)?;
        let evidence = Evidence {
            subject: Subject { kind: SubjectKind::User, id: id.clone(), number: user.number },
            source: EvidenceSource::Session,
            strength: session.assurance.strength(),
            at: session.signed_in_at,
            expires: session.expires_at,
            device: session.device,
            situation: session.situation(),
        };
        let standing = self.below.posture.standing(&evidence);
        let (signed_in_at, expires_at) = (session.signed_in_at, session.expires_at);
        let caller = Caller {
            realm: realm.id,
            subject: Some(id),
            proof: Proof::AccessToken { signed_in_at, expires_at },
            listener: Listener::Public,
            address: Some(asks.browser.address),
        };
        let asker = Asker::of(&caller, &realm.trust_domain);
        let asker = asker.numbered(user.number).on_device(standing);
        let asker = asker.signed_in(session.authentication());
        Ok(Administrator { realm: realm.id, asker })
    }

    /// Through sign-in, and back to this page; with a session that is not enough, its person shows more.
    async fn elsewhere(
        &self,
        asks: &Asks,
        page: &str,
        again: Option<(&Session, Option<Timestamp>)>,
    ) -> Away {
        let path = OwnPath::parse(page).or_else(|| OwnPath::parse(Tab::Fleet.path()));
        let (Some(path), Ok(id)) = (path, ClientId::parse(CONSOLE)) else {
            return Fault::bug("a path and a name of our own").into();
        };
        let mut request = SigninRequest::to(path);
        request.assurance = Some(ENOUGH);
        // Policies see who signs in to administer, whatever they call the application.
        request.client = Some(Application {
            id,
            name: asks.look.say("admin-title"),
            administration: true,
            leads_to: String::new(),
        });
        if let Some((session, since)) = again {
            request.expected_user = Some(session.user);
            request.fresh_after = since;
        }
        Away::to(self.below.signin.start(asks.realm.id, request, &asks.browser).await)
    }

    /// What a failure is for this person: where policy says no, a page that says so and what would help.
    pub(super) fn refuse(&self, visitor: &Visitor, tab: Tab, error: impl Into<Failure>) -> Away {
        let failure = error.into();
        if !matches!(failure.kind, Kind::Denied | Kind::StepUp) {
            return failure.into();
        }
        let held = match self.below.access.held_by(&visitor.by) {
            Ok(held) => held,
            Err(error) => return error.into(),
        };
        let id = visitor.by.asker.spiffe_id().map(ToString::to_string).unwrap_or_default();
        let shown = RefusedPage {
            look: &visitor.look,
            nav: Nav::on(visitor.user.display_name(), tab),
            reason: failure.public.to_string(),
            roles: held.iter().map(|one| granted(one).role.as_str().to_owned()).collect(),
            command: format!(
                "weft role bind {}-operator --to {id} --role operator",
                visitor.user.handle
            ),
        };
        Away::to(page(StatusCode::FORBIDDEN, &shown, &visitor.look))
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

impl<S: Send + Sync> FromRequestParts<S> for Asks {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let realm = parts.extensions.get::<Arc<Realm>>().cloned();
        let realm = realm.ok_or_else(|| Fault::bug("a request without its realm"))?;
        let browser = Browser::from_request_parts(parts, state).await?;
        let look = Look::of(&parts.headers, &parts.extensions, &parts.uri);
        let query = parts.uri.query().unwrap_or_default();
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        let done = pairs.find(|(key, _)| key == "done").and_then(|(_, word)| Done::parse(&word));
        Ok(Self { realm, browser, look, done })
    }
}

/// What policies and events call the console where an application would stand.
const CONSOLE: &str = "weft-console";
/// Administration needs two factors.
const ENOUGH: Assurance = Assurance::Aal2;
/// To change something, something was shown at most so long ago.
const LATELY: Lifetime = Lifetime::minutes(5);
