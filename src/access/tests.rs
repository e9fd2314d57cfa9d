//! The specification of the decision point.
