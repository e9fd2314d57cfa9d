//! What is done to a device: asked for on a page of its own, with a reason, and done by the form there.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;

use super::super::pages::{Choice, ConfirmPage, Tab, Verb};
use super::super::{Admin, Done};
use super::devices::device_id;
use super::visitor::{Asks, Away, Visitor};
use crate::containment::Error::NotFound as Missing;
use crate::containment::Wish;
use crate::devices::{Device, Error, Manage};
use crate::http::pages::{Flaw, Flaws, Look, page, text_key};
use crate::http::{Form, Path, Problem};
use crate::kernel::{DeviceId, Lifetime};

/// Really?
pub(super) async fn ask(
    State(admin): State<Admin>,
    asks: Asks,
    Path(place): Path<(String, String)>,
) -> Result<Response, Away> {
    let visitor = admin.enter(&asks).await?;
    let (id, verb) = named(&place)?;
    let device = admin.below.devices.read_device(visitor.by.clone(), id);
    let device = device.map_err(|error| admin.refuse(&visitor, Tab::Fleet, error))?;
    Ok(confirm(&visitor, (&device, verb), &Flaws::NONE, ("", None)))
}

#[derive(Debug, Deserialize)]
pub(super) struct Sure {
    reason: String,
    revision: String,
    /// Hours.
    span: Option<String>,
}

/// Does it, unless somebody else did something to the device since the page was shown.
pub(super) async fn act(
    State(admin): State<Admin>,
    asks: Asks,
    Path(place): Path<(String, String)>,
    Form(sure): Form<Sure>,
) -> Result<Response, Away> {
    let (id, verb) = named(&place)?;
    let here = format!("/admin/devices/{id}/{}", verb.as_str());
    let visitor = admin.enter_to_change(&asks, &here).await?;
    let (look, devices) = (&visitor.look, &admin.below.devices);
    let revision = sure.revision.parse().map_err(|_| {
        Problem::invalid("request.form", "the page that this form is of was another one")
    })?;
    let reason = sure.reason.trim();
    let flaw = |flaw: Flaw| async {
        let device = devices.read_device(visitor.by.clone(), id);
        let device = device.map_err(|error| admin.refuse(&visitor, Tab::Fleet, error))?;
        let sent = (reason, sure.span.as_deref());
        Ok(confirm(&visitor, (&device, verb), &Flaws::one(flaw), sent))
    };
    if reason.is_empty() {
        return flaw(Flaw::of("reason", look.say("admin-reason-missing"))).await;
    }
    let Ok(ask) = Manage::new(id, Some(revision), reason) else {
        return flaw(Flaw::of("reason", look.say("admin-reason-long"))).await;
    };
    let by = visitor.by.clone();
    let (done, said) = match verb {
        Verb::Contain => {
            let lifetime = span(sure.span.as_deref());
            let wish = Wish { subject: id.to_string(), reason: reason.to_owned(), lifetime };
            return match admin.below.containments.contain(by, wish).await {
                Ok(_) => Ok(back(id, Done::Contained)),
                Err(error) => flaw(admin.flaw(&visitor, "reason", error)?).await,
            };
        }
        Verb::EndContainment => {
            let containments = &admin.below.containments;
            return match containments.release(by, (&id.to_string(), reason)).await {
                Ok(_) => Ok(back(id, Done::ContainmentEnded)),
                Err(Missing) => flaw(Flaw::whole(look.say("release-gone"))).await,
                Err(error) => flaw(admin.flaw(&visitor, "reason", error)?).await,
            };
        }
        Verb::Approve => (devices.approve(by, ask).await, Done::Approved),
        Verb::Lock => (devices.lock(by, ask).await, Done::Locked),
        Verb::Release => (devices.release(by, ask).await, Done::Released),
        Verb::Retire => (devices.retire(by, ask).await, Done::Retired),
    };
    match done {
        Ok(_) => Ok(back(id, said)),
        Err(Error::Changed) => flaw(Flaw::whole(look.say("admin-changed"))).await,
        Err(error) => Err(admin.refuse(&visitor, Tab::Fleet, error)),
    }
}

fn back(id: DeviceId, said: Done) -> Response {
    Redirect::to(&format!("/admin/devices/{id}?done={}", said.as_str())).into_response()
}

/// The hours that a containment can be chosen to last; what was not offered is the second of them.
const SPANS: [(&str, i64, &str); 4] = [
    ("1", 1, text_key("admin-span-hour")),
    ("4", 4, text_key("admin-span-hours")),
    ("24", 24, text_key("admin-span-day")),
    ("168", 168, text_key("admin-span-week")),
];

/// How long was chosen.
pub(super) fn span(chosen: Option<&str>) -> Lifetime {
    let offered = SPANS.iter().find(|(word, ..)| Some(*word) == chosen);
    Lifetime::hours(offered.map_or(4, |(_, hours, _)| *hours))
}

/// What can be chosen, with the one that was.
pub(super) fn spans(look: &Look, chosen: Option<&str>) -> Vec<Choice> {
    let chosen = span(chosen);
    let choice = |(word, hours, name): &(&'static str, i64, &'static str)| {
        (*word, look.say(name), Lifetime::hours(*hours) == chosen)
    };
    SPANS.iter().map(choice).collect()
}

/// Of a page with a form: what is wrong with it is wrong with the request.
pub(super) fn status(flaws: &Flaws) -> StatusCode {
    if flaws.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST }
}

fn named((id, verb): &(String, String)) -> Result<(DeviceId, Verb), Problem> {
    let verb = Verb::parse(verb).ok_or_else(|| Problem::from(Error::NotFound("page")))?;
    Ok((device_id(id)?, verb))
}

fn confirm(
    visitor: &Visitor,
    (device, verb): (&Device, Verb),
    flaws: &Flaws,
    (reason, chosen): (&str, Option<&str>),
) -> Response {
    let lasts = verb == Verb::Contain;
    let shown = ConfirmPage {
        look: &visitor.look,
        nav: visitor.nav(Tab::Fleet),
        flaws,
        verb,
        id: device.id.to_string(),
        name: device.name.clone(),
        revision: device.revision,
        spans: if lasts { spans(&visitor.look, chosen) } else { Vec::new() },
        reason: reason.to_owned(),
    };
    page(status(flaws), &shown, &visitor.look)
}
