//! Events in the admin API.

mod past;
#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;

use axum::extract::{Extension, State};
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use past::{Past, routes as past_routes};

use super::{Audit, Origin, Place, Query, ReadEvents, Record};
use crate::access::Administrator;
use crate::events::Part;
use crate::http::{self, Json, Problem, cursor};
use crate::kernel::SubjectId;
use crate::wire::api;

/// The routes.
pub fn routes(audit: &Audit) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(list_events)).with_state(audit.clone())
}

/// Lists what happened, the newest first. A page may be short, or empty, and still have a next one.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", params(api::EventQuery),
    responses((status = 200, body = api::Page<api::Event>), (status = "default", body = api::Problem)))]
async fn list_events(
    State(audit): State<Audit>,
    Extension(by): Extension<Administrator>,
    http::Query(wanted): http::Query<api::EventQuery>,
) -> Result<Json<api::Page<api::Event>>, Problem> {
    let query = query(wanted)?;
    let page = audit.list(ReadEvents { realm: by.realm, asker: by.asker, query }).await?;
    let items = page.items.into_iter().map(shown).collect();
    Ok(Json(api::Page { items, next_cursor: page.next.map(|place| place.to_string()) }))
}

fn query(wanted: api::EventQuery) -> Result<Query, Problem> {
    // The place is of two logs and has a text of its own; the limit is as everywhere.
    let (limit, _) = cursor::<()>(wanted.limit, None)?;
    let subject = |text: &String| {
        SubjectId::parse(text)
            .map_err(|error| Problem::invalid("events.subject", format!("`subject`: {error}")))
    };
    Ok(Query {
        kind: wanted.kind,
        subject: wanted.subject.as_ref().map(subject).transpose()?,
        from: wanted.since.map(|at| at.0),
        until: wanted.until.map(|at| at.0),
        after: wanted.cursor.as_deref().map(Place::parse).transpose()?,
        limit,
        ..Query::default()
    })
}

fn shown(record: Record) -> api::Event {
    let (stream, number) = match record.origin {
        Origin::Ledger { stream, n } => (stream.to_string(), n),
        Origin::ChangeLog { seq, .. } => ("change".to_owned(), u64::try_from(seq).unwrap_or(0)),
    };
    let (about, about_erased) = part(record.about);
    let (by, by_erased) = part(record.by);
    api::Event {
        stream,
        number,
        time: record.time.into(),
        kind: record.kind,
        subject: record.subject.map(|subject| subject.to_string()),
        actor: record.actor.map(|actor| actor.to_string()),
        about,
        by,
        about_erased,
        by_erased,
    }
}

fn part(part: Part) -> (Map<String, Value>, bool) {
    match part {
        Part::Empty => (Map::new(), false),
        Part::Open(fields) => (fields, false),
        Part::Erased => (Map::new(), true),
    }
}
