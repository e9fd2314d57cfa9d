//! What a session is, how long it may live, what was taken back, and what is said of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::access::{self, Action, Administrator, Request};
use crate::accounts;
use crate::events::{self, Event, Owner};
use crate::kernel::{
    Assurance, Authentication, ClientId, DeviceId, Failure, Fault, GrantId, Kind, Method, RealmId,
    SessionId, Situation, SubjectId, Timestamp, UpstreamId, UserId, amr_of,
};

/// The kind of change of a revocation; its key is `what/id`.
pub const REVOCATION: &str = "revocation";
/// The kind of change that takes a session's cookie out of caches; its key is the digest of the cookie, in hexadecimal.
pub const SESSION: &str = "session";

/// A browser sign-in that is done. Tokens and credentials hang off it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Which.
    pub id: SessionId,
    /// In which realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
    /// The person's number in events.
    pub number: SubjectId,
    /// How sure the sign-in was.
    pub assurance: Assurance,
    /// What was shown.
    pub methods: BTreeSet<Method>,
    /// The provider that vouched, if one did.
    pub upstream: Option<UpstreamId>,
    /// The device that the browser proved it runs on, if it did.
    pub device: Option<DeviceId>,
    /// Where the browser was at the last sign-in.
    pub address: String,
    /// What the browser called itself at the last sign-in.
    pub agent: String,
    /// When the session began.
    pub created_at: Timestamp,
    /// When something was last shown: `auth_time` (OpenID Connect Core §2).
    pub signed_in_at: Timestamp,
    /// When it was last used, to the minute.
    pub used_at: Timestamp,
    /// When it ends unless it is used.
    pub idle_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Session {
    /// True as long as neither of its ends has come.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.idle_at && now < self.expires_at
    }

    /// The sign-in that it began with, or was renewed by.
    pub fn authentication(&self) -> Authentication {
        Authentication {
            at: self.signed_in_at,
            assurance: self.assurance,
            amr: self.amr().into_iter().map(str::to_owned).collect(),
            upstream: self.upstream.as_ref().map(|id| Arc::from(id.as_str())),
        }
    }

    /// Of what is asked in its name: its person signed in, there.
    pub fn situation(&self) -> Situation {
        Situation::after(self.authentication(), self.address.parse().ok())
    }

    /// `amr` (RFC 8176): what the methods say together, in a fixed order.
    pub fn amr(&self) -> BTreeSet<&'static str> {
        amr_of(&self.methods)
    }
}

/// A sign-in that succeeded: what a session is made of.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// In which realm.
    pub realm: RealmId,
    /// Who.
    pub user: UserId,
    /// The person's number in events.
    pub number: SubjectId,
    /// What was shown.
    pub methods: BTreeSet<Method>,
    /// When the oldest of it was shown: a session lives no longer than its level allows from here.
    pub since: Timestamp,
    /// The provider that vouched, if one did.
    pub upstream: Option<UpstreamId>,
    /// The device that the browser proved it runs on, if it did.
    pub device: Option<DeviceId>,
    /// Where the browser is.
    pub address: String,
    /// What it calls itself.
    pub agent: String,
    /// The session that this browser had. The same person's goes on under a new cookie, another person's ends.
    pub before: Option<Arc<Session>>,
}

/// What can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocable<'a> {
    /// Everything that hangs off this grant.
    Grant(GrantId),
    /// This session, and everything that hangs off it.
    Session(SessionId),
    /// Everything that this user (`usr_…`) or client was given so far.
    Subject(&'a str),
    /// Everything that this realm gave out so far.
    Realm,
}

impl Revocable<'_> {
    /// The word in the row.
    pub(super) const fn what(self) -> &'static str {
        match self {
            Self::Grant(_) => "grant",
            Self::Session(_) => "session",
            Self::Subject(_) => "subject",
            Self::Realm => "realm",
        }
    }

    /// The id in the row.
    pub(super) fn id(self) -> String {
        match self {
            Self::Grant(id) => id.to_string(),
            Self::Session(id) => id.to_string(),
            Self::Subject(id) => id.to_owned(),
            Self::Realm => String::new(),
        }
    }

    /// The key of its change.
    pub(super) fn key(self) -> String {
        format!("{}/{}", self.what(), self.id())
    }
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// Its person signed out.
    SignedOut,
    /// A client asked for it (OpenID Connect RP-Initiated Logout).
    ClientAsked,
    /// Its person ended it from another one, or everywhere.
    Ended,
    /// An administrator ended it.
    Administrator,
    /// Somebody else signed in with the same browser.
    Replaced,
    /// The provider that vouched for it ended it.
    Upstream,
    /// A credential was changed or taken, or the account was locked.
    Credentials,
    /// The account was deleted.
    Erased,
    /// Its person was contained.
    Contained,
    /// Its person would not be let in any more on the device that it hangs off.
    Device,
}

impl Why {
    /// The word in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::ClientAsked => "client_asked",
            Self::Ended => "ended",
            Self::Administrator => "administrator",
            Self::Replaced => "replaced",
            Self::Upstream => "upstream",
            Self::Credentials => "credentials",
            Self::Erased => "erased",
            Self::Contained => "contained",
            Self::Device => "device",
        }
    }
}

/// A session that ended just now, for those who must tell others in the same transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Which.
    pub session: SessionId,
    /// Whose.
    pub user: UserId,
    /// The person's number in events: what is left of them if their account goes with the session.
    pub number: SubjectId,
    /// The clients that got something from it.
    pub clients: Vec<ClientId>,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: Why,
}

/// Look at sessions.
#[derive(Debug, Clone)]
pub(super) struct ReadSession {
    /// Who asks.
    pub(super) by: Administrator,
    /// Whose, or which.
    pub(super) of: String,
}

impl Action for ReadSession {
    const NAME: &'static str = "ReadSession";

    fn request(&self) -> Request<'_> {
        self.by.request(("Session", &self.of), None)
    }
}

/// End sessions.
#[derive(Debug, Clone)]
pub(super) struct EndSession {
    /// Who asks.
    pub(super) by: Administrator,
    /// Whose, or which.
    pub(super) of: String,
}

impl Action for EndSession {
    const NAME: &'static str = "EndSession";

    fn request(&self) -> Request<'_> {
        self.by.request(("Session", &self.of), None)
    }
}

pub(super) mod told {
    //! The facts of this slice.

    use super::{Event, Owner, Revocable, Session, SubjectId, UserId, Why};
    use crate::kernel::{Method, RealmId, Timestamp};

    /// A session began, or goes on with other evidence.
    pub(in super::super) fn opened(kind: &'static str, session: &Session) -> Event {
        let methods: Vec<&str> = session.methods.iter().copied().map(Method::as_str).collect();
        of(Event::new(session.realm, kind), session.number)
            .about("session", session.id.to_string())
            .about("user", session.user.to_string())
            .about("assurance", session.assurance.as_str())
            .about("methods", methods)
            .about("upstream", session.upstream.as_ref().map(|id| id.as_str().to_owned()))
            .about("device", session.device.map(|id| id.to_string()))
            .about("address", session.address.as_str())
            .about("agent", session.agent.as_str())
            .about("expires_at", session.expires_at.to_string())
    }

    /// A session ended; `words` are what a policy said, if one did.
    pub(in super::super) fn ended(session: &Session, why: Why, words: Option<&str>) -> Event {
        of(Event::new(session.realm, "session.ended"), session.number)
            .about("session", session.id.to_string())
            .about("user", session.user.to_string())
            .about("device", session.device.map(|id| id.to_string()))
            .about("reason", why.as_str())
            .about("words", words.map(str::to_owned))
    }

    /// All sessions of a person ended.
    pub(in super::super) fn all_ended(
        realm: RealmId,
        user: UserId,
        number: SubjectId,
        (sessions, why): (usize, Why),
    ) -> Event {
        of(Event::new(realm, "session.all_ended"), number)
            .about("user", user.to_string())
            .about("sessions", sessions)
            .about("reason", why.as_str())
    }

    /// Something was taken back.
    pub(in super::super) fn revoked(
        realm: RealmId,
        what: Revocable<'_>,
        not_before: Timestamp,
    ) -> Event {
        Event::new(realm, "session.revoked")
            .about("what", what.what())
            .about("id", what.id())
            .about("not_before", not_before.to_string())
    }

    fn of(event: Event, number: SubjectId) -> Event {
        event.subject(number).subject_owner(Owner::Person(number))
    }
}

/// What this slice answers instead of what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// There is no such session, or it has ended.
    #[error("no such session")]
    NotFound,
    /// What was to become a session was finished elsewhere meanwhile.
    #[error("somebody was faster")]
    Superseded,
    /// The caller may not.
    #[error(transparent)]
    Access(#[from] access::Error),
    /// The fact could not be recorded.
    #[error(transparent)]
    Events(#[from] events::Error),
    /// Whose it is could not be read.
    #[error(transparent)]
    Accounts(#[from] Arc<accounts::Error>),
    /// A shell failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::new(Kind::NotFound, "session.not_found", "no such session"),
            Error::Superseded => Self::new(
                Kind::Conflict,
                "session.superseded",
                "this went on elsewhere meanwhile; load the page again",
            ),
            Error::Accounts(error) => match Arc::try_unwrap(error) {
                Ok(error) => error.into(),
                Err(shared) => Fault::bug(shared).into(),
            },
            Error::Access(error) => error.into(),
            Error::Events(error) => error.into(),
            Error::Fault(fault) => fault.into(),
        }
    }
}
