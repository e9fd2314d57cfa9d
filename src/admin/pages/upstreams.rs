//! The providers that people come through, as pages.

use askama::Template;

use super::{Badge, Choice, FactLine, Nav, Tab};
use crate::http::pages::{Flaws, Look};

/// Every provider.
#[derive(Debug, Template)]
#[template(path = "admin/upstreams.html")]
pub struct UpstreamsPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// True if this person may make one.
    pub may: bool,
    /// By name.
    pub upstreams: Vec<UpstreamLine>,
}

/// A provider in a list.
#[derive(Debug, Clone)]
pub struct UpstreamLine {
    /// Its page.
    pub href: String,
    /// What people read on the button.
    pub name: String,
    /// Whether it is on.
    pub badge: Badge,
    /// Its id.
    pub id: String,
    /// Who signs.
    pub issuer: String,
}

/// One provider.
#[derive(Debug, Template)]
#[template(path = "admin/upstream.html")]
pub struct UpstreamPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// What people read on the button.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Whether it is on.
    pub badge: Badge,
    /// True if this person may change it.
    pub may_change: bool,
    /// True if this person may try it.
    pub may_test: bool,
    /// What to register there, and what is kept here.
    pub facts: Vec<FactLine>,
    /// What it says.
    pub settings: Vec<FactLine>,
}

/// The form of a provider.
#[derive(Debug, Template)]
#[template(path = "admin/upstream_form.html")]
pub struct UpstreamFormPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
    /// What it is called; nothing for a new one.
    pub name: Option<String>,
    /// Where it is sent.
    pub action: String,
    /// Where one goes who changes their mind.
    pub back: String,
    /// The state of it that this page shows; nothing for a new one.
    pub revision: Option<String>,
    /// What can be said.
    pub fields: Vec<FieldLine>,
}

/// Something that can be said in a form.
#[derive(Debug, Clone)]
pub struct FieldLine {
    /// Its `name` and id.
    pub name: &'static str,
    /// What it is called.
    pub label: String,
    /// What helps to fill it.
    pub hint: Option<String>,
    /// True if it must be said.
    pub required: bool,
    /// How it is said.
    pub input: Input,
}

/// How something is said in a form.
#[derive(Debug, Clone)]
pub enum Input {
    /// A line.
    Line(String),
    /// Several.
    Lines(String),
    /// Yes or no.
    Switch(bool),
    /// One of these.
    Choice(Vec<Choice>),
    /// Typed, and never shown.
    Secret,
}

/// A provider is tried.
#[derive(Debug, Template)]
#[template(path = "admin/upstream_test.html")]
pub struct UpstreamTestPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// What people read on the button.
    pub name: String,
    /// Its id.
    pub id: String,
    /// What is wrong with the connection or with what was typed.
    pub wrong: Option<String>,
    /// The ids of the provider's keys, if it was just asked.
    pub keys: Option<String>,
    /// Where a browser brings claims from, and where they are shown then.
    pub browser: Option<(String, String)>,
    /// True if nobody has brought the claims yet.
    pub waits: bool,
    /// What came of it.
    pub outcome: Option<TestLines>,
    /// What was typed.
    pub claims: String,
}

/// Claims, and what is made of them.
#[derive(Debug, Clone)]
pub struct TestLines {
    /// As they came.
    pub claims: String,
    /// What the mapping makes of them.
    pub facts: Vec<FactLine>,
    /// What was left out, and why.
    pub notes: Vec<String>,
    /// What would happen to somebody who comes with them.
    pub verdict: String,
}
