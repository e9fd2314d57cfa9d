//! A standing is another now, or somebody was contained: what hangs off that is decided anew, within the same second, on every
//! replica.
//!
//! Owns: when that happens, and for which devices. Does not own: what is decided and what follows, which is each slice's own.
//!
//! A report or a lock is heard of through the log. Silence is no event: once a minute the level of each device is compared with
//! the one that was acted on, and the row of one that sank is read first, for another replica may have its newer report. Such a
//! look at a whole fleet goes in steps, and between two of them comes what was heard of meanwhile.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::{future, mem};

use futures_util::StreamExt;
use tokio::sync::Notify;

use crate::containment::Whom;
use crate::kernel::{DeviceId, Failure, Fault, Level, Lifetime, RealmId, SpiffeId};

use super::build::Server;

/// Devices of a realm whose standing may be another: a set, so that one which changes often costs no more.
#[derive(Debug, Default)]
pub(super) struct Changed {
    waiting: Mutex<Waiting>,
    bell: Notify,
}

#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) devices: BTreeSet<DeviceId>,
    /// Who was contained or released, as the log names them.
    pub(super) subjects: BTreeSet<String>,
    /// What decides changed, or what happened is not known: each device is looked at.
    pub(super) everything: bool,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.devices.is_empty() && self.subjects.is_empty() && !self.everything
    }
}

impl Changed {
    pub(super) fn put(&self, news: Waiting) {
        if news.is_empty() {
            return;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.devices.extend(news.devices);
        waiting.subjects.extend(news.subjects);
        waiting.everything |= news.everything;
        self.bell.notify_one();
    }

    fn take(&self) -> Waiting {
        mem::take(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The level of each device when what hangs off it was decided last.
type Seen = HashMap<DeviceId, Level>;

/// Decides anew what hangs off the devices of a realm, until the process stops.
pub(super) async fn react(server: Arc<Server>, realm: RealmId, changed: Arc<Changed>) {
    let mut reactor = Reactor::new(server, realm);
    let clock = Arc::clone(&reactor.server.env.clock);
    let mut minute = clock.sleep(LOOK_EVERY);
    loop {
        let look = tokio::select! {
            // The minute first: a log that is never quiet must not put the look off.
            biased;
            () = &mut minute => true,
            () = changed.bell.notified() => false,
            () = future::ready(()), if reactor.pass.is_under_way() => false,
        };
        if look {
            minute = clock.sleep(LOOK_EVERY);
        }
        let missed = reactor.turn(changed.take(), look).await;
        if !missed.is_empty() {
            clock.sleep(RETRY).await;
            changed.put(missed);
        }
    }
}

/// A look at every device of a realm, in steps: what changed meanwhile is not kept waiting by a fleet.
#[derive(Debug, Default)]
struct Pass {
    /// In a ring: where everything is to be looked at anew in the middle, what was not looked at yet comes first.
    devices: Vec<DeviceId>,
    next: usize,
    left: usize,
}

impl Pass {
    fn is_under_way(&self) -> bool {
        self.left > 0
    }

    /// All of these are to be looked at from now on, in the order of their ids.
    fn begin(&mut self, devices: Vec<DeviceId>) {
        let next = self.devices.get(self.next).filter(|_| self.is_under_way());
        self.next = next.map_or(0, |next| devices.partition_point(|device| device < next));
        self.left = devices.len();
        self.devices = devices;
    }

    fn take(&mut self) -> Option<DeviceId> {
        self.left = self.left.checked_sub(1)?;
        let found = self.devices.get(self.next).or_else(|| self.devices.first()).copied();
        let past = self.next.saturating_add(1);
        self.next = if self.next < self.devices.len() { past } else { 1 };
        found
    }
}

/// The devices among all who were named, and the others.
fn sorted(news: Waiting) -> (BTreeSet<DeviceId>, BTreeSet<String>) {
    let (mut devices, mut others) = (news.devices, BTreeSet::new());
    for subject in news.subjects {
        match DeviceId::parse(&subject) {
            Ok(device) => devices.insert(device),
            Err(_) => others.insert(subject),
        };
    }
    (devices, others)
}

/// Why a device is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Because {
    /// The log said something of it.
    Heard,
    /// Its level is not the one that was acted on, as far as this replica knows.
    Looked,
}

struct Reactor {
    server: Arc<Server>,
    realm: RealmId,
    seen: Seen,
    pass: Pass,
}

impl Reactor {
    fn new(server: Arc<Server>, realm: RealmId) -> Self {
        Self { server, realm, seen: Seen::new(), pass: Pass::default() }
    }

    /// Acts on what changed, and then on the next few devices of the look at all. Gives what could not be acted on.
    async fn turn(&mut self, news: Waiting, look: bool) -> Waiting {
        if news.everything {
            self.seen.clear();
        }
        if news.everything || (look && !self.pass.is_under_way()) {
            let all = self.server.devices.devices(self.realm);
            self.pass.begin(all.iter().map(|device| device.id).collect());
        }
        let (devices, others) = sorted(news);
        let subjects = self.contain(others).await;
        let devices = self.act(devices, Because::Heard).await;
        if self.pass.is_under_way() {
            let moved = self.moved();
            // What is missed has still moved at the next look. It is not heard of: its row is to be read first.
            let _missed = self.act(moved, Because::Looked).await;
            if !self.pass.is_under_way() {
                self.server.workloads.redecide_refused(self.realm);
            }
            tokio::task::yield_now().await;
        }
        Waiting { devices, subjects, everything: false }
    }

    /// Decides anew for these devices, some at once. Gives those for which it could not.
    async fn act(&mut self, devices: BTreeSet<DeviceId>, because: Because) -> BTreeSet<DeviceId> {
        let this = &*self;
        let outcomes: Vec<_> = futures_util::stream::iter(devices)
            .map(|device| async move {
                (device, this.redecide(device, because, this.seen.get(&device).copied()).await)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut missed = BTreeSet::new();
        for (device, outcome) in outcomes {
            match outcome {
                Ok(level) => {
                    self.seen.insert(device, level);
                }
                Err(failure) => {
                    let words = "what hangs off a device could not be decided anew for now";
                    tracing::warn!(%device, cause = %failure, "{words}");
                    missed.insert(device);
                }
            }
        }
        missed
    }

    /// Ends what people have who are contained now, and tells agents of workloads that were contained or released. Gives those
    /// for whom it could not.
    async fn contain(&self, subjects: BTreeSet<String>) -> BTreeSet<String> {
        let mut missed = BTreeSet::new();
        for subject in subjects {
            if let Err(failure) = self.contain_one(&subject).await {
                tracing::warn!(subject, cause = %failure, "a containment could not be acted on for now");
                missed.insert(subject);
            }
        }
        missed
    }

    async fn contain_one(&self, subject: &str) -> Result<(), Failure> {
        let (server, realm) = (&self.server, &self.realm);
        if let Ok(id) = SpiffeId::parse(subject) {
            server.workloads.redecide_subject(*realm, &id);
            return Ok(());
        }
        let held = server.containments.held(*realm, subject);
        let Some((Whom::Person { user, number }, since)) =
            held.map(|held| (held.whom.clone(), held.created_at))
        else {
            return Ok(());
        };
        Ok(server.sessions.end_since(*realm, (user, number), since).await?)
    }

    /// Decides anew for one device; the level it was decided on.
    async fn redecide(
        &self,
        device: DeviceId,
        because: Because,
        acted_on: Option<Level>,
    ) -> Result<Level, Failure> {
        let (server, realm) = (&self.server, &self.realm);
        if because == Because::Looked {
            let level = server.posture.confirmed(*realm, device).await?.level;
            if acted_on == Some(level) {
                return Ok(level);
            }
        }
        let level = server.posture.of_device(device).level;
        // Agents first: they are told without a word of the database.
        server.workloads.redecide_agents(*realm, device);
        // A session takes with it what was granted in it.
        let known = server.realms.get(*realm).ok_or_else(|| Fault::bug("a realm that reacts"))?;
        server.signin.redecide_sessions(&known, device).await?;
        server.oauth.redecide_grants(*realm, device).await?;
        Ok(level)
    }

    /// The next few devices of the look whose level is not the one that was acted on.
    fn moved(&mut self) -> BTreeSet<DeviceId> {
        let mut moved = BTreeSet::new();
        for _ in 0..SCORED_AT_ONCE {
            let Some(device) = self.pass.take() else { break };
            let level = self.server.posture.of_device(device).level;
            if self.seen.get(&device) != Some(&level) {
                moved.insert(device);
            }
            if moved.len() == ACTED_AT_ONCE {
                break;
            }
        }
        moved
    }
}

/// A level is lost by silence over hours.
const LOOK_EVERY: Lifetime = Lifetime::minutes(1);
/// After something could not be decided: the database is away.
const RETRY: Lifetime = Lifetime::millis(500);
/// Devices at once: enough to keep a database busy, few enough to leave it to others.
const AT_ONCE: usize = 8;
/// Scored in one go: some two milliseconds.
const SCORED_AT_ONCE: usize = 1000;
/// Decided anew before it is asked what changed meanwhile: with a slow database a few tenths of a second.
const ACTED_AT_ONCE: usize = 64;

#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;
