//! What is wrong with a policy text, each with its place.

use std::fmt;
use std::sync::Arc;

use miette::Diagnostic;

use crate::kernel::Fault;

/// Why a policy text cannot be used: everything that is wrong with it, in the order of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// At least one.
    pub flaws: Arc<[Flaw]>,
}

/// One thing that is wrong, and where: both counted from one, in characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flaw {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// What it is.
    pub what: What,
}

/// What can be wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum What {
    /// It is not Cedar.
    #[error("not a Cedar policy: {0}")]
    Syntax(Arc<str>),
    /// It does not fit the published schema.
    #[error("does not fit the schema: {0}")]
    Schema(Arc<str>),
    /// Two policies have one id.
    #[error("the id `{0}` is used twice")]
    Twice(Arc<str>),
    /// An annotation has a value that it cannot have, or is on a policy that it cannot be on.
    #[error("annotation `@{name}`: {why}")]
    Annotation {
        /// Which.
        name: &'static str,
        /// What would be right.
        why: &'static str,
    },
    /// A template: nothing links it.
    #[error("templates cannot be used: write the policy out")]
    Template,
}

impl PolicyError {
    /// What Cedar found in this text.
    pub(super) fn found<'e, E: Diagnostic + 'e>(
        text: &str,
        errors: impl Iterator<Item = &'e E>,
        what: fn(Arc<str>) -> What,
    ) -> Self {
        let flaw = |error: &E| {
            let label = error.labels().and_then(|mut labels| labels.next());
            let (line, column) = place(text, label.map_or(0, |label| label.offset()));
            let help = error.help().map_or_else(String::new, |help| format!(" ({help})"));
            Flaw { line, column, what: what(Arc::from(format!("{error}{help}"))) }
        };
        let mut flaws: Vec<Flaw> = errors.map(flaw).collect();
        flaws.sort();
        flaws.dedup();
        Self { flaws: Arc::from(flaws) }
    }

    /// What we found ourselves, at the place where the text first has one of these marks.
    pub(super) fn at(text: &str, marks: &[&str], what: What) -> Self {
        let offset = marks.iter().find_map(|mark| text.find(mark)).unwrap_or(0);
        Self::one(text, offset, what)
    }

    /// The second time that the text has this mark.
    pub(super) fn again(text: &str, mark: &str, what: What) -> Self {
        Self::one(text, text.match_indices(mark).nth(1).map_or(0, |(at, _)| at), what)
    }

    fn one(text: &str, offset: usize, what: What) -> Self {
        let (line, column) = place(text, offset);
        Self { flaws: Arc::from([Flaw { line, column, what }]) }
    }
}

/// Line and column of a byte.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.what)
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, flaw) in self.flaws.iter().enumerate() {
            write!(f, "{}{flaw}", if n == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyError {}

impl From<PolicyError> for Fault {
    fn from(error: PolicyError) -> Self {
        Self::malformed("policy", error)
    }
}
