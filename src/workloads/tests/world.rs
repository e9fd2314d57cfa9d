//! One replica with everything below workloads, on a real database; what it must follow it follows when told.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;

use crate::access::{
    Access, Asker, BindRole, Given, Holder, Name, Right, Rights, RoleBinding, Seen, SetPolicy,
    UnbindRole,
};
use crate::authority::{Authority, Line, Purpose, RealmNames};
use crate::bundles::Bundles;
use crate::crypto::jose::KeySet;
use crate::crypto::keys::{Algorithm, PrivateKey};
use crate::crypto::seal::{Kek, KekRing};
use crate::crypto::x509::csr;
use crate::db::{Cursor, Db, Tx};
use crate::devices::Inventory;
use crate::env::{Clock, Env};
use crate::events::{Events, LedgerSettings};
use crate::kernel::{
    Caller, Fault, Lifetime, Listener, Proof, RealmId, Secret, Selector, Situation, SpiffeId,
    Strength, Timestamp, TrustDomain,
};
use crate::nodes::attest_agent::{AttestAgent, Progress};
use crate::nodes::attestors::{Attested, Attestors, NodeAttestor, Opening, Step};
use crate::nodes::model::Administrator;
use crate::nodes::{self, NodeCaller, Nodes, PeerSvid};
use crate::realms::{Issuer, Realms};
use crate::svid::Svid;
use crate::testkit::{KeysReplica, SeededEntropy, TestClock, TestDatabase, posture_of};
use crate::workloads::model::{Draft, Entry, Error};
use crate::workloads::{
    Below, CreateEntries, DeleteEntries, Filter, ListEntries, Settings, Workloads,
};

pub(in crate::workloads) const REALM: RealmId = RealmId::FIRST;

pub(in crate::workloads) struct World {
    pub(in crate::workloads) clock: TestClock,
    pub(in crate::workloads) db: Db,
    pub(in crate::workloads) authority: Authority,
    pub(in crate::workloads) bundles: Bundles,
    pub(in crate::workloads) nodes: Nodes,
    pub(in crate::workloads) workloads: Workloads,
    access: Access,
    rights: Rights,
    realms: Realms,
    cursor: Mutex<Cursor>,
    _directory: tempfile::TempDir,
    _database: crate::testkit::Kept,
}

impl World {
    /// The first start: realm, authorities, no agent, no entry.
    pub(in crate::workloads) async fn new(database: &TestDatabase) -> Self {
        Self::with(database, Settings::default()).await
    }

    pub(in crate::workloads) async fn with(database: &TestDatabase, settings: Settings) -> Self {
        let (db, clock) = (database.open().await, database.clock());
        // Nothing follows in the background: changes need not wait.
        let far = Cursor { history: i64::MAX, seq: i64::MAX };
        db.applied(RealmId::SYSTEM, far);
        db.applied(REALM, far);
        let directory = tempfile::tempdir().unwrap();
        let port: Arc<dyn Clock> = Arc::new(clock.clone());
        let entropy = Arc::new(SeededEntropy::new(7));
        let env = Env { db: db.clone(), clock: port, entropy };
        let (below, realms) = below(&env, directory.path()).await;
        let rights = Rights::new(below.access.clone(), below.events.clone(), env.clone());
        let world = Self {
            clock,
            db,
            authority: below.authority.clone(),
            bundles: below.bundles.clone(),
            nodes: below.nodes.clone(),
            access: below.access.clone(),
            workloads: Workloads::new(env, below, settings),
            rights,
            realms,
            cursor: Mutex::new(Cursor { history: 0, seq: 0 }),
            _directory: directory,
            _database: database.kept(),
        };
        world.load(RealmId::SYSTEM).await;
        world.load(REALM).await;
        // A first authority is made, and then signs.
        for _step in 0..2 {
            world.authority.rotate(REALM).await.unwrap();
            world.follow().await;
        }
        world
    }

    /// Every slice reads everything.
    pub(in crate::workloads) async fn load(&self, realm: RealmId) {
        let slices = self.slices();
        let head: Result<Cursor, Fault> =
            self.db.read(realm, slices, |tx, slices| Box::pin(slices.load(tx))).await;
        self.settle(realm, head.unwrap());
    }

    /// What the follower of the change log does, until it is at the head.
    pub(in crate::workloads) async fn follow(&self) {
        let from = *self.cursor.lock().unwrap();
        let input = (self.slices(), from);
        let head: Result<Cursor, Fault> = self
            .db
            .read(REALM, input, |tx, (slices, from)| Box::pin(slices.follow(tx, *from)))
            .await;
        self.settle(REALM, head.unwrap());
    }

    fn settle(&self, realm: RealmId, head: Cursor) {
        if realm == REALM {
            *self.cursor.lock().unwrap() = head;
            self.workloads.settled(realm, head);
        }
    }

    fn slices(&self) -> Slices {
        Slices {
            realms: self.realms.clone(),
            access: self.access.clone(),
            authority: self.authority.clone(),
            bundles: self.bundles.clone(),
            nodes: self.nodes.clone(),
            workloads: self.workloads.clone(),
        }
    }

    /// An agent attests with these selectors of its node, and calls.
    pub(in crate::workloads) async fn agent(&self, name: &str, selectors: &[&str]) -> NodeCaller {
        let key = PrivateKey::generate(Algorithm::P256).unwrap();
        let ask = AttestAgent {
            realm: REALM,
            attestor: AnyNode.name().to_owned(),
            payload: format!("{name} {}", selectors.join(" ")).into_bytes(),
            csr: csr::create(&key).unwrap(),
            situation: Situation::default(),
        };
        let Progress::Admitted { svid, .. } = self.nodes.attest(ask).await.unwrap() else {
            panic!("an attestor that never asks back")
        };
        self.follow().await;
        let backdate = Lifetime::seconds(crate::kernel::limits::BACKDATE_SECONDS);
        let shown = PeerSvid {
            id: svid.id,
            serial: svid.serial,
            issued_at: svid.not_before.plus(backdate),
            expires: svid.not_after,
        };
        self.nodes.judge(REALM, &shown).await.unwrap()
    }

    pub(in crate::workloads) async fn ban(&self, agent: &SpiffeId) {
        let by = Administrator { realm: REALM, asker: admin() };
        self.nodes.ban(by, agent).await.unwrap();
        self.follow().await;
    }

    pub(in crate::workloads) async fn evict(&self, agent: &SpiffeId) {
        let by = Administrator { realm: REALM, asker: admin() };
        self.nodes.evict(by, agent).await.unwrap();
        self.follow().await;
    }

    /// Makes entries as the administrator.
    pub(in crate::workloads) async fn create(
        &self,
        drafts: Vec<Draft>,
    ) -> Vec<Result<Arc<Entry>, Error>> {
        let ask = CreateEntries { realm: REALM, by: admin(), drafts };
        let made = self.workloads.create(ask).await.unwrap();
        self.follow().await;
        made
    }

    pub(in crate::workloads) async fn create_one(&self, draft: Draft) -> Arc<Entry> {
        self.create(vec![draft]).await.remove(0).unwrap()
    }

    pub(in crate::workloads) async fn delete(&self, entry: &Entry) {
        let items = vec![(entry.id.clone(), None)];
        let ask = DeleteEntries { realm: REALM, by: admin(), items };
        self.workloads.delete(ask).await.unwrap().remove(0).unwrap();
        self.follow().await;
    }

    /// `workload()` keeps the entries below this path, with these rights.
    pub(in crate::workloads) async fn bind_registrar(&self, path: &str, rights: &[Right]) {
        let rights = rights.iter().copied().collect();
        let binding = RoleBinding {
            name: Name::parse("registrar").unwrap(),
            holder: Holder::parse(id("/some/program").as_str()).unwrap(),
            given: Given::Registrar { path: id(path), rights },
        };
        let bind = BindRole { asker: admin(), realm: REALM, binding };
        self.rights.bind_role(bind).await.unwrap();
        self.follow().await;
    }

    /// A policy of the realm's own.
    pub(in crate::workloads) async fn set_policy(&self, name: &str, text: &str) {
        let (name, text) = (Name::parse(name).unwrap(), Arc::from(text));
        let seen = Seen::Anything;
        let set = SetPolicy { asker: admin(), realm: REALM, name, text, seen };
        self.rights.set_policy(set).await.unwrap();
        self.follow().await;
    }

    /// The id of the entry of this identity.
    pub(in crate::workloads) fn entry_of(&self, id: &SpiffeId) -> String {
        let filter = Filter { spiffe_id: Some(id.clone()), ..Filter::default() };
        let ask = ListEntries { realm: REALM, by: admin(), filter, after: None, limit: 1 };
        self.workloads.list(ask).unwrap().entries[0].id.to_string()
    }

    /// And no longer; this replica does not follow yet.
    pub(in crate::workloads) async fn unbind_registrar(&self) {
        let name = Name::parse("registrar").unwrap();
        let unbind = UnbindRole { asker: admin(), realm: REALM, name };
        self.rights.unbind_role(unbind).await.unwrap();
    }

    /// We trust another domain from now on.
    pub(in crate::workloads) async fn federate(&self, domain: &str) {
        let ca = crate::crypto::x509::forge::Ca::of(domain);
        let document = crate::crypto::jose::print_bundle(&KeySet {
            x509: vec![ca.der],
            jwt: Vec::new(),
            sequence: Some(1),
            refresh_hint: None,
        });
        let by = crate::bundles::Administrator { realm: REALM, asker: admin() };
        let domain = TrustDomain::parse(domain).unwrap();
        self.bundles.set(by, &domain, document.to_string().as_bytes()).await.unwrap();
        self.follow().await;
    }

    pub(in crate::workloads) async fn unfederate(&self, domain: &str) {
        let by = crate::bundles::Administrator { realm: REALM, asker: admin() };
        self.bundles.delete(by, &TrustDomain::parse(domain).unwrap()).await.unwrap();
        self.follow().await;
    }

    /// The bundle gets a second X.509 authority.
    pub(in crate::workloads) async fn prepare_authority(&self) {
        let by = crate::authority::Administrator { realm: REALM, asker: admin() };
        self.authority.prepare(by, Line::find(Purpose::X509, None).unwrap()).await.unwrap();
        self.follow().await;
    }

    pub(in crate::workloads) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// The slices below, over a database in which the realm is founded.
async fn below(env: &Env, ledger: &Path) -> (Below, Realms) {
    let ring = KekRing::new(Kek::from_bytes(&Secret::new([1; 32])).unwrap(), Vec::new());
    let (ring, place) = (Arc::new(ring), ledger.to_owned());
    let events =
        Events::open(env.clone(), place, Arc::clone(&ring), LedgerSettings::default()).unwrap();
    let access = Access::new(Arc::clone(&env.clock), 4711).unwrap();
    for realm in [RealmId::SYSTEM, REALM] {
        events.prepare(realm).await.unwrap();
        access.open(realm);
    }
    let realms = Realms::new(env.clone(), access.clone(), events.clone());
    let issuer = Issuer::parse("https://weft.test").unwrap();
    realms.found(home(), issuer).await.unwrap();
    let settings = crate::authority::Settings::default();
    let authority = Authority::new(env.clone(), events.clone(), access.clone(), ring, settings);
    let issuer = "https://weft.test/spiffe".into();
    authority.open(RealmNames { realm: REALM, trust_domain: home(), issuer }).unwrap();
    let bundles = Bundles::new(env.clone(), events.clone(), access.clone(), authority.clone());
    let settings = crate::svid::Settings::default();
    let svid = Svid::new(env.clone(), authority.clone(), settings, KeysReplica::NEVER_BLIND);
    let devices = Inventory::new(env.db.clone());
    let posture = posture_of(env, (&access, &events), devices.clone());
    let nodes = Nodes::new(
        env.clone(),
        nodes::Below {
            access: access.clone(),
            events: events.clone(),
            posture: posture.clone(),
            svid: svid.clone(),
            realms: realms.clone(),
            bundles: bundles.clone(),
            devices,
        },
        Attestors::new(vec![Box::new(AnyNode)]),
        nodes::Settings::default(),
    );
    (Below { access, events, authority, bundles, posture, svid, nodes }, realms)
}

#[derive(Debug, Clone)]
struct Slices {
    realms: Realms,
    access: Access,
    authority: Authority,
    bundles: Bundles,
    nodes: Nodes,
    workloads: Workloads,
}

impl Slices {
    async fn load(&self, tx: &mut Tx) -> Result<Cursor, Fault> {
        let head = tx.head().await?;
        self.realms.load(tx).await?;
        self.access.load(tx).await?;
        if tx.realm() != RealmId::SYSTEM {
            self.authority.load(tx).await?;
            self.bundles.load(tx).await?;
            self.nodes.load(tx).await?;
            self.workloads.load(tx).await?;
        }
        Ok(head)
    }

    async fn follow(&self, tx: &mut Tx, from: Cursor) -> Result<Cursor, Fault> {
        let Some(changes) = tx.changes_after(from, 100_000).await? else {
            return self.load(tx).await;
        };
        let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for change in changes {
            kinds.entry(change.kind).or_default().push(change.key);
        }
        for (kind, keys) in kinds {
            match kind.as_str() {
                crate::access::ROLE_BINDING | crate::access::POLICY => {
                    self.access.apply(tx, &keys).await?;
                }
                crate::authority::AUTHORITY => self.authority.apply(tx, &keys).await?,
                crate::bundles::FOREIGN_BUNDLE => self.bundles.apply(tx, &keys).await?,
                crate::nodes::model::AGENT => self.nodes.apply(tx, &keys).await?,
                crate::workloads::ENTRY => self.workloads.apply(tx, &keys).await?,
                other => panic!("a change of kind `{other}`"),
            }
        }
        tx.head().await
    }
}

/// Believes what it is told: a name and selectors, with spaces between.
#[derive(Debug)]
struct AnyNode;

impl NodeAttestor for AnyNode {
    fn name(&self) -> &'static str {
        "join_token"
    }

    fn open<'a>(
        &'a self,
        _env: &'a Env,
        opening: Opening<'a>,
    ) -> BoxFuture<'a, Result<Step, nodes::Error>> {
        let told = String::from_utf8(opening.payload.to_vec()).unwrap();
        let mut words = told.split(' ').filter(|word| !word.is_empty());
        let attested = Attested {
            path: format!("join_token/{}", words.next().unwrap()),
            selectors: words.map(|word| Selector::parse(word).unwrap()).collect(),
            alias: None,
            strength: Strength::Software,
            can_reattest: false,
            good_for: None,
        };
        Box::pin(async move { Ok(Step::Done(attested)) })
    }
}

pub(in crate::workloads) fn home() -> TrustDomain {
    TrustDomain::parse("weft.test").unwrap()
}

pub(in crate::workloads) fn id(path: &str) -> SpiffeId {
    home().with_path(path).unwrap()
}

/// An entry of `path` under `parent` for whoever is this unix user.
pub(in crate::workloads) fn draft(path: &str, parent: &SpiffeId, uid: u32) -> Draft {
    let selector = Selector::parse(&format!("unix:uid:{uid}")).unwrap();
    Draft::new(id(path), parent.clone(), vec![selector])
}

/// Root at the local socket.
pub(in crate::workloads) fn admin() -> Asker {
    asker(Proof::KernelPeer { uid: 0, pid: 1 }, None)
}

/// A program that holds no role.
pub(in crate::workloads) fn workload() -> Asker {
    let proof = Proof::JwtSvid { issued_at: Timestamp::EPOCH, expires_at: Timestamp::FOREVER };
    asker(proof, Some(id("/some/program")))
}

fn asker(proof: Proof, subject: Option<SpiffeId>) -> Asker {
    let caller = Caller { realm: REALM, subject, proof, listener: Listener::Local, address: None };
    Asker::of(&caller, &home())
}

/// A policy of a realm's own that refuses identities.
pub(in crate::workloads) const FREEZE: &str = r#"
@id("frozen")
@says("no identity is issued below `/frozen`")
forbid (principal, action == Action::"IssueX509Svid", resource is Svid)
when { resource in Path::"spiffe://weft.test/frozen" };
"#;
