//! The doors of the console.

mod contained;
mod decisions;
mod device;
mod devices;
mod manage;
mod policies;
mod undelivered;
mod upstream_form;
mod upstreams;
mod visitor;

use axum::Router;
use axum::middleware::from_fn;
use axum::response::Redirect;
use axum::routing::{get, post};

use super::Admin;
use super::pages::Tab;
use crate::http::own_forms_only;

/// The fields of the form of an upstream of which nothing was said, for the gallery.
#[cfg(feature = "testkit")]
pub(crate) fn upstream_fields(
    look: &crate::http::pages::Look,
    new: bool,
) -> Vec<super::pages::FieldLine> {
    upstream_form::Sent::new().map(|sent| sent.fields(look, new)).unwrap_or_default()
}

/// `/admin` and what is below it.
pub fn routes(admin: &Admin) -> Router {
    Router::new()
        .route("/admin", get(|| async { Redirect::to(Tab::Fleet.path()) }))
        .route("/admin/devices", get(devices::list))
        .route("/admin/devices/{id}", get(devices::show))
        .route("/admin/devices/{id}/{verb}", get(manage::ask).post(manage::act))
        .route("/admin/contained", get(contained::list))
        .route("/admin/contained/new", get(contained::ask).post(contained::contain))
        .route("/admin/contained/release", get(contained::ask_release).post(contained::release))
        .route("/admin/decisions", get(decisions::list))
        .route("/admin/decisions/{id}", get(decisions::show))
        .route("/admin/policies", get(policies::list))
        .route("/admin/policies/{name}", get(policies::show))
        .route("/admin/policies/{name}/check", post(policies::check))
        .route("/admin/what-if", get(policies::what_if))
        .route("/admin/upstreams", get(upstreams::list))
        .route("/admin/new-upstream", get(upstreams::ask_new).post(upstreams::make))
        .route("/admin/upstreams/{id}", get(upstreams::show))
        .route("/admin/upstreams/{id}/change", get(upstreams::ask_change).post(upstreams::change))
        .route("/admin/upstreams/{id}/test", get(upstreams::ask_test).post(upstreams::test))
        .route("/admin/undelivered", get(undelivered::list).post(undelivered::retry))
        .layer(from_fn(own_forms_only))
        .with_state(admin.clone())
}
