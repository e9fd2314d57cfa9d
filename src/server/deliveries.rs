//! What the server has to tell others and could not yet: looked at, and tried again.

use std::sync::Arc;

use axum::extract::{Extension, State};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::build::Server;
use crate::access::{Action, Administrator, Request};
use crate::events::{self, Event, Unrecorded};
use crate::http::{Json, Path, Problem, Query, cursor, page_of};
use crate::jobs::deliveries::{self, Open};
use crate::kernel::{Failure, Fault, Kind};
use crate::oauth::SendLogoutToken;
use crate::wire::api;

/// The routes.
pub(super) fn routes(server: &Arc<Server>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_deliveries))
        .routes(routes!(retry_delivery))
        .with_state(Arc::clone(server))
}

/// May they see what could not be delivered?
struct ReadDelivery<'a>(&'a Administrator, &'a str);
/// May they have it tried again?
struct RetryDelivery<'a>(&'a Administrator, &'a str);

impl Action for ReadDelivery<'_> {
    const NAME: &'static str = "ReadDelivery";

    fn request(&self) -> Request<'_> {
        self.0.request(("Realm", self.1), None)
    }
}

impl Action for RetryDelivery<'_> {
    const NAME: &'static str = "RetryDelivery";

    fn request(&self) -> Request<'_> {
        self.0.request(("Realm", self.1), None)
    }
}

/// Lists letters and logout notices that were not delivered yet, by id. What was delivered is gone.
#[utoipa::path(get, path = "/api/v1/deliveries", tag = "server", params(api::PageQuery),
    responses((status = 200, body = api::Page<api::Delivery>), (status = "default", body = api::Problem)))]
async fn list_deliveries(
    State(server): State<Arc<Server>>,
    Extension(by): Extension<Administrator>,
    Query(query): Query<api::PageQuery>,
) -> Result<Json<api::Page<api::Delivery>>, Problem> {
    let realm = server.realms.get(by.realm).ok_or_else(gone)?;
    server.access.permit(ReadDelivery(&by, realm.name.as_str()))?.spend();
    let (limit, after) = cursor::<String>(query.limit, query.cursor.as_deref())?;
    let most = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let input = (after.unwrap_or_default(), most);
    let read: Result<Vec<Open>, Fault> = server
        .env
        .db
        .read(by.realm, input, |tx, (after, most)| Box::pin(deliveries::open(tx, after, *most)))
        .await;
    Ok(Json(page_of(read?, limit, |open| open.delivery.id.clone(), |open| shown(&open))?))
}

/// Has a delivery tried now, also one that was given up.
#[utoipa::path(post, path = "/api/v1/deliveries/{id}/retry", tag = "server", params(("id" = String, Path)),
    responses((status = 202, body = api::Delivery), (status = "default", body = api::Problem)))]
async fn retry_delivery(
    State(server): State<Arc<Server>>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<api::Delivery>), Problem> {
    let realm = server.realms.get(by.realm).ok_or_else(gone)?;
    server.access.permit(RetryDelivery(&by, realm.name.as_str()))?.spend();
    let event =
        by.asker.sign(Event::new(by.realm, DELIVERY_RETRIED).about("delivery", id.as_str()));
    let now = server.env.clock.now();
    let tried: Result<Open, NotRetried> = server
        .events
        .record_in(by.realm, (id, now, event), |tx, (id, now, event)| {
            Box::pin(async move {
                let open = deliveries::retry(tx, id, *now).await?.ok_or(NotRetried::Gone)?;
                Ok(Unrecorded::new(open, event.clone()))
            })
        })
        .await;
    let open = tried.map_err(Failure::from)?;
    server.accounts.posted().nudge();
    Ok((StatusCode::ACCEPTED, Json(shown(&open))))
}

/// Why nothing is tried.
#[derive(Debug, thiserror::Error)]
enum NotRetried {
    #[error("no delivery has this id, or it was delivered")]
    Gone,
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error(transparent)]
    Unrecorded(#[from] events::Error),
}

impl From<NotRetried> for Failure {
    fn from(error: NotRetried) -> Self {
        match error {
            NotRetried::Gone => gone(),
            NotRetried::Fault(fault) => fault.into(),
            NotRetried::Unrecorded(error) => error.into(),
        }
    }
}

fn gone() -> Failure {
    Failure::new(Kind::NotFound, "delivery.not_found", NotRetried::Gone.to_string())
}

fn shown(open: &Open) -> api::Delivery {
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

/// Somebody had a delivery tried again.
const DELIVERY_RETRIED: &str = "server.delivery_retried";

#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;
