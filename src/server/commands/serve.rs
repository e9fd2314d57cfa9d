//! `weft server`: serve until a signal says stop; take new settings at SIGHUP.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{logs, ports, say};
use crate::jobs::raise_limit;
use crate::kernel::{Failure, Fault, RealmId};
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
    if let Err(failure) = say(greeting(&running)?) {
        // Whoever started it may read no further: that ends no server.
        tracing::warn!(cause = %failure, "the greeting was not written");
    }
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
fn greeting(running: &Running) -> Result<String, Failure> {
    let (server, at) = (&running.server, &running.addresses);
    let realm = server.realms.get(RealmId::FIRST);
    let realm = realm.ok_or_else(|| Fault::bug("the first realm is missing"))?;
    let trusted = server.self_made_certificate().map(|certificate| {
        format!("\n             self-made: `--ca {}` trusts it", certificate.display())
    });
    let local = at.local.display();
    Ok(format!(
        "Weft {version} serves the trust domain {domain}.\n  \
         agents     {node}\n  \
         public     https://{public}{trusted}\n  \
         admin      https://{mtls} (client certificate), {local}\n  \
         health     http://{ops}/ready\n  \
         data       {data}\n\
         Next, in another terminal, let a node in:\n  \
         weft token create --server-socket {local} | weft agent --join -",
        version = env!("CARGO_PKG_VERSION"),
        domain = realm.trust_domain,
        node = at.node,
        public = at.public,
        trusted = trusted.unwrap_or_default(),
        mtls = at.mtls,
        ops = at.ops,
        data = server.data_dir().display(),
    ))
}
