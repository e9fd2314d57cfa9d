//! Background work: tasks that a stop waits for, and reconcilers that make what is into what should be.
//!
//! Owns: [`Tasks`] (the only place that spawns), [`Reconciler`] and the driver [`Reconcilers`] that runs each on its
//! period, or at once when nudged; [`RemovePast`], the clean-up of every slice; [`deliveries`], the reconciler of one-shot effects; what the
//! process asks of the system for itself ([`use_small_pages`], [`raise_limit`]).
//! Does not own: what a reconciler does; how anything is delivered.
//! Invariants: a reconciler takes no input, so a nudged run and a recovery run are the same code; two runs of one
//! reconciler never overlap; a panic in a task is logged and counted, and ends that task only.

pub mod deliveries;
mod process;
mod reconcile;
mod remove_past;
mod tasks;
#[cfg(test)]
mod tests;

pub use process::{ignore_hangups, raise_limit, told_to_stop, use_small_pages};
pub use reconcile::{Last, Nudge, Reconciler, Reconcilers, State, Summary};
pub use remove_past::{Past, REMOVED_AT_ONCE, RemovePast};
pub(crate) use tasks::panic_words;
pub use tasks::{Straggler, Tasks};
