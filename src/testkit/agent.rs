//! A whole agent in this process, with a socket in a temporary directory, in real time.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::TestServer;
use super::database::must;
use super::patience::{OwnRuntime, until, within};
use crate::agent::{self, Error, Ports, Settings};
use crate::env::{Clock, SystemClock, SystemEntropy};
use crate::kernel::SpiffeId;
use crate::wire::join::JoinText;

/// An agent of a test. Dropped, it is killed.
pub struct TestAgent {
    settings: Settings,
    clock: Arc<dyn Clock>,
    directory: tempfile::TempDir,
    life: Option<Life>,
    id: SpiffeId,
}

struct Life {
    /// Before the runtime it belongs to.
    program: JoinHandle<Result<(), Error>>,
    stop: CancellationToken,
    _runtime: OwnRuntime,
}

impl TestAgent {
    /// An agent that joins this server with a token of its own; gives it once the server knows it.
    pub async fn join(server: &TestServer) -> Self {
        Self::join_with(server, |_| {}).await
    }

    /// The same, with settings changed.
    pub async fn join_with(server: &TestServer, adjust: impl FnOnce(&mut Settings)) -> Self {
        let known = server.agents();
        let join = JoinText::new(server.join_string().await);
        let mut agent = Self::start(server, |settings| {
            settings.join = Some(join);
            adjust(settings);
        });
        agent.id = until("the agent joins", async || {
            server.agents().into_iter().find(|id| !known.contains(id)).ok_or("no new agent")
        })
        .await;
        agent
    }

    /// An agent that may or may not get in, with whatever trust the settings give it. Its ID is not known.
    pub fn start(server: &TestServer, adjust: impl FnOnce(&mut Settings)) -> Self {
        Self::start_by(Arc::new(SystemClock::new()), server, adjust)
    }

    /// The same, by a clock that may be wrong.
    pub fn start_by(
        clock: Arc<dyn Clock>,
        server: &TestServer,
        adjust: impl FnOnce(&mut Settings),
    ) -> Self {
        let directory = must(tempfile::tempdir(), "a temporary directory");
        let mut settings = Settings {
            data_dir: Some(directory.path().join("agent")),
            socket: Some(directory.path().join("agent.sock")),
            ..Settings::default()
        };
        adjust(&mut settings);
        let life = Some(Life::start(settings.clone(), Arc::clone(&clock)));
        Self { settings, clock, directory, life, id: server.id("/spire/agent/unknown") }
    }

    /// Its SPIFFE ID.
    pub fn id(&self) -> &SpiffeId {
        &self.id
    }

    /// Its socket's address, as `SPIFFE_ENDPOINT_SOCKET` has it.
    pub fn endpoint(&self) -> String {
        let socket =
            self.settings.socket.clone().unwrap_or_else(|| self.directory.path().to_owned());
        format!("unix://{}", socket.display())
    }

    /// Where it keeps its own key and SVID.
    pub fn data_dir(&self) -> PathBuf {
        self.settings.data_dir.clone().unwrap_or_else(|| self.directory.path().to_owned())
    }

    /// Stops it as a signal does, and gives what it ended with.
    pub async fn stop(&mut self) -> Result<(), Error> {
        let Some(life) = self.life.take() else { return Ok(()) };
        life.stop.cancel();
        must(within("the agent stops", life.program).await, "the agent's task")
    }

    /// Waits until it ends by itself, and gives why.
    pub async fn ended(&mut self) -> Result<(), Error> {
        let Some(life) = self.life.take() else { return Ok(()) };
        must(within("the agent ends", life.program).await, "the agent's task")
    }

    /// Ends it where it stands.
    pub fn kill(&mut self) {
        drop(self.life.take());
    }

    /// Starts it again with what it has kept, and without a join string: it must not need one.
    pub fn start_again(&mut self) {
        self.settings.join = None;
        self.life = Some(Life::start(self.settings.clone(), Arc::clone(&self.clock)));
    }

    /// Starts it again with a new join string.
    pub fn start_with(&mut self, join: String) {
        self.settings.join = Some(JoinText::new(join));
        self.life = Some(Life::start(self.settings.clone(), Arc::clone(&self.clock)));
    }

    /// Dials another server from its next start on.
    pub fn dial(&mut self, server: &TestServer) {
        self.settings.server_address = Some(server.addresses().node.to_string());
    }
}

impl Life {
    fn start(settings: Settings, clock: Arc<dyn Clock>) -> Self {
        let runtime = OwnRuntime::new("agent");
        let ports = Ports { clock, entropy: Arc::new(SystemEntropy::default()) };
        let stop = CancellationToken::new();
        let program = runtime.spawn(run(settings, ports, stop.clone()));
        Self { program, stop, _runtime: runtime }
    }
}

#[expect(clippy::print_stderr, reason = "shown when the test fails, which otherwise only waits")]
async fn run(settings: Settings, ports: Ports, stop: CancellationToken) -> Result<(), Error> {
    let outcome = agent::run(settings, ports, stop).await;
    if let Err(why) = &outcome {
        eprintln!("an agent of this test ended: {why}");
    }
    outcome
}

impl fmt::Debug for TestAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestAgent").field("id", &self.id).finish_non_exhaustive()
    }
}
