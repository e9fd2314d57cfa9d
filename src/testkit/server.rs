//! A whole server in this process, on free ports, in a temporary directory, in real time.
//!
//! Each has a runtime of its own, so that it can be killed: everything it does ends where it stands.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::database::{TestDatabase, must};
use super::patience::{OwnRuntime, until};
use crate::access::{Administrator, Asker};
use crate::env::{Clock, SystemClock, SystemEntropy};
use crate::kernel::{
    Caller, EntryId, Failure, Lifetime, Listener, Proof, RealmId, Secret, Selector, SpiffeId,
    TrustDomain,
};
use crate::nodes::model::TokenWish;
use crate::server::{Addresses, Ports, Running, Server, Settings};
use crate::settings::Environment;
use crate::telemetry::Metrics;
use crate::wire::join::JoinString;
use crate::workloads::{CreateEntries, DeleteEntries, Draft, Entry, Error};

/// A server of a test. Dropped, it is killed.
pub struct TestServer {
    settings: Settings,
    clock: Arc<dyn Clock>,
    directory: tempfile::TempDir,
    life: Option<Life>,
}

/// What ends when the server ends.
struct Life {
    runtime: OwnRuntime,
    running: Running,
}

impl TestServer {
    /// A server on this database, with the settings that a newcomer has.
    pub async fn start(database: &TestDatabase) -> Self {
        Self::start_with(database, |_| {}).await
    }

    /// The same, with settings changed.
    pub async fn start_with(database: &TestDatabase, adjust: impl FnOnce(&mut Settings)) -> Self {
        Self::start_by(Arc::new(SystemClock::new()), database, adjust).await
    }

    /// The same, by a clock that may be wrong.
    pub async fn start_by(
        clock: Arc<dyn Clock>,
        database: &TestDatabase,
        adjust: impl FnOnce(&mut Settings),
    ) -> Self {
        let directory = must(tempfile::tempdir(), "a temporary directory");
        let mut settings = Settings::default();
        "weft.test".clone_into(&mut settings.server.trust_domain);
        settings.server.data_dir = Some(directory.path().join("data"));
        settings.storage.url = Some(database.url().to_owned());
        let free = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let listen = &mut settings.listen;
        (listen.node, listen.public, listen.mtls, listen.ops) = (free, free, free, free);
        adjust(&mut settings);
        let mut server = Self { settings, clock, directory, life: None };
        server.start_again().await;
        server
    }

    /// A second replica: the same database and the same key-encryption key, a data directory and doors of its own.
    pub async fn replica(&self, database: &TestDatabase) -> Self {
        let mut settings = self.settings.clone();
        let seal = self.data_dir().join("kek");
        Self::start_with(database, move |own| {
            settings.server.data_dir = own.server.data_dir.take();
            settings.listen = own.listen.clone();
            settings.seal.file = Some(seal);
            *own = settings;
        })
        .await
    }

    /// Starts it after `stop` or `kill`: with its data, behind the doors it had.
    pub async fn start_again(&mut self) {
        drop(self.life.take());
        // What a killed server had open may be closed a moment later.
        let life = until("the server starts", async || {
            Life::start(self.settings.clone(), Arc::clone(&self.clock)).await
        })
        .await;
        let addresses = &life.running.addresses;
        let listen = &mut self.settings.listen;
        (listen.node, listen.public) = (addresses.node, addresses.public);
        (listen.mtls, listen.ops) = (addresses.mtls, addresses.ops);
        self.life = Some(life);
    }

    /// Stops it as a signal does: what is in flight is finished.
    pub async fn stop(&mut self) {
        if let Some(Life { runtime, running }) = self.life.take() {
            must(runtime.spawn(running.stop()).await, "stop the server");
        }
    }

    /// Ends it where it stands, nothing finished, nothing said.
    pub fn kill(&mut self) {
        drop(self.life.take());
    }

    /// The server's inside. The test has failed if it does not run.
    pub fn server(&self) -> &Arc<Server> {
        &self.life().running.server
    }

    /// Where it listens.
    pub fn addresses(&self) -> &Addresses {
        &self.life().running.addresses
    }

    /// Its data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.settings.server.data_dir.clone().unwrap_or_else(|| self.directory.path().to_owned())
    }

    /// The trust domain of its first realm.
    pub fn trust_domain(&self) -> TrustDomain {
        must(TrustDomain::parse(&self.settings.server.trust_domain), "a trust domain")
    }

    /// An ID of its trust domain.
    pub fn id(&self, path: &str) -> SpiffeId {
        must(SpiffeId::parse(&format!("spiffe://{}{path}", self.trust_domain())), "a SPIFFE ID")
    }

    /// Root at the local socket, who may do everything.
    pub fn root(&self) -> Asker {
        let proof = Proof::KernelPeer { uid: 0, pid: 1 };
        let caller = Caller {
            realm: RealmId::FIRST,
            subject: None,
            proof,
            listener: Listener::Local,
            address: None,
        };
        Asker::of(&caller, &self.trust_domain())
    }

    /// The same, for operations that name their realm with it.
    pub fn administrator(&self) -> Administrator {
        Administrator { realm: RealmId::FIRST, asker: self.root() }
    }

    /// The secret of a new join token for one agent.
    pub async fn token(&self) -> Secret<String> {
        let wish = TokenWish {
            by: self.administrator(),
            id: None,
            uses_max: 1,
            lifetime: Lifetime::minutes(10),
            selectors: Vec::new(),
            alias: None,
        };
        must(self.server().nodes.create_token(wish).await, "create a join token").secret
    }

    /// A new join string for one agent, as `weft token create` prints it.
    pub async fn join_string(&self) -> String {
        let pins = self.server().pins(RealmId::FIRST);
        let address = self.addresses().node.to_string();
        let join = JoinString::new(self.trust_domain(), &address, self.token().await, pins);
        must(join, "a join string").format().expose().clone()
    }

    /// Creates entries and says what became of each.
    pub async fn try_create(
        &self,
        drafts: Vec<Draft>,
    ) -> Result<Vec<Result<Arc<Entry>, Error>>, Error> {
        let ask = CreateEntries { realm: RealmId::FIRST, by: self.root(), drafts };
        self.server().workloads.create(ask).await
    }

    /// Creates an entry under this parent for whoever shows the selectors.
    pub async fn create(&self, path: &str, parent: &SpiffeId, selectors: &[&str]) -> Arc<Entry> {
        self.create_draft(self.draft(path, parent, selectors)).await
    }

    /// Creates an entry.
    pub async fn create_draft(&self, draft: Draft) -> Arc<Entry> {
        let made = must(self.try_create(vec![draft]).await, "create an entry");
        let made = must(made.into_iter().next().ok_or("no outcome"), "an outcome for each");
        must(made, "create an entry")
    }

    /// What `create` asks for, to be changed further.
    pub fn draft(&self, path: &str, parent: &SpiffeId, selectors: &[&str]) -> Draft {
        let selectors =
            selectors.iter().map(|text| must(Selector::parse(text), "a selector")).collect();
        Draft::new(self.id(path), parent.clone(), selectors)
    }

    /// Removes an entry.
    pub async fn delete(&self, id: &EntryId) {
        let ask = DeleteEntries {
            realm: RealmId::FIRST,
            by: self.root(),
            items: vec![(id.clone(), None)],
        };
        for outcome in must(self.server().workloads.delete(ask).await, "delete an entry") {
            must(outcome, "delete an entry");
        }
    }

    /// The IDs of the agents it knows.
    pub fn agents(&self) -> Vec<SpiffeId> {
        self.server().nodes.agents(RealmId::FIRST).iter().map(|agent| agent.id.clone()).collect()
    }

    fn life(&self) -> &Life {
        must(self.life.as_ref().ok_or("it was stopped"), "a server that runs")
    }
}

impl Life {
    async fn start(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let runtime = OwnRuntime::new("server");
        let ports = Ports {
            clock,
            entropy: Arc::new(SystemEntropy::default()),
            environment: Environment::of([]),
            metrics: Metrics::start()?,
        };
        let running =
            must(runtime.spawn(Running::start(settings, ports)).await, "start the server")?;
        Ok(Self { runtime, running })
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.kill();
    }
}

impl fmt::Debug for TestServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestServer").field("settings", &self.settings).finish_non_exhaustive()
    }
}
