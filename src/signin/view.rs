//! What a page shows: the step, and what is known that the page may say. A passkey ceremony begins here, when its page is
//! asked for.

use std::sync::Arc;

use super::Signin;
use super::complete::Onward;
use super::gather_facts::Gathered;
use super::model::{Ceremony, CeremonyOf, Complaint, End, Error, Stranger, Way};
use super::next_step::{Step, known_again, ways};
use super::read_sign_in::Held;
use crate::accounts::{PasskeyChallenge, User};
use crate::kernel::{Lifetime, SignInId};
use crate::realms::Realm;
use crate::sessions::{Browser, Session};
use crate::upstreams::Offer;

/// A page's facts.
#[derive(Debug)]
pub struct View {
    /// Which sign-in.
    pub id: SignInId,
    /// Which page.
    pub step: Step,
    /// What people call the application.
    pub application: Option<String>,
    /// Where its forms may lead in the end.
    pub leads_to: Option<String>,
    /// What was typed as a name.
    pub typed: Option<String>,
    /// Who this is, as it was typed or is known.
    pub person: Option<String>,
    /// The session of this browser.
    pub session: Option<Arc<Session>>,
    /// What else could be shown.
    pub ways: Vec<Way>,
    /// Why more has to be shown, in the policy's words.
    pub reason: Option<String>,
    /// The options of the passkey ceremony, for the browser, in JSON.
    pub options: Option<String>,
    /// Where the device is asked on which this browser runs.
    pub device_link: Option<String>,
    /// What was wrong.
    pub complaint: Option<Complaint>,
    /// The providers that can vouch.
    pub offers: Vec<Offer>,
    /// Who they are at a provider.
    pub stranger: Option<Stranger>,
    /// There is somewhere to go back to.
    pub cancel: bool,
    /// The languages that were asked for.
    pub languages: Vec<String>,
    /// Something was shown already.
    pub shown: bool,
    /// The fewest characters of a new password.
    pub password_chars_min: usize,
}

/// What a GET finds.
#[derive(Debug)]
pub(super) enum Found {
    Page(Box<View>),
    Onward(Onward),
}

impl Signin {
    /// The page of a sign-in, or where it leads because nothing is left to be shown.
    pub(super) async fn view(
        &self,
        realm: &Realm,
        id: SignInId,
        browser: &Browser,
    ) -> Result<Found, Error> {
        let mut held = self.hold(realm.id, id, browser).await?;
        let gathered = self.gather(realm, &held.state, browser).await?;
        let ends = matches!(gathered.step, Step::Done | Step::Refused(_));
        if ends && held.state.end.is_none() {
            return match self.settle(realm, held, browser, false).await? {
                Onward::Page => Box::pin(self.view(realm, id, browser)).await,
                onward @ (Onward::Leave(..) | Onward::Provider { .. }) => Ok(Found::Onward(onward)),
            };
        }
        if held.state.end == Some(End::Done) {
            let path = held.state.request.return_to.as_str().to_owned();
            return Ok(Found::Onward(Onward::Leave(path, None)));
        }
        self.begin_ceremony(realm, &mut held, &gathered).await?;
        let device_link = match gathered.step {
            Step::Device => self.ask_device(realm, &mut held).await?,
            _ => None,
        };
        let person = self.person(realm, &held, &gathered).await?;
        let offers = self.offers(realm, &held);
        let least = self.inner.accounts.settings().password_chars_min;
        let view = shown((held, gathered), person, offers, least);
        Ok(Found::Page(Box::new(View { device_link, ..view })))
    }

    /// A page with a passkey has one challenge, which a reload shows again, until it is used or some minutes old.
    async fn begin_ceremony(
        &self,
        realm: &Realm,
        held: &mut Held,
        gathered: &Gathered,
    ) -> Result<(), Error> {
        let user = gathered.shown.as_ref().map(|shown| shown.user);
        let purpose = match (&gathered.step, user) {
            (Step::Enrol { .. }, Some(user)) => CeremonyOf::Adding(user),
            (Step::Passkey, Some(user)) => CeremonyOf::Person(user),
            (Step::Identify | Step::Passkey, _) => CeremonyOf::Anybody,
            _ => return Ok(()),
        };
        let now = self.inner.env.clock.now();
        let fits = |ceremony: &Ceremony| {
            ceremony.purpose == purpose && now.since(ceremony.at) < CEREMONY_LIFE
        };
        if held.state.ceremony.as_ref().is_some_and(fits) {
            return Ok(());
        }
        let accounts = &self.inner.accounts;
        let begun = match purpose {
            CeremonyOf::Adding(user) => accounts.register_passkey_start(realm.id, user).await,
            CeremonyOf::Person(user) => accounts.passkey_challenge(realm.id, Some(user)).await,
            CeremonyOf::Anybody => accounts.passkey_challenge(realm.id, None).await,
        };
        // Without a challenge the page still has its other ways.
        let Ok(PasskeyChallenge { options, state }) = begun else {
            held.state.ceremony = None;
            return Ok(());
        };
        held.state.ceremony = Some(Ceremony { options, state, purpose, at: now });
        match self.keep(held).await {
            // The other tab has a challenge of its own; this page is without until it is loaded again.
            Err(Error::Moved) => {
                held.state.ceremony = None;
                Ok(())
            }
            other => other,
        }
    }

    /// What to call whoever this is: what they typed; a name that we know only once they showed who they are.
    async fn person(
        &self,
        realm: &Realm,
        held: &Held,
        gathered: &Gathered,
    ) -> Result<Option<String>, Error> {
        if let Some(user) = &gathered.user {
            return Ok(Some(user.display_name().to_owned()));
        }
        match known_again(&held.state, &gathered.facts).map(|present| present.shown.user) {
            Some(user) => {
                let user = self.inner.accounts.user(realm.id, user).await?;
                Ok(user.as_deref().map(User::display_name).map(str::to_owned))
            }
            None => Ok(held.state.typed.clone()),
        }
    }
}

fn shown(
    (held, gathered): (Held, Gathered),
    person: Option<String>,
    offers: Vec<Offer>,
    password_chars_min: usize,
) -> View {
    let other = others(&held, &gathered);
    let reason = match (&gathered.facts.verdict, &gathered.step) {
        (_, Step::NoWay(reason) | Step::Refused(reason)) if !reason.is_empty() => {
            Some(reason.clone())
        }
        (Some(super::Verdict::StepUp(reason)), _) => Some(reason.clone()),
        _ => None,
    };
    let state = held.state;
    let options = state.ceremony.map(|ceremony| ceremony.options.to_string());
    View {
        id: held.place.id,
        step: gathered.step,
        leads_to: state.request.client.as_ref().map(|client| client.leads_to.clone()),
        application: state.request.client.map(|client| client.name),
        typed: state.typed,
        person,
        session: gathered.session,
        ways: other,
        reason,
        options,
        device_link: None,
        complaint: state.complaint,
        offers,
        stranger: state.stranger,
        cancel: state.request.cancel_to.is_some(),
        languages: state.request.languages,
        shown: gathered.shown.is_some(),
        password_chars_min,
    }
}

/// The ways beside the page's own. Before anything was shown they are the same for everybody.
fn others(held: &Held, gathered: &Gathered) -> Vec<Way> {
    let mut all = match (&gathered.shown, &gathered.step) {
        (_, Step::Device | Step::Enrol { .. } | Step::NewPassword | Step::LinkConfirm) => {
            return Vec::new();
        }
        (Some(shown), _) => ways(&held.state, &gathered.facts, shown),
        (None, Step::Password | Step::Passkey | Step::Recover) => {
            vec![Way::Password, Way::Passkey, Way::Mail]
        }
        (None, _) => return Vec::new(),
    };
    let own = match gathered.step {
        Step::Password => Some(Way::Password),
        Step::Passkey => Some(Way::Passkey),
        Step::Totp => Some(Way::Totp),
        Step::RecoveryCode => Some(Way::RecoveryCode),
        Step::Recover => Some(Way::Mail),
        _ => None,
    };
    all.retain(|way| Some(*way) != own);
    all
}

/// Less than the five minutes that `accounts` takes an answer for: a page that is looked at now can still be used.
const CEREMONY_LIFE: Lifetime = Lifetime::minutes(4);
