//! A question in Cedar's terms: the request, and the few entities that the evaluation can look into.
//!
//! Every id becomes an entity's id as it is; nothing here is ever parsed as policy text.

use std::collections::{HashMap, HashSet};
use std::sync::PoisonError;

use cedar_policy::{
    Context, Entities, Entity, EntityUid, Request as CedarRequest, RestrictedExpression,
};

use super::decide::Question;
use super::model::{Error, Fact};
use super::roles::{Held, Right, Role};
use super::rule::Reads;
use super::schema::shape_of;
use super::situation;
use super::standing::Posture;
use crate::kernel::SpiffeId;

impl Question<'_> {
    /// The request with the facts that policies with these reads can look at; refused where a fact is missing, too many, or of
    /// another type than the schema says. Types of principal and resource fit: the question has a cell.
    pub(super) fn cedar_request(self, reads: &Reads) -> Result<CedarRequest, Error> {
        if !self.cell.fits(&self.request.context) {
            let (action, wants) = (self.action, self.cell.wants());
            return Err(Error::broken(format_args!("`{action}` is asked with {wants} alone")));
        }
        let (principal, resource) =
            (self.uid(self.request.principal)?, self.uid(self.request.resource)?);
        let (action, context) = (self.action_entity()?.uid(), self.context(reads)?);
        // Without the schema, of which the engine would copy and walk all of the context: what it says was looked at above.
        CedarRequest::new(principal, action, resource, context, None).map_err(Error::broken)
    }

    fn context(self, reads: &Reads) -> Result<Context, Error> {
        let posture = Posture::read(self.request.standing, reads, self.now);
        let posture = posture.facts();
        let ours =
            [("own", Fact::Flag(self.is_own())), ("now_seconds", Fact::Number(self.now.seconds()))];
        let situation = situation::facts(self.request.situation, self.now);
        let all = ours.iter().chain(&posture).chain(&situation).chain(&self.request.context);
        let read = all.filter(|(name, _)| reads.reads_field(name));
        let pairs: Vec<(String, RestrictedExpression)> = read
            .map(|(name, fact)| Ok(((*name).to_owned(), self.expression(fact)?)))
            .collect::<Result<_, Error>>()?;
        Context::from_pairs(pairs).map_err(Error::broken)
    }

    /// The entities that policies with these reads can look into, and no others.
    pub(super) fn entities(self, reads: &Reads) -> Result<Entities, Error> {
        let mut entities = HashMap::new();
        if reads.action {
            let entity = self.action_entity()?;
            entities.insert(entity.uid(), entity.clone());
        }
        if reads.principal {
            let entity = self.principal_entity()?;
            entities.insert(entity.uid(), entity);
        }
        if reads.resource {
            let entity = self.resource_entity()?;
            entities.insert(entity.uid(), entity);
        }
        for (name, fact) in &self.request.context {
            if let (Fact::Id(id), true) = (fact, reads.reads_field(name)) {
                let uid = self.uid(("Path", id.as_str()))?;
                let above = self.above("Path", Some(id)).into_iter().filter(|path| *path != uid);
                entities.insert(uid.clone(), Entity::new_no_attrs(uid.clone(), above.collect()));
            }
        }
        if entities.is_empty() {
            return Ok(Entities::empty());
        }
        Entities::from_entities(entities.into_values(), None).map_err(Error::broken)
    }

    /// True if the caller asks about the SPIFFE ID it shows.
    pub(super) fn is_own(self) -> bool {
        self.request.principal_id.is_some() && self.request.principal_id == self.request.resource_id
    }

    /// The roles and paths that the principal is in.
    pub(super) fn above_principal(self) -> Vec<EntityUid> {
        let (kind, _) = self.request.principal;
        let mut above = self.above(kind, self.request.principal_id);
        if shape_of(kind).is_some_and(|shape| shape.is_in("Role")) {
            let roles = self.rights.held(self.request).roles().into_iter().map(Role::as_str);
            above.extend(roles.filter_map(|role| self.rights.schema.uid("Role", role)));
        }
        above
    }

    /// The paths that the resource is in.
    pub(super) fn above_resource(self) -> Vec<EntityUid> {
        self.above(self.request.resource.0, self.request.resource_id)
    }

    /// The entity of this type and id.
    pub(super) fn uid(self, (kind, id): (&str, &str)) -> Result<EntityUid, Error> {
        let uid = self.rights.schema.uid(kind, id);
        uid.ok_or_else(|| Error::broken(format_args!("the schema has no type `{kind}`")))
    }

    fn action_entity(&self) -> Result<&Entity, Error> {
        let entity = self.rights.schema.action(self.action);
        entity.ok_or_else(|| {
            Error::broken(format_args!("the schema has no action `{}`", self.action))
        })
    }

    fn principal_entity(self) -> Result<Entity, Error> {
        let (kind, id) = self.request.principal;
        let holders = &self.rights.holders;
        let spiffe = self.request.principal_id.map_or("", SpiffeId::as_str);
        let key = format!("{kind} {id} {spiffe}");
        if let Some(known) = holders.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(known.clone());
        }
        let entity = self.entity((kind, id), self.request.principal_id, self.above_principal())?;
        if !self.rights.held(self.request).is_empty() {
            let mut holders = holders.write().unwrap_or_else(PoisonError::into_inner);
            if holders.len() >= HOLDERS_MAX {
                holders.clear();
            }
            holders.insert(key, entity.clone());
        }
        Ok(entity)
    }

    fn resource_entity(self) -> Result<Entity, Error> {
        let above = self.above_resource();
        self.entity(self.request.resource, self.request.resource_id, above)
    }

    fn entity(
        self,
        (kind, name): (&str, &str),
        id: Option<&SpiffeId>,
        above: Vec<EntityUid>,
    ) -> Result<Entity, Error> {
        let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
        let mut attributes = HashMap::new();
        for attribute in shape_of(kind).map_or(&[][..], |shape| shape.attributes) {
            let value = match *attribute {
                "spiffe_id" => text(id.map_or("", SpiffeId::as_str)),
                "path" => text(id.map_or("", SpiffeId::path)),
                _ => self.registrar(&self.rights.held(self.request))?,
            };
            attributes.insert((*attribute).to_owned(), value);
        }
        let above: HashSet<EntityUid> = above.into_iter().collect();
        Entity::new(self.uid((kind, name))?, attributes, above).map_err(Error::broken)
    }

    /// For each right of a registrar, the paths it is held on.
    fn registrar(self, held: &Held) -> Result<RestrictedExpression, Error> {
        let mut fields = Vec::new();
        for right in std::iter::once(None).chain(Right::ALL.into_iter().map(Some)) {
            let paths = held.paths(right).map(|path| self.uid(("Path", path.as_str())));
            let paths: Vec<EntityUid> = paths.collect::<Result<_, Error>>()?;
            let paths = paths.into_iter().map(RestrictedExpression::new_entity_uid);
            let name = right.map_or("read", Right::as_str);
            fields.push((name.to_owned(), RestrictedExpression::new_set(paths)));
        }
        RestrictedExpression::new_record(fields).map_err(Error::broken)
    }

    fn expression(self, fact: &Fact<'_>) -> Result<RestrictedExpression, Error> {
        Ok(match fact {
            Fact::Text(text) => RestrictedExpression::new_string((*text).to_owned()),
            Fact::Texts(texts) => RestrictedExpression::new_set(
                texts.iter().map(|text| RestrictedExpression::new_string(text.clone())),
            ),
            Fact::Number(number) => RestrictedExpression::new_long(*number),
            Fact::Flag(flag) => RestrictedExpression::new_bool(*flag),
            Fact::Address(ip) => RestrictedExpression::new_ip(ip.to_string()),
            Fact::Id(id) => RestrictedExpression::new_entity_uid(self.uid(("Path", id.as_str()))?),
        })
    }

    /// The known paths that hold this ID, itself among them.
    fn above(self, kind: &str, id: Option<&SpiffeId>) -> Vec<EntityUid> {
        let (Some(id), true) = (id, shape_of(kind).is_some_and(|shape| shape.is_in("Path"))) else {
            return Vec::new();
        };
        let text = id.as_str();
        let ends = text.match_indices('/').map(|(at, _)| at).filter(|at| *at >= "spiffe://".len());
        let prefixes = ends.chain(std::iter::once(text.len())).filter_map(|end| text.get(..end));
        let known = prefixes.filter(|prefix| self.rights.paths.contains(*prefix));
        known.filter_map(|path| self.rights.schema.uid("Path", path)).collect()
    }

    /// Makes the entities and the context of this question and lets Cedar compare them with the schema.
    #[cfg(test)]
    pub(super) fn check_shapes(self) -> Result<(), Error> {
        let entities = [self.principal_entity()?, self.resource_entity()?];
        let schema = Some(self.rights.schema.cedar());
        Entities::from_entities(entities, schema).map(|_| ()).map_err(Error::broken)?;
        let everything = Reads { whole_context: true, ..Reads::default() };
        let request = self.cedar_request(&everything)?;
        let parts = (request.principal(), request.action(), request.resource());
        let (Some(principal), Some(action), Some(resource)) = parts else {
            return Err(Error::broken("a part is unknown"));
        };
        let uids = (principal.clone(), action.clone(), resource.clone());
        let context = self.context(&everything)?;
        CedarRequest::new(uids.0, uids.1, uids.2, context, schema)
            .map(|_| ())
            .map_err(Error::broken)
    }
}

/// Entities of holders kept; each some kilobytes.
const HOLDERS_MAX: usize = 256;
