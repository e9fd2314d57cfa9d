//! Posture: what devices report, and the models that reports are scored by.

use std::sync::LazyLock;

use weft::kernel::{BasisPoints, Lifetime};
use weft::osquery::http::report_in;
use weft::posture::scoring::{Flaws, Model, Reading, parse, read, readings, score, shipped};

use super::World;
use super::world::NOW;

static MODEL: LazyLock<Model> = LazyLock::new(|| shipped().expect("the shipped model is good"));

/// What a score is made of adds up, and no gate is passed over.
fn adds_up(model: &Model, readings: &[Reading]) {
    for profile in &model.profiles {
        let score = score(profile, readings, NOW);
        let losses: u32 = score.signals.iter().map(|part| u32::from(part.loss.get())).sum();
        let rest = u32::from(score.gate_loss.get()) + u32::from(score.score.get());
        assert_eq!(losses + rest, 10_000);
        assert!(score.gates.iter().all(|fired| score.score <= fired.cap));
    }
}

/// A document that is taken for a model is one: weights add up, gates look at signals that are there, times rise. What is wrong
/// with any other is told with lines that it has, in their order.
pub(crate) fn posture_model(_: &World, data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let model = match parse(text) {
        Ok(model) => model,
        Err(flaws) => return flaws_are_told(text, &flaws),
    };
    for profile in &model.profiles {
        let sum: u32 = profile.signals.iter().map(|one| u32::from(one.weight.get())).sum();
        assert_eq!(sum, 10_000);
        assert!(profile.signals.iter().all(|one| one.fresh < one.ends && !one.half.is_zero()));
        let known = |signal: &str| profile.signals.iter().any(|one| &*one.signal == signal);
        assert!(
            profile.gates.iter().all(|gate| known(&gate.signal) && gate.cap <= gate.cap_unknown)
        );
    }
    adds_up(&model, &[]);
}

fn flaws_are_told(text: &str, flaws: &Flaws) {
    let lines: Vec<usize> = flaws.each().iter().map(|flaw| flaw.line).collect();
    let last = text.matches('\n').count() + 1;
    assert!(!lines.is_empty() && lines.is_sorted());
    assert!(lines.iter().all(|line| (1..=last).contains(line)));
    assert!(flaws.each().iter().all(|flaw| !flaw.why.is_empty()));
}

/// A report that is taken has each signal once, nothing from the future, and no value that cannot be.
pub(crate) fn posture_report(_: &World, data: &[u8]) {
    let Ok((report, readings)) = read(data, NOW) else { return };
    assert!(readings.len() <= report.signals.len());
    for (n, reading) in readings.iter().enumerate() {
        assert!(reading.value <= BasisPoints::ONE && reading.at <= NOW.plus(Lifetime::minutes(1)));
        assert!(readings.iter().skip(n + 1).all(|other| other.signal != reading.signal));
    }
    adds_up(&MODEL, &readings);
}

/// Whatever an osquery sends, what is made of it is a report that can be taken: nothing from the future, no value that cannot
/// be, of each signal one.
pub(crate) fn osquery(_: &World, data: &[u8]) {
    let Some(report) = report_in(data, NOW) else { return };
    let readings = readings(&report, &"osquery".into(), NOW).expect("a report that can be taken");
    assert!(report.signals.iter().all(|signal| signal.at.0 <= NOW));
    assert!(!report.signals.is_empty() && readings.len() <= report.signals.len());
    adds_up(&MODEL, &readings);
}
