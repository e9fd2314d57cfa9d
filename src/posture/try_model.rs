//! What another model would make of a realm's fleet, as it is now: each device is scored by both. Nothing is written, and one is
//! tried at a time.
//!
//! What memory holds is enough where the model counts no signal that the present one does not count; else the rows are read
//! once, in one snapshot.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::access::Administrator;
use crate::crypto::digest::hex;
use crate::devices::Device;
use crate::devices::model::{ReadDevice, State};
use crate::kernel::{BasisPoints, DeviceId, Fault, Level, RealmId, Timestamp};
use crate::wire::api::{
    PostureModelFall, PostureModelLoss, PostureModelMove, PostureModelTrial, PostureModelUntold,
};

use super::model::ReadPostureModel;
use super::read_models::ModelChoice;
use super::scoring::{Profile, Reading, Weighted};
use super::standing::judged;
use super::words::Current;
use super::{Error, Known, Posture, store};

/// Held while a model is tried.
#[derive(Debug, Default)]
pub(super) struct Trials(tokio::sync::Mutex<()>);

/// What is known of devices as far as another model counts it; nothing where memory has that.
type Rows = Option<HashMap<DeviceId, Known>>;

/// A device by both models.
#[derive(Debug)]
struct Both {
    device: Arc<Device>,
    profile: usize,
    now: (BasisPoints, Level),
    then: (BasisPoints, Level),
    /// It earns a better level than it holds, and would not without the other model.
    rises: bool,
}

/// Which of a profile's signals any device tells.
#[derive(Debug)]
struct Told {
    devices: u64,
    signals: Vec<bool>,
}

impl Posture {
    /// Scores the fleet by a model, beside the one that counts.
    ///
    /// Errors: those of [`Self::set_model`] that do not depend on what is kept; `Trying` while another is tried.
    pub async fn try_model(
        &self,
        by: Administrator,
        choice: ModelChoice,
    ) -> Result<PostureModelTrial, Error> {
        let realm = by.realm;
        let access = &self.inner.below.access;
        access.permit(ReadPostureModel { by: by.clone() })?.spend();
        access.permit(ReadDevice { by, id: "all".to_owned(), device: None })?.spend();
        let _alone = self.inner.trials.0.try_lock().map_err(|_| Error::Trying)?;
        let (text, _) = self.chosen(realm, &choice).await?;
        let next = Arc::new(Current::of(self.fitting(realm, text).await?));
        let rows = self.rows(realm, &next).await?;
        let this = self.clone();
        let work = move || this.tried(realm, &next, rows.as_ref());
        Ok(tokio::task::spawn_blocking(work).await.map_err(Fault::bug)?)
    }

    async fn rows(&self, realm: RealmId, next: &Arc<Current>) -> Result<Rows, Error> {
        if next.counts_within(&self.current(realm)) {
            return Ok(None);
        }
        let read = self.inner.env.db.read(realm, Arc::clone(next), |tx, next| {
            Box::pin(async move { Ok::<_, Error>(store::all(tx, next).await?) })
        });
        Ok(Some(read.await?.into_iter().map(|known| (known.device, known)).collect()))
    }

    fn tried(
        &self,
        realm: RealmId,
        next: &Current,
        rows: Option<&HashMap<DeviceId, Known>>,
    ) -> PostureModelTrial {
        let (current, now) = (self.current(realm), self.inner.env.clock.now());
        let unheard =
            |profile: &Profile| Told { devices: 0, signals: vec![false; profile.signals.len()] };
        let mut told: Vec<Told> = next.model.profiles.iter().map(unheard).collect();
        let (mut all, mut silent) = (Vec::new(), 0_u64);
        for device in self.inner.below.devices.devices(realm) {
            if device.state != State::Enrolled {
                continue;
            }
            let Some(known) = self.inner.index.find(device.id) else {
                silent += 1;
                continue;
            };
            let then = rows.and_then(|rows| rows.get(&device.id)).unwrap_or(&known);
            let both = both((&current, &known), (next, then), device, now);
            if let Some(both) = both {
                hear(next, &mut told, (both.profile, then));
                all.push(both);
            }
        }
        summed((&current, next), &all, silent, &told)
    }
}

fn both(
    (current, known): (&Current, &Known),
    (next, then): (&Current, &Known),
    device: Arc<Device>,
    now: Timestamp,
) -> Option<Both> {
    let (_, score, level) = judged(current, Some(&device), known, now)?;
    let (profile, score_then, level_then) = judged(next, Some(&device), then, now)?;
    let profile = next.model.profiles.iter().position(|one| one.name == profile.name)?;
    let (earned, earned_then) =
        (current.model.levels.of(score.score), next.model.levels.of(score_then.score));
    Some(Both {
        device,
        profile,
        now: (score.score, level),
        then: (score_then.score, level_then),
        rises: earned_then > level && earned <= level,
    })
}

fn hear(next: &Current, told: &mut [Told], (profile, known): (usize, &Known)) {
    let Some((told, profile)) = told.get_mut(profile).zip(next.model.profiles.get(profile)) else {
        return;
    };
    told.devices += 1;
    for (said, weighted) in told.signals.iter_mut().zip(&profile.signals) {
        let tells = |reading: &Reading| reading.signal == weighted.signal;
        *said = *said || known.said.iter().any(|said| said.readings.iter().any(tells));
    }
}

fn summed(
    (current, next): (&Current, &Current),
    all: &[Both],
    silent: u64,
    told: &[Told],
) -> PostureModelTrial {
    let count = |wanted: &dyn Fn(&Both) -> bool| {
        u64::try_from(all.iter().filter(|one| wanted(one)).count()).unwrap_or(u64::MAX)
    };
    let levels = next.model.levels;
    let begins = [
        (Level::Trusted, levels.trusted),
        (Level::Standard, levels.standard),
        (Level::Restricted, levels.restricted),
    ];
    let fall = begins.map(|(level, points)| PostureModelFall {
        level: level.as_str().to_owned(),
        below_points: points.get(),
        devices: count(&|one| one.now.1 >= level && one.then.1 < level),
    });
    PostureModelTrial {
        name: next.model.name.to_string(),
        version: next.model.version,
        digest: hex(&next.model.digest),
        active_digest: hex(&current.model.digest),
        devices: count(&|_| true),
        silent,
        scores_fall: count(&|one| one.then.0 < one.now.0),
        scores_rise: count(&|one| one.then.0 > one.now.0),
        fall: fall.to_vec(),
        levels_rise: count(&|one| one.rises),
        moves: moves(all),
        worst: worst(next, all),
        untold: untold((current, next), told),
    }
}

fn moves(all: &[Both]) -> Vec<PostureModelMove> {
    let mut counted: BTreeMap<(Level, Level), u64> = BTreeMap::new();
    for one in all.iter().filter(|one| one.now.1 != one.then.1) {
        *counted.entry((one.now.1, one.then.1)).or_default() += 1;
    }
    let told = |((from, to), devices): ((Level, Level), u64)| PostureModelMove {
        from: from.as_str().to_owned(),
        to: to.as_str().to_owned(),
        devices,
    };
    counted.into_iter().map(told).collect()
}

/// Who falls to a worse level first, then who loses most.
fn worst(next: &Current, all: &[Both]) -> Vec<PostureModelLoss> {
    let mut losers: Vec<&Both> =
        all.iter().filter(|one| one.then.0 < one.now.0 || one.then.1 < one.now.1).collect();
    let lost = |one: &Both| one.now.0.minus(one.then.0.wide());
    losers.sort_by_key(|one| (one.then.1 >= one.now.1, Reverse(lost(one)), one.device.id));
    let told = |one: &Both| PostureModelLoss {
        device: one.device.id.to_string(),
        name: one.device.name.clone(),
        profile: next
            .model
            .profiles
            .get(one.profile)
            .map_or_else(String::new, |profile| profile.name.to_string()),
        level: one.now.1.as_str().to_owned(),
        level_then: one.then.1.as_str().to_owned(),
        score_basis_points: one.now.0.get(),
        score_then_basis_points: one.then.0.get(),
    };
    losers.into_iter().take(WORST_MAX).map(told).collect()
}

/// What nobody tells and the present model does not know either: a new source is still to come, or the name is mistaken.
fn untold((current, next): (&Current, &Current), told: &[Told]) -> Vec<PostureModelUntold> {
    let used = next.model.profiles.iter().zip(told).filter(|(_, told)| told.devices > 0);
    let of = |(profile, told): (&Profile, &Told)| {
        let new = |weighted: &Weighted| current.known_name(&weighted.signal).is_none();
        let silent = profile.signals.iter().zip(&told.signals);
        let silent = silent.filter(|(weighted, said)| !**said && new(weighted));
        let one = |weighted: &Weighted| PostureModelUntold {
            profile: profile.name.to_string(),
            signal: weighted.signal.to_string(),
            weight_basis_points: weighted.weight.get(),
            devices: told.devices,
        };
        silent.map(|(weighted, _)| one(weighted)).collect::<Vec<_>>()
    };
    used.flat_map(of).collect()
}

/// More than anybody looks after one by one.
const WORST_MAX: usize = 20;
