//! The published schema: which actions there are, between which types, and the entities of actions and their groups.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cedar_policy::{Entities, Entity, EntityId, EntityTypeName, EntityUid, Schema};

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
    shape("DeviceToken", &[], &[]),
    shape("Entry", &["Path"], &["spiffe_id", "path"]),
    shape("Events", &[], &[]),
    shape("Group", &[], &[]),
    shape("JoinToken", &["Path"], &["spiffe_id", "path"]),
    shape("Policy", &[], &[]),
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

/// True if an entity of the one type can be in one of the other.
pub(super) fn can_be_in(kind: &str, outer: &str) -> bool {
    shape_of(kind).is_some_and(|shape| shape.is_in(outer))
}

/// The shape of a type.
pub(super) fn shape_of(kind: &str) -> Option<&'static Shape> {
    SHAPES.iter().find(|shape| shape.name == kind)
}
