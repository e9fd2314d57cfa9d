//! What was not delivered yet, as a page.

use askama::Template;

use super::{Badge, Nav, Tab};
use crate::http::pages::Look;

/// Letters and logout notices that wait.
#[derive(Debug, Template)]
#[template(path = "admin/undelivered.html")]
pub struct UndeliveredPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// True if this person may have one tried again.
    pub may: bool,
    /// Those on this page.
    pub deliveries: Vec<UndeliveredLine>,
    /// Where the next page is.
    pub next: Option<String>,
    /// Where the first page is, if this is another one.
    pub first: Option<String>,
}

/// One of them.
#[derive(Debug, Clone)]
pub struct UndeliveredLine {
    /// Its id.
    pub id: String,
    /// What it is.
    pub what: String,
    /// The client that it is for.
    pub client: Option<String>,
    /// How it stands.
    pub badge: Badge,
    /// Since when, and how often it was tried.
    pub tries: String,
    /// Since when, for programs.
    pub exactly: String,
    /// When it is tried next.
    pub next: Option<String>,
    /// What was wrong with the last try.
    pub error: Option<String>,
}
