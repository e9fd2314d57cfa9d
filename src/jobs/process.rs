//! What this process asks of the system for itself: small pages, as many open files as it may have, and to be told when to stop.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

/// Has the heap in small pages from here on.
///
/// In huge ones it is rounded up to 2 MiB in many places: measured, 16 MiB more for a server that idles and 7 MiB more for
/// an agent, and nothing was faster for it. Where the system has none, nothing changes.
pub fn use_small_pages() {
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "huge pages stay as they are");
    }
}

/// Raises this process's limit of open files to the highest it may have without privileges, and gives it; nothing if there
/// is no limit. Each connection takes one; the usual 1,024 were meant for programs that use `select`.
pub fn raise_limit() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return maximum;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files stays as it is");
            current
        }
    }
}

/// Resolves at SIGTERM or SIGINT; never, if signals cannot be heard.
pub async fn told_to_stop() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Hears SIGHUP from now on, which would end this process otherwise, and says in the log that nothing comes of it. Never
/// resolves.
pub async fn ignore_hangups() {
    let Ok(mut hangups) = signal(SignalKind::hangup()) else {
        return std::future::pending().await;
    };
    while hangups.recv().await.is_some() {
        tracing::info!(
            "SIGHUP changes nothing here: settings are read at the start; restart to take new ones"
        );
    }
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_may_open_as_many_files_as_it_is_allowed_to_ask_for() {
        let allowed = getrlimit(Resource::Nofile).maximum;
        let low = Rlimit { current: Some(256), maximum: allowed };
        // Tests beside this one meet the lower limit for no longer than two system calls take.
        setrlimit(Resource::Nofile, low).expect("lowered");
        assert_eq!(raise_limit(), allowed);
        assert_eq!(getrlimit(Resource::Nofile).current, allowed);
    }
}
