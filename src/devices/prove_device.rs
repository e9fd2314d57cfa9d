//! A device that shows its key through somebody's browser: it signed an answer to a question of ours, for that browser and this
//! moment.
//!
//! It proves that whoever holds the device's key has looked at the question in that browser's name. A locked or retired device
//! proves itself all the same: policy says what follows, and the person hears why.

use std::sync::Arc;

use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;

use crate::crypto::digest::from_base64;
use crate::crypto::jose::{Unverified, is_good_now};
use crate::crypto::x509::VerifiedSvid;
use crate::kernel::RealmId;
use crate::wire::device_proof::{LIFE_SECONDS, TYPE};

use super::model::Shown;
use super::{Device, Devices, Error, Refusal};

/// What was asked, and must be answered.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The issuer of the realm.
    pub issuer: &'a str,
    /// What it was asked for: a sign-in.
    pub sign_in: &'a str,
    /// The challenge, which nobody but that browser has seen.
    pub challenge: &'a str,
}

impl Devices {
    /// The device that answered. Errors: `Proof` where it is no answer to this; `Refused` where the SVID is not the device's
    /// own any more, or never was.
    pub async fn prove(
        &self,
        realm: RealmId,
        asked: Asked<'_>,
        proof: &str,
    ) -> Result<Arc<Device>, Error> {
        let bad = |error: &dyn std::fmt::Display| Error::Proof(error.to_string());
        let proof = Unverified::parse(proof).map_err(|error| bad(&error))?;
        if proof.typ() != Some(TYPE) {
            return Err(Error::Proof(format!("its type is not `{TYPE}`")));
        }
        let svid = self.shown_in(realm, proof.unverified_claims())?;
        let claims = proof.verify(&svid.public_key).map_err(|error| bad(&error))?;
        answers(&claims, &asked, &svid)?;
        is_good_now(&claims, self.env.clock.now(), LIFE_SECONDS).map_err(|error| bad(&error))?;
        match self.judge(realm, &Shown::of(&svid)).await {
            Err(refused @ Error::Refused(Refusal::Locked | Refusal::Retired)) => {
                self.below.inventory.named(realm, &svid.id).ok_or(refused)
            }
            judged => judged,
        }
    }

    /// The SVID that the answer brings, its chain verified.
    fn shown_in(&self, realm: RealmId, claims: &Map<String, Value>) -> Result<VerifiedSvid, Error> {
        let none = || Error::Proof("`x5c` is not a chain of certificates".to_owned());
        let chain = claims.get("x5c").and_then(Value::as_array).ok_or_else(none)?;
        let der = |item: &Value| item.as_str().and_then(from_base64);
        let chain: Vec<Vec<u8>> = chain.iter().map(der).collect::<Option<_>>().ok_or_else(none)?;
        let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
        let roots = self.below.bundles.roots(realm).ok_or(Error::NotFound("realm"))?;
        let verified = roots.verify(&chain, self.env.clock.now());
        verified.map_err(|error| Error::Proof(format!("`x5c`: {error}")))
    }
}

/// By this device, for this sign-in of ours, with its challenge.
fn answers(
    claims: &Map<String, Value>,
    asked: &Asked<'_>,
    svid: &VerifiedSvid,
) -> Result<(), Error> {
    let refuse = |why: &str| Err(Error::Proof(why.to_owned()));
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("iss") != svid.id.as_str() {
        return refuse("`iss` is not the device whose key signed");
    }
    if text("aud") != asked.issuer {
        return refuse("`aud` is not our issuer");
    }
    let challenge = text("nonce").as_bytes().ct_eq(asked.challenge.as_bytes());
    if text("sub") != asked.sign_in || !bool::from(challenge) {
        return refuse("it answers another question");
    }
    Ok(())
}
