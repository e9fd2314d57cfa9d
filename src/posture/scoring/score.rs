//! A score from a profile and the signals of a device: pure, exact, the same bits everywhere.
//!
//! For each signal: what its word is worth (`q`: class and freshness), its value where it is worth something, the prior where
//! it is not. The losses add up to what is missing to 100, to the last basis point.

use std::sync::Arc;

use super::freshness::freshness;
use super::model::{Class, Gate, Points, Profile, Reading, Weighted};
use crate::kernel::{BasisPoints, Lifetime, Timestamp};

/// A score with everything that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Score {
    /// The score, gates included: hundredths of a point.
    pub score: BasisPoints,
    /// What it was before the gates.
    pub ungated: BasisPoints,
    /// How much of it stands on evidence.
    pub confidence: BasisPoints,
    /// Each signal of the profile, in its order.
    pub signals: Vec<Part>,
    /// The gates that fired, in the profile's order.
    pub gates: Vec<Fired>,
    /// What the gates took beyond the signals' losses.
    pub gate_loss: BasisPoints,
    /// When a gate's evidence ends, the first of them: no credential lives longer. For ever where no gate knows anything.
    pub expires: Timestamp,
}

/// What one signal did to a score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The signal.
    pub signal: Arc<str>,
    /// Its weight.
    pub weight: BasisPoints,
    /// What was reported; nothing where nothing was, or it has ended.
    pub known: Option<Known>,
    /// What it took from the score.
    pub loss: BasisPoints,
    /// Why.
    pub reason: Reason,
    /// What to do about it, where somebody at the device can do anything.
    pub remedy: Option<Arc<str>>,
}

/// A signal that is worth something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// How good it is.
    pub value: BasisPoints,
    /// How hard it is to fake.
    pub class: Class,
    /// How old it is.
    pub age: Lifetime,
    /// What its word is worth now: class and freshness.
    pub worth: BasisPoints,
    /// Names the evidence.
    pub evidence: Arc<str>,
}

/// Why a signal takes something from a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It takes nothing.
    Good,
    /// It is not as it should be.
    Failing,
    /// It is as it should be, and the word of its source is worth less than all.
    Weak,
    /// It is as it should be, and has not been confirmed for a while.
    Stale,
    /// Nothing is known of it.
    Unknown,
}

impl Reason {
    /// The code in answers and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Failing => "failing",
            Self::Weak => "weak",
            Self::Stale => "stale",
            Self::Unknown => "unknown",
        }
    }
}

/// A gate that fired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    /// The gate.
    pub gate: Arc<str>,
    /// What it caps the score to.
    pub cap: BasisPoints,
    /// True if it fired because nothing is known, not because something is wrong.
    pub unknown: bool,
}

/// Scores a device of this profile by what is known of it now.
///
/// Of several readings of one signal the newest counts, of those the weaker; readings the profile does not name count nothing.
pub fn score(profile: &Profile, readings: &[Reading], now: Timestamp) -> Score {
    let terms: Vec<Term<'_>> = profile
        .signals
        .iter()
        .map(|weighted| Term::new(weighted, newest(readings, &weighted.signal), now))
        .collect();
    let whole: u64 = terms.iter().map(|term| term.weighted.weight.wide()).sum();
    let losses = shares(&terms.iter().map(Term::loss).collect::<Vec<_>>(), whole);
    let lost: u64 = losses.iter().map(|loss| loss.wide()).sum();
    let ungated = BasisPoints::ONE.minus(lost);
    let evidence: u64 =
        terms.iter().map(|term| term.weighted.weight.wide() * term.worth().wide()).sum();
    let confidence = BasisPoints::from_wide(evidence.checked_div(whole).unwrap_or(0));
    let gates: Vec<Fired> = profile.gates.iter().filter_map(|gate| fires(gate, &terms)).collect();
    let score = gates.iter().map(|gate| gate.cap).fold(ungated, BasisPoints::min);
    Score {
        score,
        ungated,
        confidence,
        signals: terms.iter().zip(losses).map(|(term, loss)| term.part(loss)).collect(),
        gates,
        gate_loss: ungated.minus(score.wide()),
        expires: expires(profile, &terms, now),
    }
}

/// A signal of the profile beside what is known of it.
struct Term<'a> {
    weighted: &'a Weighted,
    known: Option<Known>,
    fresh: bool,
}

impl<'a> Term<'a> {
    fn new(weighted: &'a Weighted, reading: Option<&Reading>, now: Timestamp) -> Self {
        let known = reading.and_then(|reading| {
            // What a clock that was set back makes a thing of the future is as old as now, and no younger.
            let age = now.since(reading.at);
            let freshness = freshness(age, weighted.fresh, weighted.half, weighted.ends);
            let worth = freshness.of(reading.class.cap());
            (worth > BasisPoints::ZERO).then(|| Known {
                value: reading.value,
                class: reading.class,
                age,
                worth,
                evidence: Arc::clone(&reading.evidence),
            })
        });
        let fresh = known.as_ref().is_some_and(|known| known.age <= weighted.fresh);
        Self { weighted, known, fresh }
    }

    fn worth(&self) -> BasisPoints {
        self.known.as_ref().map_or(BasisPoints::ZERO, |known| known.worth)
    }

    /// What it takes, of a whole of 10,000³: what is wrong as far as it is known, and what is unknown as far as the prior
    /// does not vouch for it.
    fn loss(&self) -> u64 {
        let (weight, worth) = (self.weighted.weight.wide(), self.worth());
        let wrong = self.known.as_ref().map_or(BasisPoints::ZERO, |known| known.value.rest());
        weight
            * (worth.wide() * wrong.wide()
                + worth.rest().wide() * self.weighted.prior.rest().wide())
    }

    fn reason(&self) -> Reason {
        match &self.known {
            None if self.loss() > 0 => Reason::Unknown,
            _ if self.loss() == 0 => Reason::Good,
            Some(known) if known.value < BasisPoints::ONE => Reason::Failing,
            Some(_) if !self.fresh => Reason::Stale,
            _ => Reason::Weak,
        }
    }

    fn part(&self, loss: BasisPoints) -> Part {
        Part {
            signal: Arc::clone(&self.weighted.signal),
            weight: self.weighted.weight,
            known: self.known.clone(),
            loss,
            reason: self.reason(),
            remedy: self.weighted.remedy.clone(),
        }
    }
}

/// The newest reading of a signal; of two from one moment the less favourable, so that their order does not matter.
pub(super) fn newest<'r>(readings: &'r [Reading], signal: &str) -> Option<&'r Reading> {
    let of = readings.iter().filter(|reading| &*reading.signal == signal);
    of.max_by(|a, b| {
        let rank =
            |reading: &Reading| (reading.at, std::cmp::Reverse((reading.value, reading.class)));
        rank(a).cmp(&rank(b)).then_with(|| a.evidence.cmp(&b.evidence))
    })
}

/// Losses in basis points of a whole, so that they add up exactly: what is left after rounding down goes to those that
/// were rounded most, the first of equals first.
fn shares(losses: &[u64], whole: u64) -> Vec<BasisPoints> {
    let unit = whole.max(1) * 10_000;
    let total: u64 = losses.iter().sum();
    // Rounded up: a score is never rounded up.
    let sum = total.div_ceil(unit);
    let mut parts: Vec<(usize, u64, u64)> =
        losses.iter().enumerate().map(|(n, loss)| (n, loss / unit, loss % unit)).collect();
    let given: u64 = parts.iter().map(|(_, part, _)| part).sum();
    parts.sort_by_key(|(n, _, rest)| (std::cmp::Reverse(*rest), *n));
    let left = usize::try_from(sum - given).unwrap_or(usize::MAX);
    for (_, part, _) in parts.iter_mut().take(left) {
        *part += 1;
    }
    parts.sort_by_key(|(n, _, _)| *n);
    parts.into_iter().map(|(_, part, _)| BasisPoints::from_wide(part)).collect()
}

/// What is known of a gate's signal: the same that the score knows of it, so that no gate passes on what counts nothing.
fn fires(gate: &Gate, terms: &[Term<'_>]) -> Option<Fired> {
    let fired =
        |cap: Points, unknown| Fired { gate: Arc::clone(&gate.name), cap: cap.basis(), unknown };
    match terms.iter().find(|term| term.weighted.signal == gate.signal)?.known.as_ref() {
        Some(known) if known.value < gate.below => Some(fired(gate.cap, false)),
        Some(_) => None,
        None => Some(fired(gate.cap_unknown, true)),
    }
}

/// When the first gate that knows its signal now will know nothing any more.
fn expires(profile: &Profile, terms: &[Term<'_>], now: Timestamp) -> Timestamp {
    let gated =
        |term: &&Term<'_>| profile.gates.iter().any(|gate| gate.signal == term.weighted.signal);
    let ends = terms.iter().filter(gated).filter_map(|term| {
        let known = term.known.as_ref()?;
        Some(now.minus(known.age).plus(term.weighted.ends))
    });
    ends.min().unwrap_or(Timestamp::FOREVER)
}
