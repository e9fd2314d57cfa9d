//! A model that counts, with what its scores are told in: made once, so that a standing costs no formatting.

use std::collections::HashSet;
use std::sync::Arc;

use super::model::Known;
use super::scoring::{self, Flaws, Model, Part, Profile, Reason, Score, Weighted};
use crate::crypto::digest::hex;
use crate::devices::model::{Class, Device};
use crate::kernel::Fault;

/// A model, its name, and its words.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) model: Model,
    /// Name, version and digest.
    pub(super) name: Arc<str>,
    /// True if it is the one that is shipped, because the realm set none.
    pub(super) shipped: bool,
    /// The names of its signals, each once in memory however many devices report it.
    names: HashSet<Arc<str>>,
    /// For each profile its signals', in their order.
    words: Vec<Vec<Words>>,
}

/// What is said of one signal.
#[derive(Debug)]
struct Words {
    failing: Arc<str>,
    stale: Arc<str>,
    unknown: Arc<str>,
}

impl Current {
    /// The model that is shipped.
    pub(super) fn shipped() -> Result<Self, Flaws> {
        Ok(Self { shipped: true, ..Self::of(scoring::shipped()?) })
    }

    /// A model that a realm set.
    pub(super) fn of(model: Model) -> Self {
        let signals = |profile: &Profile| profile.signals.iter().map(Words::of).collect();
        let names = model.profiles.iter().flat_map(|profile| &profile.signals);
        Self {
            name: format!("{} {} {}", model.name, model.version, hex(&model.digest)).into(),
            names: names.map(|weighted| Arc::clone(&weighted.signal)).collect(),
            words: model.profiles.iter().map(signals).collect(),
            shipped: false,
            model,
        }
    }

    /// True if it counts no signal that the other does not count: what is held for the other is enough to score by this one.
    pub(super) fn counts_within(&self, other: &Self) -> bool {
        self.names.is_subset(&other.names)
    }

    /// The name of a signal as memory has it; nothing for one that no profile counts.
    pub(super) fn known_name(&self, signal: &str) -> Option<Arc<str>> {
        self.names.get(signal).map(Arc::clone)
    }

    /// The profile of a device: the one its token named, or the one that fits its sort. Only where nothing was said of its
    /// sort is the machine's own word on it taken.
    pub(super) fn profile(
        &self,
        device: Option<&Device>,
        known: &Known,
    ) -> Result<&Profile, Fault> {
        let some = self.meant(device, Some(known)).or_else(|| self.model.profiles.first());
        some.ok_or_else(|| Fault::bug("a model without a profile"))
    }

    /// The profile that is meant for a device, where this model has it: any other is but the first that there is.
    pub(super) fn meant(&self, device: Option<&Device>, known: Option<&Known>) -> Option<&Profile> {
        let named = device.and_then(|device| device.profile.as_deref());
        let carried = match device.map(|device| device.class) {
            Some(Class::Laptop | Class::Desktop) => true,
            Some(Class::Server) => false,
            Some(Class::Other) | None => known.is_some_and(Known::laptop),
        };
        let fitting = if carried { "linux-laptop" } else { "linux-server" };
        let named = named.and_then(|name| self.model.profile(name));
        named.or_else(|| self.model.profile(fitting))
    }

    /// Why a score is not better, what hurts most first: what people can act on.
    pub(super) fn reasons(&self, profile: &Profile, score: &Score) -> Arc<[Arc<str>]> {
        let all = self.model.profiles.iter().zip(&self.words);
        let words = all.filter(|(one, _)| one.name == profile.name).map(|(_, words)| words).next();
        let Some(words) = words else { return Arc::from([]) };
        let said = |(n, part): (usize, &Part)| {
            let words = words.get(n)?;
            Some(Arc::clone(match part.reason {
                Reason::Stale => &words.stale,
                Reason::Unknown => &words.unknown,
                _ => &words.failing,
            }))
        };
        hurting(profile, score).into_iter().filter_map(said).take(REASONS_MAX).collect()
    }
}

/// The signals that people can do something about, with their places in the profile: what hurts most first, and before all
/// what caps the score.
pub(super) fn hurting<'s>(profile: &Profile, score: &'s Score) -> Vec<(usize, &'s Part)> {
    let gated = |part: &Part| {
        let fired = |name: &Arc<str>| score.gates.iter().any(|fired| fired.gate == *name);
        profile.gates.iter().any(|gate| gate.signal == part.signal && fired(&gate.name))
    };
    let hurts =
        |part: &Part| matches!(part.reason, Reason::Failing | Reason::Stale | Reason::Unknown);
    let all = score.signals.iter().enumerate().filter(|(_, part)| hurts(part));
    let mut found: Vec<_> = all.map(|(n, part)| ((gated(part), part.loss), (n, part))).collect();
    found.sort_by(|(a, _), (b, _)| b.cmp(a));
    found.into_iter().map(|(_, part)| part).collect()
}

impl Words {
    fn of(weighted: &Weighted) -> Self {
        let signal = &weighted.signal;
        let remedy = weighted.remedy.as_deref();
        let remedy = remedy.map(|remedy| format!(": {remedy}")).unwrap_or_default();
        Self {
            failing: format!("`{signal}` is not as it should be{remedy}").into(),
            stale: format!("`{signal}` was not confirmed for a while: let the device report")
                .into(),
            unknown: format!("nothing is known of `{signal}`{remedy}").into(),
        }
    }
}

/// More than a person acts on at once.
const REASONS_MAX: usize = 3;
