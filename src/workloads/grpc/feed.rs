//! What one stream has told its agent, and what it tells next: deltas as pages, and bundles that differ.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use prost::Message;
use weft_proto::node::v1 as wire;
use weft_proto::spire::api::types;

use super::{convert, entry};
use crate::authority::Bundle;
use crate::db::Cursor;
use crate::kernel::{RealmId, TrustDomain};
use crate::workloads::Entry;
use crate::workloads::push::{Delta, Goodbye};
use crate::workloads::sync_entries::Watching;

/// One agent's side of the stream.
pub(super) struct Feed {
    realm: RealmId,
    watching: Watching,
    /// The number of our own bundle that the agent has.
    own: u64,
    /// Foreign bundles that it has from this stream.
    foreign: BTreeMap<TrustDomain, Arc<Bundle>>,
    /// Nothing was sent yet: the first update says more than what changed.
    first: bool,
    out: Option<Out>,
}

/// An answer on its way, made page by page, so that a large one is never in memory as a whole.
struct Out {
    /// Bundles; the first carries `snapshot_begin`.
    heads: VecDeque<wire::Update>,
    upserts: std::vec::IntoIter<Arc<Entry>>,
    /// What comes with the last page.
    tail: wire::Update,
}

impl Feed {
    pub(super) fn new(realm: RealmId, watching: Watching, own: u64) -> Self {
        let foreign = BTreeMap::new();
        Self { realm, watching, own, foreign, first: true, out: None }
    }

    pub(super) fn goodbye(&self) -> Option<Goodbye> {
        self.watching.mailbox.goodbye()
    }

    pub(super) async fn rung(&self) {
        self.watching.mailbox.rung().await;
    }

    pub(super) fn acknowledge(&self, revision: Option<Cursor>, bundle_sequence: u64) {
        self.watching.acknowledge(revision, bundle_sequence);
    }

    /// Takes what waits and makes an answer of it.
    pub(super) fn collect(&mut self) {
        let Some(delta) = self.watching.collect() else { return };
        let first = std::mem::replace(&mut self.first, false);
        let mut heads = VecDeque::new();
        let mut tail = wire::Update {
            revision: Some(convert::revision(delta.revision)),
            ..wire::Update::default()
        };
        if delta.snapshot {
            self.foreign.clear();
        }
        self.put_bundles(&delta, first, &mut heads, &mut tail);
        if delta.snapshot {
            if heads.is_empty() {
                heads.push_back(wire::Update::default());
            }
            if let Some(head) = heads.front_mut() {
                head.snapshot_begin = true;
            }
            tail.snapshot_end = true;
        }
        tail.removed_ids = delta.removed.iter().map(ToString::to_string).collect();
        tail.directives = delta.directives.into_iter().map(convert::directive).collect();
        self.out = Some(Out { heads, upserts: delta.upserts.into_iter(), tail });
    }

    /// The next update of the answer that is on its way.
    pub(super) fn next_page(&mut self) -> Option<wire::Update> {
        let out = self.out.as_mut()?;
        if let Some(head) = out.heads.pop_front() {
            return Some(head);
        }
        let upserts = entry::entries(&mut out.upserts, &convert::ALL, PAGE_BYTES);
        let upserts = upserts.into_iter().map(|entry| wire::AuthorizedEntry { entry: Some(entry) });
        let mut page = wire::Update::default();
        if out.upserts.len() == 0 {
            page = std::mem::take(&mut out.tail);
            self.out = None;
        }
        page.upserts = upserts.collect();
        Some(page)
    }

    /// Bundles go before the entries that need them.
    fn put_bundles(
        &mut self,
        delta: &Delta,
        first: bool,
        heads: &mut VecDeque<wire::Update>,
        tail: &mut wire::Update,
    ) {
        if let Some(own) = self.watching.workloads.authority.bundle(self.realm)
            && (delta.snapshot || own.sequence != self.own)
        {
            self.own = own.sequence;
            let bundle = Some(convert::bundle(&own, None));
            heads.push_back(wire::Update { bundle, ..wire::Update::default() });
        }
        for bundle in self.changed_foreign(delta, first, tail) {
            let size = bundle.encoded_len();
            match heads
                .back_mut()
                .filter(|head| head.encoded_len().saturating_add(size) <= HEAD_BYTES_MAX)
            {
                Some(head) => head.federated_bundles.push(bundle),
                None => heads.push_back(wire::Update {
                    federated_bundles: vec![bundle],
                    ..wire::Update::default()
                }),
            }
        }
    }

    /// The foreign bundles that the agent needs and does not have as they are now; those that are gone go into `tail`.
    fn changed_foreign(
        &mut self,
        delta: &Delta,
        first: bool,
        tail: &mut wire::Update,
    ) -> Vec<types::Bundle> {
        // What an agent had before this stream is not known here: the first update says all it needs. When a foreign
        // bundle came or changed, any of its entries may be waiting for it.
        let all = if (first || delta.bundles) && !delta.snapshot {
            self.watching.all()
        } else {
            Vec::new()
        };
        let needed =
            delta.upserts.iter().chain(&all).flat_map(|entry| entry.terms.federates_with.iter());
        let needed: BTreeSet<&TrustDomain> = needed.collect();
        let mut changed = Vec::new();
        for domain in needed {
            let Some(now) = self.watching.workloads.bundles.foreign(self.realm, domain) else {
                continue;
            };
            let told = self.foreign.get(domain);
            if told.is_none_or(|told| !Arc::ptr_eq(told, &now)) {
                changed.push(convert::bundle(&now, None));
                self.foreign.insert(domain.clone(), now);
            }
        }
        let gone = |domain: &TrustDomain| {
            self.watching.workloads.bundles.foreign(self.realm, domain).is_none()
        };
        let gone: Vec<_> = self.foreign.keys().filter(|domain| gone(domain)).cloned().collect();
        for domain in gone {
            self.foreign.remove(&domain);
            tail.removed_trust_domains.push(domain.to_string());
        }
        changed
    }
}

/// What was encoded last stays allocated as long as the stream is open, and there is a stream for each agent.
const PAGE_BYTES: usize = 1024;
/// A bundle document is at most 1 MiB; two together stay below what gRPC clients take.
const HEAD_BYTES_MAX: usize = 1024 * 1024;
