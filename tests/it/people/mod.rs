//! People, their browsers and their applications at whole servers, over TLS, as the world outside meets them.

mod bad_input;
mod deletion;
mod home;
mod on_device;
mod one_time;
mod reaction;
mod receiver;
mod replicas;
mod scripts_off;
mod token_kinds;

pub(crate) use home::{Answer, App, Home, redemption, refreshment};
pub(crate) use receiver::Receiver;
