//! Every page with sample data, to be looked at and to be examined by programs. No page in here does anything.

mod account;
mod admin;
mod people;
mod providers;
mod rules;

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;

use crate::http::pages::{Look, Page};

/// A page with its name.
type Sample = (&'static str, Page);

/// Routes that show each page under `/gallery/{name}`, and the names, a line each, under `/gallery`.
pub fn routes() -> Router {
    Router::new()
        .route("/gallery", get(|look: Look| async move { names(&look).join("\n") }))
        .route("/gallery/{name}", get(one))
        .merge(crate::http::pages::routes())
}

/// The names of all pages.
pub fn names(look: &Look) -> Vec<&'static str> {
    samples(look).into_iter().map(|(name, _)| name).collect()
}

async fn one(look: Look, Path(name): Path<String>) -> Response {
    let page = samples(&look).into_iter().find(|(known, _)| *known == name);
    page.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |(_, page)| page.into_response())
}

fn samples(look: &Look) -> Vec<Sample> {
    let mut all = people::samples(look);
    all.extend(account::samples(look));
    all.extend(admin::samples(look));
    all.extend(rules::samples(look));
    all.extend(providers::samples(look));
    all
}
