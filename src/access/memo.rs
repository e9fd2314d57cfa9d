//! Remembered permissions of one cell: the facts that were read, the life that the policies gave for them, and what those in
//! shadow would have said.
//!
//! The key is the facts themselves, not a digest: no two questions can share an answer by accident. A memory is never
//! emptied because rights changed: new policies or roles come as new rights, with memories of their own, so an answer that
//! was being worked out meanwhile can only land in an old one.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::shadow::Would;
use super::standing::Life;
use crate::kernel::Timestamp;

/// The memory. Bounded; when full it starts anew.
#[derive(Debug, Default)]
pub(super) struct Memo {
    known: RwLock<HashMap<Vec<u8>, Known>>,
}

#[derive(Debug)]
struct Known {
    yes: Yes,
    until: Timestamp,
}

/// A yes.
#[derive(Debug, Clone)]
pub(super) struct Yes {
    /// What the policies give.
    pub(super) life: Life,
    /// What they would say with those in shadow; nothing where there are none.
    pub(super) would: Option<Arc<Would>>,
}

impl Memo {
    /// The answer to these facts, if there is one and its evidence still stands.
    pub(super) fn get(&self, facts: &[u8], now: Timestamp) -> Option<Yes> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(facts).filter(|known| now < known.until).map(|known| known.yes.clone())
    }

    /// Keeps an answer until its evidence ends.
    pub(super) fn put(&self, facts: Vec<u8>, yes: Yes, until: Timestamp) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(facts, Known { yes, until });
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.known.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// Answers kept a cell. With the default policies a cell needs a few dozen; with one that looks at every workload, this
/// many at some 300 bytes are 5 MiB.
const KNOWN_MAX: usize = 16 * 1024;
