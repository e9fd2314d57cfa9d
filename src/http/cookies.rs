//! Cookies that belong to this host alone (RFC 6265bis §4.1.3.2).

use axum::extract::FromRequestParts;
use cookie::{Cookie, SameSite};
use http::header::COOKIE;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;

use crate::kernel::Lifetime;

/// A cookie of ours: its name begins with `__Host-`, so that a browser takes it only from this host itself, over TLS and
/// for every path. `HttpOnly`, `SameSite=Lax`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostCookie {
    name: &'static str,
}

impl HostCookie {
    /// The cookie of this name.
    pub const fn named(name: &'static str) -> Self {
        Self { name }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The value of a `Set-Cookie` header that gives it this value: of printable ASCII without `;`, or it becomes empty.
    /// Without an age it lives as long as the browser's session.
    pub fn set(self, value: &str, age: Option<Lifetime>) -> HeaderValue {
        let plain =
            |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b';' | b',' | b'"' | b'\\');
        let value = if value.bytes().all(plain) { value } else { "" };
        let mut cookie = Cookie::build((self.name, value))
            .path("/")
            .secure(true)
            .http_only(true)
            .same_site(SameSite::Lax);
        if let Some(age) = age {
            cookie = cookie.max_age(cookie::time::Duration::seconds(age.as_seconds()));
        }
        HeaderValue::from_str(&cookie.build().to_string()).unwrap_or(HeaderValue::from_static(""))
    }

    /// The value of a `Set-Cookie` header that takes it away.
    pub fn clear(self) -> HeaderValue {
        self.set("", Some(Lifetime::ZERO))
    }
}

/// The cookies of a request. An extractor that never fails.
#[derive(Clone, Default)]
pub struct Cookies(HashMap<String, Option<String>>);

impl Cookies {
    /// Those of these headers. What cannot be read is passed over.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut all: HashMap<String, Option<String>> = HashMap::new();
        let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        for cookie in lines.flat_map(Cookie::split_parse).filter_map(Result::ok).take(COOKIES_MAX) {
            let value = Some(cookie.value().to_owned());
            // Two of one name: somebody has slipped one in, and which is ours cannot be told.
            all.entry(cookie.name().to_owned()).and_modify(|known| *known = None).or_insert(value);
        }
        Self(all)
    }

    /// The value of this cookie; nothing if it is not there, empty, or there twice.
    pub fn get(&self, cookie: HostCookie) -> Option<&str> {
        self.0.get(cookie.name)?.as_deref().filter(|value| !value.is_empty())
    }
}

/// Names only: values are secrets.
impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Cookies {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

/// Browsers keep some 180 for a host; ours are a few.
const COOKIES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: HostCookie = HostCookie::named("__Host-weft-one");

    fn read(line: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_str(line).expect("ASCII"));
        Cookies::of(&headers).get(ONE).map(str::to_owned)
    }

    #[test]
    fn a_cookie_there_twice_is_not_there() {
        assert_eq!(read("a=b; __Host-weft-one=x"), Some("x".to_owned()));
        assert_eq!(read("__Host-weft-one=x; __Host-weft-one=y"), None);
        assert_eq!(read("__host-weft-one=x"), None);
        assert_eq!(read("__Host-weft-one="), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn a_cookie_is_for_this_host_and_no_script() {
        let set = ONE.set("abc", Some(Lifetime::minutes(1)));
        let text = set.to_str().expect("ASCII").to_owned();
        assert_eq!(text, "__Host-weft-one=abc; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60");
        assert!(ONE.clear().to_str().expect("ASCII").ends_with("Max-Age=0"));
    }

    #[test]
    fn a_value_cannot_add_attributes_or_headers() {
        for bad in ["a; Domain=evil.example", "a\r\nSet-Cookie: b=c", "ä"] {
            let set = ONE.set(bad, None);
            assert!(set.to_str().expect("ASCII").starts_with("__Host-weft-one=;"), "{bad}");
        }
    }

    #[test]
    fn values_are_not_printed() {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_static("__Host-weft-one=hunter2"));
        assert!(!format!("{:?}", Cookies::of(&headers)).contains("hunter2"));
    }
}
