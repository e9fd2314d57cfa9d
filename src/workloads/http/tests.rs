//! Entries over HTTP: what is answered to whom.
