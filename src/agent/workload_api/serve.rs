//! The socket's services with what goes round them: the header first, then the rate, then routing.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use tonic::Status;
use tonic::service::Routes;
use weft_proto::WORKLOAD_DESCRIPTORS;
use weft_proto::workload::spiffe_workload_api_server::SpiffeWorkloadApiServer;

use crate::agent::Ports;
use crate::agent::settings::LimitSettings;
use crate::grpc::GrpcShell;
use crate::http::{PeerInfo, RateLimit};
use crate::kernel::{Fault, Lifetime};

use super::{WorkloadApi, header};

/// The Workload API and reflection (Workload Endpoint §7), behind header and limits.
pub(crate) fn routes(
    api: WorkloadApi,
    limits: LimitSettings,
    ports: &Ports,
) -> Result<Router, Fault> {
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(WORKLOAD_DESCRIPTORS)
        .build_v1()
        .map_err(Fault::bug)?;
    let service = SpiffeWorkloadApiServer::new(api).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let services = Routes::new(service).add_service(reflection);
    let shell = GrpcShell {
        clock: Arc::clone(&ports.clock),
        entropy: Arc::clone(&ports.entropy),
        calls_max: limits.open_max.saturating_mul(USERS_AT_BOUND),
        calls_per_peer_max: limits.open_max,
    };
    let every = Lifetime::seconds(1).divided_by(i64::from(limits.calls_per_second.max(1)));
    let rate = RateLimit::new(Arc::clone(&ports.clock), every, limits.calls_burst);
    let guard = from_fn(move |request: Request, next: Next| {
        let rate = rate.clone();
        async move {
            match refusal(&rate, &request) {
                None => next.run(request).await,
                Some(status) => {
                    drain(request).await;
                    status.into_http()
                }
            }
        }
    });
    Ok(shell.wrap(services).layer(guard))
}

/// The header first; then the rate, counted by user, so that a flood costs whoever makes it and nobody else.
fn refusal(rate: &RateLimit, request: &Request) -> Option<Status> {
    if !header::is_meant(request.headers()) {
        return Some(Status::invalid_argument(NO_HEADER));
    }
    let taken = request.extensions().get::<PeerInfo>().map_or(Ok(()), |peer| rate.take(peer));
    taken.err().map(|_| Status::resource_exhausted(TOO_FAST))
}

/// Takes what the caller sends before it is refused. An answer that overtakes its request makes both sides reset the
/// stream, and HTTP/2 counts resets: after some thousand the caller would see a broken connection and no reason.
async fn drain(request: Request) {
    let whole = axum::body::to_bytes(request.into_body(), MESSAGE_BYTES_MAX);
    // Whoever sends more, or nothing at all, is answered without it.
    let _taken = tokio::time::timeout(DRAIN_WITHIN, whole).await;
}

/// Workload Endpoint §6.
const NO_HEADER: &str =
    "security header missing from request: exactly one `workload.spiffe.io: true`";
const TOO_FAST: &str =
    "this user makes more calls than the agent allows; keep streams open instead of asking again";
/// A JWT-SVID to validate and its audience.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
const DRAIN_WITHIN: std::time::Duration = std::time::Duration::from_millis(100);
/// This many users can be at their bound at the same time.
const USERS_AT_BOUND: usize = 16;
