//! An answer in the place of the page that was asked for.

use axum::response::{IntoResponse, Response};

use super::super::problem::Problem;
use crate::kernel::Failure;

/// Why somebody does not get a page: they are sent elsewhere first, may not, or something failed.
#[derive(Debug)]
pub struct Away(Box<Response>);

impl Away {
    /// With this answer.
    pub fn to(answer: Response) -> Self {
        Self(Box::new(answer))
    }
}

impl<E: Into<Failure>> From<E> for Away {
    fn from(error: E) -> Self {
        Self::from(Problem::from(error))
    }
}

impl From<Problem> for Away {
    fn from(problem: Problem) -> Self {
        Self::to(problem.into_response())
    }
}

impl IntoResponse for Away {
    fn into_response(self) -> Response {
        *self.0
    }
}
