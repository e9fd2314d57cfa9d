//! The properties that every score has, whatever the device says (P1 to P10).
//!
//! Each holds for 10,000 worlds: a profile, readings, a time, and the changes that the properties make to them. A world is
//! made once and asked about all ten, because making one takes longer than scoring it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::slice;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::document::{parse, shipped_text};
use super::model::{Class, Gate, Model, Points, Profile, Reading, Weighted};
use super::report::read;
use super::score::{Score, score};
use super::sources::agreed;
use super::told::{Span, tell};
use crate::kernel::{BasisPoints, Lifetime, Timestamp};
use crate::wire::api::Time;
use crate::wire::posture::{FORMAT, Report, ReportedSignal, ScoredDocument};

const CASES: u32 = 10_000;
const SIGNALS: usize = 5;
const NAMES: [&str; SIGNALS] = ["disk", "boot", "patches", "lock", "fan"];

#[derive(Debug, Clone)]
struct World {
    profile: Profile,
    readings: Vec<Reading>,
    now: Timestamp,
}

/// A world, and what is done to it.
#[derive(Debug, Clone)]
struct Case {
    world: World,
    /// The same with one reading a signal, so that changing it is changing what counts.
    plain: World,
    which: usize,
    better: BasisPoints,
    class: Class,
    later: Lifetime,
    turned: usize,
}

type Property = fn(&Case) -> Result<(), TestCaseError>;

impl World {
    fn score(&self) -> Score {
        score(&self.profile, &self.readings, self.now)
    }

    fn prior(&self, signal: &str) -> BasisPoints {
        let of = self.profile.signals.iter().find(|weighted| &*weighted.signal == signal);
        of.map_or(BasisPoints::ZERO, |weighted| weighted.prior)
    }
}

fn name(n: usize) -> Arc<str> {
    Arc::from(NAMES[n % SIGNALS])
}

/// Half of them at the ends, where rules change.
fn points() -> impl Strategy<Value = u16> {
    (0_u16..=20_000).prop_map(|n| match n {
        0..=4_999 => 0,
        15_000.. => 10_000,
        _ => n - 5_000 + u16::from(n == 14_999),
    })
}

type Term = (u16, i64, i64, i64, u16);

fn profile(terms: [Term; SIGNALS], gates: Vec<(usize, u16, usize, usize)>) -> Profile {
    let total: u32 = terms.iter().map(|term| u32::from(term.0)).sum();
    let mut left = 10_000_u32;
    let signals = terms.into_iter().enumerate().map(|(n, (part, fresh, half, times, prior))| {
        let weight = if n + 1 == SIGNALS { left } else { u32::from(part) * 10_000 / total };
        left -= weight;
        Weighted {
            signal: name(n),
            weight: BasisPoints::new(u16::try_from(weight).unwrap()),
            fresh: Lifetime::seconds(fresh),
            half: Lifetime::seconds(half),
            ends: Lifetime::seconds(fresh * times),
            prior: BasisPoints::new(prior.saturating_sub(10_000)),
            remedy: None,
        }
    });
    let signals = signals.collect();
    let caps = [0, 20, 39, 59];
    let gates = gates.into_iter().map(|(signal, below, cap, unknown)| Gate {
        name: name(signal),
        signal: name(signal),
        below: BasisPoints::new(below),
        cap: Points::new(caps[cap.min(unknown)]),
        cap_unknown: Points::new(caps[cap.max(unknown)]),
    });
    let mut gates: Vec<Gate> = gates.collect();
    gates.sort_by(|a, b| a.name.cmp(&b.name));
    gates.dedup_by(|a, b| a.name == b.name);
    Profile { name: Arc::from("p"), signals, gates }
}

fn world() -> impl Strategy<Value = World> {
    let term = || (1_u16..=100, 1_i64..=7_200, 1_i64..=7_200, 2_i64..=6, 0_u16..=20_000);
    let terms =
        (term(), term(), term(), term(), term()).prop_map(|(a, b, c, d, e)| [a, b, c, d, e]);
    let gates =
        proptest::collection::vec((0..SIGNALS, 1_u16..=10_000, 0_usize..4, 0_usize..4), 0..4);
    let reading = (0..SIGNALS, points(), 0_usize..6, 0_i64..40_000, 0_usize..4);
    let readings = proptest::collection::vec(reading, 1..9);
    (terms, gates, readings, 0_i64..60_000).prop_map(|(terms, gates, readings, now)| {
        let readings = readings.into_iter().map(|(signal, value, class, at, evidence)| Reading {
            signal: name(signal),
            value: BasisPoints::new(value),
            class: Class::ALL[class],
            at: Timestamp::from_seconds(1_000_000 + at),
            evidence: name(evidence),
        });
        World {
            readings: readings.collect(),
            profile: profile(terms, gates),
            now: Timestamp::from_seconds(1_000_000 + now),
        }
    })
}

fn case() -> impl Strategy<Value = Case> {
    let changes = (0_usize..8, points(), 0_usize..6, 0_i64..20_000, 1_usize..8);
    (world(), changes).prop_map(|(world, (which, better, class, later, turned))| {
        let mut plain = world.clone();
        plain.readings.sort_by(|a, b| a.signal.cmp(&b.signal));
        plain.readings.dedup_by(|a, b| a.signal == b.signal);
        Case {
            which: which % plain.readings.len(),
            better: BasisPoints::new(better),
            class: Class::ALL[class],
            later: Lifetime::seconds(later),
            turned,
            world,
            plain,
        }
    })
}

fn p01_a_better_value_never_lowers_a_score(case: &Case) -> Result<(), TestCaseError> {
    let (mut world, before) = (case.plain.clone(), case.plain.score());
    let reading = &mut world.readings[case.which];
    reading.value = reading.value.max(case.better);
    prop_assert!(world.score().score >= before.score);
    Ok(())
}

fn p02_age_never_raises_a_score(case: &Case) -> Result<(), TestCaseError> {
    let mut world = case.plain.clone();
    for n in 0..world.readings.len() {
        let prior = world.prior(&world.readings[n].signal);
        let reading = &mut world.readings[n];
        reading.value = reading.value.max(prior);
    }
    let before = world.score();
    world.now = world.now.plus(case.later);
    // Before gates: one that turns from wrong to unknown is one step milder, by the model's own words.
    prop_assert!(world.score().ungated <= before.ungated);
    Ok(())
}

fn p03_a_stronger_class_never_lowers_a_score(case: &Case) -> Result<(), TestCaseError> {
    let mut world = case.plain.clone();
    let prior = world.prior(&world.readings[case.which].signal);
    let reading = &mut world.readings[case.which];
    reading.value = reading.value.max(prior);
    let before = world.score();
    let reading = &mut world.readings[case.which];
    reading.class = reading.class.max(case.class);
    let after = world.score();
    prop_assert!(after.ungated >= before.ungated);
    // A stronger word may be worth something where the weaker was worth nothing, and then say that something is wrong.
    let told = |score: &Score| score.signals.iter().filter(|part| part.known.is_some()).count();
    prop_assert!(after.score >= before.score || told(&after) > told(&before));
    Ok(())
}

fn p04_a_score_is_between_0_and_100(case: &Case) -> Result<(), TestCaseError> {
    let score = case.world.score();
    prop_assert!(score.score <= BasisPoints::ONE && score.score <= score.ungated);
    prop_assert!(score.confidence <= BasisPoints::ONE);
    Ok(())
}

fn p05_losses_add_up_exactly(case: &Case) -> Result<(), TestCaseError> {
    let score = case.world.score();
    let losses: u32 = score.signals.iter().map(|part| u32::from(part.loss.get())).sum();
    let missing = losses + u32::from(score.gate_loss.get());
    prop_assert_eq!(missing + u32::from(score.score.get()), 10_000);
    Ok(())
}

fn p06_the_order_of_reports_does_not_matter(case: &Case) -> Result<(), TestCaseError> {
    let mut other = case.world.clone();
    let count = other.readings.len();
    other.readings.rotate_left(case.turned % count);
    other.readings.swap(0, case.which % count);
    prop_assert_eq!(case.world.score(), other.score());
    other.readings.reverse();
    prop_assert_eq!(case.world.score(), other.score());
    // The same as the words of three sources, whichever of them was heard first.
    let mut said: [Vec<Reading>; 3] = Default::default();
    for (n, reading) in case.world.readings.iter().enumerate() {
        said[(n + case.turned) % 3].push(reading.clone());
    }
    let heard = |order: [usize; 3]| {
        let World { profile, now, .. } = &case.world;
        let each = order.map(|n| &*said[n]);
        score(profile, &agreed(profile, &each, *now), *now)
    };
    for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        prop_assert_eq!(heard([0, 1, 2]), heard(order));
    }
    Ok(())
}

fn p07_a_signal_that_does_not_apply_changes_nothing(case: &Case) -> Result<(), TestCaseError> {
    let mut world = case.world.clone();
    world.readings.push(Reading {
        signal: Arc::from("of-another-platform"),
        value: case.better,
        class: Class::HardwareAttested,
        at: world.now,
        evidence: Arc::from("e"),
    });
    prop_assert_eq!(world.score(), case.world.score());
    Ok(())
}

fn p08_a_gates_cap_holds_whatever_the_signals(case: &Case) -> Result<(), TestCaseError> {
    let score = case.world.score();
    for fired in &score.gates {
        prop_assert!(score.score <= fired.cap);
    }
    for gate in &case.world.profile.gates {
        let part = score.signals.iter().find(|part| part.signal == gate.signal).unwrap();
        let fired = score.gates.iter().find(|fired| fired.gate == gate.name);
        prop_assert_eq!(part.known.is_none(), fired.is_some_and(|fired| fired.unknown));
        let wrong = part.known.as_ref().is_some_and(|known| known.value < gate.below);
        prop_assert_eq!(wrong, fired.is_some_and(|fired| !fired.unknown));
    }
    Ok(())
}

/// From what is kept, and nothing else: the bytes of the report and the text of the model, read again by another instance.
fn p09_a_replay_is_identical(case: &Case) -> Result<(), TestCaseError> {
    static FIRST: LazyLock<Model> = LazyLock::new(|| parse(shipped_text()).unwrap());
    static AGAIN: LazyLock<Model> = LazyLock::new(|| parse(shipped_text()).unwrap());
    let sent = serde_json::to_vec(&report(&FIRST, case)).unwrap();
    let now = case.world.now.max(Timestamp::from_seconds(1_000_000 + 40_000));
    let (kept, readings) = read(&sent, now).unwrap();
    let canonical = serde_json::to_vec(&kept).unwrap();
    prop_assert_eq!(&canonical, &sent, "what is kept is what came");
    let (replayed, again) = read(&canonical, now).unwrap();
    prop_assert_eq!(FIRST.digest, AGAIN.digest);
    let profiles = FIRST.profiles.iter().zip(&AGAIN.profiles);
    for (first, other) in profiles.clone() {
        prop_assert_eq!(score(first, &readings, now), score(other, &again, now));
    }
    // The whole document takes a hundred times as long: of one case in seven.
    for (first, other) in profiles.filter(|_| case.turned == 1) {
        let span = Span { shortest: Lifetime::minutes(5), longest: Lifetime::hours(1) };
        let said = tell((&FIRST, first), (slice::from_ref(&kept), &readings), span, now);
        let said = serde_json::to_vec(&said).unwrap();
        let read: ScoredDocument = serde_json::from_slice(&said).unwrap();
        let told =
            tell((&AGAIN, other), (slice::from_ref(&replayed), &again), span, read.evaluated_at.0);
        prop_assert_eq!(said, serde_json::to_vec(&told).unwrap());
    }
    Ok(())
}

/// The readings of a case as a report on signals that this model counts.
fn report(model: &Model, case: &Case) -> Report {
    let names = &model.profiles[0].signals;
    let signals = case.plain.readings.iter().enumerate().map(|(n, reading)| ReportedSignal {
        signal: names[(n + case.which) % names.len()].signal.to_string(),
        value: Some(reading.value.get()),
        class: reading.class.as_str().to_owned(),
        at: Time(reading.at),
        source: "/".to_owned(),
        seen: String::new(),
        unknown: None,
    });
    Report {
        format: FORMAT.to_owned(),
        collected_at: Time(Timestamp::from_seconds(1_000_000 + 40_000)),
        platform: "linux".to_owned(),
        facts: BTreeMap::new(),
        signals: signals.collect(),
    }
}

fn p10_without_a_report_a_signal_is_worth_nothing_after_its_end(
    case: &Case,
) -> Result<(), TestCaseError> {
    let mut world = case.plain.clone();
    let last = world.readings.iter().map(|reading| reading.at).max().unwrap();
    let longest = world.profile.signals.iter().map(|weighted| weighted.ends).max().unwrap();
    world.now = last.plus(longest).plus(case.later);
    let score = world.score();
    prop_assert_eq!(score.confidence, BasisPoints::ZERO);
    prop_assert!(score.signals.iter().all(|part| part.known.is_none()));
    prop_assert_eq!(score.gates.len(), world.profile.gates.len());
    Ok(())
}

const PROPERTIES: [Property; 10] = [
    p01_a_better_value_never_lowers_a_score,
    p02_age_never_raises_a_score,
    p03_a_stronger_class_never_lowers_a_score,
    p04_a_score_is_between_0_and_100,
    p05_losses_add_up_exactly,
    p06_the_order_of_reports_does_not_matter,
    p07_a_signal_that_does_not_apply_changes_nothing,
    p08_a_gates_cap_holds_whatever_the_signals,
    p09_a_replay_is_identical,
    p10_without_a_report_a_signal_is_worth_nothing_after_its_end,
];

#[test]
fn posture_properties_hold() {
    let counts = RefCell::new([0_u32; PROPERTIES.len()]);
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&case(), |case| {
        for (n, property) in PROPERTIES.iter().enumerate() {
            property(&case)?;
            counts.borrow_mut()[n] += 1;
        }
        Ok(())
    });
    outcome.unwrap();
    let held = counts.borrow().iter().filter(|cases| **cases == CASES).count();
    assert_eq!(held, PROPERTIES.len(), "{counts:?}");
    println!("proof: posture properties P1–P10: {held}/{}, {CASES} cases each", PROPERTIES.len());
}
