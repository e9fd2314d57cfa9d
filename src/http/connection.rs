//! One accepted connection: the handshake, then HTTP until it ends, ages, or the program stops.

use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::LazyConfigAcceptor;
use tower::ServiceExt;

use super::door::{DoorLimits, TlsChoice};
use super::gathered::Gathered;
use super::peer::{PeerInfo, Remote, TlsPeer};
use super::slots::Slot;
use crate::env::Clock;
use crate::jobs::Tasks;

/// Any byte stream: one type for all, so that HTTP is compiled once.
pub(super) type Stream = Box<dyn Bytes>;

pub(super) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// What all connections of a door share.
pub(super) struct Context {
    pub(super) door: &'static str,
    pub(super) app: Router,
    pub(super) tls: Option<TlsChoice>,
    pub(super) limits: DoorLimits,
    pub(super) http: Builder<Tasks>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) tasks: Tasks,
}

pub(super) async fn serve(stream: Stream, remote: Remote, slot: Slot, context: Arc<Context>) {
    let gauge = metrics::gauge!("weft_connections", "door" => context.door);
    gauge.increment(1.0);
    let greeted = match &context.tls {
        None => Ok((stream, None)),
        // Boxed, because it is over soon, and a connection would keep its room.
        Some(choose) => Box::pin(greet(stream, choose, &context)).await,
    };
    let outcome = match greeted {
        Ok((stream, tls)) => {
            speak(stream, PeerInfo::new(context.door, remote, tls), &context).await
        }
        Err(why) => {
            count_refused(context.door, why.code());
            Err(why.to_string())
        }
    };
    if let Err(error) = outcome {
        // A peer that goes away is no news.
        tracing::debug!(door = context.door, %error, "connection ended");
    }
    gauge.decrement(1.0);
    drop(slot);
}

pub(super) fn count_refused(door: &'static str, reason: &'static str) {
    metrics::counter!("weft_connections_refused_total", "door" => door, "reason" => reason)
        .increment(1);
}

#[derive(Debug, thiserror::Error)]
enum HandshakeError {
    #[error("the TLS handshake did not end in time")]
    TooSlow,
    #[error("no configuration for host name `{0}`")]
    UnknownName(String),
    #[error("TLS: {0}")]
    Tls(#[from] std::io::Error),
}

impl HandshakeError {
    const fn code(&self) -> &'static str {
        match self {
            Self::TooSlow => "handshake_slow",
            Self::UnknownName(_) => "name_unknown",
            Self::Tls(_) => "handshake_failed",
        }
    }
}

async fn greet(
    stream: Stream,
    choose: &TlsChoice,
    context: &Context,
) -> Result<(Stream, Option<TlsPeer>), HandshakeError> {
    let handshake = async {
        let greeted = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let hello = greeted.client_hello();
        let Some(config) = choose(&hello) else {
            let name = hello.server_name().unwrap_or("(none)").to_owned();
            return Err(HandshakeError::UnknownName(name));
        };
        Ok(greeted.into_stream(config).await?)
    };
    let stream = tokio::select! {
        done = handshake => done?,
        () = context.clock.sleep(context.limits.handshake) => return Err(HandshakeError::TooSlow),
    };
    let peer = TlsPeer::of(stream.get_ref().1);
    Ok((Box::new(stream), Some(peer)))
}

async fn speak(stream: Stream, peer: PeerInfo, context: &Context) -> Result<(), String> {
    let app = context.app.clone().map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        request
    });
    let io = TokioIo::new(Gathered::new(stream));
    let mut connection =
        pin!(context.http.serve_connection_with_upgrades(io, TowerToHyperService::new(app)));
    tokio::select! {
        ended = connection.as_mut() => return ended.map_err(|error| error.to_string()),
        () = time_to_go(context) => {}
    }
    connection.as_mut().graceful_shutdown();
    connection.await.map_err(|error| error.to_string())
}

async fn time_to_go(context: &Context) {
    let stop = context.tasks.token();
    match context.limits.age {
        Some(age) => {
            // Either way it is time.
            let _aged = stop.run_until_cancelled(context.clock.sleep(age)).await;
        }
        None => stop.cancelled().await,
    }
}

/// How HTTP is spoken within these limits.
pub(super) fn builder(limits: &DoorLimits, tasks: &Tasks) -> Builder<Tasks> {
    let mut builder = Builder::new(tasks.clone());
    // Without a timer the time-outs below would silently do nothing.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head.to_std())
        .max_buf_size(HTTP1_BUFFER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    builder
}

/// A head of an HTTP/1 request must fit: cookies and a 16 KiB token do.
const HTTP1_BUFFER_BYTES: usize = 64 * 1024;
/// The same for HTTP/2, counted after decompression.
const HEADER_LIST_BYTES_MAX: u32 = 64 * 1024;
/// A dead peer is noticed within twice this.
const KEEP_ALIVE: std::time::Duration = std::time::Duration::from_secs(20);
/// A batch of signing requests is sent without waiting for our acknowledgement.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// What one peer can make us hold, all its requests together.
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
