//! What is done to a device: asked for on a page of its own, with a reason, and done by the form there.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;

use super::super::pages::{ConfirmPage, Tab, Verb};
use super::super::{Admin, Done};
use super::devices::device_id;
use super::visitor::{Asks, Away, Visitor};
use crate::devices::{Device, Error, Manage};
use crate::http::pages::{Flaw, Flaws, page};
use crate::http::{Form, Path, Problem};

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
    Ok(confirm(&visitor, (&device, verb), &Flaws::NONE, String::new()))
}

#[derive(Debug, Deserialize)]
pub(super) struct Sure {
    reason: String,
    revision: String,
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
        Ok(confirm(&visitor, (&device, verb), &Flaws::one(flaw), reason.to_owned()))
    };
    if reason.is_empty() {
        return flaw(Flaw::of("reason", look.say("admin-reason-missing"))).await;
    }
    let Ok(ask) = Manage::new(id, Some(revision), reason) else {
        return flaw(Flaw::of("reason", look.say("admin-reason-long"))).await;
    };
    let by = visitor.by.clone();
    let (done, said) = match verb {
        Verb::Lock => (devices.lock(by, ask).await, Done::Locked),
        Verb::Release => (devices.release(by, ask).await, Done::Released),
        Verb::Retire => (devices.retire(by, ask).await, Done::Retired),
    };
    match done {
        Ok(_) => {
            let back = format!("/admin/devices/{id}?done={}", said.as_str());
            Ok(Redirect::to(&back).into_response())
        }
        Err(Error::Changed) => flaw(Flaw::whole(look.say("admin-changed"))).await,
        Err(error) => Err(admin.refuse(&visitor, Tab::Fleet, error)),
    }
}

fn named((id, verb): &(String, String)) -> Result<(crate::kernel::DeviceId, Verb), Problem> {
    let verb = Verb::parse(verb).ok_or_else(|| Problem::from(Error::NotFound("page")))?;
    Ok((device_id(id)?, verb))
}

fn confirm(
    visitor: &Visitor,
    (device, verb): (&Device, Verb),
    flaws: &Flaws,
    reason: String,
) -> Response {
    let shown = ConfirmPage {
        look: &visitor.look,
        nav: visitor.nav(Tab::Fleet),
        flaws,
        verb,
        id: device.id.to_string(),
        name: device.name.clone(),
        revision: device.revision,
        reason,
    };
    let status = if flaws.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    page(status, &shown, &visitor.look)
}
