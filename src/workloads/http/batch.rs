//! Several changes of entries in one call. Neighbours of one kind share one write of the database; the order is kept.

use std::future::Future;
use std::mem::discriminant;
use std::sync::Arc;

use super::{conditional, forms};
use crate::access::Administrator;
use crate::http::Problem;
use crate::kernel::limits::BATCH_ITEMS_MAX;
use crate::wire::api::{BatchItem, BatchResult, EntryInput};
use crate::workloads::model::{Entry, Error};
use crate::workloads::update_entries::{Change, UpdateEntries};
use crate::workloads::{CreateEntries, DeleteEntries, Workloads};

/// One result an item, in their order. Fails as a whole only where nothing was done.
pub(super) async fn run(
    workloads: &Workloads,
    by: &Administrator,
    items: Vec<BatchItem>,
) -> Result<Vec<BatchResult>, Error> {
    if !(1..=BATCH_ITEMS_MAX).contains(&items.len()) {
        return Err(Error::BatchSize);
    }
    let mut results = Vec::with_capacity(items.len());
    let mut items = items.into_iter().peekable();
    while let Some(first) = items.next() {
        let kind = discriminant(&first);
        let mut run = vec![first];
        while let Some(next) = items.next_if(|next| discriminant(next) == kind) {
            run.push(next);
        }
        let length = run.len();
        match neighbours(workloads, by, run).await {
            Ok(done) => results.extend(done),
            Err(error) if results.is_empty() => return Err(error),
            // Something was done before, and the caller must learn of it.
            Err(error) => results.extend(vec![refused(Problem::from(error)); length]),
        }
    }
    Ok(results)
}

async fn neighbours(
    workloads: &Workloads,
    by: &Administrator,
    run: Vec<BatchItem>,
) -> Result<Vec<BatchResult>, Error> {
    let (mut create, mut update, mut delete) = (Vec::new(), Vec::new(), Vec::new());
    for item in run {
        match item {
            BatchItem::Create { entry } => create.push(forms::draft(entry)),
            BatchItem::Update { id, revision, entry } => {
                update.push((change(&id, revision, entry), revision.is_some()));
            }
            BatchItem::Delete { id, revision } => {
                delete.push((forms::id("id", &id).map(|id| (id, revision)), revision.is_some()));
            }
        }
    }
    let realm = by.realm;
    let made = each(create, |drafts| {
        workloads.create(CreateEntries { realm, by: by.asker.clone(), drafts })
    })
    .await?;
    let (update, when) = split(update);
    let changed = each(update, |changes| {
        workloads.update(UpdateEntries { realm, by: by.asker.clone(), changes })
    })
    .await?;
    let changed = changed.into_iter().zip(when).map(|(outcome, when)| entry(200, outcome, when));
    let (delete, when) = split(delete);
    let gone = each(delete, |items| {
        workloads.delete(DeleteEntries { realm, by: by.asker.clone(), items })
    })
    .await?;
    let gone = gone.into_iter().zip(when).map(|(outcome, when)| match outcome {
        Ok(()) => BatchResult { status: 204, entry: None, problem: None },
        Err(error) => refused(conditional(error, when)),
    });
    let made = made.into_iter().map(|outcome| entry(201, outcome, false));
    Ok(made.chain(changed).chain(gone).collect())
}

fn change(id: &str, revision: Option<i64>, entry: EntryInput) -> Result<Change, Error> {
    let id = forms::id("id", id)?;
    let draft = forms::draft(entry)?;
    if draft.id.as_ref().is_some_and(|said| *said != id) {
        return Err(Error::invalid("id", "is that of the item, or not said"));
    }
    Ok(Change { id, revision, draft })
}

fn entry(status: u16, outcome: Result<Arc<Entry>, Error>, condition: bool) -> BatchResult {
    match outcome {
        Ok(entry) => BatchResult { status, entry: Some(forms::shown(&entry)), problem: None },
        Err(error) => refused(conditional(error, condition)),
    }
}

fn refused(problem: Problem) -> BatchResult {
    let problem = problem.into_document();
    BatchResult { status: problem.status, entry: None, problem: Some(problem) }
}

type Read<T> = Vec<Result<T, Error>>;

fn split<T>(items: Vec<(Result<T, Error>, bool)>) -> (Read<T>, Vec<bool>) {
    items.into_iter().unzip()
}

/// Asks about what could be read, and sets the outcomes between the refusals of what could not.
async fn each<T, U, F>(
    read: Read<T>,
    act: impl FnOnce(Vec<T>) -> F,
) -> Result<Vec<Result<U, Error>>, Error>
where
    F: Future<Output = Result<Vec<Result<U, Error>>, Error>>,
{
    let mut refusals = Vec::with_capacity(read.len());
    let mut good = Vec::new();
    for item in read {
        match item {
            Ok(item) => {
                good.push(item);
                refusals.push(None);
            }
            Err(error) => refusals.push(Some(error)),
        }
    }
    let done = if good.is_empty() { Vec::new() } else { act(good).await? };
    let mut done = done.into_iter();
    Ok(refusals
        .into_iter()
        .filter_map(|refused| refused.map(Err).or_else(|| done.next()))
        .collect())
}
