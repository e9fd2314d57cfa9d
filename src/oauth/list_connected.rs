//! What a person gave to which applications, as they look at it themselves.

use std::collections::{BTreeMap, BTreeSet};

use super::grant::Grant;
use super::{Oauth, store};
use crate::kernel::{ClientId, Failure, Fault, RealmId, Timestamp, UserId};
use crate::sessions::Revocable;

/// An application, and what it has of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Which.
    pub client: ClientId,
    /// What people call it; its id, if it is gone.
    pub name: String,
    /// What it may ask for without asking the person, or has now.
    pub scopes: BTreeSet<String>,
    /// For which resources, beside what it is told of the person.
    pub resources: BTreeSet<String>,
    /// When the first of it was given.
    pub since: Timestamp,
    /// When it last came for tokens.
    pub used: Option<Timestamp>,
}

/// What the rows say.
struct Rows {
    consents: Vec<store::Consent>,
    grants: Vec<(Grant, Option<Timestamp>)>,
}

impl Oauth {
    /// The applications that a person is connected with, by name: those that were agreed to, and those that hold something now.
    pub async fn connected(
        &self,
        realm: RealmId,
        user: UserId,
    ) -> Result<Vec<Connection>, Failure> {
        let read: Result<Rows, Fault> = self
            .env
            .db
            .read(realm, (user, self.now()), |tx, (user, now)| {
                Box::pin(async move {
                    let consents = store::consents_of(tx, *user).await?;
                    let grants = store::grants_and_use(tx, *user, *now).await?;
                    Ok(Rows { consents, grants })
                })
            })
            .await;
        let Rows { consents, mut grants } = read?;
        grants.retain(|(grant, _)| self.is_held(realm, grant));
        let mut all: BTreeMap<ClientId, Connection> = BTreeMap::new();
        for consent in consents {
            let one = self.entry(&mut all, realm, (consent.client, consent.given_at));
            one.scopes.extend(consent.scopes.split_whitespace().map(str::to_owned));
            one.resources.extend(Some(consent.resource).filter(|resource| !resource.is_empty()));
        }
        for (grant, rotated_at) in grants {
            let one = self.entry(&mut all, realm, (grant.client, grant.created_at));
            one.scopes.extend(grant.scopes);
            one.resources.extend(grant.resources);
            one.used = one.used.max(rotated_at).max(Some(grant.created_at));
        }
        let mut all: Vec<Connection> = all.into_values().collect();
        all.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.client.cmp(&b.client)));
        Ok(all)
    }

    fn entry<'a>(
        &self,
        all: &'a mut BTreeMap<ClientId, Connection>,
        realm: RealmId,
        (client, since): (ClientId, Timestamp),
    ) -> &'a mut Connection {
        let one = all.entry(client.clone()).or_insert_with(|| Connection {
            name: self
                .clients
                .get(realm, &client)
                .map_or_else(|| client.to_string(), |known| known.terms.name.clone()),
            client,
            scopes: BTreeSet::new(),
            resources: BTreeSet::new(),
            since,
            used: None,
        });
        one.since = one.since.min(since);
        one
    }

    /// Nobody took the grant back, nor the session that it would have ended with, nor all that its person gave.
    fn is_held(&self, realm: RealmId, grant: &Grant) -> bool {
        let user = grant.user.to_string();
        let mut ends = vec![Revocable::Grant(grant.id), Revocable::Subject(&user)];
        ends.extend((!grant.offline).then_some(Revocable::Session(grant.session)));
        !self.sessions.is_revoked(realm, ends, grant.created_at)
    }
}
