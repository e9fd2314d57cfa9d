//! The agent's specification, over a real socket and against a server that behaves.

pub(crate) mod builders;
