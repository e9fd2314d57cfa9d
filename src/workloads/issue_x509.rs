//! X.509-SVIDs for the workloads of an agent: identify → assess → decide → issue → record (SPIFFE checklist §5.2.6).
//!
//! Decides nothing and holds no key. Reads no database: the entry, the agent, the rights and the authority are in memory.

use std::sync::Arc;

use bytes::Bytes;

use super::Workloads;
use super::index::Node;
use super::model::{Entry, Error};
use crate::crypto::keys::PublicKey;
use crate::crypto::x509::csr;
use crate::events::Unrecorded;
use crate::kernel::limits::BATCH_ITEMS_MAX;
use crate::kernel::{
    EntryId, Evidence, EvidenceSource, Fault, RealmId, Situation, Subject, SubjectKind, Timestamp,
};
use crate::nodes::{Agent, NodeCaller};
use crate::svid::{IssueX509, X509Svid};

/// One X.509-SVID that an agent asks for.
#[derive(Debug, Clone)]
pub struct X509Ask {
    /// The entry that gives the identity.
    pub entry: String,
    /// A signing request in DER; nothing but its key is used.
    pub csr: Bytes,
}

/// An X.509-SVID, and the entry it is for.
pub(super) type Issued<T> = (Arc<Entry>, T);

impl Workloads {
    /// SVIDs for these entries; each outcome stands at the place of its ask: `NotFound` where the agent is not authorised
    /// for the entry, `Invalid` for a bad request, `Access`, or `Svid`. The call fails as a whole with `BatchSize`, and
    /// with `Events` when what was signed could not be recorded; nothing is handed out then.
    pub async fn issue_x509(
        &self,
        caller: &NodeCaller,
        asks: Vec<X509Ask>,
    ) -> Result<Vec<Result<Issued<X509Svid>, Error>>, Error> {
        if !(1..=BATCH_ITEMS_MAX).contains(&asks.len()) {
            return Err(Error::BatchSize);
        }
        let now = self.env.clock.now();
        let found = self.find(caller, asks.iter().map(|ask| ask.entry.as_str()), now)?;
        let asks = found.into_iter().zip(asks).collect();
        let (mut outcomes, mut entries, mut signed) = (Vec::new(), Vec::new(), Vec::new());
        for outcome in self.sign_all(caller.clone(), asks, now).await? {
            outcomes.push(match outcome {
                Ok((entry, svid)) => {
                    entries.push(entry);
                    signed.push(svid);
                    None
                }
                Err(error) => Some(error),
            });
        }
        let svids = self.events.record_all(signed).await?; // record: the only way to the X509Svids
        let mut issued = entries.into_iter().zip(svids);
        Ok(outcomes
            .into_iter()
            .filter_map(|refused| refused.map(Err).or_else(|| issued.next().map(Ok)))
            .collect())
    }

    /// The first four of the five steps; `record` is the fifth, for the whole batch at once.
    fn issue_one(
        &self,
        caller: &NodeCaller,
        entry: &Entry,
        public_key: &PublicKey,
        now: Timestamp,
    ) -> Result<Unrecorded<X509Svid>, Error> {
        let evidence = evidence((&caller.agent, &caller.situation), entry, now); // identify
        let ask = self.x509_ask((caller.realm, &caller.agent), entry, evidence); // assess
        let permit = self.access.permit(ask)?; // decide: carries ceiling and policy version
        let signed = self.svid.sign_x509(permit, public_key, now)?; // issue: Unrecorded<X509Svid>
        Ok(signed)
    }

    /// The question whether a workload of this agent may have the entry's X.509-SVID.
    pub(super) fn x509_ask(
        &self,
        (realm, agent): (RealmId, &Agent),
        entry: &Entry,
        evidence: Evidence,
    ) -> IssueX509 {
        let standing = self.posture.standing(&evidence);
        IssueX509 {
            realm,
            evidence,
            standing,
            dns_names: Arc::clone(&entry.terms.dns_names),
            lifetime: entry.terms.x509_svid_ttl.unwrap_or(self.settings.x509_lifetime()),
            entry: Some(entry.id.clone()),
            requester: Some(agent.subject()),
        }
    }

    /// The entries that the caller asks by id, as far as it is authorised for them.
    pub(super) fn find<'a>(
        &self,
        caller: &NodeCaller,
        ids: impl Iterator<Item = &'a str>,
        now: Timestamp,
    ) -> Result<Vec<Option<Arc<Entry>>>, Error> {
        let node = Node::of(&caller.agent);
        let look = |realm: &super::push::Realm| {
            ids.map(|id| {
                let id = EntryId::parse(id).ok()?;
                realm.index.authorised_one(&node, &id, now).cloned()
            })
            .collect()
        };
        self.read(caller.realm, look).ok_or(Error::Realm)
    }

    /// Signs on the blocking pool, as many batches at once as there are cores; a single one is signed here, because the
    /// way there and back costs more than it blocks.
    async fn sign_all(
        &self,
        caller: NodeCaller,
        asks: Vec<(Option<Arc<Entry>>, X509Ask)>,
        now: Timestamp,
    ) -> Result<Vec<Result<Issued<Unrecorded<X509Svid>>, Error>>, Error> {
        let alone = asks.len() == 1;
        let this = self.clone();
        let sign =
            move || asks.into_iter().map(|ask| this.verify_and_sign(&caller, ask, now)).collect();
        let turn = Arc::clone(&self.state.signing).acquire_owned().await.map_err(Fault::bug)?;
        if alone {
            return Ok(sign());
        }
        let work = move || {
            let _turn = turn;
            sign()
        };
        Ok(tokio::task::spawn_blocking(work).await.map_err(Fault::bug)?)
    }

    fn verify_and_sign(
        &self,
        caller: &NodeCaller,
        (entry, ask): (Option<Arc<Entry>>, X509Ask),
        now: Timestamp,
    ) -> Result<Issued<Unrecorded<X509Svid>>, Error> {
        let entry = entry.ok_or_else(|| unknown(&ask.entry))?;
        let public_key =
            csr::public_key(&ask.csr).map_err(|e| Error::invalid("csr", e.to_string()))?;
        let signed = self.issue_one(caller, &entry, &public_key, now)?;
        Ok((entry, signed))
    }
}

/// What is known of the workload: its agent vouches for it, as long as the agent's own attestation and the entry hold.
pub(super) fn evidence(
    (agent, situation): (&Agent, &Situation),
    entry: &Entry,
    now: Timestamp,
) -> Evidence {
    let attested = agent.evidence();
    let entry_ends = entry.terms.expires_at.unwrap_or(Timestamp::FOREVER);
    Evidence {
        subject: Subject {
            kind: SubjectKind::Workload,
            id: entry.terms.spiffe_id.clone(),
            number: entry.number,
        },
        source: EvidenceSource::WorkloadAttestation,
        strength: attested.strength,
        at: now,
        expires: attested.expires.min(entry_ends),
        device: agent.device,
        situation: situation.clone(),
    }
}

/// One answer for an id that is not there, one that is somebody else's, and one that is no id.
pub(super) fn unknown(id: &str) -> Error {
    Error::NotFound { id: id.chars().take(80).collect() }
}
