//! How many connections a door holds, or calls a shell, in all and for one peer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::peer::PeerKey;

/// Counts connections or calls.
#[derive(Debug)]
pub(crate) struct Slots {
    all_max: usize,
    peer_max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_peer: HashMap<PeerKey, usize>,
}

/// One place; given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Arc<Slots>,
    peer: PeerKey,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    Door,
    Peer,
}

impl Full {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Door => "door_full",
            Self::Peer => "peer_full",
        }
    }
}

impl Slots {
    pub(crate) fn new(all_max: usize, peer_max: usize) -> Arc<Self> {
        Arc::new(Self { all_max, peer_max, taken: Mutex::new(Taken::default()) })
    }

    pub(crate) fn take(self: &Arc<Self>, peer: PeerKey) -> Result<Slot, Full> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= self.all_max {
            return Err(Full::Door);
        }
        let of_peer = taken.by_peer.entry(peer).or_default();
        if *of_peer >= self.peer_max {
            return Err(Full::Peer);
        }
        *of_peer = of_peer.saturating_add(1);
        taken.all = taken.all.saturating_add(1);
        Ok(Slot { slots: Arc::clone(self), peer })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        if let Some(count) = taken.by_peer.get_mut(&self.peer) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.by_peer.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_one_peer_nor_all_together_get_more_places_than_there_are() {
        let slots = Slots::new(3, 2);
        let (ann, bob) = (PeerKey::User(1), PeerKey::User(2));
        let first = slots.take(ann).expect("a place");
        let _second = slots.take(ann).expect("a place");
        assert_eq!(slots.take(ann).expect_err("two is all"), Full::Peer);
        let _third = slots.take(bob).expect("a place");
        assert_eq!(slots.take(bob).expect_err("three is all"), Full::Door);
        drop(first);
        let _again = slots.take(bob).expect("a place was given back");
    }
}
