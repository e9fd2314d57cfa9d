//! A person who brings the device that this machine is: with the sign-in that is kept here, or with a new one where that is not
//! there any more, or not fresh enough.

use std::sync::Arc;

use super::super::args::Connection;
use super::super::device::Files;
use super::super::error::Error;
use super::super::print::Printer;
use super::held::Held;
use super::kept::Place;
use super::provider::Trouble;
use super::{BrowserArgs, entered, sign_in};
use crate::env::Clock;
use crate::wire::api::{PersonDevice, PersonDeviceAsk};

/// Whoever brings it.
pub(in crate::cli) struct Owner<'a> {
    place: Place,
    connection: &'a Connection,
    browser: &'a BrowserArgs,
    clock: Arc<dyn Clock>,
}

impl<'a> Owner<'a> {
    /// Whoever is signed in on this machine, or signs in now.
    pub(in crate::cli) fn of_process(
        connection: &'a Connection,
        browser: &'a BrowserArgs,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { place: Place::of_process(), connection, browser, clock }
    }

    /// Asks for the device of this request.
    pub(in crate::cli) async fn bring(
        &self,
        ask: &PersonDeviceAsk,
        print: &mut Printer,
    ) -> Result<PersonDevice, Error> {
        if let Some(mut held) = self.held() {
            match held.bring(ask).await {
                Err(Trouble::Ended | Trouble::Anew) => {}
                told => return told.map_err(|trouble| held.error(trouble)),
            }
        }
        let server = sign_in::Server::of(self.connection, &self.place, None)?;
        let way = self.browser.way(true);
        let mut held = entered(&server, &self.place, way, (print, &self.clock)).await?;
        held.bring(ask).await.map_err(|trouble| held.error(trouble))
    }

    /// The sign-in that is kept here, if it is at the server that is meant. One that is bound to a device is worth nothing where
    /// that has no SVID any more, which is when a machine is brought again.
    fn held(&self) -> Option<Held> {
        let held = Held::open(&self.place, Arc::clone(&self.clock)).ok()?;
        let named = self.connection.server.as_deref().map(|server| server.trim_end_matches('/'));
        let device = held.kept.open.device.clone().map(Files::at);
        let now = self.clock.now();
        let shows = device.is_none_or(|files| files.held_until().is_some_and(|until| until > now));
        (named.is_none_or(|server| server == held.issuer()) && shows).then_some(held)
    }
}
