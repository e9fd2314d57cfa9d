//! What every call on the `node` listener passes: which realm is it about, and which agent calls?
//!
//! The chain was verified in the handshake against the realm's current bundle, and its leaf read then. Here `nodes` judges
//! whether it is the agent's newest SVID. Only the calls named here pass without: a service that forgets to ask is safe.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tonic::Status;

use super::build::Server;
use crate::http::PeerInfo;
use crate::kernel::RealmId;
use crate::nodes::grpc::{authenticate, nobody, peer_svid};

/// Calls that anybody may make: joining, fetching the public bundle, and asking whether the server is well.
const OPEN: [&str; 4] = [
    "/spire.api.server.agent.v1.Agent/AttestAgent",
    "/spire.api.server.bundle.v1.Bundle/GetBundle",
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
];

/// The layer. An agent that is refused gets its status here, whichever call it made.
pub(super) async fn identify(
    State(server): State<Arc<Server>>,
    mut request: Request,
    next: Next,
) -> Response {
    match caller(&server, &mut request).await {
        Ok(()) => next.run(request).await,
        Err(status) => status.into_http::<axum::body::Body>().into_response(),
    }
}

async fn caller(server: &Server, request: &mut Request) -> Result<(), Status> {
    let peer = request.extensions().get::<PeerInfo>().cloned();
    let peer = peer.ok_or_else(|| Status::internal("the door left no peer"))?;
    let name = peer.tls().and_then(|tls| tls.server_name.as_deref());
    let realm = server
        .realms
        .by_host(name)
        .ok_or_else(|| Status::not_found("no realm is served under this name"))?;
    request.extensions_mut().insert::<RealmId>(realm.id);
    let path = request.uri().path().to_owned();
    if OPEN.contains(&path.as_str()) {
        return Ok(());
    }
    let svid = peer.svid().ok_or_else(nobody)?;
    let svid =
        svid.as_ref().map_err(|_| Status::unauthenticated("the certificate is no X.509-SVID"))?;
    let node = authenticate(&server.nodes, realm.id, &peer_svid(svid), &path).await?;
    request.extensions_mut().insert(node);
    Ok(())
}
