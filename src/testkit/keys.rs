//! A replica's rights and keys, put together over a database of a test: everything that issuing needs.

use std::sync::Arc;

use super::database::must;
use super::{SeededEntropy, TestClock, TestDatabase};
use crate::access::{Access, Asker};
use crate::authority::{self, Authority, RealmNames};
use crate::bundles::Bundles;
use crate::containment::{self, Containments};
use crate::crypto::seal::{Kek, KekRing};
use crate::db::Cursor;
use crate::devices::{self, Devices, Inventory};
use crate::env::Env;
use crate::events::{Events, LedgerSettings};
use crate::kernel::{
    Caller, Fault, Lifetime, Listener, Proof, RealmId, Secret, Timestamp, TrustDomain,
};
use crate::posture::{self, Posture};
use crate::realms::{Issuer, Realms};
use crate::svid::{self, Svid};

/// The slices of the wings `rights` and `keys` of one replica, for the realm `FIRST`, whose trust domain is `weft.test`.
#[derive(Debug)]
pub struct KeysReplica {
    /// What they may touch.
    pub env: Env,
    /// Its clock.
    pub clock: TestClock,
    /// The recorder.
    pub events: Events,
    /// The decision point, with the policies as shipped.
    pub access: Access,
    /// Who signs.
    pub authority: Authority,
    /// Who is trusted.
    pub bundles: Bundles,
    /// The desk.
    pub svid: Svid,
    _ledger: tempfile::TempDir,
    _database: super::Kept,
}

impl KeysReplica {
    /// How long the desk of a test signs without having seen its database: a test's clock leaps, the database's heads are
    /// looked at in real time.
    pub const NEVER_BLIND: Lifetime = Lifetime::days(36_500);

    /// The realms over it, with `FIRST` founded. Nobody follows the change log here: its writers wait for nobody.
    pub async fn realms(&self) -> Realms {
        for realm in [RealmId::FIRST, RealmId::SYSTEM] {
            self.env.db.applied(realm, Cursor { history: i64::MAX, seq: i64::MAX });
        }
        self.access.open(RealmId::SYSTEM);
        must(self.events.prepare(RealmId::SYSTEM).await, "a sealed log");
        let realms = Realms::new(self.env.clone(), self.access.clone(), self.events.clone());
        let domain = must(TrustDomain::parse("weft.test"), "a trust domain");
        let issuer = must(Issuer::parse("https://weft.test"), "an issuer");
        must(realms.found(domain, issuer).await, "a realm");
        let load = self.env.db.read(RealmId::SYSTEM, realms.clone(), |tx, realms| {
            Box::pin(async move { realms.load(tx).await })
        });
        must::<(), Fault>(load.await, "realms");
        realms
    }

    /// A replica over this database, sealing under one key, nothing loaded and nothing rotated yet.
    pub async fn over(database: &TestDatabase, seed: u64, settings: authority::Settings) -> Self {
        Self::sealing(database, seed, settings, KekRing::new(Self::kek(1), Vec::new())).await
    }

    /// The same, sealing under this ring.
    pub async fn sealing(
        database: &TestDatabase,
        seed: u64,
        settings: authority::Settings,
        ring: KekRing,
    ) -> Self {
        let clock = database.clock();
        let entropy = Arc::new(SeededEntropy::new(seed));
        let env = Env { db: database.open().await, clock: Arc::new(clock.clone()), entropy };
        let ledger = must(tempfile::tempdir(), "a temporary directory");
        let ring = Arc::new(ring);
        let directory = ledger.path().to_owned();
        let opened =
            Events::open(env.clone(), directory, Arc::clone(&ring), LedgerSettings::default());
        let events = must(opened, "open the ledger");
        must(events.prepare(RealmId::FIRST).await, "keys of events");
        let access = must(Access::new(Arc::new(clock.clone()), 1000), "the policies as shipped");
        access.open(RealmId::FIRST);
        let authority = Authority::new(env.clone(), events.clone(), access.clone(), ring, settings);
        must(authority.open(Self::names()), "open the realm");
        let bundles = Bundles::new(env.clone(), events.clone(), access.clone(), authority.clone());
        let settings = svid::Settings::default();
        let svid = Svid::new(env.clone(), authority.clone(), settings, Self::NEVER_BLIND);
        Self {
            env,
            clock,
            events,
            access,
            authority,
            bundles,
            svid,
            _ledger: ledger,
            _database: database.kept(),
        }
    }

    /// A replica whose authorities sign.
    pub async fn started(database: &TestDatabase) -> Self {
        let replica = Self::over(database, 1, authority::Settings::default()).await;
        replica.load().await;
        must(replica.authority.rotate(RealmId::FIRST).await, "the first authorities");
        replica
    }

    /// Posture of devices that nobody knows.
    pub fn posture(&self) -> Posture {
        self.posture_of(Inventory::new(self.env.db.clone()))
    }

    /// Posture of these devices, with the model as shipped.
    pub fn posture_of(&self, devices: Inventory) -> Posture {
        posture_of(&self.env, (&self.access, &self.events), devices)
    }

    /// Devices of these realms, scored by this.
    pub fn devices(&self, realms: &Realms, inventory: Inventory, posture: &Posture) -> Devices {
        let below = devices::Below {
            access: self.access.clone(),
            events: self.events.clone(),
            realms: realms.clone(),
            bundles: self.bundles.clone(),
            svid: self.svid.clone(),
            inventory,
            posture: Arc::new(posture.clone()),
        };
        Devices::new(self.env.clone(), below, devices::Settings::default())
    }

    /// The time of its clock.
    pub fn clock_now(&self) -> Timestamp {
        self.env.clock.now()
    }

    /// What the realm is called.
    pub fn names() -> RealmNames {
        let trust_domain = must(TrustDomain::parse("weft.test"), "a trust domain");
        RealmNames { realm: RealmId::FIRST, trust_domain, issuer: Arc::from("https://weft.test") }
    }

    /// A key-encryption key.
    pub fn kek(byte: u8) -> Kek {
        must(Kek::from_bytes(&Secret::new([byte; 32])), "a key-encryption key")
    }

    /// Root at the local socket, who may do everything.
    pub fn root() -> Asker {
        let proof = Proof::KernelPeer { uid: 0, pid: 1 };
        let caller = Caller {
            realm: RealmId::FIRST,
            subject: None,
            proof,
            listener: Listener::Local,
            address: None,
        };
        Asker::of(&caller, &Self::names().trust_domain)
    }

    /// Reads everything anew, as a start does; a follower of the change log would have done it by now.
    pub async fn load(&self) {
        let input = (self.authority.clone(), self.bundles.clone());
        let loaded: Result<(), Fault> = self
            .env
            .db
            .read(RealmId::FIRST, input, |tx, (authority, bundles)| {
                Box::pin(async move {
                    authority.load(tx).await?;
                    bundles.load(tx).await
                })
            })
            .await;
        must(loaded, "load the indexes");
    }
}

/// Posture of these devices, with the model as shipped, empty until it is loaded.
pub fn posture_of(env: &Env, (access, events): (&Access, &Events), devices: Inventory) -> Posture {
    let (access, events) = (access.clone(), events.clone());
    let below = containment::Below {
        access: access.clone(),
        events: events.clone(),
        devices: devices.clone(),
    };
    let containments = Containments::new(env.clone(), below);
    let below = posture::Below { access, events, devices, containments };
    must(Posture::new(env.clone(), below, posture::Settings::default()), "the model as shipped")
}
