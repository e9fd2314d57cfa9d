//! The end of a sign-in: a session and its cookie, or a refusal; either is recorded before anything leaves.

use super::decide::{Answered, SignIn};
use super::gather_facts::Gathered;
use super::model::{Complaint, End, Error, Mark, Person, Shown};
use super::next_step::Step;
use super::read_sign_in::Held;
use super::{Signin, store};
use crate::access::Permit;
use crate::events::{Event, Owner, Unrecorded};
use crate::kernel::{ClientId, Method};
use crate::realms::Realm;
use crate::sessions::{self, Browser, Opened, SessionCookie, SignedIn};

/// Where the browser goes now.
#[derive(Debug)]
pub enum Onward {
    /// To the page of the next step.
    Page,
    /// To a path of this server; with a cookie, if a session was opened.
    Leave(String, Option<SessionCookie>),
    /// To another provider.
    Provider {
        /// Its address.
        url: String,
        /// What people call it.
        name: String,
    },
}

impl Signin {
    /// Ends the sign-in if nothing is left to be shown, or if policy said no; else its page is next. `changed` says that the
    /// state has to be written in any case.
    pub(super) async fn settle(
        &self,
        realm: &Realm,
        mut held: Held,
        browser: &Browser,
        changed: bool,
    ) -> Result<Onward, Error> {
        let gathered = self.gather(realm, &held.state, browser).await?;
        match &gathered.step {
            Step::Done => self.complete(held, gathered, browser).await,
            Step::Refused(reason) if held.state.end.is_none() => {
                self.inner.events.record(refused(&held, &gathered, browser, reason)).await?;
                held.state.end = Some(End::Refused(reason.clone()));
                held.state.ceremony = None;
                self.keep(&mut held).await?;
                Ok(Onward::Page)
            }
            _ => {
                if changed {
                    self.keep(&mut held).await?;
                }
                Ok(Onward::Page)
            }
        }
    }

    async fn complete(
        &self,
        mut held: Held,
        gathered: Gathered,
        browser: &Browser,
    ) -> Result<Onward, Error> {
        let path = held.state.request.return_to.as_str().to_owned();
        if held.state.end.is_some() || !matches!(held.state.person, Person::Proven(_)) {
            // The session that this browser has is what was asked for, or this was finished before.
            return Ok(Onward::Leave(path, None));
        }
        let Some(Answered::Yes(permit)) = gathered.answered else { return Ok(Onward::Page) };
        held.state.end = Some(End::Done);
        held.state.ceremony = None;
        held.state.typed = None;
        let client = held.state.request.client.as_ref().map(|client| client.id.clone());
        let question = permit.action().clone();
        let opened = self.open(&held, permit, gathered.session, browser).await?;
        let event = question.on_record(succeeded(&opened, client.as_ref()));
        let opened = self.inner.events.record(Unrecorded::new(opened, event)).await?;
        Ok(Onward::Leave(path, Some(opened.cookie)))
    }

    /// One transaction ends the sign-in and opens the session: of two tabs that finish it, one does.
    async fn open(
        &self,
        held: &Held,
        permit: Permit<SignIn>,
        before: Option<std::sync::Arc<sessions::Session>>,
        browser: &Browser,
    ) -> Result<Opened, Error> {
        let (SignIn { user, number, shown, device, .. }, _) = permit.spend();
        let Shown { methods, since, upstream, .. } = shown;
        // A session that ended with the lost password is not gone on with.
        let ended = held.state.is(Mark::Renewed);
        let before = before.filter(|before| !(ended && before.user == user));
        let signed_in = SignedIn {
            realm: held.place.realm,
            user,
            number,
            methods,
            since,
            upstream,
            device,
            address: browser.address.to_string(),
            agent: browser.agent.clone(),
            before,
        };
        let input = (held.place.id, held.version, self.sealed(held)?);
        let opened = self
            .inner
            .sessions
            .open_after(signed_in, input, |tx, (id, version, sealed)| {
                Box::pin(async move {
                    let moved = store::advance(tx, *id, *version, sealed).await?;
                    if moved { Ok(()) } else { Err(sessions::Error::Superseded) }
                })
            })
            .await;
        opened.map_err(|error| match error {
            sessions::Error::Superseded | sessions::Error::NotFound => Error::Moved,
            other => other.into(),
        })
    }

    /// Records that something was shown that does not hold.
    pub(super) async fn note_failure(
        &self,
        held: &Held,
        browser: &Browser,
        complaint: &Complaint,
    ) -> Result<(), Error> {
        let reason = match complaint {
            Complaint::Password => "password",
            Complaint::Code => "code",
            Complaint::Passkey => "passkey",
            Complaint::Limited { .. } => "limited",
            Complaint::Other => "another_person",
            Complaint::Upstream(_) | Complaint::Link => "provider",
            Complaint::Device => "device",
            Complaint::Nothing
            | Complaint::Busy
            | Complaint::NewPassword(_)
            | Complaint::Repeated => return Ok(()),
        };
        // What was typed names somebody or nobody: it is sealed under the day's key and gone in a month.
        let event = Event::new(held.place.realm, "signin.failed")
            .subject_owner(Owner::Nobody)
            .about("sign_in", held.place.id.to_string())
            .about("typed", held.state.typed.clone())
            .about("reason", reason)
            .about("address", browser.address.to_string());
        self.inner.events.record(Unrecorded::new((), event)).await?;
        Ok(())
    }
}

fn succeeded(opened: &Opened, client: Option<&ClientId>) -> Event {
    let session = &opened.session;
    let methods: Vec<&str> = session.methods.iter().copied().map(Method::as_str).collect();
    Event::new(session.realm, "signin.succeeded")
        .subject(session.number)
        .subject_owner(Owner::Person(session.number))
        .actor(Some(session.number))
        .about("session", session.id.to_string())
        .about("user", session.user.to_string())
        .about("assurance", session.assurance.as_str())
        .about("methods", methods)
        .about("upstream", session.upstream.as_ref().map(|id| id.as_str().to_owned()))
        .about("client", client.map(|id| id.as_str().to_owned()))
        .about("address", session.address.as_str())
        .about("agent", session.agent.as_str())
}

fn refused(held: &Held, gathered: &Gathered, browser: &Browser, reason: &str) -> Unrecorded<()> {
    let client = held.state.request.client.as_ref();
    let event = Event::new(held.place.realm, "signin.refused")
        .about("sign_in", held.place.id.to_string())
        .about("reason", reason)
        .about("client", client.map(|client| client.id.as_str().to_owned()))
        .about("address", browser.address.to_string());
    let event = match &gathered.user {
        Some(user) => event
            .subject(user.number)
            .subject_owner(Owner::Person(user.number))
            .about("user", user.id.to_string()),
        None => event.subject_owner(Owner::Nobody),
    };
    let event = match &gathered.answered {
        Some(Answered::No(question)) => question.on_record(event),
        Some(Answered::Yes(_)) | None => event,
    };
    Unrecorded::new((), event)
}
