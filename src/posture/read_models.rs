//! Look at the models that a realm set: which counts, which counted before.

use std::sync::Arc;

use crate::access::Administrator;

use super::model::{KeptModel, ReadPostureModel};
use super::scoring::shipped_text;
use super::{Error, Posture, store};

/// A model, by its document or by the number under which it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelChoice {
    /// This document.
    Document(Arc<str>),
    /// The one of this number; 0 is the one that is shipped.
    Kept(i64),
}

impl Posture {
    /// The models that were set, newest first, before this number, without their documents; and which number counts.
    pub async fn models(
        &self,
        by: Administrator,
        before: Option<i64>,
        limit: usize,
    ) -> Result<(Vec<KeptModel>, i64), Error> {
        let realm = by.realm;
        self.inner.below.access.permit(ReadPostureModel { by })?.spend();
        let shipped = self.shipped();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let input = (before.unwrap_or(i64::MAX), limit);
        let read = self.inner.env.db.read(realm, input, |tx, (before, limit)| {
            Box::pin(async move {
                let counts = store::newest_model(tx).await?.map_or(0, |newest| newest.number);
                Ok::<_, Error>((store::models(tx, *before, *limit).await?, counts))
            })
        });
        let (mut models, counts) = read.await?;
        if before.is_none() && counts == 0 {
            models.push(shipped);
        }
        Ok((models, counts))
    }

    /// The model that counts, with its document, which may be the shipped one; with a number, the one kept under it.
    pub async fn model(
        &self,
        by: Administrator,
        number: Option<i64>,
    ) -> Result<(KeptModel, i64), Error> {
        let realm = by.realm;
        self.inner.below.access.permit(ReadPostureModel { by })?.spend();
        let read = self.inner.env.db.read(realm, number, |tx, number| {
            Box::pin(async move {
                let counts = store::newest_model(tx).await?.map_or(0, |newest| newest.number);
                let wanted = number.unwrap_or(counts);
                let found = if wanted == 0 { None } else { store::model(tx, wanted).await? };
                Ok::<_, Error>((found, wanted, counts))
            })
        });
        let (found, wanted, counts) = read.await?;
        let model = match found {
            Some(model) if model.own => model,
            Some(model) => KeptModel { document: Some(shipped_text().into()), ..model },
            None if wanted == 0 => self.shipped(),
            None => return Err(Error::NoModel(format!("number {wanted}"))),
        };
        Ok((model, counts))
    }

    /// The one that is shipped, as if it had been kept under the number 0.
    fn shipped(&self) -> KeptModel {
        let shipped = KeptModel::of(&self.inner.index.shipped().model, None);
        KeptModel { document: Some(shipped_text().into()), ..shipped }
    }
}
