//! Through another provider: away to it, and back with what it says.

use super::Signin;
use super::complete::Onward;
use super::model::{Complaint, Error, Person, Shown, State, Stranger, Way};
use super::read_sign_in::Held;
use super::submit::proven;
use crate::kernel::{SignInId, UpstreamId};
use crate::realms::Realm;
use crate::sessions::Browser;
use crate::upstreams::{
    self, Arrived, Bringer, Callback, Finished, Offer, Part, Purpose, Refusal, Start, Unlinked,
};

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
                held.state.complaint = Some(Complaint::Upstream(refusal.reason.group()));
                self.settle(realm, held, browser, true).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Back from a provider: to the sign-in, or to the account whose holder asked for a link, also where the answer was refused;
    /// both say so then. `Refused` if nothing of this browser waits for it.
    pub(super) async fn come_back(
        &self,
        realm: &Realm,
        upstream: &UpstreamId,
        callback: Callback,
        browser: &Browser,
    ) -> Result<CameBack, Error> {
        let session = match &browser.session {
            Some(cookie) => self.inner.sessions.by_cookie(realm.id, cookie).await?,
            None => None,
        };
        let bringer = Bringer {
            binding: browser.digest(),
            user: session.map(|session| session.user),
            from: Some(browser.origin()),
        };
        match self.inner.upstreams.finish(realm.id, upstream, callback, bringer).await {
            Ok(Finished::Person(arrived)) => self.arrived(realm, upstream, *arrived, browser).await,
            Ok(Finished::Unlinked(unlinked)) => self.unlinked(realm, *unlinked, browser).await,
            Ok(Finished::Tested) => Ok(CameBack::elsewhere(OWN_PAGES.to_owned())),
            Err(upstreams::Error::Refused(refusal)) => {
                self.turned_back(realm, refusal, browser).await
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn arrived(
        &self,
        realm: &Realm,
        upstream: &UpstreamId,
        arrived: Arrived,
        browser: &Browser,
    ) -> Result<CameBack, Error> {
        if let Purpose::Link { .. } = arrived.purpose {
            return Ok(CameBack::elsewhere(format!("{LINKS}?done=linked")));
        }
        let Some(id) = arrived.sign_in else {
            return Ok(CameBack::elsewhere(OWN_PAGES.to_owned()));
        };
        let mut held = self.hold(realm.id, id, browser).await?;
        if is_open(&held.state) {
            let shown = Shown {
                user: arrived.user,
                methods: arrived.methods,
                since: self.inner.env.clock.now(),
                upstream: Some(upstream.clone()),
            };
            held.state.complaint = None;
            held.state.stranger = None;
            proven(&mut held.state, shown);
        }
        let onward = self.settle(realm, held, browser, true).await?;
        Ok(CameBack { sign_in: Some(id), onward, came_in: true })
    }

    /// Nobody's identity, and an account with its address: whoever it is shows what they have there first.
    async fn unlinked(
        &self,
        realm: &Realm,
        unlinked: Unlinked,
        browser: &Browser,
    ) -> Result<CameBack, Error> {
        let id = unlinked.sign_in.ok_or(Error::NotFound)?;
        let mut held = self.hold(realm.id, id, browser).await?;
        if is_open(&held.state) {
            held.state.complaint = None;
            held.state.ceremony = None;
            self.ask_for_proof(realm, &mut held.state, unlinked).await?;
        }
        let onward = self.settle(realm, held, browser, true).await?;
        Ok(CameBack { sign_in: Some(id), onward, came_in: true })
    }

    async fn ask_for_proof(
        &self,
        realm: &Realm,
        state: &mut State,
        unlinked: Unlinked,
    ) -> Result<(), Error> {
        let Unlinked { external, display, user, email, .. } = unlinked;
        if state.request.expected_user.is_some_and(|expected| expected != user) {
            state.complaint = Some(Complaint::Other);
            return Ok(());
        }
        let known = self.inner.accounts.fresh(realm.id, user).await?;
        let password = known.is_some_and(|user| user.factors.password);
        let upstream = self.inner.upstreams.get(realm.id, &external.upstream);
        let name = upstream.map(|upstream| upstream.terms.display_name.to_string());
        state.typed = Some(email);
        state.person = Person::Claimed(Some(user));
        state.way = (!password).then_some(Way::Passkey);
        state.stranger = Some(Stranger {
            provider: name.unwrap_or_else(|| external.upstream.to_string()),
            upstream: external.upstream,
            issuer: external.issuer,
            subject: external.subject,
            display,
            user,
        });
        Ok(())
    }

    async fn turned_back(
        &self,
        realm: &Realm,
        refusal: Refusal,
        browser: &Browser,
    ) -> Result<CameBack, Error> {
        let group = refusal.reason.group();
        match refusal.part {
            Some(Part::SignIn(id)) => {
                let mut held = self.hold(realm.id, id, browser).await?;
                if is_open(&held.state) {
                    held.state.complaint = Some(Complaint::Upstream(group));
                }
                let onward = self.settle(realm, held, browser, true).await?;
                Ok(CameBack { sign_in: Some(id), onward, came_in: false })
            }
            Some(Part::Link) => {
                Ok(CameBack::elsewhere(format!("{LINKS}?wrong=provider-{}", group.as_str())))
            }
            None => Err(upstreams::Error::from(refusal).into()),
        }
    }
}

/// Where somebody goes who came back from a provider.
#[derive(Debug)]
pub(super) struct CameBack {
    /// The sign-in that goes on.
    pub(super) sign_in: Option<SignInId>,
    /// Where.
    pub(super) onward: Onward,
    /// True if the provider let them in.
    pub(super) came_in: bool,
}

impl CameBack {
    fn elsewhere(path: String) -> Self {
        Self { sign_in: None, onward: Onward::Leave(path, None), came_in: true }
    }
}

/// True until somebody showed who they are, or it ended.
fn is_open(state: &State) -> bool {
    state.end.is_none() && !matches!(state.person, Person::Proven(_))
}

/// Where somebody comes back to who was not signing in.
const OWN_PAGES: &str = "/account";
/// Where whoever looks after an account sees its links.
const LINKS: &str = "/account/providers";
