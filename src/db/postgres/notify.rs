//! Notices between replicas: sent at most every 5 ms for all that was committed meanwhile, heard on a connection of its
//! own. A lost notice costs a second, never a change: the heads are also looked at each second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::Arguments;
use sqlx::postgres::{PgArguments, PgListener, PgPoolOptions};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

use super::super::Cursor;
use super::super::fault::{Met, from_postgres};
use super::link::Link;
use super::{AWAY_AFTER, Shared, fate, open};
use crate::kernel::{Fault, Lifetime, RealmId, WriteId};

/// Notices are held together for so long.
const COALESCED: Duration = Duration::from_millis(5);
/// The heads are looked at so often.
const POLL: Duration = Duration::from_secs(1);
/// Looks between two clean-ups of write ids.
const LOOKS_PER_CLEANING: u64 = 60;
/// Write ids are kept for so long; a lost answer is looked up within seconds.
const WRITE_IDS_KEPT: Lifetime = Lifetime::minutes(10);

/// Heads that other replicas were not told of yet.
#[derive(Debug, Default)]
pub(super) struct Notices {
    untold: Mutex<HashMap<RealmId, Cursor>>,
    some: Notify,
}

impl Notices {
    /// Will tell the other replicas of this head.
    pub(super) fn tell(&self, realm: RealmId, head: Cursor) {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner).insert(realm, head);
        self.some.notify_one();
    }

    fn take(&self) -> HashMap<RealmId, Cursor> {
        std::mem::take(&mut *self.untold.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Sends notices for ever.
pub(super) async fn send(shared: Arc<Shared>) {
    let mut every = interval(COALESCED);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut link = None;
    loop {
        shared.notices.some.notified().await;
        every.tick().await;
        // What cannot be sent is dropped: the others look at the heads anyway.
        link = send_some(&shared, link).await.ok();
    }
}

async fn send_some(shared: &Shared, link: Option<Link>) -> Result<Link, Met> {
    let mut link = match link {
        Some(link) => link,
        None => shared.pool.own().await?,
    };
    let notices: Vec<String> = shared
        .notices
        .take()
        .into_iter()
        .map(|(realm, head)| format!("{realm} {} {}", head.history, head.seq))
        .collect();
    let mut arguments = PgArguments::default();
    arguments.add(notices).map_err(|error| Met::from(Fault::bug(error)))?;
    link.execute_with(NOTIFY, arguments).await?;
    Ok(link)
}

/// Hears notices for ever.
pub(super) async fn listen(shared: Arc<Shared>) {
    let mut every = interval(POLL);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        // It ends when the connection does; the next attempt follows with the next tick.
        let _ended = hear(&shared).await;
    }
}

async fn hear(shared: &Shared) -> Result<(), Met> {
    let met = |error: sqlx::Error| from_postgres(&error, &HashMap::new());
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(AWAY_AFTER);
    let pool = pool.connect_lazy_with(shared.pool.options().clone());
    let mut listener = PgListener::connect_with(&pool).await.map_err(met)?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await.map_err(met)?;
    while let Some(notice) = listener.try_recv().await.map_err(met)? {
        if let Some((realm, head)) = parse(notice.payload()) {
            shared.heads.hear(realm, head);
        }
    }
    Ok(())
}

fn parse(notice: &str) -> Option<(RealmId, Cursor)> {
    let mut numbers = notice.split(' ').map(str::parse);
    let mut next = || numbers.next()?.ok();
    let (realm, history, seq) = (next()?, next()?, next()?);
    Some((RealmId(realm), Cursor { history, seq }))
}

/// Looks at the heads for ever.
pub(super) async fn poll(shared: Arc<Shared>) {
    let mut every = interval(POLL);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut link = None;
    let mut looks = 0_u64;
    loop {
        every.tick().await;
        link = look(&shared, link, looks.is_multiple_of(LOOKS_PER_CLEANING)).await.ok();
        // A cleaning that failed is due again at the next look.
        looks = looks.wrapping_add(u64::from(link.is_some()));
    }
}

async fn look(shared: &Shared, link: Option<Link>, clean: bool) -> Result<Link, Met> {
    let mut link = match link {
        Some(link) => link,
        None => shared.pool.own().await?,
    };
    let known = shared.heads.all();
    for (realm, head) in open::heads_of_all(&mut link).await? {
        let before = known.get(&realm).copied().unwrap_or(Cursor::START);
        shared.heads.found(realm, before, head.cursor());
    }
    let now = shared.clock.now();
    shared.heads.seen(now);
    if clean {
        // Ids begin with their time: this is the least one of that moment.
        let millis = now.minus(WRITE_IDS_KEPT).micros().div_euclid(1000);
        let oldest = uuid::Builder::from_unix_timestamp_millis(millis.unsigned_abs(), &[0; 10]);
        let oldest = WriteId::new(oldest.into_uuid()).to_string();
        for realm in known.keys() {
            link.execute(fate::FORGET, *realm, &[(&oldest).into()]).await?;
        }
    }
    Ok(link)
}

const CHANNEL: &str = "weft_change";
const NOTIFY: &str =
    "SELECT pg_notify('weft_change', notice) FROM unnest($1::text[]) AS told(notice)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_that_is_not_ours_is_not_heard() {
        let head = Cursor { history: 2, seq: 40 };
        assert_eq!(parse("7 2 40"), Some((RealmId(7), head)));
        for other in ["", "7", "7 2", "7 2 x"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
