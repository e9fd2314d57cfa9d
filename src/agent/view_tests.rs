//! The push stream's rules as sentences.

use super::*;
use crate::agent::tests::builders::{bundle, entry};

const NOW: Timestamp = Timestamp::from_seconds(100);

fn id(text: &str) -> EntryId {
    EntryId::parse(text).unwrap()
}

fn domain(name: &str) -> TrustDomain {
    TrustDomain::parse(name).unwrap()
}

fn at(seq: u64) -> Revision {
    Revision { history: "h".into(), seq }
}

fn names(view: &View) -> Vec<String> {
    view.entries().map(|entry| entry.id.to_string()).collect()
}

fn filled() -> View {
    let mut view = View::default();
    view.opened();
    let update = Update {
        revision: Some(at(1)),
        snapshot_begin: true,
        upserts: vec![entry("a", "/a"), entry("b", "/b")],
        bundle: Some(bundle("example.org", 1)),
        federated: vec![bundle("other.org", 1), bundle("third.org", 1)],
        snapshot_end: true,
        ..Update::default()
    };
    view.apply(update, NOW);
    view
}

#[test]
fn what_was_removed_is_gone_at_once_and_unknown_ids_are_no_error() {
    let mut view = filled();
    let removed = vec![id("a"), id("never-seen")];
    view.apply(
        Update { removed, removed_domains: vec![domain("other.org")], ..Update::default() },
        NOW,
    );
    assert_eq!(names(&view), ["b"]);
    assert!(view.federated(&domain("other.org")).is_none());
    assert!(view.federated(&domain("third.org")).is_some());
}

#[test]
fn a_snapshot_drops_what_it_did_not_name_only_when_it_is_complete() {
    let mut view = filled();
    view.opened();
    view.apply(
        Update { snapshot_begin: true, upserts: vec![entry("c", "/c")], ..Update::default() },
        NOW,
    );
    assert_eq!(
        names(&view),
        ["a", "b", "c"],
        "the old state is served while the new one is on its way"
    );
    let end = Update {
        snapshot_end: true,
        federated: vec![bundle("third.org", 2)],
        revision: Some(at(9)),
        ..Update::default()
    };
    view.apply(end, NOW);
    assert_eq!(names(&view), ["c"]);
    assert!(view.federated(&domain("other.org")).is_none());
    assert_eq!(view.revision(), Some(&at(9)));
}

#[test]
fn a_snapshot_that_was_cut_off_drops_nothing() {
    let mut view = filled();
    view.opened();
    view.apply(
        Update { snapshot_begin: true, upserts: vec![entry("c", "/c")], ..Update::default() },
        NOW,
    );
    view.opened();
    view.apply(Update { revision: Some(at(2)), ..Update::default() }, NOW);
    assert_eq!(names(&view), ["a", "b", "c"]);
}

#[test]
fn only_an_update_that_names_a_revision_moves_the_place_to_resume() {
    let mut view = filled();
    view.apply(Update { upserts: vec![entry("c", "/c")], ..Update::default() }, NOW);
    assert_eq!(view.revision(), Some(&at(1)));
}

#[test]
fn a_refused_entry_is_not_served_until_it_comes_again_or_is_renewed() {
    for again in [
        Update { upserts: vec![entry("a", "/a")], ..Update::default() },
        Update { renew: vec![id("a")], ..Update::default() },
    ] {
        let mut view = filled();
        view.apply(Update { refused: vec![id("a")], ..Update::default() }, NOW);
        assert_eq!(names(&view), ["b"]);
        assert!(view.entry(&id("a")).is_none());
        view.apply(again, NOW);
        assert_eq!(names(&view), ["a", "b"]);
    }
}

#[test]
fn a_refusal_outlives_the_stream_and_falls_with_the_first_revision_that_does_not_repeat_it() {
    let mut view = filled();
    view.apply(
        Update { refused: vec![id("a"), id("b")], revision: Some(at(2)), ..Update::default() },
        NOW,
    );
    view.opened();
    assert!(names(&view).is_empty(), "still refused on the new stream");
    view.apply(Update { refused: vec![id("b")], ..Update::default() }, NOW);
    view.apply(Update { revision: Some(at(3)), ..Update::default() }, NOW);
    assert_eq!(names(&view), ["a"]);
    view.apply(Update { revision: Some(at(4)), ..Update::default() }, NOW);
    assert_eq!(names(&view), ["a"], "a later revision of the same stream forgets nothing");
}

#[test]
fn a_poll_drops_what_the_server_no_longer_names() {
    let mut view = filled();
    let ids = BTreeSet::from([id("b"), id("c")]);
    view.polled(&ids, vec![entry("c", "/c")], NOW);
    assert_eq!(names(&view), ["b", "c"]);
    assert_eq!(
        view.revision(),
        None,
        "a place in a push stream's history means nothing after a poll"
    );
    assert_eq!(view.as_of(), Some(NOW));
}
