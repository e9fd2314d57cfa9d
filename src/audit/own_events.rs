//! What a person may know of what happened to them.

use crate::kernel::{RealmId, SubjectId};

use super::Audit;
use super::model::{Error, Query, Record};

impl Audit {
    /// The newest events about this person, at most `limit`. For that person alone, on their own pages: whoever calls has
    /// seen their session, and no policy can hide from people what happened to them.
    pub async fn about_person(
        &self,
        realm: RealmId,
        person: SubjectId,
        limit: usize,
    ) -> Result<Vec<Record>, Error> {
        let query = Query { subject: Some(person), limit, ..Query::default() };
        Ok(self.read(realm, query).await?.items)
    }
}
