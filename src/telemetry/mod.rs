//! What the program tells about itself: logs, metrics, health.
//!
//! Owns: the log's output and its level at run time ([`Logs`]), the metrics recorder and its text form ([`Metrics`]), what each
//! part says of its state ([`Health`]), the routes of the `ops` door, and the gRPC health service.
//! Does not own: what is logged or counted; audit, which is the ledger's.
//! Invariants: a log line never holds a secret, because `Secret` has no text; the metrics of a request are of bounded
//! number.

mod grpc;
mod health;
mod http;
mod logs;
mod metrics;
mod settings;
#[cfg(test)]
mod tests;

pub use grpc::health_service;
pub use health::{Component, ComponentReport, Condition, Health, HealthReport, JobReport};
pub use http::ops_routes;
pub use logs::Logs;
pub use metrics::Metrics;
pub use settings::{LogFormat, Settings};
