//! Selectors: `type:value` facts that attestors find and registration entries ask for.

use std::fmt;
use std::sync::Arc;

use super::limits::SELECTOR_BYTES_MAX;

/// One attested fact, such as `unix:uid:1000` (type `unix`, value `uid:1000`). Ordered by type, then value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Selector {
    kind: Arc<str>,
    value: Arc<str>,
}

/// Why a text is not a selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// No colon, or nothing on one side of it.
    #[error("a selector has the form `type:value`, neither side empty")]
    Form,
    /// The type holds a colon: it could be read two ways.
    #[error("a selector's type holds no colon")]
    Colon,
    /// Type or value too long.
    #[error("a selector's type and value have at most {SELECTOR_BYTES_MAX} bytes each")]
    TooLong,
}

impl Selector {
    /// From its two parts.
    pub fn new(kind: &str, value: &str) -> Result<Self, SelectorError> {
        if kind.is_empty() || value.is_empty() {
            return Err(SelectorError::Form);
        }
        if kind.contains(':') {
            return Err(SelectorError::Colon);
        }
        if kind.len() > SELECTOR_BYTES_MAX || value.len() > SELECTOR_BYTES_MAX {
            return Err(SelectorError::TooLong);
        }
        Ok(Self { kind: Arc::from(kind), value: Arc::from(value) })
    }

    /// Parses `type:value`; the value may hold further colons.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let (kind, value) = text.split_once(':').ok_or(SelectorError::Form)?;
        Self::new(kind, value)
    }

    /// The part before the first colon.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The part after the first colon.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_splits_at_the_first_colon() {
        let selector = Selector::parse("unix:uid:1000").unwrap();
        assert_eq!((selector.kind(), selector.value()), ("unix", "uid:1000"));
        assert_eq!(selector.to_string(), "unix:uid:1000");
        for bad in ["unix", "unix:", ":uid", ""] {
            assert_eq!(Selector::parse(bad), Err(SelectorError::Form), "{bad}");
        }
        assert_eq!(Selector::new("a:b", "c"), Err(SelectorError::Colon));
    }
}
