//! What each form does. A form of another page than the current one does nothing: the current one is shown.

use super::Signin;
use super::complete::Onward;
use super::gather_facts::Gathered;
use super::model::{CeremonyOf, Complaint, End, Error, Mark, Person, Shown, State, Way};
use super::next_step::{Step, known_again, may_add, ways};
use super::read_sign_in::Held;
use crate::accounts::{self, AskedFrom, Checked, Claimed, Identifier, PasskeyChecked};
use crate::http::pages::Look;
use crate::kernel::{Lifetime, Method, Secret, SignInId, UserId};
use crate::realms::Realm;
use crate::sessions::{Browser, Why};
use crate::upstreams;

/// The fields of all forms; each page has some of them.
#[derive(Debug, Default)]
pub struct Sent {
    /// Another way than the page's: a [`Way`].
    pub way: Option<String>,
    /// Which account: `other`, or the session of this browser.
    pub account: Option<String>,
    /// Which provider.
    pub upstream: Option<String>,
    /// What was decided: `later`, `never`, `link`, `no`.
    pub decision: Option<String>,
    /// A name, address or number.
    pub identifier: Option<String>,
    /// A password.
    pub password: Option<Secret<String>>,
    /// The new password once more.
    pub repeated: Option<Secret<String>>,
    /// A one-time password or a recovery code.
    pub code: Option<String>,
    /// What the browser says of a passkey, in JSON.
    pub credential: Option<String>,
    /// What to call the new passkey.
    pub name: Option<String>,
    /// How the page looked: in which language.
    pub look: Option<Look>,
}

/// Who sends, and where.
struct Desk<'a> {
    realm: &'a Realm,
    browser: &'a Browser,
}

impl Signin {
    /// Takes a form. Where the browser goes then; never a page by itself.
    pub async fn submit(
        &self,
        realm: &Realm,
        (id, step): (SignInId, &str),
        sent: Sent,
        browser: &Browser,
    ) -> Result<Onward, Error> {
        let mut held = self.hold(realm.id, id, browser).await?;
        let gathered = self.gather(realm, &held.state, browser).await?;
        if matches!(gathered.step, Step::Done) {
            return self.settle(realm, held, browser, false).await;
        }
        if step == "cancel" {
            return self.give_up(held).await;
        }
        if let Some(upstream) = self.provider_of(realm, &held, &gathered, (step, &sent)) {
            return self.to_provider(realm, held, browser, &upstream).await;
        }
        let before = held.state.clone();
        held.state.complaint = None;
        if turn(&mut held.state, &gathered, step, &sent) {
            return self.settle(realm, held, browser, true).await;
        }
        let here = gathered.step.name() == step
            || (matches!(gathered.step, Step::Identify) && step == "passkey");
        if !here {
            held.state = before;
            return self.settle(realm, held, browser, false).await;
        }
        let desk = Desk { realm, browser };
        self.take(&desk, &mut held, &gathered, &sent).await?;
        if let Some(complaint) = held.state.complaint.clone() {
            self.note_failure(&held, browser, &complaint).await?;
        }
        self.settle(realm, held, browser, true).await
    }

    /// The provider that a button names, or the address that was typed is at home at.
    fn provider_of(
        &self,
        realm: &Realm,
        held: &Held,
        gathered: &Gathered,
        (step, sent): (&str, &Sent),
    ) -> Option<String> {
        if gathered.shown.is_some() || !matches!(gathered.step, Step::Identify | Step::Password) {
            return None;
        }
        match step {
            "upstream" => sent.upstream.clone(),
            "identify" if matches!(gathered.step, Step::Identify) => {
                let typed = sent.identifier.as_deref()?;
                let (_, domain) = typed.trim().rsplit_once('@')?;
                let among = held.state.request.upstreams.as_deref();
                let offers = self.inner.upstreams.offered(realm.id, among, Some(domain));
                offers.iter().find(|offer| offer.home).map(|offer| offer.id.to_string())
            }
            _ => None,
        }
    }

    /// The person gives up: back to where they came from, if there is a way.
    async fn give_up(&self, mut held: Held) -> Result<Onward, Error> {
        let Some(path) = held.state.request.cancel_to.clone() else { return Ok(Onward::Page) };
        held.state.end = Some(End::Refused(String::new()));
        held.state.ceremony = None;
        self.keep(&mut held).await?;
        Ok(Onward::Leave(path.as_str().to_owned(), None))
    }

    async fn take(
        &self,
        desk: &Desk<'_>,
        held: &mut Held,
        gathered: &Gathered,
        sent: &Sent,
    ) -> Result<(), Error> {
        match &gathered.step {
            Step::Identify => self.identify(desk, held, gathered, sent).await,
            Step::Device => {
                // The other answer is given by the device.
                held.state.marks.insert(Mark::Anywhere);
                held.state.challenge = None;
                Ok(())
            }
            Step::Password => self.password(desk, held, gathered, sent).await,
            Step::Passkey => self.passkey(desk, held, gathered, sent).await,
            Step::Totp | Step::RecoveryCode => self.code(desk, held, gathered, sent).await,
            Step::Recover => self.recover(desk, held, sent).await,
            Step::MailSent => {
                held.state.marks.remove(&Mark::Mailed);
                Ok(())
            }
            Step::NewPassword => self.new_password(desk, held, gathered, sent).await,
            Step::Enrol { required: false } if sent.decision.is_some() => {
                self.decline(desk, held, gathered, sent).await
            }
            Step::Enrol { .. } => self.enrol(desk, held, gathered, sent).await,
            Step::LinkConfirm => self.link(desk, held, gathered).await,
            Step::SelectAccount | Step::NoWay(_) | Step::Refused(_) | Step::Done => Ok(()),
        }
    }

    async fn identify(
        &self,
        desk: &Desk<'_>,
        held: &mut Held,
        gathered: &Gathered,
        sent: &Sent,
    ) -> Result<(), Error> {
        if sent.credential.is_some() {
            return self.passkey(desk, held, gathered, sent).await;
        }
        let typed = sent.identifier.as_deref().unwrap_or_default().trim().to_owned();
        if typed.is_empty() {
            held.state.complaint = Some(Complaint::Nothing);
            return Ok(());
        }
        let found = match Identifier::typed(&typed) {
            Some(identifier) => self.inner.accounts.find(desk.realm.id, &identifier).await?,
            None => None,
        };
        held.state.typed = Some(typed);
        held.state.person = Person::Claimed(found.map(|user| user.id));
        Ok(())
    }

    async fn password(
        &self,
        desk: &Desk<'_>,
        held: &mut Held,
        gathered: &Gathered,
        sent: &Sent,
    ) -> Result<(), Error> {
        let again = known_again(&held.state, &gathered.facts).map(|present| present.shown.user);
        let user = match &held.state.person {
            Person::Claimed(user) => *user,
            Person::Nobody | Person::Proven(_) => again,
        };
        let typed = match (&held.state.typed, user) {
            (Some(typed), _) if again.is_none() => typed.clone(),
            (_, Some(user)) => user.to_string(),
            (_, None) => String::new(),
        };
        let empty = Secret::new(String::new());
        let password = sent.password.as_ref().unwrap_or(&empty);
        let who = Claimed { user, typed: &typed };
        let address = desk.browser.address;
        let checked =
            self.inner.accounts.check_password(desk.realm.id, who, password, address).await;
        match (judged(checked, Complaint::Password)?, user) {
            (Ok(method), Some(user)) => {
                let shown = self.only(user, method);
                proven(&mut held.state, shown);
            }
            (Ok(_), None) => held.state.complaint = Some(Complaint::Password),
            (Err(complaint), _) => held.state.complaint = Some(complaint),
        }
        Ok(())
    }

    /// A passkey: anybody's where nothing was shown yet, else another of the same person.
    async fn passkey(
        &self,
        desk: &Desk<'_>,
        held: &mut Held,
        gathered: &Gathered,
        sent: &Sent,
    ) -> Result<(), Error> {
        let Some((user, method)) = self.finish_passkey(desk, held, sent).await? else {
            return Ok(());
        };
        if gathered.shown.as_ref().is_some_and(|base| base.user != user) {
            held.state.complaint = Some(Complaint::Other);
            return Ok(());
        }
        // What a session was opened with is not shown again by this, and a passkey is enough by itself.
        let shown = match &held.state.person {
            Person::Proven(shown) => shown.clone().and(method),
            Person::Nobody | Person::Claimed(_) => self.only(user, method),
        };
        proven(&mut held.state, shown);
        Ok(())
    }

    /// Uses the ceremony up before anything is looked at: of two tabs with one challenge, one gets an answer.
    async fn finish_passkey(
        &self,
        desk: &Desk<'_>,
        held: &mut Held,
        sent: &Sent,
    ) -> Result<Option<(UserId, Method)>, Error> {
        let ceremony = held.state.ceremony.take();
        self.keep(held).await?;
        let (Some(ceremony), Some(credential)) = (ceremony, &sent.credential) else {
            held.state.complaint = Some(Complaint::Passkey);
            return Ok(None);
        };
        let (realm, address) = (desk.realm.id, desk.browser.address);
        let accounts = &self.inner.accounts;
        let checked = accounts.finish_passkey(realm, &ceremony.state, credential, address).await;
        let complaint = match checked {
            Ok(PasskeyChecked::Yes { user, method, .. }) => return Ok(Some((user, method))),
            Ok(PasskeyChecked::No)
            | Err(accounts::Error::Passkey { .. } | accounts::Error::Spent) => Complaint::Passkey,
            Ok(PasskeyChecked::Limited { retry_after }) => {
                Complaint::Limited { seconds: retry_after.as_seconds() }
            }
            Err(accounts::Error::Busy) => Complaint::Busy,
            Err(error) => return Err(error.into()),
        };
        held.state.complaint = Some(complaint);
        Ok(None)
    }

    async fn code(
        &self,
        desk: &Desk<'_>,
        held: &mut Held,
        gathered: &Gathered,
        sent: &Sent,
    ) -> Result<(), Error> {
        let Some(base) = &gathered.shown else { return Ok(()) };
        let code = sent.code.as_deref().unwrap_or_default();
        let (realm, address, accounts) =
            (desk.realm.id, desk.browser.address, &self.inner.accounts);
        let checked = if matches!(gathered.step, Step::Totp) {
            accounts.check_totp(realm, base.user, code, address).await
        } else {
            accounts.check_recovery_code(realm, base.user, code, address).await
        };
        match judged(checked, Complaint::Code)? {
            Ok(method) => proven(&mut held.state, base.clone().and(method)),
            Err(complaint) => held.state.complaint = Some(complaint),
        }
        Ok(())
    }

    async fn recover(&self, desk: &Desk<'_>, held: &mut Held, sent: &Sent) -> Result<(), Error> {
        let typed = sent.identifier.as_deref().unwrap_or_default().trim().to_owned();
        if typed.is_empty() {
            held.state.complaint = Some(Complaint::Nothing);
            return Ok(());
        }
        let accounts = &self.inner.accounts;
        let languages = &held.state.request.languages;
        let look = sent.look.clone().map(|look| look.prefer(languages));
        let language = look.map(|look| look.language());
        let from = AskedFrom { address: desk.browser.address, language };
        match accounts.send_recovery(desk.realm.id, &typed, from).await {
            Ok(()) => {
                held.state.marks.insert(Mark::Mailed);
            }
            Err(accounts::Error::Limited { retry_after }) => {
                let seconds = retry_after.as_seconds();
                held.state.complaint = Some(Complaint::Limited { seconds });
            }
            Err(accounts::Error::Busy) => held.state.complaint = Some(Complaint::Busy),
            Err(error) => return Err(error.into()),
        }
        held.state.typed = Some(typed);
        Ok(())
    }

    async fn new_password(
        &self,
        desk: &Desk<'_>,
        held: &mut Held,
        gathered: &Gathered,
        sent: &Sent,
    ) -> Result<(), Error> {
        let (Some(base), Some(password), Some(again)) =
            (&gathered.shown, &sent.password, &sent.repeated)
        else {
            held.state.complaint = Some(Complaint::Nothing);
            return Ok(());
        };
        if !password.equals(again.expose().as_bytes()) {
            held.state.complaint = Some(Complaint::Repeated);
            return Ok(());
        }
        let by = accounts::By::Themselves;
        match self.inner.accounts.renew_password(desk.realm.id, base.user, password, by).await {
            Ok(()) => {
                // Both: what is left of a wish for a passkey would pass for an administrator's link.
                held.state.marks.remove(&Mark::Renew);
                held.state.marks.remove(&Mark::Enrol);
                held.state.marks.insert(Mark::Renewed);
                proven(&mut held.state, base.clone().and(Method::Password));
            }
            Err(accounts::Error::Password(rule)) => {
                held.state.complaint = Some(Complaint::NewPassword(rule.to_string()));
            }
            Err(accounts::Error::Busy) => held.state.complaint = Some(Complaint::Busy),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    async fn enrol(
        &self,
        desk: &Desk<'_>,
        held: &mut Held,
        gathered: &Gathered,
        sent: &Sent,
    ) -> Result<(), Error> {
        let ceremony = held.state.ceremony.take();
        self.keep(held).await?;
        let (Some(base), Some(ceremony), Some(credential)) =
            (&gathered.shown, ceremony, &sent.credential)
        else {
            held.state.complaint = Some(Complaint::Passkey);
            return Ok(());
        };
        if ceremony.purpose != CeremonyOf::Adding(base.user) {
            held.state.complaint = Some(Complaint::Passkey);
            return Ok(());
        }
        let name = sent.name.as_deref().unwrap_or_default();
        let added = self
            .inner
            .accounts
            .register_passkey_finish(desk.realm.id, base.user, &ceremony.state, (credential, name))
            .await;
        match added {
            Ok(_) => {
                // In place of a lost password: what was before ends as with a new one.
                if let (true, Some(user)) = (held.state.is(Mark::Renew), &gathered.user) {
                    let (realm, why) = (desk.realm.id, Why::Credentials);
                    let ends = self.inner.sessions.end_all(realm, user.id, user.number, why);
                    Box::pin(ends).await?;
                    held.state.marks.insert(Mark::Renewed);
                }
                Self::enrolled(&mut held.state, base);
            }
            Err(accounts::Error::Busy) => held.state.complaint = Some(Complaint::Busy),
            Err(
                accounts::Error::Passkey { .. }
                | accounts::Error::Spent
                | accounts::Error::Taken { .. }
                | accounts::Error::TooMany { .. },
            ) => held.state.complaint = Some(Complaint::Passkey),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// No passkey now; after `never` none is offered at later sign-ins either, in whichever browser.
    async fn decline(
        &self,
        desk: &Desk<'_>,
        held: &mut Held,
        gathered: &Gathered,
        sent: &Sent,
    ) -> Result<(), Error> {
        if let (Some(base), Some("never")) = (&gathered.shown, sent.decision.as_deref()) {
            self.inner.accounts.decline_passkey(desk.realm.id, base.user).await?;
        }
        held.state.marks.insert(Mark::Declined);
        Ok(())
    }

    /// A passkey that was added by an administrator's link was shown just now, with its user verified. One added after a
    /// mail was not: whoever reads somebody's mail must not come out surer than the mail.
    fn enrolled(state: &mut State, base: &Shown) {
        let by_link = state.marks.remove(&Mark::Enrol) && !state.marks.remove(&Mark::Renew);
        state.marks.insert(Mark::Declined);
        let shown = if by_link { base.clone().and(Method::Passkey) } else { base.clone() };
        proven(state, shown);
    }

    async fn link(
        &self,
        desk: &Desk<'_>,
        held: &mut Held,
        gathered: &Gathered,
    ) -> Result<(), Error> {
        let (Some(base), Some(stranger)) = (&gathered.shown, held.state.stranger.clone()) else {
            return Ok(());
        };
        if self.inner.env.clock.now().since(base.since) > LINK_AGE_MAX {
            // What was shown is no longer fresh: it is shown again, and then asked again.
            held.state.person = Person::Claimed(Some(stranger.user));
            return Ok(());
        }
        let identity = accounts::ExternalId {
            upstream: stranger.upstream,
            issuer: stranger.issuer,
            subject: stranger.subject,
        };
        let from = desk.browser.origin();
        let (upstreams, identity) = (&self.inner.upstreams, (identity, stranger.display));
        match upstreams.link_shown(desk.realm.id, base.user, identity, from).await {
            Ok(()) => held.state.stranger = None,
            Err(upstreams::Error::Refused(refusal))
                if refusal.reason == upstreams::Reason::LinkedElsewhere =>
            {
                held.state.complaint = Some(Complaint::Link);
            }
            Err(upstreams::Error::Refused(refusal)) => {
                held.state.complaint = Some(Complaint::Upstream(refusal.reason.group()));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// This, shown now.
    pub(super) fn only(&self, user: UserId, method: Method) -> Shown {
        let since = self.inner.env.clock.now();
        Shown { user, methods: [method].into(), since, upstream: None }
    }
}

/// Takes the person as proven; somebody else than was asked for is not, nor somebody who brings an identity with the address of
/// another account.
pub(super) fn proven(state: &mut State, shown: Shown) {
    state.way = None;
    state.ceremony = None;
    let linking = state.stranger.as_ref().map(|stranger| stranger.user);
    if state.request.expected_user.is_some_and(|user| user != shown.user) {
        state.complaint = Some(Complaint::Other);
        state.person = Person::Nobody;
    } else if linking.is_some_and(|user| user != shown.user) {
        state.complaint = Some(Complaint::Other);
        state.person = Person::Claimed(linking);
    } else {
        state.person = Person::Proven(shown);
    }
}

/// What became of a try, as the page says it.
fn judged(
    checked: Result<Checked, accounts::Error>,
    wrong: Complaint,
) -> Result<Result<Method, Complaint>, Error> {
    Ok(match checked {
        Ok(Checked::Yes(method)) => Ok(method),
        Ok(Checked::No) => Err(wrong),
        Ok(Checked::Limited { retry_after }) | Err(accounts::Error::Limited { retry_after }) => {
            Err(Complaint::Limited { seconds: retry_after.as_seconds() })
        }
        Err(accounts::Error::Busy) => Err(Complaint::Busy),
        Err(error) => return Err(error.into()),
    })
}

/// Takes a button that leads elsewhere; false if the form is one of the page itself.
fn turn(state: &mut State, gathered: &Gathered, step: &str, sent: &Sent) -> bool {
    let word = |field: &Option<String>| field.clone().unwrap_or_default();
    match (step, &gathered.step) {
        ("select", Step::SelectAccount) if word(&sent.account) != OTHER => {
            let session = gathered.session.as_ref().map(|session| session.id.to_string());
            if session.is_some() && session == sent.account {
                state.marks.insert(Mark::Selected);
            }
        }
        ("select", _) if word(&sent.account) == OTHER => start_over(state),
        ("link", Step::LinkConfirm) if word(&sent.decision) != "link" => state.stranger = None,
        ("way", Step::Enrol { required: true }) if word(&sent.way) == "password" => {
            state.marks.remove(&Mark::Enrol);
            state.marks.insert(Mark::Renew);
        }
        ("way", Step::NewPassword) if word(&sent.way) == "passkey" => {
            if gathered.shown.as_ref().is_some_and(|shown| may_add(&gathered.facts, shown)) {
                state.marks.insert(Mark::Enrol);
            }
        }
        ("way", _) => turn_to(state, gathered, Way::parse(&word(&sent.way))),
        _ => return false,
    }
    true
}

fn turn_to(state: &mut State, gathered: &Gathered, way: Option<Way>) {
    let Some(way) = way else { return };
    let offered = match &gathered.shown {
        Some(shown) => ways(state, &gathered.facts, shown).contains(&way),
        None => matches!(way, Way::Password | Way::Passkey | Way::Mail),
    };
    if offered {
        state.way = Some(way);
        state.marks.remove(&Mark::Mailed);
    }
}

/// As somebody else: what was shown so far is somebody's own.
fn start_over(state: &mut State) {
    state.end = None;
    state.person = Person::Nobody;
    state.stranger = None;
    state.way = None;
    state.typed = None;
    state.ceremony = None;
    state.challenge = None;
    state.device = None;
    state.marks = [Mark::Other].into();
}

/// What a form says for an account that is not signed in here.
const OTHER: &str = "other";
/// A link is a change of what one signs in with: like every other, it needs something shown in the last five minutes.
const LINK_AGE_MAX: Lifetime = Lifetime::minutes(5);
