//! TLS as sentences.
