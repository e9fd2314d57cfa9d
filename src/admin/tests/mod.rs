//! What the console promises: to whom it shows what, and what its forms do.

mod clones;
mod contained;
mod decisions;
mod pages;
mod policies;
mod undelivered;
mod upstreams;
pub(crate) mod world;
