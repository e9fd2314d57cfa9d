//! Everything that is mounted, door by door, on one page.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::Routes;
use tower::Service;
use utoipa_axum::router::OpenApiRouter;
use weft_proto::spire::api::server::agent::v1::agent_server::AgentServer;

use super::build::Server;
use super::callers::Desk;
use super::{callers, documents, node_calls, status, visitors};
use crate::audit::http::Past;
use crate::grpc::GrpcShell;
use crate::http::{ApiShell, pages};
use crate::kernel::limits::ADMIN_BODY_BYTES_MAX;
use crate::kernel::{Lifetime, Listener, RealmId, SpiffeId, Timestamp};
use crate::nodes::grpc::AgentService;
use crate::nodes::http::{Contact, JoinFacts};
use crate::telemetry::{health_service, ops_routes};
use crate::{
    access, account, accounts, admin, audit, authority, bundles, containment, devices, nodes,
    oauth, osquery, posture, realms, services, sessions, signin, undelivered, upstreams, workloads,
};

/// The `node` door: the server API of SPIRE's agents, and our push stream.
pub(super) fn node(server: &Arc<Server>) -> Router {
    let services = node_services(server).routes;
    let shell = GrpcShell {
        clock: Arc::clone(&server.env.clock),
        entropy: Arc::clone(&server.env.entropy),
        calls_max: CALLS_MAX,
        calls_per_peer_max: CALLS_PER_PEER_MAX,
    };
    shell.wrap(services).layer(from_fn_with_state(Arc::clone(server), node_calls::identify))
}

/// gRPC services, and what each is called.
#[derive(Default)]
struct Services {
    routes: Routes,
    names: Vec<&'static str>,
}

impl Services {
    fn with<S>(self, service: S) -> Self
    where
        S: Service<http::Request<Body>, Error = Infallible> + NamedService,
        S: Clone + Send + Sync + 'static,
        S::Response: IntoResponse,
        S::Future: Send + 'static,
    {
        let names = self.names.into_iter().chain([S::NAME]).collect();
        Self { routes: self.routes.add_service(service), names }
    }
}

fn node_services(server: &Server) -> Services {
    let agents = AgentService::new(server.nodes.clone(), server.tasks.clone());
    Services::default()
        .with(AgentServer::new(agents))
        .with(server.workloads.entry_service())
        .with(server.workloads.svid_service())
        .with(server.workloads.bundle_service())
        .with(server.workloads.node_service())
        .with(health_service(server.health.clone()))
}

/// The names of the gRPC services behind the `node` door.
pub fn node_service_names(server: &Server) -> Vec<&'static str> {
    node_services(server).names
}

/// The `mtls` door: the admin API by SVID, and the token endpoint for programs on a device.
pub(super) fn mtls(server: &Arc<Server>) -> Router {
    let routes = known(server, oauth::http::mtls_routes(&server.oauth), Listener::Mtls);
    shell(server).wrap(admin_for(server, Listener::Mtls).merge(routes))
}

/// The admin API, as every door mounts it.
pub(super) fn admin(server: &Arc<Server>, listener: Listener) -> Router {
    shell(server).wrap(admin_for(server, listener))
}

fn admin_for(server: &Arc<Server>, listener: Listener) -> Router {
    let (routes, _) = admin_routes(server).split_for_parts();
    known(server, routes, listener)
}

/// These routes, for callers that are known.
fn known(server: &Arc<Server>, routes: Router, listener: Listener) -> Router {
    let desk = Desk { server: Arc::clone(server), listener };
    routes.layer(from_fn_with_state(desk, callers::identify))
}

/// The admin API's operations, a slice a line.
pub(super) fn admin_routes(server: &Arc<Server>) -> OpenApiRouter {
    let rights = server.rights.clone();
    OpenApiRouter::with_openapi(documents::about())
        .merge(nodes::http::routes(&server.nodes, Arc::new(Facts(Arc::clone(server)))))
        .merge(workloads::http::routes(&server.workloads))
        .merge(bundles::http::routes(&server.bundles))
        .merge(authority::http::routes(&server.authority))
        .merge(devices::http::routes(&server.devices))
        .merge(containment::http::routes(&server.containments))
        .merge(posture::http::routes(&server.posture))
        .merge(services::http::admin_routes(&server.services))
        .merge(upstreams::http::routes(&server.upstreams))
        .merge(audit::http::routes(&server.audit))
        .merge(audit::http::past_routes(&Past {
            audit: server.audit.clone(),
            rights: rights.clone(),
            env: server.env.clone(),
        }))
        .merge(oauth::http::admin_routes(&server.oauth))
        .merge(access::http::routes(&rights))
        .merge(realms::http::routes(&server.realms))
        .merge(sessions::http::routes(&server.sessions, &server.accounts))
        .merge(accounts::http::routes(&server.accounts))
        .merge(undelivered::http::routes(&server.undelivered))
        .merge(status::routes(server))
}

/// What join strings say of this server.
#[derive(Debug)]
struct Facts(Arc<Server>);

impl JoinFacts for Facts {
    fn address(&self) -> String {
        self.0.node_address()
    }

    fn pins(&self, realm: RealmId) -> Vec<[u8; 32]> {
        self.0.pins(realm)
    }

    fn pins_hold_until(&self, realm: RealmId) -> Timestamp {
        self.0.authority.known_until(realm)
    }

    fn contact(&self, realm: RealmId, agent: &SpiffeId) -> Contact {
        let (workloads, now) = (&self.0.workloads, self.0.env.clock.now());
        let view_age = workloads.view(realm, agent).map(|view| now.since(view.at));
        Contact { connected: workloads.is_connected(realm, agent), view_age }
    }
}

/// The `public` door: what everybody may see, pages and protocols for people, and the admin API by token.
pub(super) fn public(server: &Arc<Server>) -> Router {
    let admin = admin_for(server, Listener::Public);
    let people = visitors::received(server, people_routes(server));
    let all = admin.merge(documents::routes(server)).merge(people);
    shell(server).wrap_but(all, &osquery::http::PATHS)
}

/// Pages and protocols for people and their applications, and for agents that report, a slice a line. Each request has `Extension<Arc<Realm>>` and
/// `http::Origin`.
fn people_routes(server: &Arc<Server>) -> Router {
    Router::new()
        .merge(pages::routes())
        .merge(signin::http::routes(&server.signin))
        .merge(oauth::http::routes(&server.oauth))
        .merge(account::http::routes(&server.account))
        .merge(admin::http::routes(&server.admin))
        .merge(sessions::svids::http::routes(&server.person_svids))
        .merge(osquery::http::routes(&server.osquery))
        .merge(services::http::routes(&server.services))
}

/// The `ops` door.
pub(super) fn ops(server: &Arc<Server>) -> Router {
    ops_routes(server.health.clone(), server.metrics.clone(), server.reconcilers.clone())
}

fn shell(server: &Server) -> ApiShell {
    ApiShell {
        clock: Arc::clone(&server.env.clock),
        entropy: Arc::clone(&server.env.entropy),
        body_bytes_max: ADMIN_BODY_BYTES_MAX,
        time_max: ADMIN_TIME_MAX,
    }
}

/// Calls in flight, open push streams included: a stream an agent, and room for their other calls.
const CALLS_MAX: usize = 50_000;
/// Of one address: a whole site may come through one.
const CALLS_PER_PEER_MAX: usize = 20_000;
/// A batch of 500 entries takes milliseconds; a database that is slow, seconds.
const ADMIN_TIME_MAX: Lifetime = Lifetime::seconds(30);
