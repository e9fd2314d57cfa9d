//! Forms as pages send them.

use std::collections::HashSet;

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::problem::Problem;
use crate::kernel::limits::FORM_BYTES_MAX;

/// A form of `application/x-www-form-urlencoded`. Each value is a text: a box that is ticked is an `Option<String>`, and
/// of several boxes each has its own name, because a name that stands twice is refused.
#[derive(Debug, Clone, Copy)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_form(request.headers()) {
            return Err(Problem::media_type("application/x-www-form-urlencoded"));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|error| {
            if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
                return Problem::too_large(None);
            }
            Problem::invalid("request.body", "the body could not be read")
        })?;
        parse(&bytes).map(Self)
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = value.split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if bytes.len() > FORM_BYTES_MAX {
        return Err(Problem::too_large(Some(FORM_BYTES_MAX)));
    }
    let (mut fields, mut seen) = (Map::new(), HashSet::new());
    for (name, value) in url::form_urlencoded::parse(bytes) {
        // Which of two would count? Two programs that read a form differently are a way round both.
        if !seen.insert(name.to_string()) {
            let words = "a field is there twice: send each once";
            return Err(Problem::invalid("request.form_duplicate", words));
        }
        fields.insert(name.into_owned(), Value::String(value.into_owned()));
    }
    // The words of serde may quote a value, and the value may be a password.
    serde_json::from_value(Value::Object(fields)).map_err(|_| {
        Problem::invalid("request.form", "a field of this form is missing or has another form")
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Sample {
        name: String,
        ticked: Option<String>,
    }

    fn read(text: &str) -> Result<Sample, &'static str> {
        parse(text.as_bytes()).map_err(|problem| problem.code())
    }

    #[test]
    fn a_form_is_read_strictly() {
        let sample = |name: &str, ticked: Option<&str>| {
            Ok(Sample { name: name.to_owned(), ticked: ticked.map(str::to_owned) })
        };
        assert_eq!(read("name=a+b%20c%C3%A4"), sample("a b cä", None));
        assert_eq!(read("name=&ticked=on&other=x"), sample("", Some("on")));
        assert_eq!(read("ticked=on"), Err("request.form"));
        assert_eq!(read("name=a&name=b"), Err("request.form_duplicate"));
        assert_eq!(read("name=a&n%61me=a"), Err("request.form_duplicate"));
        assert_eq!(read("name=a&x=1&x=1"), Err("request.form_duplicate"));
        let long = format!("name={}", "a".repeat(FORM_BYTES_MAX));
        assert_eq!(read(&long), Err("request.body_too_large"));
    }
}
