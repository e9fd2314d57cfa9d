//! Pages for people: one look, one shell, texts in their language, and what a browser is told about each of them.
//!
//! Owns: [`Look`] (language, direction, brand), the answer that a template becomes, style sheet and script, the texts, and
//! the pages that tell of a failure. Does not own: any page of a slice; those are typed structs over `templates/<slice>/`.
//! Invariants: no page runs or loads what is not this server's; none is shown in a frame; a form leads to this server, or
//! to where its page says; every text is there in every language.
//!
//! Endpoints: `/assets/…`, `/language`.

mod assets;
mod away;
mod brand;
mod error;
mod look;
mod routes;
#[cfg(test)]
#[path = "tests.rs"]
mod specification;
mod svg;
mod texts;
mod when;

use std::fmt::Write;

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::header::{
    CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY, X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue, StatusCode};
use url::Url;

pub use away::Away;
pub use brand::{Brand, BrandFlaw, Colour, Logo};
pub use error::{ErrorPage, LeavePage, SignedOutPage};
pub(super) use error::{Wants, instead_of};
pub use look::{Flaw, Flaws, Language, Look};
pub use routes::routes;

use super::problem::Problem;

/// A page as an answer. For one whose forms lead to other servers, see [`Page`].
pub fn page(status: StatusCode, template: &impl Template, look: &Look) -> Response {
    Page::new(template, look).status(status).into_response()
}

/// A page with what is said of it in headers.
#[derive(Debug)]
pub struct Page {
    status: StatusCode,
    body: Result<String, askama::Error>,
    language: Language,
    leads_to: Vec<String>,
}

impl Page {
    /// The template with this look, as a 200.
    pub fn new(template: &impl Template, look: &Look) -> Self {
        let (body, language) = (template.render(), look.language());
        Self { status: StatusCode::OK, body, language, leads_to: Vec::new() }
    }

    /// With another status.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Lets a form of this page lead to where this URL is too. Chromium asks the policy about each redirect that answers a
    /// form (CSP 3 §6.4.1), so a page whose POST may end at an application's redirect URI names that here. What is no URL
    /// is passed over.
    #[must_use]
    pub fn may_lead_to(mut self, url: &str) -> Self {
        self.leads_to.extend(source(url));
        self
    }

    fn policy(&self) -> String {
        let mut policy = POLICY.to_owned();
        for source in &self.leads_to {
            // Writing to a text does not fail.
            let _ = write!(policy, " {source}");
        }
        policy
    }
}

/// The source expression of a URL's origin (CSP 3 §2.3.1). Where the grammar has no word for the host (an IPv6 address),
/// or there is none (the private scheme of an application), it is the scheme.
fn source(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    match (url.scheme(), url.host()) {
        ("http" | "https", Some(url::Host::Domain(_) | url::Host::Ipv4(_))) => {
            Some(url.origin().ascii_serialization())
        }
        ("javascript" | "data" | "blob", _) => None,
        (scheme, _) => Some(format!("{scheme}:")),
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let policy = self.policy();
        let Self { status, body, language, .. } = self;
        let body = match body {
            Ok(body) => body,
            Err(error) => {
                return Problem::from(crate::kernel::Fault::bug(error)).into_response();
            }
        };
        let mut answer = (status, body).into_response();
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
        headers.insert(VARY, HeaderValue::from_static("accept-language, cookie"));
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        headers.insert(PERMISSIONS_POLICY, HeaderValue::from_static(PERMISSIONS));
        // Under `no-referrer` a browser says `Origin: null` with its own forms too, and the guard could not tell them
        // from a stranger's.
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        // INVARIANT of `source`: an origin in ASCII, which a header can hold; else the stricter policy stands.
        let policy = HeaderValue::from_str(&policy);
        headers.insert(CONTENT_SECURITY_POLICY, policy.unwrap_or(HeaderValue::from_static(POLICY)));
        answer
    }
}

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const PERMISSIONS: &str = "camera=(), geolocation=(), microphone=(), payment=(), usb=(), \
                           publickey-credentials-create=(self), publickey-credentials-get=(self)";
/// `form-action` stands last: where a page's forms may lead is added to it. `data:` is for the picture of a TOTP secret,
/// which must not have an address of its own.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

/// The name of a text that is said elsewhere: marked, so that the test which looks for all of them finds it.
pub const fn text_key(key: &'static str) -> &'static str {
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_only_to_origins_that_a_policy_can_say() {
        let check = |url: &str, expected: Option<&str>| {
            assert_eq!(source(url).as_deref(), expected, "{url}");
        };
        check("https://app.example/cb?x=1", Some("https://app.example"));
        check("https://App.Example:8443/cb", Some("https://app.example:8443"));
        check("http://127.0.0.1:4000/", Some("http://127.0.0.1:4000"));
        check("http://[::1]:4000/", Some("http:"));
        check("com.example.app:/cb", Some("com.example.app:"));
        check("https://bücher.example/", Some("https://xn--bcher-kva.example"));
        check("javascript:alert(1)", None);
        check("https://a.example; script-src *", None);
        check("/own/path", None);
    }
}
