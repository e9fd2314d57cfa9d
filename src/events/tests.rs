//! The specification of events: what acknowledged means, what survives, what is refused, what erasure leaves.

mod ledger;
