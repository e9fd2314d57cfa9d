//! The pages of the console, as typed structs over `templates/admin/`. Names of fields and ids are an interface:
//! `docs/reference/pages.md`.

mod contained;
mod rules;
mod undelivered;
mod upstreams;

use askama::Template;

pub use contained::{ContainPage, ContainedLine, ContainedPage, ReleasePage};
pub use rules::{
    AnswerLine, DecisionLine, DecisionPage, DecisionsPage, FlawLine, PastLine, PoliciesPage,
    PolicyLine, PolicyPage, ReplayedLines, WhatIfPage,
};

pub use undelivered::{UndeliveredLine, UndeliveredPage};
pub use upstreams::{
    FieldLine, Input, TestLines, UpstreamFormPage, UpstreamLine, UpstreamPage, UpstreamTestPage,
    UpstreamsPage,
};

use super::Chart;
use crate::account::posture_words::Tone;
use crate::http::pages::{Flaws, Look};

/// What the pages of the console have in common.
#[derive(Debug, Clone)]
pub struct Nav<'a> {
    /// Who looks.
    pub person: &'a str,
    /// The part of the console that is open.
    pub current: Tab,
    /// What was just done, to be read first.
    pub done: Option<String>,
}

/// A part of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    /// The devices.
    Fleet,
    /// Who is contained.
    Contained,
    /// What was decided.
    Decisions,
    /// By which policies.
    Policies,
    /// What they would say.
    WhatIf,
    /// The providers that people come through.
    Upstreams,
    /// What was not delivered yet.
    Undelivered,
}

/// Every device.
#[derive(Debug, Template)]
#[template(path = "admin/fleet.html")]
pub struct FleetPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// How many stand where.
    pub tiles: Vec<Tile>,
    /// What was looked for.
    pub text: String,
    /// Only those that stand here.
    pub place: Option<&'static str>,
    /// The orders there are: the word in the query, what it is called, whether it is this one.
    pub orders: Vec<(&'static str, String, bool)>,
    /// How many were found.
    pub found: usize,
    /// Those on this page.
    pub devices: Vec<DeviceLine>,
    /// Where the next page is.
    pub next: Option<String>,
    /// Where the first page is, if this is another one.
    pub first: Option<String>,
    /// True if the realm has no device at all.
    pub none_at_all: bool,
    /// Where a device finds this server.
    pub server: String,
}

/// How many stand in one place.
#[derive(Debug, Clone)]
pub struct Tile {
    /// The id of the element.
    pub id: &'static str,
    /// Which place.
    pub name: String,
    /// How many.
    pub count: usize,
    /// How it looks.
    pub tone: Tone,
    /// Where those are listed; where this is listed already, where all are.
    pub href: String,
    /// True if only these are listed.
    pub current: bool,
}

/// A short word about how something stands.
#[derive(Debug, Clone)]
pub struct Badge {
    /// What it says.
    pub text: String,
    /// How it looks.
    pub tone: Tone,
}

/// A device in a list.
#[derive(Debug, Clone)]
pub struct DeviceLine {
    /// Its page.
    pub href: String,
    /// What it calls itself.
    pub name: String,
    /// Where it stands.
    pub badge: Badge,
    /// Its score, in points.
    pub score: Option<String>,
    /// What it says it runs, and what sort of machine it is.
    pub kind: String,
    /// Whose it is.
    pub owner: Option<String>,
    /// What hurts most.
    pub reason: Option<String>,
    /// When it reported last.
    pub reported: String,
}

/// One device.
#[derive(Debug, Template)]
#[template(path = "admin/device.html")]
pub struct DevicePage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// What it calls itself.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub badge: Badge,
    /// Its score, in points.
    pub score: Option<String>,
    /// Why it is locked or retired, as somebody said.
    pub put_out: Option<String>,
    /// What may be done to it by this person: the verb, what the button says.
    pub verbs: Vec<(Verb, String)>,
    /// True if somebody has to approve it.
    pub waits: bool,
    /// What is known of it.
    pub facts: Vec<FactLine>,
    /// Its posture; nothing where it never reported.
    pub posture: Option<Posture>,
    /// Who reports on it.
    pub sources: Vec<SourceLine>,
    /// What hangs off it.
    pub credentials: Vec<CredentialLine>,
    /// What was decided anew because of it; nothing where this person may not read that.
    pub anew: Option<Vec<DecisionLine>>,
    /// What happened to it lately; nothing where this person may not read that.
    pub events: Option<Vec<EventLine>>,
}

/// What is known of something.
#[derive(Debug, Clone)]
pub struct FactLine {
    /// What.
    pub name: String,
    /// What it is.
    pub value: String,
    /// True for what is written from left to right in every language.
    pub code: bool,
}

/// What a device reported, and what is made of it.
#[derive(Debug, Clone)]
pub struct Posture {
    /// The score over time.
    pub chart: Option<Chart>,
    /// Where in it each level begins, and what that is called.
    pub limits: Vec<(i64, String)>,
    /// The same in a sentence.
    pub chart_words: String,
    /// How long ago the picture begins.
    pub chart_from: String,
    /// Where the level changed: how long ago, exactly when, the score, the level.
    pub steps: Vec<(String, String, String, String)>,
    /// What caps the score.
    pub gates: Vec<String>,
    /// What to do, what helps most first.
    pub fixes: Vec<FixLine>,
    /// Each signal, what takes most first.
    pub signals: Vec<SignalLine>,
}

/// Something to do, and what it brings.
#[derive(Debug, Clone)]
pub struct FixLine {
    /// What it is about.
    pub name: String,
    /// What to do.
    pub words: String,
    /// What it brings.
    pub gain: String,
    /// What keeps it from bringing that.
    pub held: Option<String>,
}

/// What one signal does to a score.
#[derive(Debug, Clone)]
pub struct SignalLine {
    /// The signal's own name.
    pub id: String,
    /// What it is about.
    pub name: String,
    /// How it stands.
    pub badge: Badge,
    /// What it takes, in points.
    pub loss: String,
    /// What was seen.
    pub seen: String,
    /// Who says so, and how long ago.
    pub source: String,
    /// The evidence.
    pub evidence: Option<String>,
}

/// Somebody who reports on a device.
#[derive(Debug, Clone)]
pub struct SourceLine {
    /// Who.
    pub name: String,
    /// How hard what they say is to fake, and how many signals they speak of.
    pub words: String,
    /// How long ago.
    pub when: String,
    /// When, for programs.
    pub exactly: String,
}

/// A credential that hangs off a device.
#[derive(Debug, Clone)]
pub struct CredentialLine {
    /// What it is.
    pub what: String,
    /// Which.
    pub which: String,
    /// Until when.
    pub until: String,
}

/// Something that happened.
#[derive(Debug, Clone)]
pub struct EventLine {
    /// What.
    pub kind: String,
    /// More about it.
    pub more: Option<String>,
    /// When.
    pub when: String,
    /// When, for programs.
    pub exactly: String,
}

/// What can be done to a device. Each is confirmed on a page of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Let it in: its owner asked for it.
    Approve,
    /// Give it nothing for a while.
    Contain,
    /// Give to it again before that is over.
    EndContainment,
    /// Refuse it everywhere.
    Lock,
    /// Let it call again.
    Release,
    /// Put it out for good.
    Retire,
}

/// Really?
#[derive(Debug, Template)]
#[template(path = "admin/confirm.html")]
pub struct ConfirmPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// What is wrong with what was sent.
    pub flaws: &'a Flaws,
    /// What is to be done.
    pub verb: Verb,
    /// To which device.
    pub id: String,
    /// What it calls itself.
    pub name: String,
    /// The state of it that this page shows.
    pub revision: i64,
    /// For how long, of a containment.
    pub spans: Vec<Choice>,
    /// What was typed.
    pub reason: String,
}

/// A choice of a form: the word in the query, what it is called, whether it is this one.
pub type Choice = (&'static str, String, bool);

/// Not for this person.
#[derive(Debug, Template)]
#[template(path = "admin/refused.html")]
pub struct RefusedPage<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// Where one is.
    pub nav: Nav<'a>,
    /// Why, as policy says.
    pub reason: String,
    /// The roles they hold here.
    pub roles: Vec<String>,
    /// The command that gives one.
    pub command: String,
}

impl<'a> Nav<'a> {
    /// On this page, with nothing done.
    pub const fn on(person: &'a str, current: Tab) -> Self {
        Self { person, current, done: None }
    }
}

impl Tab {
    /// Those that are served, in their order on the page.
    pub const ALL: [Self; 7] = [
        Self::Fleet,
        Self::Contained,
        Self::Decisions,
        Self::Policies,
        Self::WhatIf,
        Self::Upstreams,
        Self::Undelivered,
    ];

    /// Where it is.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Fleet => "/admin/devices",
            Self::Contained => "/admin/contained",
            Self::Decisions => "/admin/decisions",
            Self::Policies => "/admin/policies",
            Self::WhatIf => "/admin/what-if",
            Self::Upstreams => "/admin/upstreams",
            Self::Undelivered => "/admin/undelivered",
        }
    }

    pub(super) fn text(self) -> &'static str {
        let text_key = |key| key;
        match self {
            Self::Fleet => text_key("admin-tab-fleet"),
            Self::Contained => text_key("admin-tab-contained"),
            Self::Decisions => text_key("admin-tab-decisions"),
            Self::Policies => text_key("admin-tab-policies"),
            Self::WhatIf => text_key("admin-tab-what-if"),
            Self::Upstreams => text_key("admin-tab-upstreams"),
            Self::Undelivered => text_key("admin-tab-undelivered"),
        }
    }
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Approve,
        Self::Contain,
        Self::EndContainment,
        Self::Lock,
        Self::Release,
        Self::Retire,
    ];

    /// The segment of the path.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Contain => "contain",
            Self::EndContainment => "end-containment",
            Self::Lock => "lock",
            Self::Release => "release",
            Self::Retire => "retire",
        }
    }

    /// Reads the segment.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.as_str() == text)
    }

    /// What the button says.
    pub fn button(self, look: &Look) -> String {
        match self {
            Self::Approve => look.say("admin-approve"),
            Self::Contain => look.say("admin-contain"),
            Self::EndContainment => look.say("admin-end-containment"),
            Self::Lock => look.say("admin-lock"),
            Self::Release => look.say("admin-release"),
            Self::Retire => look.say("admin-retire"),
        }
    }

    fn title(self, look: &Look, name: &str) -> String {
        match self {
            Self::Approve => look.say1("admin-approve-title", "name", name),
            Self::Contain => look.say1("admin-contain-title", "name", name),
            Self::EndContainment => look.say1("admin-end-containment-title", "name", name),
            Self::Lock => look.say1("admin-lock-title", "name", name),
            Self::Release => look.say1("admin-release-title", "name", name),
            Self::Retire => look.say1("admin-retire-title", "name", name),
        }
    }

    fn words(self, look: &Look) -> String {
        match self {
            Self::Approve => look.say("admin-approve-words"),
            Self::Contain => look.say("admin-contain-words"),
            Self::EndContainment => look.say("admin-end-containment-words"),
            Self::Lock => look.say("admin-lock-words"),
            Self::Release => look.say("admin-release-words"),
            Self::Retire => look.say("admin-retire-words"),
        }
    }

    /// True for what takes something away.
    pub const fn is_grave(self) -> bool {
        matches!(self, Self::Contain | Self::Lock | Self::Retire)
    }
}

impl RefusedPage<'_> {
    fn held(&self) -> String {
        self.roles.join(", ")
    }
}
