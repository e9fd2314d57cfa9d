//! Work a score out again: what the device's sources said, by the model that is named, for the moment that is named; and
//! compare it byte for byte with what was said then.

use std::sync::Arc;

use serde_json::Value;

use crate::access::Administrator;
use crate::crypto::digest::from_hex;
use crate::devices::model::ReadDevice;
use crate::kernel::{DeviceId, Fault, RealmId};
use crate::wire::api::{PostureReplay, ReplayDifference};
use crate::wire::posture::{Report, ScoredDocument};

use super::read_posture::scored;
use super::scoring::parse;
use super::words::Current;
use super::{Error, Posture, store};

impl Posture {
    /// Works out again what was said of a device, and says where it differs.
    ///
    /// Errors: `NoModel` where the model of that digest is not kept. What the device reported since is no error: the evidence
    /// is another then, and that is one of the differences.
    pub async fn replay(
        &self,
        by: Administrator,
        id: DeviceId,
        said: ScoredDocument,
    ) -> Result<PostureReplay, Error> {
        let realm = by.realm;
        let devices = &self.inner.below.devices;
        let (named, spiffe_id) = devices.asked(realm, id);
        self.inner.below.access.permit(ReadDevice { by, id: named, device: spiffe_id })?.spend();
        let device = devices.device(realm, id).ok_or(Error::NotFound)?;
        let model = self.of_digest(realm, &said.model.digest).await?;
        let input = (Arc::clone(&model), id);
        let read = self.inner.env.db.read(realm, input, |tx, (model, id)| {
            Box::pin(async move {
                let Some(known) = store::known(tx, *id, model).await? else { return Ok(None) };
                Ok::<_, Error>(Some((known, store::words(tx, *id).await?)))
            })
        });
        let Some((known, words)) = read.await? else {
            return Err(Error::Invalid(
                "the device never reported, or what it said was forgotten".to_owned(),
            ));
        };
        let words: Vec<Report> = words.into_iter().map(|(_, report)| report).collect();
        let again = scored(&model, &device, (&known, &words), said.evaluated_at.0)?;
        compared(&said, again)
    }

    /// The model of this digest: in force, shipped, or kept.
    async fn of_digest(&self, realm: RealmId, digest: &str) -> Result<Arc<Current>, Error> {
        let missing = || Error::NoModel(format!("digest {digest}"));
        let wanted: [u8; 32] =
            from_hex(digest).and_then(|bytes| bytes.try_into().ok()).ok_or_else(missing)?;
        for held in [self.current(realm), self.inner.index.shipped()] {
            if held.model.digest == wanted {
                return Ok(held);
            }
        }
        let read = self.inner.env.db.read(realm, wanted, |tx, wanted| {
            Box::pin(async move { Ok::<_, Error>(store::document(tx, wanted).await?) })
        });
        let text = read.await?.ok_or_else(missing)?;
        Ok(Arc::new(Current::of(parse(&text)?)))
    }
}

fn compared(said: &ScoredDocument, again: ScoredDocument) -> Result<PostureReplay, Error> {
    let bytes = |document: &ScoredDocument| serde_json::to_vec(document).map_err(Fault::bug);
    let value = |document: &ScoredDocument| serde_json::to_value(document).map_err(Fault::bug);
    let equal = bytes(said)? == bytes(&again)?;
    let mut differences = Vec::new();
    if !equal {
        differ("", Some(&value(said)?), Some(&value(&again)?), &mut differences);
    }
    Ok(PostureReplay { equal, differences, scored: again })
}

/// Each place at which two documents differ.
fn differ(
    at: &str,
    said: Option<&Value>,
    again: Option<&Value>,
    found: &mut Vec<ReplayDifference>,
) {
    match (said, again) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
            names.sort();
            names.dedup();
            for name in names {
                differ(&format!("{at}/{name}"), a.get(name), b.get(name), found);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for n in 0..a.len().max(b.len()) {
                differ(&format!("{at}/{n}"), a.get(n), b.get(n), found);
            }
        }
        (a, b) if a == b || found.len() >= DIFFERENCES_MAX => {}
        (a, b) => found.push(ReplayDifference {
            at: at.to_owned(),
            said: a.map(ToString::to_string),
            again: b.map(ToString::to_string),
        }),
    }
}

/// More than a person reads.
const DIFFERENCES_MAX: usize = 100;
