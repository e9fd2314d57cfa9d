//! The slice as a specification, on the routes of a server.

pub(crate) mod applications;
mod changes;
mod devices;
mod factors;
mod letters;
mod links;
mod strangers;
pub(crate) mod world;
