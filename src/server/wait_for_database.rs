//! A replica that starts while its database is away: until it is back, nothing is open but the `ops` door, which says so.
//! Without the newest keys, agents and entries nothing could be answered rightly.

use std::sync::Arc;

use super::build::{Ports, Server};
use super::settings::Settings;
use crate::http::Door;
use crate::jobs::{Reconcilers, Tasks};
use crate::kernel::{Failure, Fault, Lifetime};
use crate::telemetry::{Health, ops_routes};

/// Builds the server as soon as its database answers. Any other failure is the answer at once, and so is a database in a
/// file of this machine, which does not come back by itself.
pub(super) async fn build(settings: Settings, ports: Ports) -> Result<Arc<Server>, Failure> {
    let mut waiting = None;
    loop {
        let failure = match Server::build(settings.clone(), ports.clone()).await {
            Ok(server) => {
                close(waiting).await;
                break Ok(server);
            }
            Err(failure) => failure,
        };
        let Some(cause) = away(&settings, &failure) else { break Err(failure) };
        if waiting.is_none() {
            tracing::warn!(%cause, "the database is away: nothing is served until it is back");
            waiting = Some(Waiting::open(&settings, &ports)?);
        }
        ports.clock.sleep(RETRY).await;
    }
}

/// Why the database is away, if that is what failed.
fn away(settings: &Settings, failure: &Failure) -> Option<String> {
    let remote = settings.storage.url.as_ref().is_some_and(|url| url.starts_with("postgres"));
    match failure.cause.as_ref()?.downcast_ref::<Fault>()? {
        Fault::Away { what: "database", cause } if remote => Some(cause.to_string()),
        _ => None,
    }
}

/// The one open door.
struct Waiting(Tasks);

impl Waiting {
    fn open(settings: &Settings, ports: &Ports) -> Result<Self, Failure> {
        let clock = || Arc::clone(&ports.clock);
        let (health, tasks) = (Health::new(clock()), Tasks::new(clock()));
        // Whoever reaches this door may read it: the cause, which may name hosts, is in the log.
        health.component("database").down("away since this replica started");
        let none = Reconcilers::new(clock(), Arc::clone(&ports.entropy));
        let routes = ops_routes(health, ports.metrics.clone(), none);
        Door::tcp("ops", settings.listen.ops)?.serve(routes, &tasks, clock());
        Ok(Self(tasks))
    }
}

/// The door is opened again by the server itself.
async fn close(waiting: Option<Waiting>) {
    if let Some(Waiting(tasks)) = waiting {
        tasks.stop(RETRY).await;
        tracing::info!("the database is back");
    }
}

/// Between attempts, and for whoever asks for health at that moment.
const RETRY: Lifetime = Lifetime::seconds(1);
