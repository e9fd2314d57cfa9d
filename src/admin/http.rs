//! The doors of the console.

mod device;
mod devices;
mod manage;
mod visitor;

use axum::Router;
use axum::middleware::from_fn;
use axum::response::Redirect;
use axum::routing::get;

use super::Admin;
use super::pages::Tab;
use crate::http::own_forms_only;

/// `/admin` and what is below it.
pub fn routes(admin: &Admin) -> Router {
    Router::new()
        .route("/admin", get(|| async { Redirect::to(Tab::Fleet.path()) }))
        .route("/admin/devices", get(devices::list))
        .route("/admin/devices/{id}", get(devices::show))
        .route("/admin/devices/{id}/{verb}", get(manage::ask).post(manage::act))
        .layer(from_fn(own_forms_only))
        .with_state(admin.clone())
}
