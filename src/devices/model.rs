//! Devices and the tokens they enrol with: types, states, actions and errors.

use crate::access::{self, Action, Administrator, Request};
use crate::crypto::x509::VerifiedSvid;
use crate::kernel::{
    DeviceId, DeviceTokenId, Evidence, EvidenceSource, Failure, Fault, Kind, Lifetime, Secret,
    Situation, SpiffeId, Strength, Subject, SubjectId, SubjectKind, Timestamp, UserId,
};

/// The change kind of a device's row; its key is the device's id.
pub const DEVICE: &str = "device";

/// A device that has enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its id, the last segment of its SPIFFE ID.
    pub id: DeviceId,
    /// Its number in event headers.
    pub number: SubjectId,
    /// `spiffe://<trust domain>/device/<id>`.
    pub spiffe_id: SpiffeId,
    /// What it calls itself.
    pub name: String,
    /// What it says it runs: `linux`.
    pub platform: String,
    /// What sort of machine its token, or its owner, said it is.
    pub class: Class,
    /// The profile of the posture model that its token named.
    pub profile: Option<String>,
    /// The person it belongs to.
    pub owner: Option<UserId>,
    /// Whether it may call.
    pub state: State,
    /// SHA-256 of the key that its owner asked to enrol with, until there is an SVID for it.
    pub asked_key: Option<[u8; 32]>,
    /// The newest SVID that it used, or was given when it enrolled. Nothing for a machine that only reports, by an agent of
    /// another make, and for one that has not come for its first yet: nobody calls as it, signs in on it or renews by it.
    pub current: Option<DeviceSvid>,
    /// The serial number that this one replaced; empty after an enrolment.
    pub previous: String,
    /// The SVID that was given for the current one last, until it is used.
    pub next: Option<DeviceSvid>,
    /// How it was known, oldest first; the newest [`EVIDENCE_MAX`].
    pub evidence: Vec<KnownBy>,
    /// When its enrolment is too old to renew by possession.
    pub evidence_expires: Timestamp,
    /// When it enrolled.
    pub created_at: Timestamp,
    /// Counts the changes an administrator made; the entity tag.
    pub revision: i64,
}

/// Whether a device may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Not yet: its owner asked for it, and an administrator has to approve.
    Waiting,
    /// It may.
    Enrolled,
    /// Not until it is released.
    Locked {
        /// Why, as an administrator said.
        reason: String,
    },
    /// Never again.
    Retired {
        /// Why, as an administrator said.
        reason: String,
    },
}

impl State {
    /// The name in rows and on the wire.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Enrolled => "enrolled",
            Self::Locked { .. } => "locked",
            Self::Retired { .. } => "retired",
        }
    }

    /// Why, if an administrator said so.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Waiting | Self::Enrolled => None,
            Self::Locked { reason } | Self::Retired { reason } => Some(reason),
        }
    }

    /// Fails where the device may not call.
    pub const fn check(&self) -> Result<(), Error> {
        match self {
            Self::Enrolled => Ok(()),
            Self::Waiting => Err(Error::Refused(Refusal::Waiting)),
            Self::Locked { .. } => Err(Error::Refused(Refusal::Locked)),
            Self::Retired { .. } => Err(Error::Refused(Refusal::Retired)),
        }
    }
}

/// What sort of machine a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Carried around.
    Laptop,
    /// Stands on a desk.
    Desktop,
    /// Has nobody before it.
    Server,
    /// Anything else, and where nothing was said.
    Other,
}

impl Class {
    const ALL: [Self; 4] = [Self::Laptop, Self::Desktop, Self::Server, Self::Other];

    /// The name in rows and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Laptop => "laptop",
            Self::Desktop => "desktop",
            Self::Server => "server",
            Self::Other => "other",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }
}

/// An SVID of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceSvid {
    /// Its serial number, lower-case hexadecimal.
    pub serial: String,
    /// SHA-256 of its public key.
    pub key_digest: [u8; 32],
    /// When it was issued, in whole seconds.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
}

/// Evidence of one sort, and when it was seen first and last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownBy {
    /// Where it came from.
    pub source: EvidenceSource,
    /// How hard it was to forge.
    pub strength: Strength,
    /// Seen first.
    pub first: Timestamp,
    /// Seen last.
    pub last: Timestamp,
}

/// How many of them are kept of one device.
pub const EVIDENCE_MAX: usize = 8;

impl Device {
    /// The serial number of the SVID that it holds; empty where it holds none.
    pub fn serial(&self) -> &str {
        self.current.as_ref().map_or("", |current| current.serial.as_str())
    }

    /// True if its owner asked to enrol with this key, or it has, or gets, an SVID for it.
    pub fn has_key(&self, digest: &[u8; 32]) -> bool {
        let of = |svid: &Option<DeviceSvid>| {
            svid.as_ref().is_some_and(|svid| svid.key_digest == *digest)
        };
        self.asked_key.as_ref() == Some(digest) || of(&self.current) || of(&self.next)
    }

    /// True if this is the SVID that it holds.
    pub fn holds(&self, serial: &str) -> bool {
        self.current.as_ref().is_some_and(|current| current.serial == serial)
    }

    /// This device as the subject of evidence and events.
    pub fn subject(&self) -> Subject {
        subject(&self.spiffe_id, self.number)
    }

    /// Possession of the SVID it holds, for as long as its enrolment is good for.
    pub fn possession(&self, now: Timestamp) -> Evidence {
        Evidence {
            subject: self.subject(),
            source: EvidenceSource::Possession,
            strength: Strength::Software,
            at: now,
            expires: self.evidence_expires,
            device: Some(self.id),
            situation: Situation::default(),
        }
    }

    /// Adds evidence to the history. Of one sort in a row there is one line; of more than are kept the oldest goes.
    pub fn note(&mut self, evidence: &Evidence) {
        let (source, strength, at) = (evidence.source, evidence.strength, evidence.at);
        match self.evidence.last_mut() {
            Some(last) if last.source == source && last.strength == strength => last.last = at,
            _ => self.evidence.push(KnownBy { source, strength, first: at, last: at }),
        }
        let over = self.evidence.len().saturating_sub(EVIDENCE_MAX);
        self.evidence.drain(..over);
    }
}

/// A device as the subject of evidence and events.
pub(super) fn subject(id: &SpiffeId, number: SubjectId) -> Subject {
    Subject { kind: SubjectKind::Device, id: id.clone(), number }
}

/// What a certificate that a device showed says, after its chain was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Whom it names.
    pub id: SpiffeId,
    /// Its serial number, lower-case hexadecimal.
    pub serial: String,
}

impl Shown {
    /// As the listener read it.
    pub fn of(svid: &VerifiedSvid) -> Self {
        Self { id: svid.id.clone(), serial: svid.serial.clone() }
    }
}

/// A token that devices enrol with, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceToken {
    /// Its public id.
    pub id: DeviceTokenId,
    /// How many devices may use it.
    pub uses_max: i64,
    /// How many have.
    pub uses: i64,
    /// What its devices are.
    pub grant: Grant,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// Taken back by an administrator.
    pub revoked: bool,
}

/// What a token says of the devices that enrol with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What sort of machines they are.
    pub class: Class,
    /// The profile of the posture model that is for them.
    pub profile: Option<String>,
    /// The person they belong to.
    pub owner: Option<UserId>,
    /// The device that is there already for which an agent of another make may speak; nobody enrols as another with it.
    pub device: Option<DeviceId>,
}

/// A token just made: the only time that its secret is in clear.
#[derive(Debug)]
pub struct NewDeviceToken {
    /// What is stored.
    pub token: DeviceToken,
    /// What a device sends.
    pub secret: Secret<String>,
}

/// What an administrator asks for in a new token.
#[derive(Debug, Clone)]
pub struct TokenWish {
    /// Whoever asks.
    pub by: Administrator,
    /// The id, if the client chose it.
    pub id: Option<DeviceTokenId>,
    /// How many devices may use it.
    pub uses_max: i64,
    /// How long it is good for.
    pub lifetime: Lifetime,
    /// What its devices are.
    pub grant: Grant,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident on $resource:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name {
            /// Whoever asks.
            pub by: Administrator,
            /// About which, as text; `all` for a listing, `new` for one to be made.
            pub id: String,
            /// The SPIFFE ID of the device it is about.
            pub device: Option<SpiffeId>,
        }

        impl Action for $name {
            const NAME: &'static str = stringify!($name);

            fn request(&self) -> Request<'_> {
                self.by.request(($resource, &self.id), self.device.as_ref())
            }
        }
    )*};
}

actions! {
    /// Look at devices.
    ReadDevice on "Device";
    /// Let a device in that its owner asked for.
    ApproveDevice on "Device";
    /// Lock a device, or release it.
    LockDevice on "Device";
    /// Put a device out for good.
    RetireDevice on "Device";
    /// Make a token that devices enrol with.
    CreateDeviceToken on "DeviceToken";
    /// Look at such tokens.
    ReadDeviceToken on "DeviceToken";
    /// Take such a token back.
    RevokeDeviceToken on "DeviceToken";
}

/// The facts of this slice.
pub mod events {
    use super::{Device, DeviceToken};
    use crate::events::{Event, Owner};
    use crate::kernel::{RealmId, SubjectId};

    /// Something happened to a device: it enrolled, used a new SVID, was locked, released, retired.
    pub fn device(realm: RealmId, kind: &'static str, device: &Device) -> Event {
        Event::new(realm, kind)
            .subject(device.number)
            .about("device", device.id.to_string())
            .about("spiffe_id", device.spiffe_id.as_str())
            .about("serial", device.serial())
    }

    /// A person brought a device: it stands in their history.
    pub fn asked_for(realm: RealmId, device: &Device, person: Option<SubjectId>) -> Event {
        let event = Event::new(realm, "device.asked_for")
            .actor(person)
            .about("device", device.id.to_string())
            .about("name", device.name.as_str())
            .about("state", device.state.as_str());
        match person {
            Some(number) => event.subject(number).subject_owner(Owner::Person(number)),
            None => event,
        }
    }

    /// A device was not let in.
    pub fn refused(realm: RealmId, reason: &str) -> Event {
        Event::new(realm, "device.enrolment_refused").about("reason", reason)
    }

    /// An SVID that was already replaced asked for a renewal, or two keys were asked for with one SVID: the device's key is
    /// in two hands.
    pub fn clone_suspected(realm: RealmId, device: &Device, serial: &str) -> Event {
        self::device(realm, "device.clone_suspected", device).about("shown", serial)
    }

    /// A token was made, or taken back.
    pub fn token(
        realm: RealmId,
        kind: &'static str,
        token: &DeviceToken,
        by: Option<SubjectId>,
    ) -> Event {
        Event::new(realm, kind)
            .actor(by)
            .about("token_id", token.id.to_string())
            .about("uses", token.uses_max)
            .about("expires_at", token.expires.to_string())
    }
}

/// Why a device is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// We do not know it.
    NotEnrolled,
    /// Nobody has approved it yet.
    Waiting,
    /// It is locked.
    Locked,
    /// It was put out for good.
    Retired,
    /// Its SVID was replaced by a newer one.
    Superseded,
    /// Its enrolment is too old.
    MustEnrol,
}

impl Refusal {
    /// In words, for whoever looks after the device.
    pub const fn public(self) -> &'static str {
        match self {
            Self::NotEnrolled => "this device is not enrolled here",
            Self::Waiting => {
                "this device waits for approval; an administrator can approve or retire it"
            }
            Self::Locked => "this device is locked; an administrator can release it",
            Self::Retired => "this device was retired; it does not come back under this id",
            Self::Superseded => "this SVID was replaced by a newer one of the same device",
            Self::MustEnrol => "this device's enrolment is too old: enrol it again",
        }
    }

    /// The code of the problem.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotEnrolled => "device.not_enrolled",
            Self::Waiting => "device.waiting",
            Self::Locked => "device.locked",
            Self::Retired => "device.retired",
            Self::Superseded => "device.superseded",
            Self::MustEnrol => "device.must_enrol",
        }
    }
}

/// What this slice answers instead of what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The device is not let in.
    #[error("device refused: {}", .0.public())]
    Refused(Refusal),
    /// Whoever calls shows no SVID of a device.
    #[error("a device's SVID is needed for this call")]
    NoSvid,
    /// The token lets nobody in.
    #[error("the token is unknown, used up, expired or revoked")]
    Token,
    /// The certificate signing request is not acceptable.
    #[error("certificate signing request refused: {0}")]
    Csr(String),
    /// What a device answered through a browser does not hold.
    #[error("the device's proof does not hold: {0}")]
    Proof(String),
    /// This person has as many devices as a person may have.
    #[error("a person may have {0} devices, and this one has as many")]
    Enough(u32),
    /// This address tries to enrol too often.
    #[error("too many enrolments from one address; wait {0}")]
    TooOften(Lifetime),
    /// What was asked for is outside its bounds.
    #[error("bad request: {0}")]
    Invalid(String),
    /// No such device, token or person.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// It exists already.
    #[error("this device token id is taken")]
    Exists,
    /// It is not as the caller saw it.
    #[error("the device changed meanwhile")]
    Changed,
    /// Policy says no.
    #[error(transparent)]
    Access(#[from] access::Error),
    /// The desk did not sign.
    #[error(transparent)]
    Svid(#[from] crate::svid::Error),
    /// The fact could not be recorded.
    #[error(transparent)]
    Events(#[from] crate::events::Error),
    /// A shell failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => Self::new(Kind::Denied, refusal.code(), refusal.public()),
            Error::NoSvid => {
                let words = "a device's own X.509-SVID is needed for this call";
                Self::new(Kind::Unauthenticated, "device.no_svid", words)
            }
            Error::Token => {
                let words = "the token is unknown, used up, expired or revoked; ask an administrator for a new one";
                Self::new(Kind::Denied, "device.token", words)
            }
            Error::Csr(reason) => Self::new(Kind::Invalid, "device.csr", reason),
            Error::Proof(reason) => Self::new(Kind::Denied, "device.proof", reason),
            Error::Enough(0) => {
                let words = "devices enrol by token alone here; ask an administrator for one";
                Self::new(Kind::Denied, "device.by_token_alone", words)
            }
            Error::Enough(most) => {
                let words = format!(
                    "you have {most} devices, as many as a person may have here; retire one on your account's page, or ask an administrator"
                );
                Self::new(Kind::Denied, "device.enough", words)
            }
            Error::TooOften(wait) => Self::new(
                Kind::Limited,
                "device.too_often",
                format!("too many enrolments from this address; try again in {wait}"),
            ),
            Error::Invalid(reason) => Self::new(Kind::Invalid, "devices.invalid", reason),
            Error::NotFound(what) => {
                Self::new(Kind::NotFound, "devices.not_found", format!("no such {what}"))
            }
            Error::Exists => {
                let words = "a device token with this id exists already";
                Self::new(Kind::Conflict, "devices.exists", words)
            }
            Error::Changed => {
                let words = "the entity tag does not match: read it again, and decide anew";
                Self::new(Kind::Conflict, "devices.changed", words)
            }
            Error::Access(error) => error.into(),
            Error::Svid(error) => error.into(),
            Error::Events(error) => error.into(),
            Error::Fault(fault) => fault.into(),
        }
    }
}
