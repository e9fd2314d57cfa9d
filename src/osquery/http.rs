//! The calls of osquery's TLS remote API, under both families of paths that agents are configured with.
//!
//! An osquery does not look at the status of an answer. What steers it is the JSON: `node_invalid` makes it throw its key away and
//! enrol again, `error` makes it try again later, and anything else is success, also an empty body.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Extension, FromRequest, FromRequestParts, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::Osquery;
use super::enrol_node::EnrolNode;
use super::model::Error;
use super::read_lines::{answers, lines};
use super::refuse::Calling;
use crate::devices;
use crate::http::{PeerInfo, Problem};
use crate::kernel::{Failure, Fault, Kind, Secret, Timestamp};
use crate::posture::{inflate, is_packed};
use crate::realms::Realm;
use crate::wire::posture::Report;

/// The routes.
pub(crate) fn routes(osquery: &Osquery) -> Router {
    let mut routes = Router::new();
    for family in FAMILIES {
        routes = routes
            .route(&format!("{family}/enroll"), post(enroll))
            .route(&format!("{family}/config"), post(config))
            .route(&format!("{family}/log"), post(log))
            .route(&format!("{family}/distributed/read"), post(read))
            .route(&format!("{family}/distributed/write"), post(write));
    }
    routes.layer(DefaultBodyLimit::max(BODY_BYTES_MAX)).with_state(osquery.clone())
}

/// What an osquery enrols with. Every value of a table is text.
#[derive(Deserialize)]
struct Enrolment {
    enroll_secret: String,
    host_identifier: String,
    #[serde(default)]
    platform_type: Value,
    #[serde(default)]
    host_details: Value,
}

/// What every other body has.
#[derive(Deserialize)]
struct Keyed {
    #[serde(default)]
    node_key: Option<String>,
}

#[derive(Deserialize)]
struct Log {
    log_type: String,
    #[serde(default)]
    data: Vec<Value>,
}

#[derive(Deserialize)]
struct Answers {
    #[serde(default)]
    queries: Map<String, Value>,
    #[serde(default)]
    statuses: Map<String, Value>,
    #[serde(default)]
    messages: Map<String, Value>,
}

async fn enroll(State(osquery): State<Osquery>, sent: Sent) -> Result<Response, Refused> {
    let refused = |error| Refused { error, enrolling: true };
    let body: Enrolment = parsed(&sent.bytes).map_err(refused)?;
    let ask = EnrolNode {
        realm: sent.realm.id,
        secret: Secret::new(body.enroll_secret),
        host: body.host_identifier,
        name: named(&body.host_details),
        platform: platform(&body.platform_type),
    };
    let key = osquery.enrol(ask, &sent.peer).await.map_err(refused)?;
    Ok(answer(&json!({ "node_key": key.expose(), "node_invalid": false })))
}

async fn config(State(osquery): State<Osquery>, sent: Sent) -> Result<Response, Refused> {
    sent.calling(&osquery).await?;
    Ok(([(CONTENT_TYPE, JSON)], osquery.config()).into_response())
}

async fn log(State(osquery): State<Osquery>, sent: Sent) -> Result<Response, Refused> {
    let calling = sent.calling(&osquery).await?;
    let body: Log = parsed(&sent.bytes)?;
    // Of how the osquery itself does, nothing is made.
    if body.log_type == "result" {
        osquery.take_lines(&calling, &body.data).await?;
    }
    Ok(done())
}

async fn read(State(osquery): State<Osquery>, sent: Sent) -> Result<Response, Refused> {
    let calling = sent.calling(&osquery).await?;
    let queries = osquery.ask(&calling);
    if queries.is_empty() {
        return Ok(answer(&json!({ "queries": {}, "node_invalid": false })));
    }
    // The second look that a better level takes is not to wait for a slow interval.
    Ok(answer(
        &json!({ "queries": queries, "accelerate": ACCELERATE_SECONDS, "node_invalid": false }),
    ))
}

async fn write(State(osquery): State<Osquery>, sent: Sent) -> Result<Response, Refused> {
    let calling = sent.calling(&osquery).await?;
    let body: Answers = parsed(&sent.bytes)?;
    let outcomes = (&body.statuses, &body.messages);
    osquery.take_answers(&calling, &body.queries, outcomes).await?;
    Ok(done())
}

/// A body, unpacked, and where it came from.
struct Sent {
    realm: Arc<Realm>,
    peer: PeerInfo,
    /// The key that newer ones show in `Authorization: NodeKey …` too.
    key: Option<String>,
    bytes: Vec<u8>,
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let (mut parts, body) = request.into_parts();
        let missing = |_| Error::Fault(Fault::bug("a request without its realm and peer"));
        let Extension(realm) = Extension::<Arc<Realm>>::from_request_parts(&mut parts, state)
            .await
            .map_err(missing)?;
        let Extension(peer) =
            Extension::<PeerInfo>::from_request_parts(&mut parts, state).await.map_err(missing)?;
        let (key, packed) = (key(&parts.headers), is_packed(&parts.headers)?);
        let bytes = Bytes::from_request(Request::from_parts(parts, body), state).await;
        let bytes = bytes.map_err(|_| Error::Body("it is too large, or was cut off"))?;
        let bytes = if packed { inflate(&bytes, BODY_BYTES_MAX)? } else { Vec::from(bytes) };
        Ok(Self { realm, peer, key, bytes })
    }
}

impl Sent {
    /// Who calls. Before the key is known, no more is read of the body than the key.
    async fn calling(&self, osquery: &Osquery) -> Result<Calling, Refused> {
        let keyed: Keyed = parsed(&self.bytes)?;
        let key = match (keyed.node_key, self.key.clone()) {
            (Some(body), Some(header)) if body != header => {
                return Err(Error::Body("the key in the body is another than in the header").into());
            }
            (Some(key), _) | (None, Some(key)) => Secret::new(key),
            (None, None) => return Err(Error::Body("`node_key` is missing").into()),
        };
        Ok(osquery.calling(self.realm.id, &key, &self.peer).await?)
    }
}

/// What a body of either call that brings rows says of a machine, without a server: the same that is kept of it.
pub fn report_in(body: &[u8], now: Timestamp) -> Option<Report> {
    if let Ok(body) = parsed::<Log>(body) {
        return lines(&body.data, now).report();
    }
    let body: Answers = parsed(body).ok()?;
    answers(&body.queries, (&body.statuses, &body.messages), now).report()
}

fn key(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("NodeKey ").map(str::to_owned)
}

fn parsed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|_| Error::Body("it is no JSON of the documented form"))
}

/// What people call the host.
fn named(details: &Value) -> Option<String> {
    let info = details.get("system_info")?;
    let name = ["hostname", "computer_name"].iter().find_map(|name| info.get(name)?.as_str());
    name.map(str::to_owned)
}

/// A sum of bits, as text: 2 Windows, 8 Linux, 16 macOS.
fn platform(sent: &Value) -> &'static str {
    let number = sent.as_u64().or_else(|| sent.as_str()?.parse().ok()).unwrap_or_default();
    match number {
        bits if bits & 8 != 0 => "linux",
        bits if bits & 16 != 0 => "macos",
        bits if bits & 2 != 0 => "windows",
        _ => "other",
    }
}

fn done() -> Response {
    answer(&json!({ "node_invalid": false }))
}

fn answer(document: &Value) -> Response {
    ([(CONTENT_TYPE, JSON)], document.to_string()).into_response()
}

/// A refusal in the form that an osquery understands.
struct Refused {
    error: Error,
    enrolling: bool,
}

impl<E: Into<Error>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self { error: error.into(), enrolling: false }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        // An osquery that is locked out keeps its key; one without a key has to know that it has none.
        let turned_away = matches!(
            self.error,
            Error::Devices(devices::Error::Token | devices::Error::Refused(_)) | Error::Bound
        );
        let invalid = matches!(self.error, Error::NodeInvalid) || (self.enrolling && turned_away);
        let failure = Failure::from(self.error);
        if matches!(failure.kind, Kind::Bug | Kind::Unavailable) {
            tracing::warn!(code = failure.code, cause = ?failure.cause, "an osquery was not answered");
        }
        let body = json!({ "error": failure.public, "node_invalid": invalid });
        let status: StatusCode = Problem::from(failure).into_response().status();
        (status, answer(&body)).into_response()
    }
}

/// The family that agents of our own time are configured with, and the one before it.
const FAMILIES: [&str; 2] = ["/api/osquery", "/api/v1/osquery"];
const JSON: &str = "application/json";
/// 64 lines (`logger_tls_max_lines` as shipped) of the largest snapshot that our queries make, some 30 KiB.
const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;
/// For so long an osquery asks every five seconds what else to look at.
const ACCELERATE_SECONDS: u32 = 60;
