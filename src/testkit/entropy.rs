//! Chance that repeats itself: the same seed gives the same bytes. Never outside tests.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::crypto::digest::sha256;
use crate::env::Entropy;
use crate::kernel::Fault;

/// SHA-256 in counter mode over a seed.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: u64,
    counter: AtomicU64,
}

impl SeededEntropy {
    /// The sequence that belongs to this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, counter: AtomicU64::new(0) }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), Fault> {
        for chunk in buffer.chunks_mut(32) {
            let count = self.counter.fetch_add(1, Ordering::Relaxed);
            let mut input = [0_u8; 16];
            let (seed, counter) = input.split_at_mut(8);
            seed.copy_from_slice(&self.seed.to_be_bytes());
            counter.copy_from_slice(&count.to_be_bytes());
            for (to, from) in chunk.iter_mut().zip(sha256(&input)) {
                *to = from;
            }
        }
        Ok(())
    }
}
