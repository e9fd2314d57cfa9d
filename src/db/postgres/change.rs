//! The changes of one realm, in groups: lock the head row, run the bodies that wait, one statement for the head, the
//! numbered rows and the group's write id, COMMIT.
//!
//! The head's lock comes first, so groups of two replicas cannot deadlock, and the order of numbers is the order of
//! commits. There are no savepoints: a body that fails after a statement of its own makes the others run again without
//! it. All answers, errors too, leave after the COMMIT.

use std::collections::VecDeque;
use std::sync::Arc;

use sqlx::Arguments;
use sqlx::postgres::PgArguments;
use tokio::sync::mpsc;

use super::super::fault::{Met, lost};
use super::super::job::{Job, Ran};
use super::super::tx::{self, Head, Mode, NewChange, Run, Tx};
use super::super::{GROUP_BODIES_MAX, GROUP_TIME_MAX, RUNS_MAX};
use super::fate::{self, Fate};
use super::write::{BEGIN, run_body, write_id};
use super::{AWAY_AFTER, Link, Shared};
use crate::kernel::{Fault, Lifetime, RealmId};

type Group = Vec<Box<dyn Job>>;

/// One realm's runner.
struct Runner {
    shared: Arc<Shared>,
    realm: RealmId,
    inbox: mpsc::Receiver<Box<dyn Job>>,
    /// Taken from the inbox, but not part of the group that took it.
    held: VecDeque<Box<dyn Job>>,
    link: Option<Box<Link>>,
}

/// How an attempt to run a group ended, if not by a COMMIT.
enum Attempt {
    /// The body at this place failed; the others run again without it.
    Without(usize),
    /// The group runs again: transactions met, or a lost COMMIT turned out not to have happened.
    Again(Fault),
    /// The COMMIT was refused: each runs again alone.
    NotCommitted(Fault),
    /// Nothing was done, or it cannot be told.
    Lost(Fault),
    /// There was no transaction to begin with: those who wait would meet the same.
    NotBegun(Fault),
}

impl From<Met> for Attempt {
    fn from(met: Met) -> Self {
        if met.again { Self::Again(met.fault) } else { Self::Lost(met.fault) }
    }
}

/// What a group has done so far.
struct Done {
    head: Head,
    moved: bool,
    changes: Vec<(i64, NewChange)>,
}

/// Runs what comes until nobody can send more.
pub(super) async fn run(shared: Arc<Shared>, realm: RealmId, inbox: mpsc::Receiver<Box<dyn Job>>) {
    let mut runner = Runner { shared, realm, inbox, held: VecDeque::new(), link: None };
    loop {
        let next = match runner.held.pop_front() {
            Some(job) => Some(job),
            None => runner.inbox.recv().await,
        };
        let Some(job) = next else { return };
        runner.group(vec![job]).await;
    }
}

impl Runner {
    /// Runs a group that begins with these bodies, and answers them.
    async fn group(&mut self, mut group: Group) {
        let mut failed = Vec::new();
        let mut runs = 1;
        let mut grow = true;
        while !group.is_empty() {
            match self.attempt(&mut group, grow).await {
                Ok(()) => break,
                Err(Attempt::Without(at)) => failed.push(group.remove(at)),
                Err(Attempt::Again(_)) if runs < RUNS_MAX => runs += 1,
                Err(Attempt::NotCommitted(_)) if group.len() + failed.len() > 1 => {
                    group.append(&mut failed);
                    for job in group {
                        self.alone(job).await;
                    }
                    return;
                }
                Err(Attempt::NotBegun(fault)) => {
                    group.extend(self.held.drain(..));
                    group.extend(std::iter::from_fn(|| self.inbox.try_recv().ok()));
                    fail(&mut group, &fault);
                    break;
                }
                Err(
                    Attempt::Again(fault) | Attempt::NotCommitted(fault) | Attempt::Lost(fault),
                ) => {
                    fail(&mut group, &fault);
                    break;
                }
            }
            grow = false;
        }
        for job in group.into_iter().chain(failed) {
            job.answer();
        }
    }

    async fn alone(&mut self, job: Box<dyn Job>) {
        let mut group = vec![job];
        let mut runs = 1;
        let fault = loop {
            match self.attempt(&mut group, false).await {
                Ok(()) | Err(Attempt::Without(_)) => break None,
                Err(Attempt::Again(_)) if runs < RUNS_MAX => runs += 1,
                Err(
                    Attempt::Again(fault)
                    | Attempt::NotCommitted(fault)
                    | Attempt::Lost(fault)
                    | Attempt::NotBegun(fault),
                ) => break Some(fault),
            }
        };
        for mut job in group {
            if let Some(fault) = &fault {
                job.fail(fault.clone());
            }
            job.answer();
        }
    }

    /// One transaction with all of the group in it, and with what else waits if it may `grow`.
    async fn attempt(&mut self, group: &mut Group, grow: bool) -> Result<(), Attempt> {
        let begun = tokio::time::timeout(AWAY_AFTER, self.begin()).await;
        let (link, head) = begun
            .unwrap_or_else(|_| Err(lost("no connection in time")))
            .map_err(|met| if met.again { met.into() } else { Attempt::NotBegun(met.fault) })?;
        let newest = self.shared.heads.newest(self.realm);
        let mut done = Done { head, moved: false, changes: Vec::new() };
        if head.history == newest.history && head.seq < newest.seq {
            // The database was restored under us: whoever saw more must take everything anew.
            done.head = Head { history: head.history + 1, rights_seq: head.seq, ..head };
            done.moved = true;
        }
        let idle =
            Run::new(self.realm, Mode::Change, super::super::count::Counter::default(), None);
        let mut tx = Tx::new(tx::Link::Postgres(link), idle);
        let ran = self.bodies(&mut tx, group, grow, &mut done).await;
        let gone = tx.met().is_some_and(|met| met.lost);
        let Some(mut link) = tx.into_postgres() else {
            return Err(Attempt::Lost(Fault::bug("no connection")));
        };
        match ran {
            Ok(()) => self.finish(link, done).await,
            Err((attempt, Ran::Panicked)) => {
                drop(link);
                Err(attempt)
            }
            Err((attempt, _)) => {
                if !gone && link.batch("ROLLBACK").await.is_ok() {
                    self.link = Some(link);
                }
                Err(attempt)
            }
        }
    }

    /// A transaction that holds the realm's head. A connection that died while idle is replaced.
    async fn begin(&mut self) -> Result<(Box<Link>, Head), Met> {
        if let Some(mut link) = self.link.take() {
            match self.lock(&mut link).await {
                Ok(head) => return Ok((link, head)),
                Err(met) if met.lost => {}
                Err(met) => {
                    if link.batch("ROLLBACK").await.is_ok() {
                        self.link = Some(link);
                    }
                    return Err(met);
                }
            }
        }
        let mut link = Box::new(self.shared.pool.own().await?);
        let head = self.lock(&mut link).await?;
        Ok((link, head))
    }

    async fn lock(&mut self, link: &mut Link) -> Result<Head, Met> {
        link.batch(BEGIN).await?;
        let mut row = link.row(LOCK_HEAD, self.realm, &[]).await?;
        if row.is_none() {
            link.execute(FIRST_HEAD, self.realm, &[]).await?;
            row = link.row(LOCK_HEAD, self.realm, &[]).await?;
        }
        Ok(row.as_ref().map_or(Ok(Head::START), Head::from_row)?)
    }

    async fn bodies(
        &mut self,
        tx: &mut Tx,
        group: &mut Group,
        grow: bool,
        done: &mut Done,
    ) -> Result<(), (Attempt, Ran)> {
        let clock = Arc::clone(&self.shared.clock);
        let until = clock.elapsed().as_micros().saturating_add(GROUP_TIME_MAX.as_micros());
        let mut at = 0;
        while let Some(job) = group.get_mut(at) {
            let ran = body(job.as_mut(), tx, done).await;
            let rights = match ran {
                Ok(rights) => rights,
                Err(ran) => match tx.met() {
                    Some(met) if met.again || met.lost => return Err((met.clone().into(), ran)),
                    _ if tx.touched() || ran == Ran::Panicked => {
                        return Err((Attempt::Without(at), ran));
                    }
                    _ => false,
                },
            };
            at += 1;
            if rights {
                // Permits older than this are refused from here on: by the next group, once it is committed.
                for job in group.drain(at..).rev() {
                    self.held.push_front(job);
                }
            } else if grow && clock.elapsed() < Lifetime::micros(until) {
                self.grow(group, at);
            }
        }
        Ok(())
    }

    /// Adds the next body that waits, once the group has run all it has.
    fn grow(&mut self, group: &mut Group, ran: usize) {
        if ran == group.len() && ran < GROUP_BODIES_MAX {
            group.extend(self.held.pop_front().or_else(|| self.inbox.try_recv().ok()));
        }
    }

    /// Numbers, commits, and tells followers.
    async fn finish(&mut self, mut link: Box<Link>, done: Done) -> Result<(), Attempt> {
        let id = write_id(&self.shared).map_err(Attempt::Lost)?;
        let moved = done.moved.then(|| done.head.cursor());
        let arguments =
            self.arguments(&id, done).map_err(|error| Attempt::Lost(Fault::bug(error)))?;
        if let Err(met) = link.execute_with(FINISH, arguments).await {
            if !met.lost && link.batch("ROLLBACK").await.is_ok() {
                self.link = Some(link);
            }
            return Err(met.into());
        }
        match link.batch("COMMIT").await {
            Ok(()) => self.link = Some(link),
            Err(met) if met.lost => match fate::of_group(&self.shared, self.realm, &id).await {
                Fate::Committed => {}
                Fate::Absent => return Err(Attempt::Again(met.fault)),
                Fate::Unknown => return Err(Attempt::Lost(Fault::OutcomeUnknown)),
            },
            Err(met) if met.again => return Err(met.into()),
            Err(met) => return Err(Attempt::NotCommitted(met.fault)),
        }
        if let Some(head) = moved {
            self.shared.heads.hear(self.realm, head);
            self.shared.notices.tell(self.realm, head);
        }
        Ok(())
    }

    fn arguments(&self, id: &str, done: Done) -> Result<PgArguments, sqlx::error::BoxDynError> {
        let mut columns = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (seq, change) in done.changes {
            columns.0.push(seq);
            columns.1.push(change.kind);
            columns.2.push(change.key);
            columns.3.push(change.event);
        }
        let mut arguments = PgArguments::default();
        arguments.add(self.realm.0)?;
        arguments.add(done.head.history)?;
        arguments.add(done.head.seq)?;
        arguments.add(done.head.rights_seq)?;
        arguments.add(id)?;
        arguments.add(self.shared.clock.now().micros())?;
        arguments.add(columns.0)?;
        arguments.add(columns.1)?;
        arguments.add(columns.2)?;
        arguments.add(columns.3)?;
        Ok(arguments)
    }
}

fn fail(group: &mut Group, fault: &Fault) {
    for job in group {
        job.fail(fault.clone());
    }
}

/// Runs a body and numbers what it changed; true if it changed rights.
async fn body(job: &mut dyn Job, tx: &mut Tx, done: &mut Done) -> Result<bool, Ran> {
    let order = job.order();
    let (realm, counter) = (order.realm, order.counter.clone());
    let seen = order.granted.as_ref().and_then(|granted| granted.rights_seq);
    tx.next_run(Run::new(realm, Mode::Change, counter, Some(done.head)));
    if seen.is_some_and(|seen| seen != done.head.rights_seq) {
        job.fail(Fault::RightsChanged);
        return Err(Ran::Failed);
    }
    let ran = run_body(job, tx).await;
    if ran != Ran::Done {
        return Err(ran);
    }
    let (changes, rights) = tx.take_changes();
    if changes.is_empty() {
        return Ok(false);
    }
    for change in changes {
        done.head.seq = done.head.seq.saturating_add(1);
        done.changes.push((done.head.seq, change));
    }
    if rights {
        done.head.rights_seq = done.head.seq;
    }
    done.moved = true;
    job.numbered(done.head.cursor());
    Ok(rights)
}

/// Waits for other replicas' groups, and holds the realm's head until the end.
pub(super) const LOCK_HEAD: &str =
    "SELECT history, seq, rights_seq FROM change_head WHERE realm = $1 FOR UPDATE";
const FIRST_HEAD: &str = "INSERT INTO change_head (realm, history, seq, rights_seq) VALUES ($1, 1, 0, 0) \
    ON CONFLICT (realm) DO NOTHING";
const FINISH: &str = "WITH moved AS (\
        UPDATE change_head SET history = $2, seq = $3, rights_seq = $4 WHERE realm = $1), \
    done AS (INSERT INTO write_done (realm, id, at) VALUES ($1, $5, $6)) \
    INSERT INTO change (realm, history, seq, kind, key, event, at) \
    SELECT $1, $2, new.seq, new.kind, new.key, new.event, $6 \
    FROM unnest($7::bigint[], $8::text[], $9::text[], $10::bytea[]) AS new(seq, kind, key, event)";
