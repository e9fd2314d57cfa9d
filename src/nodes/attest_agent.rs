//! Attest an agent: identify → assess → decide → issue → record, for a machine that joins (SPIFFE checklist §5.2).
//!
//! Two halves, because an attestor may ask back: `open` judges the first message, `answer` each reply to a challenge.
//! When the attestor is satisfied, `admit` issues the agent's SVID.

use crate::crypto::keys::PublicKey;
use crate::crypto::x509::csr;
use crate::db::Tx;
use crate::events::{Changed, Unrecorded};
use crate::kernel::limits::{ATTESTATION_BYTES_MAX, BACKDATE_SECONDS};
use crate::kernel::{
    Evidence, EvidenceSource, Granted, Lifetime, RealmId, Situation, Subject, SubjectId,
    SubjectKind, Timestamp,
};
use crate::svid::{IssueX509, PlannedX509, X509Svid};

use super::attestors::{Attested, Claim, Exchange, Opening, Step};
use super::model::{AGENT, CurrentSvid, Refusal, events};
use super::{Agent, Error, Nodes, store};

/// The first message of an agent that wants to join.
#[derive(Debug)]
pub struct AttestAgent {
    /// The realm it wants to join.
    pub realm: RealmId,
    /// The attestor it chose.
    pub attestor: String,
    /// What that attestor wants to see.
    pub payload: Vec<u8>,
    /// A certificate signing request for the agent's key; nothing but the key is taken from it.
    pub csr: Vec<u8>,
    /// Where it is.
    pub situation: Situation,
}

/// An attestation under way.
#[derive(Debug)]
pub struct Attestation {
    realm: RealmId,
    attestor: &'static str,
    public_key: PublicKey,
    situation: Situation,
}

/// What the agent gets next.
#[derive(Debug)]
pub enum Progress {
    /// It must answer this.
    Challenge(Vec<u8>, Attestation, Box<dyn Exchange>),
    /// It is in.
    Admitted {
        /// Its SVID.
        svid: X509Svid,
        /// It can attest again at any time instead of renewing.
        can_reattest: bool,
    },
}

impl Nodes {
    /// Judges the first message.
    pub async fn attest(&self, ask: AttestAgent) -> Result<Progress, Error> {
        let (realm, attestation_type) = (ask.realm, ask.attestor.clone());
        let progress = self.open(ask).await;
        self.note_refusal(realm, &attestation_type, progress).await
    }

    /// Judges the answer to a challenge.
    pub async fn answer(
        &self,
        attestation: Attestation,
        exchange: Box<dyn Exchange>,
        answer: &[u8],
    ) -> Result<Progress, Error> {
        let (realm, attestation_type) = (attestation.realm, attestation.attestor);
        if answer.len() > ATTESTATION_BYTES_MAX {
            return Err(Error::Attestation("the answer is too large"));
        }
        let progress = match exchange.answer(answer) {
            Ok(step) => self.step(attestation, step).await,
            Err(error) => Err(error),
        };
        self.note_refusal(realm, attestation_type, progress).await
    }

    async fn open(&self, ask: AttestAgent) -> Result<Progress, Error> {
        let attestor = self
            .attestors
            .get(&ask.attestor)
            .ok_or_else(|| Error::UnknownAttestor(ask.attestor.chars().take(64).collect()))?;
        if ask.payload.is_empty() || ask.payload.len() > ATTESTATION_BYTES_MAX {
            return Err(Error::Attestation("the payload is empty or too large"));
        }
        let public_key =
            csr::public_key(&ask.csr).map_err(|error| Error::Csr(error.to_string()))?;
        let key_digest = public_key.digest();
        let opening = Opening { realm: ask.realm, payload: &ask.payload, key_digest };
        let step = attestor.open(&self.env, opening).await?;
        let (realm, attestor, situation) = (ask.realm, attestor.name(), ask.situation);
        self.step(Attestation { realm, attestor, public_key, situation }, step).await
    }

    async fn step(&self, attestation: Attestation, step: Step) -> Result<Progress, Error> {
        match step {
            Step::Challenge(text, exchange) => Ok(Progress::Challenge(text, attestation, exchange)),
            Step::Done(attested) => self.admit(attestation, Proof::Found(attested)).await,
            Step::Claim(claim) => self.admit(attestation, Proof::Claimed(claim)).await,
        }
    }

    /// The agent's row is stored before its SVID is signed and recorded, and that before it leaves: what is on record was
    /// given to an agent that is known, and a row without a record has given nothing out.
    async fn admit(&self, attestation: Attestation, proof: Proof) -> Result<Progress, Error> {
        let (nodes, now) = (self.clone(), self.env.clock.now());
        let number = SubjectId::new(self.env.entropy.uuid(now)?);
        let (realm, public_key) = (attestation.realm, attestation.public_key.clone());
        let admission = Admission { nodes, attestation, proof, number, now };
        let granted = Granted::to_server("AttestAgent");
        let storing = self
            .events
            .change_in(realm, granted, admission, |tx, admission| Box::pin(admission.store(tx)));
        let (planned, can_reattest) = storing.await??;
        let signed = self.svid.sign_planned(planned, &public_key)?;
        let svid = self.events.record(signed).await?;
        Ok(Progress::Admitted { svid, can_reattest })
    }

    async fn note_refusal<T>(
        &self,
        realm: RealmId,
        attestation_type: &str,
        progress: Result<T, Error>,
    ) -> Result<T, Error> {
        if let Err(
            error @ (Error::Attestation(_) | Error::Csr(_) | Error::Refused(_) | Error::Access(_)),
        ) = &progress
        {
            let event = events::attestation_refused(realm, attestation_type, &error.to_string());
            self.events.record(Unrecorded::new((), event)).await?;
        }
        progress
    }
}

/// Why an agent is let in.
#[derive(Debug)]
enum Proof {
    /// The attestor is satisfied.
    Found(Attested),
    /// It will be in the transaction, or not.
    Claimed(Box<dyn Claim>),
}

/// What is left to be signed for an agent whose row is there, and whether it can attest again.
type Stored = (PlannedX509, bool);

/// An agent that is being let in: what its transaction needs.
#[derive(Debug)]
struct Admission {
    nodes: Nodes,
    attestation: Attestation,
    proof: Proof,
    /// Its number, if it is new.
    number: SubjectId,
    now: Timestamp,
}

impl Admission {
    /// Identify, assess and decide, inside the transaction: what is used up there says who the agent is, and must not be
    /// used up for one that is refused. The SVID is signed after the commit, so that the writer waits for no signature.
    ///
    /// A proof that is worth nothing has written nothing: an answer, and nothing that the others of a group must run again for.
    async fn store(&self, tx: &mut Tx) -> Result<Changed<Result<Stored, Error>>, Error> {
        let Self { nodes, attestation, proof, now, .. } = self;
        let realm = attestation.realm;
        let attested = match proof {
            Proof::Found(attested) => attested.clone(),
            Proof::Claimed(claim) => match claim.claim(tx).await {
                Err(error @ Error::Attestation(_)) => {
                    return Ok(Changed { value: Err(error), changes: Vec::new(), rights: false });
                }
                claimed => claimed?,
            },
        };
        let evidence = self.evidence(&attested)?;
        let standing = nodes.posture.standing(&evidence);
        let lifetime = Lifetime::seconds(nodes.settings.svid_seconds);
        let issue = IssueX509::for_holder(realm, evidence.clone(), standing, lifetime);
        let permit = nodes.access.permit(issue)?;
        let planned = nodes.svid.plan_x509(permit, *now)?;
        let agent = Agent {
            number: evidence.subject.number,
            id: evidence.subject.id,
            attestation_type: attestation.attestor,
            selectors: attested.selectors,
            alias: attested.alias,
            current: current(&planned),
            not_before: Timestamp::EPOCH,
            banned: false,
            can_reattest: attested.can_reattest,
            attested_at: *now,
            evidence_expires: evidence.expires,
            device: evidence.device,
            version: String::new(),
        };
        // A ban that came meanwhile wins: the row stays as it is.
        if !store::put_agent(tx, &agent).await? {
            return Err(Error::Refused(Refusal::Banned));
        }
        let changes = vec![(AGENT, agent.id.to_string(), events::attested(realm, &agent))];
        Ok(Changed { value: Ok((planned, agent.can_reattest)), changes, rights: false })
    }

    fn evidence(&self, found: &Attested) -> Result<Evidence, Error> {
        let Self { nodes, attestation, number, now, .. } = self;
        let realm = nodes.realms.get(attestation.realm).ok_or(Error::NotFound("realm"))?;
        let own = found.path.strip_prefix(attestation.attestor);
        if own.is_none_or(|rest| rest.len() < 2 || !rest.starts_with('/')) {
            return Err(Error::Attestation("an attestor names agents below its own name only"));
        }
        let id = realm
            .trust_domain
            .with_path(&format!("/spire/agent/{}", found.path))
            .map_err(|_| Error::Attestation("what was attested makes no SPIFFE ID"))?;
        let (number, device) = match nodes.agent(attestation.realm, &id) {
            Some(known) if known.banned => return Err(Error::Refused(Refusal::Banned)),
            // Attesting again is no way off a device that is locked.
            Some(known) => (known.number, known.device),
            None => (*number, None),
        };
        let max_age = Lifetime::days(nodes.settings.max_age_days);
        let good_for = found.good_for.unwrap_or(max_age).capped_by(max_age);
        Ok(Evidence {
            subject: Subject { kind: SubjectKind::Node, id, number },
            source: EvidenceSource::NodeAttestation(attestation.attestor),
            strength: found.strength,
            at: *now,
            expires: now.plus(good_for),
            device,
            situation: attestation.situation.clone(),
        })
    }
}

/// The row's view of an SVID. Its time of issue is its first second plus the fixed backdate, as `PeerSvid` reads it.
fn current(svid: &PlannedX509) -> CurrentSvid {
    CurrentSvid {
        serial: svid.serial(),
        previous: String::new(),
        issued_at: svid.not_before().plus(Lifetime::seconds(BACKDATE_SECONDS)),
        expires: svid.not_after(),
    }
}
