//! A person's X.509-SVID and JWT-SVID: identify → assess → decide → issue → record.
//!
//! The session is read from the database each time: it is what bounds the life of what is issued, and a person renews a few times
//! a day.

use std::sync::Arc;

use super::PersonSvids;
use super::know_person::{Person, refused};
use crate::crypto::x509::csr;
use crate::kernel::{
    Assurance, Authentication, Evidence, EvidenceSource, Failure, Kind, Lifetime, Standing,
    Strength, Subject, SubjectKind, Timestamp,
};
use crate::realms::Realm;
use crate::sessions::Session;
use crate::svid::{IssueJwtSvid, IssueX509, JwtSvid, X509Svid};

/// An X.509-SVID that a person asks for.
#[derive(Debug, Clone)]
pub struct X509SvidAsk {
    /// A signing request in DER; nothing but its key is used.
    pub csr: Vec<u8>,
    /// How long it is asked to live; nothing: as long as may be.
    pub lifetime: Option<Lifetime>,
}

/// An X.509-SVID that a person got.
#[derive(Debug)]
pub struct PersonX509 {
    /// The SVID.
    pub svid: X509Svid,
    /// When the session that it hangs off ends, at the latest.
    pub session_expires_at: Timestamp,
}

/// A JWT-SVID that a person asks for.
#[derive(Debug, Clone)]
pub struct JwtSvidAsk {
    /// For whom it is.
    pub audience: Vec<String>,
    /// How long it is asked to live; nothing: five minutes.
    pub lifetime: Option<Lifetime>,
}

impl PersonSvids {
    /// An X.509-SVID for the key of this request.
    ///
    /// Fails with kind `Unauthenticated` for the token, `Denied` for its scope or by policy, `Invalid` for the request.
    pub async fn issue_x509(
        &self,
        realm: &Realm,
        token: &str,
        ask: X509SvidAsk,
    ) -> Result<PersonX509, Failure> {
        let evidence = self.evidence(realm, token).await?; // identify
        let session_expires_at = evidence.expires;
        let key = csr::public_key(&ask.csr).map_err(|error| {
            Failure::new(Kind::Invalid, "svid.csr", format!("the signing request: {error}"))
        })?;
        let standing = self.below.posture.standing(&evidence); // assess
        let requester = Some(evidence.subject.clone());
        let permit = self.below.access.permit(IssueX509 {
            realm: realm.id,
            evidence,
            standing,
            dns_names: Arc::from([]),
            lifetime: ask.lifetime.unwrap_or(LONGEST),
            entry: None,
            requester,
        })?; // decide: carries ceiling and policy version
        let now = self.env.clock.now();
        let signed = self.below.svid.sign_x509(permit, &key, now)?; // issue: Unrecorded<X509Svid>
        let svid = self.below.events.record(signed).await?; // record: the only way to the X509Svid
        Ok(PersonX509 { svid, session_expires_at })
    }

    /// A JWT-SVID for these audiences. Fails like `issue_x509`.
    pub async fn issue_jwt(
        &self,
        realm: &Realm,
        token: &str,
        ask: JwtSvidAsk,
    ) -> Result<JwtSvid, Failure> {
        let evidence = self.evidence(realm, token).await?; // identify
        let standing = self.below.posture.standing(&evidence); // assess
        let requester = Some(evidence.subject.clone());
        let permit = self.below.access.permit(IssueJwtSvid {
            realm: realm.id,
            evidence,
            standing,
            audience: ask.audience,
            lifetime: ask.lifetime.unwrap_or(JWT_LIFE),
            entry: None,
            requester,
            with_jti: true,
        })?; // decide: carries ceiling and policy version
        let signed = self.below.svid.sign_jwt(permit, self.env.clock.now())?; // issue: Unrecorded<JwtSvid>
        Ok(self.below.events.record(signed).await?) // record: the only way to the JwtSvid
    }

    async fn evidence(&self, realm: &Realm, token: &str) -> Result<Evidence, Failure> {
        let person = self.scoped(realm, token).await?;
        self.behind(realm, &person).await
    }

    /// The person of this token, who let the program that shows it act for them here.
    pub(super) async fn scoped(&self, realm: &Realm, token: &str) -> Result<Person, Failure> {
        let person = self.person(realm, token, realm.issuer.as_str()).await?;
        if !person.token.scopes.iter().any(|scope| scope == SCOPE) {
            let words = "the access token has not the scope `svid`";
            return Err(Failure::new(Kind::Denied, "token.scope", words));
        }
        Ok(person)
    }

    /// What is known of the sign-in behind this person's token, and of the device that it was bound to.
    pub async fn standing(
        &self,
        realm: &Realm,
        person: &Person,
    ) -> Result<(Standing, Authentication), Failure> {
        let session = self.session_of(realm, person).await?;
        let standing = self.below.posture.standing(&evidence_of(person, &session));
        Ok((standing, session.authentication()))
    }

    async fn behind(&self, realm: &Realm, person: &Person) -> Result<Evidence, Failure> {
        let session = self.session_of(realm, person).await?;
        Ok(evidence_of(person, &session))
    }

    /// The session behind this person's token, which lives.
    pub(super) async fn session_of(
        &self,
        realm: &Realm,
        person: &Person,
    ) -> Result<Arc<Session>, Failure> {
        let session = self.below.sessions.by_id(realm.id, person.session).await?;
        let session = session.filter(|session| session.user == person.user.id);
        session.ok_or_else(|| refused("its session has ended"))
    }
}

/// What is known: a token that hangs off this sign-in, for as long as the session lives.
pub(super) fn evidence_of(person: &Person, session: &Session) -> Evidence {
    Evidence {
        subject: Subject {
            kind: SubjectKind::User,
            id: person.id.clone(),
            number: person.user.number,
        },
        source: EvidenceSource::Token,
        strength: match session.assurance {
            Assurance::Aal3 => Strength::Hardware,
            Assurance::Aal1 | Assurance::Aal2 => Strength::Software,
        },
        at: session.signed_in_at,
        expires: session.expires_at,
        device: person.device,
        situation: session.situation(),
    }
}

/// What a client must have been granted to act for a person here.
const SCOPE: &str = "svid";
/// The policy's ceiling and the session decide.
const LONGEST: Lifetime = Lifetime::days(1);
/// As that of a workload's: it can be carried away without a key.
const JWT_LIFE: Lifetime = Lifetime::minutes(5);
