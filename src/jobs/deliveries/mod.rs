//! Deliveries: addressed one-shot effects outside of the database (mail, a logout notice, a webhook), each a row written in
//! the transaction that causes it, so that neither is without the other (architecture §4.4).
//!
//! Owns: the rows from [`post`] to their end, when they are tried again, and when they are given up.
//! Does not own: how anything is delivered: each kind has its [`DeliveryHandler`]. A body that holds secrets or personal
//! data is sealed by who posts it.
//! Invariants: a posted delivery is tried until its handler says yes or no, or its time is over, on whatever replica lives;
//! two replicas never try one at the same time while their clocks agree within a minute; a handler that does the same
//! thing twice must do no harm, because a replica can die between the effect and its record. Several are tried at once, few of
//! them to one destination: a receiver that hangs keeps nobody else waiting.

pub(crate) mod store;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;

use super::{Reconciler, Summary};
use crate::db::{Db, Tx};
use crate::env::Clock;
use crate::kernel::{Fault, Lifetime, RealmId, Timestamp};

/// One effect that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Names it for good: what a receiver may use to notice that it got something twice.
    pub id: String,
    /// Which handler delivers it.
    pub kind: Cow<'static, str>,
    /// What that handler understands.
    pub body: Vec<u8>,
}

/// A delivery that has not succeeded, as an operator looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// What is to be delivered.
    pub delivery: Delivery,
    /// When it was posted.
    pub made: Timestamp,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried next; never, if it was given up.
    pub next: Option<Timestamp>,
    /// What was wrong with the last try.
    pub last_error: Option<String>,
}

/// Why something was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotDelivered {
    /// Another try may help.
    Yet(String),
    /// No other try will.
    Ever(String),
}

/// Delivers one kind.
pub trait DeliveryHandler: Send + Sync {
    /// The kind.
    fn kind(&self) -> &'static str;
    /// Where it goes: what is slow there is slow for all that goes there.
    fn destination(&self, realm: RealmId, delivery: &Delivery) -> String;
    /// One try. It is dropped after [`TRY_WITHIN`], which counts as [`NotDelivered::Yet`].
    fn deliver<'a>(
        &'a self,
        realm: RealmId,
        delivery: &'a Delivery,
    ) -> BoxFuture<'a, Result<(), NotDelivered>>;
}

/// Writes a delivery in the transaction that causes it; one that waits already under this id stays as it is. The caller nudges
/// [`Deliveries`] after the commit.
pub async fn post(tx: &mut Tx, delivery: &Delivery, now: Timestamp) -> Result<(), Fault> {
    store::insert(tx, delivery, now).await
}

/// What has not been delivered, by id, after this one; at most so many.
pub async fn open(tx: &mut Tx, after: &str, most: i64) -> Result<Vec<Open>, Fault> {
    store::open(tx, after, most).await
}

/// Has a delivery tried now, also one that was given up; nothing if there is none of this id. The caller nudges
/// [`Deliveries`] after the commit.
pub async fn retry(tx: &mut Tx, id: &str, now: Timestamp) -> Result<Option<Open>, Fault> {
    if !store::hasten(tx, id, now).await? {
        return Ok(None);
    }
    store::find(tx, id).await
}

/// The reconciler that delivers what is due.
pub struct Deliveries {
    db: Db,
    clock: Arc<dyn Clock>,
    realms: Box<dyn Fn() -> Vec<RealmId> + Send + Sync>,
    handlers: Vec<Arc<dyn DeliveryHandler>>,
}

impl Deliveries {
    /// Delivers the kinds of these handlers for the realms that `realms` gives at each run.
    pub fn new(
        db: Db,
        clock: Arc<dyn Clock>,
        realms: impl Fn() -> Vec<RealmId> + Send + Sync + 'static,
        handlers: Vec<Arc<dyn DeliveryHandler>>,
    ) -> Self {
        Self { db, clock, realms: Box::new(realms), handlers }
    }

    /// Tries what is due, and what becomes due meanwhile, until nothing is under way. A fault ends that, after the tries that
    /// have begun.
    async fn deliver_due(&self) -> Result<Tally, Fault> {
        let (mut tally, mut fault) = (Tally::default(), None);
        let (mut under_way, mut tries) = (UnderWay::default(), FuturesUnordered::new());
        loop {
            if fault.is_none() {
                match self.begin(&mut under_way).await {
                    Ok(begun) => tries.extend(begun.into_iter().map(|one| self.try_once(one))),
                    Err(error) => fault = Some(error),
                }
            }
            if tries.is_empty() {
                return fault.map_or(Ok(tally), Err);
            }
            tokio::select! {
                Some((key, outcome)) = tries.next() => {
                    under_way.0.remove(&key);
                    match outcome {
                        Ok(outcome) => tally.count(outcome.as_ref()),
                        Err(error) => fault = Some(error),
                    }
                }
                () = self.clock.sleep(LOOK_AGAIN) => {}
            }
        }
    }

    /// What is due and may be tried beside what is under way; it is under way from now on.
    async fn begin(
        &self,
        under_way: &mut UnderWay,
    ) -> Result<Vec<(RealmId, store::Waiting)>, Fault> {
        let mut begun = Vec::new();
        for realm in (self.realms)() {
            let mut after = (Timestamp::EPOCH, String::new());
            for _page in 0..PAGES_MAX {
                let due = self.due(realm, after).await?;
                let more =
                    (due.len() >= store::AT_ONCE).then(|| due.last().map(store::Waiting::place));
                for row in due {
                    let destination = self.destination(realm, &row.delivery);
                    if under_way.takes((realm, &row.delivery.id), destination) {
                        begun.push((realm, row));
                    }
                }
                match more.flatten() {
                    Some(last) if !under_way.is_full() => after = last,
                    _ => break,
                }
            }
        }
        Ok(begun)
    }

    /// Nothing if another replica was faster.
    async fn try_once(
        &self,
        (realm, row): (RealmId, store::Waiting),
    ) -> (Key, Result<Option<Outcome>, Fault>) {
        let outcome = async {
            if !self.claim(realm, &row).await? {
                return Ok(None);
            }
            let outcome = match self.attempt(realm, &row.delivery).await {
                Ok(()) => Outcome::Delivered,
                Err(NotDelivered::Yet(why)) => self.later(&row, why),
                Err(NotDelivered::Ever(why)) => Outcome::GivenUp(why),
            };
            self.note(realm, &row.delivery, outcome.clone()).await?;
            Ok(Some(outcome))
        };
        let outcome = outcome.await;
        ((realm, row.delivery.id), outcome)
    }

    fn handler(&self, kind: &str) -> Option<&dyn DeliveryHandler> {
        self.handlers.iter().find(|handler| handler.kind() == kind).map(AsRef::as_ref)
    }

    fn destination(&self, realm: RealmId, delivery: &Delivery) -> String {
        let there = self.handler(&delivery.kind).map(|one| one.destination(realm, delivery));
        format!("{} {}", delivery.kind, there.unwrap_or_default())
    }

    async fn attempt(&self, realm: RealmId, delivery: &Delivery) -> Result<(), NotDelivered> {
        // A newer release may have posted it: its replicas will take it.
        let handler = self.handler(&delivery.kind).ok_or_else(|| {
            NotDelivered::Yet(format!("this release delivers no `{}`", delivery.kind))
        })?;
        tokio::select! {
            outcome = handler.deliver(realm, delivery) => outcome,
            () = self.clock.sleep(TRY_WITHIN) => {
                Err(NotDelivered::Yet(format!("no answer within {} s", TRY_WITHIN.as_seconds())))
            }
        }
    }

    /// Waits twice as long after each try, and for ever once its time is over.
    fn later(&self, row: &store::Waiting, why: String) -> Outcome {
        let now = self.clock.now();
        if now.since(row.made) >= GIVE_UP_AFTER {
            return Outcome::GivenUp(why);
        }
        let doubled = FIRST_WAIT.times(1 << row.attempts.clamp(0, DOUBLINGS_MAX));
        Outcome::Later { due: now.plus(doubled.capped_by(WAIT_MAX)), why }
    }

    async fn due(
        &self,
        realm: RealmId,
        after: (Timestamp, String),
    ) -> Result<Vec<store::Waiting>, Fault> {
        let input = (self.clock.now(), after);
        self.db.read(realm, input, |tx, (now, after)| Box::pin(store::due(tx, *now, after))).await
    }

    async fn claim(&self, realm: RealmId, row: &store::Waiting) -> Result<bool, Fault> {
        let claim = (row.clone(), self.clock.now().plus(CLAIM));
        self.db
            .write(realm, claim, |tx, (row, until)| Box::pin(store::claim(tx, row, *until)))
            .await
    }

    async fn note(
        &self,
        realm: RealmId,
        delivery: &Delivery,
        outcome: Outcome,
    ) -> Result<(), Fault> {
        if let Outcome::GivenUp(why) = &outcome {
            tracing::warn!(kind = %delivery.kind, id = %delivery.id, error = %why, "a delivery was given up");
        }
        let input = (delivery.id.clone(), outcome);
        self.db
            .write(realm, input, |tx, (id, outcome)| {
                Box::pin(async move {
                    match outcome {
                        Outcome::Delivered => store::remove(tx, id).await,
                        Outcome::Later { due, why } => store::postpone(tx, id, *due, why).await,
                        Outcome::GivenUp(why) => {
                            store::postpone(tx, id, Timestamp::FOREVER, why).await
                        }
                    }
                })
            })
            .await
    }

    /// What was given up can be looked at for a month.
    async fn forget(&self, realm: RealmId) -> Result<(), Fault> {
        let before = self.clock.now().minus(KEEP_GIVEN_UP);
        self.db.write(realm, before, |tx, before| Box::pin(store::forget(tx, *before))).await
    }
}

impl Reconciler for Deliveries {
    fn name(&self) -> &'static str {
        "deliveries"
    }

    fn period(&self) -> Lifetime {
        FIRST_WAIT
    }

    fn reconcile(&self) -> BoxFuture<'_, Result<Summary, Fault>> {
        Box::pin(async {
            let tally = self.deliver_due().await?;
            for realm in (self.realms)() {
                self.forget(realm).await?;
            }
            if tally == Tally::default() {
                return Ok(Summary::nothing());
            }
            let Tally { delivered, later, given_up } = tally;
            let words =
                format!("{delivered} delivered, {later} to be tried again, {given_up} given up");
            Ok(Summary::did(delivered.saturating_add(given_up), words))
        })
    }
}

impl fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = self.handlers.iter().map(|handler| handler.kind()).collect();
        f.debug_struct("Deliveries").field("kinds", &kinds).finish_non_exhaustive()
    }
}

/// How a try ended.
#[derive(Debug, Clone)]
enum Outcome {
    Delivered,
    Later { due: Timestamp, why: String },
    GivenUp(String),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    delivered: u64,
    later: u64,
    given_up: u64,
}

impl Tally {
    fn count(&mut self, outcome: Option<&Outcome>) {
        let one = match outcome {
            Some(Outcome::Delivered) => &mut self.delivered,
            Some(Outcome::Later { .. }) => &mut self.later,
            Some(Outcome::GivenUp(_)) => &mut self.given_up,
            None => return,
        };
        *one = one.saturating_add(1);
    }
}

/// What is being tried, and where it goes.
#[derive(Debug, Default)]
struct UnderWay(BTreeMap<Key, String>);

/// A delivery of a realm.
type Key = (RealmId, String);

impl UnderWay {
    fn is_full(&self) -> bool {
        self.0.len() >= TRIES_AT_ONCE
    }

    /// True if there is room for this one, which then is under way.
    fn takes(&mut self, (realm, id): (RealmId, &str), destination: String) -> bool {
        let key = (realm, id.to_owned());
        let there = self.0.values().filter(|other| **other == destination).count();
        if self.is_full() || there >= TRIES_TO_ONE || self.0.contains_key(&key) {
            return false;
        }
        self.0.insert(key, destination);
        true
    }
}

/// How long one try may take: a mail server that thinks for half a minute is down.
pub const TRY_WITHIN: Lifetime = Lifetime::seconds(30);
/// How long a row belongs to who claimed it: a try, its record, and some room for clocks that differ.
const CLAIM: Lifetime = Lifetime::minutes(2);
/// How many are tried at once: what eight receivers that hang leave nothing of is still over in [`TRY_WITHIN`].
const TRIES_AT_ONCE: usize = 16;
/// And of these to one destination: mail servers turn away who comes with many connections.
const TRIES_TO_ONE: usize = 2;
/// How long what was posted waits at most while others are under way.
const LOOK_AGAIN: Lifetime = Lifetime::seconds(1);
/// How far one look goes: over 4,096 notices to receivers that hang, others wait behind them.
const PAGES_MAX: usize = 64;
const FIRST_WAIT: Lifetime = Lifetime::seconds(5);
const WAIT_MAX: Lifetime = Lifetime::hours(1);
/// 5 s doubled ten times is over an hour.
const DOUBLINGS_MAX: i64 = 10;
/// A receiver that is down over a long weekend still gets it.
const GIVE_UP_AFTER: Lifetime = Lifetime::days(4);
const KEEP_GIVEN_UP: Lifetime = Lifetime::days(30);
