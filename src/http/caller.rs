//! The caller of a request, for handlers: put there by the listener's layer, only read here.

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::problem::Problem;
use crate::kernel::{Caller, Failure, Kind};

/// Who calls.
#[derive(Debug, Clone)]
pub struct CalledBy(pub Caller);

impl<S: Send + Sync> FromRequestParts<S> for CalledBy {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Caller>().cloned();
        caller
            .map(Self)
            .ok_or_else(|| Problem::from(Failure::new(Kind::Bug, "internal", "an internal error")))
    }
}
