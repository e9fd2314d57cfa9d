//! What every request of an API has: an id and a span, a limit on body and time, and an answer even after a panic.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use tracing::Instrument;

use super::pages::Wants;
use super::peer::PeerInfo;
use super::problem::{Problem, finish};
use crate::env::{Clock, Entropy};
use crate::jobs::panic_words;
use crate::kernel::Lifetime;

/// The name of one request, in its answer, in a problem document and on every line of the log. A request extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// A new one: time-ordered, so that a log sorts by it. Without chance it is the time alone.
    pub fn new(clock: &dyn Clock, entropy: &(dyn Entropy + 'static)) -> Self {
        let now = clock.now();
        let id = entropy
            .uuid(now)
            .map_or_else(|_| now.micros().to_string(), |id| id.simple().to_string());
        Self(Arc::from(format!("req_{id}")))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What goes round the routes of an API.
#[derive(Debug, Clone)]
pub struct ApiShell {
    /// Measures requests, and gives ids their time.
    pub clock: Arc<dyn Clock>,
    /// Gives ids their chance.
    pub entropy: Arc<dyn Entropy>,
    /// Largest body; a larger one is answered with 413.
    pub body_bytes_max: usize,
    /// Longest request; a longer one is dropped and answered with 503. A write that runs already goes on.
    pub time_max: Lifetime,
}

impl ApiShell {
    /// Puts the shell round these routes. Unknown paths and methods become problem documents too. Not for routes that
    /// stream longer than `time_max`, nor for gRPC.
    pub fn wrap(self, routes: Router) -> Router {
        self.wrap_but(routes, &[])
    }

    /// The same, where the routes below these paths bound their bodies themselves, and answer for one that is too large.
    pub fn wrap_but(self, routes: Router, long: &'static [&'static str]) -> Router {
        let bytes_max = self.body_bytes_max;
        routes
            .fallback(|| async { Problem::no_route() })
            .method_not_allowed_fallback(|| async { Problem::method() })
            .layer(DefaultBodyLimit::max(bytes_max))
            .layer(from_fn_with_state(Arc::new(Wrapped { shell: self, long }), around))
    }
}

struct Wrapped {
    shell: ApiShell,
    long: &'static [&'static str],
}

async fn around(State(wrapped): State<Arc<Wrapped>>, mut request: Request, next: Next) -> Response {
    let Wrapped { shell, long } = &*wrapped;
    let id = RequestId::new(shell.clock.as_ref(), shell.entropy.as_ref());
    let method = request.method().clone();
    // The pattern, never the path: paths are of unbounded number and name people's things.
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "(none)".to_owned(), |path| path.as_str().to_owned());
    let tls = request.extensions().get::<PeerInfo>().is_some_and(|peer| peer.tls().is_some());
    let span =
        tracing::info_span!("request", request.id = %id, http.method = %method, http.route = route);
    request.extensions_mut().insert(id.clone());

    // What is too large is let pass unread where the route says so: it answers for itself.
    let path = request.uri().path();
    let bytes_max = if long.iter().any(|below| path.starts_with(below)) {
        usize::MAX
    } else {
        shell.body_bytes_max
    };
    let (started, wants) = (shell.clock.elapsed(), Wants::of(&request));
    let answer = async {
        let answer = finish(answer((shell, bytes_max), request, next).await, id.as_str(), wants);
        let spent = Lifetime::micros(shell.clock.elapsed().as_micros() - started.as_micros());
        tracing::info!(
            http.status = answer.status().as_u16(),
            micros = spent.as_micros(),
            "answered"
        );
        count(&method, route.clone(), answer.status(), spent);
        answer
    };
    let mut answer = answer.instrument(span.clone()).await;
    secure(answer.headers_mut(), tls);
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        answer.headers_mut().insert(REQUEST_ID, value);
    }
    answer
}

async fn answer((shell, bytes_max): (&ApiShell, usize), request: Request, next: Next) -> Response {
    if said_length(request.headers()).is_some_and(|bytes| bytes > bytes_max) {
        return Problem::too_large(Some(bytes_max)).into_response();
    }
    tokio::select! {
        // In order: what is answered at once sets no timer.
        biased;
        outcome = AssertUnwindSafe(next.run(request)).catch_unwind() => outcome.unwrap_or_else(|panic| {
            metrics::counter!("weft_request_panics_total").increment(1);
            Problem::panicked(panic_words(panic.as_ref())).into_response()
        }),
        () = shell.clock.sleep(shell.time_max) => Problem::timed_out().into_response(),
    }
}

fn said_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn count(method: &http::Method, route: String, status: http::StatusCode, spent: Lifetime) {
    let labels = [
        ("method", method_label(method).to_owned()),
        ("route", route),
        ("status", status.as_u16().to_string()),
    ];
    metrics::counter!("weft_http_requests_total", &labels).increment(1);
    metrics::histogram!("weft_http_request_seconds", &labels).record(spent.to_std());
}

/// Anybody may invent a method; a metric must not grow with it.
fn method_label(method: &http::Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// What a browser that strays here is told. A handler's own values stay.
fn secure(headers: &mut HeaderMap, tls: bool) {
    let mut set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(CACHE_CONTROL, "no-store");
    set(REFERRER_POLICY, "no-referrer");
    set(CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    if tls {
        // A year, as browsers' preload lists ask at least; subdomains are not ours to speak for.
        set(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
