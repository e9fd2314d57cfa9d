//! The browser behind a request, as everything that is bound to one needs it.

use std::net::IpAddr;

use super::{BrowserCookie, SessionCookie};
use crate::env::Entropy;
use crate::http::Origin;
use crate::kernel::Fault;

/// A browser: its cookies, and where it is.
#[derive(Debug)]
pub struct Browser {
    /// The cookie that tells it from others; none at its first visit.
    pub binding: Option<BrowserCookie>,
    /// The cookie of its session.
    pub session: Option<SessionCookie>,
    /// Where it is.
    pub address: IpAddr,
    /// What it calls itself.
    pub agent: String,
}

impl Browser {
    /// What rows that belong to this browser have of it; nothing at its first visit, and then nothing belongs to it.
    pub fn digest(&self) -> Option<[u8; 32]> {
        self.binding.as_ref().map(BrowserCookie::digest)
    }

    /// Where it is and what it calls itself, for people to recognise.
    pub fn origin(&self) -> Origin {
        Origin { address: self.address, agent: self.agent.clone() }
    }

    /// The cookie it has, or else a new one, which its answer must set.
    pub fn bind(&self, entropy: &(dyn Entropy + 'static)) -> Result<(BrowserCookie, bool), Fault> {
        match &self.binding {
            Some(cookie) => Ok((cookie.again(), false)),
            None => Ok((BrowserCookie::make(entropy)?, true)),
        }
    }
}
