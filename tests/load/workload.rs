//! A real `weft agent` in a process of its own, and a workload at its socket: this program, known by its uid.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Request, Streaming};
use weft_proto::workload::spiffe_workload_api_client::SpiffeWorkloadApiClient;
use weft_proto::workload::{X509svidRequest, X509svidResponse};

use super::Outcome;
use super::process::Process;

/// The agent's process.
#[derive(Debug)]
pub(crate) struct RealAgent {
    /// To be looked at.
    pub(crate) process: Process,
    socket: PathBuf,
}

impl RealAgent {
    /// Joins with this join string.
    pub(crate) fn join(program: &Path, home: &Path, join: String) -> Outcome<Self> {
        let socket = home.join("agent.sock");
        let words =
            |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let mut arguments = words(&["agent", "--data-dir"]);
        arguments.push(home.join("agent").display().to_string());
        arguments.extend([String::from("--socket"), socket.display().to_string()]);
        arguments.extend([String::from("--join"), join]);
        let process = Process::spawn(program, &arguments, &home.join("agent.log"))?;
        Ok(Self { process, socket })
    }

    /// A workload that holds a stream, whatever happens.
    pub(crate) fn workload(&self) -> Workload {
        let (sender, known) = watch::channel(Known { ids: BTreeSet::new(), at: Instant::now() });
        tokio::spawn(listen(self.socket.clone(), sender));
        Workload { known }
    }
}

/// What a workload has been told.
#[derive(Debug, Clone)]
pub(crate) struct Workload {
    known: watch::Receiver<Known>,
}

#[derive(Debug)]
struct Known {
    /// The SPIFFE IDs of its SVIDs.
    ids: BTreeSet<String>,
    /// When it was told so.
    at: Instant,
}

impl Workload {
    /// How long after `from` it had an SVID with this ID.
    pub(crate) async fn has(&mut self, id: &str, from: Instant) -> Outcome<Duration> {
        self.when(id, from, true).await
    }

    /// How long after `from` that SVID was gone.
    pub(crate) async fn lost(&mut self, id: &str, from: Instant) -> Outcome<Duration> {
        self.when(id, from, false).await
    }

    async fn when(&mut self, id: &str, from: Instant, has: bool) -> Outcome<Duration> {
        let come = self.known.wait_for(|known| known.ids.contains(id) == has);
        let known = tokio::time::timeout(PATIENCE, come).await;
        let known = known.map_err(|_| format!("`{id}`: not so within {PATIENCE:?}: {has}"))??;
        Ok(known.at.saturating_duration_since(from))
    }
}

/// Reads the stream until the program ends. An agent without an identity for us ends it; then it is asked again.
async fn listen(socket: PathBuf, known: watch::Sender<Known>) {
    loop {
        if let Ok(mut stream) = open(&socket).await {
            while let Ok(Some(message)) = stream.message().await {
                let at = Instant::now();
                let ids = message.svids.into_iter().map(|svid| svid.spiffe_id).collect();
                known.send_replace(Known { ids, at });
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn open(socket: &Path) -> Outcome<Streaming<X509svidResponse>> {
    let mut client = SpiffeWorkloadApiClient::new(channel(socket).await?);
    let mut request = Request::new(X509svidRequest {});
    request.metadata_mut().insert("workload.spiffe.io", "true".parse()?);
    Ok(client.fetch_x509svid(request).await?.into_inner())
}

async fn channel(socket: &Path) -> Outcome<Channel> {
    let socket = socket.to_owned();
    let dial = tower::service_fn(move |_: Uri| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    });
    Ok(Endpoint::from_static("http://localhost").connect_with_connector(dial).await?)
}

const PATIENCE: Duration = Duration::from_secs(30);
