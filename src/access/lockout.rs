//! Who could still repair the rights of a realm: a change of policies that leaves no administrator able to is refused.
//!
//! Whoever holds the machine always can, at the local socket; that is a way back, and no reason to lose all others by a
//! slip. Asked are the admin API's own questions, with what speaks best for the administrator; whether they come in at a
//! sign-in depends on facts that nobody knows before, such as the address.

use std::sync::Arc;

use super::asker::Asker;
use super::decide::RealmRights;
use super::model::{Error, Fact, Request};
use super::policies::{Documents, Policies};
use super::roles::{Given, Holder};
use super::{Access, shipped_documents};
use crate::kernel::{BasisPoints, Level, RealmId, Standing, Timestamp};

impl Access {
    /// Everything that decides in a realm, with this document in the place of its own of that name, or without it.
    pub(super) fn with_document(
        &self,
        realm: RealmId,
        (name, text): (&str, Option<&Arc<str>>),
    ) -> Result<RealmRights, Error> {
        let now = self.realm(realm)?;
        let mut own = now.own.clone();
        match text {
            Some(text) => own.insert(name.to_owned(), Arc::clone(text)),
            None => own.remove(name),
        };
        self.with_documents(realm, own)
    }

    /// Everything that decides in a realm, with these documents as its own.
    pub(super) fn with_documents(
        &self,
        realm: RealmId,
        own: Documents,
    ) -> Result<RealmRights, Error> {
        let now = self.realm(realm)?;
        let mut all = shipped_documents();
        all.extend(own.clone());
        let policies = Policies::compile(&self.inner.schema, &all).map_err(Error::broken)?;
        Ok(self.rights(own, Ok(Arc::new(policies)), now.roles.clone(), now.rights_seq))
    }

    /// The administrators of a realm who could change its rights now, and none of whom could after this change; empty
    /// where somebody can, or where nobody could anyway.
    pub(super) fn locked_out(
        &self,
        realm: RealmId,
        change: (&str, Option<&Arc<str>>),
    ) -> Result<Vec<Holder>, Error> {
        let now = self.inner.clock.now();
        let before = self.realm(realm)?.administrators(now);
        if before.is_empty() || !self.with_document(realm, change)?.administrators(now).is_empty() {
            return Ok(Vec::new());
        }
        Ok(before)
    }
}

impl RealmRights {
    /// The holders of the role admin who can change policies and roles, on their best device or on none.
    pub(super) fn administrators(&self, now: Timestamp) -> Vec<Holder> {
        let admins = self.roles.all().filter(|binding| binding.given == Given::Admin);
        let mut able: Vec<Holder> = admins
            .map(|binding| binding.holder.clone())
            .filter(|holder| {
                [None, Some(best(now))]
                    .iter()
                    .any(|standing| self.repairs(holder, standing.as_ref(), now))
            })
            .collect();
        able.sort();
        able.dedup();
        able
    }

    fn repairs(&self, holder: &Holder, standing: Option<&Standing>, now: Timestamp) -> bool {
        let asker = Asker::holding(holder);
        let asks = [
            ("SetPolicy", ("Policy", "policy"), Vec::new()),
            (
                "BindRole",
                ("RoleBinding", "binding"),
                vec![("role", Fact::Text("viewer")), ("holds", Fact::Flag(true))],
            ),
        ];
        asks.into_iter().all(|(action, resource, context)| {
            let plain = asker.request(RealmId::FIRST, resource, None);
            let request = Request { context, standing, ..plain };
            self.question(action, &request, now).is_ok_and(|question| question.decide().is_ok())
        })
    }
}

/// A device that everything is right with.
fn best(now: Timestamp) -> Standing {
    Standing {
        level: Level::High,
        score: Some(BasisPoints::ONE),
        confidence: BasisPoints::ONE,
        reported: Some(now),
        ..Standing::unknown()
    }
}
