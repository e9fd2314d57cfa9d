//! The doors of sign-ins.

use axum::response::{IntoResponse, Redirect, Response};

use super::{Signin, SigninRequest};
use crate::http::Problem;
use crate::kernel::{Failure, RealmId};
use crate::sessions::Browser;

impl Signin {
    /// Begins a sign-in: 303 to its first page.
    pub async fn start(
        &self,
        realm: RealmId,
        request: SigninRequest,
        browser: &Browser,
    ) -> Response {
        match self.begin(realm, request, browser).await {
            Ok(started) => Redirect::to(&format!("/sign-in/{}", started.id)).into_response(),
            Err(error) => Problem::from(Failure::from(error)).into_response(),
        }
    }
}
