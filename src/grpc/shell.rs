//! What every call has: an id and a span, a place among the calls in flight, and a status even after a panic.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use bytes::Bytes;
use futures_util::FutureExt;
use tonic::Status;
use tonic::service::Routes;
use tracing::Instrument;

use super::status;
use crate::env::{Clock, Entropy};
use crate::http::{Full, PeerInfo, RequestId, Slot, Slots};
use crate::jobs::panic_words;
use crate::kernel::{Failure, Fault, Kind};

/// What goes round the services of a door.
#[derive(Debug, Clone)]
pub struct GrpcShell {
    /// Gives ids their time.
    pub clock: Arc<dyn Clock>,
    /// Gives ids their chance.
    pub entropy: Arc<dyn Entropy>,
    /// Calls in flight in all, open streams included; one more is `UNAVAILABLE`.
    pub calls_max: usize,
    /// Calls in flight of one user or address, open streams included; one more is `RESOURCE_EXHAUSTED`.
    pub calls_per_peer_max: usize,
}

struct Around {
    shell: GrpcShell,
    slots: Arc<Slots>,
    methods: RwLock<HashSet<String>>,
}

impl GrpcShell {
    /// Puts the shell round these services. Unknown services and methods are UNIMPLEMENTED, as tonic answers them.
    pub fn wrap(self, services: Routes) -> Router {
        let slots = Slots::new(self.calls_max, self.calls_per_peer_max);
        let state = Arc::new(Around { shell: self, slots, methods: RwLock::default() });
        services.prepare().into_axum_router().layer(from_fn_with_state(state, around))
    }
}

async fn around(State(around): State<Arc<Around>>, mut request: Request, next: Next) -> Response {
    let id = RequestId::new(around.shell.clock.as_ref(), around.shell.entropy.as_ref());
    let path = request.uri().path().to_owned();
    let matched = request.extensions().get::<MatchedPath>();
    let service = matched.map_or_else(|| "(none)".to_owned(), |path| path.as_str().to_owned());
    let span = tracing::info_span!("call", request.id = %id, rpc.method = path);
    request.extensions_mut().insert(id);
    let slot = request
        .extensions()
        .get::<PeerInfo>()
        .map(|peer| around.slots.take(peer.remote().key()))
        .transpose();
    let answer = async {
        match slot {
            Err(full) => refuse(full),
            Ok(slot) => {
                let outcome = AssertUnwindSafe(next.run(request)).catch_unwind().await;
                match outcome {
                    Ok(answer) => hold(answer, slot),
                    Err(panic) => {
                        metrics::counter!("weft_request_panics_total").increment(1);
                        let words = panic_words(panic.as_ref());
                        status(Fault::bug(format!("panic: {words}"))).into_http()
                    }
                }
            }
        }
    };
    let answer = answer.instrument(span).await;
    around.count(&path, &service, &answer);
    answer
}

fn refuse(full: Full) -> Response {
    let failure = match full {
        Full::Door => {
            Failure::new(Kind::Unavailable, "request.overloaded", "too many calls; try again soon")
        }
        Full::Peer => Failure::new(
            Kind::Limited,
            "request.limit",
            "too many calls in flight from this user or address",
        ),
    };
    status(failure).into_http()
}

/// The place is given back when the last message of the answer has gone, or nobody waits for it any more.
fn hold(answer: Response, slot: Option<Slot>) -> Response {
    match slot {
        Some(slot) => answer.map(|body| Body::new(Held { body, _slot: slot })),
        None => answer,
    }
}

struct Held {
    body: Body,
    _slot: Slot,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

impl Around {
    fn count(&self, path: &str, service: &str, answer: &Response) {
        // A failed call says so in its headers; what fails later in a stream is counted as begun well.
        let code = Status::from_header_map(answer.headers())
            .map_or(tonic::Code::Ok, |status| status.code());
        let method = if self.is_method(path, code) { path } else { service };
        let labels = [("method", method.to_owned()), ("code", i32::from(code).to_string())];
        metrics::counter!("weft_grpc_calls_total", &labels).increment(1);
    }

    /// Anybody may invent a path, and a metric must not grow with it: a path counts as a method once it answered well,
    /// which an invented one never does.
    fn is_method(&self, path: &str, code: tonic::Code) -> bool {
        if self.methods.read().unwrap_or_else(PoisonError::into_inner).contains(path) {
            return true;
        }
        let well = code == tonic::Code::Ok;
        if well {
            self.methods.write().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
        }
        well
    }
}
