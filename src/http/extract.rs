//! Body, path and query as types; what does not fit is refused in words that say what would be right.

use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// A JSON body, in or out.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

/// The parameters of the path.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

/// The parameters of the query.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        // A form of a foreign page can be sent without asking its reader, but not with this media type.
        if !is_json(request.headers()) {
            return Err(Problem::media_type("application/json"));
        }
        let bytes =
            Bytes::from_request(request, state).await.map_err(|error| body_problem(&error))?;
        parse_json(&bytes).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => ([(CONTENT_TYPE, "application/json")], bytes).into_response(),
            Err(error) => Problem::from(crate::kernel::Fault::bug(error)).into_response(),
        }
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(path)) => Ok(Self(path)),
            Err(error) if error.status().is_client_error() => Err(Problem::invalid(
                "request.path",
                format!("the path is not valid: {}", error.body_text()),
            )),
            Err(error) => Err(Problem::from(crate::kernel::Fault::bug(error))),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        query.map(|axum::extract::Query(query)| Self(query)).map_err(|error| {
            let words = error.body_text();
            let words = words.rsplit_once("query string: ").map_or(words.as_str(), |(_, why)| why);
            Problem::invalid("request.query", format!("the query is not valid: {words}"))
        })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let media = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media == "application/json" || (media.starts_with("application/") && media.ends_with("+json"))
}

fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if bytes.is_empty() {
        return Err(Problem::invalid(
            "request.body",
            "the body is empty, and must be a JSON document",
        ));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let words = error.to_string();
        // serde_json ends its words with the position, which is said better below.
        let what = words.rsplit_once(" at line ").map_or(words.as_str(), |(what, _)| what);
        let what = if error.is_data() { what.to_owned() } else { format!("not JSON: {what}") };
        Problem::invalid(
            "request.body",
            format!("line {}, column {}: {what}", error.line(), error.column()),
        )
    })
}

fn body_problem(error: &BytesRejection) -> Problem {
    if error.status() == http::StatusCode::PAYLOAD_TOO_LARGE {
        // How large it may be, only the layer knows that set the limit.
        return Problem::too_large(None);
    }
    Problem::invalid("request.body", format!("the body could not be read: {}", error.body_text()))
}
