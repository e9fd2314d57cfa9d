//! A node: a directory, an agent that runs in it, and workloads that call its socket.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Code, Request, Status, Streaming};
use weft_proto::workload::spiffe_workload_api_client::SpiffeWorkloadApiClient;
use weft_proto::workload::{X509svidRequest, X509svidResponse};

use super::fake_server::FakeServer;
use crate::agent::{Error, Ports, Settings, run};
use crate::env::{Clock, SystemClock, SystemEntropy};
use crate::jobs::Tasks;
use crate::kernel::Lifetime;
use crate::testkit::TestClock;
use crate::wire::join::JoinText;

pub(crate) type Client = SpiffeWorkloadApiClient<InterceptedService<Channel, Header>>;

/// Adds the security header, or does not.
#[derive(Clone)]
pub(crate) struct Header(pub(crate) &'static [&'static str]);

impl Interceptor for Header {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        for value in self.0 {
            request
                .metadata_mut()
                .append("workload.spiffe.io", tonic::metadata::MetadataValue::from_static(value));
        }
        Ok(request)
    }
}

/// A directory for one agent.
pub(crate) struct Node {
    pub(crate) dir: TempDir,
    pub(crate) clock: Arc<dyn Clock>,
}

/// An agent that runs; stops when dropped.
pub(crate) struct Running {
    stop: CancellationToken,
    done: tokio::sync::oneshot::Receiver<Result<(), Error>>,
    _tasks: Tasks,
}

impl Node {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), clock }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("agent.sock")
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            data_dir: Some(self.data_dir()),
            socket: Some(self.socket()),
            ..Settings::default()
        }
    }

    /// Joins a server with a new token.
    pub(crate) fn joining(&self, server: &FakeServer, token: &str) -> Settings {
        let text = server.join_string(token).format();
        Settings { join: Some(JoinText::new(text.expose().clone())), ..self.settings() }
    }

    pub(crate) fn start(&self, settings: Settings) -> Running {
        let stop = CancellationToken::new();
        let ports =
            Ports { clock: Arc::clone(&self.clock), entropy: Arc::new(SystemEntropy::default()) };
        let (told, done) = tokio::sync::oneshot::channel();
        let tasks = Tasks::new(Arc::clone(&self.clock));
        let stopping = stop.clone();
        tasks.spawn("an agent", async move {
            // A test that ended does not ask how it went.
            let _gone = told.send(run(settings, ports, stopping).await);
        });
        Running { stop, done, _tasks: tasks }
    }

    pub(crate) fn client(&self) -> Client {
        self.client_with(Header(&["true"]))
    }

    pub(crate) fn client_with(&self, header: Header) -> Client {
        SpiffeWorkloadApiClient::with_interceptor(self.channel(), header)
    }

    pub(crate) fn channel(&self) -> Channel {
        let socket = self.socket();
        let connect = move |_: Uri| {
            let socket = socket.clone();
            async move { UnixStream::connect(socket).await.map(TokioIo::new) }
        };
        Endpoint::from_static("http://agent")
            .connect_with_connector_lazy(tower::service_fn(connect))
    }

    /// Waits until the agent is past its start: it answers yes or no.
    pub(crate) async fn ready(&self) {
        until("the agent is ready", || {
            let mut client = self.client();
            Box::pin(async move {
                let refused = match client.fetch_x509svid(X509svidRequest {}).await {
                    Ok(stream) => stream.into_inner().message().await.err(),
                    Err(status) => Some(status),
                };
                refused.is_none_or(|status| status.code() == Code::PermissionDenied)
            })
        })
        .await;
    }

    /// Opens the stream of X.509-SVIDs.
    pub(crate) async fn x509(&self) -> Streaming<X509svidResponse> {
        self.client().fetch_x509svid(X509svidRequest {}).await.unwrap().into_inner()
    }
}

impl Running {
    /// Stops the agent and gives how it ended.
    pub(crate) async fn stop(mut self) -> Result<(), Error> {
        self.stop.cancel();
        limited("the agent stops", &mut self.done).await.unwrap()
    }

    /// How it ended by itself.
    pub(crate) async fn end(mut self) -> Result<(), Error> {
        limited("the agent ends", &mut self.done).await.unwrap()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.done.try_recv(), Err(tokio::sync::oneshot::error::TryRecvError::Empty))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) fn system_clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

/// Within twenty seconds of real time.
pub(crate) async fn limited<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(std::time::Duration::from_secs(20), future)
        .await
        .unwrap_or_else(|_| panic!("not in time: {what}"))
}

/// Asks again and again until it holds.
pub(crate) async fn until<'a>(what: &str, mut holds: impl FnMut() -> BoxFuture<'a, bool>) {
    limited(what, async {
        while !holds().await {
            SystemClock::new().sleep(Lifetime::millis(10)).await;
        }
    })
    .await;
}

/// The same while a test clock runs: a second of it every few milliseconds.
pub(crate) async fn until_on<'a>(
    clock: &TestClock,
    what: &str,
    holds: impl FnMut() -> BoxFuture<'a, bool>,
) {
    let run = async {
        loop {
            clock.advance(Lifetime::seconds(1));
            SystemClock::new().sleep(Lifetime::millis(10)).await;
        }
    };
    tokio::select! {
        () = until(what, holds) => {}
        () = run => {}
    }
}

/// The selector of whoever runs the tests.
pub(crate) fn my_uid() -> Vec<String> {
    vec![format!("unix:uid:{}", nix::unistd::Uid::effective())]
}
