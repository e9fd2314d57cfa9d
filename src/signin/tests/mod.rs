//! The specification of signing in.

mod device;
mod flows;
mod recorded;
mod steps;
pub(crate) mod world;

pub(crate) use world::{REALM, World, root};
