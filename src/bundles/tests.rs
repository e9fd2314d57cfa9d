//! Bundles, as sentences.
