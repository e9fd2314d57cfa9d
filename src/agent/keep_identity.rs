//! The agent's own SVID: attested once, renewed at half-life or when its authority is tainted, attested again when the server
//! wants it.
//!
//! Owns: when, and what a refusal leads to. Does not own: the files (`identity.rs`), the proofs (`attest.rs`).

use std::convert::Infallible;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use weft_proto::spire::api::server::agent::v1::{
    AgentX509svidParams, AttestAgentRequest, attest_agent_request as request,
    attest_agent_response as response,
};
use weft_proto::spire::api::types;

use crate::crypto::keys::PrivateKey;
use crate::crypto::x509::{Roots, csr, verify_svid};
use crate::kernel::{Lifetime, Timestamp, TrustDomain};

use super::Ports;
use super::attest::Attestor;
use super::cache::Cache;
use super::convert;
use super::identity::{Identity, Store};
use super::model::{Error, Refusal, draw};
use super::renewal::{backoff, renew_svid_at};
use super::server_client::ServerClient;

/// Keeps the agent's SVID.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) client: ServerClient,
    pub(crate) store: Store,
    pub(crate) trust_domain: TrustDomain,
    pub(crate) attestor: Option<Attestor>,
    /// Read for the sequence of the bundle in use.
    pub(crate) cache: Cache,
    pub(crate) ports: Ports,
}

impl Keeper {
    /// Attests, trying again for as long as waiting may help.
    pub(crate) async fn attest_until_done(&self) -> Result<Identity, Error> {
        let mut failures = 0;
        loop {
            match self.attest().await {
                Ok(identity) => return Ok(identity),
                Err(why) if why.passes() => self.pause(&mut failures, "attestation", &why).await?,
                Err(why) => return Err(why),
            }
        }
    }

    /// Renews for ever; ends only with what nothing but a person can mend.
    pub(crate) async fn run(self, mut identity: Identity) -> Result<Infallible, Error> {
        let mut refusals = self.client.refusals();
        let mut earliest = self.ports.clock.now();
        loop {
            let life = (identity.not_before, identity.expires_at);
            // It may have been kept on disk for long: then nothing speaks against renewing it at once.
            let received = identity.not_before;
            let due = renew_svid_at(life, received, draw(&self.ports.entropy)?);
            let refused =
                self.until_due_or_refused((&identity, due, earliest), &mut refusals).await;
            identity = match refused {
                Some(Refusal::Banned) => return self.banned(),
                Some(Refusal::AttestAgain) => {
                    tracing::warn!(
                        "the server no longer accepts this agent's SVID: attesting again"
                    );
                    self.attest_again().await?
                }
                None => self.renew_until_done(&identity).await?,
            };
            earliest = self.ports.clock.now().plus(TAINTED_WAIT);
            tracing::info!(
                spiffe.id = %identity.spiffe_id, svid.expires_at = %identity.expires_at, "the agent has a new SVID"
            );
        }
    }

    async fn until_due_or_refused(
        &self,
        (identity, due, earliest): (&Identity, Timestamp, Timestamp),
        refusals: &mut tokio::sync::watch::Receiver<Option<Refusal>>,
    ) -> Option<Refusal> {
        let mut changes = self.cache.changes();
        loop {
            if let Some(refusal) = *refusals.borrow_and_update() {
                return Some(refusal);
            }
            changes.mark_unchanged();
            let now = self.ports.clock.now();
            // Revoked, what is tainted locks out whoever still holds something of it.
            let due = if self.is_tainted(identity, now) { due.min(earliest) } else { due };
            let left = due.since(now);
            if left.is_zero() {
                return None;
            }
            tokio::select! {
                // The client lives as long as this keeper, so the channel does not close.
                _ = refusals.changed() => {}
                _ = changes.changed() => {}
                // A wall clock can be set, and a machine can sleep: look at it again now and then.
                () = self.ports.clock.sleep(left.capped_by(LOOK_AGAIN)) => {}
            }
        }
    }

    /// True if an authority that is tainted now vouches for this SVID, and no other does.
    fn is_tainted(&self, identity: &Identity, now: Timestamp) -> bool {
        let Some(own) = self.cache.look(|view| view.own().cloned()) else { return false };
        let Some(good) = convert::untainted(&own) else { return false };
        let chain: Vec<&[u8]> = identity.chain.iter().map(AsRef::as_ref).collect();
        let holds = |roots: &Roots| verify_svid(&chain, roots, now).is_ok();
        // What nobody vouches for, as by a wrong clock, is no matter of tainting.
        convert::roots(&own.trust_domain, &own.x509).is_ok_and(|all| holds(&all)) && !holds(&good)
    }

    async fn renew_until_done(&self, identity: &Identity) -> Result<Identity, Error> {
        let mut failures = 0;
        loop {
            let why = match self.renew(identity).await {
                Ok(identity) => return Ok(identity),
                Err(Error::Banned) => return self.banned().map(|never| match never {}),
                Err(Error::MustAttestAgain) => return self.attest_again().await,
                Err(why) => why,
            };
            if identity.expires_at <= self.ports.clock.now() {
                return self.attest_again().await;
            }
            self.pause(&mut failures, "renewal", &why).await?;
        }
    }

    async fn renew(&self, identity: &Identity) -> Result<Identity, Error> {
        if identity.reattestable && self.attestor.is_some() {
            return self.attest().await;
        }
        let key = self.store.next_key()?;
        let svid = self.client.renew(csr::create(key.as_ref())?).await?;
        self.adopt(key, svid, identity.reattestable).await
    }

    /// A running agent that the server turned away waits out what passes; only a clear no ends it.
    async fn attest_again(&self) -> Result<Identity, Error> {
        let mut failures = 0;
        loop {
            match self.attest().await {
                Ok(identity) => return Ok(identity),
                Err(Error::Banned) => return self.banned().map(|never| match never {}),
                Err(why @ (Error::AttestationRefused(_) | Error::Settings(_))) => return Err(why),
                Err(why) => self.pause(&mut failures, "attestation", &why).await?,
            }
        }
    }

    async fn attest(&self) -> Result<Identity, Error> {
        let attestor =
            self.attestor.as_ref().ok_or_else(|| Error::Settings(NO_ATTESTOR.to_owned()))?;
        let key = self.store.next_key()?;
        self.client.present_nothing()?;
        let (svid, reattestable) = self.converse(attestor, csr::create(key.as_ref())?).await?;
        self.adopt(key, svid, reattestable).await
    }

    /// One `AttestAgent` conversation: the proof, any number of challenges, the SVID.
    async fn converse(
        &self,
        attestor: &Attestor,
        csr: Vec<u8>,
    ) -> Result<(types::X509svid, bool), Error> {
        let data = types::AttestationData {
            r#type: attestor.kind().to_owned(),
            payload: attestor.payload().into(),
        };
        let params = AgentX509svidParams { csr: csr.into() };
        let step =
            request::Step::Params(request::Params { data: Some(data), params: Some(params) });
        let (requests, receiver) = mpsc::channel(1);
        let closed = || Error::BadAnswer("the server ended the attestation early".to_owned());
        requests.send(AttestAgentRequest { step: Some(step) }).await.map_err(|_| closed())?;
        let (mut answers, era) =
            self.client.attest(ReceiverStream::new(receiver)).await.map_err(refused)?;
        loop {
            let limited = tokio::time::timeout(ANSWER_WITHIN, answers.message()).await;
            let answer = limited
                .unwrap_or_else(|_| {
                    Err(tonic::Status::deadline_exceeded("the server did not answer in time"))
                })
                .map_err(|status| refused(self.client.read(era, "AttestAgent", &status)))?;
            match answer.and_then(|answer| answer.step).ok_or_else(closed)? {
                response::Step::Challenge(challenge) => {
                    let answer = attestor.answer(&challenge, self.ports.entropy.as_ref())?;
                    let step = request::Step::ChallengeResponse(answer.into());
                    requests
                        .send(AttestAgentRequest { step: Some(step) })
                        .await
                        .map_err(|_| closed())?;
                }
                response::Step::Result(result) => {
                    let svid = result
                        .svid
                        .ok_or_else(|| Error::BadAnswer("no SVID in the result".to_owned()))?;
                    return Ok((svid, result.reattestable));
                }
            }
        }
    }

    /// Keeps the new SVID, shows it from now on, and uses it once, which makes it the current one on the server.
    async fn adopt(
        &self,
        key: Arc<PrivateKey>,
        svid: types::X509svid,
        reattestable: bool,
    ) -> Result<Identity, Error> {
        let chain = svid.cert_chain.iter().map(|der| der.to_vec()).collect();
        let identity = Identity::new(key, chain, reattestable)?;
        let named = &identity.spiffe_id;
        if *named.trust_domain() != self.trust_domain || !named.is_under("/spire/agent") {
            return Err(Error::BadAnswer(format!(
                "`{named}` is no agent of `{}`",
                self.trust_domain
            )));
        }
        let (store, kept) = (self.store.clone(), identity.clone());
        let keep = tokio::task::spawn_blocking(move || store.adopt(&kept));
        keep.await.map_err(crate::kernel::Fault::bug)??;
        self.client.present(&identity)?;
        // Any call with it makes a renewed SVID the current one on the server.
        if let Some(sequence) = self.cache.look(|view| view.own().map(|own| own.sequence))
            && let Err(why) = self.client.post_status(sequence).await
        {
            tracing::debug!(error = %why, "the new SVID could not be used at once");
        }
        Ok(identity)
    }

    fn banned(&self) -> Result<Infallible, Error> {
        self.store.forget()?;
        Err(Error::Banned)
    }

    async fn pause(
        &self,
        failures: &mut u32,
        what: &'static str,
        why: &Error,
    ) -> Result<(), Error> {
        pause(&self.ports, failures, what, why).await
    }
}

/// Waits before the next attempt, longer each time.
pub(crate) async fn pause(
    ports: &Ports,
    failures: &mut u32,
    what: &'static str,
    why: &Error,
) -> Result<(), Error> {
    let wait = backoff(*failures, FIRST_WAIT, LONGEST_WAIT, draw(&ports.entropy)?);
    *failures = failures.saturating_add(1);
    tracing::warn!(error = %why, retry.after = %wait, "{what} failed and is tried again");
    ports.clock.sleep(wait).await;
    Ok(())
}

/// A clear no to an attestation is for a person; anything else is not.
fn refused(why: Error) -> Error {
    match why {
        Error::Answer {
            code:
                Code::InvalidArgument
                | Code::PermissionDenied
                | Code::NotFound
                | Code::FailedPrecondition
                | Code::Unauthenticated,
            message,
        } => Error::AttestationRefused(message),
        Error::NotOffered(_) => {
            Error::AttestationRefused("it does not offer this kind of attestation".to_owned())
        }
        other => other,
    }
}

const NO_ATTESTOR: &str = "this agent has no valid SVID and nothing to attest with: give it a new join string \
    (`weft token create` on the server prints one), or an `x509pop` certificate";
const FIRST_WAIT: Lifetime = Lifetime::millis(500);
const LONGEST_WAIT: Lifetime = Lifetime::seconds(30);
/// A replica that has not heard yet who signs now may sign once more by who was tainted.
const TAINTED_WAIT: Lifetime = Lifetime::seconds(5);
const LOOK_AGAIN: Lifetime = Lifetime::minutes(1);
const ANSWER_WITHIN: std::time::Duration = std::time::Duration::from_secs(30);
