//! A person's own SVIDs, for the command line, and the devices that they bring: from an access token that hangs off a session
//! that lives.
//!
//! Owns: who a person's access token is about, and the operations that give an X.509-SVID and a JWT-SVID for it, and that let a device in. Does not own:
//! tokens (`oauth` asks for them, `svid` makes and verifies them), what an SVID says (`svid`), devices (`devices` keeps and certifies them).
//! Endpoints: `POST /user/svid`, `POST /user/jwt-svid`, `POST /user/devices`.
//!
//! Invariants: a person gets the SVID of itself alone; no SVID outlives the session that its token hangs off; a token that was
//! taken back, is for another audience, or has not the scope opens nothing.

mod enrol_device;
pub mod http;
mod issue_svid;
mod know_person;
#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;

pub use enrol_device::DeviceAsk;
pub use issue_svid::{JwtSvidAsk, PersonX509, X509SvidAsk};
pub use know_person::Person;

use super::Sessions;
use crate::access::Access;
use crate::accounts::Accounts;
use crate::bundles::Bundles;
use crate::devices::Devices;
use crate::env::Env;
use crate::events::Events;
use crate::posture::Posture;
use crate::svid::Svid;

/// What it stands on.
#[derive(Debug, Clone)]
pub struct Below {
    /// Decisions.
    pub access: Access,
    /// Facts, recorded.
    pub events: Events,
    /// Who is trusted.
    pub bundles: Bundles,
    /// Standings.
    pub posture: Posture,
    /// The desk.
    pub svid: Svid,
    /// People.
    pub accounts: Accounts,
    /// Sessions, and what was taken back.
    pub sessions: Sessions,
    /// Devices.
    pub devices: Devices,
}

/// The operations. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PersonSvids {
    env: Env,
    below: Below,
}

impl PersonSvids {
    /// Over these slices.
    pub fn new(env: Env, below: Below) -> Self {
        Self { env, below }
    }
}
