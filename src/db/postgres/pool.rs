//! The pool of reads and writes. It pings nobody: a connection that died while idle shows it at BEGIN, where nothing was
//! done yet, and is replaced.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::super::fault::{Met, lost};
use super::AWAY_AFTER;
use super::link::{Keys, Link, within};

/// Connections at most: a few per core of the database; waiting here is cheaper than switching there.
const CONNECTIONS: usize = 8;

/// Idle connections, and the right to make more.
#[derive(Debug)]
pub(super) struct Pool {
    options: PgConnectOptions,
    keys: Keys,
    idle: Mutex<Vec<Link>>,
    room: Arc<Semaphore>,
}

/// A connection in a transaction. Dropped, it is closed, and the server rolls back; `give_back` keeps it.
#[derive(Debug)]
pub(super) struct Taken {
    /// The connection.
    pub(super) link: Link,
    /// The room it takes in the pool.
    room: OwnedSemaphorePermit,
}

impl Taken {
    /// Apart, while a transaction owns the connection.
    pub(super) fn split(self) -> (Link, OwnedSemaphorePermit) {
        (self.link, self.room)
    }
}

impl Pool {
    /// An empty pool.
    pub(super) fn new(options: PgConnectOptions, keys: Keys) -> Self {
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        Self { options, keys, idle: Mutex::new(Vec::new()), room }
    }

    /// How to connect, for those who need it outside of the pool.
    pub(super) fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// A connection outside of the pool.
    pub(super) async fn own(&self) -> Result<Link, Met> {
        connect(&self.options, &self.keys, AWAY_AFTER).await
    }

    /// A connection in a transaction that `begin` began, within `AWAY_AFTER` altogether.
    pub(super) async fn begin(
        &self,
        begin: &'static str,
        patience: Duration,
    ) -> Result<Taken, Met> {
        let beginning = tokio::time::timeout(AWAY_AFTER, self.try_begin(begin)).await;
        let mut taken = beginning.unwrap_or_else(|_| Err(lost("no connection in time")))?;
        taken.link.be_patient(patience);
        Ok(taken)
    }

    async fn try_begin(&self, begin: &'static str) -> Result<Taken, Met> {
        let room = Arc::clone(&self.room).acquire_owned().await.map_err(lost)?;
        while let Some(mut link) = self.pop() {
            match link.batch(begin).await {
                Ok(()) => return Ok(Taken { link, room }),
                // It died while idle: so did those that were idle as long.
                Err(met) if met.lost => {}
                Err(met) => return Err(met),
            }
        }
        let mut link = self.own().await?;
        link.batch(begin).await?;
        Ok(Taken { link, room })
    }

    /// Keeps a connection that is in no transaction for the next.
    pub(super) fn give_back(&self, link: Link, room: OwnedSemaphorePermit) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(link);
        drop(room);
    }

    fn pop(&self) -> Option<Link> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

/// A new connection.
pub(super) async fn connect(
    options: &PgConnectOptions,
    keys: &Keys,
    patience: Duration,
) -> Result<Link, Met> {
    let connection = within(AWAY_AFTER, keys, options.connect()).await?;
    Ok(Link::new(connection, Arc::clone(keys), patience))
}
