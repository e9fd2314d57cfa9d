//! The header that no browser or web server sends by accident (Workload Endpoint §3): `workload.spiffe.io: true`.
//!
//! Checked before routing, so that it holds on every service of this socket, reflection and unknown ones included: a
//! server-side request forgery through some proxy of the node is turned away here.

use http::{HeaderMap, Request, Response};
use tonic::Status;
use tonic::body::Body;

/// True if the header is there exactly once and says `true`.
fn is_meant(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(HEADER).iter();
    values.next().is_some_and(|value| value.as_bytes() == b"true") && values.next().is_none()
}

/// Lets the request pass, or answers `InvalidArgument` (Workload Endpoint §6).
pub(super) fn check<B>(request: Request<B>) -> Result<Request<B>, Response<Body>> {
    if is_meant(request.headers()) {
        Ok(request)
    } else {
        Err(Status::invalid_argument(
            "security header missing from request: exactly one `workload.spiffe.io: true`",
        )
        .into_http())
    }
}

const HEADER: &str = "workload.spiffe.io";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spiffe_075_the_header_is_there_once_and_says_true() {
        for (values, passes) in [
            (&[][..], false),
            (&["false"], false),
            (&["True"], false),
            (&["true "], false),
            (&["1"], false),
            (&["true", "true"], false),
            (&["true", "false"], false),
            (&["true"], true),
        ] {
            let mut request = Request::builder();
            for value in values {
                request = request.header(
                    "Workload.SPIFFE.io",
                    http::HeaderValue::from_bytes(value.as_bytes()).unwrap(),
                );
            }
            assert_eq!(check(request.body(()).unwrap()).is_ok(), passes, "{values:?}");
        }
    }
}
