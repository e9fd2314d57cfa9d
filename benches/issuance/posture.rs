//! What a device's score costs: one from signals that are in memory, and a whole fleet's after a change of the model.

use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use weft::kernel::{BasisPoints, Lifetime, Timestamp};
use weft::posture::scoring::{Class, Profile, Reading, score, shipped};

use crate::Outcome;

/// Measures, and prints both; true if both targets hold.
pub(crate) fn measure() -> Outcome<bool> {
    let model = shipped()?;
    let profile = model.profile("linux-laptop").ok_or("the shipped model has laptops")?;
    let fleet: Vec<Vec<Reading>> = (0..DEVICES).map(|n| device(profile, n)).collect();
    let one = median((0..ROUNDS).map(|_| alone(profile, &fleet)).collect());
    let all = median((0..ROUNDS).map(|_| together(profile, &fleet)).collect());
    let holds = (one < ONE_MAX, all < ALL_MAX);
    let say = |holds| if holds { "yes" } else { "no" };
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "\nposture: a score from cached signals {:.2} µs (< 5: {}); {DEVICES} devices on {THREADS} threads {:.3} s (< 1: {})",
        one.as_secs_f64() * 1e6,
        say(holds.0),
        all.as_secs_f64(),
        say(holds.1),
    )?;
    Ok(holds.0 && holds.1)
}

/// A device that reported everything, each signal at a time and with a value of its own.
fn device(profile: &Profile, n: u32) -> Vec<Reading> {
    let evidence: Arc<str> = format!("report:{n:016x}").into();
    let readings = profile.signals.iter().zip(0_u32..).map(|(weighted, at)| {
        let value = u16::try_from((n * 37 + at * 1_001) % 10_001).unwrap_or_default();
        let age = Lifetime::seconds(i64::from((n * 13 + at * 97) % 20_000));
        Reading {
            signal: Arc::clone(&weighted.signal),
            value: BasisPoints::new(value),
            class: Class::BearerAgent,
            at: NOW.minus(age),
            evidence: Arc::clone(&evidence),
        }
    });
    readings.collect()
}

/// The time of one score, over as many devices as a turn takes.
fn alone(profile: &Profile, fleet: &[Vec<Reading>]) -> Duration {
    let some = fleet.get(..TURNS).unwrap_or(fleet);
    let began = now();
    for readings in some {
        std::hint::black_box(score(profile, std::hint::black_box(readings), NOW));
    }
    began.elapsed() / u32::try_from(some.len().max(1)).unwrap_or(u32::MAX)
}

fn together(profile: &Profile, fleet: &[Vec<Reading>]) -> Duration {
    let began = now();
    thread::scope(|scope| {
        for part in fleet.chunks(fleet.len().div_ceil(THREADS)) {
            scope.spawn(move || {
                for readings in part {
                    std::hint::black_box(score(profile, std::hint::black_box(readings), NOW));
                }
            });
        }
    });
    began.elapsed()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> Instant {
    Instant::now()
}

fn median(mut spans: Vec<Duration>) -> Duration {
    spans.sort();
    spans.get(spans.len() / 2).copied().unwrap_or_default()
}

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const DEVICES: u32 = 100_000;
const TURNS: usize = 20_000;
const THREADS: usize = 2;
/// Odd, so that the median is one of them.
const ROUNDS: usize = 5;
const ONE_MAX: Duration = Duration::from_micros(5);
const ALL_MAX: Duration = Duration::from_secs(1);
