//! An administrator tries an upstream: is its provider there, what does it say of somebody, and what would be made of that.
//!
//! A test signs nobody in and keeps nothing but the claims, sealed, for ten minutes, for whoever may try this upstream.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::claims::Assertion;
use super::model::{Administrator, Binding, Error, TRANSACTION_LIFE, TestUpstream, Upstream};
use super::provider::Known;
use super::seal::Errand;
use super::start_sign_in::Beginning;
use super::{Slot, Upstreams, seal, store};
use crate::crypto::digest::{from_hex, hex};
use crate::kernel::{Fault, RealmId, UpstreamId};
use openidconnect::JsonWebKey as _;

/// What came of a try.
#[derive(Debug, Default)]
pub struct Tried {
    /// What is wrong with the connection, if anything.
    pub connection: Option<String>,
    /// The ids of the provider's keys.
    pub keys: Vec<String>,
    /// Where a browser may bring claims from, and the id to ask for them with.
    pub browser: Option<(String, String)>,
    /// What the claims give, if there are any.
    pub outcome: Option<Outcome>,
}

/// Claims, and what is made of them.
#[derive(Debug)]
pub struct Outcome {
    /// As they came.
    pub claims: Map<String, Value>,
    /// What the mapping makes of them, or which expression fails.
    pub assertion: Result<Assertion, String>,
    /// What would happen to somebody who comes with them.
    pub verdict: String,
}

impl Upstreams {
    /// Tries an upstream, whether it is on or not: with these claims, or with those that a browser will bring.
    pub async fn test(
        &self,
        by: Administrator,
        id: &UpstreamId,
        claims: Option<Map<String, Value>>,
    ) -> Result<Tried, Error> {
        let realm = by.realm;
        let _spent = self.below.access.permit(TestUpstream(by, id.clone()))?.spend();
        let slot = self.slot(realm, id).ok_or_else(|| Error::NotFound(id.clone()))?;
        if let Some(claims) = claims {
            let outcome = Some(judge(&slot.upstream, claims));
            return Ok(Tried { outcome, ..Tried::default() });
        }
        match self.provider(&slot)?.known().await {
            Ok(known) => {
                let browser = Some(self.begin_test(realm, &slot).await?);
                Ok(Tried { keys: key_ids(&known), browser, ..Tried::default() })
            }
            Err(refusal) => Ok(Tried { connection: Some(refusal.to_string()), ..Tried::default() }),
        }
    }

    /// What a browser brought for this test, as long as it is not older than ten minutes.
    pub async fn test_outcome(
        &self,
        by: Administrator,
        id: &UpstreamId,
        test: &str,
    ) -> Result<Tried, Error> {
        let realm = by.realm;
        let _spent = self.below.access.permit(TestUpstream(by, id.clone()))?.spend();
        let slot = self.slot(realm, id).ok_or_else(|| Error::NotFound(id.clone()))?;
        let digest: Binding =
            from_hex(test).and_then(|bytes| bytes.try_into().ok()).ok_or(Error::NoTest)?;
        let input = (digest, self.env.clock.now());
        let read = self
            .env
            .db
            .read(realm, input, |tx, (digest, now)| Box::pin(store::outcome(tx, digest, *now)));
        let found = read.await?.filter(|(attempt, _)| attempt.upstream == *id);
        let (attempt, used) = found.ok_or(Error::NoTest)?;
        let ring = &self.below.ring;
        let outcome =
            match (used, ring.open(&seal::outcome_place(realm, &digest), &attempt.document)) {
                (true, Ok(claims)) => {
                    let claims = serde_json::from_slice(claims.expose());
                    Some(judge(&slot.upstream, claims.map_err(|_| Error::NoTest)?))
                }
                // Not a test's attempt, or one that was refused: the event says why.
                (true, Err(_)) => return Err(Error::NoTest),
                (false, _) => {
                    let document = seal::open_document(ring, (realm, &digest), &attempt.document)?;
                    if document.errand != Errand::Test {
                        return Err(Error::NoTest);
                    }
                    None
                }
            };
        Ok(Tried { outcome, ..Tried::default() })
    }

    async fn begin_test(&self, realm: RealmId, slot: &Slot) -> Result<(String, String), Error> {
        let beginning = Beginning {
            errand: Errand::Test,
            sign_in: None,
            binding: [0; 32],
            login_hint: None,
            fresh: false,
        };
        let (url, digest) = self.begin(realm, slot, beginning).await?;
        Ok((url, hex(&digest)))
    }

    /// Keeps what a browser brought, in the place of the attempt.
    pub(super) async fn keep_test(
        &self,
        realm: RealmId,
        digest: &Binding,
        claims: &Map<String, Value>,
    ) -> Result<(), Error> {
        let text = serde_json::to_vec(claims).map_err(Fault::bug)?;
        let (place, entropy) = (seal::outcome_place(realm, digest), self.env.entropy.as_ref());
        let blob = self.below.ring.seal(&place, &text, entropy)?;
        let input = (*digest, blob, self.env.clock.now().plus(TRANSACTION_LIFE));
        let keep = self.env.db.write(realm, input, |tx, (digest, blob, until)| {
            Box::pin(store::keep_outcome(tx, digest, blob, *until))
        });
        Ok(keep.await?)
    }
}

fn key_ids(known: &Arc<Known>) -> Vec<String> {
    let ids: BTreeSet<String> =
        known.keys.keys().iter().filter_map(|key| Some(key.key_id()?.to_string())).collect();
    ids.into_iter().collect()
}

fn judge(upstream: &Upstream, claims: Map<String, Value>) -> Outcome {
    let assertion = Assertion::of(&upstream.terms, claims.clone());
    let verdict = match &assertion {
        Err(why) => format!("refused: {why}"),
        Ok(_) if !upstream.terms.enabled => "refused: the upstream is off".to_owned(),
        Ok(assertion) => match assertion.may_create(upstream.terms.creation.as_ref()) {
            Ok(()) => "whoever is linked signs in, and everybody else gets an account".to_owned(),
            Err(why) => format!("whoever is linked signs in, and nobody else: {why}"),
        },
    };
    Outcome { claims, assertion, verdict }
}
