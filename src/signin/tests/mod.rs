//! The specification of signing in.

mod steps;
