//! What is served, to whom, and what is fetched next.

use super::*;
use crate::agent::tests::builders::{bundle, domain, entry, plain_entry, selectors, svid};

const RULES: Rules = Rules { prefetch_max: 3, attestable: &["unix"] };
const T0: Timestamp = Timestamp::from_seconds(1_000_000);

fn hour() -> Lifetime {
    Lifetime::hours(1)
}

fn uid() -> Selectors {
    selectors(&["unix:uid:1000", "unix:gid:1000"])
}

fn cache(entries: Vec<Arc<Entry>>) -> Cache {
    let cache = Cache::new(RULES);
    let update = Update {
        revision: Some(crate::agent::view::Revision { history: "h".into(), seq: 1 }),
        upserts: entries,
        bundle: Some(bundle("example.org", 1)),
        ..Update::default()
    };
    cache.apply(update, T0);
    cache
}

fn upsert(cache: &Cache, entry: &Arc<Entry>) {
    cache.apply(Update { upserts: vec![Arc::clone(entry)], ..Update::default() }, T0);
}

fn fill(cache: &Cache, now: Timestamp) {
    let due = cache.plan(now, 500).due;
    cache.keep(
        due.into_iter().map(|entry| (Arc::clone(&entry), svid(&entry, now, hour()))).collect(),
    );
}

fn served(cache: &Cache, shown: &Selectors, now: Timestamp) -> Vec<String> {
    let identities = cache.identities(shown, now).unwrap();
    identities.svids.iter().map(|(entry, _)| entry.id.to_string()).collect()
}

fn due(cache: &Cache, now: Timestamp) -> Vec<String> {
    cache.plan(now, 500).due.iter().map(|entry| entry.id.to_string()).collect()
}

#[test]
fn an_expired_svid_is_never_given_out() {
    let cache = cache(vec![entry("a", "/a")]);
    fill(&cache, T0);
    let end = T0.plus(hour());
    assert_eq!(served(&cache, &uid(), end.minus(Lifetime::seconds(1))), ["a"]);
    assert!(served(&cache, &uid(), end).is_empty());
}

#[test]
fn an_entry_that_gives_another_identity_now_is_not_served_with_the_old_svid() {
    let cache = cache(vec![entry("a", "/a")]);
    fill(&cache, T0);
    upsert(&cache, &Arc::new(Entry { revision: 2, ..plain_entry("a", "/other") }));
    assert!(served(&cache, &uid(), T0).is_empty());
    assert_eq!(due(&cache, T0), ["a"]);
}

#[test]
fn an_svid_that_arrives_after_its_entry_went_or_changed_is_not_kept() {
    let (old, new) = (entry("a", "/a"), Arc::new(Entry { revision: 2, ..plain_entry("a", "/b") }));
    let cache = cache(vec![Arc::clone(&new)]);
    cache.keep(vec![
        (Arc::clone(&old), svid(&old, T0, hour())),
        (entry("x", "/x"), svid(&old, T0, hour())),
    ]);
    assert_eq!(cache.sizes(), (1, 0, 0));
}

#[test]
fn selectors_must_all_be_shown() {
    let strict = Entry {
        selectors: BTreeSet::clone(&selectors(&["unix:uid:1000", "unix:path:/x"])),
        ..plain_entry("a", "/a")
    };
    let cache = cache(vec![Arc::new(strict), entry("b", "/b")]);
    fill(&cache, T0);
    assert_eq!(served(&cache, &uid(), T0), ["b"]);
    assert_eq!(served(&cache, &selectors(&["unix:uid:1000", "unix:path:/x"]), T0), ["a", "b"]);
    assert!(served(&cache, &selectors(&["unix:uid:1001"]), T0).is_empty());
    assert!(served(&cache, &selectors(&[]), T0).is_empty());
}

#[test]
fn an_entry_past_its_end_matches_nobody() {
    let ending = Entry { expires_at: Some(T0.plus(hour())), ..plain_entry("a", "/a") };
    let cache = cache(vec![Arc::new(ending)]);
    fill(&cache, T0);
    let identities = cache.identities(&uid(), T0).unwrap();
    assert_eq!(identities.good_until, T0.plus(hour()));
    assert!(cache.identities(&uid(), T0.plus(hour())).unwrap().entries.is_empty());
}

#[test]
fn spiffe_092_the_oldest_entry_comes_first_and_the_order_does_not_depend_on_arrival() {
    for order in [["a", "b", "c"], ["c", "b", "a"], ["b", "c", "a"]] {
        let cache = cache(order.iter().map(|name| entry(name, &format!("/{name}"))).collect());
        fill(&cache, T0);
        assert_eq!(served(&cache, &uid(), T0), ["a", "b", "c"]);
    }
}

#[test]
fn spiffe_084_a_hint_is_given_once_to_the_oldest_and_no_hint_any_number_of_times() {
    let hinted = |name: &str, hint: &str| {
        Arc::new(Entry { hint: hint.to_owned(), ..plain_entry(name, "/x") })
    };
    let cache = cache(vec![hinted("b", "web"), hinted("a", "web"), hinted("c", "")]);
    upsert(&cache, &hinted("d", ""));
    fill(&cache, T0);
    fill(&cache, T0);
    let identities = cache.identities(&uid(), T0).unwrap();
    let hints: Vec<_> =
        identities.entries.iter().map(|entry| (entry.id.as_str(), entry.hint.as_str())).collect();
    assert_eq!(hints, [("a", "web"), ("c", ""), ("d", "")]);
}

#[test]
fn before_the_server_was_heard_nothing_is_said_either_way() {
    assert_eq!(Cache::new(RULES).identities(&uid(), T0).unwrap_err(), NotReady);
}

#[test]
fn federated_bundles_are_those_the_entries_name_and_that_are_there() {
    let federating = |name: &str, to: &[&str]| {
        let federates_with = to.iter().map(|name| domain(name)).collect();
        Arc::new(Entry { federates_with, ..plain_entry(name, "/x") })
    };
    let cache =
        cache(vec![federating("a", &["one.org", "none.org"]), federating("b", &["one.org"])]);
    let federated = vec![bundle("one.org", 1), bundle("two.org", 1)];
    cache.apply(Update { federated, ..Update::default() }, T0);
    let names: Vec<_> = cache
        .identities(&uid(), T0)
        .unwrap()
        .federated
        .iter()
        .map(|bundle| bundle.trust_domain.to_string())
        .collect();
    assert_eq!(names, ["one.org"]);
}

#[test]
fn svids_are_fetched_before_anybody_asks_up_to_the_bound_and_beyond_it_for_listeners() {
    let cache = cache(["a", "b", "c", "d"].map(|name| entry(name, "/x")).to_vec());
    assert_eq!(due(&cache, T0), ["a", "b", "c"]);
    fill(&cache, T0);
    assert!(due(&cache, T0).is_empty());
    let listening = cache.subscribe(uid());
    assert_eq!(due(&cache, T0), ["d"]);
    drop(listening);
    assert!(due(&cache, T0).is_empty());
}

#[test]
fn what_nobody_on_this_node_can_match_and_what_asks_not_to_be_prefetched_is_not_fetched() {
    let alias = Entry {
        selectors: BTreeSet::clone(&selectors(&["x509pop:cn:a"])),
        ..plain_entry("a", "/a")
    };
    let lazy = Entry { prefetch: false, ..plain_entry("b", "/b") };
    let cache = cache(vec![Arc::new(alias), Arc::new(lazy)]);
    assert!(due(&cache, T0).is_empty());
    let _listening = cache.subscribe(uid());
    assert_eq!(due(&cache, T0), ["b"]);
}

#[test]
fn svids_are_renewed_when_due_and_when_their_entry_changed_and_when_told() {
    let cache = cache(vec![entry("a", "/a"), entry("b", "/b")]);
    fill(&cache, T0);
    assert_eq!(cache.plan(T0, 9), Plan { due: vec![], next: Some(T0.plus(Lifetime::minutes(30))) });
    assert_eq!(due(&cache, T0.plus(Lifetime::minutes(30))), ["a", "b"]);
    upsert(&cache, &Arc::new(Entry { revision: 2, ..plain_entry("a", "/a") }));
    assert_eq!(due(&cache, T0), ["a"]);
    assert_eq!(served(&cache, &uid(), T0), ["a", "b"], "the old one is served meanwhile");
    fill(&cache, T0);
    cache.renew(&[EntryId::parse("b").unwrap()]);
    assert_eq!(due(&cache, T0), ["b"]);
}

#[test]
fn a_listeners_missing_svid_comes_first() {
    let mine =
        Entry { selectors: BTreeSet::clone(&selectors(&["unix:uid:7"])), ..plain_entry("z", "/z") };
    let cache = cache(vec![entry("a", "/a"), Arc::new(mine)]);
    let _listening = cache.subscribe(selectors(&["unix:uid:7"]));
    assert_eq!(due(&cache, T0), ["z", "a"]);
    assert_eq!(cache.plan(T0, 1).due.len(), 1);
}

#[test]
fn an_entry_the_server_refused_waits_before_it_is_asked_for_again_unless_it_changes() {
    let cache = cache(vec![entry("a", "/a")]);
    let failed = |now| {
        let wait = |failures: u32| Lifetime::seconds(1_i64 << failures);
        cache.failed(&EntryId::parse("a").unwrap(), now, wait);
    };
    failed(T0);
    assert_eq!(cache.plan(T0, 9), Plan { due: vec![], next: Some(T0.plus(Lifetime::seconds(1))) });
    let later = T0.plus(Lifetime::seconds(1));
    failed(later);
    assert_eq!(cache.plan(later, 9).next, Some(later.plus(Lifetime::seconds(2))));
    upsert(&cache, &Arc::new(Entry { revision: 2, ..plain_entry("a", "/a") }));
    assert_eq!(due(&cache, later), ["a"]);
}

#[test]
fn listeners_share_one_answer_and_a_change_of_another_set_is_no_news() {
    let other =
        Entry { selectors: BTreeSet::clone(&selectors(&["unix:uid:7"])), ..plain_entry("z", "/z") };
    let cache = cache(vec![entry("a", "/a")]);
    fill(&cache, T0);
    let (one, two) = (cache.subscribe(uid()), cache.subscribe(uid()));
    let first = one.identities(T0).unwrap();
    assert!(Arc::ptr_eq(&first, &two.identities(T0).unwrap()));
    upsert(&cache, &Arc::new(other));
    assert!(Arc::ptr_eq(&first, &one.identities(T0).unwrap()));
    cache.apply(Update { removed: vec![EntryId::parse("a").unwrap()], ..Update::default() }, T0);
    assert!(one.identities(T0).unwrap().entries.is_empty());
}

#[tokio::test]
async fn a_change_wakes_who_listens() {
    let cache = cache(vec![entry("a", "/a")]);
    let mut listening = cache.subscribe(uid());
    let waiting = listening.changed();
    fill(&cache, T0);
    waiting.await;
}
