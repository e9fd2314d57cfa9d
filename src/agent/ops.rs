//! Health and metrics of the agent, over plain HTTP on a loopback address.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

use crate::env::Clock;
use crate::http::Door;
use crate::jobs::Tasks;

use super::cache::Cache;
use super::model::Error;
use super::run::Ports;

#[derive(Debug, Clone)]
struct Ops {
    cache: Cache,
    clock: Arc<dyn Clock>,
}

/// Serves `/live`, `/ready` and `/metrics`; refuses an address that others can reach.
pub(crate) fn serve(
    address: SocketAddr,
    cache: Cache,
    ports: &Ports,
    tasks: &Tasks,
) -> Result<(), Error> {
    if !address.ip().is_loopback() {
        return Err(Error::Settings(format!("`ops = \"{address}\"` is not a loopback address")));
    }
    let ops = Ops { cache, clock: Arc::clone(&ports.clock) };
    let app = Router::new()
        .route("/live", get(|| async { "ok\n" }))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(ops);
    Door::tcp("agent.ops", address)?.serve(app, tasks, Arc::clone(&ports.clock));
    Ok(())
}

/// Ready once the server was heard; the age of what is known is in the text.
async fn ready(State(ops): State<Ops>) -> (StatusCode, String) {
    match ops.cache.look(super::view::View::as_of) {
        Some(at) => (
            StatusCode::OK,
            format!("ok: the server was last heard {} ago\n", ops.clock.now().since(at)),
        ),
        None => (
            StatusCode::SERVICE_UNAVAILABLE,
            "starting: the server has not been heard yet\n".to_owned(),
        ),
    }
}

/// The few numbers an agent has, in the Prometheus text format.
async fn metrics(State(ops): State<Ops>) -> String {
    let (entries, svids, listeners) = ops.cache.sizes();
    let age =
        ops.cache.look(super::view::View::as_of).map(|at| ops.clock.now().since(at).as_seconds());
    let age = age.map_or_else(String::new, |age| {
        format!("# TYPE weft_agent_view_age_seconds gauge\nweft_agent_view_age_seconds {age}\n")
    });
    format!(
        "# TYPE weft_agent_entries gauge\nweft_agent_entries {entries}\n\
         # TYPE weft_agent_x509_svids gauge\nweft_agent_x509_svids {svids}\n\
         # TYPE weft_agent_listening_sets gauge\nweft_agent_listening_sets {listeners}\n{age}"
    )
}
