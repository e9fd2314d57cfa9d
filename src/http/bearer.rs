//! The token of a request: RFC 6750 §2.1, and nothing else; no cookie, no parameter.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::kernel::{Failure, Kind};

/// The token in the `Authorization` header, if there is such a header. Fails with kind `Invalid` where it is there twice, and
/// with kind `Unauthenticated` where it is no text or of another scheme.
pub fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        let words = "the header `authorization` is there twice";
        return Err(Failure::new(Kind::Invalid, "request.header_twice", words));
    }
    let value = value.to_str().map_err(|_| refused("the header `authorization` is no text"))?;
    match value.split_once(' ') {
        // RFC 9110 §11.1: the scheme's case does not matter.
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _ => Err(refused("the authorization header must be `Bearer` and a token")),
    }
}

fn refused(words: &'static str) -> Failure {
    Failure::new(Kind::Unauthenticated, "caller.unauthenticated", words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_in_one_header_of_one_scheme() {
        let check = |lines: &[&str], expected: Result<Option<&str>, ()>| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(AUTHORIZATION, line.parse().unwrap());
            }
            assert_eq!(bearer(&headers).map_err(|_| ()), expected, "{lines:?}");
        };
        check(&[], Ok(None));
        check(&["Bearer abc"], Ok(Some("abc")));
        check(&["bEARER  abc "], Ok(Some("abc")));
        check(&["Basic abc"], Err(()));
        check(&["Bearer"], Err(()));
        check(&["Bearer a", "Bearer b"], Err(()));
    }
}
