//! Fetches X.509-SVIDs before workloads ask, and renews them at half-life.
//!
//! One task, one batch at a time: no entry is ever fetched twice at once. A batch that fails is halved, one that
//! succeeds lets the next be twice as large (spiffe.md §5.2.6).

use std::sync::Arc;

use bytes::Bytes;
use tonic::Code;
use weft_proto::spire::api::server::svid::v1::NewX509svidParams;
use weft_proto::spire::api::server::svid::v1::batch_new_x509svid_response::Result as OneResult;
use zeroize::Zeroizing;

use crate::crypto::keys::{Algorithm, PrivateKey};
use crate::crypto::x509::{CertificateView, csr, verify_svid};
use crate::env::{Clock, Entropy};
use crate::kernel::limits::BATCH_ITEMS_MAX;
use crate::kernel::{Fault, Lifetime, Timestamp};

use super::cache::{Cache, Plan};
use super::convert;
use super::model::{Entry, Error, X509Svid, draw};
use super::renewal::{backoff, renew_svid_at};
use super::server_client::ServerClient;

/// Keeps SVIDs for the entries of one cache.
#[derive(Debug)]
pub struct Prefetch {
    /// The server.
    pub client: ServerClient,
    /// Whose entries, and where the SVIDs go.
    pub cache: Cache,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance: one draw an SVID.
    pub entropy: Arc<dyn Entropy>,
}

/// A key that was made for an entry, and the request for it.
struct Asked {
    entry: Arc<Entry>,
    key: PrivateKey,
    csr: Vec<u8>,
}

impl Prefetch {
    /// Runs until it is dropped.
    pub async fn run(self) {
        let mut changes = self.cache.changes();
        let (mut batch, mut failures) = (BATCH_ITEMS_MAX, 0);
        loop {
            changes.mark_unchanged();
            let Plan { due, next } = self.cache.plan(self.clock.now(), batch);
            if due.is_empty() {
                self.wait(&mut changes, next).await;
                continue;
            }
            let asked = due.len();
            match self.fetch(due).await {
                Ok(()) => (batch, failures) = (batch.saturating_mul(2).min(BATCH_ITEMS_MAX), 0),
                Err(why) => {
                    tracing::warn!(error = %why, asked, "X.509-SVIDs could not be fetched");
                    batch = (asked / 2).max(1);
                    let jitter = draw(&self.entropy).unwrap_or_default();
                    self.clock.sleep(backoff(failures, FIRST_WAIT, LONGEST_WAIT, jitter)).await;
                    failures = failures.saturating_add(1);
                }
            }
        }
    }

    async fn wait(&self, changes: &mut tokio::sync::watch::Receiver<u64>, next: Option<Timestamp>) {
        let span = next.map_or(IDLE, |at| at.since(self.clock.now()).capped_by(IDLE));
        tokio::select! {
            // The cache lives as long as this task, so the channel does not close.
            _ = changes.changed() => {}
            () = self.clock.sleep(span) => {}
        }
    }

    /// One batch.
    async fn fetch(&self, due: Vec<Arc<Entry>>) -> Result<(), Error> {
        let asked = tokio::task::spawn_blocking(move || {
            due.into_iter().map(Asked::new).collect::<Result<Vec<_>, _>>()
        });
        let asked = asked.await.map_err(Fault::bug)??;
        let params = asked.iter().map(Asked::params).collect();
        let results = self.client.x509_svids(params).await?;
        if results.len() != asked.len() {
            return Err(Error::BadAnswer(format!(
                "{} results for {} requests",
                results.len(),
                asked.len()
            )));
        }
        let mut fresh = Vec::with_capacity(asked.len());
        for (asked, result) in asked.into_iter().zip(results) {
            match self.read(&asked, result) {
                Ok(svid) => fresh.push((asked.entry, svid)),
                Err(why) => self.give_up_for_now(&asked.entry, &why)?,
            }
        }
        self.cache.keep(fresh);
        Ok(())
    }

    /// The server refused one entry of a batch. The others are good.
    fn give_up_for_now(&self, entry: &Entry, why: &Error) -> Result<(), Fault> {
        tracing::warn!(entry.id = %entry.id, error = %why, "no X.509-SVID for an entry");
        let jitter = draw(&self.entropy)?;
        let wait = |failures| backoff(failures, FIRST_WAIT, ENTRY_LONGEST_WAIT, jitter);
        self.cache.failed(&entry.id, self.clock.now(), wait);
        Ok(())
    }

    fn read(&self, asked: &Asked, result: OneResult) -> Result<Arc<X509Svid>, Error> {
        let status = result.status.unwrap_or_default();
        if status.code != 0 {
            return Err(Error::Answer {
                code: Code::from_i32(status.code),
                message: status.message,
            });
        }
        let chain = result.svid.map(|svid| svid.cert_chain).unwrap_or_default();
        let svid =
            x509_svid(&asked.entry, &asked.key, &chain, (self.clock.now(), draw(&self.entropy)?))?;
        Ok(Arc::new(svid))
    }

    /// Has SVIDs replaced that hang from an authority that is tainted now, or gone from the bundle.
    pub(crate) fn judge(cache: &Cache, now: Timestamp) {
        let Some(own) = cache.look(|view| view.own().cloned()) else { return };
        let Some(roots) = convert::untainted(&own) else { return };
        let hangs = |svid: &X509Svid| {
            let chain: Vec<_> = svid.certificates.iter().map(AsRef::as_ref).collect();
            verify_svid(&chain, &roots, now).is_err()
        };
        let held = cache.held().into_iter();
        let tainted: Vec<_> = held.filter(|(_, svid)| hangs(svid)).map(|(id, _)| id).collect();
        cache.renew(&tainted);
    }
}

impl Asked {
    fn new(entry: Arc<Entry>) -> Result<Self, Fault> {
        let key = PrivateKey::generate(Algorithm::P256)?;
        let csr = csr::create(&key)?;
        Ok(Self { entry, key, csr })
    }

    fn params(&self) -> NewX509svidParams {
        NewX509svidParams {
            entry_id: self.entry.id.to_string(),
            csr: Bytes::copy_from_slice(&self.csr),
        }
    }
}

/// Reads what the server signed: it must be for this entry's identity and this key.
fn x509_svid(
    entry: &Entry,
    key: &PrivateKey,
    chain: &[Bytes],
    (received, jitter): (Timestamp, super::renewal::Jitter),
) -> Result<X509Svid, Error> {
    let leaf = chain
        .first()
        .ok_or_else(|| Error::BadAnswer("an SVID without a certificate".to_owned()))?;
    let view = CertificateView::parse(leaf).map_err(|why| Error::BadAnswer(why.to_string()))?;
    if view.uris != [entry.spiffe_id.as_str()] {
        return Err(Error::BadAnswer("an SVID for another identity than the entry's".to_owned()));
    }
    if view.spki != key.public().spki() {
        return Err(Error::BadAnswer("an SVID for another key than the one asked for".to_owned()));
    }
    // Copied: what came holds on to the whole message it came in.
    let whole = Bytes::from(chain.concat());
    let mut rest = whole.clone();
    let certificates = chain.iter().map(|der| rest.split_to(der.len())).collect();
    let pkcs8 = Zeroizing::new(key.to_pkcs8()?.expose().clone());
    Ok(X509Svid {
        spiffe_id: entry.spiffe_id.clone(),
        chain: whole,
        certificates,
        key: Bytes::from_owner(pkcs8),
        not_before: view.not_before,
        expires_at: view.not_after,
        renew_at: renew_svid_at((view.not_before, view.not_after), received, jitter),
    })
}

const FIRST_WAIT: Lifetime = Lifetime::millis(500);
const LONGEST_WAIT: Lifetime = Lifetime::seconds(30);
/// An entry the server will not issue for: policy or a mistake, which somebody has to change.
const ENTRY_LONGEST_WAIT: Lifetime = Lifetime::minutes(5);
/// Nothing is due: look again at least this often, as a wall clock can be set.
const IDLE: Lifetime = Lifetime::minutes(1);
