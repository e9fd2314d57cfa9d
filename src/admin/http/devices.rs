//! The devices of a realm, and one of them.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::super::pages::{DeviceLine, FleetPage, Tab, Tile};
use super::super::{Admin, pages};
use super::visitor::{Asks, Away, Visitor};
use crate::account::posture_words::{machine, place, points, reason, signal};
use crate::accounts::{Handle, Identifier, UserFilter};
use crate::http::pages::{Look, page};
use crate::http::{Path, Problem, Query, cursor, page_then};
use crate::kernel::{DeviceId, Timestamp, UserId};
use crate::posture::scoring::Reason;
use crate::posture::{FleetOrder, FleetWish, Place, Position, Row};

/// What is looked for.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Sought {
    q: Option<String>,
    level: Option<String>,
    order: Option<String>,
    cursor: Option<String>,
}

pub(super) async fn list(
    State(admin): State<Admin>,
    asks: Asks,
    Query(sought): Query<Sought>,
) -> Result<Response, Away> {
    let visitor = admin.enter(&asks).await?;
    let mut wish = sought.wish()?;
    wish.owner = admin.owner_called(&visitor, &wish.text).await;
    let (text, here, order) = (wish.text.clone(), wish.place, wish.order);
    let found = admin.below.posture.fleet(visitor.by.clone(), wish).await;
    let found = found.map_err(|error| admin.refuse(&visitor, Tab::Fleet, error))?;
    let look = &visitor.look;
    let tile = |of: Place| tile(look, &sought, (of, found.fleet.count(of), here));
    let tiles = Place::ALL.into_iter().map(tile).collect();
    let shown = page_then(found.rows, found.next.as_ref(), |row| row)?;
    let mut devices = Vec::new();
    for row in shown.items {
        devices.push(admin.line(&visitor, row).await);
    }
    let chosen = |one: FleetOrder| (one.as_str(), order_name(look, one), one == order);
    let shown = FleetPage {
        look,
        nav: visitor.nav(Tab::Fleet),
        tiles,
        text,
        place: here.map(Place::as_str),
        orders: FleetOrder::ALL.into_iter().map(chosen).collect(),
        found: found.found,
        devices,
        next: shown.next_cursor.map(|next| sought.href(here, Some(&next))),
        first: sought.cursor.is_some().then(|| sought.href(here, None)),
        none_at_all: found.fleet.is_empty(),
        server: asks.server(),
    };
    Ok(page(StatusCode::OK, &shown, look))
}

pub(super) async fn show(
    State(admin): State<Admin>,
    asks: Asks,
    Path(id): Path<String>,
) -> Result<Response, Away> {
    let visitor = admin.enter(&asks).await?;
    let id = device_id(&id)?;
    let told = admin.below.posture.read_posture(visitor.by.clone(), id).await;
    let told = told.map_err(|error| admin.refuse(&visitor, Tab::Fleet, error))?;
    let shown = admin.device(&visitor, told).await?;
    Ok(page(StatusCode::OK, &shown, &visitor.look))
}

/// The device that an address names. What is no id names none.
pub(super) fn device_id(text: &str) -> Result<DeviceId, Problem> {
    let missing = || crate::devices::Error::NotFound("device");
    DeviceId::parse(text).map_err(|_| Problem::from(missing()))
}

impl Sought {
    fn wish(&self) -> Result<FleetWish, Problem> {
        let (limit, after) = cursor::<Position>(Some(DEVICES), self.cursor.as_deref())?;
        let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let unknown = |what| Problem::invalid("request.query", what);
        let place = said(&self.level);
        let place = place.map(|name| Place::parse(&name).ok_or("there is no such level"));
        let order = said(&self.order);
        let order = order.map(|name| FleetOrder::parse(&name).ok_or("there is no such order"));
        let text: String = said(&self.q).unwrap_or_default().chars().take(TEXT_CHARS).collect();
        Ok(FleetWish {
            text,
            owner: None,
            place: place.transpose().map_err(unknown)?,
            order: order.transpose().map_err(unknown)?.unwrap_or_default(),
            after,
            limit,
        })
    }

    /// The list with what was looked for, of those that stand here.
    fn href(&self, place: Option<Place>, cursor: Option<&str>) -> String {
        let mut query = Serializer::new(String::new());
        let place = place.map(Place::as_str);
        let said = [("q", self.q.as_deref()), ("order", self.order.as_deref())];
        for (name, value) in said.into_iter().chain([("level", place), ("cursor", cursor)]) {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                query.append_pair(name, value);
            }
        }
        let query = query.finish();
        let path = Tab::Fleet.path();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }
}

impl Admin {
    /// The person whom this text names exactly, if the visitor may look at people.
    pub(super) async fn owner_called(&self, visitor: &Visitor, text: &str) -> Option<UserId> {
        let text = text.trim();
        if let Ok(id) = UserId::parse(text) {
            return Some(id);
        }
        let of = |identifier| UserFilter { identifier: Some(identifier), ..UserFilter::default() };
        let handle = Handle::parse(text).ok();
        let filters = [
            Identifier::username(text).ok().map(of),
            Identifier::email(text).ok().map(of),
            handle.map(|handle| UserFilter { handle: Some(handle), ..UserFilter::default() }),
        ];
        for filter in filters.into_iter().flatten() {
            let found = self.below.accounts.list(&visitor.by, filter, None, 1).await;
            if let Some(user) = found.ok().and_then(|found| found.first().map(|user| user.id)) {
                return Some(user);
            }
        }
        None
    }

    /// What to call the person whose device it is: their id, where the visitor may not look at people.
    pub(super) async fn owner(&self, visitor: &Visitor, owner: UserId) -> String {
        match self.below.accounts.show(&visitor.by, owner).await {
            Ok(user) => user.display_name().to_owned(),
            Err(_) => owner.to_string(),
        }
    }

    async fn line(&self, visitor: &Visitor, row: Row) -> DeviceLine {
        let (look, device, standing) = (&visitor.look, row.device, row.standing);
        let (text, tone) =
            place(look, Place::of(&device.state, standing.level, standing.contained));
        let owner = match device.owner {
            Some(owner) => Some(self.owner(visitor, owner).await),
            None => None,
        };
        DeviceLine {
            href: format!("/admin/devices/{}", device.id),
            name: device.name.clone(),
            badge: pages::Badge { text, tone },
            score: standing.score.filter(|_| !standing.locked).map(points),
            kind: machine(look, device.class, &device.platform),
            owner,
            reason: row.hurts.map(|(signal, why)| hurts(look, &signal, why)),
            reported: reported(visitor, standing.reported),
        }
    }
}

/// `Disk encryption: not as it should be`.
fn hurts(look: &Look, name: &str, why: Reason) -> String {
    let (why, _) = reason(look, why.as_str());
    look.say2("fleet-hurts", &("signal", &signal(look, name)), &("why", &why))
}

/// When a device reported last.
pub(super) fn reported(visitor: &Visitor, then: Option<Timestamp>) -> String {
    let look = &visitor.look;
    match then {
        Some(then) => look.say1("device-reported", "when", visitor.ago(then)),
        None => look.say("device-never"),
    }
}

fn tile(look: &Look, sought: &Sought, (of, count, here): (Place, usize, Option<Place>)) -> Tile {
    let (name, tone) = place(look, of);
    let current = here == Some(of);
    let id = match of {
        Place::Waiting => "at-waiting",
        Place::Quarantine => "at-quarantine",
        Place::Restricted => "at-restricted",
        Place::Unknown => "at-unknown",
        Place::Standard => "at-standard",
        Place::Trusted => "at-trusted",
        Place::Contained => "at-contained",
        Place::Locked => "at-locked",
        Place::Retired => "at-retired",
    };
    let href = sought.href(Some(of).filter(|_| !current), None);
    Tile { id, name, count, tone, href, current }
}

fn order_name(look: &Look, order: FleetOrder) -> String {
    match order {
        FleetOrder::Worst => look.say("fleet-order-worst"),
        FleetOrder::Name => look.say("fleet-order-name"),
        FleetOrder::Silent => look.say("fleet-order-silent"),
    }
}

/// Devices on a page: a screen or two.
const DEVICES: usize = 50;
/// More than the name of a device has.
const TEXT_CHARS: usize = 128;
