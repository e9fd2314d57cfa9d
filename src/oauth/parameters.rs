//! Parameters of a request as they came: by name, each once (RFC 6749 §3.1), `resource` as often as it likes (RFC 8707 §2).

use std::fmt;

/// Names and values, decoded. A value that is empty counts as not sent (RFC 6749 §3.1).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(String, String)>);

/// A parameter stands there twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twice(pub String);

impl Parameters {
    /// Those of a query or of a form body.
    pub fn of(encoded: &[u8]) -> Self {
        let pairs = url::form_urlencoded::parse(encoded);
        let pairs = pairs.filter(|(_, value)| !value.is_empty());
        Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// In the form they came in.
    pub fn encoded(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.0);
        query.finish()
    }

    /// The value of this name; an error if it was sent twice.
    pub fn one(&self, name: &str) -> Result<Option<&str>, Twice> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Twice(name.to_owned())),
            (value, None) => Ok(value),
        }
    }

    /// All values of this name, in order.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(said, _)| said == name).map(|(_, value)| value.as_str())
    }

    /// The first name among these that was sent twice.
    pub fn twice(&self, names: &[&'static str]) -> Option<&'static str> {
        names.iter().find(|name| self.all(name).nth(1).is_some()).copied()
    }
}

/// Names alone: values may be secrets.
impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// The words of a list that stands between spaces.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}
