//! Authorities, as sentences.
