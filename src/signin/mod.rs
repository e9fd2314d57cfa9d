//! Signing in: the one dispatcher between whoever asks for a sign-in and the session that comes of it.
//!
//! Owns: a sign-in on its way (`sign_in`), which page comes next, what each of its forms does, the decision that ends it.
//! Does not own: credentials (`accounts`), providers (`upstreams`), sessions, devices and their keys, who asked: a request comes in as
//! [`SigninRequest`] and the browser leaves for its `return_to`, a path of this server.
//! Endpoints: `/sign-in/{id}`, `/sign-in/{id}/{step}`, `/sign-in/{id}/on-device`, `/callback/{upstream}`.
//!
//! Invariants:
//! - The next page is a pure function of what is persisted (`next_step`); a step returns to it and names no other step.
//!   So a reload, the back button and two tabs show what is so, and a form of a page that is past does nothing.
//! - A sign-in is read and written only by the browser that began it: its document is sealed under a key made of that
//!   browser's cookie.
//! - On which device somebody signs in is what that device's key signed for this browser and this sign-in, and nothing else.
//! - Nothing shows whether an account exists: the same pages, in the same order, for a name that nobody has.
//! - Who ends a sign-in was permitted to by `access`, the session has a new cookie, and both facts are recorded before the
//!   cookie leaves.

mod arrive;
mod complete;
mod decide;
mod document;
mod gather_facts;
pub mod http;
mod jobs;
mod model;
mod next_step;
mod on_device;
pub mod pages;
mod read_sign_in;
mod redecide_sessions;
mod start_sign_in;
pub(crate) mod store;
mod submit;
#[cfg(test)]
#[cfg(feature = "testkit")]
pub(crate) mod tests;
mod through_provider;
mod view;

use std::sync::Arc;

use crate::access::Access;
use crate::accounts::Accounts;
use crate::devices::Devices;
use crate::env::Env;
use crate::events::Events;
use crate::posture::Posture;
use crate::sessions::Sessions;
use crate::upstreams::Upstreams;

pub use complete::Onward;
pub use decide::SignIn;
pub use model::{
    Application, Ceremony, CeremonyOf, Complaint, End, Error, Facts, Has, Mark, OwnPath, Person,
    Present, Shown, SigninRequest, State, Stranger, Verdict, Way,
};
pub use next_step::{Step, next_step};
pub use start_sign_in::Started;
pub use submit::Sent;
pub use view::View;

/// The slices that sign-ins stand on.
#[derive(Debug, Clone)]
pub struct Below {
    /// Who may.
    pub access: Access,
    /// What is recorded.
    pub events: Events,
    /// Devices, which prove themselves.
    pub devices: Devices,
    /// What is known of them.
    pub posture: Posture,
    /// Whom.
    pub accounts: Accounts,
    /// Who else vouches for them.
    pub upstreams: Upstreams,
    /// What a sign-in becomes.
    pub sessions: Sessions,
}

/// The slice. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Signin {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    env: Env,
    access: Access,
    events: Events,
    devices: Devices,
    posture: Posture,
    accounts: Accounts,
    upstreams: Upstreams,
    sessions: Sessions,
}

impl Signin {
    /// The slice.
    pub fn new(env: Env, below: Below) -> Self {
        let Below { access, events, devices, posture, accounts, upstreams, sessions } = below;
        let inner = Inner { env, access, events, devices, posture, accounts, upstreams, sessions };
        Self { inner: Arc::new(inner) }
    }
}
