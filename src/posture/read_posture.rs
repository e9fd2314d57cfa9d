//! What is known of a device, in words: for the device itself, and for administrators. The words of its report are read from
//! its row; nobody waits for them who decides anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::access::Administrator;
use crate::devices::Device;
use crate::devices::model::ReadDevice;
use crate::kernel::{Caller, DeviceId, Fault, Lifetime, RealmId, Standing, Timestamp, UserId};
use crate::wire::posture::{Report, ScoredDocument};

use super::model::Charted;
use super::scoring::{Levels, Span, tell};
use super::words::Current;
use super::{Error, Known, Posture, Source, store};

/// What is known of a device.
#[derive(Debug)]
pub struct Told {
    /// The device.
    pub device: Arc<Device>,
    /// Its standing now.
    pub standing: Standing,
    /// What it reported; nothing where it never did.
    pub reported: Option<Reported>,
}

/// What a device reported, and what is made of it.
#[derive(Debug)]
pub struct Reported {
    /// As it counts.
    pub known: Known,
    /// What it is, in the words of its sources; the collector's go first.
    pub facts: BTreeMap<String, String>,
    /// The score with everything that made it.
    pub scored: ScoredDocument,
    /// The score over time.
    pub chart: Vec<Charted>,
    /// Where the levels begin.
    pub levels: Levels,
}

impl Posture {
    /// What is known of the device that calls.
    pub async fn own(&self, caller: &Caller) -> Result<Told, Error> {
        let (realm, device, _) = self.inner.below.devices.calling(caller).await?;
        self.told(realm, device).await
    }

    /// What is known of a device, for an administrator who may look at it.
    pub async fn read_posture(&self, by: Administrator, id: DeviceId) -> Result<Told, Error> {
        let realm = by.realm;
        let devices = &self.inner.below.devices;
        let (named, spiffe_id) = devices.asked(realm, id);
        self.inner.below.access.permit(ReadDevice { by, id: named, device: spiffe_id })?.spend();
        self.told(realm, devices.device(realm, id).ok_or(Error::NotFound)?).await
    }

    /// What is known of a person's own device, for that person alone: whoever calls has seen their session, and no policy can
    /// hide from people what is known of what is theirs.
    pub async fn of_owner(
        &self,
        realm: RealmId,
        owner: UserId,
        device: Arc<Device>,
    ) -> Result<Told, Error> {
        if device.owner != Some(owner) {
            return Err(Error::NotFound);
        }
        self.told(realm, device).await
    }

    async fn told(&self, realm: RealmId, device: Arc<Device>) -> Result<Told, Error> {
        let (current, now) = (self.current(realm), self.inner.env.clock.now());
        let input = (Arc::clone(&current), device.id);
        let read = self.inner.env.db.read(realm, input, |tx, (current, id)| {
            Box::pin(async move {
                let Some(known) = store::known(tx, *id, current).await? else { return Ok(None) };
                let words = store::words(tx, *id).await?;
                Ok::<_, Error>(Some((known, words, store::charted(tx, *id).await?)))
            })
        });
        let reported = match read.await? {
            None => None,
            Some((known, words, chart)) => {
                self.inner.index.put(realm, &current, known.clone());
                let words: Vec<Report> = words.into_iter().map(|(_, report)| report).collect();
                let scored = scored(&current, &device, (&known, &words), now)?;
                let facts = words.into_iter().rev().flat_map(|report| report.facts).collect();
                let levels = current.model.levels;
                Some(Reported { known, facts, scored, chart, levels })
            }
        };
        let standing = self.of_device(device.id);
        Ok(Told { device, standing, reported })
    }

    /// When the device of this report is asked for the next one: soon, while it is on its way to a better level.
    pub(super) fn next_report(&self, known: &Known) -> Lifetime {
        let interval = self.inner.settings.interval();
        if known.held.rising.is_some() { interval.capped_by(CONFIRM_IN) } else { interval }
    }

    /// What is known of a device, from memory.
    pub fn known(&self, device: DeviceId) -> Option<Arc<Known>> {
        self.inner.index.find(device)
    }

    /// When a source that is asked is to be asked about a device; nothing where it said nothing of it yet.
    ///
    /// One with a schedule of its own is not asked as long as it keeps to it.
    pub fn next_look(&self, device: DeviceId, source: &Source) -> Option<Timestamp> {
        let known = self.inner.index.find(device)?;
        let overdue = self.interval().times(2);
        let wait = if known.held.rising.is_some() { CONFIRM_IN } else { overdue };
        Some(known.of(source)?.collected_at.plus(wait))
    }

    /// Between two reports of a device.
    pub(super) fn interval(&self) -> Lifetime {
        self.inner.settings.interval()
    }
}

/// The score of a device by this model at that moment, with everything that makes it.
pub(super) fn scored(
    current: &Current,
    device: &Device,
    (known, words): (&Known, &[Report]),
    now: Timestamp,
) -> Result<ScoredDocument, Fault> {
    let profile = current.profile(Some(device), known)?;
    Ok(tell((&current.model, profile), (words, &known.readings(profile, now)), SPAN, now))
}

impl Reported {
    /// The better level that the device is on its way to, as of now.
    pub fn rising_to(&self, standing: &Standing) -> Option<&'static str> {
        let rising = self.known.held.rising.filter(|rising| rising.to > standing.level);
        rising.map(|rising| rising.to.as_str())
    }
}

/// What a credential for daily work would get; what one gets in fact, policies say.
const SPAN: Span = Span { shortest: Lifetime::minutes(5), longest: Lifetime::hours(8) };
/// A better level takes two reports: the second one is due when the owner still looks.
const CONFIRM_IN: Lifetime = Lifetime::seconds(10);
