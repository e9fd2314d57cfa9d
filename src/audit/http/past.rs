//! What policies were, and what others would have said, in the admin API.

use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::replay_decisions::{LAST_MAX, Other};
use super::super::{Audit, Place, PolicyChange, Replay};
use crate::access::http::trials;
use crate::access::{Administrator, Name, Rights};
use crate::env::Env;
use crate::events::Part;
use crate::http::{Json, Path, Problem, Query};
use crate::wire::api;

/// What these operations stand on.
#[derive(Debug, Clone)]
pub struct Past {
    /// What happened.
    pub audit: Audit,
    /// By which policies.
    pub rights: Rights,
    /// When.
    pub env: Env,
}

/// The routes.
pub fn routes(past: &Past) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(policy_history))
        .routes(routes!(roll_back_policy))
        .routes(routes!(replay_decisions))
        .with_state(past.clone())
}

/// Lists the changes of a policy, the newest first. A page may be short, or empty, and still have a next one.
#[utoipa::path(get, path = "/api/v1/policies/{name}/history", tag = "rights",
    params(("name" = String, Path), api::PageQuery),
    responses((status = 200, body = api::Page<api::PolicyChange>), (status = "default", body = api::Problem)))]
async fn policy_history(
    State(past): State<Past>,
    Extension(by): Extension<Administrator>,
    Path(text): Path<String>,
    Query(query): Query<api::PageQuery>,
) -> Result<Json<api::Page<api::PolicyChange>>, Problem> {
    let name = name(&text)?;
    let after = query.cursor.as_deref().map(Place::parse).transpose()?;
    let (changes, next) = past.audit.policy_past(&by, &name, after).await?;
    if changes.is_empty() && next.is_none() && after.is_none() {
        // Whether there is such a policy.
        past.rights.policy(&by.asker, by.realm, &name)?;
    }
    let items = changes.into_iter().map(change_shown).collect();
    Ok(Json(api::Page { items, next_cursor: next.map(|place| place.to_string()) }))
}

/// Puts a policy back to what it was before its last change, or before the one of a number: 200 with its text, 204 where the
/// realm had none of its own then.
#[utoipa::path(post, path = "/api/v1/policies/{name}/rollback", tag = "rights", params(("name" = String, Path)),
    request_body = api::PolicyRollback,
    responses((status = 200, body = api::PolicyInput), (status = 204), (status = "default", body = api::Problem)))]
async fn roll_back_policy(
    State(past): State<Past>,
    Extension(by): Extension<Administrator>,
    Path(text): Path<String>,
    Json(input): Json<api::PolicyRollback>,
) -> Result<Response, Problem> {
    let back = (name(&text)?, input.before);
    match past.audit.roll_back_policy(&past.rights, by, back).await? {
        Some(text) => Ok(Json(api::PolicyInput { text: text.to_string() }).into_response()),
        None => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

/// Says which of the newest decisions on record would have gone the other way with these documents. Changes nothing.
#[utoipa::path(post, path = "/api/v1/policy-replays", tag = "rights", request_body = api::PolicyReplayInput,
    responses((status = 200, body = api::PolicyReplay), (status = "default", body = api::Problem)))]
async fn replay_decisions(
    State(past): State<Past>,
    Extension(by): Extension<Administrator>,
    Json(input): Json<api::PolicyReplayInput>,
) -> Result<Json<api::PolicyReplay>, Problem> {
    let trial = api::PolicyTrialInput { policies: input.policies, cases: Vec::new() };
    let wrong = |why| Problem::invalid("access.trial", why);
    let (instead, _) = trials::read(&trial, past.env.clock.now()).map_err(wrong)?;
    let last = input.last.map_or(LAST_MAX, |last| usize::try_from(last).unwrap_or(LAST_MAX));
    let ask = Replay { by, instead, last };
    let replayed = past.audit.replay(ask, past.env.clock.as_ref()).await?;
    let count = |others: &[Other]| u32::try_from(others.len()).unwrap_or(u32::MAX);
    let named = |others: &[Other]| others.iter().take(NAMED_MAX).map(other_shown).collect();
    Ok(Json(api::PolicyReplay {
        decisions: u32::try_from(replayed.asked).unwrap_or(u32::MAX),
        would_refuse: count(&replayed.refused),
        would_allow: count(&replayed.allowed),
        refused: named(&replayed.refused),
        allowed: named(&replayed.allowed),
    }))
}

fn name(text: &str) -> Result<Name, Problem> {
    Name::parse(text).map_err(|error| Problem::invalid("access.name", format!("`name`: {error}")))
}

fn change_shown(change: PolicyChange) -> api::PolicyChange {
    let PolicyChange { number, time, by, text, before } = change;
    api::PolicyChange { number, time: time.into(), by, text, before }
}

fn other_shown(other: &Other) -> api::ReplayedDecision {
    let about = |name: &str| match &other.record.about {
        Part::Open(about) => about.get(name).and_then(|value| value.as_str()).map(str::to_owned),
        Part::Empty | Part::Erased => None,
    };
    let asked = |member: &str| match &other.record.about {
        Part::Open(about) => about.get("asked").and_then(|asked| asked.pointer(member)?.as_str()),
        Part::Empty | Part::Erased => None,
    };
    // For whom something was issued its event says; who signed in is who asked.
    let subject = about("spiffe_id").or_else(|| asked("/principal/1").map(str::to_owned));
    api::ReplayedDecision {
        event: other.record.origin.to_string(),
        time: other.record.time.into(),
        subject: subject.unwrap_or_default(),
        action: asked("/action").unwrap_or_default().to_owned(),
        now: trials::answer(&other.tried.before),
        would: trials::answer(&other.tried.after),
    }
}

/// Decisions that an answer names: enough to see what they have in common.
const NAMED_MAX: usize = 20;
