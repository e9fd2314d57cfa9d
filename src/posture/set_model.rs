//! Set the model that a realm scores by: a document of its own, or one that counted before, or the one that is shipped.
//!
//! Every model that counted is kept under a number, and the highest counts: an activation is one row, so it is there as a whole
//! or not at all. Followers hear of it as of any change, and score by it from that number on.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::access::{Administrator, Asker};
use crate::db::Tx;
use crate::devices::model::State;
use crate::events::Changed;
use crate::kernel::{Fault, RealmId};

use super::model::{KeptModel, POSTURE_MODEL, SetPostureModel, events};
use super::read_models::ModelChoice;
use super::scoring::{Model, parse, shipped, shipped_text};
use super::words::Current;
use super::{Error, Posture, store};

/// Which model is to count.
#[derive(Debug, Clone)]
pub struct ModelWish {
    /// The model.
    pub choice: ModelChoice,
    /// Why, for whoever reads the history.
    pub note: String,
    /// Only if the document of the one that counts has one of these SHA-256 digests; nothing: whichever counts.
    pub seen: Option<Vec<[u8; 32]>>,
}

#[derive(Debug)]
struct Input {
    asker: Asker,
    model: KeptModel,
    shipped: KeptModel,
    seen: Option<Vec<[u8; 32]>>,
}

impl Posture {
    /// Scores by this model from now on. The same one again changes nothing. Gives what counts now.
    ///
    /// Errors: `Denied` without the right; `Model` with every line that is wrong; `Profile` if devices are scored by one that it
    /// leaves out; `Version` if another document has its name and version; `NoModel` if nothing is kept under the number;
    /// `Changed` if another counts than the caller saw. Whatever is refused leaves everything as it was.
    pub async fn set_model(&self, by: Administrator, wish: ModelWish) -> Result<KeptModel, Error> {
        let (realm, asker) = (by.realm, by.asker.clone());
        let granted = self.inner.below.access.permit(SetPostureModel { by })?.spend().1;
        let plain = |c: char| !c.is_control();
        if wish.note.chars().count() > NOTE_CHARS_MAX || !wish.note.chars().all(plain) {
            let why = format!("a note has at most {NOTE_CHARS_MAX} characters, all on one line");
            return Err(Error::Invalid(why));
        }
        let (text, restores) = self.chosen(realm, &wish.choice).await?;
        let now = self.inner.env.clock.now();
        let read = self.fitting(realm, text.clone()).await?;
        let (note, set_by) = (wish.note, whom(&asker));
        let model = KeptModel { note, set_by, set_at: now, restores, ..KeptModel::of(&read, text) };
        let shipped = KeptModel::of(&shipped()?, None);
        let input = Input { asker, model, shipped, seen: wish.seen };
        self.inner
            .below
            .events
            .change_in(realm, granted, input, |tx, input| Box::pin(body(tx, input)))
            .await
    }

    /// The document that is chosen, nothing for the shipped one; and the number of the one that it is again.
    pub(super) async fn chosen(
        &self,
        realm: RealmId,
        wanted: &ModelChoice,
    ) -> Result<(Option<Arc<str>>, Option<i64>), Error> {
        let number = match wanted {
            ModelChoice::Document(text) => return Ok((Some(Arc::clone(text)), None)),
            ModelChoice::Kept(0) => return Ok((None, Some(0))),
            ModelChoice::Kept(number) => *number,
        };
        let read = self.inner.env.db.read(realm, number, |tx, number| {
            Box::pin(async move { Ok::<_, Error>(store::model(tx, *number).await?) })
        });
        let kept = read.await?.ok_or_else(|| Error::NoModel(format!("number {number}")))?;
        Ok((kept.document, Some(number)))
    }

    /// Reads a document, and sees that no device loses its profile by it. Off the threads that serve: a fleet may be large.
    pub(super) async fn fitting(
        &self,
        realm: RealmId,
        text: Option<Arc<str>>,
    ) -> Result<Model, Error> {
        let this = self.clone();
        let work = move || {
            let model = parse(text.as_deref().unwrap_or(shipped_text()))?;
            let before = this.current(realm);
            match this.left_out(realm, &before, &model) {
                Some((profile, devices)) => Err(Error::Profile { profile, devices }),
                None => Ok(model),
            }
        };
        tokio::task::spawn_blocking(work).await.map_err(Fault::bug)?
    }

    /// The profile that most devices are meant for now and that a model leaves out, and how many those are.
    fn left_out(
        &self,
        realm: RealmId,
        before: &Current,
        after: &Model,
    ) -> Option<(Arc<str>, usize)> {
        if before.model.profiles.iter().all(|profile| after.profile(&profile.name).is_some()) {
            return None;
        }
        let mut counted: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        for device in self.inner.below.devices.devices(realm) {
            let known = self.inner.index.find(device.id);
            let used = known.is_some() || device.profile.is_some();
            let meant = before.meant(Some(&device), known.as_deref()).filter(|_| used);
            let there = !matches!(device.state, State::Retired { .. });
            if let Some(profile) = meant.filter(|one| there && after.profile(&one.name).is_none()) {
                *counted.entry(Arc::clone(&profile.name)).or_default() += 1;
            }
        }
        counted.into_iter().max_by_key(|(_, devices)| *devices)
    }
}

/// One transaction: what counts is read, compared and followed by the new one.
async fn body(tx: &mut Tx, input: &Input) -> Result<Changed<KeptModel>, Error> {
    let newest = store::newest_model(tx).await?;
    let counts = match &newest {
        Some(newest) if newest.own => newest.clone(),
        Some(newest) => KeptModel { number: newest.number, ..input.shipped.clone() },
        None => input.shipped.clone(),
    };
    if input.seen.as_ref().is_some_and(|seen| !seen.contains(&counts.digest)) {
        return Err(Error::Changed);
    }
    if (counts.digest, counts.own) == (input.model.digest, input.model.own) {
        let value = newest.unwrap_or(counts);
        return Ok(Changed { value, changes: Vec::new(), rights: false });
    }
    let named = |other: &KeptModel| (Arc::clone(&other.name), other.version);
    let new = input.model.own && input.model.restores.is_none();
    let like_shipped =
        named(&input.shipped) == named(&input.model) && input.shipped.digest != input.model.digest;
    if new && (like_shipped || store::is_another(tx, &input.model).await?) {
        let (name, version) = named(&input.model);
        return Err(Error::Version { name, version });
    }
    let number = counts.number.saturating_add(1);
    let value = KeptModel { number, ..input.model.clone() };
    store::add_model(tx, &value, MODELS_KEPT).await?;
    let event = input.asker.sign(events::model_set(tx.realm(), &value, &counts.digest));
    let changes = vec![(POSTURE_MODEL, number.to_string(), event)];
    Ok(Changed { value, changes, rights: false })
}

/// Who asks, without a word that would have to be erased with a person: events know who that number is.
fn whom(asker: &Asker) -> String {
    match (asker.principal(), asker.actor()) {
        (("User", _), Some(number)) => format!("User {number}"),
        ((kind, _), _) if kind == "User" => kind.to_owned(),
        ((kind, id), _) => format!("{kind} {id}"),
    }
}

/// A year of changes in every working hour has fewer; each has a document of some kilobytes.
const MODELS_KEPT: i64 = 1000;
/// A sentence or two.
const NOTE_CHARS_MAX: usize = 500;
