//! X.509 as sentences.
