//! The address that an answer to an authorization request goes to (RFC 6749 §4.1.2, RFC 9207 §2). Pure.

use super::authorization_request::Back;
use super::wire_error::WireError;

/// With a code.
pub(super) fn with_code(back: &Back, issuer: &str, code: &str) -> String {
    address(back, issuer, &[("code", code)])
}

/// With an error.
pub(super) fn with_error(back: &Back, issuer: &str, error: &WireError) -> String {
    let members = [("error", error.code.as_str()), ("error_description", &*error.description)];
    address(back, issuer, &members)
}

/// The registered address with these members, `state` as it came, and `iss`.
fn address(back: &Back, issuer: &str, members: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(members);
    if let Some(state) = &back.state {
        query.append_pair("state", state);
    }
    query.append_pair("iss", issuer);
    with_query(&back.redirect_uri, &query.finish())
}

/// The address with more behind its own query, which stays as it was registered.
pub(super) fn with_query(address: &str, query: &str) -> String {
    let join = match address.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    format!("{address}{join}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oidc_025_state_comes_back_as_it_came_and_the_registered_query_stays() {
        let long = "\u{e9} &=%+#\"".repeat(128);
        for state in ["a b", "", "%41", &long] {
            for registered in ["https://app.test/cb", "https://app.test/cb?x=%41&y", "a.b:/cb?"] {
                let state = Some(state.to_owned()).filter(|state| !state.is_empty());
                let back = Back { redirect_uri: registered.to_owned(), state: state.clone() };
                let to = with_code(&back, "https://weft.test", "c");
                assert!(to.starts_with(registered), "{to}");
                let (_, query) = to.split_once('?').unwrap();
                let pairs: Vec<(String, String)> =
                    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
                let value = |name: &str| {
                    pairs.iter().find(|(said, _)| said == name).map(|(_, value)| value.clone())
                };
                assert_eq!(value("state"), state);
                assert_eq!(value("code").as_deref(), Some("c"));
                assert_eq!(value("iss").as_deref(), Some("https://weft.test"), "oidc_023");
            }
        }
    }
}
