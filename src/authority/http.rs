//! Signing authorities in the admin API.

#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;

use axum::extract::{Extension, State};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Administrator, Authority, Line, Purpose, Slot, State as Standing};
use crate::crypto::jose::JwsAlgorithm;
use crate::crypto::keys::Algorithm;
use crate::http::{Json, Path, Problem};
use crate::kernel::{AuthorityId, RealmId};
use crate::wire::api;

/// The routes.
pub fn routes(authority: &Authority) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_authorities))
        .routes(routes!(prepare_authority))
        .routes(routes!(activate_authority))
        .routes(routes!(taint_authority))
        .routes(routes!(revoke_authority))
        .with_state(authority.clone())
}

/// Lists the realm's authorities, the oldest first: a handful, on one page.
#[utoipa::path(get, path = "/api/v1/authorities", tag = "authorities", params(api::PageQuery),
    responses((status = 200, body = api::Page<api::Authority>), (status = "default", body = api::Problem)))]
async fn list_authorities(
    State(authority): State<Authority>,
    Extension(by): Extension<Administrator>,
) -> Result<Json<api::Page<api::Authority>>, Problem> {
    let realm = by.realm;
    let slots = authority.read(by)?.slots;
    let items = slots.iter().map(|slot| shown(&authority, realm, slot)).collect();
    Ok(Json(api::Page { items, next_cursor: None }))
}

/// Makes and publishes the next authority of a purpose.
#[utoipa::path(post, path = "/api/v1/authorities/prepare", tag = "authorities", request_body = api::PrepareAuthority,
    responses((status = 201, body = api::Authority), (status = "default", body = api::Problem)))]
async fn prepare_authority(
    State(authority): State<Authority>,
    Extension(by): Extension<Administrator>,
    Json(input): Json<api::PrepareAuthority>,
) -> Result<(StatusCode, Json<api::Authority>), Problem> {
    let realm = by.realm;
    let slot = authority.prepare(by, line(input)?).await?;
    Ok((StatusCode::CREATED, Json(shown(&authority, realm, &slot))))
}

/// Lets a prepared authority sign from now on.
#[utoipa::path(post, path = "/api/v1/authorities/{id}/activate", tag = "authorities", params(("id" = String, Path)),
    request_body = api::ActivateAuthority,
    responses((status = 200, body = api::Authority), (status = "default", body = api::Problem)))]
async fn activate_authority(
    State(authority): State<Authority>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
    Json(input): Json<api::ActivateAuthority>,
) -> Result<Json<api::Authority>, Problem> {
    let realm = by.realm;
    let slot = authority.activate(by, authority_id(&id)?, input.force).await?;
    Ok(Json(shown(&authority, realm, &slot)))
}

/// Says that nothing of an old authority is to be relied on: whoever holds something of it renews at once.
#[utoipa::path(post, path = "/api/v1/authorities/{id}/taint", tag = "authorities", params(("id" = String, Path)),
    responses((status = 200, body = api::Authority), (status = "default", body = api::Problem)))]
async fn taint_authority(
    State(authority): State<Authority>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
) -> Result<Json<api::Authority>, Problem> {
    let realm = by.realm;
    let slot = authority.taint(by, authority_id(&id)?).await?;
    Ok(Json(shown(&authority, realm, &slot)))
}

/// Takes an old, tainted authority out of the bundle: what it signed is refused from then on.
#[utoipa::path(post, path = "/api/v1/authorities/{id}/revoke", tag = "authorities", params(("id" = String, Path)),
    responses((status = 200, body = api::Authority), (status = "default", body = api::Problem)))]
async fn revoke_authority(
    State(authority): State<Authority>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
) -> Result<Json<api::Authority>, Problem> {
    let realm = by.realm;
    let slot = authority.revoke(by, authority_id(&id)?).await?;
    Ok(Json(shown(&authority, realm, &slot)))
}

fn line(input: api::PrepareAuthority) -> Result<Line, Problem> {
    let purpose = match input.purpose {
        api::AuthorityPurpose::X509 => Purpose::X509,
        api::AuthorityPurpose::JwtSvid => Purpose::JwtSvid,
        api::AuthorityPurpose::Oidc => Purpose::Oidc,
    };
    let algorithm = input.algorithm.map(|algorithm| match algorithm {
        api::AuthorityAlgorithm::Es256 => Algorithm::P256,
        api::AuthorityAlgorithm::Rs256 => Algorithm::Rsa2048,
    });
    let words = "only OpenID tokens are signed with RS256: leave `algorithm` out";
    Line::find(purpose, algorithm).ok_or_else(|| Problem::invalid("authority.algorithm", words))
}

fn authority_id(text: &str) -> Result<AuthorityId, Problem> {
    AuthorityId::parse(text).map_err(|error| Problem::invalid("authority.id", error.to_string()))
}

fn shown(authority: &Authority, realm: RealmId, slot: &Slot) -> api::Authority {
    let published = u64::try_from(slot.published_sequence).unwrap_or(u64::MAX);
    let arrival = authority.arrival(realm, published);
    let count = |items: usize| u64::try_from(items).unwrap_or(u64::MAX);
    api::Authority {
        id: slot.id.to_string(),
        purpose: match slot.purpose {
            Purpose::X509 => api::AuthorityPurpose::X509,
            Purpose::JwtSvid => api::AuthorityPurpose::JwtSvid,
            Purpose::Oidc => api::AuthorityPurpose::Oidc,
        },
        state: match slot.state {
            Standing::Prepared => api::AuthorityState::Prepared,
            Standing::Active => api::AuthorityState::Active,
            Standing::Old { .. } => api::AuthorityState::Old,
            Standing::Revoked => api::AuthorityState::Revoked,
        },
        tainted: slot.state.is_tainted(),
        algorithm: JwsAlgorithm::of_signer(slot.algorithm).as_str().to_owned(),
        key_id: slot.key_id.clone(),
        not_before: slot.not_before.into(),
        not_after: slot.not_after.into(),
        created_at: slot.prepared_at.into(),
        activated_at: (slot.state == Standing::Active).then(|| slot.changed_at.into()),
        seen: api::Seen { by: count(arrival.have), connected: count(arrival.connected) },
    }
}
