//! What changed lately in a realm, so that an agent that was away for a moment gets just that.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::db::Cursor;
use crate::kernel::{EntryId, SpiffeId};
use crate::workloads::index::Roots;

/// Who had the entry before it changed; nobody if it is new. Ids of entries that an agent never had are not told to it.
pub(in crate::workloads) type Had = Option<Arc<Roots>>;

#[derive(Debug, Clone)]
pub(super) enum Mark {
    /// This entry, or its standing under those above it.
    Entry(EntryId, Had),
    /// The node's own selectors: all of its aliases may be others.
    Agent(SpiffeId),
    /// More than is worth remembering.
    Everything,
}

/// Bounded memory of changes: those after `floor` are all in it.
#[derive(Debug)]
pub(super) struct Ring {
    floor: Cursor,
    marks: VecDeque<(i64, Mark)>,
    /// Applied, and waiting to learn their number.
    fresh: Vec<Mark>,
    capacity: usize,
}

/// What an agent missed.
#[derive(Debug)]
pub(in crate::workloads) enum Missed {
    /// These entries may have come, changed or gone.
    Entries(Vec<(EntryId, Had)>),
    /// It is not remembered: take everything.
    Everything,
}

impl Ring {
    pub(super) fn new(capacity: usize) -> Self {
        let floor = Cursor { history: i64::MIN, seq: i64::MIN };
        Self { floor, marks: VecDeque::new(), fresh: Vec::new(), capacity }
    }

    pub(super) fn mark(&mut self, mark: Mark) {
        if self.fresh.len() >= self.capacity {
            self.fresh = vec![Mark::Everything];
        }
        self.fresh.push(mark);
    }

    /// The marks made since the last call belong to changes up to this one.
    pub(super) fn stamp(&mut self, cursor: Cursor) {
        if cursor.history != self.floor.history {
            self.forget(cursor);
            return;
        }
        for mark in std::mem::take(&mut self.fresh) {
            if matches!(mark, Mark::Everything) {
                self.marks.clear();
                self.floor = cursor;
            } else {
                self.marks.push_back((cursor.seq, mark));
            }
        }
        while self.marks.len() > self.capacity {
            if let Some((seq, _)) = self.marks.pop_front() {
                self.floor.seq = self.floor.seq.max(seq);
            }
        }
    }

    /// Nothing before this is remembered.
    pub(super) fn forget(&mut self, cursor: Cursor) {
        self.floor = cursor;
        self.marks.clear();
        self.fresh.clear();
    }

    /// What `agent` missed since it was at `from`.
    pub(super) fn since(&self, from: Cursor, agent: &SpiffeId) -> Missed {
        if from.history != self.floor.history || from.seq < self.floor.seq {
            return Missed::Everything;
        }
        let start = self.marks.partition_point(|(seq, _)| *seq <= from.seq);
        let missed = self.marks.iter().skip(start).map(|(_, mark)| mark).chain(&self.fresh);
        let mut entries = Vec::new();
        for mark in missed {
            match mark {
                Mark::Everything => return Missed::Everything,
                Mark::Agent(id) if id == agent => return Missed::Everything,
                Mark::Agent(_) => {}
                Mark::Entry(id, had) => entries.push((id.clone(), had.clone())),
            }
        }
        Missed::Entries(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seq: i64) -> Cursor {
        Cursor { history: 1, seq }
    }

    fn entry(id: &str) -> Mark {
        Mark::Entry(EntryId::parse(id).unwrap(), None)
    }

    fn missed(ring: &Ring, seq: i64) -> Option<usize> {
        match ring.since(at(seq), &SpiffeId::parse("spiffe://a.org/spire/agent/x").unwrap()) {
            Missed::Entries(entries) => Some(entries.len()),
            Missed::Everything => None,
        }
    }

    #[test]
    fn what_fell_out_of_memory_makes_a_snapshot_and_the_rest_does_not() {
        let mut ring = Ring::new(2);
        ring.stamp(at(10));
        for (seq, id) in [(11, "a"), (12, "b"), (13, "c")] {
            ring.mark(entry(id));
            ring.stamp(at(seq));
        }
        assert_eq!(missed(&ring, 10), None, "change 11 is forgotten");
        assert_eq!(missed(&ring, 11), Some(2));
        assert_eq!(missed(&ring, 13), Some(0));
        assert_eq!(missed(&ring, 99), Some(0), "an agent may be ahead of this replica");
    }

    #[test]
    fn another_history_and_changed_selectors_make_a_snapshot() {
        let mut ring = Ring::new(8);
        ring.stamp(at(1));
        let agent = SpiffeId::parse("spiffe://a.org/spire/agent/x").unwrap();
        let other = Cursor { history: 2, seq: 1 };
        assert!(matches!(ring.since(other, &agent), Missed::Everything));
        ring.mark(Mark::Agent(SpiffeId::parse("spiffe://a.org/spire/agent/y").unwrap()));
        assert_eq!(missed(&ring, 1), Some(0));
        ring.mark(Mark::Agent(agent));
        assert_eq!(missed(&ring, 1), None);
        ring.stamp(at(2));
        assert_eq!(missed(&ring, 1), None);
        assert_eq!(missed(&ring, 2), Some(0));
    }
}
