//! Bundles in the admin API: the realm's own to read, those of other trust domains to set and delete.

#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Administrator, Bundle, Bundles, Known, document};
use crate::http::{Json, Path, Problem, Query, cursor, page_of};
use crate::kernel::{Lifetime, TrustDomain};
use crate::wire::api;

/// The routes.
pub fn routes(bundles: &Bundles) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_bundles))
        .routes(routes!(show_bundle, set_bundle, delete_bundle))
        .with_state(bundles.clone())
}

/// Lists bundles: the realm's own first, then by trust domain.
#[utoipa::path(get, path = "/api/v1/bundles", tag = "bundles", params(api::PageQuery),
    responses((status = 200, body = api::Page<api::BundleSummary>), (status = "default", body = api::Problem)))]
async fn list_bundles(
    State(bundles): State<Bundles>,
    Extension(by): Extension<Administrator>,
    Query(query): Query<api::PageQuery>,
) -> Result<Json<api::Page<api::BundleSummary>>, Problem> {
    let (limit, after) = cursor::<Position>(query.limit, query.cursor.as_deref())?;
    let behind = |known: &Known| after.as_ref().is_none_or(|last| position(known) > *last);
    let found = bundles.list(by)?.into_iter().filter(behind).take(limit + 1).collect();
    Ok(Json(page_of(found, limit, position, |known| summary(&known))?))
}

/// Shows a bundle as a SPIFFE bundle document.
#[utoipa::path(get, path = "/api/v1/bundles/{trust_domain}", tag = "bundles", params(("trust_domain" = String, Path)),
    responses((status = 200, body = api::BundleDocument), (status = "default", body = api::Problem)))]
async fn show_bundle(
    State(bundles): State<Bundles>,
    Extension(by): Extension<Administrator>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let known = bundles.show(by, &domain(&name)?)?;
    Ok(([(CONTENT_TYPE, document::MEDIA_TYPE)], document::print(&known.bundle)).into_response())
}

/// Trusts a trust domain by this SPIFFE bundle document, whatever was known of it before.
#[utoipa::path(put, path = "/api/v1/bundles/{trust_domain}", tag = "bundles", params(("trust_domain" = String, Path)),
    request_body = api::BundleDocument,
    responses((status = 200, body = api::BundleSummary), (status = "default", body = api::Problem)))]
async fn set_bundle(
    State(bundles): State<Bundles>,
    Extension(by): Extension<Administrator>,
    Path(name): Path<String>,
    text: Bytes,
) -> Result<Json<api::BundleSummary>, Problem> {
    let changed_at = bundles.env.clock.now();
    let bundle = bundles.set(by, &domain(&name)?, &text).await?;
    Ok(Json(summary(&Known { bundle, own: false, changed_at })))
}

/// Trusts nobody of this trust domain any longer.
#[utoipa::path(delete, path = "/api/v1/bundles/{trust_domain}", tag = "bundles", params(("trust_domain" = String, Path)),
    responses((status = 204), (status = "default", body = api::Problem)))]
async fn delete_bundle(
    State(bundles): State<Bundles>,
    Extension(by): Extension<Administrator>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    bundles.delete(by, &domain(&name)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Foreign ones come after our own.
type Position = (bool, String);

fn position(known: &Known) -> Position {
    (!known.own, known.bundle.trust_domain.to_string())
}

fn domain(name: &str) -> Result<TrustDomain, Problem> {
    TrustDomain::parse(name)
        .map_err(|error| Problem::invalid("bundle.trust_domain", error.to_string()))
}

fn summary(known: &Known) -> api::BundleSummary {
    let bundle: &Arc<Bundle> = &known.bundle;
    let count = |items: usize| u64::try_from(items).unwrap_or(u64::MAX);
    api::BundleSummary {
        trust_domain: bundle.trust_domain.to_string(),
        own: known.own,
        sequence: bundle.sequence,
        refresh_hint_seconds: bundle.refresh_hint.map(Lifetime::as_seconds),
        x509_authorities: count(bundle.x509.len()),
        jwt_authorities: count(bundle.jwt.len()),
        updated_at: known.changed_at.into(),
    }
}
