//! Who is contained, as pages: the list, and the forms that contain and release.

use askama::Template;

use super::{Choice, Nav, Tab};
use crate::http::pages::{Flaws, Look};

/// Everybody who is contained.
#[derive(Debug, Template)]
#[template(path = "admin/contained.html")]
pub struct ContainedPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// True if this person may contain somebody.
    pub may: bool,
    /// Who, by name.
    pub contained: Vec<ContainedLine>,
    /// Where more are.
    pub next: Option<String>,
    /// Where the first are, if this is another page.
    pub first: Option<String>,
}

/// Somebody who is contained.
#[derive(Debug, Clone)]
pub struct ContainedLine {
    /// What a containment calls them.
    pub subject: String,
    /// What people call them, if that is something else.
    pub name: Option<String>,
    /// Their page.
    pub href: Option<String>,
    /// What sort of subject they are.
    pub kind: String,
    /// Why.
    pub reason: String,
    /// Who said so, and how long ago.
    pub by: String,
    /// When that was, for programs.
    pub exactly: String,
    /// How long it still lasts.
    pub until: String,
    /// The form that releases them, where this person may.
    pub release: Option<String>,
}

/// Whom, why, for how long?
#[derive(Debug, Template)]
#[template(path = "admin/contain.html")]
pub struct ContainPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
    /// Whom, as typed.
    pub subject: String,
    /// Why, as typed.
    pub reason: String,
    /// For how long.
    pub spans: Vec<Choice>,
}

/// Release them?
#[derive(Debug, Template)]
#[template(path = "admin/release.html")]
pub struct ReleasePage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
    /// What a containment calls them.
    pub subject: String,
    /// What people call them.
    pub name: String,
    /// Why, as typed.
    pub reason: String,
}
