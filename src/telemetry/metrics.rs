//! Metrics: the recorder of this process, and its text form for Prometheus.

use std::sync::OnceLock;

use futures_util::future::BoxFuture;
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

use crate::jobs::{Reconciler, Summary};
use crate::kernel::{Fault, Lifetime};

/// What is counted and measured in this process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

impl Metrics {
    /// Starts recording. A process has one recorder, whoever asks again gets the same.
    pub fn start() -> Result<Self, Fault> {
        if let Some(handle) = PROCESS.get() {
            return Ok(Self { handle: handle.clone() });
        }
        let recorder = recorder().map_err(Fault::bug)?;
        let handle = recorder.handle();
        match ::metrics::set_global_recorder(recorder) {
            Ok(()) => Ok(Self { handle: PROCESS.get_or_init(|| handle).clone() }),
            // Somebody was faster by a moment.
            Err(_) => PROCESS
                .get()
                .map(|handle| Self { handle: handle.clone() })
                .ok_or_else(|| Fault::bug("another metrics recorder is installed")),
        }
    }

    /// The metrics in Prometheus' text form.
    pub fn render(&self) -> String {
        let mut text = self.handle.render();
        text.push_str(&process());
        text
    }
}

/// Folds what was measured since the last run; without it histograms grow until somebody scrapes them.
impl Reconciler for Metrics {
    fn name(&self) -> &'static str {
        "telemetry.metrics"
    }

    fn period(&self) -> Lifetime {
        Lifetime::seconds(5)
    }

    fn reconcile(&self) -> BoxFuture<'_, Result<Summary, Fault>> {
        Box::pin(async {
            self.handle.run_upkeep();
            Ok(Summary::nothing())
        })
    }
}

pub(super) fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?;
    Ok(builder.build_recorder())
}

/// Resident memory, from the kernel at the moment of asking; nothing where it does not say.
fn process() -> String {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split_ascii_whitespace().nth(1)?.parse::<u64>().ok());
    let page = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
    match pages {
        Some(pages) => format!(
            "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes {}\n",
            pages.saturating_mul(page)
        ),
        None => String::new(),
    }
}

/// The recorder is the process's by nature: `metrics` has one global.
static PROCESS: OnceLock<PrometheusHandle> = OnceLock::new();

/// From half a millisecond (an issuance) to ten seconds (a request's limit is thirty).
const SECONDS: [f64; 12] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 10.0];
