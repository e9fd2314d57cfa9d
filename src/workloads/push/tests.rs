//! Which change reaches which agent, and what an agent that was away is told.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::FutureExt;

use super::{Delta, Directive, Goodbye, Mailbox, Realm, Why};
use crate::db::Cursor;
use crate::kernel::{EntryId, Lifetime, Selector, Situation, SpiffeId, SubjectId, Timestamp};
use crate::workloads::index::{Index, Node};
use crate::workloads::model::{Entry, Terms};
use crate::workloads::settings::Settings;

const NOW: Timestamp = Timestamp::from_seconds(1_000);

fn name(path: &str) -> SpiffeId {
    SpiffeId::parse(&format!("spiffe://weft.test{path}")).unwrap()
}

fn id(text: &str) -> EntryId {
    EntryId::parse(text).unwrap()
}

fn selectors(texts: &[&str]) -> Vec<Selector> {
    texts.iter().map(|text| Selector::parse(text).unwrap()).collect()
}

fn entry(text: &str, path: &str, parent: &str) -> Entry {
    Entry {
        id: id(text),
        number: SubjectId::new(uuid::Uuid::from_u128(1)),
        revision: 0,
        created_at: Timestamp::EPOCH,
        terms: Terms {
            spiffe_id: name(path),
            parent_id: name(parent),
            selectors: selectors(&["rack:7"]).into(),
            x509_svid_ttl: None,
            jwt_svid_ttl: None,
            federates_with: Box::default(),
            admin: false,
            downstream: false,
            expires_at: None,
            dns_names: Arc::default(),
            store_svid: false,
            hint: None,
            disable_x509_svid_prefetch: false,
            jwt_svid_include_jti: false,
        },
    }
}

/// A realm with two agents, `a` and `b`; `b` stands in rack 7.
struct World {
    realm: Realm,
    seq: i64,
}

const A: &str = "/spire/agent/test/a";
const B: &str = "/spire/agent/test/b";

impl World {
    fn new() -> Self {
        Self::with(&Settings::default())
    }

    fn with(settings: &Settings) -> Self {
        let mut realm = Realm::new(settings, NOW);
        realm.replace(Index::default(), NOW);
        let mut world = Self { realm, seq: 0 };
        world.settle();
        world
    }

    fn settle(&mut self) -> Cursor {
        self.seq += 1;
        self.realm.settle(self.at());
        self.at()
    }

    fn at(&self) -> Cursor {
        Cursor { history: 1, seq: self.seq }
    }

    fn put(&mut self, entry: Entry) {
        self.realm.change(&entry.id.clone(), Some(entry));
        self.settle();
    }

    fn remove(&mut self, text: &str) {
        self.realm.change(&id(text), None);
        self.settle();
    }

    fn node(agent: &str) -> Node {
        let selectors = if agent == B { selectors(&["rack:7"]) } else { Vec::new() };
        Node { id: name(agent), alias: None, selectors }
    }

    fn watch(&mut self, agent: &str, from: Option<Cursor>) -> Arc<Mailbox> {
        let (mailbox, missed) = self.realm.watch((Self::node(agent), Situation::default()), from);
        self.realm.deliver_missed(&name(agent), &mailbox, missed, NOW);
        mailbox
    }

    /// A stream that has everything up to now.
    fn watch_from_now(&mut self, agent: &str) -> Arc<Mailbox> {
        let at = self.at();
        self.watch(agent, Some(at))
    }

    fn collect(&self, agent: &str, mailbox: &Mailbox) -> Delta {
        self.realm.collect(&name(agent), mailbox, NOW).unwrap()
    }

    /// What the agent is told: `+id` for what it has, `-id` for what is gone, `*` for a snapshot.
    fn told(&self, agent: &str, mailbox: &Mailbox) -> BTreeSet<String> {
        let delta = self.collect(agent, mailbox);
        let upserts = delta.upserts.iter().map(|entry| format!("+{}", entry.id));
        let removed = delta.removed.iter().map(|id| format!("-{id}"));
        let snapshot = delta.snapshot.then(|| "*".to_owned());
        upserts.chain(removed).chain(snapshot).collect()
    }
}

fn set(items: &[&str]) -> BTreeSet<String> {
    items.iter().map(ToString::to_string).collect()
}

fn rang(mailbox: &Mailbox) -> bool {
    mailbox.rung().now_or_never().is_some()
}

#[test]
fn a_change_reaches_the_agents_it_concerns_and_wakes_no_other() {
    let mut world = World::new();
    let (a, b) = (world.watch_from_now(A), world.watch_from_now(B));
    world.put(entry("web", "/web", A));
    assert!(rang(&a) && !rang(&b));
    assert_eq!(world.told(A, &a), set(&["+web"]));
    assert_eq!(world.told(B, &b), set(&[]));
    world.remove("web");
    assert_eq!(world.told(A, &a), set(&["-web"]));
    assert!(!rang(&b));
}

#[test]
fn an_entry_that_moves_is_gone_for_one_and_new_for_the_other() {
    let mut world = World::new();
    let (a, b) = (world.watch_from_now(A), world.watch_from_now(B));
    world.put(entry("web", "/web", A));
    let _seen = world.told(A, &a);
    world.put(entry("web", "/web", B));
    assert_eq!(world.told(A, &a), set(&["-web"]));
    assert_eq!(world.told(B, &b), set(&["+web"]));
}

#[test]
fn an_alias_brings_and_takes_what_hangs_below_it() {
    let mut world = World::new();
    let (a, b) = (world.watch_from_now(A), world.watch_from_now(B));
    world.put(entry("app", "/app", "/racks/7"));
    world.put(entry("part", "/part", "/app"));
    assert_eq!(world.told(B, &b), set(&[]));
    world.put(entry("rack", "/racks/7", "/spire/server"));
    assert_eq!(world.told(B, &b), set(&["+rack", "+app", "+part"]));
    world.put(entry("more", "/more", "/racks/7"));
    assert_eq!(world.told(B, &b), set(&["+more"]));
    world.remove("rack");
    assert_eq!(world.told(B, &b), set(&["-rack", "-app", "-part", "-more"]));
    assert_eq!(world.told(A, &a), set(&[]));
}

#[test]
fn an_agent_hears_of_entries_under_the_name_its_join_token_gave() {
    let mut world = World::new();
    let at = world.at();
    let node = Node { alias: Some(name("/racks/9")), ..World::node(A) };
    let (mailbox, missed) = world.realm.watch((node, Situation::default()), Some(at));
    world.realm.deliver_missed(&name(A), &mailbox, missed, NOW);
    world.put(entry("app", "/app", "/racks/9"));
    assert!(rang(&mailbox));
    assert_eq!(world.told(A, &mailbox), set(&["+app"]));
}

#[test]
fn nothing_that_did_not_change_is_told() {
    let mut world = World::new();
    world.put(entry("web", "/web", A));
    let a = world.watch_from_now(A);
    world.put(entry("web", "/web", A));
    assert!(!rang(&a));
    assert_eq!(world.told(A, &a), set(&[]));
}

#[test]
fn an_agent_that_was_away_is_told_what_it_missed() {
    let mut world = World::new();
    world.put(entry("old", "/old", A));
    world.put(entry("gone", "/gone", A));
    let left = world.at();
    world.remove("gone");
    world.put(entry("new", "/new", A));
    let back = world.watch(A, Some(left));
    assert_eq!(world.told(A, &back), set(&["+new", "-gone"]));
    let again = world.watch_from_now(A);
    assert_eq!(world.told(A, &again), set(&[]));
}

#[test]
fn an_agent_never_learns_the_ids_of_entries_it_never_had() {
    let mut world = World::new();
    world.put(entry("secret", "/secret", B));
    world.put(entry("rack", "/racks/7", "/spire/server"));
    world.put(entry("app", "/app", "/racks/7"));
    let left = world.at();
    world.remove("secret");
    world.put(entry("short", "/short", B));
    world.remove("short");
    world.remove("rack");
    world.remove("app");
    let back = world.watch(A, Some(left));
    assert_eq!(world.told(A, &back), set(&[]));
    let back = world.watch(B, Some(left));
    let all = ["-secret", "-short", "-rack", "-app"];
    assert_eq!(world.told(B, &back), set(&all), "while the one that had them is told");
}

#[test]
fn whoever_has_nothing_or_is_of_another_history_gets_everything() {
    let mut world = World::new();
    world.put(entry("web", "/web", A));
    for from in [None, Some(Cursor { history: 7, seq: 1 })] {
        let mailbox = world.watch(A, from);
        assert_eq!(world.told(A, &mailbox), set(&["*", "+web"]));
    }
}

#[test]
fn a_restored_database_makes_a_snapshot_for_all() {
    let mut world = World::new();
    let a = world.watch_from_now(A);
    world.realm.settle(Cursor { history: 2, seq: 1 });
    assert!(rang(&a));
    let delta = world.collect(A, &a);
    assert!(delta.snapshot);
    assert_eq!(delta.revision, Cursor { history: 2, seq: 1 });
}

#[test]
fn what_waits_for_an_agent_is_bounded_by_a_snapshot() {
    let settings = Settings { push_waiting_changes_max: 3, ..Settings::default() };
    let mut world = World::with(&settings);
    let a = world.watch_from_now(A);
    for n in 0..10 {
        world.put(entry(&format!("e{n}"), &format!("/e{n}"), A));
    }
    let delta = world.collect(A, &a);
    assert!(delta.snapshot);
    assert_eq!((delta.upserts.len(), delta.removed.len()), (10, 0));
    world.put(entry("late", "/late", A));
    assert_eq!(world.told(A, &a), set(&["+late"]), "after a snapshot changes are told again");
}

#[test]
fn an_alias_of_too_much_makes_a_snapshot_for_those_it_stands_for() {
    let settings = Settings { push_waiting_changes_max: 3, ..Settings::default() };
    let mut world = World::with(&settings);
    for n in 0..10 {
        world.put(entry(&format!("e{n}"), &format!("/e{n}"), "/racks/7"));
    }
    let (a, b) = (world.watch_from_now(A), world.watch_from_now(B));
    let left = world.at();
    world.put(entry("rack", "/racks/7", "/spire/server"));
    assert!(world.collect(B, &b).snapshot);
    assert!(!rang(&a));
    let back = world.watch(B, Some(left));
    assert!(world.collect(B, &back).snapshot, "also for whoever was away");
}

#[test]
fn an_expired_entry_is_taken_away_when_its_time_comes() {
    let mut world = World::new();
    let a = world.watch_from_now(A);
    let soon = NOW.plus(Lifetime::seconds(10));
    let mut short = entry("short", "/short", A);
    short.terms.expires_at = Some(soon);
    world.put(short);
    world.put(entry("below", "/below", "/short"));
    assert_eq!(world.told(A, &a), set(&["+short", "+below"]));
    assert!(rang(&a));
    assert_eq!(world.realm.expire(NOW), Some(soon));
    assert!(!rang(&a));
    assert_eq!(world.realm.expire(soon), None);
    assert!(rang(&a));
    let delta = world.realm.collect(&name(A), &a, soon).unwrap();
    assert_eq!(delta.removed, [id("below"), id("short")]);
    assert_eq!(delta.revision, world.at(), "no change has happened");
    let at = world.at();
    let (back, missed) = world.realm.watch((World::node(A), Situation::default()), Some(at));
    world.realm.deliver_missed(&name(A), &back, missed, soon);
    let delta = world.realm.collect(&name(A), &back, soon).unwrap();
    assert_eq!(delta.removed.len(), 2, "whoever was away then is told, too");
}

#[test]
fn other_selectors_of_a_node_make_a_snapshot_now_or_when_it_comes_back() {
    let mut world = World::new();
    world.put(entry("rack", "/racks/7", "/spire/server"));
    let a = world.watch_from_now(A);
    let left = world.at();
    world.realm.reselect(World::node(A));
    assert!(!rang(&a), "the same selectors change nothing");
    let moved = Node { selectors: selectors(&["rack:7"]), ..World::node(A) };
    world.realm.reselect(moved.clone());
    assert!(rang(&a));
    assert_eq!(world.told(A, &a), set(&["*", "+rack"]));
    assert!(world.realm.unwatch(&name(A), &a));
    let (back, missed) = world.realm.watch((moved, Situation::default()), Some(left));
    world.realm.deliver_missed(&name(A), &back, missed, NOW);
    assert!(world.collect(A, &back).snapshot);
}

#[test]
fn a_second_stream_takes_over_and_the_first_is_told() {
    let mut world = World::new();
    let first = world.watch_from_now(A);
    let second = world.watch_from_now(A);
    assert_eq!((first.goodbye(), second.goodbye()), (Some(Goodbye::Replaced), None));
    assert!(rang(&first));
    assert!(!world.realm.unwatch(&name(A), &first), "the agent is still there");
    world.put(entry("web", "/web", A));
    assert_eq!(world.told(A, &second), set(&["+web"]));
    assert!(world.realm.unwatch(&name(A), &second));
    assert_eq!(world.realm.watching_from(&name(A)), None);
}

#[test]
fn an_agent_hears_what_it_may_not_have_and_what_it_may_have_again_and_nobody_else_does() {
    let mut world = World::new();
    world.put(entry("web", "/web", A));
    world.put(entry("api", "/api", A));
    let (a, b) = (world.watch_from_now(A), world.watch_from_now(B));
    let order = |of: &str, refused| Directive {
        entry: id(of),
        refused,
        why: Why::Posture,
        message: if refused { "quarantine" } else { "it is permitted again" }.to_owned(),
    };
    let refused = |of: &[&str]| of.iter().map(|of| (id(of), order(of, true))).collect();
    world.realm.refuse(&name(A), refused(&["web", "api"]));
    assert!(rang(&a) && !rang(&b));
    assert_eq!(world.collect(A, &a).directives, [order("api", true), order("web", true)]);
    world.realm.refuse(&name(A), refused(&["web", "api"]));
    assert!(!rang(&a), "the same again is no news");
    world.realm.refuse(&name(A), refused(&["web"]));
    assert_eq!(world.collect(A, &a).directives, [order("api", false)]);

    let whole = world.watch(A, None);
    world.realm.refuse(&name(A), refused(&["web"]));
    let first = world.collect(A, &whole);
    assert!(first.snapshot && first.directives == [order("web", true)], "a new stream: {first:?}");
    whole.put_everything();
    let again = world.collect(A, &whole).directives;
    assert_eq!(again, [order("web", true)], "a snapshot of what did not change repeats it");
    let mut changed = entry("web", "/web", A);
    changed.revision = 1;
    world.put(changed);
    assert!(
        world.collect(A, &whole).directives.is_empty(),
        "another entry is judged when it is asked for"
    );
    world.realm.refuse(&name(B), refused(&["web"]));
    assert!(world.collect(B, &b).directives.is_empty(), "not an entry of this agent");
}

#[test]
fn revisions_reach_those_whom_nothing_concerns_before_they_are_forgotten() {
    let settings = Settings { push_remembered_changes: 10, ..Settings::default() };
    let mut world = World::with(&settings);
    let a = world.watch_from_now(A);
    let mut at = world.at();
    for n in 0..100 {
        world.put(entry(&format!("e{n}"), &format!("/e{n}"), B));
        if rang(&a) {
            at = world.collect(A, &a).revision;
        }
    }
    let back = world.watch(A, Some(at));
    assert_eq!(world.told(A, &back), set(&[]), "no snapshot for an agent nothing happened to");
}
