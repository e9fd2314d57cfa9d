//! Make a realm, while the server runs: a change in realm 0 that every replica follows.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::model::{Error, HostName, Issuer, REALM, Realm, RealmName};
use super::{Realms, store};
use crate::access::{Action, Asker, Request};
use crate::db::Tx;
use crate::events::{Changed, Event};
use crate::kernel::{RealmId, Timestamp, TrustDomain};

/// Makes a realm.
#[derive(Debug, Clone)]
pub struct CreateRealm {
    /// Who asks.
    pub asker: Asker,
    /// Its name, the client's choice.
    pub name: RealmName,
    /// Its trust domain, fixed for ever.
    pub trust_domain: TrustDomain,
    /// Its issuer, fixed for ever.
    pub issuer: Issuer,
    /// The host names that choose it, beside the issuer's.
    pub hosts: BTreeSet<HostName>,
}

impl Action for CreateRealm {
    const NAME: &'static str = "CreateRealm";

    /// It is asked in realm 0: a role in some realm gives no right to make another.
    fn request(&self) -> Request<'_> {
        self.asker.request(RealmId::SYSTEM, ("Realm", self.name.as_str()), None)
    }
}

/// What one run of the write needs. The number in `realm` is given by the write.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) realm: Realm,
    pub(super) asker: Option<Asker>,
}

impl Realms {
    /// Makes a realm. The same again gives the one there is, so a lost answer can be asked for again.
    ///
    /// Errors: `Denied` without the right in realm 0; `Conflict` if another realm has the name, trust domain, issuer or a
    /// host name.
    pub async fn create(&self, ask: CreateRealm) -> Result<Arc<Realm>, Error> {
        let (ask, granted) = self.access.permit(ask)?.spend();
        let realm = fresh(&ask, self.env.clock.now())?;
        let input = Input { realm, asker: Some(ask.asker) };
        self.events
            .change_in(RealmId::SYSTEM, granted, input, |tx, input| Box::pin(body(tx, input)))
            .await
            .map(Arc::new)
    }
}

fn fresh(ask: &CreateRealm, created: Timestamp) -> Result<Realm, Error> {
    let CreateRealm { name, trust_domain, issuer, hosts, .. } = ask.clone();
    let mut hosts = hosts;
    hosts.insert(issuer.host().clone());
    if hosts.len() > HOSTS_MAX {
        return Err(Error::TooMany { what: "host names of a realm", most: HOSTS_MAX });
    }
    Ok(Realm { id: RealmId::SYSTEM, name, trust_domain, issuer, hosts, created })
}

/// Changes of realm 0 run one after the other, so what is read here still holds when the row is written.
pub(super) async fn body(tx: &mut Tx, input: &Input) -> Result<Changed<Realm>, Error> {
    let known = store::all(tx).await?;
    let wanted = &input.realm;
    if let Some(same) = known.iter().find(|realm| realm.is_alike(wanted)) {
        return Ok(Changed { value: same.clone(), changes: Vec::new(), rights: false });
    }
    for other in &known {
        refuse_twins(other, wanted)?;
    }
    if known.len() >= REALMS_MAX {
        return Err(Error::TooMany { what: "realms", most: REALMS_MAX });
    }
    let last = known.last().map_or(RealmId::SYSTEM, |realm| realm.id);
    let realm = Realm { id: RealmId(last.0.saturating_add(1)), ..wanted.clone() };
    store::insert(tx, &realm).await?;
    let event = realm.created_event();
    let event = input.asker.as_ref().map_or(event.clone(), |asker| asker.sign(event));
    let changes: Vec<(&'static str, String, Event)> = vec![(REALM, realm.id.to_string(), event)];
    Ok(Changed { value: realm, changes, rights: false })
}

fn refuse_twins(other: &Realm, wanted: &Realm) -> Result<(), Error> {
    let taken = |what, value: &dyn ToString| Err(Error::Taken { what, value: value.to_string() });
    if other.name == wanted.name {
        return taken("name", &wanted.name);
    }
    if other.trust_domain == wanted.trust_domain {
        return taken("trust domain", &wanted.trust_domain);
    }
    if other.issuer == wanted.issuer {
        return taken("issuer", &wanted.issuer);
    }
    match other.hosts.intersection(&wanted.hosts).next() {
        Some(host) => taken("host name", host),
        None => Ok(()),
    }
}

/// Realms of one server: each has keys, followers and listeners' certificates of its own.
const REALMS_MAX: usize = 1000;
/// Host names of one realm.
const HOSTS_MAX: usize = 64;
