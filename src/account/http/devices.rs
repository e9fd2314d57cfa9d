//! One's own devices: how each stands, and what to do about it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::super::pages::{DeviceCard, DeviceFix, DevicesPage, Needs, Tab};
use super::super::posture_words::{fix, machine, place, points, reason, signal};
use super::super::{Account, Done};
use super::visitor::{Asks, Away, Visitor, done};
use crate::devices::Device;
use crate::devices::model::State as Condition;
use crate::http::pages::{Look, page};
use crate::http::{Form, Problem};
use crate::kernel::{BasisPoints, DeviceId};
use crate::posture::scoring::Reason;
use crate::posture::{Place, Told};
use crate::wire::posture::ScoredDocument;

pub(super) async fn show(State(account): State<Account>, asks: Asks) -> Result<Response, Away> {
    let visitor = account.enter(&asks, Tab::Devices).await?;
    let mut devices = Vec::new();
    for device in account.devices_of(&visitor).await? {
        let device = Arc::new(device);
        let told = account.posture.of_owner(visitor.realm, visitor.user.id, device).await?;
        devices.push(card(&visitor, &told));
    }
    let shown = DevicesPage {
        look: &visitor.look,
        nav: visitor.nav(Tab::Devices),
        devices,
        server: asks.server(),
    };
    Ok(page(StatusCode::OK, &shown, &visitor.look))
}

#[derive(Debug, Deserialize)]
pub(super) struct Which {
    device: String,
}

/// Puts one out for good. Somebody else's is not there.
pub(super) async fn retire(
    State(account): State<Account>,
    asks: Asks,
    Form(which): Form<Which>,
) -> Result<Response, Away> {
    let visitor = account.enter_to_change(&asks, Tab::Devices).await?;
    let wrong = |_| Problem::invalid("request.form", "this is no device's id");
    let device = DeviceId::parse(&which.device).map_err(wrong)?;
    let owner = (visitor.user.id, visitor.user.number);
    account.devices.retire_own(visitor.realm, owner, device).await?;
    Ok(done(Tab::Devices, Done::Retired))
}

impl Account {
    /// The devices of this person that are not retired, by name.
    pub(super) async fn devices_of(&self, visitor: &Visitor) -> Result<Vec<Device>, Away> {
        let mut devices = self.devices.owned(visitor.realm, visitor.user.id).await?;
        devices.retain(|device| !matches!(device.state, Condition::Retired { .. }));
        devices.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        devices.truncate(DEVICES_MAX);
        Ok(devices)
    }
}

fn card(visitor: &Visitor, told: &Told) -> DeviceCard {
    let (look, device, standing) = (&visitor.look, &told.device, &told.standing);
    let (badge, tone) = place(look, Place::of(&device.state, standing.level, standing.contained));
    let scored = told.reported.as_ref().map(|reported| &reported.scored);
    DeviceCard {
        id: device.id.to_string(),
        name: device.name.clone(),
        kind: machine(look, device.class, &device.platform),
        badge,
        tone,
        score: standing.score.filter(|_| !standing.locked).map(points),
        reported: match standing.reported {
            Some(then) => look.say1("device-reported", "when", visitor.ago(then)),
            None => look.say("device-never"),
        },
        put_out: device.state.reason().map(str::to_owned),
        fixes: scored.map(|scored| fixes(look, scored)).unwrap_or_default(),
        why: scored.map(|scored| why(look, scored)).unwrap_or_default(),
        silent: told.reported.is_none(),
        needs: match (&device.state, device.asked_key) {
            (Condition::Waiting, _) => Needs::Approval,
            (Condition::Enrolled, Some(_)) => Needs::Credentials,
            _ => Needs::Nothing,
        },
    }
}

fn fixes(look: &Look, scored: &ScoredDocument) -> Vec<DeviceFix> {
    let now = scored.score_basis_points;
    let one = |of: &crate::wire::posture::ScoredImprovement| {
        let gain = BasisPoints::new(of.score_basis_points.saturating_sub(now));
        DeviceFix {
            name: signal(look, &of.signal),
            words: fix(look, &of.signal, &of.remedy),
            gain: (gain > BasisPoints::ZERO)
                .then(|| look.say1("devices-gain", "points", points(gain))),
        }
    };
    scored.improvements.iter().map(one).collect()
}

/// What is not as it should be, or not known, what takes most first.
fn why(look: &Look, scored: &ScoredDocument) -> Vec<String> {
    let people = [Reason::Failing, Reason::Stale, Reason::Unknown].map(Reason::as_str);
    let mut all: Vec<_> =
        scored.signals.iter().filter(|one| people.contains(&one.reason.as_str())).collect();
    all.sort_by_key(|one| std::cmp::Reverse(one.loss_basis_points));
    let said = |one: &&crate::wire::posture::ScoredSignal| {
        let (why, _) = reason(look, &one.reason);
        look.say2("fleet-hurts", &("signal", &signal(look, &one.signal)), &("why", &why))
    };
    all.iter().map(said).collect()
}

/// More than a person looks after; whoever has more asks the command line.
const DEVICES_MAX: usize = 50;
