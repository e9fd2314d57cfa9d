//! The console: the pages on which people who hold a role look after a realm.
//!
//! Owns: the pages under `/admin` and their forms. Does not own: devices, what is known of them, rights, what is shown.
//! Nothing here decides: each page and each form asks the slice that owns the noun, as the same person would over REST, and
//! that slice asks `access`. There is no second set of rights.
//! Endpoints: `/admin`, `/admin/…`.
//! Invariants:
//! - Who comes has a session of the realm, with two factors shown; whoever changes something has shown something in the last
//!   five minutes, else they show it again and come back. A form is never kept.
//! - Who is refused reads which right is missing, what they hold, and the command that gives it.
//! - A form does one thing, is confirmed on a page of its own, and answers 303.

mod chart;
pub mod http;
pub mod pages;
#[cfg(test)]
#[cfg(feature = "testkit")]
pub(crate) mod tests;
mod words;

pub use chart::{Chart, chart};
#[cfg(feature = "testkit")]
pub(crate) use http::upstream_fields;
pub use words::Done;

use crate::access::{Access, Rights};
use crate::accounts::Accounts;
use crate::audit::Audit;
use crate::containment::Containments;
use crate::devices::Devices;
use crate::env::Env;
use crate::nodes::Nodes;
use crate::oauth::Oauth;
use crate::posture::Posture;
use crate::sessions::Sessions;
use crate::signin::Signin;
use crate::undelivered::Undelivered;
use crate::upstreams::Upstreams;
use crate::workloads::Workloads;

/// The slices that the console stands on.
#[derive(Debug, Clone)]
pub struct Below {
    /// Who may.
    pub access: Access,
    /// By which policies.
    pub rights: Rights,
    /// What happened.
    pub audit: Audit,
    /// The devices.
    pub devices: Devices,
    /// Who is contained.
    pub containments: Containments,
    /// What is known of them.
    pub posture: Posture,
    /// Whose they are.
    pub accounts: Accounts,
    /// Who is signed in.
    pub sessions: Sessions,
    /// Where people show who they are.
    pub signin: Signin,
    /// The agents that run on devices.
    pub nodes: Nodes,
    /// The entries of workloads.
    pub workloads: Workloads,
    /// What people granted on devices.
    pub oauth: Oauth,
    /// The providers that people come through.
    pub upstreams: Upstreams,
    /// What was not delivered yet.
    pub undelivered: Undelivered,
}

/// The slice. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Admin {
    env: Env,
    below: Below,
}

impl Admin {
    /// The slice.
    pub fn new(env: Env, below: Below) -> Self {
        Self { env, below }
    }
}
