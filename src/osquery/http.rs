//! The calls of osquery's TLS remote API, under both families of paths that agents are configured with.
//!
//! An osquery does not look at the status of an answer. What steers it is the JSON: `node_invalid` makes it throw its key away and
//! enrol again, `error` makes it try again later, and anything else is success, also an empty body.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, FromRequest, FromRequestParts, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::StreamExt as _;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer as _};
use serde_json::{Map, Value, json};

use super::Osquery;
use super::enrol_node::EnrolNode;
use super::model::Error;
use super::read_lines::{answers, lines};
use super::refuse::Calling;
use crate::devices;
use crate::http::{PeerInfo, Problem};
use crate::kernel::{Failure, Fault, Kind, Secret, Timestamp};
use crate::posture::{self, inflate, inflate_some, is_packed};
use crate::realms::Realm;
use crate::wire::posture::Report;

/// The routes.
pub(crate) fn routes(osquery: &Osquery) -> Router {
    let mut routes = Router::new();
    for family in PATHS {
        routes = routes
            .route(&format!("{family}/enroll"), post(enroll))
            .route(&format!("{family}/config"), post(config))
            .route(&format!("{family}/log"), post(log))
            .route(&format!("{family}/distributed/read"), post(read))
            .route(&format!("{family}/distributed/write"), post(write));
    }
    routes.with_state(osquery.clone())
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

impl Keyed {
    /// Of a body that is cut off: osquery writes the key first, and what it has to say after it.
    fn at_the_front(bytes: &[u8]) -> Self {
        let mut node_key = None;
        let mut members = serde_json::Deserializer::from_slice(bytes);
        // That it is cut off is known.
        let _cut_off = members.deserialize_map(Front(&mut node_key));
        Self { node_key }
    }
}

/// Keeps the key that the members of an object begin with.
struct Front<'k>(&'k mut Option<String>);

impl<'de> Visitor<'de> for Front<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            if name == "node_key" {
                *self.0 = Some(members.next_value()?);
                return Ok(());
            }
            members.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
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
    sent.whole().map_err(refused)?;
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
    sent.whole()?;
    sent.calling(&osquery).await?;
    Ok(([(CONTENT_TYPE, JSON)], osquery.config()).into_response())
}

async fn log(State(osquery): State<Osquery>, sent: Sent) -> Result<Response, Refused> {
    let calling = sent.calling(&osquery).await?;
    if sent.left_out(&osquery, &calling).await? {
        return Ok(done());
    }
    let body: Log = parsed(&sent.bytes)?;
    // Of how the osquery itself does, nothing is made.
    if body.log_type == "result" {
        osquery.take_lines(&calling, &body.data).await?;
    }
    Ok(done())
}

async fn read(State(osquery): State<Osquery>, sent: Sent) -> Result<Response, Refused> {
    sent.whole()?;
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
    if sent.left_out(&osquery, &calling).await? {
        return Ok(done());
    }
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
    /// False if there was more than is read.
    whole: bool,
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
        let (bytes, whole) = taken(body).await?;
        let (bytes, whole) = if packed { unpacked(&bytes, whole)? } else { (bytes, whole) };
        Ok(Self { realm, peer, key, bytes, whole })
    }
}

/// A body as far as one is read, and whether that is all of it. Of a longer one the rest is let pass: whoever sends it does not
/// look for an answer before its end, and would take a closed connection for a reason to send it all again.
async fn taken(body: Body) -> Result<(Vec<u8>, bool), Error> {
    let (mut bytes, mut passed, mut chunks) = (Vec::new(), 0_usize, body.into_data_stream());
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Error::Body("it was cut off"))?;
        let room = BODY_BYTES_MAX.saturating_sub(bytes.len());
        bytes.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        passed = passed.saturating_add(chunk.len());
        if passed > PASSED_BYTES_MAX {
            return Err(Error::Body("it is too large"));
        }
    }
    let whole = passed == bytes.len();
    Ok((bytes, whole))
}

fn unpacked(packed: &[u8], whole: bool) -> Result<(Vec<u8>, bool), Error> {
    match inflate(packed, BODY_BYTES_MAX) {
        Ok(plain) if whole => Ok((plain, true)),
        Err(error) if whole && !matches!(error, posture::Error::Report(_)) => Err(error.into()),
        _ => Ok((inflate_some(packed, BODY_BYTES_MAX), false)),
    }
}

impl Sent {
    fn whole(&self) -> Result<(), Error> {
        if self.whole { Ok(()) } else { Err(Error::Body(TOO_LARGE)) }
    }

    /// Notes what is too large to be looked at; true if it is. An osquery that is told so would send the same for ever, and say
    /// nothing else: it is told that all is well, its snapshots come again, and an event says what was left out.
    async fn left_out(&self, osquery: &Osquery, calling: &Calling) -> Result<bool, Error> {
        if !self.whole {
            osquery.note_left_out(calling, TOO_LARGE).await?;
        }
        Ok(!self.whole)
    }

    /// Who calls. Before the key is known, no more is read of the body than the key.
    async fn calling(&self, osquery: &Osquery) -> Result<Calling, Refused> {
        let keyed =
            if self.whole { parsed(&self.bytes)? } else { Keyed::at_the_front(&self.bytes) };
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

/// Where the routes are: the family that agents of our own time are configured with, and the one before it.
pub(crate) const PATHS: [&str; 2] = ["/api/osquery", "/api/v1/osquery"];
const JSON: &str = "application/json";
/// 64 lines (`logger_tls_max_lines` as shipped) of the largest snapshot that our queries make, some 30 KiB.
const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;
/// As many lines as an osquery can be told to send at once, each as long as it sends one: 1,024 of a mebibyte.
const PASSED_BYTES_MAX: usize = 1025 * 1024 * 1024;
const TOO_LARGE: &str = "it has more than 2 MiB: none of it was looked at";
/// For so long an osquery asks every five seconds what else to look at.
const ACCELERATE_SECONDS: u32 = 60;
