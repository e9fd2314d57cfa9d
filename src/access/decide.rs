//! One decision: facts in, yes with a ceiling or no with a reason out. Pure; no clock, no database.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, RwLock};

use cedar_policy::{
    AuthorizationError, Authorizer, Decision, Entities, Entity, PolicyId, PolicySet,
    Request as CedarRequest, Response,
};

use super::memo::{Memo, Yes};
use super::model::{Error, Explanation, Fact, Request};
use super::policies::{Candidates, Cell, Documents, Named, Policies};
use super::roles::{Held, Holder, Roles};
use super::rule::{Does, Rule};
use super::schema::Published;
use super::shadow::Differs;
use super::situation;
use super::standing::{FACTS, Life, Posture};
use crate::kernel::{Lifetime, SpiffeId, Timestamp};

/// Everything that decides in one realm. Never edited: a change makes a new one.
#[derive(Debug)]
pub(super) struct RealmRights {
    pub(super) schema: Arc<Published>,
    /// The policies as shipped.
    pub(super) shipped: Arc<Policies>,
    /// The policies in force; or why they cannot be used.
    pub(super) policies: Result<Arc<Policies>, Arc<str>>,
    /// The realm's own policies, by name.
    pub(super) own: Documents,
    pub(super) roles: Roles,
    /// The number of the last change of rights seen.
    pub(super) rights_seq: Option<i64>,
    /// The uid of this server's process.
    own_uid: u32,
    /// The paths that a policy or binding names. No other can make a difference, so an ID is placed below these alone.
    pub(super) paths: HashSet<String>,
    /// What was permitted before, for each cell that remembers. They begin empty whenever policies or roles change.
    pub(super) memos: Vec<Memo>,
    /// Entities of those who hold something: many paths are not put together anew for each entry of a batch.
    pub(super) holders: RwLock<HashMap<String, Entity>>,
}

/// One question, on its way to an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) rights: &'a RealmRights,
    pub(super) action: &'a str,
    pub(super) request: &'a Request<'a>,
    pub(super) now: Timestamp,
    /// The policies that decide it.
    pub(super) policies: &'a Policies,
    /// Their cell that it belongs to.
    pub(super) cell: &'a Cell,
}

/// The outcome, and the places of the policies that led to it.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) outcome: Result<Life, Error>,
    pub(super) by: Vec<usize>,
}

impl RealmRights {
    /// Puts the parts together: the schema, the policies as shipped, and those in force.
    pub(super) fn new(
        (schema, shipped): (Arc<Published>, Arc<Policies>),
        (own, policies): (Documents, Result<Arc<Policies>, Arc<str>>),
        roles: Roles,
        rights_seq: Option<i64>,
        own_uid: u32,
    ) -> Self {
        let in_force = policies.iter().flat_map(|policies| policies.named());
        let named = in_force.chain(shipped.named());
        let paths = named.filter(|uid| uid.type_name().basename() == "Path");
        let mut paths: HashSet<String> = paths.map(|uid| uid.id().unescaped().to_owned()).collect();
        paths.extend(roles.paths().map(ToString::to_string));
        let holders = RwLock::default();
        let count = policies.as_ref().map_or(0, |policies| policies.memos);
        let memos = std::iter::repeat_with(Memo::default).take(count).collect();
        Self { schema, shipped, policies, own, roles, rights_seq, own_uid, paths, memos, holders }
    }

    /// The question in this realm; refused where the schema does not know it.
    pub(super) fn question<'a>(
        &'a self,
        action: &'a str,
        request: &'a Request<'a>,
        now: Timestamp,
    ) -> Result<Question<'a>, Error> {
        let policies = if self.is_way_back(action, request) {
            &self.shipped
        } else {
            self.policies.as_ref().map_err(|why| {
                Error::broken(format_args!("the realm's own policies cannot be used: {why}"))
            })?
        };
        let (principal, resource) = (request.principal.0, request.resource.0);
        let cell = policies.cell(action, principal, resource).ok_or_else(|| {
            Error::broken(format_args!(
                "the schema has no action `{action}` of a {principal} on a {resource}"
            ))
        })?;
        Ok(Question { rights: self, action, request, now, policies, cell })
    }

    /// What the caller holds: through its SPIFFE ID, or through the uid at the local socket.
    pub(super) fn held(&self, request: &Request<'_>) -> Arc<Held> {
        let (kind, id) = request.principal;
        let found = match (kind, request.principal_id) {
            ("Local", _) if self.is_local_admin(kind, id) => return Arc::new(Held::admin()),
            ("Local", _) => {
                id.parse().ok().and_then(|uid| self.roles.held(&Holder::LocalUser(uid)))
            }
            ("Workload" | "User", Some(id)) => self.roles.held(&Holder::Spiffe(id.clone())),
            _ => None,
        };
        found.cloned().unwrap_or_default()
    }

    fn is_local_admin(&self, kind: &str, id: &str) -> bool {
        kind == "Local" && id.parse().is_ok_and(|uid: u32| uid == 0 || uid == self.own_uid)
    }

    /// Whoever holds the machine can always repair the rights: for them these questions are decided by the policies as
    /// shipped, so that no policy of the realm's own can lock everybody out.
    fn is_way_back(&self, action: &str, request: &Request<'_>) -> bool {
        WAY_BACK.contains(&action) && self.is_local_admin(request.principal.0, request.principal.1)
    }
}

impl Question<'_> {
    /// Decides, as `answer` does.
    #[cfg(test)]
    pub(super) fn decide(self) -> Result<Lifetime, Error> {
        self.answer().0
    }

    /// Decides; remembers a yes where that is sound. A no is worked out each time, for its words name the caller.
    /// Tells, too, where the policies in shadow would have decided otherwise.
    pub(super) fn answer(self) -> (Result<Lifetime, Error>, Option<Differs>) {
        if let Err(error) = self.check_time() {
            return (Err(error), None);
        }
        let (said, would) = match self.said() {
            Ok(Yes { life, would }) => (Ok(life), would),
            Err(error) => (Err(error), self.would().map(Arc::new)),
        };
        let decided = said.and_then(|life| life.ceiling(self.request.standing, self.now));
        let differs = would.and_then(|would| self.differs(&decided, &would));
        (decided, differs)
    }

    /// What the policies say, whatever the standing leaves of it.
    fn said(self) -> Result<Yes, Error> {
        let known = self.memo().map(|memo| (memo, self.key()));
        if let Some((memo, facts)) = &known
            && let Some(yes) = memo.get(facts, self.now)
        {
            return Ok(yes);
        }
        let life = self.evaluate(&*self.candidates()?)?.outcome?;
        let yes = Yes { life, would: self.would().map(Arc::new) };
        if let Some((memo, facts)) = known {
            memo.put(facts, yes.clone(), self.request.evidence_expires);
        }
        Ok(yes)
    }

    /// The memory of this question's cell. The policies as shipped have one only where they are also those in force.
    pub(super) fn memo(&self) -> Option<&Memo> {
        let in_force = self.rights.policies.as_ref().ok()?;
        let ours = std::ptr::eq(self.policies, Arc::as_ptr(in_force));
        self.cell.memo.filter(|_| ours).and_then(|number| self.rights.memos.get(number))
    }

    /// Decides without memory, and tells how.
    pub(super) fn explain(self) -> Result<Explanation, Error> {
        let candidates = self.candidates()?;
        let decided = self.evaluate(&candidates)?;
        let rules = |places: &[usize]| -> Vec<&Rule> {
            places.iter().filter_map(|place| self.policies.rules.get(*place)).collect()
        };
        let decided_by = rules(&decided.by).into_iter();
        let lives = |life: Life| life.ceiling(self.request.standing, self.now);
        Ok(Explanation {
            outcome: self.check_time().and(decided.outcome).and_then(lives),
            decided_by: decided_by.map(|r| (Arc::clone(&r.id), Arc::clone(&r.words))).collect(),
            considered: rules(&candidates.rules).into_iter().map(|r| Arc::clone(&r.id)).collect(),
            holds: self.rights.held(self.request).to_string(),
        })
    }

    /// No credential outlives its evidence, and no decision is made on evidence that has ended.
    fn check_time(self) -> Result<(), Error> {
        let ends = self.request.evidence_expires;
        if self.now < ends {
            return Ok(());
        }
        Err(Error::denied(format!("the evidence for this ended at {ends}: show it anew")))
    }

    /// The policies whose scope can match.
    pub(super) fn candidates(self) -> Result<Arc<Candidates>, Error> {
        let wanted = if self.cell.has_anchors() {
            let (mut principal, mut resource) = (self.above_principal(), self.above_resource());
            principal.push(self.uid(self.request.principal)?);
            resource.push(self.uid(self.request.resource)?);
            self.cell.wanted(&principal, &resource)
        } else {
            self.cell.wanted(&[], &[])
        };
        self.policies.candidates(self.cell, &wanted).map_err(Error::broken)
    }

    /// Lets Cedar decide among these policies, without memory.
    pub(super) fn evaluate(self, candidates: &Candidates) -> Result<Decided, Error> {
        let entities = self.entities(&candidates.reads)?;
        let asked = self.cedar_request(&candidates.reads)?;
        let first = self.ask(&candidates.deciding, &asked, &entities)?;
        let mut by = places(&first);
        if first.decision() == Decision::Deny {
            return Ok(Decided { outcome: Err(self.denial(&by)), by });
        }
        let mut life = self.rules(&by).filter_map(|rule| rule.does.gives()).max();
        if let Some(conditional) = &candidates.conditional {
            let conditions = places(&self.ask(conditional, &asked, &entities)?);
            let step_up = self.rules(&conditions).find(|rule| rule.does == Does::StepUp);
            if let Some(reason) = step_up.map(|rule| Arc::clone(&rule.words)) {
                return Ok(Decided { outcome: Err(Error::StepUp { reason }), by: conditions });
            }
            let limit = self.rules(&conditions).filter_map(|rule| rule.does.leaves()).min();
            life = life.map(|life| life.capped_by(limit.unwrap_or(Lifetime::MAX)));
            by.extend(conditions);
        }
        Ok(Decided { outcome: Ok(life.unwrap_or(Life::NONE)), by })
    }

    /// The words of a no: what forbids it, or what would be needed and what the caller has instead.
    fn denial(self, by: &[usize]) -> Error {
        let on = self.request.resource_id.map_or(self.request.resource.1, SpiffeId::as_str);
        let action = self.action;
        let what =
            if on.is_empty() { format!("`{action}`") } else { format!("`{action}` on `{on}`") };
        let words: Vec<&str> = self.rules(by).map(|rule| &*rule.words).collect();
        let reason = if words.is_empty() {
            let needed = self.policies.needed(&self.rights.schema, action);
            let held = self.rights.held(self.request);
            format!("{what} needs {}; this caller holds {held}", needed.join(", or "))
        } else {
            format!("{what}: {}{}", words.join("; "), self.to_fix(by))
        };
        let policies = self.rules(by).map(|rule| Arc::clone(&rule.id)).collect();
        Error::Denied { reason: Arc::from(reason), policies }
    }

    /// What the device's owner can do about it, where one of these looked at the posture.
    fn to_fix(self, by: &[usize]) -> String {
        let reasons = self.request.standing.map_or(&[][..], |standing| &*standing.reasons);
        let looks = |rule: &Rule| FACTS.iter().any(|fact| rule.reads.reads_field(fact));
        if reasons.is_empty() || !self.rules(by).any(looks) {
            return String::new();
        }
        // A sentence each, of which one list is made.
        let reasons: Vec<&str> =
            reasons.iter().map(|reason| reason.trim_end_matches('.')).collect();
        format!("; to fix: {}", reasons.join("; "))
    }

    fn rules(&self, places: &[usize]) -> impl Iterator<Item = &Rule> {
        places.iter().filter_map(|place| self.policies.rules.get(*place))
    }

    /// A policy that cannot be evaluated may be a forbid: no answer is taken from a set that holds one.
    fn ask(
        self,
        set: &PolicySet,
        request: &CedarRequest,
        entities: &Entities,
    ) -> Result<Response, Error> {
        let response = Authorizer::new().is_authorized(request, set, entities);
        let why = |AuthorizationError::PolicyEvaluationError(error): &AuthorizationError| {
            let rule = place(error.policy_id()).and_then(|place| self.policies.rules.get(place));
            let name = rule.map_or("", |rule| &rule.id);
            format!("error while evaluating policy `{name}`: {}", error.inner())
        };
        let errors: Vec<String> = response.diagnostics().errors().map(why).collect();
        if errors.is_empty() { Ok(response) } else { Err(Error::broken(errors.join("; "))) }
    }

    /// The facts that the answer can depend on, one after the other in the order of the cell, each with its type and length, so
    /// that no two lists look alike.
    fn key(self) -> Vec<u8> {
        let mut key = Key(Vec::with_capacity(KEY_BYTES));
        let (request, reads) = (self.request, &self.cell.reads);
        if reads.principal {
            key.add(b'p', request.principal.1.as_bytes());
            key.add(b'P', request.principal_id.map_or("", SpiffeId::as_str).as_bytes());
        }
        if reads.resource {
            key.add(b'r', request.resource.1.as_bytes());
            key.add(b'R', request.resource_id.map_or("", SpiffeId::as_str).as_bytes());
        }
        let posture = Posture::read(request.standing, reads, self.now);
        let posture = posture.facts();
        let situation = situation::facts(request.situation, self.now);
        for named in &self.cell.read {
            match named {
                Named::Own => key.fact(&Fact::Flag(self.is_own())),
                Named::Posture(at) => {
                    posture.get(*at).iter().for_each(|(_, fact)| key.fact(fact));
                }
                Named::Situation(at) => {
                    situation.get(*at).iter().for_each(|(_, fact)| key.fact(fact));
                }
                Named::Given(name) => {
                    match request.context.iter().find(|(given, _)| given == name) {
                        Some((_, fact)) => key.fact(fact),
                        None => key.add(b'-', b""),
                    }
                }
            }
        }
        key.0
    }
}

struct Key(Vec<u8>);

impl Key {
    fn fact(&mut self, fact: &Fact<'_>) {
        match fact {
            Fact::Text(value) => self.add(b't', value.as_bytes()),
            Fact::Texts(values) => {
                self.add(b's', &values.len().to_be_bytes());
                values.iter().for_each(|value| self.add(b't', value.as_bytes()));
            }
            Fact::Address(IpAddr::V4(value)) => self.add(b'4', &value.octets()),
            Fact::Address(IpAddr::V6(value)) => self.add(b'6', &value.octets()),
            Fact::Id(value) => self.add(b'i', value.as_str().as_bytes()),
            Fact::Number(value) => self.add(b'#', &value.to_be_bytes()),
            Fact::Flag(value) => self.0.push(if *value { b'1' } else { b'0' }),
        }
    }

    /// What comes after it cannot be taken for a part of it: no text of a question is longer than its length says.
    fn add(&mut self, tag: u8, bytes: &[u8]) {
        self.0.push(tag);
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(bytes);
    }
}

/// The places of the policies that decided, in order.
fn places(response: &Response) -> Vec<usize> {
    let mut places: Vec<usize> = response.diagnostics().reason().filter_map(place).collect();
    places.sort_unstable();
    places
}

/// The place that a candidate's id is.
fn place(id: &PolicyId) -> Option<usize> {
    let text: &str = id.as_ref();
    text.parse().ok()
}

/// The questions that whoever holds the machine can always have answered by the policies as shipped.
const WAY_BACK: [&str; 6] =
    ["ReadPolicy", "ReadRole", "SetPolicy", "DeletePolicy", "BindRole", "UnbindRole"];
/// Room for the facts of a usual question, so that building the key allocates once.
const KEY_BYTES: usize = 192;
