//! PostgreSQL, through sqlx.

mod link;

pub(super) use link::Link;
