//! What each operation on entries, and each call of an agent, asks of the policy. The facts are those of the published schema.

use crate::access::{Action, Asker, Fact, Request};
use crate::kernel::{Lifetime, RealmId, Situation, SpiffeId, Timestamp, TrustDomain};
use crate::nodes::NodeCaller;

use super::model::Terms;

/// Make an entry.
#[derive(Debug)]
pub(super) struct CreateEntry<'a> {
    pub(super) realm: RealmId,
    pub(super) by: &'a Asker,
    pub(super) terms: &'a Terms,
}

/// Change an entry.
#[derive(Debug)]
pub(super) struct UpdateEntry<'a> {
    pub(super) realm: RealmId,
    pub(super) by: &'a Asker,
    pub(super) old: &'a Terms,
    pub(super) new: &'a Terms,
}

/// Remove an entry.
#[derive(Debug)]
pub(super) struct DeleteEntry<'a> {
    pub(super) realm: RealmId,
    pub(super) by: &'a Asker,
    pub(super) spiffe_id: &'a SpiffeId,
}

/// Look at an entry, or at those of a path.
#[derive(Debug)]
pub(super) struct ReadEntry<'a> {
    pub(super) realm: RealmId,
    pub(super) by: &'a Asker,
    pub(super) spiffe_id: &'a SpiffeId,
}

/// Ask why a workload gets no identity.
#[derive(Debug)]
pub(super) struct ExplainEntry<'a> {
    pub(super) realm: RealmId,
    pub(super) by: &'a Asker,
    pub(super) spiffe_id: &'a SpiffeId,
}

/// An agent asks for what it is authorised for.
#[derive(Debug)]
pub(super) struct SyncEntries<'a>(pub(super) &'a NodeCaller);

/// Somebody asks for our own bundle.
#[derive(Debug)]
pub(super) struct GetBundle(pub(super) RealmId);

/// An agent asks for the bundle of a foreign trust domain.
#[derive(Debug)]
pub(super) struct GetFederatedBundle<'a>(pub(super) &'a NodeCaller, pub(super) &'a TrustDomain);

impl Action for CreateEntry<'_> {
    const NAME: &'static str = "CreateEntry";

    fn request(&self) -> Request<'_> {
        let context = asks(self.terms, self.terms);
        request(self.realm, self.by, &self.terms.spiffe_id, context)
    }
}

impl Action for UpdateEntry<'_> {
    const NAME: &'static str = "UpdateEntry";

    fn request(&self) -> Request<'_> {
        request(self.realm, self.by, &self.new.spiffe_id, asks(self.old, self.new))
    }
}

impl Action for DeleteEntry<'_> {
    const NAME: &'static str = "DeleteEntry";

    fn request(&self) -> Request<'_> {
        request(self.realm, self.by, self.spiffe_id, Vec::new())
    }
}

impl Action for ReadEntry<'_> {
    const NAME: &'static str = "ReadEntry";

    fn request(&self) -> Request<'_> {
        request(self.realm, self.by, self.spiffe_id, Vec::new())
    }
}

impl Action for ExplainEntry<'_> {
    const NAME: &'static str = "ExplainEntry";

    fn request(&self) -> Request<'_> {
        request(self.realm, self.by, self.spiffe_id, Vec::new())
    }
}

impl Action for SyncEntries<'_> {
    const NAME: &'static str = "SyncEntries";

    fn request(&self) -> Request<'_> {
        let id = &self.0.agent.id;
        Request { resource_id: Some(id), ..by_agent(self.0, ("Agent", id.as_str())) }
    }
}

impl Action for GetBundle {
    const NAME: &'static str = "GetBundle";

    fn request(&self) -> Request<'_> {
        Request {
            realm: self.0,
            principal: ("Nobody", "nobody"),
            principal_id: None,
            actor: None,
            resource: ("Bundle", "own"),
            resource_id: None,
            context: Vec::new(),
            standing: None,
            situation: Situation::unknown(),
            evidence_expires: Timestamp::FOREVER,
        }
    }
}

impl Action for GetFederatedBundle<'_> {
    const NAME: &'static str = "GetFederatedBundle";

    fn request(&self) -> Request<'_> {
        by_agent(self.0, ("Bundle", self.1.as_str()))
    }
}

fn by_agent<'a>(caller: &'a NodeCaller, resource: (&'static str, &'a str)) -> Request<'a> {
    let agent = &caller.agent;
    Request {
        realm: caller.realm,
        principal: ("Node", agent.id.as_str()),
        principal_id: Some(&agent.id),
        actor: Some(agent.number),
        resource,
        resource_id: None,
        context: Vec::new(),
        standing: None,
        situation: &caller.situation,
        evidence_expires: caller.svid.expires,
    }
}

fn request<'a>(
    realm: RealmId,
    by: &'a Asker,
    id: &'a SpiffeId,
    context: Vec<(&'static str, Fact<'a>)>,
) -> Request<'a> {
    Request {
        realm,
        principal: by.principal(),
        principal_id: by.spiffe_id(),
        actor: None,
        resource: ("Entry", id.as_str()),
        resource_id: Some(id),
        context,
        standing: by.standing(),
        situation: by.situation(),
        evidence_expires: Timestamp::FOREVER,
    }
}

/// Each fact of the old or the new entry, whichever asks for more: an update that only takes away is no way round a
/// right that the entry needed.
fn asks<'a>(old: &'a Terms, new: &'a Terms) -> Vec<(&'static str, Fact<'a>)> {
    let most = |count: fn(&Terms) -> i64| Fact::Number(count(old).max(count(new)));
    vec![
        ("parent", Fact::Id(&new.parent_id)),
        ("was", Fact::Id(&old.spiffe_id)),
        ("admin", Fact::Flag(old.admin || new.admin)),
        ("downstream", Fact::Flag(old.downstream || new.downstream)),
        ("dns_names", most(|terms| count(terms.dns_names.len()))),
        ("federates_with", most(|terms| count(terms.federates_with.len()))),
        ("x509_svid_ttl_seconds", most(|terms| seconds(terms.x509_svid_ttl))),
        ("jwt_svid_ttl_seconds", most(|terms| seconds(terms.jwt_svid_ttl))),
    ]
}

fn count(items: usize) -> i64 {
    i64::try_from(items).unwrap_or(i64::MAX)
}

fn seconds(ttl: Option<Lifetime>) -> i64 {
    ttl.map_or(0, Lifetime::as_seconds)
}
