//! One's own account: the pages on which a person looks after what they sign in with, where, on which
//! devices, and who gets what.
//!
//! Owns: the pages under `/account` and their forms. Does not own: credentials and identities (`accounts`), sessions,
//! applications (`oauth`), the events that are shown. Nothing here decides; each form asks the slice that owns the noun.
//! Endpoints: `/account`, `/account/…`.
//! Invariants: a page is for whoever has a session; a change needs one in which something was shown at most five minutes
//! ago, two factors by whoever has two, else the person shows it again first and comes back; a form does one thing and answers 303.

mod cards;
mod device;
pub mod http;
pub mod pages;
mod picture;
pub mod posture_words;
#[cfg(test)]
#[cfg(feature = "testkit")]
pub(crate) mod tests;
mod words;

pub use cards::{Standing, cards, console};
pub use device::device;
pub use picture::picture_of;
pub use words::{Done, Wrong, fact, how};

use crate::access::Access;
use crate::accounts::Accounts;
use crate::audit::Audit;
use crate::devices::Devices;
use crate::env::Env;
use crate::oauth::Oauth;
use crate::posture::Posture;
use crate::sessions::Sessions;
use crate::signin::Signin;
use crate::upstreams::Upstreams;

/// The slices that these pages stand on.
#[derive(Debug, Clone)]
pub struct Below {
    /// Who holds a role.
    pub access: Access,
    /// People, and what they sign in with.
    pub accounts: Accounts,
    /// Where they are signed in.
    pub sessions: Sessions,
    /// Who else vouches for them.
    pub upstreams: Upstreams,
    /// Where they show again who they are.
    pub signin: Signin,
    /// What they gave to applications.
    pub oauth: Oauth,
    /// What happened to them.
    pub audit: Audit,
    /// The devices that are theirs.
    pub devices: Devices,
    /// What is known of those.
    pub posture: Posture,
}

/// The slice. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Account {
    env: Env,
    access: Access,
    accounts: Accounts,
    sessions: Sessions,
    upstreams: Upstreams,
    signin: Signin,
    oauth: Oauth,
    audit: Audit,
    devices: Devices,
    posture: Posture,
}

impl Account {
    /// The slice.
    pub fn new(env: Env, below: Below) -> Self {
        let Below { access, accounts, sessions, upstreams, signin, oauth, audit, devices, posture } =
            below;
        Self { env, access, accounts, sessions, upstreams, signin, oauth, audit, devices, posture }
    }
}
