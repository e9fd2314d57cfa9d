//! Rights to what could not be delivered, and why there is no answer.

use crate::access::{self, Action, Administrator, Request};
use crate::events;
use crate::kernel::{Failure, Fault, Kind};

/// May they see what could not be delivered in the realm of this name?
#[derive(Debug)]
pub struct ReadDelivery<'a>(pub &'a Administrator, pub &'a str);

/// May they have it tried again?
#[derive(Debug)]
pub struct RetryDelivery<'a>(pub &'a Administrator, pub &'a str);

impl Action for ReadDelivery<'_> {
    const NAME: &'static str = "ReadDelivery";

    fn request(&self) -> Request<'_> {
        self.0.request(("Realm", self.1), None)
    }
}

impl Action for RetryDelivery<'_> {
    const NAME: &'static str = "RetryDelivery";

    fn request(&self) -> Request<'_> {
        self.0.request(("Realm", self.1), None)
    }
}

/// Why nothing is shown, or tried.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller may not.
    #[error(transparent)]
    Access(#[from] access::Error),
    /// It was delivered, or there never was one.
    #[error("no delivery has this id, or it was delivered")]
    NotFound,
    /// Storage did not answer.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Its event could not be recorded.
    #[error(transparent)]
    Unrecorded(#[from] events::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Access(error) => error.into(),
            Error::NotFound => {
                let words = Error::NotFound.to_string();
                Self::new(Kind::NotFound, "delivery.not_found", words)
            }
            Error::Fault(fault) => fault.into(),
            Error::Unrecorded(error) => error.into(),
        }
    }
}

/// Somebody had a delivery tried again.
pub(super) const DELIVERY_RETRIED: &str = "server.delivery_retried";
