//! On which device somebody signs in: the browser is sent to a port of its own machine with a challenge, and comes back with what
//! the device's key signed. Who has no device that could sign is not asked, and who is asked can go on without.

use super::Signin;
use super::complete::Onward;
use super::model::{Complaint, Error, Mark, Person, State, Verdict};
use super::next_step::Step;
use super::read_sign_in::Held;
use crate::accounts::User;
use crate::crypto::digest::base64url;
use crate::devices::model::State as DeviceState;
use crate::devices::{self, Asked, Device};
use crate::kernel::SignInId;
use crate::realms::Realm;
use crate::sessions::Browser;
use crate::wire::device_proof::Question;

impl Signin {
    /// True if they have a device that could sign, or somebody else's could help where policy says no. What was answered already
    /// is not looked up.
    pub(super) async fn could_show_device(
        &self,
        realm: &Realm,
        state: &State,
        (user, verdict): (&User, &Verdict),
    ) -> Result<bool, Error> {
        let devices = &self.inner.devices;
        let answered = state.device.is_some() || state.is(Mark::Anywhere);
        let proven = matches!(state.person, Person::Proven(_));
        if answered || !proven || devices.loopback_port().is_none() || !devices.has_any(realm.id) {
            return Ok(false);
        }
        if matches!(verdict, Verdict::Deny(_)) && user.is_active() {
            return Ok(true);
        }
        // On one that is locked they are told so.
        let can_sign = |device: &Device| {
            device.current.is_some() && !matches!(device.state, DeviceState::Retired { .. })
        };
        Ok(devices.owned(realm.id, user.id).await?.iter().any(can_sign))
    }

    /// The address at which the device is asked; with a challenge that a reload shows again, until the browser comes back.
    pub(super) async fn ask_device(
        &self,
        realm: &Realm,
        held: &mut Held,
    ) -> Result<Option<String>, Error> {
        let Some(port) = self.inner.devices.loopback_port() else { return Ok(None) };
        if held.state.challenge.is_none() {
            let token = self.inner.env.entropy.token()?;
            held.state.challenge = Some(base64url(token.expose()));
            match self.keep(held).await {
                // The other tab has a challenge of its own; this page is without until it is loaded again.
                Err(Error::Moved) => return Ok(None),
                kept => kept?,
            }
        }
        let sign_in = held.place.id.to_string();
        let challenge = held.state.challenge.as_deref().unwrap_or_default();
        let question = Question { issuer: realm.issuer.as_str(), sign_in: &sign_in, challenge };
        Ok(Some(question.address(port)))
    }

    /// The browser comes back from its device. The challenge is used up before anything is looked at: what was shown once is
    /// shown in vain from then on.
    pub(super) async fn come_from_device(
        &self,
        realm: &Realm,
        id: SignInId,
        proof: &str,
        browser: &Browser,
    ) -> Result<Onward, Error> {
        let mut held = self.hold(realm.id, id, browser).await?;
        let gathered = self.gather(realm, &held.state, browser).await?;
        let Some(challenge) = held.state.challenge.take() else {
            return self.settle(realm, held, browser, false).await;
        };
        if gathered.step != Step::Device {
            return self.settle(realm, held, browser, true).await;
        }
        self.keep(&mut held).await?;
        let sign_in = id.to_string();
        let asked =
            Asked { issuer: realm.issuer.as_str(), sign_in: &sign_in, challenge: &challenge };
        held.state.complaint = None;
        match self.inner.devices.prove(realm.id, asked, proof).await {
            Ok(device) => held.state.device = Some(device.id),
            Err(devices::Error::Proof(_) | devices::Error::Refused(_)) => {
                held.state.complaint = Some(Complaint::Device);
                self.note_failure(&held, browser, &Complaint::Device).await?;
            }
            Err(error) => return Err(error.into()),
        }
        self.settle(realm, held, browser, true).await
    }
}
