//! The main job, end to end: whole servers and agents in this process, real sockets, real time, foreign clients.

mod again;
mod clock;
mod commands;
mod device;
mod disk;
mod flood;
mod identity;
mod life;
mod login;
mod outage;
mod own_device;
mod replicas;
mod restore;
mod web_certificate;

use std::sync::Arc;

use spiffe::x509_source::SvidPicker;
use spiffe::{WorkloadApiClient, X509Source, X509Svid};
use weft::env::{Clock as _, SystemClock};
use weft::kernel::Lifetime;
use weft::testkit::{TestAgent, TestDatabase, TestServer, engines, until, within};
use weft::workloads::Entry;

/// A server and an agent that joined it.
pub(crate) struct Fabric {
    pub(crate) server: TestServer,
    pub(crate) agent: TestAgent,
}

impl Fabric {
    pub(crate) async fn over(database: &TestDatabase) -> Self {
        let server = TestServer::start(database).await;
        let agent = TestAgent::join(&server).await;
        Self { server, agent }
    }

    /// An entry for this process, and the X.509-SVIDs that it got together with it.
    pub(crate) async fn entry(&self, path: &str) -> Arc<Entry> {
        self.server.create(path, self.agent.id(), &[&me()]).await
    }

    /// The same with an X.509-SVID that lives this long.
    pub(crate) async fn short_entry(&self, path: &str, seconds: i64) -> Arc<Entry> {
        let draft = self.server.draft(path, self.agent.id(), &[&me()]);
        let draft = weft::workloads::Draft { x509_svid_ttl_seconds: seconds, ..draft };
        self.server.create_draft(draft).await
    }
}

/// The selector of whoever runs this test.
pub(crate) fn me() -> String {
    format!("unix:uid:{}", nix::unistd::geteuid())
}

/// Runs the test on a database of its own for each engine, in real time.
pub(crate) async fn on_each(test: impl AsyncFn(&TestDatabase)) {
    for engine in engines() {
        let database = TestDatabase::new(engine).await;
        Box::pin(test(&database)).await;
        // Shown when the test fails.
        eprintln!("held on {engine:?}");
    }
}

/// The real time since `began`, a reading of the same clock.
pub(crate) fn waited(clock: &SystemClock, began: Lifetime) -> Lifetime {
    Lifetime::micros(clock.elapsed().as_micros() - began.as_micros())
}

/// The IDs of all X.509-SVIDs that this process gets now.
pub(crate) async fn x509_ids(agent: &TestAgent) -> Result<Vec<String>, String> {
    let client = connect(agent).await?;
    let svids = within("fetch X.509-SVIDs", client.fetch_all_x509_svids()).await;
    let svids = svids.map_err(|error| error.to_string())?;
    Ok(svids.iter().map(|svid| svid.spiffe_id().to_string()).collect())
}

/// Waits until this process gets an X.509-SVID of this ID.
pub(crate) async fn until_given(agent: &TestAgent, path: &str) {
    until_given_in(agent, "weft.test", path).await;
}

/// The same, of this trust domain.
pub(crate) async fn until_given_in(agent: &TestAgent, trust_domain: &str, path: &str) {
    let wanted = format!("spiffe://{trust_domain}{path}");
    until("the X.509-SVID comes", async || {
        let ids = x509_ids(agent).await?;
        if ids.contains(&wanted) { Ok(()) } else { Err(format!("{ids:?}")) }
    })
    .await;
}

pub(crate) async fn connect(agent: &TestAgent) -> Result<WorkloadApiClient, String> {
    let client = within("connect", WorkloadApiClient::connect_to(agent.endpoint())).await;
    client.map_err(|error| error.to_string())
}

/// A source that shows this identity.
pub(crate) async fn source(agent: &TestAgent, path: &str) -> X509Source {
    until_given(agent, path).await;
    let picker = Named(format!("spiffe://weft.test{path}"));
    let building = X509Source::builder().endpoint(agent.endpoint()).picker(picker).build();
    within("the source is filled", building).await.unwrap()
}

#[derive(Debug)]
struct Named(String);

impl SvidPicker for Named {
    fn pick_svid(&self, svids: &[Arc<X509Svid>]) -> Option<usize> {
        svids.iter().position(|svid| svid.spiffe_id().to_string() == self.0)
    }
}
