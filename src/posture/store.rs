//! What is known of devices, in the database.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::crypto::digest::hex;
use crate::db::{Row, Tx, Value};
use crate::kernel::{BasisPoints, DeviceId, Fault, Level, Timestamp};
use crate::wire::posture::Report;

use super::model::{Charted, Known};
use super::scoring::{Class, Held, Reading, Rising};
use super::words::Current;

/// Which report of a device is held: the digest of it.
pub(super) async fn held(tx: &mut Tx, device: DeviceId) -> Result<Option<[u8; 32]>, Fault> {
    let device = device.to_string();
    tx.row(HELD, &[Value::from(&device)]).await?.map(|row| digest(&row)).transpose()
}

/// What is known of one device, as far as this model counts it.
pub(super) async fn known(
    tx: &mut Tx,
    device: DeviceId,
    current: &Current,
) -> Result<Option<Known>, Fault> {
    let device = device.to_string();
    tx.row(KNOWN, &[Value::from(&device)]).await?.map(|row| read(&row, current)).transpose()
}

/// What is known of every device of the realm.
pub(super) async fn all(tx: &mut Tx, current: &Current) -> Result<Vec<Known>, Fault> {
    tx.rows(ALL, &[]).await?.iter().map(|row| read(row, current)).collect()
}

/// Devices with a report that came after this time, and the digest of it.
pub(super) async fn received_after(
    tx: &mut Tx,
    time: Timestamp,
) -> Result<Vec<(DeviceId, Vec<u8>)>, Fault> {
    let rows = tx.rows(RECEIVED_AFTER, &[Value::from(time)]).await?;
    rows.iter().map(|row| Ok((device(row)?, row.bytes("digest")?))).collect()
}

/// What a device said, word by word, and its score over time.
pub(super) async fn words(
    tx: &mut Tx,
    device: DeviceId,
) -> Result<Option<(String, Vec<Charted>)>, Fault> {
    let device = device.to_string();
    let Some(row) = tx.row(WORDS, &[Value::from(&device)]).await? else { return Ok(None) };
    Ok(Some((row.text("report")?, read_chart(&row.text("chart")?)?)))
}

/// Puts a report in the place of the one with the digest `before`, or of none; false where another one is there by now.
pub(super) async fn put(
    tx: &mut Tx,
    (known, readings, report): (&Known, &str, &str),
    before: Option<[u8; 32]>,
) -> Result<bool, Fault> {
    let (device, rising) = (known.device.to_string(), known.held.rising);
    let before = before.map_or_else(Vec::new, |digest| digest.to_vec());
    let params = [
        Value::from(&device),
        Value::from(known.collected_at),
        Value::from(known.received_at),
        Value::from(known.digest.as_slice()),
        Value::from(known.came_as.as_str()),
        Value::from(known.laptop),
        Value::from(readings),
        Value::from(report),
        Value::from(known.held.level.as_str()),
        Value::from(rising.map(|on| on.to.as_str())),
        Value::from(rising.map(|on| on.since)),
        Value::from(rising.map(|on| i64::from(on.reports))),
        Value::from(known.charted_at),
        Value::from(&before),
    ];
    Ok(tx.execute(PUT, &params).await? == 1)
}

/// Adds a point to a device's score over time; the oldest goes where there are too many.
pub(super) async fn chart(tx: &mut Tx, device: DeviceId, point: Charted) -> Result<(), Fault> {
    let id = device.to_string();
    let Some((_, mut points)) = words(tx, device).await? else { return Ok(()) };
    points.push(point);
    let over = points.len().saturating_sub(CHARTED_MAX);
    points.drain(..over);
    let point = |one: &Charted| json!([one.at.micros(), one.score.get(), one.level.as_str()]);
    let text = points.iter().map(point).collect::<Json>().to_string();
    tx.execute(CHART, &[Value::from(&id), Value::from(&text)]).await.map(drop)
}

/// Readings as a row has them: name, value, class, time.
pub(super) fn write_readings(readings: &[Reading]) -> String {
    let one = |reading: &Reading| {
        json!([&*reading.signal, reading.value.get(), reading.class.as_str(), reading.at.micros()])
    };
    readings.iter().map(one).collect::<Json>().to_string()
}

/// A report's words as a row has them.
pub(super) fn read_report(text: &str) -> Result<Report, Fault> {
    serde_json::from_str(text).map_err(bad)
}

/// Names the evidence that a report is.
pub(super) fn evidence(digest: &[u8; 32]) -> Arc<str> {
    let digest: String = hex(digest).chars().take(16).collect();
    format!("report:{digest}").into()
}

fn read(row: &Row, current: &Current) -> Result<Known, Fault> {
    let digest = digest(row)?;
    let rising = match (row.text_or_null("rising_to")?, row.time_or_null("rising_since")?) {
        (Some(to), Some(since)) => {
            let reports = row.int_or_null("rising_reports")?.unwrap_or_default();
            let reports = u32::try_from(reports).map_err(bad)?;
            Some(Rising { to: level(&to)?, since, reports })
        }
        _ => None,
    };
    let all: Vec<Json> = serde_json::from_str(&row.text("readings")?).map_err(bad)?;
    let evidence = evidence(&digest);
    let readings = all.iter().filter_map(|one| reading(one, current, &evidence).transpose());
    Ok(Known {
        device: device(row)?,
        collected_at: row.time("collected_at")?,
        received_at: row.time("received_at")?,
        digest,
        came_as: class(&row.text("came_as")?)?,
        laptop: row.flag("laptop")?,
        readings: readings.collect::<Result<_, _>>()?,
        held: Held { level: level(&row.text("level")?)?, rising },
        charted_at: row.time("charted_at")?,
    })
}

/// A reading, unless no profile counts its signal: such a one is kept in its row for another model, and not in memory.
fn reading(json: &Json, current: &Current, evidence: &Arc<str>) -> Result<Option<Reading>, Fault> {
    let parts = json.as_array().map(Vec::as_slice);
    let Some([signal, value, of, at]) = parts else { return Err(bad("a reading has four parts")) };
    let text = |part: &Json| part.as_str().map(str::to_owned).ok_or_else(|| bad("no text"));
    let Some(signal) = current.known_name(&text(signal)?) else { return Ok(None) };
    Ok(Some(Reading {
        signal,
        value: share(value)?,
        class: class(&text(of)?)?,
        at: time(at)?,
        evidence: Arc::clone(evidence),
    }))
}

fn read_chart(text: &str) -> Result<Vec<Charted>, Fault> {
    let all: Vec<Json> = serde_json::from_str(text).map_err(bad)?;
    let one = |json: &Json| {
        let parts = json.as_array().map(Vec::as_slice);
        let Some([at, score, name]) = parts else { return Err(bad("a point has three parts")) };
        let level = level(name.as_str().unwrap_or_default())?;
        Ok(Charted { at: time(at)?, score: share(score)?, level })
    };
    all.iter().map(one).collect()
}

fn share(json: &Json) -> Result<BasisPoints, Fault> {
    let points = json.as_u64().and_then(|points| u16::try_from(points).ok());
    points.map(BasisPoints::new).ok_or_else(|| bad("no share"))
}

fn time(json: &Json) -> Result<Timestamp, Fault> {
    json.as_i64().map(Timestamp::from_micros).ok_or_else(|| bad("no time"))
}

fn device(row: &Row) -> Result<DeviceId, Fault> {
    DeviceId::parse(&row.text("device")?).map_err(bad)
}

fn digest(row: &Row) -> Result<[u8; 32], Fault> {
    row.bytes("digest")?.try_into().map_err(|_| bad("a digest has 32 bytes"))
}

fn class(name: &str) -> Result<Class, Fault> {
    Class::parse(name).ok_or_else(|| bad(format!("no class `{name}`")))
}

fn level(name: &str) -> Result<Level, Fault> {
    Level::parse(name).ok_or_else(|| bad(format!("no level `{name}`")))
}

fn bad(error: impl std::fmt::Display) -> Fault {
    Fault::malformed("row of `posture`", error)
}

/// Ten days of hours.
const CHARTED_MAX: usize = 240;

const HELD: &str = "SELECT digest FROM posture WHERE realm = $1 AND device = $2";
const KNOWN: &str = "SELECT device, collected_at, received_at, digest, came_as, laptop, readings, level, rising_to, \
     rising_since, rising_reports, charted_at FROM posture WHERE realm = $1 AND device = $2";
const ALL: &str = "SELECT device, collected_at, received_at, digest, came_as, laptop, readings, level, rising_to, \
     rising_since, rising_reports, charted_at FROM posture WHERE realm = $1";
const RECEIVED_AFTER: &str =
    "SELECT device, digest FROM posture WHERE realm = $1 AND received_at > $2";
const WORDS: &str = "SELECT report, chart FROM posture WHERE realm = $1 AND device = $2";
const PUT: &str = "INSERT INTO posture (realm, device, collected_at, received_at, digest, came_as, laptop, readings, report, \
     level, rising_to, rising_since, rising_reports, charted_at, chart) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, '[]') \
     ON CONFLICT (realm, device) DO UPDATE SET collected_at = excluded.collected_at, received_at = excluded.received_at, \
     digest = excluded.digest, came_as = excluded.came_as, laptop = excluded.laptop, readings = excluded.readings, \
     report = excluded.report, level = excluded.level, rising_to = excluded.rising_to, \
     rising_since = excluded.rising_since, rising_reports = excluded.rising_reports, charted_at = excluded.charted_at \
     WHERE posture.realm = $1 AND posture.digest = $15";
const CHART: &str = "UPDATE posture SET chart = $3 WHERE realm = $1 AND device = $2";

/// Every statement of this slice.
pub(crate) const STATEMENTS: &[&str] = &[HELD, KNOWN, ALL, RECEIVED_AFTER, WORDS, PUT, CHART];
