//! What operations on entries answer, on both engines.

use super::world::{REALM, World, admin, draft, id, workload};
use crate::access::{self, Right};
use crate::jobs::Reconciler;
use crate::kernel::{EntryId, Fault, Lifetime, RealmId, Selector, TrustDomain};
use crate::testkit::{on_each_database, on_each_engine};
use crate::workloads::jobs::RemoveExpired;
use crate::workloads::model::{Draft, Error};
use crate::workloads::{
    Change, CreateEntries, DeleteEntries, Filter, ListEntries, SelectorMatch, UpdateEntries, store,
};

fn full() -> Draft {
    let parent = id("/spire/agent/join_token/a");
    Draft {
        id: Some(EntryId::parse("web-1").unwrap()),
        x509_svid_ttl_seconds: 600,
        jwt_svid_ttl_seconds: 60,
        federates_with: vec![TrustDomain::parse("other.test").unwrap()],
        admin: true,
        downstream: true,
        dns_names: vec!["web.weft.test".to_owned()],
        store_svid: true,
        hint: "main".to_owned(),
        disable_x509_svid_prefetch: true,
        jwt_svid_include_jti: true,
        ..draft("/web", &parent, 1000)
    }
}

#[tokio::test]
async fn every_statement_can_be_prepared() {
    on_each_engine(|db| async move {
        for sql in store::STATEMENTS {
            let prepared: Result<(), Fault> =
                db.read(REALM, *sql, |tx, sql| Box::pin(tx.prepare(sql))).await;
            prepared.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn an_entry_is_the_same_after_a_restart_in_all_its_fields() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let expires_at = Some(world.now().plus(Lifetime::hours(1)));
        let made = world.create_one(Draft { expires_at, ..full() }).await;
        let plain = world.create_one(draft("/plain", &id("/racks/1"), 1)).await;
        let followed = world.workloads.entry(REALM, &made.id).unwrap();
        assert_eq!(followed, made);
        world.load(REALM).await;
        assert_eq!(world.workloads.entry(REALM, &made.id).unwrap(), made);
        assert_eq!(world.workloads.entry(REALM, &plain.id).unwrap(), plain);
        assert!(plain.id.as_str().starts_with("ent_"));
        assert_eq!(world.workloads.count(REALM), 2);
    })
    .await;
}

#[tokio::test]
async fn an_id_is_taken_once_and_a_similar_entry_is_named() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        world.create_one(full()).await;
        let taken = Draft { spiffe_id: id("/other"), ..full() };
        let similar = Draft { id: None, hint: "another".to_owned(), ..full() };
        let twins = draft("/twin", &id("/racks/1"), 1);
        let outcomes = world.create(vec![taken, similar, twins.clone(), twins]).await;
        assert!(matches!(&outcomes[0], Err(Error::Exists { id }) if id.as_str() == "web-1"));
        assert!(
            matches!(&outcomes[1], Err(Error::Similar { existing }) if existing.as_str() == "web-1")
        );
        let twin = outcomes[2].as_ref().unwrap();
        assert!(matches!(&outcomes[3], Err(Error::Similar { existing }) if *existing == twin.id));
        assert_eq!(world.workloads.count(REALM), 2);
    })
    .await;
}

#[tokio::test]
async fn a_batch_answers_each_item_at_its_place_and_is_bounded() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let parent = id("/racks/1");
        let bad = Draft { selectors: Vec::new(), ..draft("/b", &parent, 1) };
        let drafts = vec![draft("/a", &parent, 1), bad, draft("/c", &parent, 1)];
        let outcomes = world.create(drafts).await;
        assert_eq!(outcomes[0].as_ref().unwrap().terms.spiffe_id, id("/a"));
        assert!(matches!(outcomes[1], Err(Error::Invalid { field: "selectors", .. })));
        assert_eq!(outcomes[2].as_ref().unwrap().terms.spiffe_id, id("/c"));
        for count in [0, 501] {
            let drafts = vec![draft("/x", &parent, 1); count];
            let ask = CreateEntries { realm: REALM, by: admin(), drafts };
            assert!(matches!(world.workloads.create(ask).await, Err(Error::BatchSize)), "{count}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_update_replaces_what_an_entry_says_and_raises_its_revision() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let made = world.create_one(full()).await;
        let update = |revision, draft: Draft| UpdateEntries {
            realm: REALM,
            by: admin(),
            changes: vec![Change { id: made.id.clone(), revision, draft }],
        };
        let plain = draft("/web", &id("/racks/1"), 1);
        let changed = world.workloads.update(update(Some(0), plain.clone())).await.unwrap();
        let changed = changed.into_iter().next().unwrap().unwrap();
        assert_eq!((changed.revision, changed.number), (1, made.number));
        assert_eq!(changed.terms.hint, None);
        // The index has not followed yet: a second change of the same revision is refused by the row.
        let stale = world.workloads.update(update(None, full())).await.unwrap().remove(0);
        assert!(matches!(stale, Err(Error::Outdated { current: 1, .. })));
        world.follow().await;
        assert_eq!(world.workloads.entry(REALM, &made.id).unwrap(), changed);
        let stale = world.workloads.update(update(Some(0), full())).await.unwrap().remove(0);
        assert!(matches!(stale, Err(Error::Outdated { current: 1, .. })));
        let other = world.create_one(draft("/other", &id("/racks/1"), 1)).await;
        let clash = Draft { spiffe_id: id("/other"), ..plain };
        let clash = world.workloads.update(update(None, clash)).await.unwrap().remove(0);
        assert!(matches!(clash, Err(Error::Similar { existing }) if existing == other.id));
    })
    .await;
}

#[tokio::test]
async fn a_delete_takes_the_entry_away_once() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let made = world.create_one(full()).await;
        let delete = |revision| DeleteEntries {
            realm: REALM,
            by: admin(),
            items: vec![(made.id.clone(), revision)],
        };
        let stale = world.workloads.delete(delete(Some(7))).await.unwrap().remove(0);
        assert!(matches!(stale, Err(Error::Outdated { current: 0, .. })));
        world.workloads.delete(delete(Some(0))).await.unwrap().remove(0).unwrap();
        let again = world.workloads.delete(delete(None)).await.unwrap().remove(0);
        assert!(matches!(again, Err(Error::NotFound { .. })), "the row says so before the index");
        world.follow().await;
        assert_eq!(world.workloads.count(REALM), 0);
        world.create_one(full()).await;
    })
    .await;
}

#[tokio::test]
async fn whoever_holds_no_role_changes_nothing_and_learns_nothing() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let made = world.create_one(full()).await;
        let (realm, by) = (REALM, workload());
        let drafts = vec![draft("/x", &id("/racks/1"), 1)];
        let ask = CreateEntries { realm, by: by.clone(), drafts };
        let refused = world.workloads.create(ask).await.unwrap().remove(0);
        assert!(matches!(refused, Err(Error::Access(access::Error::Denied { .. }))));
        let changes = vec![Change { id: made.id.clone(), revision: None, draft: full() }];
        let ask = UpdateEntries { realm, by: by.clone(), changes };
        let refused = world.workloads.update(ask).await.unwrap().remove(0);
        assert!(matches!(refused, Err(Error::NotFound { .. })), "not even that it is there");
        let items = vec![(made.id.clone(), None)];
        let refused = world.workloads.delete(DeleteEntries { realm, by: by.clone(), items }).await;
        assert!(matches!(refused.unwrap().remove(0), Err(Error::NotFound { .. })));
        let shown = world.workloads.show(realm, &by, &made.id);
        assert!(matches!(shown, Err(Error::NotFound { .. })));
        let list = ListEntries { realm, by, filter: Filter::default(), after: None, limit: 10 };
        assert!(matches!(world.workloads.list(list), Err(Error::Access(_))));
    })
    .await;
}

#[tokio::test]
async fn a_foreign_realm_has_none_of_our_entries() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let made = world.create_one(full()).await;
        let (realm, by) = (RealmId(77), admin());
        assert!(matches!(world.workloads.show(realm, &by, &made.id), Err(Error::Realm)));
        let items = vec![(made.id.clone(), None)];
        let deleted = world.workloads.delete(DeleteEntries { realm, by: by.clone(), items }).await;
        assert!(matches!(deleted, Err(Error::Realm)));
        let list = ListEntries { realm, by, filter: Filter::default(), after: None, limit: 10 };
        assert!(matches!(world.workloads.list(list), Err(Error::Realm)));
    })
    .await;
}

#[tokio::test]
async fn listings_are_filtered_and_paged_in_the_order_of_ids() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let (a, b) = (id("/racks/a"), id("/racks/b"));
        let named =
            |name: &str, draft: Draft| Draft { id: Some(EntryId::parse(name).unwrap()), ..draft };
        let two = ["unix:uid:1", "unix:gid:1"].map(|s| Selector::parse(s).unwrap()).to_vec();
        world
            .create(vec![
                named("e1", draft("/ns/x", &a, 1)),
                named("e2", Draft { selectors: two.clone(), ..draft("/ns/y", &a, 1) }),
                named("e3", Draft { hint: "h".to_owned(), ..draft("/ns/x", &b, 2) }),
                named("e4", Draft { downstream: true, ..draft("/nsx", &b, 3) }),
            ])
            .await;
        let list = |filter: Filter, after: Option<&str>, limit| {
            let after = after.map(|id| EntryId::parse(id).unwrap());
            let ask = ListEntries { realm: REALM, by: admin(), filter, after, limit };
            let page = world.workloads.list(ask).unwrap();
            let ids: Vec<_> = page.entries.iter().map(|entry| entry.id.to_string()).collect();
            (ids.join(" "), page.next.map(|id| id.to_string()))
        };
        let one = || vec![Selector::parse("unix:uid:1").unwrap()];
        let all = Filter::default;
        for (filter, expected) in [
            (all(), "e1 e2 e3 e4"),
            (Filter { spiffe_id: Some(id("/ns/x")), ..all() }, "e1 e3"),
            (Filter { under: Some(id("/ns")), ..all() }, "e1 e2 e3"),
            (Filter { parent_id: Some(a.clone()), ..all() }, "e1 e2"),
            (Filter { selectors: Some((SelectorMatch::Exact, one())), ..all() }, "e1"),
            (Filter { selectors: Some((SelectorMatch::Superset, one())), ..all() }, "e1 e2"),
            (Filter { selectors: Some((SelectorMatch::Subset, two.clone())), ..all() }, "e1 e2"),
            (Filter { selectors: Some((SelectorMatch::Any, two.clone())), ..all() }, "e1 e2"),
            (Filter { hint: Some("h".to_owned()), ..all() }, "e3"),
            (Filter { downstream: Some(true), ..all() }, "e4"),
            (Filter { parent_id: Some(id("/nobody")), ..all() }, ""),
        ] {
            let shown = format!("{filter:?}");
            assert_eq!(list(filter, None, 100).0, expected, "{shown}");
        }
        assert_eq!(list(all(), None, 3), ("e1 e2 e3".to_owned(), Some("e3".to_owned())));
        assert_eq!(list(all(), Some("e3"), 3), ("e4".to_owned(), None));
        assert_eq!(list(all(), None, 0).0, "e1", "a page has at least one item");
    })
    .await;
}

#[tokio::test]
async fn expired_entries_are_removed_and_that_is_a_change() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let expires_at = Some(world.now().plus(Lifetime::minutes(5)));
        let short = world.create_one(Draft { expires_at, ..full() }).await;
        world.create_one(draft("/stays", &id("/racks/1"), 1)).await;
        let job = RemoveExpired::new(world.workloads.clone());
        assert_eq!(job.reconcile().await.unwrap().changed, 0);
        world.clock.advance(Lifetime::minutes(5));
        assert_eq!(job.reconcile().await.unwrap().changed, 1);
        world.follow().await;
        assert!(world.workloads.entry(REALM, &short.id).is_none());
        assert_eq!(world.workloads.count(REALM), 1);
        assert_eq!(job.reconcile().await.unwrap().changed, 0);
    })
    .await;
}

#[tokio::test]
async fn a_registrar_grants_what_they_hold_and_no_more() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        world.bind_registrar("/ns/a", &[Right::Create, Right::Update, Right::DnsNames]).await;
        let parent = id("/ns/a/nodes");
        let plain = || draft("/ns/a/web", &parent, 1);
        let at = |path: &str| draft(path, &parent, 1);
        let create = async |draft: Draft| {
            let ask = CreateEntries { realm: REALM, by: workload(), drafts: vec![draft] };
            let made = world.workloads.create(ask).await.unwrap().remove(0);
            world.follow().await;
            made
        };
        for (what, draft) in [
            ("another path", at("/ns/b/web")),
            ("a path that only begins alike", at("/ns/ab")),
            ("admin", Draft { admin: true, ..plain() }),
            ("downstream", Draft { downstream: true, ..plain() }),
            ("a long life", Draft { x509_svid_ttl_seconds: 86_400, ..plain() }),
            ("federation", Draft { federates_with: full().federates_with, ..plain() }),
            ("a parent elsewhere", draft("/ns/a/web", &id("/spire/server"), 1)),
        ] {
            let refused = create(draft).await;
            let denied = matches!(refused, Err(Error::Access(access::Error::Denied { .. })));
            assert!(denied, "{what}: {refused:?}");
        }
        let named = Draft { dns_names: vec!["web.weft.test".to_owned()], ..plain() };
        let made = create(named).await.unwrap();
        let update = |draft: Draft| UpdateEntries {
            realm: REALM,
            by: workload(),
            changes: vec![Change { id: made.id.clone(), revision: None, draft }],
        };
        for (what, draft) in [
            ("out of the path", at("/ns/b/web")),
            ("up to admin", Draft { admin: true, ..plain() }),
        ] {
            let refused = world.workloads.update(update(draft)).await.unwrap().remove(0);
            assert!(matches!(refused, Err(Error::Access(_))), "{what}: {refused:?}");
        }
        let items = vec![(made.id.clone(), None)];
        let ask = DeleteEntries { realm: REALM, by: workload(), items };
        let refused = world.workloads.delete(ask).await.unwrap().remove(0);
        assert!(matches!(refused, Err(Error::Access(_))), "delete is a right of its own");
        world.workloads.update(update(plain())).await.unwrap().remove(0).unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_right_taken_away_on_another_replica_is_not_used_here() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        world.bind_registrar("/ns/a", &[Right::Create]).await;
        world.unbind_registrar().await;
        // This replica has not followed: it still decides with the old rights, and the write finds out.
        let drafts = vec![draft("/ns/a/web", &id("/ns/a/nodes"), 1)];
        let ask = CreateEntries { realm: REALM, by: workload(), drafts };
        let refused = world.workloads.create(ask).await;
        assert!(matches!(refused, Err(Error::Fault(Fault::RightsChanged))), "{refused:?}");
        world.follow().await;
        assert_eq!(world.workloads.count(REALM), 0);
    })
    .await;
}
