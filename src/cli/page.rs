//! What the two ports of this program have in common to which a browser comes: the query it brings, and the one page that it
//! is shown, a sentence.

/// What a browser brings after the `?`.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads it; nothing where it is longer than any that is sent here.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let pairs = || url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        (text.len() <= QUERY_BYTES_MAX).then(|| Self(pairs()))
    }

    /// The parameter of this name. One that stands there twice is none (RFC 6749 §3.1).
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(key, _)| key == name);
        let (_, value) = found.next()?;
        found.next().is_none().then_some(value)
    }

    /// How many parameters there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }
}

/// Kept by nobody, framed by nobody, and it runs nothing.
pub(super) const HEADERS: [(&str, &str); 5] = [
    ("content-type", "text/html; charset=utf-8"),
    ("cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    (
        "content-security-policy",
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    ),
];

/// The page that says this; the words are our own.
pub(super) fn page(words: &str) -> String {
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Weft</title>\
         <meta name=viewport content='width=device-width'>\
         <style>body{{font:1.1rem/1.5 system-ui;color-scheme:light dark;margin:20vh auto;max-width:30em;padding:0 1em}}</style>\
         <h1>Weft</h1><p>{words}</p></html>"
    )
}

/// A code, a state and an issuer are some hundred bytes; servers stop at 8 KiB.
const QUERY_BYTES_MAX: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_counts_where_it_stands_once_in_a_query_of_bounded_length() {
        let query = Query::parse("a=1&b=%20x&c=1&c=2&d").unwrap();
        let found = ["a", "b", "c", "d", "e"].map(|name| query.one(name));
        assert_eq!((found, query.count()), ([Some("1"), Some(" x"), None, Some(""), None], 5));
        assert_eq!(Query::parse("").unwrap().count(), 0);
        assert!(Query::parse(&"a".repeat(QUERY_BYTES_MAX)).is_some());
        assert!(Query::parse(&"a".repeat(QUERY_BYTES_MAX + 1)).is_none());
    }
}
