//! Who is authorised for which entry: both walks against a naive one, on random forests with cycles.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::kernel::{EntryId, Selector, SpiffeId, SubjectId, Timestamp};
use crate::workloads::index::{Index, Node};
use crate::workloads::model::{Entry, Terms};

const NOW: Timestamp = Timestamp::from_seconds(1_000);

/// An entry of the random forest, by small numbers.
#[derive(Debug, Clone)]
struct Shape {
    path: u8,
    parent: u8,
    selectors: Vec<u8>,
    expired: bool,
}

/// 0 and 1 are agents, 2 the server, 3 a name that a join token gave; the rest are identities.
fn name(number: u8) -> SpiffeId {
    let path = match number {
        0 | 1 => format!("/spire/agent/test/{number}"),
        2 => "/spire/server".to_owned(),
        3 => "/racks/a".to_owned(),
        n => format!("/w/{n}"),
    };
    SpiffeId::parse(&format!("spiffe://weft.test{path}")).unwrap()
}

fn selectors(numbers: &[u8]) -> Vec<Selector> {
    let numbers: BTreeSet<_> = numbers.iter().collect();
    numbers.into_iter().map(|n| Selector::parse(&format!("node:{n}")).unwrap()).collect()
}

fn entry(number: u8, shape: &Shape) -> Entry {
    Entry {
        id: EntryId::parse(&format!("e{number:03}")).unwrap(),
        number: SubjectId::new(uuid::Uuid::from_u128(number.into())),
        revision: 0,
        created_at: Timestamp::EPOCH,
        terms: Terms {
            spiffe_id: name(shape.path),
            parent_id: name(shape.parent),
            selectors: selectors(&shape.selectors).into_boxed_slice(),
            x509_svid_ttl: None,
            jwt_svid_ttl: None,
            federates_with: Box::default(),
            admin: false,
            downstream: false,
            expires_at: shape.expired.then_some(NOW),
            dns_names: std::sync::Arc::default(),
            store_svid: false,
            hint: None,
            disable_x509_svid_prefetch: false,
            jwt_svid_include_jti: false,
        },
    }
}

/// The definition, word for word: grows the set until it stays.
fn naive(entries: &[Entry], node: &Node) -> BTreeSet<EntryId> {
    let mut ids = BTreeSet::from([node.id.clone()]);
    ids.extend(node.alias.clone());
    let mut set = BTreeSet::new();
    loop {
        let before = set.len();
        for entry in entries.iter().filter(|entry| !entry.is_expired(NOW)) {
            let stands_for = entry.terms.parent_id == name(2)
                && entry.terms.selectors.iter().all(|one| node.selectors.contains(one));
            if stands_for || ids.contains(&entry.terms.parent_id) {
                set.insert(entry.id.clone());
                ids.insert(entry.terms.spiffe_id.clone());
            }
        }
        if set.len() == before {
            return set;
        }
    }
}

fn shape() -> impl Strategy<Value = Shape> {
    let selectors = proptest::collection::vec(0_u8..4, 1..3);
    (3_u8..12, 0_u8..12, selectors, proptest::bool::weighted(0.1))
        .prop_map(|(path, parent, selectors, expired)| Shape { path, parent, selectors, expired })
}

proptest! {
    #[test]
    fn both_walks_give_what_the_definition_says(
        shapes in proptest::collection::vec(shape(), 0..40),
        removed in proptest::collection::vec(0_usize..40, 0..8),
        has in proptest::collection::vec(0_u8..4, 0..4),
        named in any::<bool>(),
    ) {
        let mut entries: Vec<_> = shapes.iter().zip(0..).map(|(s, n)| entry(n, s)).collect();
        let mut index = Index::default();
        for entry in &entries {
            index.insert(entry.clone());
        }
        for number in removed {
            let id = EntryId::parse(&format!("e{number:03}")).unwrap();
            index.remove(&id);
            entries.retain(|entry| entry.id != id);
        }
        let node = Node { id: name(0), alias: named.then(|| name(3)), selectors: selectors(&has) };
        let expected = naive(&entries, &node);
        let down = index.authorised(&node, NOW);
        let ids: BTreeSet<_> = down.iter().map(|entry| entry.id.clone()).collect();
        prop_assert_eq!(down.len(), ids.len(), "each once");
        prop_assert_eq!(&ids, &expected);
        for entry in &entries {
            let up = index.authorised_one(&node, &entry.id, NOW).is_some();
            prop_assert_eq!(up, expected.contains(&entry.id), "{}", entry.id);
        }
    }

    #[test]
    fn the_ways_up_find_every_agent_that_has_the_entry(
        shapes in proptest::collection::vec(shape(), 0..30),
        has in proptest::collection::vec(0_u8..4, 0..4),
    ) {
        let entries: Vec<_> = shapes.iter().zip(0..).map(|(s, n)| entry(n, s)).collect();
        let mut index = Index::default();
        for entry in &entries {
            index.insert(entry.clone());
        }
        let node = Node { id: name(1), alias: Some(name(3)), selectors: selectors(&has) };
        let aliases: BTreeSet<_> =
            index.aliases_of(&node.selectors).map(|alias| alias.id.clone()).collect();
        for found in index.authorised(&node, NOW) {
            let roots = index.roots(&found);
            let direct = roots.parents.contains(&node.id) || roots.parents.contains(&name(3));
            let stands = roots.aliases.iter().any(|alias| aliases.contains(&alias.id));
            prop_assert!(direct || stands, "{}", found.id);
        }
    }
}

#[test]
fn an_index_that_lost_all_its_entries_holds_nothing() {
    let mut index = Index::default();
    for n in 0..10_u8 {
        let shape =
            Shape { path: 4 + n % 3, parent: n % 4, selectors: vec![n % 4], expired: n % 2 == 0 };
        index.insert(entry(n, &shape));
    }
    for n in 0..10 {
        index.remove(&EntryId::parse(&format!("e{n:03}")).unwrap());
    }
    assert!(index.is_empty(), "{index:?}");
}
