//! The specification of signing in.

mod flows;
mod steps;
mod world;

pub(crate) use world::{REALM, World, root};
