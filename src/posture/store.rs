//! What is known of devices, in the database.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::crypto::digest::hex;
use crate::db::{Row, Tx, Value};
use crate::kernel::{BasisPoints, DeviceId, Fault, Level, Timestamp};
use crate::wire::posture::Report;

use super::model::{Charted, KeptModel, Known, Said, Source};
use super::scoring::{self, Class, Held, Reading, Rising};
use super::words::Current;

/// Which report of a source of a device is held: the digest of it.
pub(super) async fn held(
    tx: &mut Tx,
    device: DeviceId,
    source: &Source,
) -> Result<Option<[u8; 32]>, Fault> {
    let (device, source) = (device.to_string(), source.to_string());
    let row = tx.row(HELD, &[Value::from(&device), Value::from(&source)]).await?;
    row.map(|row| digest(&row)).transpose()
}

/// What is known of one device, as far as this model counts it.
pub(super) async fn known(
    tx: &mut Tx,
    device: DeviceId,
    current: &Current,
) -> Result<Option<Known>, Fault> {
    let device = device.to_string();
    let Some(state) = tx.row(STATE, &[Value::from(&device)]).await? else { return Ok(None) };
    let rows = tx.rows(SAID, &[Value::from(&device)]).await?;
    let said = rows.iter().map(|row| read(row, current)).collect::<Result<Vec<_>, _>>()?;
    assembled(&state, said)
}

/// What is known of every device of the realm.
pub(super) async fn all(tx: &mut Tx, current: &Current) -> Result<Vec<Known>, Fault> {
    let mut said: HashMap<DeviceId, Vec<Said>> = HashMap::new();
    for row in tx.rows(ALL_SAID, &[]).await? {
        said.entry(device(&row)?).or_default().push(read(&row, current)?);
    }
    let mut known = Vec::with_capacity(said.len());
    for state in tx.rows(ALL_STATES, &[]).await? {
        known.extend(assembled(&state, said.remove(&device(&state)?).unwrap_or_default())?);
    }
    Ok(known)
}

/// Devices with a report that came after this time, its source, and the digest of it.
pub(super) async fn received_after(
    tx: &mut Tx,
    time: Timestamp,
) -> Result<Vec<(DeviceId, Source, Vec<u8>)>, Fault> {
    let rows = tx.rows(RECEIVED_AFTER, &[Value::from(time)]).await?;
    rows.iter().map(|row| Ok((device(row)?, source(row)?, row.bytes("digest")?))).collect()
}

/// What the sources of a device say, word by word.
pub(super) async fn words(tx: &mut Tx, device: DeviceId) -> Result<Vec<(Source, Report)>, Fault> {
    let device = device.to_string();
    let rows = tx.rows(SAID, &[Value::from(&device)]).await?;
    rows.iter().map(|row| Ok((source(row)?, read_report(&row.text("report")?)?))).collect()
}

/// What one source of a device says, word by word.
pub(super) async fn words_of(
    tx: &mut Tx,
    device: DeviceId,
    source: &Source,
) -> Result<Option<Report>, Fault> {
    let (device, source) = (device.to_string(), source.to_string());
    let row = tx.row(WORDS, &[Value::from(&device), Value::from(&source)]).await?;
    row.map(|row| read_report(&row.text("report")?)).transpose()
}

/// A device's score over time.
pub(super) async fn charted(tx: &mut Tx, device: DeviceId) -> Result<Vec<Charted>, Fault> {
    let device = device.to_string();
    let row = tx.row(STATE, &[Value::from(&device)]).await?;
    row.map_or(Ok(Vec::new()), |row| read_chart(&row.text("chart")?))
}

/// Puts what a source says in the place of what has the digest `before`, or of nothing; false where another is there by now.
pub(super) async fn put_said(
    tx: &mut Tx,
    device: DeviceId,
    (said, readings, report): (&Said, &str, &str),
    before: Option<[u8; 32]>,
) -> Result<bool, Fault> {
    let (device, source) = (device.to_string(), said.source.to_string());
    let before = before.map_or_else(Vec::new, |digest| digest.to_vec());
    let params = [
        Value::from(&device),
        Value::from(&source),
        Value::from(said.collected_at),
        Value::from(said.received_at),
        Value::from(said.digest.as_slice()),
        Value::from(said.came_as.as_str()),
        Value::from(said.laptop),
        Value::from(readings),
        Value::from(report),
        Value::from(&before),
    ];
    Ok(tx.execute(PUT_SAID, &params).await? == 1)
}

/// Puts the level that a device holds. The caller has read it in the same transaction, and others hear of it.
pub(super) async fn put_state(tx: &mut Tx, known: &Known) -> Result<(), Fault> {
    let (device, rising) = (known.device.to_string(), known.held.rising);
    let params = [
        Value::from(&device),
        Value::from(known.held.level.as_str()),
        Value::from(rising.map(|on| on.to.as_str())),
        Value::from(rising.map(|on| on.since)),
        Value::from(rising.map(|on| i64::from(on.reports))),
        Value::from(known.charted_at),
        Value::from(known.revision),
    ];
    tx.execute(PUT_STATE, &params).await.map(drop)
}

/// Takes a source of a device out, with all that it said.
pub(super) async fn remove_said(
    tx: &mut Tx,
    device: DeviceId,
    source: &Source,
) -> Result<(), Fault> {
    let (device, source) = (device.to_string(), source.to_string());
    tx.execute(REMOVE_SAID, &[Value::from(&device), Value::from(&source)]).await.map(drop)
}

/// Takes a device out of which nothing is known any more.
pub(super) async fn remove_state(tx: &mut Tx, device: DeviceId) -> Result<(), Fault> {
    let device = device.to_string();
    tx.execute(REMOVE_STATE, &[Value::from(&device)]).await.map(drop)
}

/// Adds a point to a device's score over time; the oldest goes where there are too many.
pub(super) async fn chart(tx: &mut Tx, device: DeviceId, point: Charted) -> Result<(), Fault> {
    let id = device.to_string();
    let mut points = charted(tx, device).await?;
    points.push(point);
    let over = points.len().saturating_sub(CHARTED_MAX);
    points.drain(..over);
    let one = |one: &Charted| json!([one.at.micros(), one.score.get(), one.level.as_str()]);
    let text = points.iter().map(one).collect::<Json>().to_string();
    let params = [Value::from(&id), Value::from(&text), Value::from(point.at)];
    tx.execute(CHART, &params).await.map(drop)
}

/// The model that counts in the realm as of this transaction: `memory` itself where that is it.
///
/// Where a newer program set one that this one cannot read, the shipped one counts here, and each score says so by its digest.
pub(super) async fn current(tx: &mut Tx, memory: &Arc<Current>) -> Result<Arc<Current>, Fault> {
    let row = tx.row(MODEL_HEAD, &[]).await?;
    let own = row.as_ref().map(|row| Ok::<_, Fault>((digest(row)?, row.int("own")? == 1)));
    let digest = match own.transpose()? {
        Some((digest, true)) => digest,
        _ if memory.shipped => return Ok(Arc::clone(memory)),
        _ => return shipped(),
    };
    if digest == memory.model.digest {
        return Ok(Arc::clone(memory));
    }
    let text = document(tx, &digest).await?;
    match scoring::parse(text.as_deref().unwrap_or_default()) {
        Ok(model) => Ok(Arc::new(Current::of(model))),
        Err(flaws) => {
            tracing::error!(realm = tx.realm().0, cause = %flaws, "the realm's posture model cannot be read");
            if memory.shipped { Ok(Arc::clone(memory)) } else { shipped() }
        }
    }
}

fn shipped() -> Result<Arc<Current>, Fault> {
    Ok(Arc::new(Current::shipped().map_err(Fault::bug)?))
}

/// The document of this digest, where a model of it was set and is kept.
pub(super) async fn document(tx: &mut Tx, digest: &[u8; 32]) -> Result<Option<Arc<str>>, Fault> {
    let row = tx.row(MODEL_DOCUMENT, &[Value::from(digest.as_slice())]).await?;
    row.map(|row| Ok(Arc::from(row.text("document")?))).transpose()
}

/// The model that was set last, without its document.
pub(super) async fn newest_model(tx: &mut Tx) -> Result<Option<KeptModel>, Fault> {
    tx.row(MODEL_HEAD, &[]).await?.map(|row| read_model(&row, None)).transpose()
}

/// The model of this number.
pub(super) async fn model(tx: &mut Tx, number: i64) -> Result<Option<KeptModel>, Fault> {
    let row = tx.row(MODEL, &[Value::from(number)]).await?;
    let Some(row) = row else { return Ok(None) };
    let document: Option<Arc<str>> = row.text_or_null("document")?.map(Arc::from);
    read_model(&row, document).map(Some)
}

/// The models before this number, newest first, without their documents.
pub(super) async fn models(tx: &mut Tx, before: i64, limit: i64) -> Result<Vec<KeptModel>, Fault> {
    let rows = tx.rows(MODELS, &[Value::from(before), Value::from(limit)]).await?;
    rows.iter().map(|row| read_model(row, None)).collect()
}

/// True if another document of this name and version is kept.
pub(super) async fn is_another(tx: &mut Tx, model: &KeptModel) -> Result<bool, Fault> {
    let params = [
        Value::from(&*model.name),
        Value::from(i64::from(model.version)),
        Value::from(model.digest.as_slice()),
    ];
    Ok(tx.row(MODEL_OTHER, &params).await?.is_some())
}

/// Adds a model, and drops those that are older than is kept.
pub(super) async fn add_model(tx: &mut Tx, model: &KeptModel, kept: i64) -> Result<(), Fault> {
    let params = [
        Value::from(model.number),
        Value::from(&*model.name),
        Value::from(i64::from(model.version)),
        Value::from(model.digest.as_slice()),
        Value::from(model.document.as_deref()),
        Value::from(&model.note),
        Value::from(&model.set_by),
        Value::from(model.set_at),
        Value::from(model.restores),
    ];
    tx.execute(ADD_MODEL, &params).await?;
    let last = model.number.saturating_sub(kept);
    tx.execute(DROP_MODELS, &[Value::from(last)]).await.map(drop)
}

/// `document` is not read where a listing does not need it.
fn read_model(row: &Row, document: Option<Arc<str>>) -> Result<KeptModel, Fault> {
    Ok(KeptModel {
        number: row.int("number")?,
        name: row.text("name")?.into(),
        version: u32::try_from(row.int("version")?).map_err(bad)?,
        digest: digest(row)?,
        own: row.int("own")? == 1,
        document,
        note: row.text("note")?,
        set_by: row.text("set_by")?,
        set_at: row.time("set_at")?,
        restores: row.int_or_null("restores")?,
    })
}

/// Readings as a row has them: name, value, class, time.
pub(super) fn write_readings(readings: &[Reading]) -> String {
    let one = |reading: &Reading| {
        json!([&*reading.signal, reading.value.get(), reading.class.as_str(), reading.at.micros()])
    };
    readings.iter().map(one).collect::<Json>().to_string()
}

/// A report's words as a row has them.
fn read_report(text: &str) -> Result<Report, Fault> {
    serde_json::from_str(text).map_err(bad)
}

/// Names the evidence that a report is.
pub(super) fn evidence(source: &Source, digest: &[u8; 32]) -> Arc<str> {
    let digest: String = hex(digest).chars().take(16).collect();
    format!("{}:{digest}", source.evidence()).into()
}

/// What is known of a device; nothing where no source says anything.
fn assembled(state: &Row, said: Vec<Said>) -> Result<Option<Known>, Fault> {
    if said.is_empty() {
        return Ok(None);
    }
    let mut said = said;
    said.sort_by(|a, b| a.source.cmp(&b.source));
    let rising = match (state.text_or_null("rising_to")?, state.time_or_null("rising_since")?) {
        (Some(to), Some(since)) => {
            let reports = state.int_or_null("rising_reports")?.unwrap_or_default();
            let reports = u32::try_from(reports).map_err(bad)?;
            Some(Rising { to: level(&to)?, since, reports })
        }
        _ => None,
    };
    Ok(Some(Known {
        device: device(state)?,
        said: said.into(),
        held: Held { level: level(&state.text("level")?)?, rising },
        charted_at: state.time("charted_at")?,
        revision: state.int_or_null("revision")?.unwrap_or_default(),
    }))
}

fn read(row: &Row, current: &Current) -> Result<Said, Fault> {
    let (source, digest) = (source(row)?, digest(row)?);
    let all: Vec<Json> = serde_json::from_str(&row.text("readings")?).map_err(bad)?;
    let evidence = evidence(&source, &digest);
    let readings = all.iter().filter_map(|one| reading(one, current, &evidence).transpose());
    let readings = readings.collect::<Result<_, _>>()?;
    Ok(Said {
        source,
        collected_at: row.time("collected_at")?,
        received_at: row.time("received_at")?,
        digest,
        evidence,
        came_as: class(&row.text("came_as")?)?,
        laptop: row.flag("laptop")?,
        readings,
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

fn source(row: &Row) -> Result<Source, Fault> {
    Source::parse(&row.text("source")?).ok_or_else(|| bad("no source"))
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

const HELD: &str =
    "SELECT digest FROM posture_source WHERE realm = $1 AND device = $2 AND source = $3";
const WORDS: &str =
    "SELECT report FROM posture_source WHERE realm = $1 AND device = $2 AND source = $3";
const STATE: &str = "SELECT * FROM posture WHERE realm = $1 AND device = $2";
const SAID: &str = "SELECT * FROM posture_source WHERE realm = $1 AND device = $2 ORDER BY source";
const ALL_STATES: &str = "SELECT device, level, rising_to, rising_since, rising_reports, charted_at, revision FROM posture \
     WHERE realm = $1";
const ALL_SAID: &str = "SELECT device, source, collected_at, received_at, digest, came_as, laptop, readings \
     FROM posture_source WHERE realm = $1";
const RECEIVED_AFTER: &str =
    "SELECT device, source, digest FROM posture_source WHERE realm = $1 AND received_at > $2";
const PUT_SAID: &str = "INSERT INTO posture_source (realm, device, source, collected_at, received_at, digest, came_as, \
     laptop, readings, report) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
     ON CONFLICT (realm, device, source) DO UPDATE SET collected_at = excluded.collected_at, \
     received_at = excluded.received_at, digest = excluded.digest, came_as = excluded.came_as, laptop = excluded.laptop, \
     readings = excluded.readings, report = excluded.report \
     WHERE posture_source.realm = $1 AND posture_source.digest = $11";
const PUT_STATE: &str = "INSERT INTO posture (realm, device, level, rising_to, rising_since, rising_reports, charted_at, \
     revision, chart) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '[]') \
     ON CONFLICT (realm, device) DO UPDATE SET level = excluded.level, rising_to = excluded.rising_to, \
     rising_since = excluded.rising_since, rising_reports = excluded.rising_reports, charted_at = excluded.charted_at, \
     revision = excluded.revision WHERE posture.realm = $1";
const REMOVE_SAID: &str =
    "DELETE FROM posture_source WHERE realm = $1 AND device = $2 AND source = $3";
const REMOVE_STATE: &str = "DELETE FROM posture WHERE realm = $1 AND device = $2";
const CHART: &str =
    "UPDATE posture SET chart = $3, charted_at = $4 WHERE realm = $1 AND device = $2";

const MODEL_HEAD: &str = "SELECT number, name, version, digest, note, set_by, set_at, restores, \
     CASE WHEN document IS NULL THEN 0 ELSE 1 END AS own FROM posture_model WHERE realm = $1 \
     ORDER BY number DESC LIMIT 1";
const MODEL_DOCUMENT: &str = "SELECT document FROM posture_model WHERE realm = $1 AND digest = $2 \
     AND document IS NOT NULL ORDER BY number DESC LIMIT 1";
const MODEL: &str = "SELECT number, name, version, digest, document, note, set_by, set_at, restores, \
     CASE WHEN document IS NULL THEN 0 ELSE 1 END AS own FROM posture_model WHERE realm = $1 AND number = $2";
const MODELS: &str = "SELECT number, name, version, digest, note, set_by, set_at, restores, \
     CASE WHEN document IS NULL THEN 0 ELSE 1 END AS own FROM posture_model WHERE realm = $1 AND number < $2 \
     ORDER BY number DESC LIMIT $3";
const MODEL_OTHER: &str = "SELECT number FROM posture_model WHERE realm = $1 AND name = $2 AND version = $3 \
     AND digest <> $4 LIMIT 1";
const ADD_MODEL: &str = "INSERT INTO posture_model (realm, number, name, version, digest, document, note, set_by, set_at, \
     restores) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const DROP_MODELS: &str = "DELETE FROM posture_model WHERE realm = $1 AND number <= $2";

/// Every statement of this slice.
pub(crate) const STATEMENTS: &[&str] = &[
    HELD,
    WORDS,
    STATE,
    SAID,
    ALL_STATES,
    ALL_SAID,
    RECEIVED_AFTER,
    PUT_SAID,
    PUT_STATE,
    REMOVE_SAID,
    REMOVE_STATE,
    CHART,
    MODEL_HEAD,
    MODEL_DOCUMENT,
    MODEL,
    MODELS,
    MODEL_OTHER,
    ADD_MODEL,
    DROP_MODELS,
];
