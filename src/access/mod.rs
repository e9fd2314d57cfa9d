//! The one policy engine: every right, every issuance, every token is decided here (Cedar).

mod model;

pub use model::{Action, Error, Fact, Permit, Request};

/// The decision point. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Access {
    _inner: std::sync::Arc<()>,
}

impl Access {
    /// Decides; a permit is the only proof of a yes. Never reads the database.
    pub fn permit<A: Action>(&self, _action: A) -> Result<Permit<A>, Error> {
        todo!()
    }
}
