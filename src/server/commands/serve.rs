//! `weft server`: serve until a signal says stop; take new settings at SIGHUP.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{logs, ports, say};
use crate::jobs::raise_limit;
use crate::kernel::{Failure, Fault};
use crate::server::serve::Running;
use crate::server::settings::Settings;
use crate::settings::Current;
use crate::telemetry::Logs;

/// Serves. Fails if it cannot start, and if nothing can be recorded any more.
pub(super) async fn run(current: &Current<Settings>) -> Result<(), Failure> {
    let settings = Settings::clone(&current.get());
    let logs = logs(&settings)?;
    let files = raise_limit();
    tracing::debug!(files, "this many files and connections can be open");
    // Before the start, which may wait long for a database: whoever asks for a reload then must not end the server by it.
    let mut signals = Signals::listen()?;
    let running = tokio::select! {
        running = Box::pin(Running::start(settings, ports()?)) => running?,
        () = signals.end.told() => return Ok(()),
    };
    greet(&running)?;
    let outcome = until_told(&running, current, (&logs, &mut signals)).await;
    running.stop().await;
    outcome
}

/// What an operator tells the process.
struct Signals {
    end: End,
    reload: Signal,
}

/// To end.
struct End {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From here on none of them ends the process by itself.
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|error| Fault::away("signals", error));
        let (terminate, interrupt) =
            (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
        let end = End { terminate, interrupt };
        Ok(Self { end, reload: listen(SignalKind::hangup())? })
    }
}

impl End {
    async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

async fn until_told(
    running: &Running,
    current: &Current<Settings>,
    (logs, signals): (&Logs, &mut Signals),
) -> Result<(), Failure> {
    loop {
        tokio::select! {
            () = signals.end.told() => return Ok(()),
            fault = running.server.events.failed() => return Err(fault.into()),
            _ = signals.reload.recv() => take_new(running, current, logs),
        }
    }
}

fn take_new(running: &Running, current: &Current<Settings>, logs: &Logs) {
    match running.server.take_web_certificate() {
        Ok(()) => tracing::debug!("the certificate of `public` and `mtls` was read again"),
        Err(failure) => {
            tracing::error!(cause = %failure, "the certificate of `public` and `mtls` was not taken; the one before stays");
        }
    }
    match current.reload() {
        Ok(keys) if keys.is_empty() => tracing::info!("the settings are as they were"),
        Ok(keys) => match logs.set_level(&current.get().log.level) {
            Ok(()) => tracing::info!(keys = keys.join(", "), "new settings are in force"),
            Err(failure) => tracing::error!(cause = %failure, "the log level was not taken"),
        },
        Err(error) => {
            tracing::error!(cause = %error, "the settings were not reloaded; the old ones stay in force");
        }
    }
}

/// What is served where, and the next command.
fn greet(running: &Running) -> Result<(), Failure> {
    let (server, at) = (&running.server, &running.addresses);
    let Some(realm) =
        server.realms.get(crate::kernel::RealmId::FIRST).map(|realm| Arc::clone(&realm))
    else {
        return Err(Fault::bug("the first realm is missing").into());
    };
    say(format_args!(
        "Weft {} serves the trust domain {}.",
        env!("CARGO_PKG_VERSION"),
        realm.trust_domain
    ))?;
    say(format_args!("  agents     {}", at.node))?;
    say(format_args!("  public     https://{}", at.public))?;
    if let Some(certificate) = server.self_made_certificate() {
        say(format_args!("             self-made: `--ca {}` trusts it", certificate.display()))?;
    }
    say(format_args!(
        "  admin      https://{} (client certificate), {}",
        at.mtls,
        at.local.display()
    ))?;
    say(format_args!("  health     http://{}/ready", at.ops))?;
    say(format_args!("  data       {}", server.data_dir().display()))?;
    say("Next, in another terminal, let a node in:")?;
    let socket = format!(" --server-socket {}", at.local.display());
    say(format_args!("  weft token create{socket} | weft agent --join -"))
}
