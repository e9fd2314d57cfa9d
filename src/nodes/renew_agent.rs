//! Renew an agent's SVID by possession of the current one (SPIFFE checklist §5.2), and note what it reports of itself.
//!
//! The database is not asked: the renewal is in the ledger before it leaves, and the new SVID becomes the current one when
//! it is first used (`judge_caller`). So agents outlive an outage, and a renewal whose answer was lost costs nothing.

use std::sync::Arc;

use crate::crypto::digest::hex;
use crate::crypto::x509::csr;
use crate::events::{Changed, Unrecorded};
use crate::kernel::{Evidence, EvidenceSource, Granted, Lifetime, RealmId};
use crate::svid::{IssueX509, X509Svid};

use super::model::{AGENT, Refusal, events};
use super::{Error, NodeCaller, Nodes, store};

/// How long after its change of SVIDs an agent's own calls may still come with the one before.
const IN_FLIGHT: Lifetime = Lifetime::seconds(30);
/// Longest version text an agent may report.
const VERSION_BYTES_MAX: usize = 64;

impl Nodes {
    /// A new SVID for the agent that calls with its current one.
    pub async fn renew(&self, caller: &NodeCaller, csr: &[u8]) -> Result<X509Svid, Error> {
        if caller.agent.can_reattest {
            return Err(Error::Refused(Refusal::MustReattest));
        }
        let now = self.env.clock.now();
        if caller.agent.evidence_expires <= now {
            return Err(Error::Refused(Refusal::MustReattest));
        }
        let public_key = csr::public_key(csr).map_err(|error| Error::Csr(error.to_string()))?;
        let evidence = Evidence {
            source: EvidenceSource::Possession,
            situation: caller.situation.clone(),
            ..caller.agent.evidence()
        };
        let standing = self.posture.standing(&evidence);
        let lifetime = Lifetime::seconds(self.settings.svid_seconds);
        let permit = self.access.permit(IssueX509::for_holder(
            caller.realm,
            evidence,
            standing,
            lifetime,
        ))?;
        let signed = self.svid.sign_x509(permit, &public_key, now)?;
        // By these a copy is traced to what it was made from.
        let signed = signed
            .about("renews", caller.svid.serial.as_str())
            .about("public_key", hex(&public_key.digest()));
        Ok(self.events.record(signed).await?)
    }

    /// Somebody called with an SVID that was replaced: the agent's key is in two hands. Recorded once for each such SVID, so that
    /// its holder cannot fill the log; the caller is refused, and the agent itself goes on.
    ///
    /// `renews` says that a renewal was asked for: an agent asks for no other after the one that it uses. Any other call may be
    /// its own, on the way when it changed over.
    pub async fn note_clone(
        &self,
        realm: RealmId,
        shown: &super::PeerSvid,
        renews: bool,
    ) -> Result<(), Error> {
        let Some(agent) = self.agent(realm, &shown.id) else { return Ok(()) };
        let now = self.env.clock.now();
        let changing = now < agent.current.issued_at.plus(IN_FLIGHT);
        if !renews && changing && agent.current.previous == shown.serial {
            return Ok(());
        }
        if !self.index.rings(realm, shown, now) {
            return Ok(());
        }
        tracing::warn!(spiffe.id = %agent.id, serial = shown.serial, renews, "a replaced agent SVID was used");
        metrics::counter!("weft_agent_clones_suspected_total").increment(1);
        let event = events::clone_suspected(realm, &agent, &shown.serial);
        let recorded = self.events.record(Unrecorded::new((), event)).await;
        if recorded.is_err() {
            self.index.rings_again(realm, shown);
        }
        Ok(recorded?)
    }

    /// Notes the version that the agent reports. Nothing is written when it is known already.
    pub async fn post_status(&self, caller: &NodeCaller, version: &str) -> Result<(), Error> {
        if version.len() > VERSION_BYTES_MAX || version.chars().any(char::is_control) {
            return Err(Error::Invalid(format!(
                "an agent's version has at most {VERSION_BYTES_MAX} printable bytes"
            )));
        }
        if version.is_empty() || caller.agent.version == version {
            return Ok(());
        }
        let realm = caller.realm;
        let input = (Arc::clone(&caller.agent), version.to_owned());
        self.events
            .change_in(
                realm,
                Granted::to_server("PostStatus"),
                input,
                move |tx, (agent, version)| {
                    Box::pin(async move {
                        let found = store::set_version(tx, &agent.id, version).await?;
                        let event = events::managed(
                            realm,
                            "agent.version_reported",
                            agent.number,
                            &agent.id,
                            None,
                        )
                        .about("version", version.as_str());
                        let changes = if found {
                            vec![(AGENT, agent.id.to_string(), event)]
                        } else {
                            Vec::new()
                        };
                        Ok::<_, Error>(Changed { value: (), changes, rights: false })
                    })
                },
            )
            .await
    }
}
