//! `weft agent`: settings from file, environment and flags; then the agent, until a signal says stop.

use std::convert::Infallible;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::settings::{AgentFile, OnDeviceSettings, X509Pop};
use super::{Ports, Settings, run, runtime};
use crate::env::{Clock, SystemClock, SystemEntropy};
use crate::jobs::{ignore_hangups, raise_limit, told_to_stop, use_small_pages};
use crate::kernel::{Failure, Fault, Kind, Lifetime};
use crate::settings::{Environment, Places, Sources, load};
use crate::telemetry::Logs;
use crate::wire::launch::{AgentLaunch, DevicePlace};

/// What looks after a device: renews its SVID, looks at the machine and reports. Ends where waiting mends nothing, and says why.
pub type LooksAfter = fn(DevicePlace, Arc<dyn Clock>) -> BoxFuture<'static, String>;

/// Runs the agent that the command line asked for, and beside it what looks after the device that it runs on. Exit codes: 0
/// stopped, 1 failed, 2 the settings are wrong.
pub fn start(launch: AgentLaunch, looks_after: LooksAfter) -> ExitCode {
    use_small_pages();
    let environment = Environment::of_process();
    let sources = Sources {
        file: launch.config.clone(),
        environment: environment.clone(),
        overrides: launch
            .overrides
            .iter()
            .map(|(key, value)| (in_section(key), value.clone()))
            .collect(),
    };
    let file = match load::<AgentFile>(&sources) {
        Ok(file) => file,
        Err(refused) => return refuse(&refused, 2),
    };
    let settings = with_flags(file.agent, launch).with_paths(&Places::of_process(&environment));
    match Logs::start(&file.log).and_then(|_logs| serve(settings, looks_after)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => refuse(&failure.public, 1),
    }
}

/// `--set poll_seconds=10` means the agent's; a key with a section is meant as it is.
fn in_section(key: &str) -> String {
    let top = key.split('.').next().unwrap_or_default();
    if matches!(top, "agent" | "log") { key.to_owned() } else { format!("agent.{key}") }
}

fn with_flags(mut settings: Settings, launch: AgentLaunch) -> Settings {
    settings.join = launch.join.or(settings.join);
    settings.server_address = launch.server_address.or(settings.server_address);
    settings.trust_domain = launch.trust_domain.or(settings.trust_domain);
    settings.trust_bundle = launch.trust_bundle.or(settings.trust_bundle);
    settings.insecure_bootstrap |= launch.insecure_bootstrap;
    settings.join_token = launch.join_token.or(settings.join_token);
    let x509pop =
        launch.x509pop.map(|(certificate, private_key)| X509Pop { certificate, private_key });
    settings.x509pop = x509pop.or(settings.x509pop);
    if let Some(server) = launch.device_server {
        settings.on_device.server = server;
    }
    settings.on_device.directory = launch.device_dir.or(settings.on_device.directory);
    settings.data_dir = launch.data_dir.or(settings.data_dir);
    settings.socket = launch.socket.or(settings.socket);
    settings
}

fn serve(settings: Settings, looks_after: LooksAfter) -> Result<(), Failure> {
    let files = raise_limit();
    tracing::debug!(files, "this many files and connections can be open");
    let runtime = runtime().map_err(|error| Fault::away("runtime", error))?;
    let ports =
        Ports { clock: Arc::new(SystemClock::new()), entropy: Arc::new(SystemEntropy::default()) };
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let device = keep_device(settings.on_device.clone(), looks_after, Arc::clone(&ports.clock));
        let mut running = std::pin::pin!(run(settings, ports, stop.clone()));
        let outcome = tokio::select! {
            outcome = &mut running => outcome,
            () = ignore_hangups() => Ok(()),
            never = device => match never {},
            () = told_to_stop() => {
                // Streams end, answers under way are finished, and the socket's file goes.
                stop.cancel();
                running.await
            }
        };
        outcome.map_err(|error| in_words(&error))
    })
}

/// Looks after the device that this node runs on, if it runs on one: its node goes stale with it. What stands in the way stops no
/// agent, and somebody may have mended it since.
async fn keep_device(
    on_device: OnDeviceSettings,
    looks_after: LooksAfter,
    clock: Arc<dyn Clock>,
) -> Infallible {
    let OnDeviceSettings { server, directory, server_ca, root } = on_device;
    let Some(directory) = directory.filter(|_| !server.is_empty()) else {
        return std::future::pending().await;
    };
    let place = DevicePlace { server, directory, server_ca, root };
    loop {
        let why = looks_after(place.clone(), Arc::clone(&clock)).await;
        tracing::warn!(cause = why, "the device is not looked after for now");
        clock.sleep(AGAIN).await;
    }
}

/// The agent speaks to its own operator: the whole error may be read.
fn in_words(error: &super::Error) -> Failure {
    Failure::new(Kind::Unavailable, "agent", error.to_string())
}

fn refuse(error: &dyn std::fmt::Display, code: u8) -> ExitCode {
    // A terminal that is gone needs no words.
    let _gone = writeln!(std::io::stderr(), "weft agent: {error}");
    ExitCode::from(code)
}

/// As long as a server's troubles are waited out.
const AGAIN: Lifetime = Lifetime::minutes(5);
