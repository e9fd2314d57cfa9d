//! Upstreams: the identity providers that people have already, and the way in through them.
//!
//! Owns: which providers there are and what they are trusted in; attempts on their way through one; what is made of their claims;
//! which account an identity there leads to. Does not own: accounts and links (`accounts` keeps them), the sign-in as a whole and
//! its callback route (`signin`), sessions.
//! Endpoints: admin REST under `/upstreams`.
//!
//! Invariants:
//! - An attempt is used once, by the browser that began it, at the upstream it was begun for: one conditional statement.
//! - An identity is (upstream, issuer, subject) and never an address; a link by address happens where an administrator switched
//!   it on, and both sides verified the address.
//! - Whether an upstream is on, and what for, is looked at when somebody leaves and again when they come back.
//! - Algorithms are pinned for each upstream; nothing in a token chooses its own key or rule.
//! - A provider that is slow, away or lying keeps those waiting who come through it, and nobody else.
//! - A provider whose tokens were kept hears when they are needed no more: with the link, the person or the upstream, by a
//!   delivery that nobody waits for.
//! - Every refusal has an event that says why (`refusal.rs`), and a page that does not.
//!
//! Spec: OpenID Connect Core and Discovery, RFC 9207, RFC 9700.

mod accept_identity;
mod claims;
mod cost;
mod fetch;
mod finish_sign_in;
pub mod http;
mod jobs;
mod keep_tokens;
mod manage_upstream;
mod mapping;
pub mod model;
mod provider;
mod redeem_code;
mod refresh_attributes;
mod refusal;
mod reseal_secrets;
mod revoke_tokens;
mod seal;
mod start_sign_in;
pub(crate) mod store;
mod terms;
#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;
mod try_upstream;
mod verify;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;

use crate::access::Access;
use crate::accounts::Accounts;
use crate::crypto::seal::KekRing;
use crate::db::Tx;
use crate::env::Env;
use crate::events::Events;
use crate::kernel::{Fault, Lifetime, RealmId, UpstreamId};
use crate::outbound::{self, Client, Limits};
use crate::realms::{HostName, Realms};

pub use finish_sign_in::Finished;
pub use keep_tokens::Kept;
pub use mapping::Mapped;
pub use model::{
    Administrator, Arrived, Binding, Bringer, Callback, Draft, Error, Offer, Purpose, Seen, Start,
    UPSTREAM, Unlinked, Upstream,
};
pub use refusal::{Group, Part, Reason, Refusal};
pub use revoke_tokens::{REVOCATION, RevokeTokens};
pub use terms::{ClientAuthentication, EmailTrust, Terms, UpstreamUsage};
pub use try_upstream::{Outcome, Tried};

use fetch::Fetch;
use provider::Provider;

/// The slice. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Upstreams {
    env: Env,
    below: Below,
    outbound: outbound::Settings,
    index: Arc<ArcSwap<HashMap<RealmId, Arc<Known>>>>,
    /// The client for public addresses, shared by all: made when somebody first needs it.
    world: Arc<OnceLock<Client>>,
    /// How many answers of unknown attempts are put on record.
    strangers: Arc<finish_sign_in::Strangers>,
}

/// The slices that upstreams stand on.
#[derive(Debug, Clone)]
pub struct Below {
    /// Who may.
    pub access: Access,
    /// What is recorded.
    pub events: Events,
    /// Where.
    pub realms: Realms,
    /// Who people are here.
    pub accounts: Accounts,
    /// What seals secrets in rows.
    pub ring: Arc<KekRing>,
}

/// The upstreams of a realm.
type Known = BTreeMap<UpstreamId, Arc<Slot>>;

/// An upstream, and what is known of its provider since the upstream was last changed.
#[derive(Debug)]
struct Slot {
    upstream: Arc<Upstream>,
    provider: OnceLock<Arc<Provider>>,
}

impl Upstreams {
    /// The slice, without upstreams until `load`.
    pub fn new(env: Env, below: Below, outbound: outbound::Settings) -> Self {
        let strangers = Arc::new(finish_sign_in::Strangers::new(Arc::clone(&env.clock)));
        Self { env, below, outbound, index: Arc::default(), world: Arc::default(), strangers }
    }

    /// What the sign-in page offers, by name: those that are on and let people sign in, among `among` if a client limits
    /// them. The home of the e-mail domain, if one is asked for, comes first.
    pub fn offered(
        &self,
        realm: RealmId,
        among: Option<&[UpstreamId]>,
        email_domain: Option<&str>,
    ) -> Vec<Offer> {
        let domain = email_domain.and_then(HostName::of_request);
        let known = self.known(realm);
        let open = known.values().map(|slot| &slot.upstream).filter(|upstream| {
            upstream.terms.enabled
                && upstream.terms.usage == UpstreamUsage::Login
                && among.is_none_or(|among| among.contains(&upstream.id))
        });
        let mut offers: Vec<Offer> = open
            .map(|upstream| Offer {
                id: upstream.id.clone(),
                display_name: Arc::clone(&upstream.terms.display_name),
                home: domain.as_ref().is_some_and(|one| upstream.terms.domains.contains(one)),
            })
            .collect();
        offers
            .sort_by(|a, b| b.home.cmp(&a.home).then_with(|| a.display_name.cmp(&b.display_name)));
        offers
    }

    /// Those that can be linked to an account, by name.
    pub fn linkable(&self, realm: RealmId) -> Vec<Offer> {
        let known = self.known(realm);
        let open = known.values().map(|slot| &slot.upstream).filter(|one| one.terms.enabled);
        let offer = |upstream: &Arc<Upstream>| Offer {
            id: upstream.id.clone(),
            display_name: Arc::clone(&upstream.terms.display_name),
            home: false,
        };
        open.map(offer).collect()
    }

    /// The upstream of this name, on or off.
    pub fn get(&self, realm: RealmId, id: &UpstreamId) -> Option<Arc<Upstream>> {
        Some(Arc::clone(&self.slot(realm, id)?.upstream))
    }

    /// The redirect URI of an upstream: each has its own, so that an answer says which it is for (RFC 9700 §4.4.2.2).
    pub fn callback(&self, realm: RealmId, id: &UpstreamId) -> Result<String, Error> {
        let realm = self.below.realms.get(realm).ok_or(Error::Realm)?;
        Ok(format!("{}/callback/{id}", realm.issuer.as_str()))
    }

    /// Replaces the realm's upstreams by what the database holds.
    pub async fn load(&self, tx: &mut Tx) -> Result<(), Fault> {
        let before = self.known(tx.realm());
        let all = store::all(tx).await?.into_iter().filter_map(readable);
        let known = all.map(|upstream| (upstream.id.clone(), slot(&before, upstream))).collect();
        self.put(tx.realm(), known);
        Ok(())
    }

    /// Follows changes of kind [`UPSTREAM`].
    pub async fn apply(&self, tx: &mut Tx, keys: &[String]) -> Result<(), Fault> {
        let realm = tx.realm();
        let mut known = Known::clone(&self.known(realm));
        for key in keys {
            let id =
                UpstreamId::parse(key).map_err(|error| Fault::malformed("change key", error))?;
            match store::find(tx, &id).await?.and_then(readable) {
                Some(upstream) => {
                    let slot = slot(&known, upstream);
                    known.insert(id, slot);
                }
                None => {
                    known.remove(&id);
                }
            }
        }
        self.put(realm, known);
        Ok(())
    }

    fn known(&self, realm: RealmId) -> Arc<Known> {
        self.index.load().get(&realm).cloned().unwrap_or_default()
    }

    fn slot(&self, realm: RealmId, id: &UpstreamId) -> Option<Arc<Slot>> {
        self.known(realm).get(id).cloned()
    }

    fn put(&self, realm: RealmId, known: Known) {
        let known = Arc::new(known);
        self.index.rcu(|realms| {
            let mut realms = HashMap::clone(realms);
            realms.insert(realm, Arc::clone(&known));
            realms
        });
    }

    fn provider(&self, slot: &Slot) -> Result<Arc<Provider>, Fault> {
        if let Some(provider) = slot.provider.get() {
            return Ok(Arc::clone(provider));
        }
        let private = self.private_host(&slot.upstream.terms);
        let fetch = Fetch::new(self.world()?, self.limits(), private)?;
        let issuer = &slot.upstream.terms.issuer;
        let made = Arc::new(Provider::new(fetch, issuer, Arc::clone(&self.env.clock))?);
        Ok(Arc::clone(slot.provider.get_or_init(|| made)))
    }

    /// The private host of an upstream, as long as the server's settings allow it: they may have changed since it was set.
    fn private_host<'t>(&self, terms: &'t Terms) -> Option<&'t terms::Private> {
        terms.private.as_ref().filter(|private| self.outbound.allow(&private.host))
    }

    fn world(&self) -> Result<&Client, Fault> {
        if let Some(client) = self.world.get() {
            return Ok(client);
        }
        // Private hosts that the server may ask are none of an upstream's business unless it names one.
        let made = Client::world(&[], self.limits())?;
        Ok(self.world.get_or_init(|| made))
    }

    /// What one request to a provider may cost: never more than a sign-in should wait.
    fn limits(&self) -> Limits {
        let Limits { connect, total, body_bytes_max } = self.outbound.limits();
        Limits {
            connect: connect.capped_by(REQUEST_TIME_MAX),
            total: total.capped_by(REQUEST_TIME_MAX),
            body_bytes_max: body_bytes_max.min(ANSWER_BYTES_MAX),
        }
    }
}

/// A row that a newer or older program wrote may not be readable here: that upstream is as good as off, and the others go on.
fn readable(row: store::Stored) -> Option<Upstream> {
    match Terms::read(&row.document) {
        Ok(terms) => Some(Upstream {
            id: row.id,
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
            terms,
            sealed_secret: row.secret,
        }),
        Err(error) => {
            tracing::error!(upstream.id = %row.id, cause = %error, "an upstream cannot be read and is left out");
            None
        }
    }
}

/// What is known of a provider stays as long as its upstream is the same.
fn slot(before: &Known, upstream: Upstream) -> Arc<Slot> {
    match before.get(&upstream.id) {
        Some(slot) if slot.upstream.revision == upstream.revision => Arc::clone(slot),
        _ => Arc::new(Slot { upstream: Arc::new(upstream), provider: OnceLock::new() }),
    }
}

impl fmt::Debug for Upstreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstreams").finish_non_exhaustive()
    }
}

/// Somebody sits and waits.
const REQUEST_TIME_MAX: Lifetime = Lifetime::seconds(5);
/// Metadata and keys have some kilobytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
