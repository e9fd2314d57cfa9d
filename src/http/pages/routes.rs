//! The routes that every page needs: its files, and the choice of a language.

use std::sync::Arc;

use axum::Router;
use axum::extract::Extension;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, SET_COOKIE};
use http::{HeaderValue, StatusCode};
use serde::Deserialize;

use super::super::extract::Path;
use super::super::form::Form;
use super::super::own_site::own_forms_only;
use super::super::problem::Problem;
use super::assets;
use super::brand::{Brand, digest};
use super::look::{LANGUAGE, Language};
use crate::kernel::Lifetime;

/// `/assets/…` and `/language`.
pub fn routes() -> Router {
    let choice = Router::new().route("/language", post(choose)).layer(from_fn(own_forms_only));
    Router::new()
        .route("/assets/{digest}/{name}", get(asset))
        .route("/assets/brand/{digest}/{name}", get(brand_asset))
        .merge(choice)
}

async fn asset(Path((digest, name)): Path<(String, String)>) -> Result<Response, Problem> {
    let asset = assets::find(&digest, &name).ok_or_else(Problem::no_route)?;
    Ok(kept(asset.media, asset.text))
}

async fn brand_asset(
    brand: Option<Extension<Arc<Brand>>>,
    Path((asked, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let brand = brand.map(|Extension(brand)| brand).unwrap_or_default();
    let fits = |bytes: &[u8]| digest(bytes) == asked;
    match name.as_str() {
        "brand.css" => {
            let style = brand.style().filter(|style| fits(style.as_bytes()));
            style.map(|style| kept("text/css; charset=utf-8", style))
        }
        "logo" => {
            let logo = brand.logo.as_ref().filter(|logo| fits(&logo.bytes));
            logo.map(|logo| kept(logo.media, logo.bytes.clone()))
        }
        _ => None,
    }
    .ok_or_else(Problem::no_route)
}

/// An answer that is the same for ever under this address. A picture may not run anything, wherever it is opened.
fn kept(media: &'static str, body: impl IntoResponse) -> Response {
    let mut answer = body.into_response();
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox"),
    );
    answer
}

#[derive(Debug, Deserialize)]
struct Choice {
    language: String,
    return_to: String,
}

async fn choose(Form(choice): Form<Choice>) -> Result<Response, Problem> {
    let language = Language::of_tag(&choice.language)
        .ok_or_else(|| Problem::invalid("request.language", "pages do not speak this language"))?;
    let back = own_path(&choice.return_to).unwrap_or("/account");
    let location = HeaderValue::from_str(back)
        .map_err(|_| Problem::invalid("request.return_to", "this is no path of this server"))?;
    let cookie = LANGUAGE.set(language.tag(), Some(YEAR));
    Ok((StatusCode::SEE_OTHER, [(LOCATION, location), (SET_COOKIE, cookie)]).into_response())
}

/// The text, if it is a path on this server and leads nowhere else: browsers read `//host` and `/\host` as another server,
/// and drop tabs and line ends before they read.
pub(super) fn own_path(text: &str) -> Option<&str> {
    let own = text.starts_with('/')
        && !text.starts_with("//")
        && text.len() <= PATH_BYTES_MAX
        && text.bytes().all(|byte| (0x21..0x7f).contains(&byte) && byte != b'\\');
    own.then_some(text)
}

const YEAR: Lifetime = Lifetime::days(365);
/// An authorization request comes with its parameters; longer ones are not worth coming back to.
const PATH_BYTES_MAX: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_comes_back_to_this_server_only() {
        for own in ["/", "/account?x=1", "/sign-in/abc"] {
            assert_eq!(own_path(own), Some(own));
        }
        for other in [
            "",
            "account",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example/",
            "/\t/evil.example",
            "/a\r\nSet-Cookie: x=1",
            "/ü",
        ] {
            assert_eq!(own_path(other), None, "{other}");
        }
    }

    async fn ask(method: &str, path: &str, form: &'static str) -> Response {
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(axum::body::Body::from(form));
        tower::ServiceExt::oneshot(routes(), request.expect("a request")).await.expect("infallible")
    }

    #[tokio::test]
    async fn a_file_is_kept_for_ever_under_the_digest_of_what_it_holds() {
        let path = assets::path("weft.css");
        let answer = ask("GET", &path, "").await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()[CACHE_CONTROL], "public, max-age=31536000, immutable");
        for other in ["/assets/0000000000000000/weft.css", "/assets/none/passkey.js"] {
            assert_eq!(ask("GET", other, "").await.status(), StatusCode::NOT_FOUND, "{other}");
        }
    }

    #[tokio::test]
    async fn a_language_is_chosen_by_a_form_that_leads_back() {
        let check = async |form: &'static str, status: u16, location: Option<&str>| {
            let answer = ask("POST", "/language", form).await;
            let to = answer.headers().get(LOCATION).map(|to| to.to_str().expect("ASCII"));
            assert_eq!((answer.status().as_u16(), to), (status, location), "{form}");
        };
        check("language=ar&return_to=%2Fsign-in%2Fx%3Fa%3Db", 303, Some("/sign-in/x?a=b")).await;
        check("language=ar&return_to=%2F%2Fevil.example", 303, Some("/account")).await;
        check("language=fr&return_to=%2F", 400, None).await;
        check("language=ar", 400, None).await;
    }
}
