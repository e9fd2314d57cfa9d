//! What every call on the `node` listener passes: which realm is it about, and which agent calls?
//!
//! The chain was verified in the handshake, and its leaf read then; it is verified once more whenever the realm's bundle has
//! changed since, because who signed it may be trusted no longer. Here `nodes` judges whether it is the agent's newest SVID. Only
//! the calls named here pass without: a service that forgets to ask is safe.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyStream, StreamBody};
use tonic::Status;

use super::build::Server;
use crate::crypto::x509::{SvidError, verify_svid};
use crate::http::PeerInfo;
use crate::kernel::{RealmId, Situation};
use crate::nodes::NodeCaller;
use crate::nodes::grpc::{authenticate, nobody, peer_svid};

/// Calls that anybody may make: joining, fetching the public bundle, and asking whether the server is well.
const OPEN: [&str; 4] = [
    "/spire.api.server.agent.v1.Agent/AttestAgent",
    "/spire.api.server.bundle.v1.Bundle/GetBundle",
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
];

/// Calls whose answers go on for as long as the agent likes: they end when its certificate is trusted no longer.
const STREAMS: [&str; 2] =
    ["/weft.node.v1.Node/Watch", "/spire.api.server.entry.v1.Entry/SyncAuthorizedEntries"];

/// The layer. An agent that is refused gets its status here, whichever call it made.
pub(super) async fn identify(
    State(server): State<Arc<Server>>,
    mut request: Request,
    next: Next,
) -> Response {
    match caller(&server, &mut request).await {
        Ok(None) => next.run(request).await,
        Ok(Some(trust)) => next.run(request).await.map(|body| trust.bound(body)),
        Err(status) => status.into_http::<Body>().into_response(),
    }
}

/// Puts the realm and the agent into the request. Gives what its answer hangs on, where that is a stream.
async fn caller(server: &Arc<Server>, request: &mut Request) -> Result<Option<Trust>, Status> {
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
        return Ok(None);
    }
    let svid = peer.svid().ok_or_else(nobody)?;
    let svid =
        svid.as_ref().map_err(|_| Status::unauthenticated("the certificate is no X.509-SVID"))?;
    let shown = peer_svid(svid);
    let situation = Situation::at(peer.address().map(|address| address.ip()));
    let trust = Trust { server: Arc::clone(server), realm: realm.id, peer };
    trust.check()?;
    let node = authenticate(&server.nodes, realm.id, &shown, &path).await?;
    request.extensions_mut().insert(NodeCaller { situation, ..node });
    Ok(STREAMS.contains(&path.as_str()).then_some(trust))
}

/// That the bundle of the realm still vouches for a connection's certificate.
struct Trust {
    server: Arc<Server>,
    realm: RealmId,
    peer: PeerInfo,
}

impl Trust {
    /// Verifies the chain, unless it was verified with this very bundle already. An SVID that has ended is for `nodes` to
    /// refuse, which says so in words that agents act on.
    fn check(&self) -> Result<(), Status> {
        let bundle = self.server.authority.bundle(self.realm);
        let bundle = bundle.ok_or_else(|| Status::unavailable("the realm is not open"))?;
        let now = self.server.env.clock.now();
        let verified = self.peer.passes(bundle.sequence, || {
            let chain: Vec<&[u8]> = self.peer.chain().iter().map(AsRef::as_ref).collect();
            verify_svid(&chain, bundle.roots(), now).map(drop)
        });
        let leaf_ended = || matches!(self.peer.svid(), Some(Ok(svid)) if svid.not_after <= now);
        match verified {
            Ok(()) => Ok(()),
            Err(SvidError::Expired { .. }) if leaf_ended() => Ok(()),
            Err(error) => {
                tracing::info!(%error, "a connection of an agent is trusted no longer");
                Err(Status::unauthenticated(
                    "the certificate is not trusted in this realm any more",
                ))
            }
        }
    }

    /// The answer for as long as this holds.
    fn bound(self, body: Body) -> Body {
        let frames = stream::unfold(
            Some((BodyStream::new(body), Box::pin(self.ended()))),
            |state| async move {
                let (mut frames, mut ended) = state?;
                tokio::select! {
                    biased;
                    () = &mut ended => Some((Err(axum::Error::new("trusted no longer")), None)),
                    frame = frames.next() => frame.map(|frame| (frame, Some((frames, ended)))),
                }
            },
        );
        Body::new(StreamBody::new(frames))
    }

    /// Resolves when it holds no longer.
    async fn ended(self) {
        let Some(mut bundles) = self.server.authority.watch(self.realm) else { return };
        while self.check().is_ok() {
            if bundles.changed().await.is_err() {
                return;
            }
        }
    }
}
