//! One decision: facts in, yes with a ceiling or no with a reason out. Pure; no clock, no database.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, Request as CedarRequest,
    Response, RestrictedExpression,
};

use super::model::{Error, Explanation, Fact, Request};
use super::policies::{Candidates, Cell, Documents, Policies};
use super::roles::{Held, Holder, Right, Role, Roles};
use super::rule::{Does, Reads};
use super::schema::{Published, shape_of};
use crate::kernel::{Lifetime, SpiffeId, Timestamp};

/// Everything that decides in one realm. Never edited: a change makes a new one.
#[derive(Debug)]
pub(super) struct RealmRights {
    pub(super) schema: Arc<Published>,
    /// The policies as shipped.
    pub(super) shipped: Arc<Policies>,
    /// The policies in force.
    pub(super) policies: Arc<Policies>,
    /// The realm's own policies, by name.
    pub(super) own: Documents,
    pub(super) roles: Roles,
    /// The number of the last change of rights seen.
    pub(super) rights_seq: Option<i64>,
    /// The uid of this server's process.
    pub(super) own_uid: u32,
    /// The paths that a policy or binding names. No other can make a difference, so an ID is placed below these alone.
    paths: HashSet<String>,
}

/// The outcome, and what it was made from.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) outcome: Result<Lifetime, Error>,
    pub(super) by: Vec<usize>,
}

impl RealmRights {
    /// Puts the parts together.
    pub(super) fn new(
        (schema, shipped, policies): (Arc<Published>, Arc<Policies>, Arc<Policies>),
        own: Documents,
        roles: Roles,
        rights_seq: Option<i64>,
        own_uid: u32,
    ) -> Self {
        let named = policies.named().chain(shipped.named()).collect::<Vec<_>>();
        let in_policies = named.iter().filter(|uid| uid.type_name().basename() == "Path");
        let mut paths: HashSet<String> =
            in_policies.map(|uid| uid.id().unescaped().to_owned()).collect();
        paths.extend(roles.paths().map(ToString::to_string));
        Self { schema, shipped, policies, own, roles, rights_seq, own_uid, paths }
    }

    /// Decides; remembers the answer where that is sound.
    pub(super) fn decide(
        &self,
        action: &str,
        request: &Request<'_>,
        now: Timestamp,
    ) -> Result<Lifetime, Error> {
        self.check_time(request, now)?;
        let (policies, cell) = self.cell(action, request)?;
        let Some(memo) = &cell.memo else {
            return self.evaluate(policies, cell, action, request, now)?.outcome;
        };
        let facts = key(&cell.reads, request);
        if let Some(known) = memo.get(&facts, now) {
            return known;
        }
        let outcome = self.evaluate(policies, cell, action, request, now)?.outcome;
        memo.put(facts, outcome.clone(), request.evidence_expires);
        outcome
    }

    /// Decides without memory, and tells how.
    pub(super) fn explain(
        &self,
        action: &str,
        request: &Request<'_>,
        now: Timestamp,
    ) -> Result<Explanation, Error> {
        let (policies, cell) = self.cell(action, request)?;
        let candidates = self.candidates(policies, cell, request)?;
        let decided = self.evaluate_these(policies, &candidates, action, request, now)?;
        let rule = |place: &usize| policies.rules.get(*place);
        Ok(Explanation {
            outcome: self.check_time(request, now).and(decided.outcome),
            decided_by: decided
                .by
                .iter()
                .filter_map(rule)
                .map(|rule| (Arc::clone(&rule.id), Arc::clone(&rule.words)))
                .collect(),
            considered: candidates
                .rules
                .iter()
                .filter_map(rule)
                .map(|rule| Arc::clone(&rule.id))
                .collect(),
            holds: self.held(request).to_string(),
        })
    }

    /// Decides without memory.
    pub(super) fn evaluate(
        &self,
        policies: &Policies,
        cell: &Cell,
        action: &str,
        request: &Request<'_>,
        now: Timestamp,
    ) -> Result<Decided, Error> {
        let candidates = self.candidates(policies, cell, request)?;
        self.evaluate_these(policies, &candidates, action, request, now)
    }

    /// The policies and the cell in them that this question belongs to.
    pub(super) fn cell(
        &self,
        action: &str,
        request: &Request<'_>,
    ) -> Result<(&Policies, &Cell), Error> {
        let policies =
            if self.is_way_back(action, request) { &self.shipped } else { &self.policies };
        let (principal, resource) = (request.principal.0, request.resource.0);
        let cell = policies.cell(action, principal, resource).ok_or_else(|| {
            Error::broken(format_args!(
                "the schema has no action `{action}` of a {principal} on a {resource}"
            ))
        })?;
        Ok((policies, cell))
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

    fn check_time(&self, request: &Request<'_>, now: Timestamp) -> Result<(), Error> {
        if now < request.evidence_expires {
            return Ok(());
        }
        Err(Error::denied(format!(
            "the evidence for this ended at {}: show it anew",
            request.evidence_expires
        )))
    }

    fn candidates(
        &self,
        policies: &Policies,
        cell: &Cell,
        request: &Request<'_>,
    ) -> Result<Arc<Candidates>, Error> {
        let principal = self.uid(request.principal)?;
        let resource = self.uid(request.resource)?;
        let (above_principal, above_resource) = if cell.has_anchors() {
            (self.above_principal(request), self.above(request.resource.0, request.resource_id))
        } else {
            (Vec::new(), Vec::new())
        };
        let wanted = cell.wanted(
            std::iter::once(&principal).chain(&above_principal),
            std::iter::once(&resource).chain(&above_resource),
        );
        policies.candidates(cell, wanted).map_err(Error::broken)
    }

    pub(super) fn evaluate_these(
        &self,
        policies: &Policies,
        candidates: &Candidates,
        action: &str,
        request: &Request<'_>,
        now: Timestamp,
    ) -> Result<Decided, Error> {
        let entities = self.entities(&candidates.reads, action, request)?;
        let asked = self.cedar_request(action, request, now)?;
        let first = ask(&candidates.deciding, &asked, &entities)?;
        let mut by = places(candidates, policies, &first);
        if first.decision() == Decision::Deny {
            let outcome = Err(self.denial(policies, &by, action, request));
            return Ok(Decided { outcome, by });
        }
        let mut ceiling = by
            .iter()
            .filter_map(|place| lifetime(policies, *place))
            .max()
            .unwrap_or(Lifetime::ZERO);
        if let Some(conditional) = &candidates.conditional {
            let second = ask(conditional, &asked, &entities)?;
            let conditions = places(candidates, policies, &second);
            let step_up = |place: &&usize| {
                policies.rules.get(**place).is_some_and(|rule| rule.does == Does::StepUp)
            };
            if let Some(rule) =
                conditions.iter().find(step_up).and_then(|place| policies.rules.get(*place))
            {
                return Ok(Decided {
                    outcome: Err(Error::StepUp { reason: Arc::clone(&rule.words) }),
                    by: conditions,
                });
            }
            for place in &conditions {
                ceiling = ceiling.capped_by(lifetime(policies, *place).unwrap_or(Lifetime::MAX));
            }
            by.extend(conditions);
        }
        Ok(Decided { outcome: Ok(ceiling), by })
    }

    fn denial(
        &self,
        policies: &Policies,
        by: &[usize],
        action: &str,
        request: &Request<'_>,
    ) -> Error {
        let forbidding: Vec<_> = by.iter().filter_map(|place| policies.rules.get(*place)).collect();
        let on = request.resource_id.map_or(request.resource.1, SpiffeId::as_str);
        let what =
            if on.is_empty() { format!("`{action}`") } else { format!("`{action}` on `{on}`") };
        let reason = if forbidding.is_empty() {
            let needed = policies.needed(&self.schema, action);
            let needed = if needed.is_empty() {
                "a policy that permits it".to_owned()
            } else {
                needed.join(", or ")
            };
            format!("{what} needs {needed}; this caller holds {}", self.held(request))
        } else {
            let words: Vec<&str> = forbidding.iter().map(|rule| &*rule.words).collect();
            format!("{what}: {}", words.join("; "))
        };
        Error::Denied {
            reason: Arc::from(reason),
            policies: forbidding.iter().map(|rule| Arc::clone(&rule.id)).collect(),
        }
    }

    fn cedar_request(
        &self,
        action: &str,
        request: &Request<'_>,
        now: Timestamp,
    ) -> Result<CedarRequest, Error> {
        let facts = request
            .context
            .iter()
            .map(|(name, fact)| Ok(((*name).to_owned(), self.expression(fact)?)));
        let mut pairs: Vec<(String, RestrictedExpression)> = facts.collect::<Result<_, Error>>()?;
        pairs.push(("own".to_owned(), RestrictedExpression::new_bool(is_own(request))));
        pairs.push(("now_seconds".to_owned(), RestrictedExpression::new_long(now.seconds())));
        let context = Context::from_pairs(pairs).map_err(Error::broken)?;
        let (principal, resource) = (self.uid(request.principal)?, self.uid(request.resource)?);
        let action =
            self.schema.action(action).ok_or_else(|| Error::broken("no such action"))?.uid();
        CedarRequest::new(principal, action, resource, context, Some(self.schema.cedar()))
            .map_err(Error::broken)
    }

    fn expression(&self, fact: &Fact<'_>) -> Result<RestrictedExpression, Error> {
        Ok(match fact {
            Fact::Text(text) => RestrictedExpression::new_string((*text).to_owned()),
            Fact::Number(number) => RestrictedExpression::new_long(*number),
            Fact::Flag(flag) => RestrictedExpression::new_bool(*flag),
            Fact::Id(id) => RestrictedExpression::new_entity_uid(self.uid(("Path", id.as_str()))?),
        })
    }

    /// The entities that the evaluation can look into, and no others.
    fn entities(
        &self,
        reads: &Reads,
        action: &str,
        request: &Request<'_>,
    ) -> Result<Entities, Error> {
        let mut entities: HashMap<EntityUid, Entity> = HashMap::new();
        let action = self.schema.action(action).ok_or_else(|| Error::broken("no such action"))?;
        entities.insert(action.uid(), action.clone());
        if reads.principal {
            let entity = self.principal_entity(request)?;
            entities.insert(entity.uid(), entity);
        }
        if reads.resource {
            let entity = self.resource_entity(request)?;
            entities.insert(entity.uid(), entity);
        }
        for (name, fact) in &request.context {
            if let (Fact::Id(id), true) = (fact, reads.reads_field(name)) {
                let mut above: HashSet<EntityUid> =
                    self.above("Path", Some(id)).into_iter().collect();
                let uid = self.uid(("Path", id.as_str()))?;
                above.remove(&uid);
                entities.insert(uid.clone(), Entity::new_no_attrs(uid, above));
            }
        }
        Entities::from_entities(entities.into_values(), None).map_err(Error::broken)
    }

    fn principal_entity(&self, request: &Request<'_>) -> Result<Entity, Error> {
        let (kind, _) = request.principal;
        let shape = shape_of(kind)
            .ok_or_else(|| Error::broken(format_args!("no such principal: {kind}")))?;
        let mut attributes = HashMap::new();
        if shape.spiffe_id {
            let id = request.principal_id.map_or("", SpiffeId::as_str);
            attributes
                .insert("spiffe_id".to_owned(), RestrictedExpression::new_string(id.to_owned()));
        }
        if shape.registrar {
            attributes.insert("registrar".to_owned(), self.registrar(&self.held(request))?);
        }
        let above = self.above_principal(request).into_iter().collect();
        Entity::new(self.uid(request.principal)?, attributes, above).map_err(Error::broken)
    }

    fn registrar(&self, held: &Held) -> Result<RestrictedExpression, Error> {
        let all = std::iter::once(None).chain(Right::ALL.into_iter().map(Some));
        let fields = all.map(|right| {
            let paths = held.paths(right).map(|path| self.uid(("Path", path.as_str())));
            let paths: Vec<EntityUid> = paths.collect::<Result<_, Error>>()?;
            let set = RestrictedExpression::new_set(
                paths.into_iter().map(RestrictedExpression::new_entity_uid),
            );
            Ok((right.map_or("read", Right::as_str).to_owned(), set))
        });
        let fields: Vec<_> = fields.collect::<Result<_, Error>>()?;
        RestrictedExpression::new_record(fields).map_err(Error::broken)
    }

    fn resource_entity(&self, request: &Request<'_>) -> Result<Entity, Error> {
        let (kind, _) = request.resource;
        let shape = shape_of(kind)
            .ok_or_else(|| Error::broken(format_args!("no such resource: {kind}")))?;
        let mut attributes = HashMap::new();
        if shape.spiffe_id {
            let id = request.resource_id.map_or("", SpiffeId::as_str);
            attributes
                .insert("spiffe_id".to_owned(), RestrictedExpression::new_string(id.to_owned()));
        }
        if shape.path {
            let path = request.resource_id.map_or("", SpiffeId::path);
            attributes.insert("path".to_owned(), RestrictedExpression::new_string(path.to_owned()));
        }
        let above = self.above(kind, request.resource_id).into_iter().collect();
        Entity::new(self.uid(request.resource)?, attributes, above).map_err(Error::broken)
    }

    /// The roles and paths that the principal is in.
    fn above_principal(&self, request: &Request<'_>) -> Vec<EntityUid> {
        let mut above = self.above(request.principal.0, request.principal_id);
        if shape_of(request.principal.0).is_some_and(|shape| shape.in_roles) {
            let roles = self.held(request).roles();
            above.extend(
                roles
                    .into_iter()
                    .map(Role::as_str)
                    .filter_map(|role| self.schema.uid("Role", role)),
            );
        }
        above
    }

    /// The known paths that hold this ID, itself among them.
    fn above(&self, kind: &str, id: Option<&SpiffeId>) -> Vec<EntityUid> {
        let (Some(id), true) = (id, shape_of(kind).is_some_and(|shape| shape.in_paths)) else {
            return Vec::new();
        };
        let text = id.as_str();
        let inner = text.match_indices('/').map(|(at, _)| at).filter(|at| *at >= "spiffe://".len());
        let prefixes = inner.chain(std::iter::once(text.len())).filter_map(|end| text.get(..end));
        let known = prefixes.filter(|prefix| self.paths.contains(*prefix));
        known.filter_map(|path| self.schema.uid("Path", path)).collect()
    }

    /// Makes the entities of this question and lets Cedar compare them with the schema.
    #[cfg(test)]
    pub(super) fn check_shapes(&self, request: &Request<'_>) -> Result<(), Error> {
        let entities = [self.principal_entity(request)?, self.resource_entity(request)?];
        Entities::from_entities(entities, Some(self.schema.cedar()))
            .map(|_| ())
            .map_err(Error::broken)
    }

    fn uid(&self, (kind, id): (&str, &str)) -> Result<EntityUid, Error> {
        self.schema
            .uid(kind, id)
            .ok_or_else(|| Error::broken(format_args!("the schema has no type `{kind}`")))
    }
}

/// A policy that cannot be evaluated may be a forbid: no answer is taken from a set that holds one.
fn ask(
    policies: &PolicySet,
    request: &CedarRequest,
    entities: &Entities,
) -> Result<Response, Error> {
    let response = Authorizer::new().is_authorized(request, policies, entities);
    let errors: Vec<String> = response.diagnostics().errors().map(ToString::to_string).collect();
    if errors.is_empty() { Ok(response) } else { Err(Error::broken(errors.join("; "))) }
}

fn places(candidates: &Candidates, policies: &Policies, response: &Response) -> Vec<usize> {
    let named: HashSet<&str> = response.diagnostics().reason().map(AsRef::as_ref).collect();
    let is_named =
        |place: &usize| policies.rules.get(*place).is_some_and(|rule| named.contains(&*rule.id));
    candidates.rules.iter().copied().filter(is_named).collect()
}

fn lifetime(policies: &Policies, place: usize) -> Option<Lifetime> {
    match policies.rules.get(place)?.does {
        Does::Permit(lifetime) => lifetime,
        Does::Limit(lifetime) => Some(lifetime),
        Does::Forbid | Does::StepUp => None,
    }
}

/// The facts that the answer can depend on, one after the other, each with its length, so that no two lists look alike.
fn key(reads: &Reads, request: &Request<'_>) -> Vec<u8> {
    let mut key = Vec::with_capacity(KEY_BYTES);
    let mut text = |tag: u8, text: &str| {
        key.push(tag);
        key.extend_from_slice(&text.len().to_be_bytes());
        key.extend_from_slice(text.as_bytes());
    };
    if reads.principal {
        text(b'p', request.principal.1);
        text(b'P', request.principal_id.map_or("", SpiffeId::as_str));
    }
    if reads.resource {
        text(b'r', request.resource.1);
        text(b'R', request.resource_id.map_or("", SpiffeId::as_str));
    }
    if reads.reads_field("own") {
        text(b'o', if is_own(request) { "1" } else { "0" });
    }
    for (name, fact) in request.context.iter().filter(|(name, _)| reads.reads_field(name)) {
        text(b'n', name);
        match fact {
            Fact::Text(value) => text(b't', value),
            Fact::Id(value) => text(b'i', value.as_str()),
            Fact::Number(value) => text(b'#', &value.to_string()),
            Fact::Flag(value) => text(b'?', if *value { "1" } else { "0" }),
        }
    }
    key
}

/// True if the caller asks about the SPIFFE ID it shows.
fn is_own(request: &Request<'_>) -> bool {
    request.principal_id.is_some() && request.principal_id == request.resource_id
}

/// The questions that whoever holds the machine can always have answered by the policies as shipped.
const WAY_BACK: [&str; 6] =
    ["ReadPolicy", "ReadRole", "SetPolicy", "DeletePolicy", "BindRole", "UnbindRole"];
/// Room for the facts of a usual question, so that building the key allocates once.
const KEY_BYTES: usize = 192;
