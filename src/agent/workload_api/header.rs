//! The header that no browser or web server sends by accident (Workload Endpoint §3): `workload.spiffe.io: true`.
//!
//! Checked before routing, so that it holds on every service of this socket, reflection and unknown ones included: a
//! server-side request forgery through some proxy of the node is turned away here.

use http::HeaderMap;

/// True if the header is there exactly once and says `true`.
pub(super) fn is_meant(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(HEADER).iter();
    values.next().is_some_and(|value| value.as_bytes() == b"true") && values.next().is_none()
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
            let mut headers = HeaderMap::new();
            for value in values {
                let value = http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
                headers.append("workload.spiffe.io", value);
            }
            assert_eq!(is_meant(&headers), passes, "{values:?}");
        }
    }
}
