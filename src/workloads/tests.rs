//! The specification of registration entries: what may be one, who is authorised for which, what it costs to hold them,
//! and what operations answer.

mod entries;
mod explained;
mod rules;
mod walk;
mod weight;
pub(in crate::workloads) mod world;
