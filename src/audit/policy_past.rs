//! What a policy was: its changes, from the events that tell of them. And back to what it was before one of them.

use std::sync::Arc;

use crate::access::{
    Administrator, ChangeError, DeletePolicy, Name, POLICY_DELETED, POLICY_SET, Rights, Seen,
    SetPolicy,
};
use crate::crypto::digest::sha256;
use crate::events::Part;
use crate::kernel::{Failure, Kind, Timestamp};

use super::Audit;
use super::model::{Error, Origin, Place, Query, ReadEvents, Record};

/// A change of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyChange {
    /// Its number in the change log.
    pub number: u64,
    /// When.
    pub time: Timestamp,
    /// Who, as events name them; nothing where that was erased.
    pub by: Option<String>,
    /// The text since then; nothing where it was removed.
    pub text: Option<String>,
    /// The realm's own text before; nothing where it had none.
    pub before: Option<String>,
}

impl Audit {
    /// The changes of a policy behind this place, newest first, some of them; and where older ones are.
    pub async fn policy_past(
        &self,
        by: &Administrator,
        name: &Name,
        after: Option<Place>,
    ) -> Result<(Vec<PolicyChange>, Option<Place>), Error> {
        let mut found = Vec::new();
        let mut query = Query { kind: Some(KINDS.to_owned()), after, ..Query::default() };
        for _ in 0..LOOKS_MAX {
            let ask = ReadEvents { realm: by.realm, asker: by.asker.clone(), query: query.clone() };
            let page = self.list(ask).await?;
            found.extend(page.items.iter().filter_map(|record| change(record, name)));
            query.after = page.next;
            if query.after.is_none() || !found.is_empty() {
                break;
            }
        }
        Ok((found, query.after))
    }

    /// Puts a policy back to what it was before its last change, or before the one of this number. Gives its text; nothing
    /// where the realm had none of its own then.
    pub async fn roll_back_policy(
        &self,
        rights: &Rights,
        by: Administrator,
        (name, before): (Name, Option<u64>),
    ) -> Result<Option<Arc<str>>, RollbackError> {
        let (mut newest, mut wanted, mut after) = (None, None, None);
        loop {
            let (changes, next) = self.policy_past(&by, &name, after).await?;
            for change in changes {
                newest.get_or_insert_with(|| change.text.clone());
                if before.is_none_or(|number| change.number == number) {
                    wanted.get_or_insert(change);
                }
            }
            after = next;
            if wanted.is_some() || after.is_none() {
                break;
            }
        }
        let wanted = wanted.ok_or_else(|| RollbackError::NoChange(name.clone()))?;
        // Of two who roll back, or change it meanwhile, one is told.
        let seen = match newest.flatten() {
            Some(text) => Seen::OneOf(vec![sha256(text.as_bytes())]),
            None => Seen::Anything,
        };
        let (realm, asker) = (by.realm, by.asker);
        let Some(text) = wanted.before else {
            rights.delete_policy(DeletePolicy { asker, realm, name, seen }).await?;
            return Ok(None);
        };
        let text: Arc<str> = Arc::from(text);
        let ask = SetPolicy { asker, realm, name, text: Arc::clone(&text), seen };
        rights.set_policy(ask).await?;
        Ok(Some(text))
    }
}

fn change(record: &Record, name: &Name) -> Option<PolicyChange> {
    let (Part::Open(about), true) =
        (&record.about, record.kind == POLICY_SET || record.kind == POLICY_DELETED)
    else {
        return None;
    };
    let said = |member: &str| about.get(member)?.as_str().map(str::to_owned);
    let Origin::ChangeLog { seq, .. } = record.origin else { return None };
    let by = match &record.by {
        Part::Open(fields) => fields.get("id").and_then(|id| id.as_str()).map(str::to_owned),
        Part::Empty | Part::Erased => None,
    };
    (said("name").as_deref() == Some(name.as_str())).then(|| PolicyChange {
        number: u64::try_from(seq).unwrap_or(0),
        time: record.time,
        by,
        text: said("text"),
        before: said("before"),
    })
}

/// Why a policy was not put back.
#[derive(Debug, thiserror::Error)]
pub enum RollbackError {
    /// No such change of it is on record.
    #[error("no such change of the policy `{0}` is on record")]
    NoChange(Name),
    /// The events cannot be read.
    #[error(transparent)]
    Events(#[from] Error),
    /// It could not be changed.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<RollbackError> for Failure {
    fn from(error: RollbackError) -> Self {
        match error {
            RollbackError::NoChange(_) => {
                Self::new(Kind::NotFound, "access.not_found", error.to_string())
            }
            RollbackError::Events(error) => error.into(),
            RollbackError::Change(error) => error.into(),
        }
    }
}

/// The kinds of events among which those of policies are.
const KINDS: &str = "access.";
/// Readings of the log for one page.
const LOOKS_MAX: usize = 4;
