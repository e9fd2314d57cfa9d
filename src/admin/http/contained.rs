//! Who is contained: the list, and the forms that contain and release anybody, each on a page of its own.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;
use url::form_urlencoded::byte_serialize;

use super::super::pages::{ContainPage, ContainedLine, ContainedPage, ReleasePage, Tab};
use super::super::{Admin, Done};
use super::manage::{span, spans, status};
use super::visitor::{Asks, Away, Visitor};
use crate::containment::model::Contain;
use crate::containment::{Containment, Error, Whom, Wish};
use crate::http::pages::{Flaw, Flaws, page};
use crate::http::{Form, Query, cursor, page_of};
use crate::kernel::{DeviceId, SpiffeId, UserId};

/// A place in the list.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Sought {
    cursor: Option<String>,
}

pub(super) async fn list(
    State(admin): State<Admin>,
    asks: Asks,
    Query(sought): Query<Sought>,
) -> Result<Response, Away> {
    let visitor = admin.enter(&asks).await?;
    let (limit, after) = cursor::<String>(Some(CONTAINED), sought.cursor.as_deref())?;
    let all = admin.below.containments.list(visitor.by.clone());
    let all = all.map_err(|error| admin.refuse(&visitor, Tab::Contained, error))?;
    let later = |one: &std::sync::Arc<Containment>| {
        after.as_deref().is_none_or(|after| *one.whom.to_string() > *after)
    };
    let found: Vec<_> = all.into_iter().filter(later).take(limit.saturating_add(1)).collect();
    let shown = page_of(found, limit, |one| one.whom.to_string(), |one| one)?;
    let mut contained = Vec::new();
    for one in shown.items {
        contained.push(admin.contained_line(&visitor, &one).await);
    }
    let href = |cursor: &str| {
        let cursor: String = byte_serialize(cursor.as_bytes()).collect();
        format!("{}?cursor={cursor}", Tab::Contained.path())
    };
    let shown = ContainedPage {
        look: &visitor.look,
        nav: visitor.nav(Tab::Contained),
        may: admin.may_contain(&visitor, ANYBODY),
        contained,
        next: shown.next_cursor.as_deref().map(href),
        first: sought.cursor.is_some().then(|| Tab::Contained.path().to_owned()),
    };
    Ok(page(StatusCode::OK, &shown, &visitor.look))
}

/// What is asked in the form, and sent by it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    subject: String,
    #[serde(default)]
    reason: String,
    /// Hours.
    span: Option<String>,
}

/// Whom, why, for how long?
pub(super) async fn ask(
    State(admin): State<Admin>,
    asks: Asks,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Away> {
    let visitor = admin.enter(&asks).await?;
    // Whoever may not look at who is contained learns that here, and not after they filled a form.
    let all = admin.below.containments.list(visitor.by.clone());
    all.map_err(|error| admin.refuse(&visitor, Tab::Contained, error))?;
    Ok(form(&visitor, &wanted, &Flaws::NONE))
}

/// Contains them.
pub(super) async fn contain(
    State(admin): State<Admin>,
    asks: Asks,
    Form(wanted): Form<Wanted>,
) -> Result<Response, Away> {
    let visitor = admin.enter_to_change(&asks, NEW).await?;
    let look = &visitor.look;
    let reason = wanted.reason.trim();
    if reason.is_empty() {
        let flaw = Flaw::of("reason", look.say("admin-reason-missing"));
        return Ok(form(&visitor, &wanted, &Flaws::one(flaw)));
    }
    let subject = admin.named(&visitor, &asks, &wanted.subject).await;
    let Some(subject) = subject else {
        let flaw = Flaw::of("subject", look.say("contain-subject-missing"));
        return Ok(form(&visitor, &wanted, &Flaws::one(flaw)));
    };
    let lifetime = span(wanted.span.as_deref());
    let wish = Wish { subject, reason: reason.to_owned(), lifetime };
    match admin.below.containments.contain(visitor.by.clone(), wish).await {
        Ok(_) => Ok(back(Done::SubjectContained)),
        Err(error) => {
            let flaw = admin.flaw(&visitor, "subject", error)?;
            Ok(form(&visitor, &wanted, &Flaws::one(flaw)))
        }
    }
}

/// Release them?
pub(super) async fn ask_release(
    State(admin): State<Admin>,
    asks: Asks,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Away> {
    let visitor = admin.enter(&asks).await?;
    let all = admin.below.containments.list(visitor.by.clone());
    all.map_err(|error| admin.refuse(&visitor, Tab::Contained, error))?;
    Ok(admin.confirm(&visitor, &wanted, &Flaws::NONE).await)
}

/// Releases them.
pub(super) async fn release(
    State(admin): State<Admin>,
    asks: Asks,
    Form(wanted): Form<Wanted>,
) -> Result<Response, Away> {
    let visitor = admin.enter_to_change(&asks, Tab::Contained.path()).await?;
    let (look, reason) = (&visitor.look, wanted.reason.trim());
    if reason.is_empty() {
        let flaw = Flaw::of("reason", look.say("admin-reason-missing"));
        return Ok(admin.confirm(&visitor, &wanted, &Flaws::one(flaw)).await);
    }
    let done = admin.below.containments.release(visitor.by.clone(), (&wanted.subject, reason));
    match done.await {
        Ok(_) => Ok(back(Done::SubjectReleased)),
        Err(Error::NotFound) => {
            let flaw = Flaw::whole(look.say("release-gone"));
            Ok(admin.confirm(&visitor, &wanted, &Flaws::one(flaw)).await)
        }
        Err(error) => {
            let flaw = admin.flaw(&visitor, "reason", error)?;
            Ok(admin.confirm(&visitor, &wanted, &Flaws::one(flaw)).await)
        }
    }
}

impl Admin {
    /// Whom these words name, as a containment calls them.
    async fn named(&self, visitor: &Visitor, asks: &Asks, words: &str) -> Option<String> {
        let words = words.trim();
        if DeviceId::parse(words).is_ok() || words.starts_with("spiffe://") {
            return Some(words.to_owned());
        }
        if words.starts_with('/') {
            let id = SpiffeId::parse(&format!("spiffe://{}{words}", asks.trust_domain())).ok()?;
            return Some(id.to_string());
        }
        Some(self.owner_called(visitor, words).await?.to_string())
    }

    /// What is wrong with a wish, beside its field; no more than a page for whoever may not.
    pub(super) fn flaw(
        &self,
        visitor: &Visitor,
        field: &'static str,
        error: Error,
    ) -> Result<Flaw, Away> {
        let look = &visitor.look;
        match error {
            Error::Oneself => Ok(Flaw::of(field, look.say("contain-oneself"))),
            Error::Invalid(why) => Ok(Flaw::of(field, look.say1("contain-cannot", "why", why))),
            error => Err(self.refuse(visitor, Tab::Contained, error)),
        }
    }

    fn may_contain(&self, visitor: &Visitor, whom: &str) -> bool {
        let ask = Contain { by: visitor.by.clone(), whom: whom.to_owned() };
        self.below.access.explain(&ask).is_ok_and(|told| told.outcome.is_ok())
    }

    async fn contained_line(&self, visitor: &Visitor, one: &Containment) -> ContainedLine {
        let look = &visitor.look;
        let subject = one.whom.to_string();
        let (kind, href) = match one.whom {
            Whom::Device(id) => {
                (look.say("contained-device"), Some(format!("/admin/devices/{id}")))
            }
            Whom::Person { .. } => (look.say("contained-person"), None),
            Whom::Named(_) => (look.say("contained-named"), None),
        };
        let when = visitor.ago(one.created_at);
        let by = match &one.by {
            Some(by) => {
                let by = self.called(visitor, by).await.unwrap_or_else(|| by.clone());
                look.say2("contained-by", &("by", &by), &("when", &when))
            }
            None => look.say1("contained-by-unknown", "when", when),
        };
        let left = look.lasting(one.ends_at.since(visitor.now));
        let named: String = byte_serialize(subject.as_bytes()).collect();
        let may = self.may_contain(visitor, &subject);
        ContainedLine {
            name: self.called(visitor, &subject).await,
            href,
            kind,
            reason: one.reason.clone(),
            by,
            exactly: look.exactly(one.created_at),
            until: look.say1("contained-until", "span", left),
            release: may.then(|| format!("/admin/contained/release?subject={named}")),
            subject,
        }
    }

    /// What people call a device or a person, if the visitor may look at it.
    async fn called(&self, visitor: &Visitor, subject: &str) -> Option<String> {
        if let Ok(id) = DeviceId::parse(subject) {
            let device = self.below.devices.read_device(visitor.by.clone(), id).ok()?;
            return Some(device.name.clone());
        }
        let user = UserId::parse(subject).ok()?;
        let user = self.below.accounts.show(&visitor.by, user).await.ok()?;
        Some(user.display_name().to_owned())
    }

    async fn confirm(&self, visitor: &Visitor, wanted: &Wanted, flaws: &Flaws) -> Response {
        let name = self.called(visitor, &wanted.subject).await;
        let shown = ReleasePage {
            look: &visitor.look,
            nav: visitor.nav(Tab::Contained),
            flaws,
            name: name.unwrap_or_else(|| wanted.subject.clone()),
            subject: wanted.subject.clone(),
            reason: wanted.reason.clone(),
        };
        page(status(flaws), &shown, &visitor.look)
    }
}

fn form(visitor: &Visitor, wanted: &Wanted, flaws: &Flaws) -> Response {
    let look = &visitor.look;
    let shown = ContainPage {
        look,
        nav: visitor.nav(Tab::Contained),
        flaws,
        subject: wanted.subject.clone(),
        reason: wanted.reason.clone(),
        spans: spans(look, wanted.span.as_deref()),
    };
    page(status(flaws), &shown, look)
}

fn back(said: Done) -> Response {
    Redirect::to(&format!("{}?done={}", Tab::Contained.path(), said.as_str())).into_response()
}

/// The page with the form, to come back to.
const NEW: &str = "/admin/contained/new";
/// What no subject is called: may this person contain at all?
const ANYBODY: &str = "anybody";
/// Contained subjects on a page: a screen or two.
const CONTAINED: usize = 50;
