//! What a sign-in is asked for, how far it has come, and what the next page is made from.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::access;
use crate::accounts;
use crate::devices;
use crate::events;
use crate::kernel::{
    Assurance, Authentication, ClientId, DeviceId, Failure, Fault, Kind, Method, Timestamp,
    UpstreamId, UserId, amr_of, assurance_of,
};
use crate::sessions;
use crate::upstreams;

/// A path of this server, to which a browser may be sent: nothing in it leads to another host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnPath(String);

impl OwnPath {
    /// Reads a path with its query. `//host`, `/\host`, a scheme, a fragment and control characters are refused.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_graphic() && b != b'\\' && b != b'#';
        let path = text.starts_with('/') && !text.starts_with("//");
        let fits = path && text.len() <= PATH_BYTES_MAX && text.bytes().all(plain);
        fits.then(|| Self(text.to_owned()))
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The application that somebody signs in to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Which client.
    pub id: ClientId,
    /// What people call it.
    pub name: String,
    /// True if it may use the admin API.
    pub administration: bool,
    /// Where the browser goes in the end: the forms of these pages may lead there, through `return_to`.
    pub leads_to: String,
}

/// What is asked of a sign-in, in no protocol's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigninRequest {
    /// Where the browser goes when it is done.
    pub return_to: OwnPath,
    /// Where it goes when the person gives up, or is refused. None: there is no way back.
    pub cancel_to: Option<OwnPath>,
    /// For which application; none for our own pages.
    pub client: Option<Application>,
    /// The providers that may vouch; none: all of the realm.
    pub upstreams: Option<Vec<UpstreamId>>,
    /// How sure it must be at least.
    pub assurance: Option<Assurance>,
    /// A session from before this does not do: something must be shown again.
    pub fresh_after: Option<Timestamp>,
    /// The person is asked which account, even with a session.
    pub select_account: bool,
    /// What to have typed already.
    pub login_hint: Option<String>,
    /// Nobody else will do.
    pub expected_user: Option<UserId>,
    /// The languages wanted, best first (BCP 47).
    pub languages: Vec<String>,
}

impl SigninRequest {
    /// A sign-in after which the browser goes there, with nothing else asked.
    pub fn to(return_to: OwnPath) -> Self {
        Self {
            return_to,
            cancel_to: None,
            client: None,
            upstreams: None,
            assurance: None,
            fresh_after: None,
            select_account: false,
            login_hint: None,
            expected_user: None,
            languages: Vec::new(),
        }
    }
}

/// Who this is, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Person {
    /// Nobody has said anything.
    Nobody,
    /// Something was typed. It may lead to nobody, which no page must show.
    Claimed(Option<UserId>),
    /// They showed it.
    Proven(Shown),
}

/// What somebody showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Who.
    pub user: UserId,
    /// What.
    pub methods: BTreeSet<Method>,
    /// When the oldest of it.
    pub since: Timestamp,
    /// The provider that vouched.
    pub upstream: Option<UpstreamId>,
}

impl Shown {
    /// The level it makes.
    pub fn assurance(&self) -> Assurance {
        assurance_of(&self.methods)
    }

    /// As policies see it.
    pub(super) fn authentication(&self) -> Authentication {
        Authentication {
            at: self.since,
            assurance: self.assurance(),
            amr: amr_of(&self.methods).into_iter().map(str::to_owned).collect(),
            upstream: self.upstream.as_ref().map(|id| Arc::from(id.as_str())),
        }
    }

    /// The same, and this too.
    #[must_use]
    pub fn and(mut self, method: Method) -> Self {
        self.methods.insert(method);
        self
    }
}

/// A way to show who one is, as a person chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Way {
    /// A password.
    Password,
    /// A passkey.
    Passkey,
    /// A code of an authenticator.
    Totp,
    /// One of the codes kept for a bad day.
    RecoveryCode,
    /// A link by mail.
    Mail,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Password, Self::Passkey, Self::Totp, Self::RecoveryCode, Self::Mail];

    /// The word in forms and rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Passkey => "passkey",
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery-code",
            Self::Mail => "mail",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.as_str() == text)
    }
}

/// An identity at a provider that is nobody's here yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stranger {
    /// The provider.
    pub upstream: UpstreamId,
    /// Its issuer.
    pub issuer: String,
    /// Who they are there.
    pub subject: String,
    /// What to show of it.
    pub display: Option<String>,
    /// What people call the provider.
    pub provider: String,
    /// The account with the address that the provider verified: nobody but its holder can link it.
    pub user: UserId,
}

/// What was wrong with what was sent last; on the page until something else is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Complaint {
    /// Nothing was typed.
    Nothing,
    /// Name and password do not belong together; also for a name that nobody has.
    Password,
    /// The code is wrong.
    Code,
    /// The passkey was not accepted.
    Passkey,
    /// Too many tries.
    Limited {
        /// Try again in so many seconds.
        seconds: i64,
    },
    /// Too much to do just now.
    Busy,
    /// The new password does not keep the rules.
    NewPassword(String),
    /// The two passwords differ.
    Repeated,
    /// The provider's answer was refused, or it gave none.
    Upstream(upstreams::Group),
    /// Somebody else has this identity, or it cannot be linked.
    Link,
    /// Another person was expected.
    Other,
    /// The browser came back from its device with nothing that holds.
    Device,
}

/// How a sign-in ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// A session was opened, or the one there is does.
    Done,
    /// Policy said no; these are its words.
    Refused(String),
}

/// The first half of a passkey ceremony.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ceremony {
    /// For the browser.
    pub options: serde_json::Value,
    /// For the second half.
    pub state: Vec<u8>,
    /// Whose, and whether one is added: a ceremony begun for something else is begun anew.
    pub purpose: CeremonyOf,
    /// When it began.
    pub at: Timestamp,
}

/// What a passkey ceremony is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CeremonyOf {
    /// Anybody signs in.
    Anybody,
    /// This person shows one of theirs.
    Person(UserId),
    /// This person adds one.
    Adding(UserId),
}

/// How far a sign-in has come. Persisted, sealed, and read only by the browser that began it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// What was asked.
    pub request: SigninRequest,
    /// What was typed as a name.
    pub typed: Option<String>,
    /// Who it is.
    pub person: Person,
    /// The way the person chose.
    pub way: Option<Way>,
    /// What has happened on the way.
    pub marks: BTreeSet<Mark>,
    /// Who they are at a provider, to be linked once they showed who they are here.
    pub stranger: Option<Stranger>,
    /// The passkey ceremony that is going on.
    pub ceremony: Option<Ceremony>,
    /// What a device is asked to sign, until the browser comes back with it.
    pub challenge: Option<String>,
    /// The device that signed.
    pub device: Option<DeviceId>,
    /// What was wrong.
    pub complaint: Option<Complaint>,
    /// How it ended.
    pub end: Option<End>,
}

/// Something that has happened on the way, and counts until the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mark {
    /// The session of this browser is not to be used.
    Other,
    /// The person said to go on with the session of this browser.
    Selected,
    /// A link was sent, if there was anybody to send it to.
    Mailed,
    /// They came by a link because the password is lost: a new one must be set.
    Renew,
    /// They replaced what was lost: every session from before has ended.
    Renewed,
    /// They came by a link to add a first passkey.
    Enrol,
    /// They were offered to add a passkey, and said: not now.
    Declined,
    /// They were asked on which device they are, and go on without saying.
    Anywhere,
}

impl Mark {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Other,
        Self::Selected,
        Self::Mailed,
        Self::Renew,
        Self::Renewed,
        Self::Enrol,
        Self::Declined,
        Self::Anywhere,
    ];

    /// The word in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Selected => "selected",
            Self::Mailed => "mailed",
            Self::Renew => "renew",
            Self::Renewed => "renewed",
            Self::Enrol => "enrol",
            Self::Declined => "declined",
            Self::Anywhere => "anywhere",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mark| mark.as_str() == text)
    }
}

impl State {
    /// True if this has happened.
    pub fn is(&self, mark: Mark) -> bool {
        self.marks.contains(&mark)
    }

    /// At its beginning.
    pub fn new(request: SigninRequest) -> Self {
        Self {
            typed: request.login_hint.clone(),
            request,
            person: Person::Nobody,
            way: None,
            marks: BTreeSet::new(),
            stranger: None,
            ceremony: None,
            challenge: None,
            device: None,
            complaint: None,
            end: None,
        }
    }
}

/// What somebody has to show who they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a thing that a person has or has not")]
pub struct Has {
    /// A password.
    pub password: bool,
    /// A passkey.
    pub passkey: bool,
    /// A passkey in hardware.
    pub hardware: bool,
    /// An authenticator of one-time passwords.
    pub totp: bool,
    /// Recovery codes.
    pub codes: bool,
}

/// What policy says of what was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Permit,
    /// Something stronger would do.
    StepUp(String),
    /// No.
    Deny(String),
}

/// The session of this browser, as far as the next step needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// What was shown for it.
    pub shown: Shown,
    /// When something was last shown for it.
    pub signed_in_at: Timestamp,
    /// What was shown for it can still be one of two factors.
    pub recent: bool,
    /// The device it hangs off.
    pub device: Option<DeviceId>,
}

/// What is so, beside what was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The session of this browser.
    pub session: Option<Present>,
    /// What the person has who showed something; nothing before.
    pub has: Has,
    /// What policy says of what was shown; nothing before.
    pub verdict: Option<Verdict>,
    /// They have a device to show here, or could with one where policy says no.
    pub devices: bool,
    /// They asked, at an earlier sign-in, to be offered a passkey no more.
    pub declined: bool,
}

/// What this slice answers instead of what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such sign-in, it has ended, or another browser began it.
    #[error("no such sign-in")]
    NotFound,
    /// Somebody was faster: the same browser in another tab.
    #[error("the sign-in went on in another tab")]
    Moved,
    /// Policy says no.
    #[error(transparent)]
    Access(#[from] access::Error),
    /// A device could not be asked about.
    #[error(transparent)]
    Devices(#[from] devices::Error),
    /// The account could not be read or changed.
    #[error(transparent)]
    Accounts(#[from] accounts::Error),
    /// The other provider could not be asked, or what it says does not hold.
    #[error(transparent)]
    Upstreams(#[from] upstreams::Error),
    /// The session could not be opened.
    #[error(transparent)]
    Sessions(#[from] sessions::Error),
    /// The fact could not be recorded.
    #[error(transparent)]
    Events(#[from] events::Error),
    /// A shell failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::new(
                Kind::NotFound,
                "signin.not_found",
                "this sign-in has ended or was begun in another browser; begin again from the application",
            ),
            Error::Moved => Self::new(
                Kind::Conflict,
                "signin.moved",
                "this sign-in went on in another tab; load the page again",
            ),
            Error::Access(error) => error.into(),
            Error::Devices(error) => error.into(),
            Error::Accounts(error) => error.into(),
            Error::Upstreams(error) => error.into(),
            Error::Sessions(error) => error.into(),
            Error::Events(error) => error.into(),
            Error::Fault(fault) => fault.into(),
        }
    }
}

/// An authorization request that is kept has a short path; a whole one fits.
const PATH_BYTES_MAX: usize = 2048;
