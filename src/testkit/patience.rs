//! Waiting for other programs: asked again and again, never for a fixed time, and never for ever.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::database::must;

/// How long a test waits for something that should come: a slow machine under load is not a failure.
pub const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(20);

/// Asks until the answer is `Ok`; after [`PATIENCE`] the test has failed, with the last error.
pub async fn until<T, E: std::fmt::Debug>(what: &str, ask: impl AsyncFn() -> Result<T, E>) -> T {
    let mut rounds = PATIENCE.as_millis() / PAUSE.as_millis();
    loop {
        match ask().await {
            Ok(value) => return value,
            Err(error) if rounds == 0 => return must(Err(error), what),
            Err(_) => rounds -= 1,
        }
        pause(PAUSE).await;
    }
}

/// Gives what the future gives; after [`PATIENCE`] the test has failed.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    must(tokio::time::timeout(PATIENCE, future).await, what)
}

#[expect(clippy::disallowed_methods, reason = "waits for another program, not for our clock")]
async fn pause(span: Duration) {
    tokio::time::sleep(span).await;
}

/// A runtime that belongs to one program of a test. Dropped, all that runs on it ends where it stands.
pub(super) struct OwnRuntime(Option<Runtime>);

impl OwnRuntime {
    pub(super) fn new(name: &str) -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).thread_name(name).enable_all().build();
        Self(Some(must(runtime, "a runtime")))
    }

    pub(super) fn spawn<T: Send + 'static>(
        &self,
        program: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        must(self.0.as_ref().ok_or("it has ended"), "a runtime").spawn(program)
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        let Some(runtime) = self.0.take() else { return };
        // Waits, as the kernel does for a killed process, until nothing of it runs any more. On a thread of its own, because
        // waiting is not allowed inside another runtime.
        let end = std::thread::spawn(move || runtime.shutdown_timeout(PATIENCE));
        must(end.join().map_err(|_| "it panicked"), "the end of a runtime");
    }
}
