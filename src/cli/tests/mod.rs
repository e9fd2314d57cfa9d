//! The command line as a specification: what parses, what it sends, what it prints, and how it ends.

mod api;
mod grammar;
mod house;
mod policy;
mod remote;
mod workload;
