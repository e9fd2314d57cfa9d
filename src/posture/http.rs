//! What devices report, and what is known of them, at the doors.

mod models;

use axum::extract::{DefaultBodyLimit, Extension, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Posture;
use super::inflate::is_packed;
use super::model::{Error, Said, Source};
use super::read_posture::Told;
use super::scoring::{Part, REPORT_BYTES_MAX};
use super::take_report::{Outcome, Sent, Taken};
use crate::access::Administrator;
use crate::crypto::digest::hex;
use crate::devices;
use crate::http::{CalledBy, Json, Path, Problem};
use crate::kernel::DeviceId;
use crate::wire::api;
use crate::wire::posture::{
    DevicePosture, PostureSource, Report, ReportAnswer, ReportFix, ReportOutcome, ScoreThen,
};

/// The routes.
pub fn routes(posture: &Posture) -> OpenApiRouter {
    // Packed or not, a report has a bound of its own.
    let reports = OpenApiRouter::new()
        .routes(routes!(report_posture))
        .layer(DefaultBodyLimit::max(REPORT_BYTES_MAX));
    OpenApiRouter::new()
        .routes(routes!(show_own_posture))
        .routes(routes!(show_posture))
        .routes(routes!(forget_source))
        .merge(models::routes())
        .merge(reports)
        .with_state(posture.clone())
}

/// Takes a report of the device that calls with its SVID. It may be packed: `Content-Encoding: gzip`.
#[utoipa::path(post, path = "/api/v1/devices/self/reports", tag = "devices", request_body = Report,
    responses((status = 200, body = ReportAnswer), (status = "default", body = api::Problem)))]
async fn report_posture(
    State(posture): State<Posture>,
    CalledBy(caller): CalledBy,
    headers: HeaderMap,
    bytes: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Json<ReportAnswer>, Problem> {
    let bytes = bytes.map_err(|_| Problem::too_large(Some(REPORT_BYTES_MAX)))?;
    let taken = posture.take(&caller, Sent { gzip: is_packed(&headers)?, bytes }).await?;
    Ok(Json(answer(&posture, &taken)))
}

/// What is known of the device that calls with its SVID.
#[utoipa::path(get, path = "/api/v1/devices/self/posture", tag = "devices",
    responses((status = 200, body = DevicePosture), (status = "default", body = api::Problem)))]
async fn show_own_posture(
    State(posture): State<Posture>,
    CalledBy(caller): CalledBy,
) -> Result<Response, Problem> {
    let told = posture.own(&caller).await?;
    Ok(Json(shown(&posture, told)).into_response())
}

/// What is known of a device.
#[utoipa::path(get, path = "/api/v1/devices/{id}/posture", tag = "devices", params(("id" = String, Path)),
    responses((status = 200, body = DevicePosture), (status = "default", body = api::Problem)))]
async fn show_posture(
    State(posture): State<Posture>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = DeviceId::parse(&id).map_err(|error| devices::Error::Invalid(error.to_string()))?;
    let told = posture.read_posture(by, id).await?;
    Ok(Json(shown(&posture, told)).into_response())
}

/// Forgets what a source says of a device: `osquery`, `collector`, or `service:` and a name.
#[utoipa::path(delete, path = "/api/v1/devices/{id}/posture/{source}", tag = "devices",
    params(("id" = String, Path), ("source" = String, Path)),
    responses((status = 204), (status = "default", body = api::Problem)))]
async fn forget_source(
    State(posture): State<Posture>,
    Extension(by): Extension<Administrator>,
    Path((id, source)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let id = DeviceId::parse(&id).map_err(|error| devices::Error::Invalid(error.to_string()))?;
    let unknown = || Error::Invalid(format!("`{source}` is no source of posture"));
    let source = Source::parse(&source).ok_or_else(unknown)?;
    posture.forget_source(by, id, source).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn answer(posture: &Posture, taken: &Taken) -> ReportAnswer {
    let (known, said) = (&taken.known, &taken.said);
    let (outcome, detail) = match taken.outcome {
        Outcome::Taken => (ReportOutcome::Taken, "this report counts from now on".to_owned()),
        Outcome::Known => (ReportOutcome::Known, "this report was taken before".to_owned()),
        Outcome::Older => {
            let held = said.collected_at;
            let words = format!(
                "this report counts nothing: a later one is held, made at {held}; is the device's clock right?"
            );
            (ReportOutcome::Older, words)
        }
    };
    let mut parts: Vec<&Part> = taken.score.signals.iter().collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.loss));
    ReportAnswer {
        outcome,
        detail,
        score_basis_points: taken.score.score.get(),
        level: known.held.level.as_str().to_owned(),
        rising_to: known.held.rising.map(|rising| rising.to.as_str().to_owned()),
        confidence_basis_points: taken.score.confidence.get(),
        model: taken.model.to_string(),
        fix: parts.into_iter().filter_map(fix).take(FIXES_MAX).collect(),
        report_in_seconds: posture.next_report(known).as_seconds(),
    }
}

/// What is as it should be and is believed only as far as its source goes is nothing to mend.
fn fix(part: &Part) -> Option<ReportFix> {
    let right = part.known.as_ref().is_some_and(|known| known.value.rest().get() == 0);
    let remedy = part.remedy.as_ref().filter(|_| !right)?;
    Some(ReportFix {
        signal: part.signal.to_string(),
        loss_basis_points: part.loss.get(),
        remedy: remedy.to_string(),
    })
}

fn shown(posture: &Posture, told: Told) -> DevicePosture {
    let mut document = DevicePosture {
        device: told.device.id.to_string(),
        level: told.standing.level.as_str().to_owned(),
        rising_to: None,
        reasons: told.standing.reasons.iter().map(ToString::to_string).collect(),
        collected_at: None,
        received_at: None,
        report_sha256: None,
        sources: Vec::new(),
        facts: std::collections::BTreeMap::new(),
        scored: None,
        history: Vec::new(),
        report_every_seconds: posture.interval().as_seconds(),
    };
    if let Some(reported) = told.reported {
        document.rising_to = reported.rising_to(&told.standing).map(str::to_owned);
        if let Some(newest) = reported.known.newest() {
            document.collected_at = Some(newest.collected_at.into());
            document.received_at = Some(newest.received_at.into());
            document.report_sha256 = Some(hex(&newest.digest));
        }
        document.sources = reported.known.said.iter().map(source).collect();
        document.facts = reported.facts;
        document.scored = Some(reported.scored);
        let then = |point: super::model::Charted| ScoreThen {
            at: point.at.into(),
            score_basis_points: point.score.get(),
            level: point.level.as_str().to_owned(),
        };
        document.history = reported.chart.into_iter().map(then).collect();
    }
    document
}

fn source(said: &Said) -> PostureSource {
    PostureSource {
        source: said.source.to_string(),
        class: said.came_as.as_str().to_owned(),
        collected_at: said.collected_at.into(),
        received_at: said.received_at.into(),
        report_sha256: hex(&said.digest),
        signals: u32::try_from(said.readings.len()).unwrap_or(u32::MAX),
    }
}

/// More than a person mends at once.
const FIXES_MAX: usize = 3;
