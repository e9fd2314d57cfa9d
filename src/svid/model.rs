//! What the desk is asked for, what it gives, its events and its errors.

use std::sync::Arc;

use crate::access::{Action, Fact, Refusal, Request};
use crate::events::{Event, Owner};
use crate::kernel::limits::{AUDIENCE_BYTES_MAX, AUDIENCES_MAX};
use crate::kernel::{
    AuthorityId, EntryId, Evidence, Failure, Fault, Kind, Lifetime, RealmId, SpiffeId, Standing,
    Subject, SubjectKind, Timestamp,
};

/// An X.509-SVID left the desk.
pub const X509_ISSUED: &str = "svid.x509_issued";
/// A JWT-SVID left the desk.
pub const JWT_ISSUED: &str = "svid.jwt_issued";
/// The desk was asked for an SVID or tokens, and policy said no.
pub const REFUSED: &str = "svid.refused";
/// The server gave itself a certificate.
pub const SERVER_ISSUED: &str = "svid.server_issued";

/// May this subject have an X.509-SVID? The ID in it is the subject's of the evidence.
#[derive(Debug, Clone)]
pub struct IssueX509 {
    /// In which realm.
    pub realm: RealmId,
    /// What is known of the subject, and until when.
    pub evidence: Evidence,
    /// What is known of its device.
    pub standing: Standing,
    /// DNS names to put in.
    pub dns_names: Arc<[Arc<str>]>,
    /// How long it is asked to live; the permit, the authority and the evidence may shorten it.
    pub lifetime: Lifetime,
    /// The registration entry behind it, if there is one.
    pub entry: Option<EntryId>,
    /// The agent that asks for a workload; the agent or device that asks for itself with the SVID it holds; the person that
    /// asks for itself; nobody at attestation and enrolment.
    pub requester: Option<Subject>,
}

/// May this subject have a JWT-SVID for these audiences?
#[derive(Debug, Clone)]
pub struct IssueJwtSvid {
    /// In which realm.
    pub realm: RealmId,
    /// What is known of the subject, and until when.
    pub evidence: Evidence,
    /// What is known of its device.
    pub standing: Standing,
    /// For whom it is.
    pub audience: Vec<String>,
    /// How long it is asked to live.
    pub lifetime: Lifetime,
    /// The registration entry behind it, if there is one.
    pub entry: Option<EntryId>,
    /// The agent that asks for a workload, or the person that asks for itself.
    pub requester: Option<Subject>,
    /// Whether to give the token a number of its own (`jti`), which makes it useless to cache.
    pub with_jti: bool,
}

/// An X.509-SVID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct X509Svid {
    /// Whom it names.
    pub id: SpiffeId,
    /// Its chain in DER, leaf first, without the root.
    pub chain: Vec<Vec<u8>>,
    /// Its serial number: lower-case hexadecimal without leading zeros.
    pub serial: String,
    /// First second of validity: the time of issue less the fixed backdate.
    pub not_before: Timestamp,
    /// Last second of validity.
    pub not_after: Timestamp,
    /// The authority that signed it.
    pub authority: AuthorityId,
}

/// A JWT-SVID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtSvid {
    /// Whom it names.
    pub id: SpiffeId,
    /// The token, in compact form.
    pub token: String,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
}

/// What bounds a life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// What was asked for.
    Asked,
    /// The permit's ceiling.
    Permit,
    /// The end of the evidence.
    Evidence,
    /// The end of the authority.
    Authority,
}

/// Why the desk gave nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// This replica has not seen its database for longer than `storage.away_max_seconds`.
    #[error("the database was last seen {away} ago: nothing is issued before it is back")]
    OutOfSight {
        /// For how long.
        away: Lifetime,
    },
    /// No authority of this realm can sign now.
    #[error("there is no active authority to sign with")]
    NoAuthority,
    /// Less than a second of life would be left.
    #[error("no time is left to issue for: bounded by the {bound:?}")]
    NoTime {
        /// By what.
        bound: Bound,
    },
    /// No audience, too many, or one that is empty or too long.
    #[error("a JWT-SVID has 1 to {AUDIENCES_MAX} audiences of 1 to {AUDIENCE_BYTES_MAX} bytes")]
    Audience,
    /// The ID has no path, or is of another trust domain than the realm's.
    #[error("`{0}` cannot be issued for in this realm")]
    Subject(SpiffeId),
    /// Tokens were asked for with claims that are the desk's to say, or two of one kind.
    #[error("tokens cannot be made like this: {0}")]
    Draft(&'static str),
    /// The desk's own output did not pass its own check.
    #[error("the desk made something it may not give out: {0}")]
    Output(&'static str),
    /// A key or the random generator failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match &error {
            Error::OutOfSight { .. } => {
                Self::new(Kind::Unavailable, "svid.out_of_sight", text.clone())
            }
            Error::NoAuthority | Error::NoTime { bound: Bound::Authority } => Self::new(
                Kind::Unavailable,
                "svid.no_authority",
                "no signing authority is active at the moment; try again",
            ),
            Error::NoTime { .. } => Self::new(
                Kind::Denied,
                "svid.no_time",
                "the evidence or the permit leaves no time to issue for",
            ),
            Error::Audience => Self::new(Kind::Invalid, "svid.audience", text),
            Error::Subject(_) => Self::new(Kind::Invalid, "svid.subject", text),
            Error::Output(_) | Error::Draft(_) => Self::new(
                Kind::Bug,
                "internal",
                "an internal error; the log of this server has the details",
            ),
            Error::Fault(fault) => return fault.clone().into(),
        }
        .because(error)
    }
}

impl IssueX509 {
    /// For an agent or device that has just shown who it is, or renews with the SVID it holds.
    pub fn for_holder(
        realm: RealmId,
        evidence: Evidence,
        standing: Standing,
        lifetime: Lifetime,
    ) -> Self {
        let requester = matches!(evidence.source, crate::kernel::EvidenceSource::Possession)
            .then(|| evidence.subject.clone());
        Self {
            realm,
            evidence,
            standing,
            dns_names: Arc::from([]),
            lifetime,
            entry: None,
            requester,
        }
    }

    fn refusal(&self) -> Event {
        let event = refused(Self::NAME, (self.realm, &self.evidence), &self.standing);
        let event = event.actor(self.requester.as_ref().map(|who| who.number));
        event.about("entry", self.entry.as_ref().map(EntryId::as_str))
    }
}

impl Action for IssueX509 {
    const NAME: &'static str = "IssueX509Svid";
    const REFUSAL: Option<Refusal<Self>> =
        Some(Refusal { subject: |ask| ask.evidence.subject.number, event: Self::refusal });

    fn request(&self) -> Request<'_> {
        request(self.realm, &self.evidence, (&self.standing, 0), self.requester.as_ref())
    }
}

impl IssueJwtSvid {
    fn refusal(&self) -> Event {
        let event = refused(Self::NAME, (self.realm, &self.evidence), &self.standing);
        let event = event.actor(self.requester.as_ref().map(|who| who.number));
        let event = event.about("entry", self.entry.as_ref().map(EntryId::as_str));
        event.about("audience", self.audience.as_slice())
    }
}

impl Action for IssueJwtSvid {
    const NAME: &'static str = "IssueJwtSvid";
    const REFUSAL: Option<Refusal<Self>> =
        Some(Refusal { subject: |ask| ask.evidence.subject.number, event: Self::refusal });

    fn request(&self) -> Request<'_> {
        let facts = (&self.standing, self.audience.len());
        request(self.realm, &self.evidence, facts, self.requester.as_ref())
    }
}

/// What somebody who asks for an SVID is to policies.
const fn kind_of(requester: &Subject) -> &'static str {
    match requester.kind {
        SubjectKind::User => "User",
        SubjectKind::Device => "Device",
        _ => "Node",
    }
}

/// Under whose key the facts about a subject are sealed: a person can be erased from them.
pub(super) const fn owner_of(subject: &Subject) -> Owner {
    match subject.kind {
        SubjectKind::User => Owner::Person(subject.number),
        _ => Owner::Realm,
    }
}

fn request<'a>(
    realm: RealmId,
    evidence: &'a Evidence,
    (standing, audiences): (&'a Standing, usize),
    requester: Option<&'a Subject>,
) -> Request<'a> {
    let subject = &evidence.subject;
    Request {
        realm,
        principal: requester.map_or(("Nobody", "nobody"), |who| (kind_of(who), who.id.as_str())),
        principal_id: requester.map(|who| &who.id),
        actor: requester.map(|who| who.number),
        resource: ("Svid", subject.id.as_str()),
        resource_id: Some(&subject.id),
        context: vec![
            ("subject", Fact::Text(subject.kind.as_str())),
            ("source", Fact::Text(evidence.source.as_str())),
            ("strength", Fact::Text(evidence.strength.as_str())),
            ("audiences", Fact::Number(i64::try_from(audiences).unwrap_or(i64::MAX))),
        ],
        standing: Some(standing),
        situation: &evidence.situation,
        evidence_expires: evidence.expires,
    }
}

/// The event of a refusal: for whom, on what evidence, on which device. `access` adds why.
pub(super) fn refused(
    action: &'static str,
    (realm, evidence): (RealmId, &Evidence),
    standing: &Standing,
) -> Event {
    let subject = &evidence.subject;
    let event = Event::new(realm, REFUSED)
        .subject(subject.number)
        .subject_owner(owner_of(subject))
        .about("action", action)
        .about("spiffe_id", subject.id.as_str())
        .about("source", evidence.source.as_str());
    event.on_device(standing)
}
