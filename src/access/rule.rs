//! One policy, read once: what it does, where its scope can match, and which facts it reads.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use cedar_policy::{
    ActionConstraint, Effect, EntityTypeName, EntityUid, ParseErrors, Policy, PolicyId, PolicySet,
    PrincipalConstraint, ResourceConstraint,
};
use serde_json::Value;

use super::flaw::{PolicyError, What};
use super::standing::Life;
use crate::kernel::Lifetime;

/// What a satisfied policy does to the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Does {
    /// Permits, and lets what is issued live this long.
    Permit(Option<Life>),
    /// Forbids.
    Forbid,
    /// Lets what is issued live no longer than this.
    Limit(Lifetime),
    /// Asks for a stronger sign-in.
    StepUp,
}

impl Does {
    /// True if it is asked in the first round; the others are asked only where that round says yes.
    pub(super) fn decides(&self) -> bool {
        matches!(self, Self::Permit(_) | Self::Forbid)
    }

    /// The life it gives.
    pub(super) fn gives(&self) -> Option<Life> {
        match self {
            Self::Permit(life) => *life,
            Self::Limit(_) | Self::Forbid | Self::StepUp => None,
        }
    }

    /// The life it leaves.
    pub(super) fn leaves(&self) -> Option<Lifetime> {
        match self {
            Self::Limit(lifetime) => Some(*lifetime),
            Self::Permit(_) | Self::Forbid | Self::StepUp => None,
        }
    }
}

/// Where a policy's scope can match a principal or resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// Everywhere.
    Any,
    /// On everything of this type.
    Is(EntityTypeName),
    /// On this entity alone.
    Eq(EntityUid),
    /// On this entity and whatever is in it; of one type only, where that is named.
    In(EntityUid, Option<EntityTypeName>),
}

/// Which facts the evaluation of a policy can depend on.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and any of them can go together"
)]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reads {
    /// The principal's identity, roles or attributes, beyond its type.
    pub(super) principal: bool,
    /// The resource's identity, paths or attributes, beyond its type.
    pub(super) resource: bool,
    /// The action's groups. Never a reason for another answer: all of a cell is one action.
    pub(super) action: bool,
    /// All of the context, whatever its fields.
    pub(super) whole_context: bool,
    /// These fields of the context.
    pub(super) context: BTreeSet<String>,
}

impl Reads {
    pub(super) fn add(&mut self, other: &Self) {
        self.principal |= other.principal;
        self.resource |= other.resource;
        self.action |= other.action;
        self.whole_context |= other.whole_context;
        self.context.extend(other.context.iter().cloned());
    }

    pub(super) fn reads_field(&self, field: &str) -> bool {
        self.whole_context || self.context.contains(field)
    }
}

/// One policy, ready for the index.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) id: Arc<str>,
    pub(super) policy: Policy,
    pub(super) does: Does,
    /// It decides nothing: what it would do is counted.
    pub(super) shadow: bool,
    /// For a permit: what a denied caller would have needed. Otherwise: why it says no.
    pub(super) words: Arc<str>,
    pub(super) action: ActionConstraint,
    pub(super) principal: Scope,
    pub(super) resource: Scope,
    pub(super) reads: Reads,
    /// The same without what only its scope depends on.
    conditions: Reads,
    /// What is left to evaluate where the index found it: made when it is first a candidate.
    bare: OnceLock<Policy>,
}

impl Rule {
    /// What of it the index has not evaluated yet, under its place as id, and what that reads: a rule is a candidate where its action
    /// covers the question's, the types fit, and the entity that it hangs off is one that the principal or resource is or is in. Left
    /// are its conditions, a scope on one entity alone, and the resource's place where the rule hangs off the principal.
    ///
    /// It has no annotations and no positions in a text, which the engine would copy at each answer.
    pub(super) fn bare(&self, place: usize) -> Result<(&Policy, Reads), PolicyError> {
        let [principal, resource] = self.left();
        let mut reads = self.conditions.clone();
        reads.principal |= principal;
        reads.resource |= resource;
        if let Some(bare) = self.bare.get() {
            return Ok((bare, reads));
        }
        let made = self.strip([principal, resource], place);
        let made = made.map_err(|why| PolicyError::at("", &[], What::Syntax(Arc::from(why))))?;
        Ok((self.bare.get_or_init(|| made), reads))
    }

    /// All of it, under its place as id.
    #[cfg(test)]
    pub(super) fn whole(&self, place: usize) -> Policy {
        self.policy.new_id(PolicyId::new(place.to_string()))
    }

    /// Whether the principal's and the resource's scope is left to evaluate. Rules in shadow are candidates wherever types fit.
    fn left(&self) -> [bool; 2] {
        let alone = |scope: &Scope| matches!(scope, Scope::Eq(_));
        let hangs = |scope: &Scope| matches!(scope, Scope::Eq(_) | Scope::In(..));
        let placed = hangs(&self.resource) && (self.shadow || hangs(&self.principal));
        let [principal, resource] = [alone(&self.principal), alone(&self.resource) || placed];
        [principal || self.shadow && hangs(&self.principal), resource]
    }

    fn strip(&self, left: [bool; 2], place: usize) -> Result<Policy, String> {
        let mut est = self.policy.to_json().map_err(|error| error.to_string())?;
        if let Value::Object(members) = &mut est {
            members.remove("annotations");
            let everything = || serde_json::json!({"op": "All"});
            members.insert("action".to_owned(), everything());
            for (name, left) in ["principal", "resource"].into_iter().zip(left) {
                if !left {
                    members.insert(name.to_owned(), everything());
                }
            }
        }
        let id = PolicyId::new(place.to_string());
        Policy::from_json(Some(id), est).map_err(|error| error.to_string())
    }
}

/// Reads the policies of one document; their ids are `document/id`.
pub(super) fn parse(document: &str, text: &str) -> Result<Vec<Rule>, PolicyError> {
    let set: PolicySet = text
        .parse()
        .map_err(|errors: ParseErrors| PolicyError::found(text, errors.iter(), What::Syntax))?;
    if set.templates().next().is_some() {
        return Err(PolicyError::at(text, &["?principal", "?resource"], What::Template));
    }
    let read = |policy: &Policy| {
        rule(document, policy).map_err(|what| {
            let written = match &what {
                What::Annotation { name, .. } => mark(policy, name),
                _ => String::new(),
            };
            PolicyError::at(text, &[&written], what)
        })
    };
    let mut rules: Vec<Rule> = set.policies().map(read).collect::<Result<_, _>>()?;
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    match rules.windows(2).find_map(|pair| match pair {
        [a, b] if a.id == b.id => Some(a),
        _ => None,
    }) {
        Some(twice) => {
            let written = mark(&twice.policy, "id");
            Err(PolicyError::again(text, &written, What::Twice(Arc::clone(&twice.id))))
        }
        None => Ok(rules),
    }
}

/// The annotation as it is usually written.
pub(super) fn mark(policy: &Policy, name: &str) -> String {
    match policy.annotation(name) {
        Some(value) if !value.is_empty() => format!("@{name}(\"{value}\")"),
        _ => format!("@{name}"),
    }
}

fn rule(document: &str, policy: &Policy) -> Result<Rule, What> {
    let name = policy.annotation("id").map_or_else(|| policy.id().to_string(), str::to_owned);
    let id: Arc<str> = Arc::from(format!("{document}/{name}"));
    let (principal, resource) = (principal_scope(policy), resource_scope(policy));
    let est = policy.to_json().map_err(|error| What::Syntax(Arc::from(error.to_string())))?;
    let mut conditions = Reads::default();
    if let Some(written) = est.get("conditions") {
        collect(written, &mut conditions);
    }
    let mut reads = conditions.clone();
    reads.principal |= !matches!(principal, Scope::Any | Scope::Is(_));
    reads.resource |= !matches!(resource, Scope::Any | Scope::Is(_));
    Ok(Rule {
        policy: policy.new_id(PolicyId::new(&*id)),
        does: does(policy)?,
        shadow: policy.annotation("shadow").is_some(),
        words: words(policy, &id),
        action: policy.action_constraint(),
        id,
        principal,
        resource,
        reads,
        conditions,
        bare: OnceLock::new(),
    })
}

fn does(policy: &Policy) -> Result<Does, What> {
    let lifetime = seconds(policy, "lifetime_seconds")?;
    let life = life(policy, lifetime)?;
    let step_up = policy.annotation("step_up").is_some();
    match (policy.effect(), lifetime, step_up) {
        (Effect::Permit, _, true) => Err(What::Annotation {
            name: "step_up",
            why: "only a forbid can ask for a stronger sign-in",
        }),
        (Effect::Forbid, Some(_), true) => {
            Err(What::Annotation { name: "step_up", why: "not together with `@lifetime_seconds`" })
        }
        (Effect::Permit, _, false) => Ok(Does::Permit(life)),
        (Effect::Forbid, Some(limit), false) => Ok(Does::Limit(limit)),
        (Effect::Forbid, None, true) => Ok(Does::StepUp),
        (Effect::Forbid, None, false) => Ok(Does::Forbid),
    }
}

/// The life that a permit gives.
fn life(policy: &Policy, longest: Option<Lifetime>) -> Result<Option<Life>, What> {
    let shortest = seconds(policy, "shortest_seconds")?;
    let apart = policy.annotation("apart_from_posture").is_some();
    let gives = policy.effect() == Effect::Permit && longest.is_some();
    for (name, said) in [("shortest_seconds", shortest.is_some()), ("apart_from_posture", apart)] {
        if said && !gives {
            let why = "only on a permit with `@lifetime_seconds`";
            return Err(What::Annotation { name, why });
        }
    }
    let shortest = shortest.unwrap_or(SHORTEST);
    Ok(longest.map(|longest| Life { longest, shortest: shortest.capped_by(longest), apart }))
}

fn seconds(policy: &Policy, name: &'static str) -> Result<Option<Lifetime>, What> {
    let Some(text) = policy.annotation(name) else { return Ok(None) };
    match text.parse::<i64>() {
        Ok(seconds) if seconds > 0 => Ok(Some(Lifetime::seconds(seconds))),
        _ => {
            let why = "a whole number of seconds above zero, in quotes";
            Err(What::Annotation { name, why })
        }
    }
}

fn words(policy: &Policy, id: &str) -> Arc<str> {
    let said = ["says", "step_up", "needs"].into_iter().find_map(|name| policy.annotation(name));
    match (said, policy.effect()) {
        (Some(said), _) if !said.is_empty() => Arc::from(said),
        (_, Effect::Permit) => Arc::from(format!("what the policy `{id}` asks for")),
        (_, Effect::Forbid) => Arc::from(format!("the policy `{id}` forbids it")),
    }
}

fn principal_scope(policy: &Policy) -> Scope {
    match policy.principal_constraint() {
        PrincipalConstraint::Any => Scope::Any,
        PrincipalConstraint::Is(kind) => Scope::Is(kind),
        PrincipalConstraint::Eq(uid) => Scope::Eq(uid),
        PrincipalConstraint::In(uid) => Scope::In(uid, None),
        PrincipalConstraint::IsIn(kind, uid) => Scope::In(uid, Some(kind)),
    }
}

fn resource_scope(policy: &Policy) -> Scope {
    match policy.resource_constraint() {
        ResourceConstraint::Any => Scope::Any,
        ResourceConstraint::Is(kind) => Scope::Is(kind),
        ResourceConstraint::Eq(uid) => Scope::Eq(uid),
        ResourceConstraint::In(uid) => Scope::In(uid, None),
        ResourceConstraint::IsIn(kind, uid) => Scope::In(uid, Some(kind)),
    }
}

/// Walks the conditions in Cedar's JSON form. What it does not know it takes for a reading of everything: an analysis
/// that is too careful costs a cache hit, one that is too bold remembers a wrong answer.
fn collect(node: &Value, reads: &mut Reads) {
    match node {
        Value::Array(items) => items.iter().for_each(|item| collect(item, reads)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value) {
                    ("." | "has", Value::Object(access)) if context_field(access).is_some() => {
                        reads.context.extend(context_field(access).map(str::to_owned));
                    }
                    ("Var", Value::String(variable)) => match variable.as_str() {
                        "principal" => reads.principal = true,
                        "resource" => reads.resource = true,
                        "action" => reads.action = true,
                        _ => reads.whole_context = true,
                    },
                    (_, value) => collect(value, reads),
                }
            }
        }
        _ => {}
    }
}

/// The field in `context.field` and `context has field`.
fn context_field(access: &serde_json::Map<String, Value>) -> Option<&str> {
    let variable = access.get("left")?.get("Var")?.as_str()?;
    if variable != "context" {
        return None;
    }
    access.get("attr")?.as_str()
}

/// What the posture leaves at least where a permit does not say: an agent has time for its next question.
const SHORTEST: Lifetime = Lifetime::minutes(1);
