//! Models in the admin API: which count and counted, another in their place, what it would do, and scores worked out again.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::header::ETAG;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::Administrator;
use crate::crypto::digest::hex;
use crate::devices;
use crate::http::{Conditions, EntityTag, Json, Path, Problem, Query, cursor, page_of};
use crate::kernel::DeviceId;
use crate::posture::model::{Error, KeptModel};
use crate::posture::{ModelChoice, ModelWish, Posture};
use crate::wire::api;

pub(super) fn routes() -> OpenApiRouter<Posture> {
    OpenApiRouter::new()
        .routes(routes!(list_models))
        .routes(routes!(show_active_model, set_model))
        .routes(routes!(show_model))
        .routes(routes!(try_model))
        .routes(routes!(replay))
}

/// Lists the models that count and counted, newest first, without their documents.
#[utoipa::path(get, path = "/api/v1/posture-models", tag = "devices", params(api::PageQuery),
    responses((status = 200, body = api::Page<api::PostureModel>), (status = "default", body = api::Problem)))]
async fn list_models(
    State(posture): State<Posture>,
    Extension(by): Extension<Administrator>,
    Query(query): Query<api::PageQuery>,
) -> Result<Response, Problem> {
    let (limit, before) = cursor::<i64>(query.limit, query.cursor.as_deref())?;
    let (models, counts) = posture.models(by, before, limit + 1).await?;
    let one = |model: KeptModel| api::PostureModel { document: None, ..shown(&model, counts) };
    Ok(Json(page_of(models, limit, |model| model.number, one)?).into_response())
}

/// Shows the model that counts.
#[utoipa::path(get, path = "/api/v1/posture-models/active", tag = "devices",
    responses((status = 200, body = api::PostureModel), (status = "default", body = api::Problem)))]
async fn show_active_model(
    State(posture): State<Posture>,
    Extension(by): Extension<Administrator>,
) -> Result<Response, Problem> {
    let (model, counts) = posture.model(by, None).await?;
    Ok(tagged(&model, counts))
}

/// Shows a model that counts or counted.
#[utoipa::path(get, path = "/api/v1/posture-models/{number}", tag = "devices", params(("number" = i64, Path)),
    responses((status = 200, body = api::PostureModel), (status = "default", body = api::Problem)))]
async fn show_model(
    State(posture): State<Posture>,
    Extension(by): Extension<Administrator>,
    Path(number): Path<i64>,
) -> Result<Response, Problem> {
    let (model, counts) = posture.model(by, Some(number)).await?;
    Ok(tagged(&model, counts))
}

/// Scores by a model from now on: a document, or one that counted before. The same one again changes nothing.
#[utoipa::path(put, path = "/api/v1/posture-models/active", tag = "devices", request_body = api::PostureModelInput,
    responses((status = 200, body = api::PostureModel), (status = "default", body = api::Problem)))]
async fn set_model(
    State(posture): State<Posture>,
    Extension(by): Extension<Administrator>,
    conditions: Conditions,
    Json(input): Json<api::PostureModelInput>,
) -> Result<Response, Problem> {
    let choice = choice(input.document, input.number)?;
    let wish = ModelWish { choice, note: input.note, seen: conditions.digests() };
    match posture.set_model(by, wish).await {
        Ok(model) => Ok(tagged(&model, model.number)),
        Err(Error::Changed) => Err(Problem::precondition()),
        Err(error) => Err(error.into()),
    }
}

/// Tries a model on the fleet as it is: how many would fall, how many rise, who loses most. Changes nothing.
#[utoipa::path(post, path = "/api/v1/posture-model-trials", tag = "devices", request_body = api::PostureModelTrialInput,
    responses((status = 200, body = api::PostureModelTrial), (status = "default", body = api::Problem)))]
async fn try_model(
    State(posture): State<Posture>,
    Extension(by): Extension<Administrator>,
    Json(input): Json<api::PostureModelTrialInput>,
) -> Result<Response, Problem> {
    let choice = choice(input.document, input.number)?;
    Ok(Json(posture.try_model(by, choice).await?).into_response())
}

/// Works out again what was said of a device, by the same model for the same moment, and compares. Changes nothing.
#[utoipa::path(post, path = "/api/v1/posture-replays", tag = "devices", request_body = api::PostureReplayInput,
    responses((status = 200, body = api::PostureReplay), (status = "default", body = api::Problem)))]
async fn replay(
    State(posture): State<Posture>,
    Extension(by): Extension<Administrator>,
    Json(input): Json<api::PostureReplayInput>,
) -> Result<Response, Problem> {
    let id = DeviceId::parse(&input.device);
    let id = id.map_err(|error| devices::Error::Invalid(error.to_string()))?;
    Ok(Json(posture.replay(by, id, input.scored).await?).into_response())
}

fn choice(document: Option<String>, number: Option<i64>) -> Result<ModelChoice, Error> {
    match (document, number) {
        (Some(text), None) => Ok(ModelChoice::Document(Arc::from(text))),
        (None, Some(number)) => Ok(ModelChoice::Kept(number)),
        _ => Err(Error::Invalid("either `document` or `number` says which model".to_owned())),
    }
}

fn tagged(model: &KeptModel, counts: i64) -> Response {
    let tag = EntityTag::digest(&model.digest).header();
    ([(ETAG, tag)], Json(shown(model, counts))).into_response()
}

fn shown(model: &KeptModel, counts: i64) -> api::PostureModel {
    let was_set = model.number > 0;
    api::PostureModel {
        number: model.number,
        active: model.number == counts,
        name: model.name.to_string(),
        version: model.version,
        digest: hex(&model.digest),
        shipped: !model.own,
        set_at: was_set.then(|| model.set_at.into()),
        set_by: model.set_by.clone(),
        note: model.note.clone(),
        restores: model.restores,
        document: model.document.as_deref().map(str::to_owned),
    }
}
