//! The OpenID provider and authorization server: clients, authorization requests, tokens, and what may be asked of tokens.
//!
//! Owns: clients (class 1), requests on their way, grants, codes, refresh families, consents. Does not own: who somebody is
//! (`accounts`), browser sessions (`sessions`), how people sign in (`signin`), keys and signing (`authority`, `svid`).
//! Endpoints: `/authorize`, `/authorize/continue`, `/authorize/consent`, `/token`, `/userinfo`, `/introspect`, `/revoke`,
//! `/logout`, `/logout/confirm`, `/jwks`, `/.well-known/openid-configuration`, `/.well-known/oauth-authorization-server`;
//! admin REST under `/clients`.
//!
//! Invariants:
//! - A secret, code or refresh token is stored as a digest, and compared in constant time.
//! - An algorithm is the client's registration's or the key's, never a header's.
//! - An answer leaves for a registered address only, compared letter by letter.
//! - A code is used up by one conditional statement; its second use ends what the first gave.
//! - `weft-cli`, the client of `weft login`, is in every realm without a row, and asks each time.
//! - Tokens for a client itself, introspection of access tokens and userinfo read no row.
//!
//! Spec: RFC 6749, 6750, 7009, 7636, 7662, 8252, 8414, 8707, 9068, 9207, 9700; OpenID Connect Core, Discovery,
//! RP-Initiated Logout, Back-Channel Logout.

mod answer_application;
mod authorization_request;
mod authorize;
mod check_client;
mod claims_request;
mod client;
mod client_auth;
mod client_document;
mod clients;
mod decide_consent;
mod discovery;
mod end_session;
mod exchange_token;
mod grant;
pub mod http;
mod introspect_token;
mod issue_to_machine;
mod issue_tokens;
mod jobs;
mod judge_session;
mod list_connected;
mod list_on_device;
mod manage_clients;
mod model;
mod own_client;
pub mod pages;
mod parameters;
mod personal_data;
mod redecide_grants;
mod redeem_code;
mod redirect_uri;
mod refresh_grant;
mod refresh_token;
mod revoke_grant;
mod settings;
pub(crate) mod store;
mod tell_clients;
#[cfg(test)]
#[cfg(feature = "testkit")]
pub(crate) mod tests;
mod wire_error;

use std::sync::{Arc, OnceLock};

pub use check_client::Draft;
pub use client::{
    AuthMethod, Client, ConsentPolicy, GrantType, Profile, Resource, Rule, SharedClient, Terms,
};
pub use discovery::MtlsPlace;
pub use exchange_token::Shows;
pub use grant::Place;
pub use issue_tokens::TokenAnswer;
pub use list_connected::Connection;
pub use list_on_device::GrantOnDevice;
pub use manage_clients::WithSecret;
pub use model::{BACKCHANNEL_LOGOUT, CLIENT, Error};
pub use parameters::Parameters;
pub use redirect_uri::{RedirectUri, RedirectUriError};
pub use settings::Settings;
pub use tell_clients::{SendLogoutToken, TellClients};
pub use wire_error::{Code, WireError};

use crate::access::Access;
use crate::accounts::Accounts;
use crate::authority::Authority;
use crate::crypto::seal::KekRing;
use crate::db::Tx;
use crate::env::{Entropy, Env};
use crate::events::Events;
use crate::jobs::Nudge;
use crate::kernel::{ClientId, Fault, RealmId, Timestamp};
use crate::outbound;
use crate::posture::Posture;
use crate::realms::Realms;
use crate::sessions::Sessions;
use crate::signin::Signin;
use crate::svid::Svid;

use clients::Clients;

/// The slice. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Oauth {
    env: Env,
    access: Access,
    events: Events,
    realms: Realms,
    authority: Authority,
    svid: Svid,
    posture: Posture,
    accounts: Accounts,
    sessions: Sessions,
    signin: Signin,
    ring: Arc<KekRing>,
    settings: Settings,
    outbound: outbound::Settings,
    /// Made of them when a client is told something for the first time: it reads the system's authorities.
    world: Arc<OnceLock<outbound::Client>>,
    /// Wakes the deliveries: a client is to be told something.
    told: Nudge,
    clients: Arc<Clients>,
    /// The command line, unless a row of that id says otherwise.
    own: Option<SharedClient>,
    /// Where the door `mtls` is, once it is bound.
    mtls: Arc<OnceLock<MtlsPlace>>,
}

/// The slices that this one stands on.
#[derive(Debug, Clone)]
pub struct Below {
    /// Who may.
    pub access: Access,
    /// What is recorded.
    pub events: Events,
    /// Where.
    pub realms: Realms,
    /// Public keys.
    pub authority: Authority,
    /// Who signs.
    pub svid: Svid,
    /// What is known of devices.
    pub posture: Posture,
    /// Who people are.
    pub accounts: Accounts,
    /// Who is signed in.
    pub sessions: Sessions,
    /// How one signs in.
    pub signin: Signin,
    /// Whence the key of successors is derived.
    pub ring: Arc<KekRing>,
    /// How applications are reached.
    pub outbound: outbound::Settings,
}

impl Oauth {
    /// The slice, without clients until `load`.
    pub fn new(env: Env, below: Below, settings: Settings) -> Self {
        let Below { access, events, realms, authority, svid, posture, .. } = below;
        let Below { accounts, sessions, signin, ring, outbound, .. } = below;
        // One reconciler delivers what all slices post.
        let told = accounts.posted();
        let own = own_client::own_client(env.clock.now()).ok().map(Arc::new);
        Self {
            env,
            access,
            events,
            realms,
            authority,
            svid,
            posture,
            accounts,
            sessions,
            signin,
            ring,
            settings,
            outbound,
            world: Arc::default(),
            told,
            clients: Arc::default(),
            own,
            mtls: Arc::default(),
        }
    }

    /// Says where the door `mtls` is; until then nobody is told of it. Once.
    pub fn reached_at(&self, mtls: MtlsPlace) {
        // A server binds its doors once.
        let _first = self.mtls.set(mtls);
    }

    /// The client of this id, if it may be given anything.
    pub fn client(&self, realm: RealmId, id: &ClientId) -> Option<SharedClient> {
        self.known_client(realm, id).filter(|client| client.terms.enabled)
    }

    /// The client of this id: as an administrator made it, or else the one that is always there.
    fn known_client(&self, realm: RealmId, id: &ClientId) -> Option<SharedClient> {
        let own = || self.own.as_ref().filter(|own| own.id == *id).map(Arc::clone);
        self.clients.get(realm, id).or_else(own)
    }

    /// The public keys of the realm's tokens, as a JWK set; nothing for a realm that is not open.
    fn key_set(&self, realm: RealmId) -> Option<String> {
        self.authority.oidc_key_set(realm).map(|keys| keys.document().to_string())
    }

    fn entropy(&self) -> &(dyn Entropy + 'static) {
        self.env.entropy.as_ref()
    }

    fn now(&self) -> Timestamp {
        self.env.clock.now()
    }

    fn signin(&self) -> &Signin {
        &self.signin
    }

    fn accounts(&self) -> &Accounts {
        &self.accounts
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
