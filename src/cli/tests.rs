//! The command line as a specification.
