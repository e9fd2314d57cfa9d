//! Entity tags and preconditions (RFC 9110 §13): nobody overwrites what they have not seen.

use axum::extract::FromRequestParts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::problem::Problem;

/// Names one state of one resource. Strong: equal tags mean equal bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EntityTag(String);

/// `If-Match` and `If-None-Match` of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conditions {
    if_match: Option<Tags>,
    if_none_match: Option<Tags>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Tags {
    Any,
    These(Vec<EntityTag>),
}

impl EntityTag {
    /// The tag of a row with this revision.
    pub fn revision(revision: i64) -> Self {
        Self(format!("\"{revision}\""))
    }

    /// The tag of a document with this digest.
    pub fn digest(digest: &[u8; 32]) -> Self {
        Self(format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest)))
    }

    /// The revision, if it is the tag of one.
    pub fn as_revision(&self) -> Option<i64> {
        self.0.trim_matches('"').parse().ok()
    }

    /// The digest, if it is the tag of one.
    pub fn as_digest(&self) -> Option<[u8; 32]> {
        URL_SAFE_NO_PAD.decode(self.0.trim_matches('"')).ok()?.try_into().ok()
    }

    /// For the `etag` header.
    pub fn header(&self) -> HeaderValue {
        // Quotes, digits and base64url always make a header value.
        HeaderValue::from_str(&self.0).unwrap_or(HeaderValue::from_static("\"\""))
    }
}

impl Conditions {
    /// The one revision the caller saw, to be compared inside the write. Nothing: any will do.
    pub fn revision(&self) -> Result<Option<i64>, Problem> {
        match &self.if_match {
            None | Some(Tags::Any) => Ok(None),
            Some(Tags::These(tags)) => match tags.as_slice() {
                [one] => one.as_revision().map(Some).ok_or_else(Problem::precondition),
                _ => Err(Problem::invalid(
                    "request.precondition",
                    "`if-match` takes one entity tag here, or `*`",
                )),
            },
        }
    }

    /// The digests the caller saw, to be compared inside the write. Nothing: no tag was said.
    pub fn digests(&self) -> Option<Vec<[u8; 32]>> {
        match &self.if_match {
            None | Some(Tags::Any) => None,
            Some(Tags::These(tags)) => Some(tags.iter().filter_map(EntityTag::as_digest).collect()),
        }
    }

    /// True for `If-None-Match: *`: create, and never replace.
    pub fn only_create(&self) -> bool {
        self.if_none_match == Some(Tags::Any)
    }

    /// True where `If-Match` is said: change what is there, and never make anything.
    pub fn only_change(&self) -> bool {
        self.if_match.is_some()
    }

    /// True if the caller has `current` already: answer 304.
    pub fn has(&self, current: &EntityTag) -> bool {
        match &self.if_none_match {
            None => false,
            Some(Tags::Any) => true,
            Some(Tags::These(tags)) => tags.contains(current),
        }
    }

    /// Reads both headers.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, Problem> {
        // `If-Match` compares strongly: a weak tag never matches. `If-None-Match` compares weakly (§13.1.2).
        Ok(Self {
            if_match: tags(headers, &IF_MATCH, false)?,
            if_none_match: tags(headers, &IF_NONE_MATCH, true)?,
        })
    }
}

impl<S: Sync> FromRequestParts<S> for Conditions {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Self::from_headers(&parts.headers)
    }
}

fn tags(headers: &HeaderMap, name: &HeaderName, weak_too: bool) -> Result<Option<Tags>, Problem> {
    let bad = || {
        Problem::invalid(
            "request.precondition",
            format!("`{name}` takes `*` or entity tags in double quotes, as `etag` gave them"),
        )
    };
    let mut found = Vec::new();
    let mut values = headers.get_all(name).iter().peekable();
    if values.peek().is_none() {
        return Ok(None);
    }
    for value in values {
        let text = value.to_str().map_err(|_| bad())?.trim();
        if text == "*" {
            return Ok(Some(Tags::Any));
        }
        for tag in text.split(',').map(str::trim) {
            let (weak, tag) = tag.strip_prefix("W/").map_or((false, tag), |strong| (true, strong));
            let inner =
                tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).ok_or_else(bad)?;
            if inner.contains('"') {
                return Err(bad());
            }
            if weak_too || !weak {
                found.push(EntityTag(tag.to_owned()));
            }
        }
    }
    Ok(Some(Tags::These(found)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(name: HeaderName, value: &'static str) -> Result<Conditions, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        Conditions::from_headers(&headers)
    }

    #[test]
    fn the_digests_for_a_write_are_the_strong_tags_of_digests() {
        let digest = EntityTag::digest(&[0xab; 32]).0;
        let cases = [
            (digest.clone(), Some(vec![[0xab; 32]])),
            (format!("\"7\", {digest}"), Some(vec![[0xab; 32]])),
            (format!("W/{digest}"), Some(Vec::new())),
            ("\"7\"".to_owned(), Some(Vec::new())),
            ("*".to_owned(), None),
        ];
        for (value, digests) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(IF_MATCH, value.parse().expect("a header value"));
            let conditions = Conditions::from_headers(&headers).expect("well formed");
            assert_eq!(conditions.digests(), digests, "{value}");
        }
        assert_eq!(Conditions::default().digests(), None);
    }

    #[test]
    fn a_tag_without_quotes_is_refused_with_what_would_be_right() {
        for bad in ["7", "\"7", "\"7\" \"8\"", ""] {
            let problem = conditions(IF_MATCH, bad).expect_err(bad);
            assert!(format!("{problem:?}").contains("double quotes"), "{problem:?}");
        }
    }

    #[test]
    fn if_none_match_star_creates_only_and_a_tag_saves_a_transfer() {
        assert!(conditions(IF_NONE_MATCH, "*").expect("well formed").only_create());
        let seen = conditions(IF_NONE_MATCH, "W/\"7\"").expect("well formed");
        assert!(seen.has(&EntityTag::revision(7)) && !seen.only_create());
        assert!(!seen.has(&EntityTag::revision(8)));
    }

    #[test]
    fn the_revision_for_a_write_is_the_one_tag() {
        assert_eq!(
            conditions(IF_MATCH, "\"7\"").expect("well formed").revision().expect("one"),
            Some(7)
        );
        assert_eq!(Conditions::default().revision().expect("none"), None);
        assert!(conditions(IF_MATCH, "\"7\", \"8\"").expect("well formed").revision().is_err());
        let digest = EntityTag::digest(&[0xab; 32]);
        assert_eq!(digest.header().len(), 45);
        assert_eq!(digest.as_digest(), Some([0xab; 32]));
        assert_eq!(EntityTag::revision(7).as_digest(), None);
    }
}
