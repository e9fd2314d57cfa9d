//! `weft` as real processes, which end by SIGKILL.

use std::fs::{File, OpenOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::process::{Child, Command};
use weft::db::Engine;
use weft::testkit::postgres::PostgresServer;
use weft::testkit::{TestDatabase, engines, until};

use super::admin::Admin;

/// One `weft server`, which can be killed and started again with its data.
pub(super) struct Replica {
    pub(super) name: &'static str,
    pub(super) admin: Admin,
    directory: tempfile::TempDir,
    options: Vec<String>,
    life: tokio::sync::Mutex<Option<Child>>,
    node: Mutex<Option<SocketAddr>>,
}

impl Replica {
    /// A server on this database, not started yet. `kek` is the file of another's key-encryption key.
    pub(super) fn new(name: &'static str, database: &str, kek: Option<&Path>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let mut options = vec![
            "--data-dir".to_owned(),
            data.display().to_string(),
            "--trust-domain".to_owned(),
            "weft.test".to_owned(),
        ];
        let set = |key: &str, value: &str| ["--set".to_owned(), format!("{key}={value}")];
        for door in ["public", "mtls"] {
            options.extend(set(&format!("listen.{door}"), "127.0.0.1:0"));
        }
        options.extend(set("listen.ops", "127.0.0.1:0"));
        options.extend(set("storage.url", database));
        options.extend(set("log.level", "warn"));
        options.extend(set("node.attestations_per_second", "0"));
        if let Some(kek) = kek {
            options.extend(set("seal.file", &kek.display().to_string()));
        }
        let admin = Admin::at(&data.join("admin.sock"));
        let (life, node) = (tokio::sync::Mutex::new(None), Mutex::new(None));
        Self { name, admin, directory, options, life, node }
    }

    /// The same with one more setting.
    pub(super) fn with(mut self, key: &str, value: &str) -> Self {
        self.options.extend(["--set".to_owned(), format!("{key}={value}")]);
        self
    }

    /// Where its key-encryption key is, once it has started.
    pub(super) fn kek(&self) -> PathBuf {
        self.directory.path().join("data/kek")
    }

    /// Where agents dial it at the moment.
    pub(super) fn node(&self) -> SocketAddr {
        self.bound().expect("a server that has started")
    }

    /// Starts it, and waits until it serves. One that cannot start, because its database is only just coming back, is
    /// started again, as the init system does.
    pub(super) async fn start(&self) {
        let at = until("the server starts", async || {
            let mut child = self.spawn();
            let greeting = self.directory.path().join("server.out");
            loop {
                if let Some(at) = listening(&greeting) {
                    *self.life.lock().await = Some(child);
                    return Ok(at);
                }
                if child.try_wait().unwrap().is_some() {
                    return Err(self.words());
                }
                super::pause(10).await;
            }
        })
        .await;
        *self.node.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    /// Ends it where it stands.
    pub(super) async fn kill(&self) {
        if let Some(mut child) = self.life.lock().await.take() {
            child.kill().await.unwrap();
        }
    }

    /// Runs another command of `weft` on this server's data and database, which must succeed.
    pub(super) async fn command(&self, command: &[&str]) {
        let places = self.options.chunks(2).filter(|pair| pair[0] != "--trust-domain").flatten();
        let done = Command::new(PROGRAM).args(command).args(places).stdin(Stdio::null()).output();
        let done = done.await.unwrap();
        let words = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "weft {command:?}: {words}");
    }

    /// A file beside its data.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The end of its log.
    pub(super) fn words(&self) -> String {
        tail(&self.directory.path().join("server.err"))
    }

    fn bound(&self) -> Option<SocketAddr> {
        *self.node.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Agents that know its address find it there again.
    fn spawn(&self) -> Child {
        let node = self.bound().unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)));
        let mut options = self.options.clone();
        options.extend(["--set".to_owned(), format!("listen.node={node}")]);
        spawn(self.directory.path(), "server", &options)
    }
}

/// One `weft agent`, which can be killed and started again with what it has kept.
pub(super) struct AgentProgram {
    directory: tempfile::TempDir,
    life: Option<Child>,
}

impl AgentProgram {
    /// Starts one that joins with this string.
    pub(super) fn join(join: &str) -> Self {
        let mut agent = Self { directory: tempfile::tempdir().unwrap(), life: None };
        agent.spawn(&["--join".to_owned(), join.to_owned()]);
        agent
    }

    /// Its socket's address, as `SPIFFE_ENDPOINT_SOCKET` has it.
    pub(super) fn endpoint(&self) -> String {
        format!("unix://{}", self.directory.path().join("agent.sock").display())
    }

    /// Ends it where it stands.
    pub(super) async fn kill(&mut self) {
        if let Some(mut child) = self.life.take() {
            child.kill().await.unwrap();
        }
    }

    /// Starts it again, without a join string.
    pub(super) fn start_again(&mut self) {
        self.spawn(&[]);
    }

    /// The end of its log.
    pub(super) fn words(&self) -> String {
        tail(&self.directory.path().join("agent.err"))
    }

    fn spawn(&mut self, more: &[String]) {
        let at = |name: &str| self.directory.path().join(name).display().to_string();
        let mut options =
            vec!["--data-dir".to_owned(), at("data"), "--socket".to_owned(), at("agent.sock")];
        options.extend_from_slice(more);
        self.life = Some(spawn(self.directory.path(), "agent", &options));
    }
}

/// Killed with us, however we end; its log goes on where it was, its greeting is that of this start.
fn spawn(directory: &Path, command: &str, options: &[String]) -> Child {
    let log = directory.join(format!("{command}.err"));
    let log = OpenOptions::new().create(true).append(true).open(log).unwrap();
    let greeting = File::create(directory.join(format!("{command}.out"))).unwrap();
    let mut program = Command::new("setpriv");
    program
        .args(["--pdeathsig", "KILL", "--", PROGRAM, command])
        .args(options)
        .stdin(Stdio::null())
        .stdout(greeting)
        .stderr(log);
    program.kill_on_drop(true).spawn().unwrap()
}

/// Where a greeting that is complete says that agents are served.
fn listening(greeting: &Path) -> Option<SocketAddr> {
    let text = std::fs::read_to_string(greeting).unwrap_or_default();
    let complete = text.contains("weft token create");
    let mut lines = text.lines().filter_map(|line| line.trim().strip_prefix("agents"));
    lines.next().filter(|_| complete)?.trim().parse().ok()
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_weft");

/// A database of each kind that keeps what it acknowledged through a kill.
pub(super) async fn durable_databases() -> Vec<TestDatabase> {
    let mut all = Vec::new();
    for engine in engines() {
        all.push(match engine {
            Engine::Sqlite => TestDatabase::new(engine).await,
            Engine::Postgres => TestDatabase::with_server(PostgresServer::start_durable()),
        });
    }
    all
}

/// Everything that can run on it: one replica on SQLite, two on PostgreSQL.
pub(super) async fn replicas(database: &TestDatabase) -> Vec<Arc<Replica>> {
    let first = Replica::new("a", database.url(), None);
    first.start().await;
    let mut all = vec![];
    if database.engine() == Engine::Postgres {
        let second = Replica::new("b", database.url(), Some(&first.kek()));
        second.start().await;
        all.push(Arc::new(second));
    }
    all.insert(0, Arc::new(first));
    all
}
