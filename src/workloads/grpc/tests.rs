//! The node API about entries, SVIDs and bundles, call by call, and the push stream.

mod calls;
mod sync;
mod watch;
