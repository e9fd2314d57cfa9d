//! The agent's life: socket first, then trust, identity, and the tasks that keep everything fresh.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::crypto::jose::Unverified;
use crate::env::{Clock, Entropy};
use crate::http::Door;
use crate::jobs::Tasks;
use crate::kernel::{Lifetime, Timestamp};

use super::attestors::unix::{self, Unix};
use super::cache::{Cache, Rules};
use super::convert;
use super::follow::Follow;
use super::keep_identity::Keeper;
use super::model::{Entry, Error, JwtSvid, draw};
use super::on_device::OnDevice;
use super::ops;
use super::prefetch::Prefetch;
use super::renewal::renew_at;
use super::server_client::ServerClient;
use super::settings::Settings;
use super::start::Start;
use super::sync::Sync;
use super::tokens::{Fetch, Tokens};
use super::workload_api::{WorkloadApi, routes};

/// What the agent may touch of the outside world, besides its files, its socket and its server.
#[derive(Debug, Clone)]
pub struct Ports {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
}

/// Runs the agent until `stop` is cancelled, or until something happens that only a person can mend.
///
/// `settings` must have their paths ([`Settings::with_paths`]). The socket answers from the first moment, with
/// `Unavailable` until the server has been heard.
pub async fn run(settings: Settings, ports: Ports, stop: CancellationToken) -> Result<(), Error> {
    let start = Start::new(&settings, &ports)?;
    let tasks = Tasks::new(Arc::clone(&ports.clock));
    let outcome = tokio::select! {
        outcome = live(settings, start, &ports, &tasks) => outcome,
        () = stop.cancelled() => Ok(()),
    };
    for straggler in tasks.stop(STOP_WITHIN).await {
        tracing::debug!(
            task = straggler.name,
            count = straggler.count,
            "a task did not end in time"
        );
    }
    outcome
}

/// A small runtime: an agent waits nearly always, and every thread costs memory on every node. One thread turns over some
/// ten thousand calls a second; what takes longer (keys, files, attestation) runs on threads that come and go.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(16)
        .thread_stack_size(THREAD_STACK_BYTES)
        .thread_name("weft-agent")
        .enable_all()
        .build()
}

async fn live(
    settings: Settings,
    mut start: Start,
    ports: &Ports,
    tasks: &Tasks,
) -> Result<(), Error> {
    let rules = Rules { prefetch_max: settings.prefetch_entries_max, attestable: &[unix::KIND] };
    let cache = Cache::new(rules);
    let client = start.client(ports)?;
    let fetch = ServerTokens { client: client.clone(), ports: ports.clone() };
    let tokens = Tokens::new(Arc::new(fetch), tasks.clone(), settings.tokens_max);
    serve(&settings, &cache, &tokens, ports, tasks)?;

    start.trust(&client, ports).await?;
    let (keeper, identity) = start.identity(&client, &cache, ports).await?;
    tracing::info!(
        spiffe.id = %identity.spiffe_id, svid.expires_at = %identity.expires_at, "the agent has its SVID"
    );
    spawn_keepers(&settings, &keeper, &cache, &tokens, tasks);
    keeper.run(identity).await.map(|never| match never {})
}

fn serve(
    settings: &Settings,
    cache: &Cache,
    tokens: &Tokens,
    ports: &Ports,
    tasks: &Tasks,
) -> Result<(), Error> {
    let attestor = Unix::new(settings.unix.hash_bytes_max, Arc::clone(&ports.clock));
    let (clock, stop) = (Arc::clone(&ports.clock), tasks.token());
    let api =
        WorkloadApi::new(cache.clone(), tokens.clone(), vec![Box::new(attestor)], clock, stop);
    let app = routes(api, settings.limits, ports)?;
    let socket = settings
        .socket
        .as_deref()
        .ok_or_else(|| Error::Settings("no path for the socket".to_owned()))?;
    let door = Door::unix("workload", socket, EVERYBODY)?;
    tracing::info!(address = door.address(), "the Workload API is served");
    door.serve(app, tasks, Arc::clone(&ports.clock));
    if let Some(address) = settings.ops {
        ops::serve(address, cache.clone(), ports, tasks)?;
    }
    Ok(())
}

fn spawn_keepers(
    settings: &Settings,
    keeper: &Keeper,
    cache: &Cache,
    tokens: &Tokens,
    tasks: &Tasks,
) {
    let (client, cache, tokens) = (keeper.client.clone(), cache.clone(), tokens.clone());
    let (clock, entropy) = (Arc::clone(&keeper.ports.clock), Arc::clone(&keeper.ports.entropy));
    let poll_every = Lifetime::seconds(i64::from(settings.poll_seconds.max(1)));
    let follow = Follow {
        client: client.clone(),
        store: keeper.store.clone(),
        cache: cache.clone(),
        tokens: tokens.clone(),
        clock: Arc::clone(&clock),
    };
    let sync = Sync {
        client: client.clone(),
        cache: cache.clone(),
        tokens,
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        poll_every,
    };
    if !settings.on_device.server.is_empty() {
        let (own, ports) = (settings.on_device.clone(), keeper.ports.clone());
        let on_device = OnDevice { settings: own, store: keeper.store.clone(), ports };
        tasks.spawn_until_stop("agent: on device", on_device.run());
    }
    let prefetch = Prefetch { client, cache, clock, entropy };
    tasks.spawn_until_stop("agent: follow", follow.run());
    tasks.spawn_until_stop("agent: sync", sync.run());
    tasks.spawn_until_stop("agent: prefetch", prefetch.run());
}

/// Tokens from the server.
struct ServerTokens {
    client: ServerClient,
    ports: Ports,
}

impl Fetch for ServerTokens {
    fn fetch(
        &self,
        entry: Arc<Entry>,
        audience: Arc<[String]>,
    ) -> BoxFuture<'static, Result<Arc<JwtSvid>, Error>> {
        let (client, ports) = (self.client.clone(), self.ports.clone());
        Box::pin(async move {
            let svid = client.jwt_svid(entry.id.as_str(), &audience).await?;
            let bad = |why: &str| Error::BadAnswer(format!("a JWT-SVID {why}"));
            let spiffe_id = convert::spiffe_id(svid.id.as_ref())?;
            if spiffe_id != entry.spiffe_id {
                return Err(bad("for another identity than the entry's"));
            }
            let issued_at = Timestamp::from_seconds(svid.issued_at);
            let expires_at = Timestamp::from_seconds(svid.expires_at);
            if expires_at <= ports.clock.now() {
                return Err(bad("that has expired already; is the clock of this machine fast?"));
            }
            let header = Unverified::parse(&svid.token)
                .map_err(|why| bad(&format!("that is none: {why}")))?;
            let key_id = header.kid().to_owned();
            let renew_at = renew_at(issued_at, expires_at, draw(&ports.entropy)?);
            let token = svid.token.into();
            Ok(Arc::new(JwtSvid { spiffe_id, token, expires_at, renew_at, key_id }))
        })
    }
}

/// Who may connect: everybody. What they get is decided by attesting them.
const EVERYBODY: u32 = 0o777;
/// Streams end at once; an answer under way has this long.
const STOP_WITHIN: Lifetime = Lifetime::seconds(5);
/// The deepest stack is that of a name service, which is foreign code.
const THREAD_STACK_BYTES: usize = 1024 * 1024;
