//! The policies of a realm, indexed: for each action and type of principal and resource, the few that can decide.
//!
//! Cedar looks at every policy of the set it is given, so it is given only those whose scope can match. That is sound:
//! a policy whose scope does not match cannot decide; `tests.rs` compares the index with the full scan.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use cedar_policy::{
    ActionConstraint, EntityTypeName, EntityUid, Policy, PolicySet, ValidationMode, Validator,
};

use super::flaw::{PolicyError, What};
use super::model::Fact;
use super::rule::{self, Does, Reads, Rule, Scope, mark};
use super::schema::{FactKind, Published, Triple, can_be_in};
use super::situation;
use super::standing::FACTS;
use crate::crypto::digest::sha256;

/// Named policy texts: the defaults, with the realm's own in front of those of the same name.
pub(super) type Documents = BTreeMap<String, Arc<str>>;

/// Compiled, indexed policies. Never edited: a change makes new ones, with an empty memory.
#[derive(Debug)]
pub(super) struct Policies {
    /// A digest of all texts, the same on every replica; 48 bits, so that any JSON reader keeps it exact.
    pub(super) version: u64,
    pub(super) rules: Vec<Rule>,
    /// How many cells remember.
    pub(super) memos: usize,
    cells: HashMap<String, Vec<(Triple, Cell)>>,
}

/// What can decide one action between one type of principal and one of resource.
#[derive(Debug)]
pub(super) struct Cell {
    /// Whatever is asked of this cell depends on these facts and no others, policies in shadow included.
    pub(super) reads: Reads,
    /// Those of them that have a name, in the order of what is remembered.
    pub(super) read: Vec<Named>,
    /// The facts that whoever asks gives, by name.
    facts: Vec<(String, FactKind)>,
    /// The number of its memory; none where a policy reads what changes by itself, or where nobody asks often. The
    /// memories themselves belong to a realm's rights: what is remembered depends on who holds which role there.
    pub(super) memo: Option<usize>,
    /// Rules that no entity anchors.
    open: Vec<usize>,
    by_principal: HashMap<EntityUid, Vec<usize>>,
    by_resource: HashMap<EntityUid, Vec<usize>>,
    /// Rules in shadow, wherever their scope can match.
    pub(super) shadows: Vec<usize>,
    sets: RwLock<HashMap<Vec<usize>, Arc<Candidates>>>,
}

/// A fact of the context, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    /// Whether the resource is the caller's own.
    Own,
    /// What is known of the device: a place in `standing::FACTS`.
    Posture(usize),
    /// Where the question comes from: a place in `situation::FACTS`.
    Situation(usize),
    /// What whoever asks gives, by name.
    Given(String),
}

/// Policies that Cedar looks at together; the id of each is its place in `Policies::rules`.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    /// Their places.
    pub(super) rules: Vec<usize>,
    /// Permits and plain forbids.
    pub(super) deciding: PolicySet,
    /// Limits and step-ups, asked where the first round says yes.
    pub(super) conditional: Option<PolicySet>,
    /// What their evaluation can look into.
    pub(super) reads: Reads,
}

impl Policies {
    /// Reads and indexes the documents. They fit the schema: a test says so for the defaults, `set_policy` for others.
    pub(super) fn compile(schema: &Published, documents: &Documents) -> Result<Self, PolicyError> {
        let mut rules = Vec::new();
        let mut all = Vec::new();
        for (name, text) in documents {
            for part in [name.as_bytes(), text.as_bytes()] {
                all.extend_from_slice(&part.len().to_be_bytes());
                all.extend_from_slice(part);
            }
            rules.extend(rule::parse(name, text)?);
        }
        let digest = sha256(&all);
        let version = digest.iter().take(6).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let mut cells: HashMap<String, Vec<(Triple, Cell)>> = HashMap::new();
        let mut memos = 0;
        for triple in schema.triples() {
            let mut cell = Cell::of(schema, triple, &rules);
            if cell.can_remember(schema, &triple.action) {
                cell.memo = Some(memos);
                memos += 1;
            }
            cells.entry(triple.action.clone()).or_default().push((triple.clone(), cell));
        }
        Ok(Self { version, rules, memos, cells })
    }

    /// The cell of an action between these types; none where the schema has no such question.
    pub(super) fn cell(&self, action: &str, principal: &str, resource: &str) -> Option<&Cell> {
        let found = self
            .cells
            .get(action)?
            .iter()
            .find(|(t, _)| t.principal == principal && t.resource == resource);
        found.map(|(_, cell)| cell)
    }

    /// Every entity that a policy names, in its scope or body: no other path can make a difference.
    pub(super) fn named(&self) -> impl Iterator<Item = EntityUid> + '_ {
        self.rules.iter().flat_map(|rule| rule.policy.entity_literals())
    }

    /// What the permits for this action ask for, each once: the words of a plain denial.
    pub(super) fn needed(&self, schema: &Published, action: &str) -> Vec<&str> {
        let mut needed: Vec<&str> = Vec::new();
        for rule in &self.rules {
            let permits = matches!(rule.does, Does::Permit(_)) && !rule.shadow;
            if permits
                && covers_action(schema, &rule.action, action)
                && !needed.contains(&&*rule.words)
            {
                needed.push(&rule.words);
            }
        }
        needed
    }

    /// Cedar's set of these rules, made once.
    pub(super) fn candidates(
        &self,
        cell: &Cell,
        wanted: &[usize],
    ) -> Result<Arc<Candidates>, PolicyError> {
        if let Some(found) = cell.sets.read().unwrap_or_else(PoisonError::into_inner).get(wanted) {
            return Ok(Arc::clone(found));
        }
        let made = Arc::new(self.gather(wanted)?);
        let mut sets = cell.sets.write().unwrap_or_else(PoisonError::into_inner);
        if sets.len() >= SETS_MAX {
            sets.clear();
        }
        sets.insert(made.rules.clone(), Arc::clone(&made));
        Ok(made)
    }

    /// All rules at once, as Cedar alone would look at them: what the index is compared with.
    #[cfg(test)]
    pub(super) fn everything(&self) -> Result<Candidates, PolicyError> {
        let mut all = Candidates::default();
        for (place, rule) in self.rules.iter().enumerate().filter(|(_, rule)| !rule.shadow) {
            all.add((place, rule), rule.whole(place), &rule.reads)?;
        }
        // Their scopes name groups of actions.
        all.reads.action = true;
        Ok(all)
    }

    fn gather(&self, wanted: &[usize]) -> Result<Candidates, PolicyError> {
        let mut gathered = Candidates::default();
        for place in wanted {
            let Some(rule) = self.rules.get(*place) else { continue };
            let (policy, reads) = rule.bare(*place)?;
            gathered.add((*place, rule), policy.clone(), &reads)?;
        }
        Ok(gathered)
    }
}

impl Candidates {
    fn add(
        &mut self,
        (place, rule): (usize, &Rule),
        policy: Policy,
        reads: &Reads,
    ) -> Result<(), PolicyError> {
        let set = if rule.does.decides() {
            &mut self.deciding
        } else {
            self.conditional.get_or_insert_default()
        };
        set.add(policy).map_err(|_| twice(rule))?;
        self.rules.push(place);
        self.reads.add(reads);
        Ok(())
    }
}

impl Cell {
    fn of(schema: &Published, triple: &Triple, rules: &[Rule]) -> Self {
        let mut cell = Self {
            reads: Reads::default(),
            read: Vec::new(),
            facts: schema.facts(&triple.action).unwrap_or_default().to_vec(),
            memo: None,
            open: Vec::new(),
            by_principal: HashMap::new(),
            by_resource: HashMap::new(),
            shadows: Vec::new(),
            sets: RwLock::default(),
        };
        for (place, rule) in rules.iter().enumerate() {
            if !covers_action(schema, &rule.action, &triple.action)
                || !fits(&rule.principal, &triple.principal)
                || !fits(&rule.resource, &triple.resource)
            {
                continue;
            }
            cell.reads.add(&rule.reads);
            if rule.shadow {
                cell.shadows.push(place);
                continue;
            }
            match (anchor(&rule.principal), anchor(&rule.resource)) {
                (Some(uid), _) => cell.by_principal.entry(uid.clone()).or_default().push(place),
                (None, Some(uid)) => cell.by_resource.entry(uid.clone()).or_default().push(place),
                (None, None) => cell.open.push(place),
            }
        }
        cell.read = cell.named().collect();
        cell
    }

    /// The facts of the context that its policies read, without those that change by themselves.
    fn named(&self) -> impl Iterator<Item = Named> {
        let read = |name: &str| self.reads.reads_field(name) && !VOLATILE.contains(&name);
        let own = read("own").then_some(Named::Own);
        let posture = FACTS.iter().enumerate().filter(move |(_, name)| read(name));
        let situation = situation::FACTS.iter().enumerate().filter(move |(_, name)| read(name));
        let given = self.facts.iter().filter(move |(name, _)| read(name));
        own.into_iter()
            .chain(posture.map(|(at, _)| Named::Posture(at)))
            .chain(situation.map(|(at, _)| Named::Situation(at)))
            .chain(given.map(|(name, _)| Named::Given(name.clone())))
    }

    fn can_remember(&self, schema: &Published, action: &str) -> bool {
        schema.is_hot(action) && !VOLATILE.iter().any(|field| self.reads.reads_field(field))
    }

    /// True if these are the facts of the cell's action, each once and of the type that the schema says.
    pub(super) fn fits(&self, given: &[(&str, Fact<'_>)]) -> bool {
        let is_given = |(name, kind): &(String, FactKind)| {
            given.iter().any(|(known, fact)| known == name && fact.kind() == *kind)
        };
        given.len() == self.facts.len() && self.facts.iter().all(is_given)
    }

    /// Their names, for whoever gave others.
    pub(super) fn wants(&self) -> String {
        let wants = |(name, kind): &(String, FactKind)| format!("`{name}` ({})", kind.words());
        self.facts.iter().map(wants).collect::<Vec<_>>().join(", ")
    }

    /// True if some rules hang off a certain principal or resource.
    pub(super) fn has_anchors(&self) -> bool {
        !self.by_principal.is_empty() || !self.by_resource.is_empty()
    }

    /// The rules whose scope can match, given what the principal and the resource are and are in.
    pub(super) fn wanted(&self, principal: &[EntityUid], resource: &[EntityUid]) -> Vec<usize> {
        let mut places = self.open.clone();
        places.extend(principal.iter().filter_map(|uid| self.by_principal.get(uid)).flatten());
        places.extend(resource.iter().filter_map(|uid| self.by_resource.get(uid)).flatten());
        places.sort_unstable();
        places.dedup();
        places
    }
}

/// Checks a document strictly, as `set_policy` does before it keeps one.
pub(super) fn check(schema: &Published, document: &str, text: &str) -> Result<(), PolicyError> {
    let rules = rule::parse(document, text)?;
    let mut set = PolicySet::new();
    for rule in &rules {
        set.add(rule.policy.clone()).map_err(|_| twice(rule))?;
        let issues = schema.issuing().any(|action| covers_action(schema, &rule.action, action));
        if issues && rule.does == Does::Permit(None) {
            let why = "a permit that reaches an action of the group `Issue` says how long what is issued may live";
            let what = What::Annotation { name: "lifetime_seconds", why };
            return Err(PolicyError::at(text, &[&mark(&rule.policy, "id"), "permit"], what));
        }
        if rule.shadow && super::SHIPPED.iter().any(|(name, _)| *name == document) {
            let why = "not in the place of a shipped policy, which would decide nothing then: give it a name of its own";
            let what = What::Annotation { name: "shadow", why };
            return Err(PolicyError::at(text, &[&mark(&rule.policy, "shadow")], what));
        }
    }
    let result = Validator::new(schema.cedar().clone()).validate(&set, ValidationMode::Strict);
    if result.validation_passed() {
        return Ok(());
    }
    Err(PolicyError::found(text, result.validation_errors(), What::Schema))
}

fn twice(rule: &Rule) -> PolicyError {
    PolicyError::at("", &[], What::Twice(Arc::clone(&rule.id)))
}

fn covers_action(schema: &Published, constraint: &ActionConstraint, action: &str) -> bool {
    match constraint {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(uid) => uid.id().unescaped() == action,
        ActionConstraint::In(groups) => {
            groups.iter().any(|group| schema.action_is_in(action, group))
        }
    }
}

fn fits(scope: &Scope, kind: &str) -> bool {
    let is = |name: &EntityTypeName| name.basename() == kind;
    match scope {
        Scope::Any => true,
        Scope::Is(name) => is(name),
        Scope::Eq(uid) => is(uid.type_name()),
        Scope::In(uid, only) => {
            only.as_ref().is_none_or(is)
                && (is(uid.type_name()) || can_be_in(kind, uid.type_name().basename()))
        }
    }
}

fn anchor(scope: &Scope) -> Option<&EntityUid> {
    match scope {
        Scope::Any | Scope::Is(_) => None,
        Scope::Eq(uid) | Scope::In(uid, _) => Some(uid),
    }
}

/// Facts that change by themselves: a decision that read one is not remembered.
const VOLATILE: [&str; 3] = ["now_seconds", "posture_age_seconds", "sign_in_age_seconds"];
/// Sets kept a cell. Each is one combination of roles and paths; realms have a few dozen.
const SETS_MAX: usize = 1024;
