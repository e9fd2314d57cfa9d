//! The doors of this slice: for programs, for browsers, for administrators.

mod admin;
mod browser;
mod protocol;

use axum::Router;

use super::Oauth;

pub(crate) use admin::routes as admin_routes;

/// What programs call at the door `mtls`.
pub(crate) fn mtls_routes(oauth: &Oauth) -> Router {
    protocol::mtls_routes(oauth)
}

/// What programs and browsers call, on the public door.
pub(crate) fn routes(oauth: &Oauth) -> Router {
    protocol::routes(oauth).merge(browser::routes(oauth))
}
