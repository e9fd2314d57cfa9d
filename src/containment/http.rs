//! Containments in the admin API.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Containment, Containments, Wish};
use crate::access::Administrator;
use crate::http::{Json, Problem, Query, cursor, page_of};
use crate::kernel::Lifetime;
use crate::wire::api;

/// The routes.
pub fn routes(containments: &Containments) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_containments, contain, release))
        .with_state(containments.clone())
}

/// Lists who is contained, by name.
#[utoipa::path(get, path = "/api/v1/containments", tag = "containments", params(api::PageQuery),
    responses((status = 200, body = api::Page<api::Containment>), (status = "default", body = api::Problem)))]
async fn list_containments(
    State(containments): State<Containments>,
    Extension(by): Extension<Administrator>,
    Query(query): Query<api::PageQuery>,
) -> Result<Response, Problem> {
    let (limit, after) = cursor::<String>(query.limit, query.cursor.as_deref())?;
    let later = |one: &Arc<Containment>| {
        after.as_deref().is_none_or(|after| *one.whom.to_string() > *after)
    };
    let found = containments.list(by)?.into_iter().filter(later).take(limit + 1).collect();
    let position = |one: &Arc<Containment>| one.whom.to_string();
    Ok(Json(page_of(found, limit, position, |one| shown(&one))?).into_response())
}

/// Contains a subject for a while: it gets nothing, and what it has ends. One that is contained already is so for this time and
/// reason instead.
#[utoipa::path(post, path = "/api/v1/containments", tag = "containments", request_body = api::NewContainment,
    responses((status = 201, body = api::Containment), (status = "default", body = api::Problem)))]
async fn contain(
    State(containments): State<Containments>,
    Extension(by): Extension<Administrator>,
    Json(input): Json<api::NewContainment>,
) -> Result<Response, Problem> {
    let lifetime = Lifetime::seconds(input.lifetime_seconds);
    let wish = Wish { subject: input.subject, reason: input.reason, lifetime };
    let contained = containments.contain(by, wish).await?;
    Ok((StatusCode::CREATED, Json(shown(&contained))).into_response())
}

/// Releases a subject before its time.
#[utoipa::path(delete, path = "/api/v1/containments", tag = "containments", params(api::ReleaseQuery),
    responses((status = 204), (status = "default", body = api::Problem)))]
async fn release(
    State(containments): State<Containments>,
    Extension(by): Extension<Administrator>,
    Query(query): Query<api::ReleaseQuery>,
) -> Result<StatusCode, Problem> {
    let why = query.reason.as_deref().unwrap_or_default();
    containments.release(by, (&query.subject, why)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(containment: &Containment) -> api::Containment {
    api::Containment {
        subject: containment.whom.to_string(),
        reason: containment.reason.clone(),
        by: containment.by.clone(),
        created_at: containment.created_at.into(),
        ends_at: containment.ends_at.into(),
    }
}
