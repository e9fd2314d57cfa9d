//! The specification of reading events: who may, in which order, what is left out, and that nothing is met twice.

use std::sync::Arc;

use uuid::Uuid;

use super::{Audit, Error, Order, Origin, Place, Query, ReadEvents, Record};
use crate::access::{Access, Asker};
use crate::crypto::seal::{Kek, KekRing};
use crate::db::Cursor;
use crate::env::{Clock, Env};
use crate::events::{Changed, Event, Events, LedgerSettings, Owner, Part, Unrecorded};
use crate::kernel::{
    Caller, Failure, Granted, Kind, Lifetime, Listener, Proof, RealmId, Secret, SubjectId,
    TrustDomain,
};
use crate::testkit::{SeededEntropy, TestClock, TestDatabase, on_each_database};

const REALM: RealmId = RealmId(1);

pub(super) struct House {
    clock: TestClock,
    events: Events,
    pub(super) audit: Audit,
    _directory: tempfile::TempDir,
    _database: crate::testkit::Kept,
}

impl House {
    pub(super) async fn new(database: &TestDatabase) -> Self {
        let (db, clock) = (database.open().await, database.clock());
        db.applied(REALM, Cursor { history: 1, seq: 1_000_000 });
        let directory = tempfile::tempdir().unwrap();
        let ring = KekRing::new(Kek::from_bytes(&Secret::new([1; 32])).unwrap(), Vec::new());
        let clock_port = Arc::new(clock.clone());
        let env =
            Env { db: db.clone(), clock: clock_port, entropy: Arc::new(SeededEntropy::new(1)) };
        let place = directory.path().to_owned();
        let events = Events::open(env, place, Arc::new(ring), LedgerSettings::default()).unwrap();
        let access = Access::new(Arc::new(clock.clone()), 4711).unwrap();
        access.open(REALM);
        let audit = Audit::new(db, events.clone(), access);
        Self { clock, events, audit, _directory: directory, _database: database.kept() }
    }

    /// What it stands on.
    pub(super) fn env(&self) -> Env {
        let (clock, entropy) = (Arc::new(self.clock.clone()), Arc::new(SeededEntropy::new(2)));
        Env { db: self.audit.db.clone(), clock, entropy }
    }

    pub(super) fn events(&self) -> Events {
        self.events.clone()
    }

    pub(super) fn access(&self) -> Access {
        self.audit.access.clone()
    }

    /// A fact of the ledger; time goes on by a second.
    async fn record(&self, event: Event) {
        self.events.record(Unrecorded::new((), event)).await.unwrap();
        self.clock.advance(Lifetime::seconds(1));
    }

    /// A change with its event; time goes on by a second.
    async fn change(&self, event: Event) {
        let granted = Granted { actor: Some(person(99)), ..Granted::to_server("test") };
        let changed: Result<(), crate::events::Error> = self
            .events
            .change_in(REALM, granted, event, |_, event| {
                Box::pin(async {
                    let changes = vec![("note", "n".to_owned(), event.clone())];
                    Ok(Changed { value: (), changes, rights: false })
                })
            })
            .await;
        changed.unwrap();
        self.clock.advance(Lifetime::seconds(1));
    }

    /// Facts 1, 3, 5 … in the ledger, 2, 4, 6 … in the change log.
    pub(super) async fn alternate(&self, count: u128) {
        for n in 1..=count {
            let event =
                Event::new(REALM, "test.happened").subject(person(n)).about("n", n.to_string());
            if n % 2 == 1 { self.record(event).await } else { self.change(event).await }
        }
        self.events.copy().await.unwrap();
    }

    /// Everything a query finds, page by page.
    async fn all(&self, mut query: Query) -> Vec<Record> {
        let mut all = Vec::new();
        loop {
            let page = self.audit.read(REALM, query.clone()).await.unwrap();
            assert!(query.limit == 0 || page.items.len() <= query.limit);
            all.extend(page.items);
            let Some(next) = page.next else { return all };
            query.after = Some(Place::parse(&next.to_string()).unwrap());
        }
    }

    async fn subjects(&self, query: Query) -> Vec<u128> {
        self.all(query)
            .await
            .iter()
            .map(|record| record.subject.unwrap().uuid().as_u128())
            .collect()
    }
}

pub(super) fn person(number: u128) -> SubjectId {
    SubjectId::new(Uuid::from_u128(number))
}

pub(super) fn local(uid: u32) -> Asker {
    let proof = Proof::KernelPeer { uid, pid: 1 };
    let caller =
        Caller { realm: REALM, subject: None, proof, listener: Listener::Local, address: None };
    Asker::of(&caller, &TrustDomain::parse("weft.test").unwrap())
}

fn oldest() -> Query {
    Query { order: Order::Oldest, ..Query::default() }
}

#[tokio::test]
async fn who_has_no_right_to_events_reads_none() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.alternate(2).await;
        for asker in [Asker::nobody(), local(4242)] {
            let ask = ReadEvents { realm: REALM, asker, query: Query::default() };
            let refused = house.audit.list(ask).await;
            assert!(matches!(refused, Err(Error::Access(_))), "{refused:?}");
        }
        let ask = ReadEvents { realm: REALM, asker: local(0), query: Query::default() };
        assert_eq!(house.audit.list(ask).await.unwrap().items.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn both_logs_are_one_list_in_either_order_and_pages_of_any_size_meet_each_event_once() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.alternate(21).await;
        for limit in [0, 1, 2, 3, 7, 20, 21, 22] {
            let up: Vec<u128> = (1..=21).collect();
            assert_eq!(house.subjects(Query { limit, ..oldest() }).await, up, "limit {limit}");
            let down: Vec<u128> = up.into_iter().rev().collect();
            let newest = Query { limit, ..Query::default() };
            assert_eq!(house.subjects(newest).await, down, "limit {limit}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_record_says_where_it_was_numbered_who_did_it_and_both_parts() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.change(Event::new(REALM, "test.changed").about("a", 1).by("b", true)).await;
        house.record(Event::new(REALM, "test.issued").actor(Some(person(5)))).await;
        house.events.copy().await.unwrap();
        let records = house.all(oldest()).await;
        let [changed, issued] = records.as_slice() else { panic!("{records:?}") };
        assert_eq!(changed.origin, Origin::ChangeLog { history: 1, seq: 1 });
        assert_eq!(changed.actor, Some(person(99)), "who was granted the change");
        assert_eq!(changed.about, Part::Open([("a".to_owned(), 1.into())].into_iter().collect()));
        assert_eq!(changed.by, Part::Open([("b".to_owned(), true.into())].into_iter().collect()));
        assert!(matches!(issued.origin, Origin::Ledger { n: 1, .. }));
        assert_eq!((issued.actor, &issued.about), (Some(person(5)), &Part::Empty));
    })
    .await;
}

#[tokio::test]
async fn only_what_is_asked_for_is_listed() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let start = Clock::now(&house.clock);
        for (n, kind) in [
            (1, "svid.x509_issued"),
            (2, "svid.jwt_issued"),
            (3, "svid.x509xissued"),
            (4, "node.banned"),
        ] {
            let event = Event::new(REALM, kind).subject(person(n)).actor(Some(person(n % 2)));
            house.record(event.clone()).await;
            house.change(event).await;
        }
        house.events.copy().await.unwrap();
        let kind = |kind: &str| Query { kind: Some(kind.to_owned()), ..oldest() };
        let second = |n| Some(start.plus(Lifetime::seconds(n)));
        for (query, expected) in [
            (kind("svid.x509_issued"), vec![1, 1]),
            (kind("svid."), vec![1, 1, 2, 2, 3, 3]),
            (kind("svid"), vec![]),
            (kind("%"), vec![]),
            (Query { subject: Some(person(2)), ..oldest() }, vec![2, 2]),
            (Query { actor: Some(person(0)), ..oldest() }, vec![2, 2, 4, 4]),
            (Query { actor: Some(person(0)), ..kind("node.") }, vec![4, 4]),
            (Query { from: second(3), until: second(5), ..oldest() }, vec![2, 3]),
            (Query { limit: 1, ..kind("node.banned") }, vec![4, 4]),
        ] {
            let found = house.subjects(query.clone()).await;
            assert_eq!(found, expected, "{query:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_rare_event_in_a_long_change_log_is_found_and_the_order_holds() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let rare = |n| Event::new(REALM, "test.rare").subject(person(n));
        house.change(rare(1)).await;
        house.record(rare(2)).await;
        let granted = Granted::to_server("test");
        let many: Result<(), crate::events::Error> = house
            .events
            .change_in(REALM, granted, (), |_, ()| {
                Box::pin(async {
                    let event = Event::new(REALM, "test.common").subject(person(0));
                    let changes =
                        (0..5000).map(|_| ("note", "n".to_owned(), event.clone())).collect();
                    Ok(Changed { value: (), changes, rights: false })
                })
            })
            .await;
        many.unwrap();
        house.clock.advance(Lifetime::seconds(1));
        house.record(rare(3)).await;
        house.events.copy().await.unwrap();
        let query = Query { kind: Some("test.rare".to_owned()), ..Query::default() };
        let first = house.audit.read(REALM, query.clone()).await.unwrap();
        assert_eq!(
            first.items.len(),
            1,
            "the search stopped where the second fact cannot be told to be next"
        );
        assert_eq!(house.subjects(query.clone()).await, [3, 2, 1]);
        assert_eq!(house.subjects(Query { order: Order::Oldest, ..query }).await, [1, 2, 3]);
    })
    .await;
}

#[tokio::test]
async fn an_erased_part_is_shown_as_erased_and_the_record_stays() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let event = Event::new(REALM, "test.signed_in")
            .subject(person(1))
            .subject_owner(Owner::Person(person(1)))
            .about("email", "ada@example.org");
        house.record(event.clone()).await;
        house.change(event).await;
        house.events.erase(REALM, Granted::to_server("test"), person(1)).await.unwrap();
        house.events.copy().await.unwrap();
        let records = house.all(oldest()).await;
        let told: Vec<_> =
            records.iter().map(|record| (record.kind.as_str(), &record.about)).collect();
        let erased = ("test.signed_in", &Part::Erased);
        assert_eq!(told, [erased, erased, ("person.erased", &Part::Empty)]);
    })
    .await;
}

#[tokio::test]
async fn another_realm_is_not_seen() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.alternate(4).await;
        let page = house.audit.read(RealmId(2), Query::default()).await.unwrap();
        assert_eq!((page.items, page.next), (Vec::new(), None));
    })
    .await;
}

#[test]
fn a_place_that_no_page_gave_is_refused() {
    for bad in ["", "x", "AAAA", &"A".repeat(65), "ä"] {
        let failure = Failure::from(Place::parse(bad).unwrap_err());
        assert_eq!((failure.kind, failure.code), (Kind::Invalid, "events.place_unknown"), "{bad}");
    }
    let place = Place::start(Order::Newest);
    assert_eq!(Place::parse(&place.to_string()).unwrap(), place);
}

#[tokio::test]
async fn every_statement_is_understood() {
    on_each_database(async |database| {
        let db = database.open().await;
        for sql in super::store::STATEMENTS {
            let prepared: Result<(), crate::kernel::Fault> =
                db.read(REALM, *sql, |tx, sql| Box::pin(tx.prepare(sql))).await;
            prepared.unwrap();
        }
    })
    .await;
}
