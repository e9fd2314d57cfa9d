//! Through another provider: away to it, and back with what it says.

use super::Signin;
use super::complete::Onward;
use super::model::{Complaint, Error, Person, Shown};
use super::read_sign_in::Held;
use super::submit::proven;
use crate::kernel::UpstreamId;
use crate::realms::Realm;
use crate::sessions::Browser;
use crate::upstreams::{self, Callback, Finished, Offer, Purpose, Start};

impl Signin {
    /// The providers that may vouch in this sign-in; the home of the address that was typed first.
    pub(super) fn offers(&self, realm: &Realm, held: &Held) -> Vec<Offer> {
        let among = held.state.request.upstreams.as_deref();
        let typed = held.state.typed.as_deref();
        let domain = typed.and_then(|typed| typed.rsplit_once('@')).map(|(_, domain)| domain);
        self.inner.upstreams.offered(realm.id, among, domain)
    }

    /// Away to a provider, if it is offered. The page says so if it cannot be reached.
    pub(super) async fn to_provider(
        &self,
        realm: &Realm,
        mut held: Held,
        browser: &Browser,
        upstream: &str,
    ) -> Result<Onward, Error> {
        let offers = self.offers(realm, &held);
        let offer = offers.iter().find(|offer| offer.id.as_str() == upstream);
        let (Some(offer), Some(binding)) = (offer, browser.digest()) else {
            return self.settle(realm, held, browser, false).await;
        };
        let start = Start {
            sign_in: Some(held.place.id),
            purpose: Purpose::SignIn,
            binding,
            login_hint: held.state.typed.clone(),
            fresh: held.state.request.fresh_after.is_some(),
        };
        match self.inner.upstreams.start(realm.id, &offer.id, start).await {
            Ok(url) => {
                held.state.complaint = None;
                self.keep(&mut held).await?;
                Ok(Onward::Provider { url, name: offer.display_name.to_string() })
            }
            Err(upstreams::Error::Refused(refusal)) => {
                held.state.complaint = Some(Complaint::Upstream(refusal.to_string()));
                self.settle(realm, held, browser, true).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Back from a provider. `NotFound` if no sign-in of this browser waits for it.
    pub(super) async fn come_back(
        &self,
        realm: &Realm,
        upstream: &UpstreamId,
        callback: Callback,
        browser: &Browser,
    ) -> Result<(Option<crate::kernel::SignInId>, Onward), Error> {
        let binding = browser.digest();
        let finished =
            self.inner.upstreams.finish(realm.id, upstream, callback, binding.as_ref()).await?;
        let Finished::Person(arrived) = finished else {
            return Ok((None, Onward::Leave(OWN_PAGES.to_owned(), None)));
        };
        let (Purpose::SignIn, Some(id)) = (arrived.purpose, arrived.sign_in) else {
            return Ok((None, Onward::Leave(OWN_PAGES.to_owned(), None)));
        };
        let mut held = self.hold(realm.id, id, browser).await?;
        if held.state.end.is_none() && !matches!(held.state.person, Person::Proven(_)) {
            let shown = Shown {
                user: arrived.user,
                methods: arrived.methods.clone(),
                since: self.inner.env.clock.now(),
                upstream: Some(upstream.clone()),
            };
            held.state.complaint = None;
            proven(&mut held.state, shown);
        }
        Ok((Some(id), self.settle(realm, held, browser, true).await?))
    }
}

/// Where somebody comes back to who was not signing in.
const OWN_PAGES: &str = "/account";
