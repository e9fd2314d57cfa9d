//! The endpoints that browsers visit: authorize, consent, sign-out. They read cookies.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Extension, RawQuery, State};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::header::{LOCATION, SET_COOKIE};
use http::{HeaderValue, StatusCode};
use serde::Deserialize;

use super::protocol::{log, place};
use crate::http::pages::{ErrorPage, Look, Page, SignedOutPage, page};
use crate::http::{Form, Problem, Query, own_forms_only};
use crate::kernel::limits::FORM_BYTES_MAX;
use crate::kernel::{AuthorizationRequestId, Failure, Fault};
use crate::oauth::Oauth;
use crate::oauth::authorize::{Next, NotPermitted, Question};
use crate::oauth::end_session::Leave;
use crate::oauth::grant::Place;
use crate::oauth::pages::{ConsentPage, LogoutPage, ScopeLine, lasting_text, scope_text};
use crate::oauth::parameters::Parameters;
use crate::oauth::wire_error::WireError;
use crate::realms::Realm;
use crate::sessions::http::SESSION;
use crate::sessions::{Browser, Session};

/// The routes.
pub(super) fn routes(oauth: &Oauth) -> Router {
    let forms = Router::new()
        .route("/authorize/consent", post(consent))
        .route("/logout/confirm", post(confirm))
        .layer(from_fn(own_forms_only));
    Router::new()
        // A foreign page may send its reader here by a form: that is what the endpoint is for.
        .route("/authorize", get(authorize).post(authorize_form))
        .route("/authorize/continue", get(resume))
        .route("/logout", get(logout).post(logout_form))
        .merge(forms)
        .with_state(oauth.clone())
}

/// What every handler here needs of a request.
struct Visit {
    oauth: Oauth,
    place: Place,
    browser: Browser,
    look: Look,
    /// The cookie that the answer must set.
    fresh: bool,
}

impl Visit {
    fn new(oauth: Oauth, realm: &Realm, browser: Browser, look: Look) -> Self {
        Self { oauth, place: place(realm), browser, look, fresh: false }
    }

    /// From here on the browser has a cookie that requests are bound to.
    fn bind(&mut self) -> Result<(), Fault> {
        let (cookie, fresh) = self.browser.bind(self.oauth.entropy())?;
        self.browser.binding = Some(cookie);
        self.fresh = fresh;
        Ok(())
    }

    async fn answer(self, next: Result<Next, WireError>) -> Response {
        let mut answer = match next {
            Ok(Next::Away(to) | Next::Here(to)) => see_other(&to),
            Ok(Next::SignIn(request)) => {
                self.oauth.signin().start(self.place.realm, *request, &self.browser).await
            }
            Ok(Next::Consent(question)) => self.ask(&question).await,
            Ok(Next::NotPermitted(what)) => self.not_permitted(&what),
            Ok(Next::Refused(error)) | Err(error) => refused(&self.look, &error),
        };
        if let (true, Some(cookie)) = (self.fresh, &self.browser.binding) {
            answer.headers_mut().append(SET_COOKIE, cookie.header());
        }
        answer
    }

    async fn ask(&self, question: &Question) -> Response {
        let Question { id, request, session } = question;
        let look = self.look.clone().prefer(&request.ui_locales);
        let person = match self.name_of(session).await {
            Ok(person) => person,
            Err(failure) => return Problem::from(failure).into_response(),
        };
        let line = |scope: &String| ScopeLine {
            name: scope.clone(),
            text: scope_text(&look, scope).unwrap_or_else(|| scope.clone()),
            ticked: true,
        };
        let required: Vec<ScopeLine> = request.scopes.iter().map(line).collect();
        let host = url::Url::parse(&request.back.redirect_uri).ok();
        let host = host.as_ref().and_then(url::Url::host_str);
        let offline = request.scopes.contains("offline_access");
        let span = (!offline).then(|| session.expires_at.since(self.oauth.now()));
        let resource = (!request.resources.is_empty()).then(|| request.resources.join(", "));
        let template = ConsentPage {
            look: &look,
            action: "/authorize/consent",
            request: &id.to_string(),
            application: &request.client.terms.name,
            host,
            person: &person,
            resource: resource.as_deref(),
            required: &required,
            optional: &[],
            lasting: lasting_text(&look, span),
        };
        Page::new(&template, &look).may_lead_to(&request.back.redirect_uri).into_response()
    }

    fn not_permitted(&self, NotPermitted { request, reason, back }: &NotPermitted) -> Response {
        let look = self.look.clone().prefer(&request.ui_locales);
        let application = &request.client.terms.name;
        let template = ErrorPage {
            look: &look,
            title: look.say1("consent-refused-title", "application", application),
            words: look.say1("consent-refused-words", "reason", reason),
            next: Some((
                back.clone(),
                look.say1("consent-refused-back", "application", application),
            )),
            reference: None,
        };
        page(StatusCode::FORBIDDEN, &template, &look)
    }

    /// What a person is called on a page.
    async fn name_of(&self, session: &Session) -> Result<String, Failure> {
        let user = self.oauth.accounts().user(self.place.realm, session.user).await?;
        Ok(user.map(|user| user.display_name().to_owned()).unwrap_or_default())
    }

    async fn leave(self, parameters: &Parameters, confirmed: bool) -> Response {
        match self.oauth.leave(&self.place, parameters, (&self.browser, confirmed)).await {
            Ok(Leave::Done(to)) => {
                let mut answer = match to {
                    Some(to) => see_other(&to),
                    None => page(StatusCode::OK, &SignedOutPage { look: &self.look }, &self.look),
                };
                let clear = SESSION.clear();
                answer.headers_mut().append(SET_COOKIE, clear);
                answer
            }
            Ok(Leave::Ask { application, session }) => {
                let person = self.name_of(&session).await.unwrap_or_default();
                let template = LogoutPage {
                    look: &self.look,
                    action: "/logout/confirm",
                    request: &parameters.encoded(),
                    application: application.as_deref(),
                    person: Some(&person).filter(|name| !name.is_empty()).map(String::as_str),
                };
                let to = parameters.one("post_logout_redirect_uri").ok().flatten();
                Page::new(&template, &self.look).may_lead_to(to.unwrap_or_default()).into_response()
            }
            Err(error) => refused(&self.look, &error),
        }
    }
}

async fn authorize(
    State(oauth): State<Oauth>,
    Extension(realm): Extension<Arc<Realm>>,
    (browser, look): (Browser, Look),
    RawQuery(query): RawQuery,
) -> Response {
    let mut visit = Visit::new(oauth, &realm, browser, look);
    if let Err(fault) = visit.bind() {
        return Problem::from(fault).into_response();
    }
    let parameters = Parameters::of(query.unwrap_or_default().as_bytes());
    let next = visit.oauth.authorize(&visit.place, parameters, (&visit.browser, false)).await;
    visit.answer(next).await
}

/// Cookies with `SameSite=Lax` do not come with a form of another site, so the request is kept and the browser asked to come
/// again by itself. No cookie is set here: it would take the place of the one that the browser kept to itself.
async fn authorize_form(
    State(oauth): State<Oauth>,
    Extension(realm): Extension<Arc<Realm>>,
    (browser, look): (Browser, Look),
    body: Bytes,
) -> Result<Response, Problem> {
    let visit = Visit::new(oauth, &realm, browser, look);
    let next = visit.oauth.authorize(&visit.place, form(&body)?, (&visit.browser, true)).await;
    Ok(visit.answer(next).await)
}

/// What a foreign page sent. It is kept, or comes back as an address: no more than any form of ours may have.
fn form(body: &Bytes) -> Result<Parameters, Problem> {
    if body.len() > FORM_BYTES_MAX {
        return Err(Problem::too_large(Some(FORM_BYTES_MAX)));
    }
    Ok(Parameters::of(body))
}

#[derive(Debug, Deserialize)]
struct Continue {
    id: String,
    cancelled: Option<String>,
}

async fn resume(
    State(oauth): State<Oauth>,
    Extension(realm): Extension<Arc<Realm>>,
    (browser, look): (Browser, Look),
    Query(query): Query<Continue>,
) -> Response {
    let mut visit = Visit::new(oauth, &realm, browser, look);
    if let Err(fault) = visit.bind() {
        return Problem::from(fault).into_response();
    }
    let Ok(id) = AuthorizationRequestId::parse(&query.id) else {
        return Problem::no_route().into_response();
    };
    let asked = (id, query.cancelled.is_some());
    let next = visit.oauth.resume(&visit.place, asked, &visit.browser).await;
    visit.answer(next).await
}

#[derive(Debug, Deserialize)]
struct Decision {
    request: String,
    decision: String,
}

async fn consent(
    State(oauth): State<Oauth>,
    Extension(realm): Extension<Arc<Realm>>,
    (browser, look): (Browser, Look),
    Form(form): Form<Decision>,
) -> Response {
    let visit = Visit::new(oauth, &realm, browser, look);
    let Ok(id) = AuthorizationRequestId::parse(&form.request) else {
        return Problem::no_route().into_response();
    };
    let answer = (id, form.decision == "allow");
    let next = visit.oauth.answer_consent(&visit.place, answer, &visit.browser).await;
    visit.answer(next).await
}

async fn logout(
    State(oauth): State<Oauth>,
    Extension(realm): Extension<Arc<Realm>>,
    (browser, look): (Browser, Look),
    RawQuery(query): RawQuery,
) -> Response {
    let visit = Visit::new(oauth, &realm, browser, look);
    let parameters = Parameters::of(query.unwrap_or_default().as_bytes());
    visit.leave(&parameters, false).await
}

/// As with `authorize`: the browser comes again with its cookies.
async fn logout_form(body: Bytes) -> Result<Response, Problem> {
    Ok(see_other(&format!("/logout?{}", form(&body)?.encoded())))
}

async fn confirm(
    State(oauth): State<Oauth>,
    Extension(realm): Extension<Arc<Realm>>,
    (browser, look): (Browser, Look),
    Form(form): Form<Decision>,
) -> Response {
    if form.decision != "logout" {
        return see_other("/account");
    }
    let visit = Visit::new(oauth, &realm, browser, look);
    let parameters = Parameters::of(form.request.as_bytes());
    visit.leave(&parameters, true).await
}

/// 303: what was posted here is never posted again elsewhere (RFC 9700 §4.12).
fn see_other(to: &str) -> Response {
    match HeaderValue::from_str(to) {
        Ok(to) => (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response(),
        Err(_) => Problem::from(Fault::bug("an address that is no header value")).into_response(),
    }
}

fn refused(look: &Look, error: &WireError) -> Response {
    log(error);
    let template = ErrorPage {
        look,
        title: look.say("failure-invalid-title"),
        words: look.say("failure-invalid-words"),
        next: None,
        reference: Some(format!("{}: {}", error.code.as_str(), error.description)),
    };
    page(StatusCode::BAD_REQUEST, &template, look)
}
