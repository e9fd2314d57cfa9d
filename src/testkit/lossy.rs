//! A PostgreSQL connection that loses what a test wants lost: a proxy on a Unix socket, which reads just enough of the
//! protocol to see a COMMIT go by.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::database::must;
use super::postgres::PostgresServer;

/// What happens to the next COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lose {
    /// Nothing is lost.
    Nothing = 0,
    /// The server commits, but its answer is lost with the connection.
    Answer = 1,
    /// The COMMIT itself is lost with the connection.
    Commit = 2,
    /// The answer is lost, and nobody gets through any more.
    Everything = 3,
}

/// The proxy. Dropped, it closes all it carries.
#[derive(Debug)]
pub struct LossyPostgres {
    directory: tempfile::TempDir,
    plan: Arc<AtomicU8>,
    _stop: DropGuard,
}

impl LossyPostgres {
    /// A proxy in front of this server.
    pub fn before(server: &PostgresServer) -> Self {
        let directory = must(tempfile::tempdir(), "a temporary directory");
        let listener = UnixListener::bind(directory.path().join(SOCKET));
        let listener = must(listener, "listen for connections to PostgreSQL");
        let plan = Arc::new(AtomicU8::new(0));
        let stop = CancellationToken::new();
        let serving = serve(listener, server.directory().join(SOCKET), Arc::clone(&plan));
        TaskTracker::new().spawn(stop.clone().run_until_cancelled_owned(serving));
        Self { directory, plan, _stop: stop.drop_guard() }
    }

    /// The address of the database that `url` names, through this proxy.
    pub fn url(&self, url: &str) -> String {
        let bare = url.split('?').next().unwrap_or(url);
        format!("{bare}?host={}", self.directory.path().display())
    }

    /// Loses something of the next COMMIT, once.
    pub fn next(&self, lose: Lose) {
        self.plan.store(lose.number(), Ordering::SeqCst);
    }

    /// True once the loss that was asked for has happened.
    pub fn happened(&self) -> bool {
        let plan = self.plan.load(Ordering::SeqCst);
        plan == Lose::Nothing.number() || plan == SHUT
    }
}

impl Lose {
    const fn number(self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Answer => 1,
            Self::Commit => 2,
            Self::Everything => 3,
        }
    }
}

async fn serve(listener: UnixListener, server: PathBuf, plan: Arc<AtomicU8>) {
    let carried = TaskTracker::new();
    let stop = CancellationToken::new();
    let _stopped_with_us = stop.clone().drop_guard();
    while let Ok((client, _)) = listener.accept().await {
        if plan.load(Ordering::SeqCst) == SHUT {
            continue;
        }
        let carrying = carry(client, server.clone(), Arc::clone(&plan));
        carried.spawn(stop.clone().run_until_cancelled_owned(carrying));
    }
}

/// Carries one connection until either end closes it, or a loss does.
async fn carry(mut client: UnixStream, server: PathBuf, plan: Arc<AtomicU8>) -> io::Result<()> {
    let mut server = UnixStream::connect(server).await?;
    let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        tokio::select! {
            size = client.read(&mut asked) => {
                let message = asked.get(..size?).unwrap_or_default();
                if message.is_empty() {
                    return Ok(());
                }
                match plan.load(Ordering::SeqCst) {
                    SHUT => return Ok(()),
                    lose @ 1..=3 if message == COMMIT => {
                        let then = if lose == Lose::Everything.number() { SHUT } else { 0 };
                        if lose != Lose::Commit.number() {
                            server.write_all(message).await?;
                            // Its answer means that the COMMIT has happened; nobody gets to see it.
                            let _lost = server.read(&mut answered).await?;
                        }
                        plan.store(then, Ordering::SeqCst);
                        return Ok(());
                    }
                    _ => server.write_all(message).await?,
                }
            }
            size = server.read(&mut answered) => {
                let message = answered.get(..size?).unwrap_or_default();
                if message.is_empty() {
                    return Ok(());
                }
                client.write_all(message).await?;
            }
        }
    }
}

/// The socket's name, as PostgreSQL names it for its usual port.
const SOCKET: &str = ".s.PGSQL.5432";
/// Nobody gets through any more.
const SHUT: u8 = 4;
/// A simple query: kind, length, text, end.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";
