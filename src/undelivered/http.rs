//! What could not be delivered, in the admin API.

use axum::extract::{Extension, State};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Undelivered;
use crate::access::Administrator;
use crate::http::{Json, Path, Problem, Query, cursor, page_of};
use crate::jobs::deliveries::Open;
use crate::kernel::Failure;
use crate::oauth::SendLogoutToken;
use crate::wire::api;

/// The routes.
pub fn routes(undelivered: &Undelivered) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_deliveries))
        .routes(routes!(retry_delivery))
        .with_state(undelivered.clone())
}

/// Lists letters and logout notices that were not delivered yet, by id. What was delivered is gone.
#[utoipa::path(get, path = "/api/v1/deliveries", tag = "server", params(api::PageQuery),
    responses((status = 200, body = api::Page<api::Delivery>), (status = "default", body = api::Problem)))]
async fn list_deliveries(
    State(undelivered): State<Undelivered>,
    Extension(by): Extension<Administrator>,
    Query(query): Query<api::PageQuery>,
) -> Result<Json<api::Page<api::Delivery>>, Problem> {
    let (limit, after) = cursor::<String>(query.limit, query.cursor.as_deref())?;
    let found = undelivered.list(&by, after.unwrap_or_default(), limit.saturating_add(1)).await;
    let found = found.map_err(Failure::from)?;
    Ok(Json(page_of(found, limit, |open| open.delivery.id.clone(), |open| shown(&open))?))
}

/// Has a delivery tried now, also one that was given up.
#[utoipa::path(post, path = "/api/v1/deliveries/{id}/retry", tag = "server", params(("id" = String, Path)),
    responses((status = 202, body = api::Delivery), (status = "default", body = api::Problem)))]
async fn retry_delivery(
    State(undelivered): State<Undelivered>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<api::Delivery>), Problem> {
    let open = undelivered.retry(&by, &id).await.map_err(Failure::from)?;
    Ok((StatusCode::ACCEPTED, Json(shown(&open))))
}

/// As everybody may see it who may look: no word of what is in it.
pub(crate) fn shown(open: &Open) -> api::Delivery {
    api::Delivery {
        id: open.delivery.id.clone(),
        kind: open.delivery.kind.to_string(),
        client: SendLogoutToken::client_of(&open.delivery).map(|client| client.to_string()),
        state: match (open.next, &open.last_error) {
            (None, _) => api::DeliveryState::GivenUp,
            (Some(_), Some(_)) => api::DeliveryState::Failing,
            (Some(_), None) => api::DeliveryState::Waiting,
        },
        created_at: open.made.into(),
        tries: open.attempts,
        next_at: open.next.map(Into::into),
        last_error: open.last_error.clone(),
    }
}
