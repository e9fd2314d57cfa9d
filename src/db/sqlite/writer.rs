//! The writer thread: bodies that wait share one transaction, each under a savepoint; answers leave after the COMMIT.
//!
//! A lone body waits for nobody. Where several came together, the next group waits up to 2 ms until as many are there again:
//! callers come in rounds, each asks again once it has its answer. A group takes what waits, at most 64 bodies, and no more
//! once it has worked for 5 ms. A body that fails takes back its own savepoint. Where a fault ended the whole transaction, it is that body's
//! answer, and the others run again without it. Where the COMMIT failed, each runs again alone.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot};

use super::super::count::Counter;
use super::super::fault::Met;
use super::super::heads::Heads;
use super::super::job::{Job, Ran};
use super::super::tx::{self, Head, Mode, Run, Tx};
use super::super::{GROUP_BODIES_MAX, GROUP_TIME_MAX, RUNS_MAX, Value};
use super::{BEGIN, COMMIT, Gate, Link};
use crate::env::Clock;
use crate::kernel::{Fault, Lifetime, RealmId};

/// What the writer is asked for.
pub(super) enum Message {
    /// Run a body.
    Run(Box<dyn Job>),
    /// Empty the write-ahead log.
    Truncate(oneshot::Sender<Result<(), Fault>>),
    /// From now on take no change, or take them again: what a medium does that can only be read.
    #[cfg(feature = "testkit")]
    ReadOnly(bool, oneshot::Sender<Result<(), Fault>>),
}

/// The thread's state.
pub(super) struct Writer {
    tx: Tx,
    inbox: mpsc::Receiver<Message>,
    gate: Arc<Gate>,
    /// How many were answered by the last group, or came while it worked.
    companions: usize,
    /// Taken from the inbox, but not part of the group that took it.
    held: VecDeque<Message>,
    heads: Arc<Heads>,
    clock: Arc<dyn Clock>,
}

type Group = Vec<Box<dyn Job>>;

/// The ends of the logs that a group moves.
#[derive(Default)]
struct Ends(HashMap<RealmId, (Head, bool)>);

/// How an attempt to run a group ended.
enum Attempt {
    /// Committed: everybody gets an answer.
    Committed,
    /// The body at this place met a fault that ended the transaction.
    Ended(usize, Fault),
    /// The COMMIT failed.
    NotCommitted(Fault),
    /// There was no transaction to begin with.
    NotBegun(Fault),
}

impl Writer {
    /// A writer over this connection.
    pub(super) fn new(
        link: Link,
        (inbox, gate): (mpsc::Receiver<Message>, Arc<Gate>),
        heads: Arc<Heads>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let idle = Run::new(RealmId::SYSTEM, Mode::Write, Counter::default(), None);
        let tx = Tx::new(tx::Link::Sqlite(link), idle);
        Self { tx, inbox, gate, companions: 0, held: VecDeque::new(), heads, clock }
    }

    /// Runs what comes until nobody can send more.
    pub(super) fn run(mut self) {
        while let Some(message) = self.next() {
            match message {
                Message::Run(job) => self.group(vec![job]),
                Message::Truncate(caller) => {
                    // A caller that went away needs no answer.
                    let _gone = caller.send(self.truncate());
                }
                #[cfg(feature = "testkit")]
                Message::ReadOnly(on, caller) => {
                    let pragma =
                        if on { "PRAGMA query_only = ON" } else { "PRAGMA query_only = OFF" };
                    let done = self.tx.sqlite().control(pragma).map_err(|met| met.fault);
                    let _gone = caller.send(done);
                }
            }
        }
    }

    fn next(&mut self) -> Option<Message> {
        let companions = std::mem::take(&mut self.companions);
        if companions > 1 && self.held.is_empty() {
            self.gate.wait(companions.min(GROUP_BODIES_MAX), || self.inbox.len());
        }
        self.held.pop_front().or_else(|| self.inbox.blocking_recv())
    }

    fn truncate(&mut self) -> Result<(), Fault> {
        let row = self.tx.sqlite().row(TRUNCATE, RealmId::SYSTEM, &[]).map_err(|met| met.fault)?;
        match row.map(|row| row.int("busy")).transpose()? {
            Some(0) => Ok(()),
            _ => Err(Fault::away("database", "a reader holds the write-ahead log")),
        }
    }

    /// Runs a group that begins with these bodies, and answers them.
    fn group(&mut self, mut group: Group) {
        let mut grow = true;
        let began = self.clock.elapsed();
        loop {
            match self.attempt(&mut group, grow) {
                Attempt::Committed => {
                    let took = self.clock.elapsed().as_micros().saturating_sub(began.as_micros());
                    // A group that took long had company enough: what came meanwhile.
                    if took < GROUP_TIME_MAX.as_micros() {
                        self.companions = group.len().saturating_add(self.inbox.len());
                    }
                    return answer(group);
                }
                Attempt::Ended(at, fault) => {
                    let mut job = group.remove(at);
                    if job.succeeded() {
                        job.fail(fault);
                    }
                    job.answer();
                }
                Attempt::NotCommitted(fault) if group.len() < 2 => return fail(group, &fault),
                Attempt::NotCommitted(_) => {
                    for job in group {
                        self.alone(job);
                    }
                    return;
                }
                Attempt::NotBegun(fault) => {
                    fail(group, &fault);
                    return self.fail_waiting(&fault);
                }
            }
            if group.is_empty() {
                return;
            }
            grow = false;
        }
    }

    /// Those who wait would meet the same, one after the other.
    fn fail_waiting(&mut self, fault: &Fault) {
        while let Some(message) = self.held.pop_front().or_else(|| self.inbox.try_recv().ok()) {
            match message {
                Message::Run(job) => fail(vec![job], fault),
                Message::Truncate(caller) => {
                    // A caller that went away needs no answer.
                    let _gone = caller.send(Err(fault.clone()));
                }
                #[cfg(feature = "testkit")]
                other @ Message::ReadOnly(..) => return self.held.push_front(other),
            }
        }
    }

    fn alone(&mut self, job: Box<dyn Job>) {
        let mut group = vec![job];
        match self.attempt(&mut group, false) {
            Attempt::Committed => answer(group),
            Attempt::Ended(_, fault) | Attempt::NotCommitted(fault) | Attempt::NotBegun(fault) => {
                fail(group, &fault);
            }
        }
    }

    /// One transaction with all of the group in it, and with what else waits if it may `grow`.
    fn attempt(&mut self, group: &mut Group, grow: bool) -> Attempt {
        if let Err(fault) = self.begin() {
            return Attempt::NotBegun(fault);
        }
        let until = self.clock.elapsed().as_micros().saturating_add(GROUP_TIME_MAX.as_micros());
        let mut ends = Ends::default();
        let mut at = 0;
        while let Some(job) = group.get_mut(at) {
            let ended = self.savepoint(job.as_mut(), &mut ends);
            if self.tx.sqlite().ended() {
                let lost = || Fault::bug("a body ended its transaction");
                return Attempt::Ended(at, ended.err().unwrap_or_else(lost));
            }
            at += 1;
            if ended.is_ok_and(|rights| rights) {
                // Permits older than this are refused from here on: by the next group, once it is committed.
                let rest = group.split_off(at);
                self.hold(rest);
            } else {
                let may = grow && self.clock.elapsed() < Lifetime::micros(until);
                self.grow(group, at, may);
            }
        }
        match self.finish(&ends) {
            Ok(()) => Attempt::Committed,
            Err(fault) => {
                self.tx.sqlite().rollback();
                Attempt::NotCommitted(fault)
            }
        }
    }

    fn begin(&mut self) -> Result<(), Fault> {
        let mut runs = 1;
        loop {
            match self.tx.sqlite().control(BEGIN) {
                Ok(()) => return Ok(()),
                Err(met) if met.again && runs < RUNS_MAX => runs += 1,
                Err(met) => return Err(met.fault),
            }
        }
    }

    /// Adds the next body that waits, once the group has run all it has.
    fn grow(&mut self, group: &mut Group, ran: usize, may: bool) {
        if !may || ran < group.len() || ran >= GROUP_BODIES_MAX {
            return;
        }
        match self.held.pop_front().or_else(|| self.inbox.try_recv().ok()) {
            Some(Message::Run(job)) => group.push(job),
            Some(other) => self.held.push_front(other),
            None => {}
        }
    }

    fn hold(&mut self, rest: Group) {
        for job in rest.into_iter().rev() {
            self.held.push_front(Message::Run(job));
        }
    }

    /// Runs a body under its savepoint; true if it changed rights. A body that failed has taken back what it wrote.
    fn savepoint(&mut self, job: &mut dyn Job, ends: &mut Ends) -> Result<bool, Fault> {
        let control = |tx: &mut Tx, sql| tx.sqlite().control(sql).map_err(|met| met.fault);
        if let Err(fault) = control(&mut self.tx, SAVEPOINT) {
            job.fail(fault.clone());
            return Err(fault);
        }
        let ran = self.body(job, ends);
        let fault = match ran {
            Ok(rights) => match control(&mut self.tx, RELEASE) {
                Ok(()) => return Ok(rights),
                Err(fault) => fault,
            },
            Err(fault) => fault,
        };
        if job.succeeded() {
            job.fail(fault.clone());
        }
        if !self.tx.sqlite().ended() {
            control(&mut self.tx, TAKE_BACK).and_then(|()| control(&mut self.tx, RELEASE))?;
        }
        Err(fault)
    }

    /// Runs a body and numbers what it changed.
    fn body(&mut self, job: &mut dyn Job, ends: &mut Ends) -> Result<bool, Fault> {
        let order = job.order();
        let (realm, counter) = (order.realm, order.counter.clone());
        let seen = order.granted.as_ref().map(|granted| granted.rights_seq);
        let (mode, head) = match seen {
            None => (Mode::Write, None),
            Some(rights) => {
                let head = ends.of(&mut self.tx, realm)?;
                if rights.is_some_and(|seen| seen != head.rights_seq) {
                    job.fail(Fault::RightsChanged);
                    return Err(Fault::RightsChanged);
                }
                (Mode::Change, Some(head))
            }
        };
        self.tx.next_run(Run::new(realm, mode, counter, head));
        match job.run(&mut self.tx).now_or_never() {
            Some(Ran::Done) => {}
            Some(Ran::Failed | Ran::Panicked) => {
                return Err(self.tx.fault().unwrap_or_else(|| Fault::bug("the body failed")));
            }
            None => {
                let fault = Fault::bug("a body may only await its transaction");
                job.fail(fault.clone());
                return Err(fault);
            }
        }
        let Some(head) = head else { return Ok(false) };
        self.number(job, realm, head, ends)
    }

    fn number(
        &mut self,
        job: &mut dyn Job,
        realm: RealmId,
        mut head: Head,
        ends: &mut Ends,
    ) -> Result<bool, Fault> {
        let (changes, rights) = self.tx.take_changes();
        if changes.is_empty() {
            return Ok(false);
        }
        let now = self.clock.now();
        for change in &changes {
            head.seq = head.seq.saturating_add(1);
            let values: [Value<'_>; 6] = [
                head.history.into(),
                head.seq.into(),
                change.kind.into(),
                (&change.key).into(),
                (&change.event).into(),
                now.into(),
            ];
            self.tx.sqlite().execute(CHANGE, realm, &values).map_err(|met| met.fault)?;
        }
        if rights {
            head.rights_seq = head.seq;
        }
        ends.0.insert(realm, (head, true));
        job.numbered(head.cursor());
        Ok(rights)
    }

    /// Moves the heads, commits, and tells followers.
    fn finish(&mut self, ends: &Ends) -> Result<(), Fault> {
        for (realm, head) in ends.moved() {
            let values = [head.history.into(), head.seq.into(), head.rights_seq.into()];
            self.tx.sqlite().execute(MOVE_HEAD, realm, &values).map_err(|met| met.fault)?;
        }
        self.tx.sqlite().control(COMMIT).map_err(unsure)?;
        for (realm, head) in ends.moved() {
            self.heads.hear(realm, head.cursor());
        }
        Ok(())
    }
}

impl Ends {
    fn of(&mut self, tx: &mut Tx, realm: RealmId) -> Result<Head, Fault> {
        if let Some((head, _)) = self.0.get(&realm) {
            return Ok(*head);
        }
        let row = tx.sqlite().row(tx::HEAD, realm, &[]).map_err(|met| met.fault)?;
        let head = row.as_ref().map_or(Ok(Head::START), Head::from_row)?;
        self.0.insert(realm, (head, false));
        Ok(head)
    }

    fn moved(&self) -> impl Iterator<Item = (RealmId, Head)> {
        self.0.iter().filter(|(_, (_, moved))| *moved).map(|(realm, (head, _))| (*realm, *head))
    }
}

/// A COMMIT whose write or sync failed may still be found in the log after a crash.
fn unsure(met: Met) -> Fault {
    match met.fault {
        Fault::Away { .. } if !met.again => Fault::OutcomeUnknown,
        fault => fault,
    }
}

fn answer(group: Group) {
    for job in group {
        job.answer();
    }
}

fn fail(group: Group, fault: &Fault) {
    for mut job in group {
        job.fail(fault.clone());
        job.answer();
    }
}

const SAVEPOINT: &str = "SAVEPOINT body";
const RELEASE: &str = "RELEASE body";
const TAKE_BACK: &str = "ROLLBACK TO body";
const TRUNCATE: &str = "PRAGMA wal_checkpoint(TRUNCATE)";
const CHANGE: &str = "INSERT INTO change (realm, history, seq, kind, key, event, at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7)";
const MOVE_HEAD: &str = "INSERT INTO change_head (realm, history, seq, rights_seq) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (realm) DO UPDATE SET history = $2, seq = $3, rights_seq = $4";
