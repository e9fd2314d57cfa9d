//! `SyncAuthorizedEntries` and `GetAuthorizedEntries`, as SPIRE's agents use them.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tonic::{Code, Request, Status};
use weft_proto::spire::api::server::entry::v1 as wire;
use weft_proto::spire::api::server::entry::v1::entry_server::Entry as _;
use weft_proto::spire::api::types::EntryMask;

use crate::env::Entropy;
use crate::nodes::NodeCaller;
use crate::testkit::{SeededEntropy, TestDatabase, engines};
use crate::workloads::grpc::entry::{Exchange, answers};
use crate::workloads::grpc::{Service, convert};
use crate::workloads::model::Draft;
use crate::workloads::tests::world::{World, draft};

async fn world() -> World {
    World::new(&TestDatabase::new(engines()[0]).await).await
}

fn first(output_mask: Option<EntryMask>) -> wire::SyncAuthorizedEntriesRequest {
    wire::SyncAuthorizedEntriesRequest { output_mask, ids: Vec::new() }
}

fn ids(ids: &[String]) -> wire::SyncAuthorizedEntriesRequest {
    wire::SyncAuthorizedEntriesRequest { output_mask: None, ids: ids.to_vec() }
}

async fn sync(
    world: &World,
    caller: &NodeCaller,
    requests: Vec<wire::SyncAuthorizedEntriesRequest>,
) -> Vec<Result<wire::SyncAuthorizedEntriesResponse, Status>> {
    let exchange = Exchange::new(Arc::new(world.workloads.clone()), caller.clone());
    answers(exchange, stream::iter(requests.into_iter().map(Ok))).collect().await
}

/// This many entries under one agent.
async fn many(world: &World, caller: &NodeCaller, count: u32) {
    for from in (0..count).step_by(500) {
        let drafts = (from..count.min(from + 500))
            .map(|n| draft(&format!("/w/{n}"), &caller.agent.id, n))
            .collect();
        world.create(drafts).await.into_iter().for_each(|made| drop(made.unwrap()));
    }
}

#[tokio::test]
async fn up_to_500_entries_come_in_one_message_without_revisions() {
    let world = world().await;
    let (caller, other) = (world.agent("a", &["rack:1"]).await, world.agent("b", &[]).await);
    let all = sync(&world, &caller, vec![first(None)]).await;
    assert_eq!(all.len(), 1, "also when there are none");
    many(&world, &caller, 500).await;
    world.create_one(draft("/not/mine", &other.agent.id, 1)).await;
    let mut all = sync(&world, &caller, vec![first(None), ids(&["x".to_owned()])]).await;
    assert_eq!(all.len(), 1);
    let page = all.remove(0).unwrap();
    assert_eq!((page.entries.len(), page.entry_revisions.len(), page.more), (500, 0, false));
    let entry = &page.entries[0];
    assert!(!entry.id.is_empty() && !entry.selectors[0].r#type.is_empty());
    assert!(entry.spiffe_id.is_some() && entry.parent_id.is_some() && entry.created_at > 0);
}

#[tokio::test]
async fn more_come_as_pages_of_revisions_and_then_those_asked_for() {
    let world = world().await;
    let caller = world.agent("a", &[]).await;
    many(&world, &caller, 1001).await;
    let pages = sync(&world, &caller, vec![first(None)]).await;
    let pages: Vec<_> = pages.into_iter().map(Result::unwrap).collect();
    let sizes: Vec<_> = pages.iter().map(|page| (page.entry_revisions.len(), page.more)).collect();
    assert_eq!(sizes, [(500, true), (500, true), (1, false)]);
    assert!(pages.iter().all(|page| page.entries.is_empty()));
    let mut every: Vec<_> =
        pages.iter().flat_map(|page| &page.entry_revisions).map(|r| r.id.clone()).collect();
    assert!(pages[0].entry_revisions[0].created_at > 0);
    every.push("ghost".to_owned());
    let requests = vec![first(None), ids(&every[..2]), ids(&every), ids(&[])];
    let pages = sync(&world, &caller, requests).await;
    let sizes: Vec<_> = pages
        .iter()
        .skip(3)
        .map(|page| page.as_ref().unwrap())
        .map(|page| (page.entries.len(), page.entry_revisions.len(), page.more))
        .collect();
    assert_eq!(
        sizes,
        [(2, 0, false), (500, 0, true), (500, 0, true), (1, 0, false), (0, 0, false)]
    );
}

#[tokio::test]
async fn what_is_too_large_for_one_message_comes_in_pages_however_few_they_are() {
    let world = world().await;
    let caller = world.agent("a", &[]).await;
    let drafts = (0..400)
        .map(|n| Draft {
            dns_names: (0..30).map(|k| format!("{}.{k}.test", "x".repeat(60))).collect(),
            hint: "h".repeat(1024),
            ..draft(&format!("/w/{n}"), &caller.agent.id, n)
        })
        .collect();
    world.create(drafts).await.into_iter().for_each(|made| drop(made.unwrap()));
    let mut pages = sync(&world, &caller, vec![first(None)]).await;
    let every = pages.remove(0).unwrap().entry_revisions;
    assert_eq!(every.len(), 400);
    let every: Vec<_> = every.into_iter().map(|revision| revision.id).collect();
    let pages = sync(&world, &caller, vec![first(None), ids(&every)]).await;
    let sizes: Vec<_> = pages.iter().skip(1).map(|p| p.as_ref().unwrap().entries.len()).collect();
    assert!(sizes.len() > 1 && sizes.iter().sum::<usize>() == 400, "{sizes:?}");
}

#[tokio::test]
async fn the_first_request_asks_for_no_ids_and_wants_revision_numbers() {
    let world = world().await;
    let caller = world.agent("a", &[]).await;
    let no_revision = EntryMask { revision_number: false, ..convert::ALL };
    for request in [ids(&["x".to_owned()]), first(Some(no_revision))] {
        let mut answer = sync(&world, &caller, vec![request]).await;
        assert_eq!(answer.remove(0).unwrap_err().code(), Code::InvalidArgument);
        assert!(answer.is_empty());
    }
}

#[tokio::test]
async fn a_mask_leaves_out_what_it_does_not_choose() {
    let world = world().await;
    let caller = world.agent("a", &[]).await;
    world.create_one(Draft { hint: "h".to_owned(), ..draft("/web", &caller.agent.id, 1) }).await;
    let mask = EntryMask { spiffe_id: true, revision_number: true, ..EntryMask::default() };
    let mut answer = sync(&world, &caller, vec![first(Some(mask))]).await;
    let entry = answer.remove(0).unwrap().entries.remove(0);
    assert_eq!(entry.spiffe_id.unwrap().path, "/web");
    assert!(!entry.id.is_empty(), "the id is always there");
    assert!(entry.parent_id.is_none() && entry.selectors.is_empty() && entry.hint.is_empty());
}

#[tokio::test]
async fn older_agents_get_all_entries_at_once() {
    let world = world().await;
    let caller = world.agent("a", &["rack:1"]).await;
    let alias = Draft {
        selectors: caller.agent.selectors.clone(),
        ..draft("/racks/1", &crate::workloads::tests::world::id("/spire/server"), 1)
    };
    let alias = world.create_one(alias).await;
    let web = world.create_one(draft("/web", &alias.terms.spiffe_id, 1)).await;
    let service = Service::of(&world.workloads);
    let mut request = Request::new(wire::GetAuthorizedEntriesRequest::default());
    request.extensions_mut().insert(caller);
    let entries = service.get_authorized_entries(request).await.unwrap().into_inner().entries;
    let mut found: Vec<_> = entries.into_iter().map(|entry| entry.id).collect();
    found.sort();
    let mut expected = [alias.id.to_string(), web.id.to_string()];
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn synced_entries_carry_their_own_flags() {
    let world = world().await;
    for seed in 0..4 {
        let caller = world.agent(&format!("a{seed}"), &[]).await;
        let chance = SeededEntropy::new(seed);
        let drafts: Vec<Draft> = (0..100).map(|n| any(n, seed, &caller, &chance)).collect();
        let made = world.create(drafts.clone()).await;
        let ids: Vec<String> = made.into_iter().map(|made| made.unwrap().id.to_string()).collect();
        let answers = sync(&world, &caller, vec![first(None)]).await;
        let synced = answers.into_iter().flat_map(|page| page.unwrap().entries).collect::<Vec<_>>();
        assert_eq!(synced.len(), drafts.len());
        for entry in &synced {
            let at = ids.iter().position(|id| *id == entry.id).unwrap();
            carries_its_own(entry, &drafts[at]);
        }
        let hidden = EntryMask { revision_number: true, ..EntryMask::default() };
        for page in sync(&world, &caller, vec![first(Some(hidden))]).await {
            for entry in page.unwrap().entries {
                assert!(!entry.admin && !entry.downstream && !entry.store_svid, "{entry:?}");
                assert!(entry.hint.is_empty() && entry.dns_names.is_empty(), "{entry:?}");
            }
        }
    }
}

/// An entry with any flags.
fn any(n: u32, seed: u64, caller: &NodeCaller, chance: &SeededEntropy) -> Draft {
    let chance: &dyn Entropy = chance;
    let [bits, life] = chance.nonce::<2>().unwrap();
    let is = |bit: u8| bits & (1 << bit) != 0;
    Draft {
        admin: is(0),
        downstream: is(1),
        store_svid: is(2),
        hint: if is(3) { format!("hint-{n}") } else { String::new() },
        dns_names: if is(4) { vec![format!("w{n}.test")] } else { Vec::new() },
        x509_svid_ttl_seconds: if is(5) { 600 + i64::from(life) } else { 0 },
        jwt_svid_ttl_seconds: if is(6) { 60 + i64::from(life) } else { 0 },
        disable_x509_svid_prefetch: is(7),
        ..draft(&format!("/flags/{seed}/{n}"), &caller.agent.id, n)
    }
}

fn carries_its_own(entry: &weft_proto::spire::api::types::Entry, of: &Draft) {
    let flags = (entry.admin, entry.downstream, entry.store_svid);
    assert_eq!(flags, (of.admin, of.downstream, of.store_svid), "{entry:?}");
    assert_eq!((&entry.hint, &entry.dns_names), (&of.hint, &of.dns_names), "{entry:?}");
    let lives = (i64::from(entry.x509_svid_ttl), i64::from(entry.jwt_svid_ttl));
    assert_eq!(lives, (of.x509_svid_ttl_seconds, of.jwt_svid_ttl_seconds), "{entry:?}");
    let attributes = entry.additional_attributes.as_ref();
    let prefetch_off = attributes.is_some_and(|attributes| attributes.disable_x509_svid_prefetch);
    assert_eq!(prefetch_off, of.disable_x509_svid_prefetch, "{entry:?}");
    assert_eq!(entry.spiffe_id.as_ref().unwrap().path, of.spiffe_id.path());
}
