//! Agents, join tokens and node callers: types, states, events and errors.

use std::sync::Arc;

pub use crate::access::Administrator;
use crate::access::{self, Action, Fact, Request};
use crate::events::Event;
use crate::kernel::{
    DeviceId, Evidence, EvidenceSource, Failure, Fault, JoinTokenId, Kind, Lifetime, RealmId,
    Secret, Selector, Situation, SpiffeId, Strength, Subject, SubjectId, SubjectKind, Timestamp,
};

/// The change kind of an agent's row; its key is the agent's SPIFFE ID.
pub const AGENT: &str = "agent";

/// An agent that was attested and not evicted since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Its number in event headers.
    pub number: SubjectId,
    /// `spiffe://<trust domain>/spire/agent/<attestor>/…`.
    pub id: SpiffeId,
    /// Which attestor vouched for it.
    pub attestation_type: &'static str,
    /// What the attestor found, sorted.
    pub selectors: Vec<Selector>,
    /// A second parent for entries, which its join token named.
    pub alias: Option<SpiffeId>,
    /// The newest SVID that this agent used.
    pub current: CurrentSvid,
    /// SVIDs issued before this are worth nothing: set by a ban, to its own time.
    pub not_before: Timestamp,
    /// It may not come back until the ban is lifted.
    pub banned: bool,
    /// The attestor can vouch for it again at any time, so it never renews by possession.
    pub can_reattest: bool,
    /// When it was attested last.
    pub attested_at: Timestamp,
    /// When its attestation is too old to renew by possession.
    pub evidence_expires: Timestamp,
    /// The software it says it runs; empty until it has said so.
    pub version: String,
    /// The device that its node runs on, proven by both keys.
    pub device: Option<DeviceId>,
}

/// The SVID that an agent used last, or was given by its attestation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentSvid {
    /// Its serial number, lower-case hexadecimal.
    pub serial: String,
    /// The serial number that it replaced; empty after an attestation.
    pub previous: String,
    /// When it was issued, in whole seconds: certificates know no less.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
}

impl Agent {
    /// This agent as the subject of evidence and events.
    pub fn subject(&self) -> Subject {
        Subject { kind: SubjectKind::Node, id: self.id.clone(), number: self.number }
    }

    /// The attestation behind everything this agent is given.
    pub fn evidence(&self) -> Evidence {
        Evidence {
            subject: self.subject(),
            source: EvidenceSource::NodeAttestation(self.attestation_type),
            strength: Strength::Software,
            at: self.attested_at,
            expires: self.evidence_expires,
            device: self.device,
            situation: Situation::default(),
        }
    }
}

/// What a certificate that a peer showed says, after its chain was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerSvid {
    /// Whom it names.
    pub id: SpiffeId,
    /// Its serial number, lower-case hexadecimal.
    pub serial: String,
    /// When it was issued: its first second of validity plus the fixed backdate.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
}

/// An agent that calls, verified for this request.
#[derive(Debug, Clone)]
pub struct NodeCaller {
    /// Its realm.
    pub realm: RealmId,
    /// The agent.
    pub agent: Arc<Agent>,
    /// The SVID it called with.
    pub svid: PeerSvid,
    /// Where it is.
    pub situation: Situation,
}

/// What others must know about agents at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// New, attested again, or with other selectors.
    Updated(SpiffeId),
    /// Evicted.
    Gone(SpiffeId),
    /// Banned.
    Banned(SpiffeId),
}

/// A join token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// Its public id.
    pub id: JoinTokenId,
    /// How many agents may use it.
    pub uses_max: i64,
    /// How many have.
    pub uses: i64,
    /// The selectors its agents get.
    pub selectors: Vec<Selector>,
    /// A second parent its agents get.
    pub alias: Option<SpiffeId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// Taken back by an administrator.
    pub revoked: bool,
}

/// A join token just made: the only time that its secret is in clear.
#[derive(Debug)]
pub struct NewJoinToken {
    /// What is stored.
    pub token: JoinToken,
    /// What the agent sends.
    pub secret: Secret<String>,
}

/// What an administrator asks for in a new join token.
#[derive(Debug, Clone)]
pub struct TokenWish {
    /// Whoever asks.
    pub by: Administrator,
    /// The id, if the client chose it.
    pub id: Option<JoinTokenId>,
    /// How many agents may use it.
    pub uses_max: i64,
    /// How long it is good for.
    pub lifetime: Lifetime,
    /// The selectors its agents get.
    pub selectors: Vec<Selector>,
    /// A second parent its agents get.
    pub alias: Option<SpiffeId>,
}

/// Ban an agent.
#[derive(Debug, Clone)]
pub struct BanAgent {
    /// Whoever asks.
    pub by: Administrator,
    /// Which agent.
    pub agent: SpiffeId,
}

impl Action for BanAgent {
    const NAME: &'static str = "BanAgent";

    fn request(&self) -> Request<'_> {
        self.by.request(("Agent", self.agent.as_str()), Some(&self.agent))
    }
}

/// Evict an agent.
#[derive(Debug, Clone)]
pub struct EvictAgent {
    /// Whoever asks.
    pub by: Administrator,
    /// Which agent.
    pub agent: SpiffeId,
}

impl Action for EvictAgent {
    const NAME: &'static str = "EvictAgent";

    fn request(&self) -> Request<'_> {
        self.by.request(("Agent", self.agent.as_str()), Some(&self.agent))
    }
}

/// Look at agents.
#[derive(Debug, Clone)]
pub struct ReadAgent {
    /// Whoever asks.
    pub by: Administrator,
    /// Which; none for a listing.
    pub agent: Option<SpiffeId>,
}

impl Action for ReadAgent {
    const NAME: &'static str = "ReadAgent";

    fn request(&self) -> Request<'_> {
        let id = self.agent.as_ref().map_or("all", SpiffeId::as_str);
        self.by.request(("Agent", id), self.agent.as_ref())
    }
}

/// Make a join token.
#[derive(Debug, Clone)]
pub struct CreateJoinToken(pub TokenWish);

impl Action for CreateJoinToken {
    const NAME: &'static str = "CreateJoinToken";

    fn request(&self) -> Request<'_> {
        let selectors = i64::try_from(self.0.selectors.len()).unwrap_or(i64::MAX);
        let context = vec![("selectors", Fact::Number(selectors))];
        Request { context, ..self.0.by.request(("JoinToken", "new"), self.0.alias.as_ref()) }
    }
}

/// Look at join tokens.
#[derive(Debug, Clone)]
pub struct ReadJoinToken(pub Administrator);

impl Action for ReadJoinToken {
    const NAME: &'static str = "ReadJoinToken";

    fn request(&self) -> Request<'_> {
        self.0.request(("JoinToken", "all"), None)
    }
}

/// Take a join token back.
#[derive(Debug, Clone)]
pub struct RevokeJoinToken {
    /// Whoever asks.
    pub by: Administrator,
    /// Which, as text.
    pub token: String,
}

impl Action for RevokeJoinToken {
    const NAME: &'static str = "RevokeJoinToken";

    fn request(&self) -> Request<'_> {
        self.by.request(("JoinToken", &self.token), None)
    }
}

/// The facts of this slice.
pub mod events {
    use super::{Agent, DeviceId, Event, JoinToken, RealmId, SpiffeId, SubjectId};

    /// An agent was attested; its SVID is an event of its own.
    pub fn attested(realm: RealmId, agent: &Agent) -> Event {
        let selectors: Vec<String> = agent.selectors.iter().map(ToString::to_string).collect();
        Event::new(realm, "agent.attested")
            .subject(agent.number)
            .about("spiffe_id", agent.id.as_str())
            .about("attestation_type", agent.attestation_type)
            .about("selectors", selectors)
    }

    /// An attestation was refused.
    pub fn attestation_refused(realm: RealmId, attestation_type: &str, reason: &str) -> Event {
        Event::new(realm, "agent.attestation_refused")
            .about("attestation_type", attestation_type.chars().take(64).collect::<String>())
            .about("reason", reason)
    }

    /// An agent used a renewed SVID for the first time.
    pub fn activated(realm: RealmId, agent: &Agent) -> Event {
        Event::new(realm, "agent.svid_activated")
            .subject(agent.number)
            .about("spiffe_id", agent.id.as_str())
            .about("serial", agent.current.serial.as_str())
            .about("replaces", agent.current.previous.as_str())
    }

    /// An SVID that was already replaced was used: somebody else has its key.
    pub fn clone_suspected(realm: RealmId, agent: &Agent, serial: &str) -> Event {
        Event::new(realm, "agent.clone_suspected")
            .subject(agent.number)
            .about("spiffe_id", agent.id.as_str())
            .about("serial", serial)
            .about("current", agent.current.serial.as_str())
    }

    /// An agent was banned, its ban lifted, or it was evicted.
    pub fn managed(
        realm: RealmId,
        kind: &'static str,
        agent: SubjectId,
        id: &SpiffeId,
        by: Option<SubjectId>,
    ) -> Event {
        Event::new(realm, kind).subject(agent).actor(by).about("spiffe_id", id.as_str())
    }

    /// An agent and a device proved that they are together.
    pub fn bound(realm: RealmId, agent: &Agent, device: DeviceId) -> Event {
        Event::new(realm, "agent.device_bound")
            .subject(agent.number)
            .about("spiffe_id", agent.id.as_str())
            .about("device", device.to_string())
    }

    /// A join token was made, or taken back.
    pub fn token(
        realm: RealmId,
        kind: &'static str,
        token: &JoinToken,
        by: Option<SubjectId>,
    ) -> Event {
        Event::new(realm, kind)
            .actor(by)
            .about("token_id", token.id.to_string())
            .about("uses", token.uses_max)
            .about("expires_at", token.expires.to_string())
    }
}

/// Why an agent is not let in, and what it must do (the numbers are SPIRE's, on the wire).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Its SVID has expired.
    Expired,
    /// We do not know it: attest.
    NotAttested,
    /// Its SVID was replaced by a newer one: attest.
    NotActive,
    /// It is banned: give up.
    Banned,
    /// Its attestor can vouch again, or its attestation is too old: attest.
    MustReattest,
}

impl Refusal {
    /// In words, for the agent's log.
    pub const fn public(self) -> &'static str {
        match self {
            Self::Expired => "the agent's SVID has expired: attest again",
            Self::NotAttested => "the agent is not attested here: attest",
            Self::NotActive => "the agent's SVID was replaced by a newer one: attest again",
            Self::Banned => "the agent is banned",
            Self::MustReattest => "the agent must attest again instead of renewing",
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Expired => "agent.expired",
            Self::NotAttested => "agent.not_attested",
            Self::NotActive => "agent.not_active",
            Self::Banned => "agent.banned",
            Self::MustReattest => "agent.must_reattest",
        }
    }
}

/// What this slice answers instead of what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller is no agent that may call.
    #[error("agent refused: {}", .0.public())]
    Refused(Refusal),
    /// No certificate was shown.
    #[error("no agent SVID was shown")]
    NoSvid,
    /// The attestation does not hold. The text is for the agent.
    #[error("attestation refused: {0}")]
    Attestation(&'static str),
    /// An attestor of that name is not configured.
    #[error("no attestor `{0}`")]
    UnknownAttestor(String),
    /// The agent sent something that the exchange does not have here.
    #[error("unexpected message: {0}")]
    Exchange(&'static str),
    /// What is to prove that an agent runs on a device does not.
    #[error("statement refused: {0}")]
    Statement(String),
    /// The device is not let in.
    #[error(transparent)]
    Device(#[from] crate::devices::Error),
    /// The certificate signing request is not acceptable.
    #[error("certificate signing request refused: {0}")]
    Csr(String),
    /// This address attests too often.
    #[error("too many attestations from one address; wait {0}")]
    TooOften(Lifetime),
    /// A wish of an administrator is outside its bounds.
    #[error("bad request: {0}")]
    Invalid(String),
    /// No such agent or token.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// It exists already.
    #[error("this join token id is taken")]
    Exists,
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
            Error::NoSvid => Self::new(
                Kind::Unauthenticated,
                "agent.no_svid",
                "an agent SVID is needed for this call",
            ),
            Error::Attestation(reason) => Self::new(Kind::Denied, "agent.attestation", reason),
            Error::UnknownAttestor(_) => Self::new(
                Kind::Invalid,
                "agent.attestor_unknown",
                "no attestor of this type is configured here",
            ),
            Error::Exchange(reason) => Self::new(Kind::Invalid, "agent.exchange", reason),
            Error::Statement(reason) => Self::new(Kind::Denied, "agent.statement", reason),
            Error::Device(error) => error.into(),
            Error::Csr(reason) => Self::new(Kind::Invalid, "agent.csr", reason),
            Error::TooOften(wait) => Self::new(
                Kind::Limited,
                "agent.too_often",
                format!("too many attestations from this address; try again in {wait}"),
            ),
            Error::Invalid(reason) => Self::new(Kind::Invalid, "nodes.invalid", reason),
            Error::NotFound(what) => {
                Self::new(Kind::NotFound, "nodes.not_found", format!("no such {what}"))
            }
            Error::Exists => Self::new(
                Kind::Conflict,
                "nodes.exists",
                "a join token with this id exists already",
            ),
            Error::Access(error) => error.into(),
            Error::Svid(error) => error.into(),
            Error::Events(error) => error.into(),
            Error::Fault(fault) => fault.into(),
        }
    }
}
