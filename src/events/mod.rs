//! Facts, durable before the answer leaves: the ledger of what was handed out or refused, sealed bodies, erasure.

mod envelope;
mod frame;
mod ledger;
mod model;
mod segment;
mod settings;
#[cfg(test)]
mod tests;

pub use model::{
    Changed, Error, Event, Fact, Header, KIND_BYTES_MAX, Owner, Sealed, Stream, Unrecorded,
    is_dotted,
};
pub use settings::{LedgerSettings, LedgerSync};

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
