//! The agent's specification, over a real socket and against a server that behaves.

pub(crate) mod builders;
mod fake_server;
mod fake_services;
mod joining;
mod living;
mod node;
mod spiffe_client;
mod workload;
