//! Accounts: people, what is known of them, what they sign in with, and the groups they are in.
//!
//! Owns: users with their identifiers, attributes and groups; passwords, passkeys, one-time passwords, recovery codes; tokens
//! that are sent by mail or printed; identities at other providers; limits on tries; export and erasure.
//! Does not own: sign-ins on their way (`signin`), sessions, what clients were granted, which upstream providers there are. A
//! state between two requests is handed out sealed, and whoever keeps it uses it once.
//! Endpoints: admin REST under `/users` and `/groups`. Links in mail and of [`Accounts::proof_link`] lead to
//! `/account/proof/{token}`, whose GET only shows a button: mail scanners follow links.
//! Invariants:
//! - An identifier belongs to one person of a realm, decided by the database.
//! - Nothing here tells a stranger whether an account exists: the same statements, hashes and words for one that does not.
//! - What can be used once is consumed by one conditional statement.
//! - Nobody is left without a way to sign in by removing one.
//! - What is known of people is cached for at most [`CACHE_FOR`]; a sign-in reads past the cache, and a write that takes
//!   something away adds a change that empties it everywhere.
//!
//! Spec: OpenID Connect Core §5.1; NIST SP 800-63B-4; RFC 6238; WebAuthn Level 3.

mod actions;
mod attributes;
mod change_group;
mod change_user;
mod claims;
mod codes;
mod contained_people;
mod erase_user;
pub mod http;
mod identifiers;
mod jobs;
mod links;
mod model;
mod owned_devices;
mod passkeys;
mod passwords;
mod people;
mod personal_data;
mod proofs;
mod read_user;
mod settings;
pub(crate) mod store;
#[cfg(test)]
#[cfg(feature = "testkit")]
pub(crate) mod tests;
mod tries;
mod write_user;

use std::sync::{Arc, PoisonError, RwLock};

use crate::access::Access;
use crate::crypto::seal::KekRing;
use crate::env::Env;
use crate::events::Events;
use crate::jobs::Nudge;
use crate::kernel::{Lifetime, RealmId, Timestamp};
use crate::realms::{Realm, Realms};
use passwords::{Breached, HashPool};
use people::People;

pub use attributes::{AttributeName, is_language};
pub use change_group::GROUP;
pub use claims::{claims_supported, standard_claims};
pub use contained_people::ContainedPeople;
pub use identifiers::Identifier;
pub use links::Occasion;
pub use model::{
    Attribute, By, Checked, Claimed, Error, ExternalId, ExternalIdentity, Factors, Group, Handle,
    NewUser, Passkey, PasskeyChallenge, PasskeyChecked, Proof, ProofKind, ProofPurpose, ProofToken,
    TotpEnrolment, User, UserChange, UserState,
};
pub use owned_devices::OwnedDevices;
pub use personal_data::{Change, Erased, KeepsPersonalData};
pub use proofs::{AskedFrom, Mail};
pub use read_user::UserFilter;
pub use settings::{MailSecurity, MailSettings, MailTransport, Settings};

/// The slice. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Accounts {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    env: Env,
    access: Access,
    events: Events,
    realms: Realms,
    ring: Arc<KekRing>,
    settings: Settings,
    people: People,
    hashing: HashPool,
    breached: Option<Breached>,
    keepers: RwLock<Vec<Arc<dyn KeepsPersonalData>>>,
    posted: Nudge,
}

/// The slices that accounts stand on.
#[derive(Debug, Clone)]
pub struct Below {
    /// Who may.
    pub access: Access,
    /// What is recorded.
    pub events: Events,
    /// Where.
    pub realms: Realms,
    /// What seals secrets in rows.
    pub ring: Arc<KekRing>,
}

impl Accounts {
    /// The slice, with nothing in its cache.
    pub fn new(env: Env, below: Below, settings: Settings) -> Self {
        let Below { access, events, realms, ring } = below;
        let inner = Inner {
            env,
            access,
            events,
            realms,
            ring,
            people: People::new(),
            hashing: HashPool::new(settings.password_threads),
            breached: settings.breached_passwords.clone().map(Breached),
            settings,
            keepers: RwLock::default(),
            posted: Nudge::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Has another slice asked at every export, and told of every deletion, inside its transaction. Once, when the server is
    /// put together. Rows that refer to `user_account` with `ON DELETE CASCADE` go by themselves.
    pub fn keep_with(&self, keeper: Arc<dyn KeepsPersonalData>) {
        self.inner.keepers.write().unwrap_or_else(PoisonError::into_inner).push(keeper);
    }

    /// Lets go of them, when the server ends: they hold this slice.
    pub fn keep_with_nobody(&self) {
        self.inner.keepers.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Wakes the deliveries: mail was posted.
    pub fn posted(&self) -> Nudge {
        self.inner.posted.clone()
    }

    fn realm(&self, realm: RealmId) -> Result<Arc<Realm>, Error> {
        self.inner.realms.get(realm).ok_or(Error::Unknown("realm"))
    }

    fn now(&self) -> Timestamp {
        self.inner.env.clock.now()
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }
}

/// How long a person may be remembered.
pub const CACHE_FOR: Lifetime = Lifetime::seconds(60);

/// Every statement of this slice.
pub(crate) const STATEMENTS: [&[&str]; 7] = [
    store::STATEMENTS,
    passwords::store::STATEMENTS,
    codes::store::STATEMENTS,
    passkeys::store::STATEMENTS,
    proofs::store::STATEMENTS,
    links::store::STATEMENTS,
    tries::store::STATEMENTS,
];
