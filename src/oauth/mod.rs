//! The OpenID provider and authorization server: clients, authorization requests, tokens, and what may be asked of tokens.
//!
//! Owns: clients (class 1), requests on their way, grants, codes, refresh families, consents. Does not own: who somebody is
//! (`accounts`), browser sessions (`sessions`), how people sign in (`signin`), keys and signing (`authority`, `svid`).
//! Endpoints: admin REST under `/clients`.
//!
//! Invariants:
//! - A secret, code or refresh token is stored as a digest, and compared in constant time.
//! - An algorithm is the client's registration's or the key's, never a header's.
//! - An answer leaves for a registered address only, compared letter by letter.
//!
//! Spec: RFC 6749, 6750, 7009, 7636, 7662, 8252, 8414, 8707, 9068, 9207, 9700; OpenID Connect Core, Discovery,
//! RP-Initiated Logout, Back-Channel Logout.

mod check_client;
mod client;
mod client_document;
mod clients;
pub mod http;
mod manage_clients;
mod model;
pub mod pages;
mod redirect_uri;
pub(crate) mod store;
#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;

use std::sync::Arc;

pub use check_client::Draft;
pub use client::{
    AuthMethod, Client, ConsentPolicy, GrantType, Profile, Resource, Rule, SharedClient, Terms,
};
pub use manage_clients::WithSecret;
pub use model::{CLIENT, Error};
pub use redirect_uri::{RedirectUri, RedirectUriError};

use crate::access::Access;
use crate::db::Tx;
use crate::env::Env;
use crate::events::Events;
use crate::kernel::{ClientId, Fault, RealmId};

use clients::Clients;

/// The slice. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Oauth {
    env: Env,
    access: Access,
    events: Events,
    clients: Arc<Clients>,
}

/// The slices that this one stands on.
#[derive(Debug, Clone)]
pub struct Below {
    /// Who may.
    pub access: Access,
    /// What is recorded.
    pub events: Events,
}

impl Oauth {
    /// The slice, without clients until `load`.
    pub fn new(env: Env, below: Below) -> Self {
        let Below { access, events } = below;
        Self { env, access, events, clients: Arc::default() }
    }

    /// The client of this id, if it may be given anything.
    pub fn client(&self, realm: RealmId, id: &ClientId) -> Option<SharedClient> {
        self.clients.get(realm, id).filter(|client| client.terms.enabled)
    }

    /// Replaces the realm's clients by what the database holds.
    pub async fn load(&self, tx: &mut Tx) -> Result<(), Fault> {
        let clients = store::clients(tx).await?;
        self.clients.replace(tx.realm(), clients);
        Ok(())
    }

    /// Reads the clients that these keys name once more.
    pub async fn apply(&self, tx: &mut Tx, keys: &[String]) -> Result<(), Fault> {
        for key in keys {
            let id = ClientId::parse(key).map_err(|e| Fault::malformed("change key", e))?;
            let client = store::client(tx, key).await?;
            self.clients.put(tx.realm(), &id, client);
        }
        Ok(())
    }
}
