//! The providers that people come through: the list, one of them, its form, and the page that tries it.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::pages::{
    Badge, FactLine, Tab, TestLines, UpstreamFormPage, UpstreamLine, UpstreamPage,
    UpstreamTestPage, UpstreamsPage,
};
use super::super::{Admin, Done};
use super::manage::status;
use super::upstream_form::{Sent, flaws};
use super::visitor::{Asks, Away, Visitor};
use crate::access::Action;
use crate::account::posture_words::Tone;
use crate::http::pages::{Flaw, Flaws, Look, page};
use crate::http::{Form, Path, Problem, Query};
use crate::kernel::UpstreamId;
use crate::upstreams::model::{SetUpstream, TestUpstream};
use crate::upstreams::{Draft, Error, Outcome, Seen, Terms, Tried, Upstream};

pub(super) async fn list(State(admin): State<Admin>, asks: Asks) -> Result<Response, Away> {
    let visitor = admin.enter(&asks).await?;
    let look = &visitor.look;
    let all = admin.below.upstreams.list(visitor.by.clone());
    let all = all.map_err(|error| admin.refuse(&visitor, Tab::Upstreams, error))?;
    let line = |one: &std::sync::Arc<Upstream>| UpstreamLine {
        href: path(&one.id),
        name: one.terms.display_name.to_string(),
        badge: badge(look, one),
        id: one.id.to_string(),
        issuer: one.terms.issuer.to_string(),
    };
    let may = |id: UpstreamId| admin.may(&SetUpstream(visitor.by.clone(), id));
    let shown = UpstreamsPage {
        look,
        nav: visitor.nav(Tab::Upstreams),
        may: UpstreamId::parse(ANY).is_ok_and(may),
        upstreams: all.iter().map(line).collect(),
    };
    Ok(page(StatusCode::OK, &shown, look))
}

pub(super) async fn show(
    State(admin): State<Admin>,
    asks: Asks,
    Path(id): Path<String>,
) -> Result<Response, Away> {
    let visitor = admin.enter(&asks).await?;
    let upstream = admin.upstream(&visitor, &id)?;
    let look = &visitor.look;
    let callback = admin.below.upstreams.callback(visitor.by.realm, &upstream.id);
    let kept =
        if upstream.has_secret() { look.say("upstream-yes") } else { look.say("upstream-no") };
    let fact = |name: String, value: String, code| FactLine { name, value, code };
    let shown = UpstreamPage {
        look,
        nav: visitor.nav(Tab::Upstreams),
        name: upstream.terms.display_name.to_string(),
        id: upstream.id.to_string(),
        badge: badge(look, &upstream),
        may_change: admin.may(&SetUpstream(visitor.by.clone(), upstream.id.clone())),
        may_test: admin.may(&TestUpstream(visitor.by.clone(), upstream.id.clone())),
        facts: vec![
            fact(look.say("upstream-callback"), callback.map_err(Problem::from)?, true),
            fact(look.say("upstream-has-secret"), kept, false),
            fact(look.say("upstream-updated"), visitor.ago(upstream.updated_at), false),
        ],
        settings: Sent::of(&upstream.terms.document().map_err(Problem::from)?)?.facts(look),
    };
    Ok(page(StatusCode::OK, &shown, look))
}

/// What shall it be?
pub(super) async fn ask_new(State(admin): State<Admin>, asks: Asks) -> Result<Response, Away> {
    let visitor = admin.enter(&asks).await?;
    // Whoever may not look at upstreams learns that here, and not after they filled a form.
    let all = admin.below.upstreams.list(visitor.by.clone());
    all.map_err(|error| admin.refuse(&visitor, Tab::Upstreams, error))?;
    Ok(form(&visitor, None, &Sent::new()?, &Flaws::NONE))
}

/// Makes it.
pub(super) async fn make(
    State(admin): State<Admin>,
    asks: Asks,
    Form(sent): Form<Sent>,
) -> Result<Response, Away> {
    let visitor = admin.enter_to_change(&asks, NEW).await?;
    let id = match UpstreamId::parse(sent.text("id")) {
        Ok(id) => id,
        Err(error) => {
            let flaws = flaws(&visitor.look, "id", &error.to_string());
            return Ok(form(&visitor, None, &sent, &flaws));
        }
    };
    admin.keep(&visitor, (id, Seen::Nothing), None, &sent).await
}

/// What shall be different?
pub(super) async fn ask_change(
    State(admin): State<Admin>,
    asks: Asks,
    Path(id): Path<String>,
) -> Result<Response, Away> {
    let visitor = admin.enter(&asks).await?;
    let upstream = admin.upstream(&visitor, &id)?;
    let sent = Sent::of(&upstream.terms.document().map_err(Problem::from)?)?;
    Ok(form(&visitor, Some((&upstream, upstream.revision)), &sent, &Flaws::NONE))
}

/// Changes it, unless somebody else did since the page was shown.
pub(super) async fn change(
    State(admin): State<Admin>,
    asks: Asks,
    Path(id): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, Away> {
    let here = format!("{}/{id}/change", Tab::Upstreams.path());
    let visitor = admin.enter_to_change(&asks, &here).await?;
    let upstream = admin.upstream(&visitor, &id)?;
    let revision: i64 = sent.text("revision").parse().map_err(|_| {
        Problem::invalid("request.form", "the page that this form is of was another one")
    })?;
    let seen = Seen::Revision(Some(revision));
    admin.keep(&visitor, (upstream.id.clone(), seen), Some((&upstream, revision)), &sent).await
}

/// A test whose claims a browser brings.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Brought {
    test: Option<String>,
}

/// With which claims? Or what did a browser bring?
pub(super) async fn ask_test(
    State(admin): State<Admin>,
    asks: Asks,
    Path(id): Path<String>,
    Query(brought): Query<Brought>,
) -> Result<Response, Away> {
    let visitor = admin.enter(&asks).await?;
    let upstream = admin.upstream(&visitor, &id)?;
    let Some(test) = brought.test else {
        return Ok(test_page(&visitor, &upstream, Trial::default()));
    };
    let told = admin.below.upstreams.test_outcome(visitor.by.clone(), &upstream.id, &test).await;
    let trial = match told {
        Ok(Tried { outcome: Some(outcome), .. }) => {
            Trial { outcome: Some(outcome), ..Trial::default() }
        }
        // Nobody came back yet: this page again shows whether they did.
        Ok(_) => Trial { waits: true, ..Trial::default() },
        Err(Error::NoTest) => {
            let wrong = Some(visitor.look.say("upstream-test-over"));
            Trial { wrong, ..Trial::default() }
        }
        Err(error) => return Err(admin.refuse(&visitor, Tab::Upstreams, error)),
    };
    Ok(test_page(&visitor, &upstream, trial))
}

#[derive(Debug, Deserialize)]
pub(super) struct Try {
    #[serde(default)]
    claims: String,
    /// Said by the button that asks the provider.
    provider: Option<String>,
}

/// Tries it: with the claims that were typed, or by asking its provider. Signs nobody in, and keeps nothing.
pub(super) async fn test(
    State(admin): State<Admin>,
    asks: Asks,
    Path(id): Path<String>,
    Form(sent): Form<Try>,
) -> Result<Response, Away> {
    let visitor = admin.enter(&asks).await?;
    let upstream = admin.upstream(&visitor, &id)?;
    let claims = match (&sent.provider, serde_json::from_str::<Map<String, Value>>(&sent.claims)) {
        (Some(_), _) => None,
        (None, Ok(claims)) => Some(claims),
        (None, Err(error)) => {
            let why = visitor.look.say1("upstream-test-claims-bad", "why", error.to_string());
            let trial = Trial { wrong: Some(why), claims: sent.claims, ..Trial::default() };
            return Ok(test_page(&visitor, &upstream, trial));
        }
    };
    let told = admin.below.upstreams.test(visitor.by.clone(), &upstream.id, claims).await;
    let told = told.map_err(|error| admin.refuse(&visitor, Tab::Upstreams, error))?;
    let Tried { connection, keys, browser, outcome } = told;
    let trial = Trial {
        wrong: connection.map(|why| visitor.look.say1("upstream-test-away", "why", why)),
        keys: browser.is_some().then(|| keys.join(", ")),
        browser,
        outcome,
        claims: sent.claims,
        waits: false,
    };
    Ok(test_page(&visitor, &upstream, trial))
}

/// What the page that tries an upstream shows.
#[derive(Debug, Default)]
struct Trial {
    wrong: Option<String>,
    keys: Option<String>,
    browser: Option<(String, String)>,
    outcome: Option<Outcome>,
    claims: String,
    waits: bool,
}

impl Admin {
    fn may(&self, ask: &impl Action) -> bool {
        self.below.access.explain(ask).is_ok_and(|told| told.outcome.is_ok())
    }

    fn upstream(&self, visitor: &Visitor, id: &str) -> Result<std::sync::Arc<Upstream>, Away> {
        let missing = || Problem::from(crate::devices::Error::NotFound("upstream"));
        let id = UpstreamId::parse(id).map_err(|_| missing())?;
        let found = self.below.upstreams.show(visitor.by.clone(), &id);
        found.map_err(|error| self.refuse(visitor, Tab::Upstreams, error))
    }

    /// Keeps what was said, or shows the form again with what is wrong with it.
    async fn keep(
        &self,
        visitor: &Visitor,
        (id, seen): (UpstreamId, Seen),
        old: Option<(&Upstream, i64)>,
        sent: &Sent,
    ) -> Result<Response, Away> {
        let look = &visitor.look;
        let again = |flaws: Flaws| Ok(form(visitor, old, sent, &flaws));
        let settings = match sent.settings(look) {
            Ok(settings) => settings,
            Err(flaw) => return again(Flaws::one(flaw)),
        };
        let kept = match Terms::of(&settings) {
            Ok(terms) => {
                let draft = Draft { id: id.clone(), terms, secret: sent.secret() };
                self.below.upstreams.set(visitor.by.clone(), draft, seen).await
            }
            Err(error) => Err(error),
        };
        let done = match kept {
            Ok((_, true)) => Done::UpstreamMade,
            Ok((_, false)) => Done::UpstreamChanged,
            Err(Error::Invalid { field, why }) => return again(flaws(look, field, &why)),
            Err(Error::Exists(_)) => {
                return again(Flaws::one(Flaw::of("id", look.say("upstream-exists"))));
            }
            Err(Error::Outdated(_)) => {
                return again(Flaws::one(Flaw::whole(look.say("upstream-outdated"))));
            }
            Err(error) => return Err(self.refuse(visitor, Tab::Upstreams, error)),
        };
        Ok(Redirect::to(&format!("{}?done={}", path(&id), done.as_str())).into_response())
    }
}

fn form(visitor: &Visitor, old: Option<(&Upstream, i64)>, sent: &Sent, flaws: &Flaws) -> Response {
    let look = &visitor.look;
    let back = old.map_or_else(|| Tab::Upstreams.path().to_owned(), |(old, _)| path(&old.id));
    let shown = UpstreamFormPage {
        look,
        nav: visitor.nav(Tab::Upstreams),
        flaws,
        name: old.map(|(old, _)| old.terms.display_name.to_string()),
        action: old.map_or_else(|| NEW.to_owned(), |_| format!("{back}/change")),
        back,
        revision: old.map(|(_, revision)| revision.to_string()),
        fields: sent.fields(look, old.is_none()),
    };
    page(status(flaws), &shown, look)
}

fn test_page(visitor: &Visitor, upstream: &Upstream, trial: Trial) -> Response {
    let look = &visitor.look;
    let Trial { wrong, keys, browser, outcome, claims, waits } = trial;
    let status = if wrong.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let shown = UpstreamTestPage {
        look,
        nav: visitor.nav(Tab::Upstreams),
        name: upstream.terms.display_name.to_string(),
        id: upstream.id.to_string(),
        wrong,
        keys,
        browser: browser
            .map(|(url, test)| (url, format!("{}/test?test={test}", path(&upstream.id)))),
        waits,
        outcome: outcome.map(|outcome| lines(look, outcome)),
        claims,
    };
    page(status, &shown, look)
}

fn lines(look: &Look, outcome: Outcome) -> TestLines {
    let Outcome { claims, assertion, verdict } = outcome;
    let claims = serde_json::to_string_pretty(&claims).unwrap_or_default();
    let Ok(assertion) = assertion else {
        return TestLines { claims, facts: Vec::new(), notes: Vec::new(), verdict };
    };
    let mapped = assertion.mapped;
    let yes = |on| if on { look.say("upstream-yes") } else { look.say("upstream-no") };
    let said = |name: String, value: String| FactLine { name, value, code: false };
    let all = |names: Vec<String>| names.join(" · ");
    let attribute = |(name, value): (&crate::accounts::AttributeName, &String)| FactLine {
        name: name.as_str().to_owned(),
        value: value.clone(),
        code: true,
    };
    let mut facts: Vec<_> = mapped.attributes.iter().map(attribute).collect();
    facts.push(said(look.say("upstream-test-verified"), yes(assertion.email_verified)));
    facts.push(said(look.say("upstream-test-two-factors"), yes(mapped.two_factors)));
    let theirs = all(mapped.upstream_groups.iter().cloned().collect());
    facts.push(said(look.say("upstream-test-their-groups"), theirs));
    facts
        .push(said(look.say("upstream-test-groups"), all(mapped.groups.iter().cloned().collect())));
    TestLines { claims, facts, notes: mapped.notes, verdict }
}

fn badge(look: &Look, upstream: &Upstream) -> Badge {
    if upstream.terms.enabled {
        Badge { text: look.say("upstream-on"), tone: Tone::Good }
    } else {
        Badge { text: look.say("upstream-off"), tone: Tone::Plain }
    }
}

fn path(id: &UpstreamId) -> String {
    format!("{}/{id}", Tab::Upstreams.path())
}

/// The page with the form of a new one, to come back to.
const NEW: &str = "/admin/new-upstream";
/// A name that any upstream could have: may this person make one at all?
const ANY: &str = "any";
