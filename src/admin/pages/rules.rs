//! What was decided, by which policies, and what they would say, as pages.

use askama::Template;

use super::{Badge, Choice, FactLine, Nav, Tab};
use crate::http::pages::Look;

/// What was decided.
#[derive(Debug, Template)]
#[template(path = "admin/decisions.html")]
pub struct DecisionsPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// About whom.
    pub about: String,
    /// True if nobody is called so.
    pub unknown: bool,
    /// What decisions are about.
    pub kinds: Vec<Choice>,
    /// How they went.
    pub effects: Vec<Choice>,
    /// Since when.
    pub spans: Vec<Choice>,
    /// Those that were found, newest first.
    pub decisions: Vec<DecisionLine>,
    /// Where older ones are.
    pub next: Option<String>,
    /// Where the newest are, if this is another page.
    pub first: Option<String>,
}

/// A decision.
#[derive(Debug, Clone)]
pub struct DecisionLine {
    /// Its page.
    pub href: String,
    /// What was asked for.
    pub what: String,
    /// How it went.
    pub badge: Badge,
    /// For whom.
    pub who: Option<String>,
    /// Why, if it was refused.
    pub why: Option<String>,
    /// When.
    pub when: String,
    /// When, for programs.
    pub exactly: String,
}

/// One decision.
#[derive(Debug, Template)]
#[template(path = "admin/decision.html")]
pub struct DecisionPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// The decision.
    pub line: DecisionLine,
    /// Its id.
    pub id: String,
    /// The version of the policies that decided it, and whether they still do.
    pub policy: Option<(String, String)>,
    /// The device whose posture it went by.
    pub device: Option<String>,
    /// The rules that refused it, as they are now: their policies and their texts.
    pub rules: Vec<(String, String)>,
    /// How often the same was refused before, since it went on record last.
    pub again: Option<usize>,
    /// Everything that is on record.
    pub facts: Vec<FactLine>,
}

/// Every policy.
#[derive(Debug, Template)]
#[template(path = "admin/policies.html")]
pub struct PoliciesPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// The policies in force, by name.
    pub policies: Vec<PolicyLine>,
}

/// A policy in a list.
#[derive(Debug, Clone)]
pub struct PolicyLine {
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub origin: String,
    /// How long it is.
    pub lines: usize,
    /// The beginning of its digest.
    pub digest: String,
}

/// One policy.
#[derive(Debug, Template)]
#[template(path = "admin/policy.html")]
pub struct PolicyPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub origin: String,
    /// The beginning of its digest.
    pub digest: String,
    /// Its text in force.
    pub lines: Vec<String>,
    /// What it was; nothing where this person may not read that.
    pub past: Option<Vec<PastLine>>,
    /// The text to be checked.
    pub text: String,
    /// What is wrong with it.
    pub flaws: Vec<FlawLine>,
    /// That nothing is.
    pub good: Option<String>,
    /// What it would have made of the decisions on record, if that was asked.
    pub replayed: Option<ReplayedLines>,
    /// True if this person may ask that.
    pub may_replay: bool,
}

/// What another text would have made of the decisions on record.
#[derive(Debug, Clone)]
pub struct ReplayedLines {
    /// How many were asked again, and how many would have gone the other way.
    pub words: String,
    /// Some that were allowed and would have been refused, and some that were refused and would have been allowed: what they
    /// have in common, and each.
    pub parts: Vec<(String, Vec<DecisionLine>)>,
}

/// A change of a policy.
#[derive(Debug, Clone)]
pub struct PastLine {
    /// What was done.
    pub what: String,
    /// By whom.
    pub by: String,
    /// When.
    pub when: String,
    /// When, for programs.
    pub exactly: String,
    /// The beginning of the digest of the text since then.
    pub digest: Option<String>,
    /// That text; or the one that was removed.
    pub text: String,
}

/// Something wrong with a text.
#[derive(Debug, Clone)]
pub struct FlawLine {
    /// Line and column; empty where it has no place.
    pub at: String,
    /// What it is.
    pub words: String,
}

/// A question that nobody asked.
#[derive(Debug, Template)]
#[template(path = "admin/what_if.html")]
pub struct WhatIfPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// The actions there are.
    pub actions: Vec<String>,
    /// The action.
    pub action: String,
    /// Who asks.
    pub principal: String,
    /// On what.
    pub resource: String,
    /// Facts, as JSON.
    pub context: String,
    /// Levels that the device may be of.
    pub levels: Vec<Choice>,
    /// The score of the device.
    pub score: String,
    /// What is wrong with the question.
    pub wrong: Option<String>,
    /// What the policies say.
    pub answer: Option<AnswerLine>,
}

/// What the policies say.
#[derive(Debug, Clone)]
pub struct AnswerLine {
    /// The answer.
    pub badge: Badge,
    /// More about it.
    pub words: String,
    /// What the principal holds here.
    pub holds: String,
    /// The rules that decided: id and text.
    pub decided_by: Vec<(String, String)>,
    /// Every rule that was looked at.
    pub considered: Vec<String>,
}
