//! Why a workload gets no identity: what its agent attested, the nearest entries, what is missing, and how old the
//! agent's view is.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use super::index::{Filter, Index, Node, is_alias, is_subset};
use super::issue_x509::evidence;
use super::model::{Entry, Error};
use super::rights::ExplainEntry;
use super::{View, Workloads};
use crate::access::Asker;
use crate::db::Cursor;
use crate::kernel::limits::SELECTORS_MAX;
use crate::kernel::{
    EntryId, Failure, RealmId, Selector, Situation, SpiffeId, SubjectId, Timestamp,
};
use crate::nodes::Agent;

/// A question about a workload that gets no identity, or not the one that was expected.
#[derive(Debug, Clone)]
pub struct Explain {
    /// In which realm.
    pub realm: RealmId,
    /// Who asks, as policies see it.
    pub by: Asker,
    /// The agent on the workload's node.
    pub agent: Option<SpiffeId>,
    /// What the agent attested of the workload.
    pub selectors: Vec<Selector>,
    /// The entry that should match.
    pub entry: Option<EntryId>,
    /// The identity that was expected.
    pub spiffe_id: Option<SpiffeId>,
}

/// The answer.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// What is known of the agent.
    pub agent: AgentState,
    /// The entries that do give the workload an identity.
    pub given: Vec<Arc<Entry>>,
    /// Those that come nearest and do not, the nearest first.
    pub near: Vec<Near>,
    /// How many entries were compared.
    pub compared: usize,
}

/// The agent, as the server sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentState {
    /// The question names none: an entry counts if any agent may use it.
    NotAsked,
    /// Not attested here, or evicted.
    Unknown(SpiffeId),
    /// Banned.
    Banned(SpiffeId),
    /// Its SVID has ended, so it cannot ask for anything.
    Expired(SpiffeId, Timestamp),
    /// Attested.
    Known {
        /// Its ID.
        id: SpiffeId,
        /// The selectors of its node, which aliases compare with.
        selectors: Vec<Selector>,
        /// How far it has come, if this server heard from it since its start.
        view: Option<View>,
        /// The newest revision there is.
        head: Option<Cursor>,
        /// Whether it is connected to this server by a stream.
        connected: bool,
    },
}

/// An entry that does not give the workload an identity, and why.
#[derive(Debug, Clone)]
pub struct Near {
    /// The entry.
    pub entry: Arc<Entry>,
    /// Why not: at least one reason.
    pub reasons: Vec<Reason>,
}

/// Why an entry does not give a workload an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The workload did not show these.
    Missing(Vec<Selector>),
    /// Its time is over.
    Expired(Timestamp),
    /// The agent is not authorised for it: this is its parent.
    OtherParent(SpiffeId),
    /// It is an alias of nodes, and this node lacks these.
    OtherNode(Vec<Selector>),
    /// Its SVID goes into a store and is not served to workloads.
    Stored,
    /// Everything matches, and the policy refuses to issue the X.509-SVID: in its words.
    Denied(String),
}

impl Workloads {
    /// Says why. The right is asked for by the SPIFFE ID asked about, else for the whole realm; `NotFound` for an entry
    /// that is not there.
    pub fn explain(&self, mut ask: Explain) -> Result<Explanation, Error> {
        let home = self.home(ask.realm)?.id();
        let named = match &ask.entry {
            Some(id) => Some(self.show(ask.realm, &ask.by, id)?),
            None => None,
        };
        let about = named.as_ref().map(|entry| &entry.terms.spiffe_id).or(ask.spiffe_id.as_ref());
        let spiffe_id = about.unwrap_or(&home);
        let action = ExplainEntry { realm: ask.realm, by: &ask.by, spiffe_id };
        let _explain = self.access.permit(action)?.spend();
        if ask.selectors.len() > SELECTORS_MAX {
            return Err(Error::invalid("selectors", format!("at most {SELECTORS_MAX}")));
        }
        ask.selectors.sort();
        ask.selectors.dedup();
        let now = self.env.clock.now();
        let agent = self.agent_state(ask.realm, ask.agent.as_ref(), now);
        let anybody = match agent {
            AgentState::NotAsked => Some(self.anybody(ask.realm, now)),
            _ => None,
        };
        let (agents, questions) = (self.judged(ask.realm, &agent, now), Cell::new(QUESTIONS_MAX));
        let shown = &ask.selectors;
        let judge = Judge { agent: &agent, anybody, agents, questions, shown, now };
        let mut explanation =
            Explanation { agent: agent.clone(), given: Vec::new(), near: Vec::new(), compared: 0 };
        match named {
            Some(entry) => self.weigh(ask.realm, entry, &judge, &mut explanation),
            None => self.weigh_all(&ask, &judge, &mut explanation)?,
        }
        Ok(explanation)
    }

    fn agent_state(&self, realm: RealmId, agent: Option<&SpiffeId>, now: Timestamp) -> AgentState {
        let Some(id) = agent else { return AgentState::NotAsked };
        let Some(known) = self.nodes.agent(realm, id) else {
            return AgentState::Unknown(id.clone());
        };
        if known.banned {
            return AgentState::Banned(id.clone());
        }
        if known.current.expires <= now {
            return AgentState::Expired(id.clone(), known.current.expires);
        }
        let look =
            |realm: &super::push::Realm| (realm.revision(), realm.watching_from(id).is_some());
        let (head, connected) = self.read(realm, look).unwrap_or((None, false));
        let selectors = Node::of(&known).selectors;
        let view = self.view(realm, id);
        AgentState::Known { id: id.clone(), selectors, view, head, connected }
    }

    /// Every entry of that identity, or every one that shares a selector with what was shown.
    fn weigh_all(
        &self,
        ask: &Explain,
        judge: &Judge<'_>,
        explanation: &mut Explanation,
    ) -> Result<(), Error> {
        let filter = Filter { spiffe_id: ask.spiffe_id.clone(), ..Filter::default() };
        let mut after = None;
        loop {
            let look = |realm: &super::push::Realm| {
                realm.index.stretch(&filter, after.as_ref(), usize::MAX)
            };
            let stretch = self.read(ask.realm, look).ok_or(Error::Realm)?;
            for entry in stretch.found {
                let shares = |one: &Selector| judge.shown.binary_search(one).is_ok();
                if ask.spiffe_id.is_some() || entry.terms.selectors.iter().any(shares) {
                    self.weigh(ask.realm, entry, judge, explanation);
                }
            }
            after = stretch.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    fn weigh(
        &self,
        realm: RealmId,
        entry: Arc<Entry>,
        judge: &Judge<'_>,
        explanation: &mut Explanation,
    ) {
        explanation.compared = explanation.compared.saturating_add(1);
        let reasons = self.reasons(realm, &entry, judge);
        if reasons.is_empty() {
            if explanation.given.len() < NEAR_MAX {
                explanation.given.push(entry);
            }
            return;
        }
        let near = &mut explanation.near;
        near.push(Near { entry, reasons });
        near.sort_by_key(|near| (distance(&near.reasons), near.entry.id.clone()));
        near.truncate(NEAR_MAX);
    }

    fn reasons(&self, realm: RealmId, entry: &Arc<Entry>, judge: &Judge<'_>) -> Vec<Reason> {
        let terms = &entry.terms;
        let mut reasons = Vec::new();
        if let (true, Some(at)) = (entry.is_expired(judge.now), terms.expires_at) {
            reasons.push(Reason::Expired(at));
        }
        // An alias of nodes compares with the node, not with what runs there.
        if is_alias(entry) {
            if let AgentState::Known { selectors, .. } = judge.agent {
                let missing = missing(entry, selectors);
                if !missing.is_empty() {
                    reasons.push(Reason::OtherNode(missing));
                }
            }
        } else if self.is_elsewhere(realm, entry, judge) {
            reasons.push(Reason::OtherParent(terms.parent_id.clone()));
        }
        let missing = missing(entry, judge.shown);
        if !missing.is_empty() {
            reasons.push(Reason::Missing(missing));
        }
        if terms.store_svid {
            reasons.push(Reason::Stored);
        }
        // Asked last, and only where nothing else stands in the way: a refusal is news then.
        if reasons.is_empty() {
            reasons.extend(self.policy_says(realm, entry, judge));
        }
        reasons
    }

    /// Why no agent in question would be given this entry's X.509-SVID; nothing if one would, or if none comes to ask.
    fn policy_says(&self, realm: RealmId, entry: &Entry, judge: &Judge<'_>) -> Option<Reason> {
        let mut refusal = None;
        for agent in judge.agents.iter().filter(|agent| self.may_ask(realm, agent, entry, judge)) {
            judge.questions.set(judge.questions.get().checked_sub(1)?);
            let situation = self.situation_of(realm, agent);
            let evidence = evidence((agent, &situation), entry, judge.now);
            let question = self.x509_ask((realm, agent), entry, evidence);
            match self.access.explain(&question).and_then(|explained| explained.outcome) {
                Ok(_) => return None,
                Err(error) => refusal = Some(Failure::from(error).public.into_owned()),
            }
        }
        refusal.map(Reason::Denied)
    }

    /// Where an agent that holds a stream is; of others nobody knows before they call.
    fn situation_of(&self, realm: RealmId, agent: &Agent) -> Situation {
        let look = |realm: &super::push::Realm| realm.watching_from(&agent.id).cloned();
        self.read(realm, look).flatten().unwrap_or_default()
    }

    fn may_ask(&self, realm: RealmId, agent: &Agent, entry: &Entry, judge: &Judge<'_>) -> bool {
        let (node, now) = (Node::of(agent), judge.now);
        let look = |realm: &super::push::Realm| {
            realm.index.authorised_one(&node, &entry.id, now).is_some()
        };
        self.read(realm, look).unwrap_or(false)
    }

    /// The agents whose questions are put to the policy.
    fn judged(&self, realm: RealmId, state: &AgentState, now: Timestamp) -> Vec<Arc<Agent>> {
        match state {
            AgentState::Known { id, .. } => Vec::from_iter(self.nodes.agent(realm, id)),
            AgentState::NotAsked => {
                let live = |agent: &Arc<Agent>| !agent.banned && agent.current.expires > now;
                self.nodes.agents(realm).into_iter().filter(live).collect()
            }
            _ => Vec::new(),
        }
    }

    fn is_elsewhere(&self, realm: RealmId, entry: &Arc<Entry>, judge: &Judge<'_>) -> bool {
        if let Some(anybody) = &judge.anybody {
            let look = |realm: &super::push::Realm| !anybody.reaches(&realm.index, entry);
            return self.read(realm, look).unwrap_or(true);
        }
        let AgentState::Known { id, .. } = judge.agent else { return false };
        let Some(agent) = self.nodes.agent(realm, id) else { return true };
        // Before any expiry, so that an expired entry is not also called somebody else's.
        let (node, at) =
            (Node::of(&agent), judge.now.min(entry.terms.expires_at.unwrap_or(judge.now)));
        let at = Timestamp::from_micros(at.micros().saturating_sub(1));
        let look =
            |realm: &super::push::Realm| realm.index.authorised_one(&node, &entry.id, at).is_none();
        self.read(realm, look).unwrap_or(true)
    }
}

impl Workloads {
    /// The agent of this SPIFFE ID or number; `NotFound` for a number that no agent has.
    pub(super) fn agent_named(&self, realm: RealmId, text: &str) -> Result<SpiffeId, Error> {
        let Ok(number) = SubjectId::parse(text) else {
            return SpiffeId::parse(text).map_err(|error| {
                Error::invalid("agent", format!("is a SPIFFE ID or a number: {error}"))
            });
        };
        let agents = self.nodes.agents(realm);
        let found = agents.iter().find(|agent| agent.number == number);
        found.map(|agent| agent.id.clone()).ok_or_else(|| Error::NotFound { id: text.to_owned() })
    }

    /// The identities of the node entries that this agent's node matches.
    pub(super) fn aliases_of(&self, realm: RealmId, agent: &Agent) -> Vec<SpiffeId> {
        let node = Node::of(agent);
        let look = |realm: &super::push::Realm| {
            let aliases = realm.index.aliases_of(&node.selectors);
            aliases.map(|alias| alias.terms.spiffe_id.clone()).collect()
        };
        self.read(realm, look).unwrap_or_default()
    }

    /// True if an agent or an entry has this identity, so that entries under it can be reached at all.
    pub(super) fn is_parent(&self, realm: RealmId, id: &SpiffeId) -> bool {
        let by_entry = |realm: &super::push::Realm| realm.index.with_spiffe_id(id).next().is_some();
        self.nodes.agent(realm, id).is_some()
            || self.read(realm, by_entry).unwrap_or(false)
            || self.nodes.agents(realm).iter().any(|agent| agent.alias.as_ref() == Some(id))
    }

    /// Every agent that can ask for anything.
    fn anybody(&self, realm: RealmId, now: Timestamp) -> Anybody {
        let agents = self.nodes.agents(realm);
        let live = agents.iter().filter(|agent| !agent.banned && agent.current.expires > now);
        let nodes: Vec<Node> = live.map(|agent| Node::of(agent)).collect();
        let names = nodes.iter().flat_map(|node| [Some(node.id.clone()), node.alias.clone()]);
        Anybody { names: names.flatten().collect(), nodes, aliases: RefCell::default() }
    }
}

/// All agents at once: which entries does any of them reach.
struct Anybody {
    names: HashSet<SpiffeId>,
    nodes: Vec<Node>,
    /// Aliases that were judged already: many entries stand under one.
    aliases: RefCell<HashMap<EntryId, bool>>,
}

impl Anybody {
    fn reaches(&self, index: &Index, entry: &Arc<Entry>) -> bool {
        let roots = index.roots(entry);
        roots.parents.iter().any(|parent| self.names.contains(parent))
            || roots.aliases.iter().any(|alias| self.matches(alias))
    }

    fn matches(&self, alias: &Entry) -> bool {
        let judged = self.aliases.borrow().get(&alias.id).copied();
        judged.unwrap_or_else(|| {
            let wanted = &alias.terms.selectors;
            let any = self.nodes.iter().any(|node| is_subset(wanted, &node.selectors));
            self.aliases.borrow_mut().insert(alias.id.clone(), any);
            any
        })
    }
}

/// What entries are compared with.
struct Judge<'a> {
    agent: &'a AgentState,
    /// Where the question names no agent.
    anybody: Option<Anybody>,
    /// Who would ask for the SVID.
    agents: Vec<Arc<Agent>>,
    /// How many questions may still be put to the policy.
    questions: Cell<usize>,
    shown: &'a [Selector],
    now: Timestamp,
}

fn missing(entry: &Entry, shown: &[Selector]) -> Vec<Selector> {
    let lacks = |one: &&Selector| shown.binary_search(one).is_err();
    entry.terms.selectors.iter().filter(lacks).cloned().collect()
}

/// Fewer missing selectors are nearer; then what an administrator can mend in the entry itself.
fn distance(reasons: &[Reason]) -> usize {
    let one = |reason: &Reason| match reason {
        Reason::Missing(selectors) | Reason::OtherNode(selectors) => {
            selectors.len().saturating_mul(4)
        }
        Reason::OtherParent(_) => 2,
        Reason::Expired(_) | Reason::Stored | Reason::Denied(_) => 1,
    };
    reasons.iter().map(one).sum()
}

/// Questions to the policy in one explanation, some microseconds each; entries beyond that count as if it said yes.
const QUESTIONS_MAX: usize = 10_000;
/// More than a person reads.
pub(super) const NEAR_MAX: usize = 50;
/// As many as a sentence or two can hold.
const TOLD_MAX: usize = 5;

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(selectors) => write!(f, "the workload did not show {}", list(selectors)),
            Self::Expired(at) => write!(f, "the entry expired at {at}"),
            Self::OtherParent(parent) => {
                write!(f, "its parent is `{parent}`, which no agent in question is or stands under")
            }
            Self::OtherNode(selectors) => {
                write!(f, "it is an alias of nodes, and this node lacks {}", list(selectors))
            }
            Self::Stored => {
                f.write_str("its SVID goes into a store and is not served to workloads")
            }
            Self::Denied(words) => write!(f, "the policy refuses to issue it: {words}"),
        }
    }
}

fn list(selectors: &[Selector]) -> String {
    let quoted: Vec<_> = selectors.iter().map(|selector| format!("`{selector}`")).collect();
    quoted.join(", ")
}

impl Explanation {
    /// The same in plain words, a line a finding, the most telling first.
    pub fn words(&self, now: Timestamp) -> Vec<String> {
        let mut lines = self.agent.words(now);
        for entry in self.given.iter().take(TOLD_MAX) {
            let (id, named) = (&entry.terms.spiffe_id, &entry.id);
            lines.push(format!("entry `{named}` gives this workload `{id}`"));
        }
        for near in self.near.iter().take(TOLD_MAX) {
            let reasons: Vec<_> = near.reasons.iter().map(ToString::to_string).collect();
            let (id, named) = (&near.entry.terms.spiffe_id, &near.entry.id);
            lines.push(format!("entry `{named}` (`{id}`) does not match: {}", reasons.join("; ")));
        }
        if self.given.is_empty() && self.near.is_empty() {
            lines.push("no entry has even one of these selectors: create one".to_owned());
        }
        lines
    }
}

impl Explanation {
    /// The most telling of it in one sentence.
    pub fn summary(&self, now: Timestamp) -> String {
        if self.agent.gets_nothing() {
            return self.agent.words(now).join("; ");
        }
        match (self.given.as_slice(), self.near.first()) {
            ([], None) => "no entry has even one of these selectors: create one".to_owned(),
            ([], Some(near)) => {
                let reasons: Vec<_> = near.reasons.iter().map(ToString::to_string).collect();
                let (named, why) = (&near.entry.id, reasons.join("; "));
                format!("no entry gives it an identity; nearest comes `{named}`, but: {why}")
            }
            ([one], _) => format!("it is `{}`, by entry `{}`", one.terms.spiffe_id, one.id),
            (many, _) => format!("{} entries give it an identity", many.len()),
        }
    }
}

impl AgentState {
    /// True for an agent whose workloads get nothing, whatever entries say.
    pub(super) fn gets_nothing(&self) -> bool {
        matches!(self, Self::Unknown(_) | Self::Banned(_) | Self::Expired(..))
    }

    fn words(&self, now: Timestamp) -> Vec<String> {
        match self {
            Self::NotAsked => Vec::new(),
            Self::Unknown(id) => {
                vec![format!("agent `{id}` is not attested here: it gets nothing")]
            }
            Self::Banned(id) => vec![format!("agent `{id}` is banned: it gets nothing")],
            Self::Expired(id, at) => {
                vec![format!(
                    "the SVID of agent `{id}` ended at {at}: it must renew or attest again"
                )]
            }
            Self::Known { id, view, head, connected, .. } => {
                let how = if *connected { "is connected" } else { "is not connected by a stream" };
                let seen = match (view, head) {
                    (None, _) => "has not reported since this server started".to_owned(),
                    (Some(view), Some(head)) if view.revision >= *head => {
                        format!("has everything up to now (change {})", head.seq)
                    }
                    (Some(view), head) => {
                        let behind =
                            head.map_or(0, |head| head.seq.saturating_sub(view.revision.seq));
                        let age = now.since(view.at);
                        format!("is {behind} changes behind; it last reported {age} ago")
                    }
                };
                vec![format!("agent `{id}` {how} and {seen}")]
            }
        }
    }
}
