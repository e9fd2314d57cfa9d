//! Upstreams in the admin API.

#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::ETAG;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{Draft, Error, Seen, Upstream};
use super::try_upstream::{Outcome, Tried};
use super::{Terms, Upstreams};
use crate::access::Administrator;
use crate::accounts::AttributeName;
use crate::http::{Conditions, EntityTag, Json, Path, Problem, Query, cursor, page_then};
use crate::kernel::{RealmId, Secret, UpstreamId, UserId};
use crate::wire::api;

/// The routes.
pub fn routes(upstreams: &Upstreams) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_upstreams))
        .routes(routes!(show_upstream, put_upstream, delete_upstream))
        .routes(routes!(test_upstream))
        .routes(routes!(show_tokens))
        .with_state(upstreams.clone())
}

/// Lists upstreams, by name.
#[utoipa::path(get, path = "/api/v1/upstreams", tag = "upstreams", params(api::PageQuery),
    responses((status = 200, body = api::Page<api::Upstream>), (status = "default", body = api::Problem)))]
async fn list_upstreams(
    State(upstreams): State<Upstreams>,
    Extension(by): Extension<Administrator>,
    Query(query): Query<api::PageQuery>,
) -> Result<Json<api::Page<api::Upstream>>, Problem> {
    let (limit, after) = cursor::<String>(query.limit, query.cursor.as_deref())?;
    let realm = by.realm;
    let behind =
        |one: &Arc<Upstream>| after.as_ref().is_none_or(|last| one.id.as_str() > last.as_str());
    let found = upstreams.list(by)?.into_iter().filter(behind).take(limit + 1);
    let shown = found.map(|one| shown(&upstreams, realm, &one)).collect::<Result<Vec<_>, _>>()?;
    Ok(Json(page_of(shown, limit)?))
}

/// Shows one upstream.
#[utoipa::path(get, path = "/api/v1/upstreams/{id}", tag = "upstreams", params(("id" = String, Path)),
    responses((status = 200, body = api::Upstream), (status = "default", body = api::Problem)))]
async fn show_upstream(
    State(upstreams): State<Upstreams>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let realm = by.realm;
    let upstream = upstreams.show(by, &read_id(&id)?)?;
    tagged(StatusCode::OK, &upstreams, realm, &upstream)
}

/// Makes an upstream of this name (`If-None-Match: *`), or replaces what it says (`If-Match`).
#[utoipa::path(put, path = "/api/v1/upstreams/{id}", tag = "upstreams", params(("id" = String, Path)),
    request_body = api::UpstreamInput,
    responses((status = 200, body = api::Upstream), (status = 201, body = api::Upstream),
        (status = "default", body = api::Problem)))]
async fn put_upstream(
    State(upstreams): State<Upstreams>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
    conditions: Conditions,
    Json(input): Json<api::UpstreamInput>,
) -> Result<Response, Problem> {
    let (realm, revision) = (by.realm, conditions.revision()?);
    let seen = match (conditions.only_create(), conditions.only_change()) {
        (true, false) => Seen::Nothing,
        (false, true) => Seen::Revision(revision),
        _ => return Err(Problem::invalid("upstream.put", PUT_WORDS)),
    };
    let terms = Terms::of(&input.settings)?;
    let draft = Draft { id: read_id(&id)?, terms, secret: input.client_secret.map(Secret::new) };
    let done = upstreams.set(by, draft, seen).await;
    let condition = conditions.only_create() || revision.is_some();
    let (upstream, made) = done.map_err(|error| conditional(error, condition))?;
    let status = if made { StatusCode::CREATED } else { StatusCode::OK };
    tagged(status, &upstreams, realm, &upstream)
}

const PUT_WORDS: &str = "say what is meant: `If-None-Match: *` makes an upstream of this name, `If-Match` with its entity \
     tag (or `*`) replaces what it says";

/// Removes an upstream.
#[utoipa::path(delete, path = "/api/v1/upstreams/{id}", tag = "upstreams", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = api::Problem)))]
async fn delete_upstream(
    State(upstreams): State<Upstreams>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
    conditions: Conditions,
) -> Result<StatusCode, Problem> {
    let revision = conditions.revision()?;
    let done = upstreams.delete(by, &read_id(&id)?, revision).await;
    done.map_err(|error| conditional(error, revision.is_some()))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tries an upstream: what is made of claims, given here or brought by a browser; with neither, whether its provider answers.
#[utoipa::path(post, path = "/api/v1/upstreams/{id}/test", tag = "upstreams", params(("id" = String, Path)),
    request_body = api::UpstreamTestInput,
    responses((status = 200, body = api::UpstreamTest), (status = "default", body = api::Problem)))]
async fn test_upstream(
    State(upstreams): State<Upstreams>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
    Json(input): Json<api::UpstreamTestInput>,
) -> Result<Json<api::UpstreamTest>, Problem> {
    let id = read_id(&id)?;
    let done = match (input.test, input.claims) {
        (Some(_), Some(_)) => {
            return Err(Problem::invalid("upstream.test", "say `claims` or `test`, not both"));
        }
        (Some(test), None) => upstreams.test_outcome(by, &id, &test).await?,
        (None, claims) => upstreams.test(by, &id, claims).await?,
    };
    Ok(Json(tried(done)))
}

/// Hands out the tokens that this upstream gave for somebody; it is on record by then.
#[utoipa::path(get, path = "/api/v1/upstreams/{id}/tokens/{user}", tag = "upstreams",
    params(("id" = String, Path), ("user" = String, Path)),
    responses((status = 200, body = api::UpstreamTokens), (status = "default", body = api::Problem)))]
async fn show_tokens(
    State(upstreams): State<Upstreams>,
    Extension(by): Extension<Administrator>,
    Path((id, user)): Path<(String, String)>,
) -> Result<Json<api::UpstreamTokens>, Problem> {
    let user = UserId::parse(&user)
        .map_err(|error| Problem::invalid("upstream.invalid", format!("`user`: {error}")))?;
    let kept = upstreams.tokens(by, &read_id(&id)?, user).await?;
    let text = |secret: Secret<String>| secret.expose().clone();
    Ok(Json(match kept {
        None => api::UpstreamTokens::default(),
        Some(kept) => api::UpstreamTokens {
            access_token: Some(text(kept.access_token)),
            refresh_token: kept.refresh_token.map(text),
        },
    }))
}

fn read_id(text: &str) -> Result<UpstreamId, Problem> {
    UpstreamId::parse(text)
        .map_err(|error| Problem::invalid("upstream.invalid", format!("`id`: {error}")))
}

fn page_of(
    mut items: Vec<api::Upstream>,
    limit: usize,
) -> Result<api::Page<api::Upstream>, Problem> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|last| last.id.clone());
    Ok(page_then(items, next.as_ref(), |item| item)?)
}

fn tagged(
    status: StatusCode,
    upstreams: &Upstreams,
    realm: RealmId,
    upstream: &Upstream,
) -> Result<Response, Problem> {
    let tag = EntityTag::revision(upstream.revision).header();
    Ok((status, [(ETAG, tag)], Json(shown(upstreams, realm, upstream)?)).into_response())
}

/// 412 where it is the condition that failed.
fn conditional(error: Error, condition: bool) -> Problem {
    let failed = matches!(error, Error::Outdated(_) | Error::Exists(_));
    let problem = Problem::from(error);
    if condition && failed { problem.as_precondition() } else { problem }
}

fn shown(
    upstreams: &Upstreams,
    realm: RealmId,
    upstream: &Upstream,
) -> Result<api::Upstream, Error> {
    Ok(api::Upstream {
        id: upstream.id.to_string(),
        revision: upstream.revision,
        created_at: upstream.created_at.into(),
        updated_at: upstream.updated_at.into(),
        callback: upstreams.callback(realm, &upstream.id)?,
        has_secret: upstream.has_secret(),
        settings: upstream.terms.document()?,
    })
}

fn tried(tried: Tried) -> api::UpstreamTest {
    let (url, id) = tried.browser.unzip();
    let outcome = tried.outcome.map(outcome);
    api::UpstreamTest { connection: tried.connection, keys: tried.keys, url, id, outcome }
}

fn outcome(outcome: Outcome) -> api::UpstreamTestOutcome {
    let Outcome { claims, assertion, verdict } = outcome;
    let plain = api::UpstreamTestOutcome { claims, verdict, ..Default::default() };
    let Ok(assertion) = assertion else { return plain };
    let mapped = &assertion.mapped;
    let named =
        mapped.attributes.iter().map(|(name, value)| (name.as_str().to_owned(), value.clone()));
    api::UpstreamTestOutcome {
        attributes: named.collect(),
        email: mapped.attributes.get(&AttributeName::Email).cloned(),
        email_verified: assertion.email_verified,
        upstream_groups: mapped.upstream_groups.iter().cloned().collect(),
        groups: mapped.groups.iter().cloned().collect(),
        two_factors: mapped.two_factors,
        notes: mapped.notes.clone(),
        ..plain
    }
}
