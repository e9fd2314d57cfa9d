//! Pages that belong to no slice: failures, where a program would get a problem document; on the way elsewhere; signed out.

use askama::Template;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, CONTENT_LENGTH};
use http::{HeaderMap, StatusCode};

use super::super::problem::Shown;
use super::look::Look;
use super::page;

/// Something went wrong, or is not permitted. For what a slice wants to say in its own words; a `Problem` becomes one by
/// itself.
#[derive(Debug, Template)]
#[template(path = "http/error.html")]
pub struct ErrorPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// What happened, in a few words.
    pub title: String,
    /// What that means, and what one can do.
    pub words: String,
    /// Where to go from here, and what the link says.
    pub next: Option<(String, String)>,
    /// For whoever helps: a stable code and the name of the request in the log.
    pub reference: Option<String>,
}

/// Leaves for another server. A redirect that answers a form is bound by the form's page; a page that leaves by itself is
/// not, and names where it goes.
#[derive(Debug, Template)]
#[template(path = "http/leave.html")]
pub struct LeavePage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// The name of the other server.
    pub name: &'a str,
    /// Its address.
    pub url: &'a str,
}

/// Signed out: where every way out ends.
#[derive(Debug, Template)]
#[template(path = "http/signed_out.html")]
pub struct SignedOutPage<'a> {
    /// How it looks.
    pub look: &'a Look,
}

impl<'a> ErrorPage<'a> {
    /// What a failed request looks like: the texts of its code if there are any, else those of its status.
    fn of(look: &'a Look, shown: &Shown, request_id: &str) -> Self {
        let code = shown.code.replace(['.', '_'], "-");
        let (title, words) = look
            .maybe(&format!("failure-{code}-title"))
            .zip(look.maybe(&format!("failure-{code}-words")))
            .unwrap_or_else(|| general(look, shown.status));
        let reference = Some(format!("{} · {request_id}", shown.code));
        Self { look, title, words, next: None, reference }
    }
}

fn general(look: &Look, status: StatusCode) -> (String, String) {
    match status.as_u16() {
        401 => {
            (look.say("failure-unauthenticated-title"), look.say("failure-unauthenticated-words"))
        }
        403 => (look.say("failure-denied-title"), look.say("failure-denied-words")),
        404 => (look.say("failure-not-found-title"), look.say("failure-not-found-words")),
        405 => (look.say("failure-method-title"), look.say("failure-method-words")),
        429 => (look.say("failure-limited-title"), look.say("failure-limited-words")),
        409 | 412 => (look.say("failure-conflict-title"), look.say("failure-conflict-words")),
        502..=504 => (look.say("failure-unavailable-title"), look.say("failure-unavailable-words")),
        500 => (look.say("failure-bug-title"), look.say("failure-bug-words")),
        _ => (look.say("failure-invalid-title"), look.say("failure-invalid-words")),
    }
}

/// What a request would see a failure as: a page, where it asks for one.
pub(in crate::http) struct Wants(Option<Look>);

impl Wants {
    /// Read before the request goes in.
    pub(in crate::http) fn of(request: &Request) -> Self {
        let page = wants_page(request.headers());
        Self(page.then(|| Look::of(request.headers(), request.extensions(), request.uri())))
    }
}

/// The page in place of a problem document, if one was asked for. What the request learned of its brand on the way in
/// comes back in the answer.
pub(in crate::http) fn instead_of(
    wants: Wants,
    answer: &mut Response,
    shown: &Shown,
    request_id: &str,
) -> Option<Response> {
    let mut look = wants.0?;
    if let Some(brand) = answer.extensions_mut().remove() {
        look = look.branded(brand);
    }
    let mut page = page(shown.status, &ErrorPage::of(&look, shown, request_id), &look);
    for (name, value) in answer.headers() {
        if !page.headers().contains_key(name) && *name != CONTENT_LENGTH {
            page.headers_mut().append(name, value.clone());
        }
    }
    Some(page.into_response())
}

/// Browsers name `text/html` when a person goes somewhere; programs that want a problem document name JSON, or anything.
fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept
        .split(',')
        .map(|range| range.split(';').next().unwrap_or_default().trim())
        .find(|media| {
            matches!(
                *media,
                "text/html"
                    | "application/xhtml+xml"
                    | "application/json"
                    | "application/problem+json"
            )
        })
        .is_some_and(|media| media.ends_with("html") || media.ends_with("xhtml+xml"))
}
