//! The desk, as sentences.
