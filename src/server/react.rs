//! A standing is another now, or somebody was contained: what hangs off that is decided anew, within the same second, on every
//! replica.
//!
//! Owns: when that happens, and for which devices. Does not own: what is decided and what follows, which is each slice's own.
//!
//! A report or a lock is heard of through the log. Silence is no event: once a minute the level of each device is compared with
//! the one that was acted on, and the row of one that sank is read first, for another replica may have its newer report.

use std::collections::{BTreeSet, HashMap};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

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
    let reactor = Reactor { server, realm };
    let clock = Arc::clone(&reactor.server.env.clock);
    let mut seen = Seen::new();
    let mut minute = clock.sleep(LOOK_EVERY);
    loop {
        let mut look = tokio::select! {
            () = changed.bell.notified() => false,
            () = &mut minute => true,
        };
        if look {
            // Begun anew here alone: a log that is never quiet must not put the look off.
            minute = clock.sleep(LOOK_EVERY);
        }
        let news = changed.take();
        if news.everything {
            seen.clear();
            look = true;
        }
        let (devices, others) = sorted(news);
        let subjects = reactor.contain(others).await;
        let devices = reactor.act(devices, Because::Heard, &mut seen).await;
        if look {
            let moved = reactor.moved(&seen).await;
            // What is missed has still moved at the next look. It is not heard of: its row is to be read first.
            let _missed = reactor.act(moved, Because::Looked, &mut seen).await;
            reactor.server.workloads.redecide_refused(realm);
        }
        let missed = Waiting { devices, subjects, everything: false };
        if !missed.is_empty() {
            clock.sleep(RETRY).await;
            changed.put(missed);
        }
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
}

impl Reactor {
    /// Decides anew for these devices, some at once. Gives those for which it could not.
    async fn act(
        &self,
        devices: BTreeSet<DeviceId>,
        because: Because,
        seen: &mut Seen,
    ) -> BTreeSet<DeviceId> {
        let mut missed = BTreeSet::new();
        let known = devices.into_iter().map(|device| (device, seen.get(&device).copied()));
        let known: Vec<_> = known.collect();
        let mut outcomes = futures_util::stream::iter(known)
            .map(|(device, acted_on)| async move {
                (device, self.redecide(device, because, acted_on).await)
            })
            .buffer_unordered(AT_ONCE);
        while let Some((device, outcome)) = outcomes.next().await {
            match outcome {
                Ok(level) => {
                    seen.insert(device, level);
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
        let Self { server, realm } = self;
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
        let Self { server, realm } = self;
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

    /// The devices whose level is not the one that was acted on.
    async fn moved(&self, seen: &Seen) -> BTreeSet<DeviceId> {
        let mut moved = BTreeSet::new();
        for some in self.server.devices.devices(self.realm).chunks(SCORED_AT_ONCE) {
            for device in some.iter().map(|device| device.id) {
                let level = self.server.posture.of_device(device).level;
                if seen.get(&device) != Some(&level) {
                    moved.insert(device);
                }
            }
            tokio::task::yield_now().await;
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

#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests {
    use super::*;
    use crate::account::tests::world::{House, REALM};
    use crate::admin::tests::world::{machine, reports};

    #[tokio::test]
    async fn what_sank_in_silence_is_acted_on_once() {
        let house = House::start().await;
        let laptop = machine(&house, "ada-laptop", None).await;
        reports(&house, &laptop, 10_000, &[]).await;
        let reactor = Reactor { server: Arc::clone(house.server()), realm: REALM };
        let (ours, mut seen) = (BTreeSet::from([laptop.id]), Seen::new());
        let level = || reactor.server.posture.of_device(laptop.id).level;
        assert!(reactor.act(ours.clone(), Because::Heard, &mut seen).await.is_empty());
        let before = level();
        assert_eq!(seen.get(&laptop.id), Some(&before));
        assert!(reactor.moved(&seen).await.is_empty(), "it holds what was acted on");
        house.clock.advance(Lifetime::days(30));
        assert!(level() < before, "silence has sunk it");
        assert_eq!(reactor.moved(&seen).await, ours);
        assert!(reactor.act(ours.clone(), Because::Looked, &mut seen).await.is_empty());
        assert_eq!(seen.get(&laptop.id), Some(&level()));
        assert!(reactor.moved(&seen).await.is_empty());
    }
}
