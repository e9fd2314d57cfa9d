//! The guard of routes that read a cookie: a form of a stranger's page does not act in its reader's name.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderName, Method, StatusCode, Uri};

use super::peer::PeerInfo;
use super::problem::Problem;

/// A layer that lets a request with effects (anything but GET, HEAD and OPTIONS) pass only if it does not come from a page
/// of another site. Browsers say where it comes from in `Sec-Fetch-Site`, older ones in `Origin`; a request with neither
/// is no browser's, and carries only the cookies that its sender has. Not for routes that must take foreign forms:
/// `/authorize`, `/logout`.
pub async fn own_forms_only(request: Request, next: Next) -> Response {
    let tls = request.extensions().get::<PeerInfo>().is_some_and(|peer| peer.tls().is_some());
    if is_own(request.method(), request.headers(), request.uri(), tls) {
        next.run(request).await
    } else {
        Problem::cross_site().into_response()
    }
}

fn is_own(method: &Method, headers: &HeaderMap, uri: &Uri, tls: bool) -> bool {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return true;
    }
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
    match (sites.next().map(http::HeaderValue::as_bytes), sites.next()) {
        // `none` is the person alone: a page sent again from the address bar.
        (Some(b"same-origin" | b"none"), None) => return true,
        (Some(_), _) => return false,
        (None, _) => {}
    }
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next().map(http::HeaderValue::to_str), origins.next()) {
        (None, _) => true,
        (Some(Ok(origin)), None) => is_host(origin, headers, uri, tls),
        _ => false,
    }
}

/// True if the origin is that which the request was sent to. Behind a proxy that ends TLS only the host can be compared.
fn is_host(origin: &str, headers: &HeaderMap, uri: &Uri, tls: bool) -> bool {
    let Some((scheme, host)) = origin.split_once("://") else { return false };
    let asked = uri
        .authority()
        .map(http::uri::Authority::as_str)
        .or_else(|| headers.get(HOST).and_then(|host| host.to_str().ok()));
    (scheme == "https" || (scheme == "http" && !tls))
        && asked.is_some_and(|asked| asked.eq_ignore_ascii_case(host))
}

impl Problem {
    /// 403: a form of another site's page.
    pub(super) fn cross_site() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "This came from another site",
            "request.cross_site",
            "this form was sent by a page of another site: open the page here, and send it from there",
        )
    }
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn own(method: &Method, site: &str, origin: &str, tls: bool) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("weft.example:8443"));
        for (name, value) in [(SEC_FETCH_SITE, site), (ORIGIN, origin)] {
            if !value.is_empty() {
                headers.append(name, HeaderValue::from_str(value).expect("ASCII"));
            }
        }
        is_own(method, &headers, &Uri::from_static("/account"), tls)
    }

    #[test]
    fn a_form_of_another_site_is_refused() {
        let post = |site: &str, origin: &str| own(&Method::POST, site, origin, true);
        for (site, origin) in [
            ("cross-site", ""),
            ("same-site", ""),
            ("cross-site", "https://weft.example:8443"),
            ("", "https://evil.example"),
            ("", "https://weft.example"),
            ("", "http://weft.example:8443"),
            ("", "https://weft.example:8443.evil.example"),
            ("", "null"),
            ("nonsense", ""),
        ] {
            assert!(!post(site, origin), "{site} {origin}");
        }
        for (site, origin) in [
            ("same-origin", ""),
            ("same-origin", "null"),
            ("none", ""),
            ("", "https://weft.example:8443"),
            ("", "https://WEFT.example:8443"),
            ("", ""),
        ] {
            assert!(post(site, origin), "{site} {origin}");
        }
        assert!(own(&Method::POST, "", "http://weft.example:8443", false));
        assert!(own(&Method::GET, "cross-site", "https://evil.example", true));
        assert!(!own(&Method::DELETE, "cross-site", "", true));
    }
}
