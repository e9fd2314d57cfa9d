//! Commands that need the server's inside: serving, its settings, its keys, its backup, its doctor,
//! and scores of devices.
//!
//! Each prints for a person and answers with an exit code: 0 done, 1 refused or failed, 2 the settings are wrong.

mod backup;
mod config;
mod doctor;
mod keys;
mod policy;
mod posture;
mod restore;
mod serve;

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use super::build::Ports;
use super::settings::Settings;
use crate::env::{SystemClock, SystemEntropy};
use crate::jobs::use_small_pages;
use crate::kernel::{Failure, Fault};
use crate::settings::{Current, Environment, Sources};
use crate::telemetry::{Logs, Metrics};
use crate::wire::launch::{self, ServerJob, ServerLaunch};

/// The settings are wrong.
const SETTINGS_WRONG: u8 = 2;
/// Threads that answer requests. Signing has its own pool.
const WORKERS_MIN: usize = 2;

/// Does what the command line asked for.
pub fn run(launch: ServerLaunch) -> ExitCode {
    use_small_pages();
    let ServerLaunch { sources, job } = launch;
    if job == ServerJob::ConfigRender {
        return config::render();
    }
    match &job {
        ServerJob::Posture(job) => return posture::run(job),
        ServerJob::Policy(job) => return policy::run(job),
        _ => {}
    }
    let current = match Current::<Settings>::load(sources_of(sources)) {
        Ok(current) => current,
        Err(refused) => return refuse(&refused, SETTINGS_WRONG),
    };
    if job == ServerJob::ConfigCheck {
        return config::check();
    }
    match runtime() {
        Ok(runtime) => runtime.block_on(run_async(job, current)),
        Err(error) => refuse(&error, 1),
    }
}

async fn run_async(job: ServerJob, current: Current<Settings>) -> ExitCode {
    let settings = Settings::clone(&current.get());
    let done = match job {
        ServerJob::Serve => Box::pin(serve::run(&current)).await,
        ServerJob::KeysReseal => keys::reseal(settings).await,
        ServerJob::Backup { file } => backup::run(settings, &file).await,
        ServerJob::Restore { file, yes } => Box::pin(restore::run(settings, &file, yes)).await,
        ServerJob::Doctor { json } => doctor::run(settings, json).await,
        // These were answered before the settings were needed.
        ServerJob::ConfigCheck
        | ServerJob::ConfigRender
        | ServerJob::Posture(_)
        | ServerJob::Policy(_) => Ok(()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => refuse(&words(&failure), 1),
    }
}

fn sources_of(sources: launch::Sources) -> Sources {
    Sources {
        file: sources.config,
        environment: Environment::of_process(),
        overrides: sources.overrides,
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let cores = std::thread::available_parallelism().map_or(WORKERS_MIN, std::num::NonZero::get);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.max(WORKERS_MIN))
        .enable_all()
        .build()
}

/// The outside world of this process.
fn ports() -> Result<Ports, Failure> {
    Ok(Ports {
        clock: Arc::new(SystemClock::new()),
        entropy: Arc::new(SystemEntropy::default()),
        environment: Environment::of_process(),
        metrics: Metrics::start()?,
    })
}

fn logs(settings: &Settings) -> Result<Logs, Failure> {
    Logs::start(&settings.log)
}

/// A failure for the person at the terminal: what the caller may read, and the cause behind it.
fn words(failure: &Failure) -> String {
    match &failure.cause {
        Some(cause) => format!("{} ({cause})", failure.public),
        None => failure.public.to_string(),
    }
}

fn refuse(error: &dyn Display, code: u8) -> ExitCode {
    // A terminal that is gone needs no words.
    let _gone = writeln!(std::io::stderr(), "weft: {error}");
    ExitCode::from(code)
}

/// Prints lines for the person at the terminal.
fn say(text: impl Display) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{text}").map_err(|error| Fault::away("terminal", error).into())
}
