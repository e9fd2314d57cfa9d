//! The specification of signing in.

mod flows;
mod steps;
mod world;
