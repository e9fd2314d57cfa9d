//! The published schema: which actions there are, between which types, and the entities of actions and their groups.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cedar_policy::{Entities, Entity, EntityId, EntityTypeName, EntityUid, Schema, SchemaFragment};
use serde_json::Value;

use super::model::Fact;
use super::situation;
use super::standing::FACTS;

use crate::kernel::Fault;

/// The schema's text, which is also what administrators write policies against.
pub(super) const TEXT: &str = include_str!("../../config/policies/weft.cedarschema");

/// One sort of question.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Triple {
    pub(super) principal: String,
    pub(super) action: String,
    pub(super) resource: String,
}

/// The parsed schema.
#[derive(Debug)]
pub(super) struct Published {
    cedar: Schema,
    triples: BTreeSet<Triple>,
    kinds: BTreeMap<&'static str, EntityTypeName>,
    actions: HashMap<String, Entity>,
    groups: BTreeMap<String, BTreeSet<String>>,
    facts: HashMap<String, Vec<(String, FactKind)>>,
}

/// The sort of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FactKind {
    Text,
    Number,
    Flag,
    Texts,
    Address,
    Path,
}

impl Fact<'_> {
    /// Its sort.
    pub(super) const fn kind(&self) -> FactKind {
        match self {
            Self::Text(_) => FactKind::Text,
            Self::Number(_) => FactKind::Number,
            Self::Flag(_) => FactKind::Flag,
            Self::Texts(_) => FactKind::Texts,
            Self::Address(_) => FactKind::Address,
            Self::Id(_) => FactKind::Path,
        }
    }
}

impl FactKind {
    /// For whoever gave something else.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a whole number",
            Self::Flag => "true or false",
            Self::Texts => "a list of texts",
            Self::Address => "a network address",
            Self::Path => "a SPIFFE ID",
        }
    }
}

/// One entity type, as the schema has it: the trees its entities are in, and their attributes. A test compares the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) within: &'static [&'static str],
    pub(super) attributes: &'static [&'static str],
}

impl Shape {
    pub(super) fn is_in(&self, tree: &str) -> bool {
        self.within.contains(&tree)
    }
}

const fn shape(
    name: &'static str,
    within: &'static [&'static str],
    attributes: &'static [&'static str],
) -> Shape {
    Shape { name, within, attributes }
}

/// Every entity type whose entities we make.
pub(super) const SHAPES: &[Shape] = &[
    shape("Node", &["Path"], &["spiffe_id"]),
    shape("Workload", &["Role", "Path"], &["spiffe_id", "registrar"]),
    shape("User", &["Role", "Path"], &["spiffe_id", "registrar"]),
    shape("Device", &["Path"], &["spiffe_id", "path"]),
    shape("Local", &["Role"], &["registrar"]),
    shape("Nobody", &[], &[]),
    shape("Role", &[], &[]),
    shape("Path", &["Path"], &[]),
    shape("Account", &["Path"], &["spiffe_id", "path"]),
    shape("Agent", &["Path"], &["spiffe_id", "path"]),
    shape("Authority", &[], &[]),
    shape("Bundle", &[], &[]),
    shape("Client", &[], &[]),
    shape("Containment", &[], &[]),
    shape("DeviceToken", &[], &[]),
    shape("Entry", &["Path"], &["spiffe_id", "path"]),
    shape("Events", &[], &[]),
    shape("Group", &[], &[]),
    shape("JoinToken", &["Path"], &["spiffe_id", "path"]),
    shape("Policy", &[], &[]),
    shape("PostureModel", &[], &[]),
    shape("PostureSource", &[], &[]),
    shape("Realm", &[], &[]),
    shape("RoleBinding", &[], &[]),
    shape("Session", &[], &[]),
    shape("Svid", &["Path"], &["spiffe_id", "path"]),
    shape("Upstream", &[], &[]),
];

impl Published {
    /// Parses the schema of this build.
    pub(super) fn parse() -> Result<Self, Fault> {
        let (cedar, _warnings) = Schema::from_cedarschema_str(TEXT)
            .map_err(|error| Fault::malformed("schema", error))?;
        let entities = cedar.action_entities().map_err(Fault::bug)?;
        let mut kinds = BTreeMap::new();
        for shape in SHAPES.iter().copied() {
            let name: EntityTypeName = shape.name.parse().map_err(Fault::bug)?;
            kinds.insert(shape.name, name);
        }
        let mut published = Self {
            triples: BTreeSet::new(),
            kinds,
            actions: HashMap::new(),
            groups: BTreeMap::new(),
            facts: facts()?,
            cedar,
        };
        for environment in published.cedar.request_envs() {
            published.triples.insert(Triple {
                principal: environment.principal().basename().to_owned(),
                action: environment.action().id().unescaped().to_owned(),
                resource: environment.resource().basename().to_owned(),
            });
        }
        let actions: Vec<EntityUid> = published.cedar.actions().cloned().collect();
        for action in &actions {
            published.learn_action(&entities, action);
        }
        Ok(published)
    }

    fn learn_action(&mut self, entities: &Entities, action: &EntityUid) {
        let name = action.id().unescaped().to_owned();
        if let Some(entity) = entities.get(action) {
            self.actions.insert(name.clone(), entity.clone());
        }
        let groups = entities.ancestors(action).into_iter().flatten();
        self.groups.insert(name, groups.map(|group| group.id().unescaped().to_owned()).collect());
    }

    pub(super) fn cedar(&self) -> &Schema {
        &self.cedar
    }

    /// Every question that the schema knows.
    pub(super) fn triples(&self) -> impl Iterator<Item = &Triple> {
        self.triples.iter()
    }

    /// The entity of an action, with its groups.
    pub(super) fn action(&self, name: &str) -> Option<&Entity> {
        self.actions.get(name)
    }

    /// The facts that whoever asks this gives, by name: those of the action's context but the ones that every context has.
    pub(super) fn facts(&self, action: &str) -> Option<&[(String, FactKind)]> {
        self.facts.get(action).map(Vec::as_slice)
    }

    /// The actions that can be asked, by name.
    pub(super) fn asked(&self) -> impl Iterator<Item = &str> {
        let names: BTreeSet<&str> = self.facts.keys().map(String::as_str).collect();
        names.into_iter()
    }

    /// True if the action is this one or in this group.
    pub(super) fn action_is_in(&self, action: &str, group: &EntityUid) -> bool {
        let group = group.id().unescaped();
        group == action || self.groups.get(action).is_some_and(|groups| groups.contains(group))
    }

    /// The actions that make credentials.
    pub(super) fn issuing(&self) -> impl Iterator<Item = &str> {
        self.groups
            .iter()
            .filter(|(_, groups)| groups.contains("Issue"))
            .map(|(name, _)| name.as_str())
    }

    /// True if the action is asked often enough to remember answers: issuance, and the daily calls of agents.
    pub(super) fn is_hot(&self, action: &str) -> bool {
        self.groups
            .get(action)
            .is_some_and(|groups| groups.contains("Issue") || groups.contains("Serve"))
    }

    /// The entity of this type with this id, whatever characters it has: nothing is parsed.
    pub(super) fn uid(&self, kind: &str, id: &str) -> Option<EntityUid> {
        let name = self.kinds.get(kind)?;
        Some(EntityUid::from_type_name_and_id(name.clone(), EntityId::new(id)))
    }
}

/// The facts of each action, from the schema's JSON form: Cedar shows contexts there alone.
fn facts() -> Result<HashMap<String, Vec<(String, FactKind)>>, Fault> {
    let (fragment, _warnings) = SchemaFragment::from_cedarschema_str(TEXT).map_err(Fault::bug)?;
    let schema = fragment.to_json_value().map_err(Fault::bug)?;
    let part = |name: &str| schema.get("").and_then(|all| all.get(name)).and_then(Value::as_object);
    let types = part("commonTypes");
    let mut facts = HashMap::new();
    for (action, known) in part("actions").into_iter().flatten() {
        let Some(context) = known.get("appliesTo").and_then(|to| to.get("context")) else {
            continue;
        };
        let named = types.and_then(|types| types.get(type_name(context)));
        let attributes = named.unwrap_or(context).get("attributes").and_then(Value::as_object);
        let given = attributes.into_iter().flatten().filter(|(name, _)| {
            let name = name.as_str();
            !["own", "now_seconds"].contains(&name)
                && !FACTS.contains(&name)
                && !situation::FACTS.contains(&name)
        });
        let kinds = given.map(|(name, of)| (name.clone(), kind(of)));
        facts.insert(action.clone(), kinds.collect());
    }
    Ok(facts)
}

fn kind(attribute: &Value) -> FactKind {
    match type_name(attribute) {
        "Long" => FactKind::Number,
        "Bool" | "Boolean" => FactKind::Flag,
        "Set" => FactKind::Texts,
        "ipaddr" => FactKind::Address,
        "Path" => FactKind::Path,
        _ => FactKind::Text,
    }
}

/// The type of something in the schema's JSON form, without the namespace of Cedar's own.
fn type_name(of: &Value) -> &str {
    let name = of.get("name").or_else(|| of.get("type")).and_then(Value::as_str);
    let name = name.unwrap_or_default();
    name.strip_prefix("__cedar::").unwrap_or(name)
}

/// True if an entity of the one type can be in one of the other.
pub(super) fn can_be_in(kind: &str, outer: &str) -> bool {
    shape_of(kind).is_some_and(|shape| shape.is_in(outer))
}

/// The shape of a type.
pub(super) fn shape_of(kind: &str) -> Option<&'static Shape> {
    SHAPES.iter().find(|shape| shape.name == kind)
}
