//! People: who they are, what they sign in with, and why something was refused.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::attributes::AttributeName;
use super::identifiers::Identifier;
use crate::access::{self, Asker};
use crate::crypto::password::PasswordError;
use crate::events;
use crate::kernel::{
    Failure, Fault, Granted, Kind, Lifetime, Method, PasskeyId, Secret, SpiffeId, SubjectId,
    Timestamp, TrustDomain, UpstreamId, UserId,
};

/// A person, as everybody below the pages sees them. Credentials are not in it, only which there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The id, also on the wire.
    pub id: UserId,
    /// The opaque number in event headers.
    pub number: SubjectId,
    /// The last segment of the SPIFFE ID.
    pub handle: Handle,
    /// Whether they may sign in.
    pub state: UserState,
    /// The language of pages and mail, if they chose one (BCP 47).
    pub language: Option<String>,
    /// What may be typed to say who one is.
    pub identifiers: Vec<Identifier>,
    /// Standard claims, with their proofs.
    pub attributes: BTreeMap<AttributeName, Attribute>,
    /// The groups they are in, sorted.
    pub groups: Vec<String>,
    /// What they can sign in with.
    pub factors: Factors,
    /// When they asked to be offered a passkey no more. Nothing: they may be offered one. Adding a passkey empties it.
    pub passkey_declined_at: Option<Timestamp>,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When something was changed last.
    pub updated_at: Timestamp,
    /// The number of the last change: the entity tag.
    pub revision: i64,
}

impl User {
    /// `spiffe://<trust domain>/user/<handle>`.
    pub fn spiffe_id(&self, home: &TrustDomain) -> Result<SpiffeId, Fault> {
        SpiffeId::parse(&format!("spiffe://{home}/user/{}", self.handle)).map_err(Fault::bug)
    }

    /// True if they may sign in.
    pub fn is_active(&self) -> bool {
        self.state == UserState::Active
    }

    /// A claim's value.
    pub fn attribute(&self, name: AttributeName) -> Option<&str> {
        self.attributes.get(&name).map(|attribute| attribute.value.as_str())
    }

    /// The address that mail goes to, only if it was proven.
    pub fn verified_email(&self) -> Option<&str> {
        let email = self.attributes.get(&AttributeName::Email)?;
        email.proof.is_some().then_some(email.value.as_str())
    }

    /// The name they type, if they have one.
    pub fn username(&self) -> Option<&str> {
        self.identifiers.iter().find_map(|identifier| match identifier {
            Identifier::Username(name) => Some(name.as_ref()),
            Identifier::Email(_) | Identifier::Phone(_) => None,
        })
    }

    /// What to call them on a page: the name, else what they type, else the handle.
    pub fn display_name(&self) -> &str {
        self.attribute(AttributeName::Name)
            .or_else(|| self.username())
            .or_else(|| self.attribute(AttributeName::Email))
            .unwrap_or_else(|| self.handle.as_str())
    }
}

/// Whether somebody may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserState {
    /// They may.
    Active,
    /// They may not, until an administrator says otherwise.
    Locked,
}

impl UserState {
    /// The name in rows and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Locked => "locked",
        }
    }

    /// Reads the name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Locked].into_iter().find(|state| state.as_str() == text)
    }
}

/// The last segment of a person's SPIFFE ID. Fixed for ever: credentials out there say it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle(Arc<str>);

impl Handle {
    /// Reads a choice: 1 to 64 of a-z, 0-9, `.`, `-`, `_`, with a letter or digit first. Lower case only, so that no two look
    /// alike.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let allowed =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_');
        let starts = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        if !starts || text.len() > HANDLE_BYTES_MAX || !text.bytes().all(allowed) {
            return Err(Error::invalid(
                "handle",
                "1 to 64 of a-z, 0-9, `.`, `-`, `_`, beginning with a letter or digit",
            ));
        }
        Ok(Self(Arc::from(text)))
    }

    /// The one for whoever chose none: it says nothing about them.
    pub fn of_id(id: UserId) -> Self {
        Self(Arc::from(id.uuid().simple().to_string()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A claim's value, and its proof where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The value.
    pub value: String,
    /// By whom, how and when it was shown to be true.
    pub proof: Option<Proof>,
}

/// How a claim was shown to be true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// How.
    pub how: ProofKind,
    /// By whom: an administrator's id, an upstream's, or the server's own mail.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// The ways to show that a claim is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProofKind {
    /// Whoever reads mail at the address gave back what was sent to it.
    Mail,
    /// An administrator says so.
    Administrator,
    /// An upstream provider that is trusted in it says so.
    Upstream,
}

impl ProofKind {
    /// The name in rows and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Administrator => "administrator",
            Self::Upstream => "upstream",
        }
    }

    /// Reads the name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Mail, Self::Administrator, Self::Upstream]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// What somebody can sign in with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Factors {
    /// A password.
    pub password: bool,
    /// A confirmed authenticator of one-time passwords.
    pub totp: bool,
    /// Recovery codes that are left.
    pub recovery_codes: u32,
    /// Passkeys, of every sort.
    pub passkeys: u32,
    /// Of these, the ones bound to one piece of hardware.
    pub hardware_passkeys: u32,
    /// Linked identities at other providers.
    pub external: u32,
}

impl Factors {
    /// True if something is left that begins a sign-in: a second factor alone begins none.
    pub fn can_sign_in(&self) -> bool {
        self.password || self.passkeys > 0 || self.external > 0
    }

    /// True if they can show two factors: whoever can is asked for both before anything changes that they sign in with.
    pub fn shows_two(&self) -> bool {
        self.totp || self.passkeys > 0
    }

    /// True if there is a second factor beside a password.
    pub fn has_second(&self) -> bool {
        self.totp || self.recovery_codes > 0
    }
}

/// A person to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewUser {
    /// The id, if the client chose one.
    pub id: Option<UserId>,
    /// The handle; the id's digits if none.
    pub handle: Option<Handle>,
    /// The language of pages and mail.
    pub language: Option<String>,
    /// What may be typed to say who one is. Nobody else may have any of these.
    pub identifiers: Vec<Identifier>,
    /// Standard claims.
    pub attributes: BTreeMap<AttributeName, Attribute>,
    /// The groups they are in from the start; each must exist.
    pub groups: Vec<String>,
}

/// What is to be different about a person; what is not said stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserChange {
    /// Another language, or none.
    pub language: Option<Option<String>>,
    /// Another name to type, or none.
    pub username: Option<Option<Identifier>>,
    /// Claims to set, or (none) to remove. A changed address loses its proof, and can no longer be typed.
    pub attributes: BTreeMap<AttributeName, Option<Attribute>>,
}

/// Who somebody is at another provider: never an e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExternalId {
    /// Our name of that provider.
    pub upstream: UpstreamId,
    /// Its issuer.
    pub issuer: String,
    /// The subject it gave.
    pub subject: String,
}

/// A linked identity at another provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalIdentity {
    /// Who they are there.
    pub id: ExternalId,
    /// What to show them: an address or name there.
    pub display: Option<String>,
    /// Since when.
    pub linked_at: Timestamp,
    /// Last used.
    pub used_at: Option<Timestamp>,
}

/// Whoever wants to sign in, as far as it is known before the first proof.
#[derive(Debug, Clone, Copy)]
pub struct Claimed<'a> {
    /// The person found under what was typed; none if there is none, which nobody must notice.
    pub user: Option<UserId>,
    /// What was typed, or the user's id where a session says who it is.
    pub typed: &'a str,
}

/// What became of something that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// It is theirs.
    Yes(Method),
    /// It is not, or nobody is there.
    No,
    /// Too many tries: nothing was looked at.
    Limited {
        /// When to try again.
        retry_after: Lifetime,
    },
}

/// What became of a passkey that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasskeyChecked {
    /// It is this person's.
    Yes {
        /// Whose.
        user: UserId,
        /// Which sort.
        method: Method,
        /// Which.
        passkey: PasskeyId,
    },
    /// It is nobody's, or not what was asked for.
    No,
    /// Too many tries: nothing was looked at.
    Limited {
        /// When to try again.
        retry_after: Lifetime,
    },
}

/// The first half of a passkey ceremony.
#[derive(Debug, Clone)]
pub struct PasskeyChallenge {
    /// For the browser: the argument of `navigator.credentials.create` or `.get`, with base64url for bytes.
    pub options: serde_json::Value,
    /// For the second half: opaque, sealed, good for five minutes. Whoever keeps it must use it once.
    pub state: Vec<u8>,
}

/// A passkey, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    /// Its id here.
    pub id: PasskeyId,
    /// What its owner calls it.
    pub name: String,
    /// The model of the authenticator, as it says itself; nothing from one that does not tell.
    pub aaguid: Option<String>,
    /// True if it may be on several devices.
    pub synced: bool,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was used last.
    pub used_at: Option<Timestamp>,
}

/// A secret for an authenticator of one-time passwords, shown once and good after `confirm_totp`.
#[derive(Debug)]
pub struct TotpEnrolment {
    /// In base32, to be typed.
    pub secret: Secret<String>,
    /// As an `otpauth:` address, to be read from a picture.
    pub uri: Secret<String>,
}

/// What a token that was sent or printed is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProofPurpose {
    /// Shows that its reader gets the mail of an address.
    VerifyAddress,
    /// Lets its reader in without the password.
    Recover,
    /// Lets a new person add their first passkey.
    Enrol,
    /// Takes the link to an identity at another provider back: "this was not me".
    Unlink,
    /// Puts the address it was sent to in the place of the one there is.
    ChangeAddress,
}

impl ProofPurpose {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::VerifyAddress, Self::Recover, Self::Enrol, Self::Unlink, Self::ChangeAddress];

    /// The name in rows and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyAddress => "verify_address",
            Self::Recover => "recover",
            Self::Enrol => "enrol",
            Self::Unlink => "unlink",
            Self::ChangeAddress => "change_address",
        }
    }

    /// Reads the name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }

    /// How long a token is good for.
    pub const fn lifetime(self) -> Lifetime {
        match self {
            Self::VerifyAddress | Self::ChangeAddress => Lifetime::days(1),
            Self::Recover => Lifetime::minutes(20),
            Self::Enrol => Lifetime::hours(1),
            // It only takes away, and people read the mail of a week on one day.
            Self::Unlink => Lifetime::days(7),
        }
    }
}

/// What a token says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofToken {
    /// Whose.
    pub user: UserId,
    /// For what.
    pub purpose: ProofPurpose,
    /// The address it was sent to.
    pub address: Option<String>,
    /// What its maker bound it to.
    pub bound_to: Option<Vec<u8>>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Who changes a person.
#[derive(Debug, Clone)]
pub enum By {
    /// They themselves.
    Themselves,
    /// An administrator, who was permitted to.
    Administrator {
        /// By which permit.
        granted: Granted,
        /// Who.
        asker: Asker,
    },
    /// What another provider says of them.
    Upstream(UpstreamId),
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name, as tokens say it.
    pub id: String,
    /// What it is for.
    pub description: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Why something was refused. Nothing here tells a stranger whether an account exists.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller may not.
    #[error(transparent)]
    Refused(#[from] access::Error),
    /// A value that has rules does not keep them.
    #[error("`{what}`: {rule}")]
    Invalid {
        /// Which.
        what: &'static str,
        /// What would be right.
        rule: String,
    },
    /// There is none.
    #[error("there is no such {0}, or not for this caller")]
    Unknown(&'static str),
    /// Another person has it.
    #[error("the {what} is taken")]
    Taken {
        /// Handle, username, e-mail address, telephone number, passkey, identity.
        what: &'static str,
    },
    /// Somebody else changed it meanwhile.
    #[error("it was changed meanwhile")]
    Changed,
    /// It would leave nothing to sign in with.
    #[error("it is the last way to sign in: add another one first")]
    LastFactor,
    /// No way to send mail is set.
    #[error("this server sends no mail: `accounts.mail` names no transport")]
    NoMail,
    /// A token, state or code that is wrong, used, or too old.
    #[error("it is not valid, or not any more")]
    Spent,
    /// A password that is too short, too long, or known to others.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Too many tries.
    #[error("too many tries; try again in {retry_after}")]
    Limited {
        /// When.
        retry_after: Lifetime,
    },
    /// More than one person or realm can have.
    #[error("there can be at most {most} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The bound.
        most: usize,
    },
    /// Too much to do just now.
    #[error("too many passwords are being checked; try again in a moment")]
    Busy,
    /// What a browser sent of a passkey does not hold.
    #[error("the passkey was not accepted")]
    Passkey {
        /// Why, for the log.
        cause: String,
    },
    /// Storage did not take it.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Its event could not be recorded.
    #[error(transparent)]
    Unrecorded(#[from] events::Error),
}

impl Error {
    /// A value that does not keep its rule.
    pub fn invalid(what: &'static str, rule: impl Into<String>) -> Self {
        Self::Invalid { what, rule: rule.into() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (kind, code) = match &error {
            Error::Refused(inner) => return inner.clone().into(),
            Error::Fault(fault) => return fault.clone().into(),
            Error::Unrecorded(inner) => return inner.clone().into(),
            Error::Invalid { .. } => (Kind::Invalid, "account.invalid"),
            Error::Password(_) => (Kind::Invalid, "account.password"),
            Error::Unknown(_) => (Kind::NotFound, "account.not_found"),
            Error::Taken { .. } => (Kind::Conflict, "account.taken"),
            Error::Changed => (Kind::Conflict, "account.changed"),
            Error::LastFactor => (Kind::Conflict, "account.last_factor"),
            Error::NoMail => (Kind::Conflict, "account.no_mail"),
            Error::Spent => (Kind::Invalid, "account.spent"),
            Error::Passkey { .. } => (Kind::Invalid, "account.passkey"),
            Error::Limited { .. } => (Kind::Limited, "account.limited"),
            Error::TooMany { .. } => (Kind::Limited, "account.too_many"),
            Error::Busy => (Kind::Unavailable, "account.busy"),
        };
        Self::new(kind, code, error.to_string()).because(error)
    }
}

/// Longest handle: it is in every SVID.
const HANDLE_BYTES_MAX: usize = 64;
