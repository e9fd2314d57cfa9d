//! Failures as problem documents (RFC 9457): the one mapping from `Kind` to HTTP.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

use super::pages::{Wants, instead_of};
use crate::kernel::{Failure, Kind, Lifetime};

/// The document, on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ProblemBody {
    /// Names the sort of problem: `urn:weft:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The sort of problem in a few words.
    pub title: String,
    /// The HTTP status again, for whoever has only the document.
    pub status: u16,
    /// What is wrong here, and what would be right.
    pub detail: String,
    /// Stable and dotted, for programs.
    pub code: String,
    /// Names this request in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// A failed request. Made of any slice's error by `?`; answers with the document, and its cause goes to the log only.
pub struct Problem(Box<Inner>);

struct Inner {
    status: StatusCode,
    title: &'static str,
    code: &'static str,
    detail: Cow<'static, str>,
    headers: HeaderMap,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// What travels in the answer's extensions from the handler to the outermost layer, which logs it and adds its id.
#[derive(Clone)]
pub(super) struct Carried(Arc<Inner>);

/// What of a problem a page shows: its detail is for programs and in one language.
pub(super) struct Shown {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
}

impl<E: Into<Failure>> From<E> for Problem {
    fn from(error: E) -> Self {
        let failure: Failure = error.into();
        let (status, title) = status(failure.kind);
        let mut problem = Self::new(status, title, failure.code, failure.public);
        problem.0.cause = failure.cause;
        match failure.kind {
            Kind::Unauthenticated => problem.header(WWW_AUTHENTICATE, CHALLENGE),
            Kind::StepUp => problem.header(WWW_AUTHENTICATE, CHALLENGE_STEP_UP),
            Kind::Limited | Kind::Unavailable => problem.header(RETRY_AFTER, RETRY_SOON),
            _ => problem,
        }
    }
}

/// Who can act on it, as HTTP says it.
const fn status(kind: Kind) -> (StatusCode, &'static str) {
    match kind {
        Kind::Invalid => (StatusCode::BAD_REQUEST, "The request is not valid"),
        Kind::Unauthenticated => (StatusCode::UNAUTHORIZED, "Authentication is needed"),
        Kind::StepUp => (StatusCode::UNAUTHORIZED, "Stronger or newer authentication is needed"),
        Kind::Denied => (StatusCode::FORBIDDEN, "This is not permitted"),
        Kind::NotFound => (StatusCode::NOT_FOUND, "There is no such thing"),
        Kind::Conflict => (StatusCode::CONFLICT, "It exists already, or somebody else was faster"),
        Kind::Limited => (StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
        Kind::Upstream => (StatusCode::BAD_GATEWAY, "A system this depends on answered badly"),
        Kind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Not now"),
        Kind::Bug => (StatusCode::INTERNAL_SERVER_ERROR, "An internal error"),
    }
}

impl Problem {
    pub(super) fn new(
        status: StatusCode,
        title: &'static str,
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        let headers = HeaderMap::new();
        Self(Box::new(Inner { status, title, code, detail: detail.into(), headers, cause: None }))
    }

    /// 400: the request is not what it should be; `detail` says what would be right.
    pub fn invalid(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::from(Failure::new(Kind::Invalid, code, detail))
    }

    /// 404: no route has this path.
    pub fn no_route() -> Self {
        Self::from(Failure::new(Kind::NotFound, "request.path_unknown", "no such path"))
    }

    /// 405: the path exists, the method does not.
    pub fn method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "The method is not allowed here",
            "request.method",
            "this path does not take this method; the `allow` header lists those it takes",
        )
    }

    /// 412: what the caller saw is no longer what is there (RFC 9110 §13.1.1).
    pub fn precondition() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "It changed meanwhile",
            "request.precondition",
            "the entity tag does not match: read it again, and decide anew",
        )
    }

    /// 413: the body is larger than this many bytes, if that is known here.
    pub fn too_large(bytes_max: Option<usize>) -> Self {
        let detail = match bytes_max {
            Some(bytes) => Cow::Owned(format!("the body may have at most {bytes} bytes")),
            None => Cow::Borrowed("the body has more bytes than are taken here"),
        };
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "The body is too large",
            "request.body_too_large",
            detail,
        )
    }

    /// 415: the body is not said to be of the type that is understood.
    pub fn media_type(expected: &'static str) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The body has another media type",
            "request.media_type",
            format!("send the body with `content-type: {expected}`"),
        )
    }

    /// 503: the request took longer than requests may.
    pub fn timed_out() -> Self {
        Self::from(Failure::new(
            Kind::Unavailable,
            "request.timed_out",
            "the request took too long and was given up; read the state back before trying again",
        ))
    }

    /// 500: a handler panicked.
    pub(super) fn panicked(words: &str) -> Self {
        Self::from(crate::kernel::Fault::bug(format!("panic: {words}")))
    }

    /// Also answers with this header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// Says when to try again, in place of the default second.
    #[must_use]
    pub fn retry_after(self, span: Lifetime) -> Self {
        self.header(RETRY_AFTER, HeaderValue::from(span.as_seconds().max(1)))
    }

    /// The same as 412: the caller said on what condition, and it did not hold (RFC 9110 §13.1).
    #[must_use]
    pub fn as_precondition(mut self) -> Self {
        self.0.status = StatusCode::PRECONDITION_FAILED;
        self.0.title = "It changed meanwhile";
        self
    }

    /// The document, for an answer about many things of which some were not done. What caused it goes to the log here.
    pub fn into_document(self) -> crate::wire::api::Problem {
        self.0.log();
        crate::wire::api::Problem {
            kind: format!("urn:weft:problem:{}", self.0.code),
            title: self.0.title.to_owned(),
            status: self.0.status.as_u16(),
            detail: self.0.detail.into_owned(),
            code: self.0.code.to_owned(),
            request_id: None,
        }
    }

    /// The HTTP status it answers with.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Its stable code.
    pub fn code(&self) -> &'static str {
        self.0.code
    }
}

impl Inner {
    fn answer(&self, request_id: Option<String>) -> Response {
        let body = ProblemBody {
            kind: format!("urn:weft:problem:{}", self.code),
            title: self.title.to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone().into_owned(),
            code: self.code.to_owned(),
            request_id,
        };
        // Texts and a number always serialize; were it otherwise, the status alone still answers.
        let bytes = serde_json::to_vec(&body).unwrap_or_default();
        let mut answer = (self.status, bytes).into_response();
        answer.headers_mut().extend(self.headers.clone());
        answer
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        answer
    }

    fn log(&self) {
        let (code, cause) = (self.code, causes(self.cause.as_deref()));
        if self.status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(
                error.code = code,
                error.cause = cause,
                "request failed: {}",
                self.detail
            );
        } else if self.status.is_server_error() {
            tracing::warn!(
                error.code = code,
                error.cause = cause,
                "request failed: {}",
                self.detail
            );
        } else {
            tracing::info!(
                error.code = code,
                error.cause = cause,
                "request refused: {}",
                self.detail
            );
        }
    }
}

/// An error and what caused it, in one line for the log.
pub(crate) fn causes(error: Option<&(dyn Error + Send + Sync + 'static)>) -> String {
    let mut words = String::new();
    let mut next = error.map(|error| -> &(dyn Error + 'static) { error });
    while let Some(error) = next {
        if !words.is_empty() {
            words.push_str(": ");
        }
        words.push_str(&error.to_string());
        next = error.source();
    }
    words
}

/// Logs the problem an answer carries, and answers it anew with the request's id: as a page where one is wanted. Others
/// pass.
pub(super) fn finish(mut answer: Response, request_id: &str, wants: Wants) -> Response {
    let Some(Carried(problem)) = answer.extensions_mut().remove::<Carried>() else {
        return answer;
    };
    problem.log();
    let shown = Shown { status: problem.status, code: problem.code };
    if let Some(page) = instead_of(wants, &mut answer, &shown, request_id) {
        return page;
    }
    let (old, _body) = answer.into_parts();
    let mut answer = problem.answer(Some(request_id.to_owned()));
    // What layers in between have added (`allow`, cookies taken away) stays.
    for (name, value) in &old.headers {
        if !answer.headers().contains_key(name) && *name != http::header::CONTENT_LENGTH {
            answer.headers_mut().append(name, value.clone());
        }
    }
    answer
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut answer = self.0.answer(None);
        answer.extensions_mut().insert(Carried(Arc::from(self.0)));
        answer
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.0.status, self.0.code, self.0.detail)
    }
}

/// RFC 9110 §11.6.1: a 401 says how to authenticate.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer");
/// RFC 9470 §3.
const CHALLENGE_STEP_UP: HeaderValue =
    HeaderValue::from_static("Bearer error=\"insufficient_user_authentication\"");
const RETRY_SOON: HeaderValue = HeaderValue::from_static("1");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_status() {
        let table = [
            (Kind::Invalid, 400, None),
            (Kind::Unauthenticated, 401, Some(WWW_AUTHENTICATE)),
            (Kind::StepUp, 401, Some(WWW_AUTHENTICATE)),
            (Kind::Denied, 403, None),
            (Kind::NotFound, 404, None),
            (Kind::Conflict, 409, None),
            (Kind::Limited, 429, Some(RETRY_AFTER)),
            (Kind::Upstream, 502, None),
            (Kind::Unavailable, 503, Some(RETRY_AFTER)),
            (Kind::Bug, 500, None),
        ];
        for (kind, status, header) in table {
            let answer = Problem::from(Failure::new(kind, "test.code", "words")).into_response();
            assert_eq!(answer.status().as_u16(), status, "{kind:?}");
            assert_eq!(answer.headers()[CONTENT_TYPE], "application/problem+json");
            if let Some(header) = header {
                assert!(answer.headers().contains_key(&header), "{kind:?} has {header}");
            }
        }
    }

    #[test]
    fn a_cause_is_told_whole_and_only_to_the_log() {
        let fault = crate::kernel::Fault::away("database", "connection refused to 10.0.0.1");
        let problem = Problem::from(fault);
        assert_eq!(
            causes(problem.0.cause.as_deref()),
            "database is away: connection refused to 10.0.0.1"
        );
        assert!(!problem.0.detail.contains("10.0.0.1"));
    }

    #[test]
    fn a_step_up_is_challenged_as_rfc_9470_says() {
        let answer = Problem::from(Failure::new(Kind::StepUp, "x", "y")).into_response();
        let challenge = answer.headers()[WWW_AUTHENTICATE].to_str().expect("text").to_owned();
        assert!(challenge.contains("insufficient_user_authentication"), "{challenge}");
    }
}
