//! Weft, an identity fabric server: evidence in, credential out, event recorded.
//!
//! The floors, lowest first; calls go down only (`tests/it/tidy.rs` checks it):
//!
//! 0. vocabulary: [`kernel`]
//! 1. mechanisms: [`crypto`], [`wire`]
//! 2. shells: [`db`], [`http`], [`grpc`], [`jobs`], [`machine`], [`outbound`], [`settings`], [`telemetry`], and the ports in [`mod@env`]
//! 3. capabilities, in wings:
//!    rights [`events`] [`access`] [`realms`] [`audit`] · keys [`authority`] [`bundles`] [`svid`] · devices [`devices`]
//!    [`containment`] [`posture`] [`osquery`] [`services`] ·
//!    people [`accounts`] [`upstreams`] [`sessions`] [`signin`] · workloads [`nodes`] [`workloads`] ·
//!    protocols [`oauth`] [`undelivered`] · face [`account`] [`admin`]
//! 4. assemblies: [`server`], [`agent`], [`cli`], and `testkit` under its feature

pub mod kernel;

pub mod containment;
pub mod crypto;
pub mod wire;

pub mod db;
pub mod env;
pub mod grpc;
pub mod http;
pub mod jobs;
pub mod machine;
pub mod outbound;
pub mod settings;
pub mod telemetry;

pub mod access;
pub mod account;
pub mod accounts;
pub mod admin;
pub mod audit;
pub mod authority;
pub mod bundles;
pub mod devices;
pub mod events;
pub mod nodes;
pub mod oauth;
pub mod osquery;
pub mod posture;
pub mod realms;
pub mod services;
pub mod sessions;
pub mod signin;
pub mod svid;
pub mod undelivered;
pub mod upstreams;
pub mod workloads;

pub mod agent;
pub mod cli;
pub mod server;
#[cfg(feature = "testkit")]
pub mod testkit;
