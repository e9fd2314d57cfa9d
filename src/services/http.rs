//! Services at the doors: what they deliver, and what administrators do to them.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Extension, FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Services;
use super::deliver::Delivery;
use super::manage_service::Made;
use super::model::Service;
use super::signature::Said;
use crate::access::Administrator;
use crate::http::{Conditions, Json, Path, PeerInfo, Problem, Query, cursor, page_of};
use crate::kernel::{Fault, Lifetime};
use crate::posture::Outcome;
use crate::realms::Realm;
use crate::wire::api;

/// What services themselves call.
pub(crate) fn routes(services: &Services) -> Router {
    Router::new()
        .route("/api/posture/{name}", post(deliver))
        .layer(DefaultBodyLimit::max(DELIVERY_BYTES_MAX))
        .with_state(services.clone())
}

/// What administrators call.
pub(crate) fn admin_routes(services: &Services) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_sources))
        .routes(routes!(show_source, put_source, delete_source))
        .routes(routes!(rotate_source))
        .with_state(services.clone())
}

async fn deliver(
    State(services): State<Services>,
    Path(name): Path<String>,
    sent: Sent,
) -> Result<Json<api::PostureDelivery>, Problem> {
    let text = |name| sent.headers.get(name).and_then(|value| value.to_str().ok());
    let said = Said {
        id: text("webhook-id").unwrap_or_default(),
        timestamp: text("webhook-timestamp").unwrap_or_default(),
        signature: text("webhook-signature").unwrap_or_default(),
    };
    let delivery = Delivery { realm: sent.realm.id, name: &name, said, body: &sent.body };
    let done = services.deliver(delivery, &sent.peer).await?;
    let outcome = match done.outcome {
        Outcome::Taken => api::PostureDelivered::Taken,
        Outcome::Known | Outcome::Older => api::PostureDelivered::Known,
    };
    Ok(Json(api::PostureDelivery { device: done.device, outcome }))
}

/// A delivery as it came, before anything of it is believed.
struct Sent {
    realm: Arc<Realm>,
    peer: PeerInfo,
    headers: HeaderMap,
    body: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let extensions = request.extensions();
        let (realm, peer) = (extensions.get::<Arc<Realm>>(), extensions.get::<PeerInfo>());
        let (Some(realm), Some(peer)) = (realm.cloned(), peer.cloned()) else {
            return Err(Fault::bug("a request without its realm and peer").into());
        };
        let headers = request.headers().clone();
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|_| Problem::too_large(Some(DELIVERY_BYTES_MAX)))?;
        Ok(Self { realm, peer, headers, body })
    }
}

/// Lists the services that tell what they know of devices, by name.
#[utoipa::path(get, path = "/api/v1/posture-sources", tag = "devices", params(api::PageQuery),
    responses((status = 200, body = api::Page<api::PostureService>), (status = "default", body = api::Problem)))]
async fn list_sources(
    State(services): State<Services>,
    Extension(by): Extension<Administrator>,
    Query(query): Query<api::PageQuery>,
) -> Result<Response, Problem> {
    let (limit, after) = cursor::<String>(query.limit, query.cursor.as_deref())?;
    let after = after.unwrap_or_default();
    let all = services.list(by)?.into_iter().filter(|one| one.name > after);
    let position = |one: &Arc<Service>| one.name.clone();
    let page = page_of(all.take(limit + 1).collect(), limit, position, |one| shown(&one))?;
    Ok(Json(page).into_response())
}

/// Shows one such service, with how what it sends is read, and without its secret.
#[utoipa::path(get, path = "/api/v1/posture-sources/{name}", tag = "devices", params(("name" = String, Path)),
    responses((status = 200, body = api::PostureService), (status = "default", body = api::Problem)))]
async fn show_source(
    State(services): State<Services>,
    Extension(by): Extension<Administrator>,
    Path(name): Path<String>,
) -> Result<Json<api::PostureService>, Problem> {
    Ok(Json(shown(&*services.show(by, &name)?)))
}

/// Makes such a service, or changes how what it sends is read. The answer that makes it alone has its secret.
#[utoipa::path(put, path = "/api/v1/posture-sources/{name}", tag = "devices", params(("name" = String, Path)),
    request_body = api::PostureServiceInput,
    responses((status = 200, body = api::PostureServiceMade), (status = 201, body = api::PostureServiceMade),
        (status = "default", body = api::Problem)))]
async fn put_source(
    State(services): State<Services>,
    Extension(by): Extension<Administrator>,
    Path(name): Path<String>,
    conditions: Conditions,
    Json(input): Json<api::PostureServiceInput>,
) -> Result<Response, Problem> {
    let document = (input.mapping, conditions.only_create());
    let made = services.put(by, &name, document).await?;
    let status = if made.secret.is_some() { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(told(&made))).into_response())
}

/// Gives such a service another secret; the one it has stays live for a while. This answer alone has it.
#[utoipa::path(post, path = "/api/v1/posture-sources/{name}/rotate", tag = "devices", params(("name" = String, Path)),
    request_body = api::PostureServiceRotation,
    responses((status = 200, body = api::PostureServiceMade), (status = "default", body = api::Problem)))]
async fn rotate_source(
    State(services): State<Services>,
    Extension(by): Extension<Administrator>,
    Path(name): Path<String>,
    Json(input): Json<api::PostureServiceRotation>,
) -> Result<Json<api::PostureServiceMade>, Problem> {
    let overlap = Lifetime::seconds(input.overlap_seconds.max(0));
    Ok(Json(told(&services.rotate(by, &name, overlap).await?)))
}

/// Takes such a service out, with all that it said.
#[utoipa::path(delete, path = "/api/v1/posture-sources/{name}", tag = "devices", params(("name" = String, Path)),
    responses((status = 204), (status = "default", body = api::Problem)))]
async fn delete_source(
    State(services): State<Services>,
    Extension(by): Extension<Administrator>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    services.delete(by, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn told(made: &Made) -> api::PostureServiceMade {
    let secret = made.secret.as_ref().map(|secret| secret.expose().clone());
    api::PostureServiceMade { service: shown(&made.service), secret }
}

fn shown(service: &Service) -> api::PostureService {
    api::PostureService {
        name: service.name.clone(),
        path: format!("/api/posture/{}", service.name),
        mapping: service.document.clone(),
        former_secret_ends_at: service.former.as_ref().map(|(_, ends)| (*ends).into()),
        created_at: service.created_at.into(),
        updated_at: service.updated_at.into(),
        revision: service.revision,
    }
}

/// What a service knows of one device.
const DELIVERY_BYTES_MAX: usize = 256 * 1024;
