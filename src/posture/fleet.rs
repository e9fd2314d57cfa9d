//! The devices of a realm as a whole, for whoever looks after them: how many stand where, and a page of them, what hurts
//! most first.
//!
//! Standings age with the clock, so no index of them stays right. All of them are judged in one go instead, off the threads
//! that serve, and what came out is used again for as long as twenty times what it took: a small fleet is judged anew for
//! each look, one of 100,000 devices every few seconds, and neither takes more than a twentieth of a core. What stands on a
//! page is judged once more as the page is made. A page holds `limit` devices whatever the fleet has; making one looks at
//! each device of what came out once.

use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use super::scoring::Reason;
use super::standing::judged;
use super::words::{Current, hurting};
use super::{Error, Known, Posture};
use crate::access::Administrator;
use crate::devices::Device;
use crate::devices::model::{ReadDevice, State};
use crate::kernel::{
    BasisPoints, DeviceId, Fault, Level, Lifetime, RealmId, Standing, Timestamp, UserId,
};

/// Where a device stands, what hurts most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// Its owner asked for it, and somebody has to approve.
    Waiting,
    /// Something is badly wrong.
    Quarantine,
    /// Below what daily work needs.
    Restricted,
    /// It never reported, or not for long.
    Unknown,
    /// Good for daily work.
    Standard,
    /// Good for administration.
    Trusted,
    /// For a while it gets nothing, whatever its level.
    Contained,
    /// Somebody locked it.
    Locked,
    /// It was put out for good.
    Retired,
}

/// What is wanted of a fleet.
#[derive(Debug, Clone, Default)]
pub struct FleetWish {
    /// Only with this in its name, of this platform, or with this id.
    pub text: String,
    /// Of this person too, whatever it is called.
    pub owner: Option<UserId>,
    /// Only those that stand here; nothing: all but the retired.
    pub place: Option<Place>,
    /// In which order.
    pub order: FleetOrder,
    /// Behind this position.
    pub after: Option<Position>,
    /// At most so many.
    pub limit: usize,
}

/// An order of devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FleetOrder {
    /// What hurts most first.
    #[default]
    Worst,
    /// By name.
    Name,
    /// Silent for longest first.
    Silent,
}

/// A position in an order.
pub type Position = (u64, String, String);

/// Part of a fleet, and the whole in numbers.
#[derive(Debug)]
pub struct FleetPage {
    /// The whole, in numbers.
    pub fleet: Arc<Fleet>,
    /// How many are wanted in all.
    pub found: usize,
    /// Those on this page.
    pub rows: Vec<Row>,
    /// The position of the last one, where more follow.
    pub next: Option<Position>,
}

/// A device as it stands now.
#[derive(Debug)]
pub struct Row {
    /// The device.
    pub device: Arc<Device>,
    /// Its standing.
    pub standing: Standing,
    /// The signal that hurts most, and why.
    pub hurts: Option<(Arc<str>, Reason)>,
}

/// A fleet, judged in one go.
#[derive(Debug)]
pub struct Fleet {
    made: Timestamp,
    took: Lifetime,
    /// The model that judged.
    model: [u8; 32],
    ranks: Vec<Rank>,
}

/// A device in it.
#[derive(Debug)]
struct Rank {
    device: Arc<Device>,
    /// Its name in lower case.
    name: Box<str>,
    place: Place,
    score: Option<BasisPoints>,
    reported: Option<Timestamp>,
}

/// What was judged last, for each realm. The lock is held while one is judged: whoever comes meanwhile gets the same.
#[derive(Debug, Default)]
pub(super) struct Fleets(tokio::sync::Mutex<HashMap<RealmId, Arc<Fleet>>>);

impl Posture {
    /// A page of a realm's fleet, for an administrator who may look at devices.
    pub async fn fleet(&self, by: Administrator, wish: FleetWish) -> Result<FleetPage, Error> {
        let realm = by.realm;
        let ask = ReadDevice { by, id: "all".to_owned(), device: None };
        self.inner.below.access.permit(ask)?.spend();
        let fleet = self.judged_fleet(realm).await?;
        let (this, current) = (self.clone(), self.current(realm));
        let work = move || this.page(fleet, &current, &wish);
        Ok(tokio::task::spawn_blocking(work).await.map_err(Fault::bug)?)
    }

    async fn judged_fleet(&self, realm: RealmId) -> Result<Arc<Fleet>, Error> {
        let mut fleets = self.inner.fleets.0.lock().await;
        let (now, model) = (self.inner.env.clock.now(), self.current(realm).model.digest);
        if let Some(fleet) = fleets.get(&realm).filter(|fleet| fleet.serves(now, &model)) {
            return Ok(Arc::clone(fleet));
        }
        let this = self.clone();
        let work = move || Arc::new(this.judge_fleet(realm));
        let fleet = tokio::task::spawn_blocking(work).await.map_err(Fault::bug)?;
        fleets.insert(realm, Arc::clone(&fleet));
        Ok(fleet)
    }

    fn judge_fleet(&self, realm: RealmId) -> Fleet {
        let (current, clock) = (self.current(realm), &self.inner.env.clock);
        let now = clock.now();
        let devices = self.inner.below.devices.devices(realm).into_iter();
        let ranks = devices.map(|device| self.rank(&current, device, now)).collect();
        Fleet { made: now, took: clock.now().since(now), model: current.model.digest, ranks }
    }

    fn rank(&self, current: &Current, device: Arc<Device>, now: Timestamp) -> Rank {
        let known = self.inner.index.find(device.id);
        let known = known.as_deref();
        let level = known.and_then(|known| judged(current, Some(&device), known, now));
        let (score, level) =
            level.map_or((None, Level::Unknown), |(_, scored, level)| (Some(scored.score), level));
        let contained = self.inner.below.containments.of_device(device.id).is_some();
        Rank {
            name: device.name.to_lowercase().into(),
            place: Place::of(&device.state, level, contained),
            score,
            reported: known.and_then(Known::newest).map(|said| said.received_at),
            device,
        }
    }

    fn page(&self, fleet: Arc<Fleet>, current: &Current, wish: &FleetWish) -> FleetPage {
        let (found, ids, next) = fleet.page(wish);
        let devices = ids.into_iter().filter_map(|id| self.inner.below.devices.find(id));
        let now = self.inner.env.clock.now();
        let row = |device: Arc<Device>| self.row(current, device, now);
        FleetPage { rows: devices.map(row).collect(), found, next, fleet }
    }

    fn row(&self, current: &Current, device: Arc<Device>, now: Timestamp) -> Row {
        let known = self.inner.index.find(device.id);
        let known = known.as_deref();
        let standing = self.of_device(device.id);
        let judged = known.and_then(|known| judged(current, Some(&device), known, now));
        let hurts = judged.and_then(|(profile, scored, _)| {
            let (_, part) = hurting(profile, &scored).into_iter().next()?;
            Some((Arc::clone(&part.signal), part.reason))
        });
        Row { device, standing, hurts }
    }
}

impl Fleet {
    /// How many stand here.
    pub fn count(&self, place: Place) -> usize {
        self.ranks.iter().filter(|rank| rank.place == place).count()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ranks.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.ranks.is_empty()
    }

    fn serves(&self, now: Timestamp, model: &[u8; 32]) -> bool {
        let age = now.since(self.made);
        self.model == *model && age.as_micros() < self.took.as_micros().saturating_mul(TIMES)
    }

    /// How many are wanted, those that come first, and the position of the last of them where more follow.
    fn page(&self, wish: &FleetWish) -> (usize, Vec<DeviceId>, Option<Position>) {
        let text = wish.text.trim().to_lowercase();
        let id = DeviceId::parse(&text).ok();
        let last = wish.after.as_ref().and_then(|(number, name, id)| {
            Some((*number, name.as_str(), DeviceId::parse(id).ok()?))
        });
        let (mut found, mut behind) = (0_usize, 0_usize);
        let mut first = BinaryHeap::new();
        for rank in self.ranks.iter().filter(|rank| rank.is_wanted(wish, &text, id)) {
            found = found.saturating_add(1);
            let key = rank.key(wish.order);
            if last.is_some_and(|last| key <= last) {
                continue;
            }
            behind = behind.saturating_add(1);
            first.push(key);
            if first.len() > wish.limit {
                first.pop();
            }
        }
        let first = first.into_sorted_vec();
        let more = behind > first.len();
        let position = |(number, name, id): &(u64, &str, DeviceId)| {
            (*number, (*name).to_owned(), id.to_string())
        };
        let next = first.last().filter(|_| more).map(position);
        (found, first.into_iter().map(|(_, _, id)| id).collect(), next)
    }
}

impl Rank {
    fn is_wanted(&self, wish: &FleetWish, text: &str, id: Option<DeviceId>) -> bool {
        let stands = wish.place.map_or(self.place != Place::Retired, |place| self.place == place);
        let device = &self.device;
        stands
            && (text.is_empty()
                || self.name.contains(text)
                || device.platform.eq_ignore_ascii_case(text)
                || id == Some(device.id)
                || (wish.owner.is_some() && device.owner == wish.owner))
    }

    /// What an order goes by; the least comes first.
    fn key(&self, order: FleetOrder) -> (u64, &str, DeviceId) {
        let id = self.device.id;
        match order {
            FleetOrder::Worst => {
                let score = self.score.map_or(0, BasisPoints::get);
                (self.place.rank() * 100_000 + u64::from(score), "", id)
            }
            FleetOrder::Name => (0, &self.name, id),
            FleetOrder::Silent => {
                let reported = self.reported.map_or(0, Timestamp::micros);
                (u64::try_from(reported).unwrap_or(0), "", id)
            }
        }
    }
}

impl Place {
    /// All of them, what hurts most first.
    pub const ALL: [Self; 9] = [
        Self::Waiting,
        Self::Quarantine,
        Self::Restricted,
        Self::Unknown,
        Self::Standard,
        Self::Trusted,
        Self::Contained,
        Self::Locked,
        Self::Retired,
    ];

    /// Where a device of this state and level stands that is contained, or not.
    pub const fn of(state: &State, level: Level, contained: bool) -> Self {
        match (state, level) {
            (State::Waiting, _) => Self::Waiting,
            (State::Locked { .. }, _) => Self::Locked,
            (State::Retired { .. }, _) => Self::Retired,
            (State::Enrolled, _) if contained => Self::Contained,
            (State::Enrolled, Level::Unknown) => Self::Unknown,
            (State::Enrolled, Level::Quarantine) => Self::Quarantine,
            (State::Enrolled, Level::Restricted) => Self::Restricted,
            (State::Enrolled, Level::Standard) => Self::Standard,
            (State::Enrolled, Level::Trusted) => Self::Trusted,
        }
    }

    /// The name in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Quarantine => "quarantine",
            Self::Restricted => "restricted",
            Self::Unknown => "unknown",
            Self::Standard => "standard",
            Self::Trusted => "trusted",
            Self::Contained => "contained",
            Self::Locked => "locked",
            Self::Retired => "retired",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|place| place.as_str() == name)
    }

    const fn rank(self) -> u64 {
        match self {
            Self::Waiting => 0,
            Self::Quarantine => 1,
            Self::Restricted => 2,
            Self::Unknown => 3,
            Self::Standard => 4,
            Self::Trusted => 5,
            Self::Contained => 6,
            Self::Locked => 7,
            Self::Retired => 8,
        }
    }
}

impl FleetOrder {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Worst, Self::Name, Self::Silent];

    /// The name in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Worst => "worst",
            Self::Name => "name",
            Self::Silent => "silent",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|order| order.as_str() == name)
    }
}

/// A fleet serves so many times as long as judging it took.
const TIMES: i64 = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devices::model::Class;
    use crate::kernel::{SpiffeId, SubjectId};

    fn rank(n: u128, place: Place, score: u16) -> Rank {
        let id = DeviceId::new(uuid::Uuid::from_u128(n));
        let device = Device {
            id,
            number: SubjectId::new(uuid::Uuid::from_u128(n)),
            spiffe_id: SpiffeId::parse(&format!("spiffe://weft.test/device/{id}")).unwrap(),
            name: format!("Node-{n:06}"),
            platform: "linux".to_owned(),
            class: Class::Server,
            profile: None,
            owner: None,
            state: State::Enrolled,
            asked_key: None,
            current: None,
            previous: String::new(),
            next: None,
            evidence: Vec::new(),
            evidence_expires: Timestamp::EPOCH,
            created_at: Timestamp::EPOCH,
            revision: 0,
        };
        let reported = Some(Timestamp::from_seconds(i64::try_from(n).unwrap()));
        let name = device.name.to_lowercase().into();
        Rank {
            device: Arc::new(device),
            name,
            place,
            score: Some(BasisPoints::new(score)),
            reported,
        }
    }

    fn fleet(ranks: Vec<Rank>) -> Fleet {
        Fleet { made: Timestamp::EPOCH, took: Lifetime::ZERO, model: [0; 32], ranks }
    }

    #[test]
    fn a_page_of_a_large_fleet_holds_no_more_than_its_devices() {
        let of = |n: u128| {
            let place = Place::ALL[usize::try_from(1 + n % 5).unwrap()];
            rank(n, place, u16::try_from(n % 10_000).unwrap())
        };
        let fleet = fleet((0..100_000).map(of).collect());
        let mut wish = FleetWish { limit: 50, ..FleetWish::default() };
        let (found, first, next) = fleet.page(&wish);
        assert_eq!((found, first.len()), (100_000, 50));
        let place = |id: &DeviceId| {
            let rank = fleet.ranks.iter().find(|rank| rank.device.id == *id).unwrap();
            (rank.place, rank.score)
        };
        let all: Vec<_> = first.iter().map(place).collect();
        assert!(all.is_sorted() && all[0] == (Place::Quarantine, Some(BasisPoints::ZERO)));
        wish.after = next;
        let (_, second, _) = fleet.page(&wish);
        assert!(place(&second[0]) >= all[49] && !first.contains(&second[0]));
        (wish.after, wish.text) = (None, "node-09999".to_owned());
        let (found, some, next) = fleet.page(&wish);
        assert_eq!((found, some.len(), next), (10, 10, None));
        println!(
            "proof: a page of 100000 devices holds {} of them, a search {}",
            second.len(),
            some.len()
        );
    }

    #[test]
    fn every_order_has_each_device_once_whatever_is_equal() {
        let fleet = fleet((0..97).map(|n| rank(n, Place::Restricted, 4000)).collect());
        for order in FleetOrder::ALL {
            let mut wish = FleetWish { limit: 10, order, ..FleetWish::default() };
            let mut seen = Vec::new();
            loop {
                let (_, ids, next) = fleet.page(&wish);
                seen.extend(ids);
                wish.after = next;
                if wish.after.is_none() {
                    break;
                }
            }
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), 97, "{order:?}");
        }
    }

    #[test]
    fn what_was_judged_serves_for_twenty_times_what_it_took() {
        let mut fleet = fleet(Vec::new());
        assert!(!fleet.serves(Timestamp::EPOCH, &[0; 32]), "what took no time is done anew");
        fleet.took = Lifetime::millis(200);
        let after =
            |millis| fleet.serves(Timestamp::EPOCH.plus(Lifetime::millis(millis)), &[0; 32]);
        assert!(after(3_999) && !after(4_000));
    }

    #[test]
    fn places_and_orders_are_read_back() {
        assert!(Place::ALL.into_iter().all(|one| Place::parse(one.as_str()) == Some(one)));
        assert!(
            FleetOrder::ALL.into_iter().all(|one| FleetOrder::parse(one.as_str()) == Some(one))
        );
        assert!(Place::ALL.is_sorted(), "what hurts most first");
    }
}
