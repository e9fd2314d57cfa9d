//! What a device's score costs: one from signals that are in memory, and a whole fleet's after a change of the model. How many
//! reports a server takes.

use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;
use tokio::task::JoinSet;
use weft::crypto::keys::{Algorithm, PrivateKey};
use weft::crypto::x509::csr;
use weft::db::Engine;
use weft::devices::EnrolDevice;
use weft::devices::model::{Class as Sort, Grant, TokenWish};
use weft::env::{Clock as _, SystemClock};
use weft::kernel::{BasisPoints, Caller, Lifetime, Listener, Proof, RealmId, Situation, Timestamp};
use weft::posture::Sent;
use weft::posture::scoring::{Class, Profile, Reading, score, shipped};

use weft::testkit::{TestDatabase, TestServer};
use weft::wire::api::Time;
use weft::wire::posture::FORMAT;

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
    let (same, other) = (reports(|_| 10_000)?, reports(|n| 10_000 - 100 * (n % 2))?);
    let enough = same >= REPORTS_MIN;
    writeln!(
        out,
        "posture: {same:.0} reports a second that say what was known are read, weighed and durable on SQLite, {CALLERS} at once, without TLS (≥ 5000: {}); {other:.0} of which each changes the score",
        say(enough),
    )?;
    Ok(holds.0 && holds.1 && enough)
}

/// Reports a second that a whole server takes, from so many devices at once, each with the next one when it has its answer. The n-th
/// of a device says that all is this good.
fn reports(value: fn(u32) -> u32) -> Outcome<f64> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let database = TestDatabase::new(Engine::Sqlite).await;
        let server = TestServer::start(&database).await;
        let mut work = Vec::new();
        for _ in 0..CALLERS {
            let caller = enrolled(&server).await?;
            let (posture, now) = (server.server().posture.clone(), SystemClock::new().now());
            let reports: Vec<Bytes> = (0..EACH).map(|n| report(now, n, value(n))).collect();
            work.push(async move {
                for bytes in reports {
                    posture.take(&caller, Sent { gzip: false, bytes }).await?;
                }
                Ok::<_, weft::posture::Error>(())
            });
        }
        let began = self::now();
        let mut tasks: JoinSet<_> = work.into_iter().collect();
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        Ok(f64::from(CALLERS) * f64::from(EACH) / began.elapsed().as_secs_f64())
    })
}

/// A device that came in, as its door has it.
async fn enrolled(server: &TestServer) -> Outcome<Caller> {
    let devices = &server.server().devices;
    let grant = Grant { class: Sort::Laptop, profile: None, owner: None, device: None };
    let (by, lifetime) = (server.administrator(), Lifetime::hours(1));
    let wish = TokenWish { by, id: None, uses_max: 1, lifetime, grant };
    let key = PrivateKey::generate(Algorithm::P256)?;
    let ask = EnrolDevice {
        realm: RealmId::FIRST,
        secret: devices.create_token(wish).await?.secret,
        csr: csr::create(&key)?,
        name: "bench".to_owned(),
        platform: "linux".to_owned(),
        situation: Situation::default(),
    };
    let device = devices.enrol(ask).await?.device;
    let held = device.current.ok_or("a device that enrolled has an SVID")?;
    let proof = Proof::X509Svid {
        serial: held.serial,
        not_before: held.issued_at,
        not_after: held.expires,
        key_digest: held.key_digest,
    };
    let (subject, listener) = (Some(device.spiffe_id), Listener::Mtls);
    Ok(Caller { realm: RealmId::FIRST, subject, proof, listener, address: None })
}

/// The n-th report of a device, a millisecond after the one before.
fn report(now: Timestamp, n: u32, value: u32) -> Bytes {
    let at = Time(now.plus(Lifetime::millis(i64::from(n))));
    let signal = |name: &&str| json!({"signal": name, "value": value, "class": "bearer_agent", "at": at, "source": "/", "seen": "as it should be"});
    let signals: Vec<_> = weft::machine::names().iter().map(signal).collect();
    let report =
        json!({"format": FORMAT, "collected_at": at, "platform": "linux", "signals": signals});
    report.to_string().into()
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
const CALLERS: u32 = 64;
const EACH: u32 = 200;
const REPORTS_MIN: f64 = 5_000.0;
const ALL_MAX: Duration = Duration::from_secs(1);
