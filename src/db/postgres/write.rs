//! Writes and reads: a transaction each, on the pool's connections, each in a task of its own.

use std::sync::Arc;

use super::super::RUNS_MAX;
use super::super::fault::Met;
use super::super::job::{Job, Ran};
use super::super::tx::{self, Mode, Run, Tx};
use super::fate::{self, Fate};
use super::{AWAY_AFTER, BODY_WITHIN, READ_WITHIN, Shared};
use crate::kernel::{Fault, RealmId, WriteId};

/// Why an attempt gave no answer of the body's own.
pub(super) enum Stop {
    /// Transactions met: run it again.
    Again(Fault),
    /// This is the answer.
    Fault(Fault),
}

impl From<Met> for Stop {
    fn from(met: Met) -> Self {
        if met.again { Self::Again(met.fault) } else { Self::Fault(met.fault) }
    }
}

/// Runs a body until it is committed or has failed, and answers it.
pub(super) async fn write(shared: Arc<Shared>, job: Box<dyn Job>) {
    settle(&shared, job, Mode::Write).await;
}

/// Runs a body on a snapshot, and answers it.
pub(super) async fn read(shared: Arc<Shared>, job: Box<dyn Job>) {
    settle(&shared, job, Mode::Read).await;
}

async fn settle(shared: &Shared, mut job: Box<dyn Job>, mode: Mode) {
    let mut runs = 1;
    loop {
        match attempt(shared, job.as_mut(), mode).await {
            Ok(()) => break,
            Err(Stop::Again(_)) if runs < RUNS_MAX => runs += 1,
            Err(Stop::Again(fault) | Stop::Fault(fault)) => {
                job.fail(fault);
                break;
            }
        }
    }
    job.answer();
}

/// One transaction. `Ok` means that what the body said is the answer.
async fn attempt(shared: &Shared, job: &mut dyn Job, mode: Mode) -> Result<(), Stop> {
    let (begin, patience) = match mode {
        Mode::Read => (BEGIN_SNAPSHOT, READ_WITHIN),
        Mode::Write | Mode::Change => (BEGIN, AWAY_AFTER),
    };
    let (link, room) = shared.pool.begin(begin, patience).await?.split();
    let order = job.order();
    let (realm, counter) = (order.realm, order.counter.clone());
    let run = Run::new(realm, mode, counter, None);
    let mut tx = Tx::begin(tx::Link::Postgres(Box::new(link)), run);
    let ran = run_body(job, &mut tx).await;
    let met = tx.met().cloned();
    let Some(mut link) = tx.into_postgres() else { return Ok(()) };
    match (ran, met) {
        (Ran::Panicked, _) | (_, Some(Met { lost: true, .. })) => return Ok(()),
        (Ran::Done, _) if mode == Mode::Write => commit(shared, &mut link, realm).await?,
        (_, met) => {
            if link.batch("ROLLBACK").await.is_err() {
                return Ok(());
            }
            if let Some(met) = met.filter(|met| met.again) {
                shared.pool.give_back(*link, room);
                return Err(met.into());
            }
        }
    }
    shared.pool.give_back(*link, room);
    Ok(())
}

/// Runs a body once, but not for ever.
pub(super) async fn run_body(job: &mut dyn Job, tx: &mut Tx) -> Ran {
    if let Ok(ran) = tokio::time::timeout(BODY_WITHIN, job.run(tx)).await {
        return ran;
    }
    job.fail(Fault::bug("a body may only await its transaction"));
    Ran::Panicked
}

/// Commits under a write id, by which a lost answer is looked up.
async fn commit(shared: &Shared, link: &mut super::Link, realm: RealmId) -> Result<(), Stop> {
    let id = write_id(shared).map_err(Stop::Fault)?;
    // Its write ids will be cleaned up.
    shared.heads.know(realm);
    let now = shared.clock.now();
    link.execute(fate::NOTE, realm, &[(&id).into(), now.into()]).await?;
    match link.batch("COMMIT").await {
        Ok(()) => Ok(()),
        Err(met) if met.lost => match fate::of_write(shared, realm, &id).await {
            Fate::Committed => Ok(()),
            Fate::Absent => Err(Stop::Again(met.fault)),
            Fate::Unknown => Err(Stop::Fault(Fault::OutcomeUnknown)),
        },
        Err(met) => Err(met.into()),
    }
}

/// A new write id, as stored.
pub(super) fn write_id(shared: &Shared) -> Result<String, Fault> {
    Ok(WriteId::new(shared.entropy.uuid(shared.clock.now())?).to_string())
}

/// The beginning of a write.
pub(super) const BEGIN: &str = "BEGIN";
const BEGIN_SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
