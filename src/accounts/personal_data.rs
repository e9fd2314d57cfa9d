//! What every slice that knows something of people promises: to tell it, to forget it, and to end it where what they sign in
//! with was taken from them.

use std::fmt;

use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::db::Tx;
use crate::events::Event;
use crate::kernel::{Fault, SpiffeId, SubjectId, UserId};

/// Whom an export or deletion is about.
#[derive(Debug, Clone)]
pub struct Erased {
    /// The id.
    pub user: UserId,
    /// The number in event headers.
    pub number: SubjectId,
    /// The SPIFFE ID.
    pub spiffe_id: SpiffeId,
}

/// What followers must hear of: kind and key of the change, and its event.
pub type Change = (&'static str, String, Event);

/// A slice with rows about people.
pub trait KeepsPersonalData: Send + Sync + fmt::Debug {
    /// Its name, the key of its part of an export: `sessions`.
    fn name(&self) -> &'static str;

    /// Everything it knows of this person, readable by them.
    fn export<'t>(
        &'t self,
        tx: &'t mut Tx,
        user: &'t Erased,
    ) -> BoxFuture<'t, Result<Value, Fault>>;

    /// Removes every row about this person; gives what followers must hear of.
    fn erase<'t>(
        &'t self,
        tx: &'t mut Tx,
        user: &'t Erased,
    ) -> BoxFuture<'t, Result<Vec<Change>, Fault>>;

    /// Ends everything that hangs off what this person showed so far: it may have been a thief who showed it. Gives what
    /// followers must hear of. Nothing hangs off what most slices keep.
    fn cut_off<'t>(
        &'t self,
        _tx: &'t mut Tx,
        _user: &'t Erased,
    ) -> BoxFuture<'t, Result<Vec<Change>, Fault>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}
