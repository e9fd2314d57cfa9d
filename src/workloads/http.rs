//! Registration entries in the admin API.

mod batch;
mod explained;
mod forms;
#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;

use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::ETAG;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{Entry, Error};
use super::update_entries::{Change, UpdateEntries};
use super::{CreateEntries, DeleteEntries, ListEntries, Workloads};
use crate::access::Administrator;
use crate::http::{Conditions, EntityTag, Json, Path, Problem, Query, cursor, page_then};
use crate::kernel::Fault;
use crate::wire::api;

/// The routes.
pub fn routes(workloads: &Workloads) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_entries, create_entry))
        .routes(routes!(change_entries))
        .routes(routes!(explain_entries))
        .routes(routes!(show_entry, put_entry, delete_entry))
        .with_state(workloads.clone())
}

/// Lists entries.
#[utoipa::path(get, path = "/api/v1/entries", tag = "entries", params(api::EntryQuery),
    responses((status = 200, body = api::Page<api::Entry>), (status = "default", body = api::Problem)))]
async fn list_entries(
    State(workloads): State<Workloads>,
    Extension(by): Extension<Administrator>,
    Query(query): Query<api::EntryQuery>,
) -> Result<Json<api::Page<api::Entry>>, Problem> {
    let (limit, after) = cursor::<String>(query.limit, query.cursor.as_deref())?;
    let after = after.map(|id| forms::id("cursor", &id)).transpose()?;
    let filter = forms::filter(query)?;
    let page =
        workloads.list(ListEntries { realm: by.realm, by: by.asker, filter, after, limit })?;
    let next = page.next.map(|id| id.to_string());
    Ok(Json(page_then(page.entries, next.as_ref(), |entry| forms::shown(&entry))?))
}

/// Makes an entry.
#[utoipa::path(post, path = "/api/v1/entries", tag = "entries", request_body = api::EntryInput,
    responses((status = 201, body = api::Entry), (status = "default", body = api::Problem)))]
async fn create_entry(
    State(workloads): State<Workloads>,
    Extension(by): Extension<Administrator>,
    Json(input): Json<api::EntryInput>,
) -> Result<Response, Problem> {
    let drafts = vec![forms::draft(input)?];
    let made = workloads.create(CreateEntries { realm: by.realm, by: by.asker, drafts }).await?;
    Ok(tagged(StatusCode::CREATED, &*only(made)??))
}

/// Shows one entry.
#[utoipa::path(get, path = "/api/v1/entries/{id}", tag = "entries", params(("id" = String, Path)),
    responses((status = 200, body = api::Entry), (status = "default", body = api::Problem)))]
async fn show_entry(
    State(workloads): State<Workloads>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let entry = workloads.show(by.realm, &by.asker, &forms::id("id", &id)?)?;
    Ok(tagged(StatusCode::OK, &entry))
}

/// Makes an entry with this id (`If-None-Match: *`), or replaces what it says (`If-Match`).
#[utoipa::path(put, path = "/api/v1/entries/{id}", tag = "entries", params(("id" = String, Path)),
    request_body = api::EntryInput,
    responses((status = 200, body = api::Entry), (status = 201, body = api::Entry),
        (status = "default", body = api::Problem)))]
async fn put_entry(
    State(workloads): State<Workloads>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
    conditions: Conditions,
    Json(input): Json<api::EntryInput>,
) -> Result<Response, Problem> {
    let id = forms::id("id", &id)?;
    let mut draft = forms::draft(input)?;
    if draft.id.as_ref().is_some_and(|said| *said != id) {
        return Err(Error::invalid("id", "is that of the path, or not said").into());
    }
    draft.id = Some(id.clone());
    match (conditions.only_create(), conditions.only_change()) {
        (true, false) => {
            let ask = CreateEntries { realm: by.realm, by: by.asker, drafts: vec![draft] };
            let made = only(workloads.create(ask).await?)?;
            Ok(tagged(StatusCode::CREATED, &*made.map_err(|error| conditional(error, true))?))
        }
        (false, true) => {
            let revision = conditions.revision()?;
            let changes = vec![Change { id, revision, draft }];
            let ask = UpdateEntries { realm: by.realm, by: by.asker, changes };
            let done = only(workloads.update(ask).await?)?;
            let entry = done.map_err(|error| conditional(error, revision.is_some()))?;
            Ok(tagged(StatusCode::OK, &entry))
        }
        _ => Err(Problem::invalid("entry.put", PUT_WORDS)),
    }
}

const PUT_WORDS: &str = "say what is meant: `If-None-Match: *` makes an entry with this id, `If-Match` with its entity tag \
     (or `*`) replaces what it says";

/// Removes an entry.
#[utoipa::path(delete, path = "/api/v1/entries/{id}", tag = "entries", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = api::Problem)))]
async fn delete_entry(
    State(workloads): State<Workloads>,
    Extension(by): Extension<Administrator>,
    Path(id): Path<String>,
    conditions: Conditions,
) -> Result<StatusCode, Problem> {
    let revision = conditions.revision()?;
    let items = vec![(forms::id("id", &id)?, revision)];
    let gone = workloads.delete(DeleteEntries { realm: by.realm, by: by.asker, items }).await?;
    only(gone)?.map_err(|error| conditional(error, revision.is_some()))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes, changes and removes up to 500 entries; each is done or refused by itself.
#[utoipa::path(post, path = "/api/v1/entries/batch", tag = "entries", request_body = api::BatchRequest,
    responses((status = 200, body = api::BatchAnswer), (status = "default", body = api::Problem)))]
async fn change_entries(
    State(workloads): State<Workloads>,
    Extension(by): Extension<Administrator>,
    Json(request): Json<api::BatchRequest>,
) -> Result<Json<api::BatchAnswer>, Problem> {
    let results = batch::run(&workloads, &by, request.items).await?;
    Ok(Json(api::BatchAnswer { results }))
}

/// Says why a workload with these selectors gets the identities it gets, or none.
#[utoipa::path(post, path = "/api/v1/entries/explain", tag = "entries", request_body = api::ExplainRequest,
    responses((status = 200, body = api::Explanation), (status = "default", body = api::Problem)))]
async fn explain_entries(
    State(workloads): State<Workloads>,
    Extension(by): Extension<Administrator>,
    Json(request): Json<api::ExplainRequest>,
) -> Result<Json<api::Explanation>, Problem> {
    Ok(Json(explained::explain(&workloads, by, &request)?))
}

fn tagged(status: StatusCode, entry: &Entry) -> Response {
    let tag = EntityTag::revision(entry.revision).header();
    (status, [(ETAG, tag)], Json(forms::shown(entry))).into_response()
}

/// A refusal of something the caller asked for on a condition: 412 where it is the condition that failed.
fn conditional(error: Error, condition: bool) -> Problem {
    let failed = matches!(error, Error::Outdated { .. } | Error::Exists { .. });
    let problem = Problem::from(error);
    if condition && failed { problem.as_precondition() } else { problem }
}

/// The outcome of the one item asked about.
fn only<T>(outcomes: Vec<T>) -> Result<T, Fault> {
    outcomes
        .into_iter()
        .next()
        .ok_or_else(|| Fault::bug("one item was asked about, and has no outcome"))
}
