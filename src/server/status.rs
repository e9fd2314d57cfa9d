//! How the server is, and who it thinks the caller is.

use std::sync::Arc;

use axum::extract::{Extension, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::build::Server;
use crate::access::http::granted;
use crate::access::{Action, Administrator, Request};
use crate::http::{CalledBy, Json, Problem};
use crate::kernel::{Failure, Kind, Listener, Proof, RealmId};
use crate::realms::Realm;
use crate::realms::http::shown;
use crate::telemetry::{ComponentReport, Condition};
use crate::wire::api;

/// The routes.
pub(super) fn routes(server: &Arc<Server>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(show_status))
        .routes(routes!(who_am_i))
        .with_state(Arc::clone(server))
}

/// May they see how the server is?
struct ReadStatus<'a>(&'a Administrator, &'a Realm);

impl Action for ReadStatus<'_> {
    const NAME: &'static str = "ReadStatus";

    fn request(&self) -> Request<'_> {
        self.0.request(("Realm", self.1.name.as_str()), None)
    }
}

/// How the server is, and how much there is in this realm.
#[utoipa::path(get, path = "/api/v1/status", tag = "server",
    responses((status = 200, body = api::Status), (status = "default", body = api::Problem)))]
async fn show_status(
    State(server): State<Arc<Server>>,
    Extension(by): Extension<Administrator>,
) -> Result<Json<api::Status>, Problem> {
    let realm = realm(&server, by.realm)?;
    let _spent = server.access.permit(ReadStatus(&by, &realm))?.spend();
    let report = server.health.report(Some(&server.reconcilers));
    Ok(Json(api::Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        replica: server.replica.to_string(),
        started_at: server.started_at.into(),
        realm: shown(&realm),
        health: health(report.condition),
        components: report.components.into_iter().map(component).collect(),
        counts: counts(&server, by.realm),
    }))
}

/// Who the server thinks the caller is, and what they hold here. Asks for no right.
#[utoipa::path(get, path = "/api/v1/whoami", tag = "server",
    responses((status = 200, body = api::Whoami), (status = "default", body = api::Problem)))]
async fn who_am_i(
    State(server): State<Arc<Server>>,
    Extension(by): Extension<Administrator>,
    CalledBy(caller): CalledBy,
) -> Result<Json<api::Whoami>, Problem> {
    let (proof, uid) = match caller.proof {
        Proof::Nothing => (api::ProofKind::Nothing, None),
        Proof::X509Svid { .. } => (api::ProofKind::X509Svid, None),
        Proof::JwtSvid { .. } => (api::ProofKind::JwtSvid, None),
        Proof::AccessToken { .. } => (api::ProofKind::AccessToken, None),
        Proof::KernelPeer { uid, .. } => (api::ProofKind::KernelPeer, Some(uid)),
    };
    let listener = match caller.listener {
        Listener::Node => api::ListenerName::Node,
        Listener::Public => api::ListenerName::Public,
        Listener::Mtls => api::ListenerName::Mtls,
        Listener::Local => api::ListenerName::Local,
    };
    let holds = server.access.held_by(&by)?;
    let realm = realm(&server, by.realm)?;
    Ok(Json(api::Whoami {
        realm: realm.name.to_string(),
        trust_domain: realm.trust_domain.to_string(),
        spiffe_id: caller.subject.map(|id| id.to_string()),
        uid,
        proof,
        listener,
        holds: holds.iter().map(granted).collect(),
    }))
}

fn realm(server: &Server, id: RealmId) -> Result<Arc<Realm>, Failure> {
    let unknown = || Failure::new(Kind::NotFound, "realm.not_found", "no such realm");
    server.realms.get(id).ok_or_else(unknown)
}

fn health(condition: Condition) -> api::Health {
    match condition {
        Condition::Well => api::Health::Ok,
        Condition::Impaired | Condition::Starting => api::Health::Degraded,
        Condition::Down => api::Health::Failing,
    }
}

fn component(part: ComponentReport) -> api::Component {
    let health = health(part.condition);
    let detail = if health == api::Health::Ok { String::new() } else { part.words };
    api::Component { name: part.name.to_owned(), health, detail }
}

fn counts(server: &Server, realm: RealmId) -> api::Counts {
    let count = |items: usize| u64::try_from(items).unwrap_or(u64::MAX);
    let agents = server.nodes.agents(realm);
    let banned = agents.iter().filter(|agent| agent.banned).count();
    let connected = agents.iter().filter(|agent| server.workloads.is_connected(realm, &agent.id));
    api::Counts {
        entries: count(server.workloads.count(realm)),
        agents: count(agents.len().saturating_sub(banned)),
        agents_connected: count(connected.count()),
        agents_banned: count(banned),
        authorities: count(server.authority.count(realm)),
        foreign_bundles: count(server.bundles.foreign_all(realm).len()),
    }
}
