//! The doors of this slice.

mod admin;

pub(crate) use admin::routes as admin_routes;
