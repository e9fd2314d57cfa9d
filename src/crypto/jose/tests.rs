//! JOSE as sentences.
