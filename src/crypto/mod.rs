//! Floor 1: keys, certificates, tokens and sealing. Pure: no clock, no database, no network.

pub mod digest;
