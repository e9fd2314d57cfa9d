//! Facts, durable before the answer leaves: the ledger of what was handed out or refused, sealed bodies, erasure.

mod model;

pub use model::{Error, Event, Owner, Unrecorded};

use futures_util::future::BoxFuture;

use crate::db::Tx;
use crate::kernel::{Granted, RealmId};

/// The recorder. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Events {
    _inner: std::sync::Arc<()>,
}

impl Events {
    /// Makes the event durable, then gives the value out: the only way to what was issued.
    pub async fn record<T>(&self, _item: Unrecorded<T>) -> Result<T, Error> {
        todo!()
    }

    /// Makes all events durable in one append, then gives the values out in order.
    pub async fn record_all<T>(&self, _items: Vec<Unrecorded<T>>) -> Result<Vec<T>, Error> {
        todo!()
    }

    /// Seals an event's body for the change log (`Tx::changed`) or stream `db`. Pure CPU; no database.
    pub fn seal(&self, _event: &Event) -> Result<Vec<u8>, Error> {
        todo!()
    }

    /// Runs a class 2 or 3 write; its event is inserted into stream `db` in the same transaction, and the value is given
    /// out after the commit.
    pub async fn record_in<I, T, E, F>(&self, _realm: RealmId, _input: I, _body: F) -> Result<T, E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: From<crate::kernel::Fault> + From<Error> + Send + 'static,
        F: for<'t> Fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<Unrecorded<T>, E>>
            + Send
            + Sync
            + 'static,
    {
        todo!()
    }

    /// Runs a class 1 write (`Db::change`): the unrecorded value names what changed, and its event goes into the change log
    /// with it.
    pub async fn change_in<I, T, E, F>(
        &self,
        _realm: RealmId,
        _granted: Granted,
        _input: I,
        _body: F,
    ) -> Result<T, E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: From<crate::kernel::Fault> + From<Error> + Send + 'static,
        F: for<'t> Fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<Changed<T>, E>>
            + Send
            + Sync
            + 'static,
    {
        todo!()
    }
}

/// What a class 1 write did: a value, and for each changed row its kind, key and event.
#[derive(Debug)]
pub struct Changed<T> {
    /// What the caller gets after the commit.
    pub value: T,
    /// What changed, in order. Empty: nothing changed, and nothing is numbered.
    pub changes: Vec<(&'static str, String, Event)>,
    /// True if rights changed: older permits are refused from here on.
    pub rights: bool,
}
