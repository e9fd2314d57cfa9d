//! Sessions: a browser that is signed in, what hangs off it, and what was taken back.
//!
//! Owns: the session behind a browser's cookie, its ends, the clients that got something from it, revocations (of grants,
//! sessions, subjects, a realm). Does not own: how somebody signs in (`signin`), accounts, what clients are told when a
//! session ends: whoever must tell them registers with [`Sessions::tell`].
//! Endpoints: admin REST under `/sessions`; `POST /user/svid` and `POST /user/jwt-svid` ([`svids`]).
//!
//! Invariants:
//! - The database has the digest of a cookie, never the cookie. Every change of authentication gives a session a new one,
//!   and the old one is worth nothing on any replica once the change is applied.
//! - Both ends of a session are decided by the clock and its row; no setting makes one longer than NIST SP 800-63B-4 says.
//! - Use is noted at most once a minute, so a request writes nothing. Memory is bounded, however many sessions are stored.
//! - What was taken back is known in memory and follows the change log; signing out everywhere is one row.

mod browser;
mod cookies;
mod end_session;
pub mod http;
mod jobs;
mod model;
mod open_session;
mod personal_data;
mod read_session;
mod revocations;
mod settings;
pub(crate) mod store;
pub mod svids;
#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use futures_util::future::BoxFuture;

use crate::access::Access;
use crate::accounts::Accounts;
use crate::db::Tx;
use crate::env::Env;
use crate::events::Events;
use crate::kernel::{Fault, Lifetime, RealmId, Timestamp};

pub use browser::Browser;
pub use cookies::{BrowserCookie, SessionCookie};
pub use model::{Ended, Error, REVOCATION, Revocable, SESSION, Session, SignedIn, Why};
pub use open_session::Opened;
pub use settings::Settings;

use read_session::Cached;
use revocations::Revocations;

/// Hears of ended sessions in the transaction that ends them: to write what others must be told (`jobs::deliveries`).
/// It may run again, and only `tx` may be awaited.
pub trait WhenEnded: Send + Sync + fmt::Debug {
    /// These sessions end.
    fn ended<'t>(&'t self, tx: &'t mut Tx, ended: &'t [Ended]) -> BoxFuture<'t, Result<(), Fault>>;
}

/// The slices that sessions stand on.
#[derive(Debug, Clone)]
pub struct Below {
    /// Who may.
    pub access: Access,
    /// What is recorded.
    pub events: Events,
    /// Whose they are.
    pub accounts: Accounts,
}

/// The slice. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sessions {
    inner: Arc<Inner>,
}

struct Inner {
    env: Env,
    access: Access,
    events: Events,
    accounts: Accounts,
    settings: Settings,
    cached: Cached,
    revoked: Revocations,
    listeners: RwLock<Vec<Arc<dyn WhenEnded>>>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Sessions {
    /// The slice, knowing of no revocation until `load`.
    pub fn new(env: Env, below: Below, settings: Settings) -> Self {
        let Below { access, events, accounts } = below;
        let inner = Inner {
            env,
            access,
            events,
            accounts,
            settings,
            cached: Cached::new(),
            revoked: Revocations::default(),
            listeners: RwLock::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// From now on this one hears of every session that ends. For the assembly, before anything is served.
    pub fn tell(&self, listener: Arc<dyn WhenEnded>) {
        self.inner.listeners.write().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    /// Lets go of them, when the server ends: they hold this slice.
    pub fn tell_nobody(&self) {
        self.inner.listeners.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How long sessions live.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// True if one of these was taken back after it was issued. Asked for every token; reads no database.
    ///
    /// `issued_at` of a token is its `iat`: a whole second, so that a token of the very second of the revocation counts as
    /// older. For a grant and a session it is their `created_at`.
    pub fn is_revoked<'a>(
        &self,
        realm: RealmId,
        any_of: impl IntoIterator<Item = Revocable<'a>>,
        issued_at: Timestamp,
    ) -> bool {
        self.inner.revoked.cover(realm, any_of, issued_at)
    }

    /// Reads the realm's revocations.
    pub async fn load(&self, tx: &mut Tx) -> Result<(), Fault> {
        let rows = store::revocations(tx).await?;
        self.inner.revoked.replace(tx.realm(), &rows)
    }

    /// Reads these revocations again.
    pub async fn apply(&self, tx: &mut Tx, keys: &[String]) -> Result<(), Fault> {
        for key in keys {
            let Some((what, id)) = key.split_once('/') else { continue };
            if let Some(row) = store::revocation(tx, what, id).await? {
                self.inner.revoked.put(tx.realm(), &row)?;
            }
        }
        Ok(())
    }

    /// Forgets the sessions of these cookies: they have another one now.
    pub fn forget_cookies(&self, realm: RealmId, keys: &[String]) {
        for key in keys {
            self.inner.cached.forget(realm, key);
        }
    }

    /// Forgets every session: somebody was taken something away, and nothing here knows whose sessions are held.
    pub fn forget(&self) {
        self.inner.cached.clear();
    }

    fn listeners(&self) -> Vec<Arc<dyn WhenEnded>> {
        self.inner.listeners.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn now(&self) -> Timestamp {
        self.inner.env.clock.now()
    }
}

/// Between two notes of a session's use, and how long one is believed without being read again.
const NOTED_EVERY: Lifetime = Lifetime::minutes(1);
