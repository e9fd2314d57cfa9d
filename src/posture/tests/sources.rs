//! Several sources of one device: each has its own word, and nobody speaks over another.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{House, REALM, by, report, report_of};
use crate::jobs::Reconciler as _;
use crate::kernel::{Level, Lifetime, Timestamp};
use crate::posture::model::SOURCES_MAX;
use crate::posture::scoring::Class;
use crate::posture::{Error, FreshReports, Outcome, Posture, Source, Taken};
use crate::testkit::on_each_database;
use crate::wire::api::Time;
use crate::wire::posture::{FORMAT, Report, ReportedSignal};

/// What another source says: of each of these signals its value, or that it is unknown, seen at this time.
fn words(at: Timestamp, signals: &[(&str, Option<u16>)]) -> Report {
    let signal = |(name, value): &(&str, Option<u16>)| ReportedSignal {
        signal: (*name).to_owned(),
        value: *value,
        class: "hardware_attested".to_owned(),
        at: Time(at),
        source: "elsewhere".to_owned(),
        seen: String::new(),
        unknown: value.is_none().then(|| "not there".to_owned()),
    };
    Report {
        format: FORMAT.to_owned(),
        collected_at: Time(at),
        platform: "linux".to_owned(),
        facts: BTreeMap::new(),
        signals: signals.iter().map(signal).collect(),
    }
}

fn service(name: &str) -> Source {
    Source::Service(Arc::from(name))
}

impl House {
    async fn hear(&self, source: &Source, report: Report) -> Result<Taken, Error> {
        self.hear_at(&self.posture, source, report).await
    }

    async fn hear_at(
        &self,
        posture: &Posture,
        source: &Source,
        report: Report,
    ) -> Result<Taken, Error> {
        let device = self.inventory.find(self.device).unwrap();
        posture.hear(REALM, device, (source.clone(), report)).await
    }

    /// What another source says now.
    pub(super) async fn hears(&self, source: &Source, signals: &[(&str, Option<u16>)]) -> Taken {
        self.hear(source, words(self.now(), signals)).await.unwrap()
    }

    /// The value and the worth of a signal in the score now, and its evidence.
    pub(super) async fn counts(&self, signal: &str) -> (Option<u16>, u16, String) {
        let told = self.posture.own(&self.caller).await.unwrap().reported.unwrap();
        let part = told.scored.signals.into_iter().find(|one| one.signal == signal).unwrap();
        (part.value_basis_points, part.worth_basis_points, part.evidence.unwrap_or_default())
    }
}

#[tokio::test]
async fn a_source_is_believed_as_far_as_it_came_and_adds_to_what_the_others_say() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.send(report_of(house.now(), &[("firewall", 0)])).await.unwrap();
        for (source, class, worth) in
            [(Source::Osquery, Class::BearerAgent, 6_500), (service("mdm"), Class::Service, 8_000)]
        {
            house.advance(Lifetime::seconds(1));
            let taken = house.hears(&source, &[("ssh", Some(10_000))]).await;
            assert_eq!((taken.outcome, taken.said.came_as), (Outcome::Taken, class));
            assert_eq!(house.counts("ssh").await.1, worth, "{source}");
        }
        let told = house.posture.own(&house.caller).await.unwrap().reported.unwrap();
        let sources: Vec<String> =
            told.known.said.iter().map(|said| said.source.to_string()).collect();
        assert_eq!(sources, ["collector", "osquery", "service:mdm"]);
        let scored = told.scored.score_basis_points;
        assert_eq!(house.standing().score.unwrap().get(), scored, "told as it counts");
        let other = house.replica().await;
        assert_eq!(other.of_device(house.device), house.standing(), "another start knows the same");
    })
    .await;
}

#[tokio::test]
async fn whoever_holds_one_source_lifts_no_bad_word_of_another() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.send(report_of(house.now(), &[("disk_encryption", 0)])).await.unwrap();
        let (bad, level) = (house.standing().score, house.level());
        let disk = [("disk_encryption", Some(10_000))];
        for _ in 0..5 {
            house.advance(Lifetime::minutes(40));
            house.hears(&Source::Osquery, &disk).await;
            assert_eq!(house.counts("disk_encryption").await.0, Some(0));
            assert!(house.standing().score <= bad && house.level() <= level);
        }
        // The collector was silenced for longer than its word is fresh, or worth anything: it stands all the same.
        house.advance(Lifetime::days(30));
        house.hears(&Source::Osquery, &disk).await;
        let (value, _, evidence) = house.counts("disk_encryption").await;
        assert_eq!(value, Some(0));
        assert!(evidence.starts_with("report:"), "{evidence}: whose word counts");
        // One that is believed more lifts it, and the collector itself.
        house.hears(&service("mdm"), &disk).await;
        assert_eq!(house.counts("disk_encryption").await.0, Some(10_000));
        house.advance(Lifetime::seconds(1));
        house.send(report_of(house.now(), &[("disk_encryption", 0)])).await.unwrap();
        assert_eq!(house.counts("disk_encryption").await.0, Some(0));
        house.advance(Lifetime::seconds(1));
        house.report(10_000).await;
        assert_eq!(house.counts("disk_encryption").await.0, Some(10_000));
    })
    .await;
}

#[tokio::test]
async fn each_source_has_its_own_past_so_that_no_report_of_one_is_stale_by_another() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let began = house.now();
        house.advance(Lifetime::minutes(10));
        house.report(10_000).await;
        // Older than the collector's report, and the first of its source.
        let first = words(began, &[("ssh", Some(0))]);
        assert_eq!(
            house.hear(&Source::Osquery, first.clone()).await.unwrap().outcome,
            Outcome::Taken
        );
        assert_eq!(
            house.hear(&Source::Osquery, first).await.unwrap().outcome,
            Outcome::Older,
            "replayed"
        );
        let earlier = words(began.minus(Lifetime::minutes(1)), &[("ssh", Some(10_000))]);
        let taken = house.hear(&Source::Osquery, earlier).await.unwrap();
        assert_eq!((taken.outcome, house.counts("ssh").await.0), (Outcome::Older, Some(0)));
        // What comes in pieces is kept in pieces: the other signal stays as it was said.
        let second = house.hears(&Source::Osquery, &[("firewall", Some(0))]).await;
        let names: Vec<&str> = second.said.readings.iter().map(|one| &*one.signal).collect();
        assert_eq!(names, ["firewall", "ssh"]);
        let unknown = house.hears(&Source::Osquery, &[("ssh", None)]).await;
        assert_eq!(unknown.said.readings.len(), 1, "it says that it does not know any more");
        let ahead = words(house.now().plus(Lifetime::minutes(2)), &[("ssh", Some(1))]);
        assert!(matches!(house.hear(&Source::Osquery, ahead).await, Err(Error::Report(_))));
    })
    .await;
}

#[tokio::test]
async fn sources_that_race_leave_the_word_of_each() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.report(10_000).await;
        let other = house.replica().await;
        house.advance(Lifetime::seconds(30));
        let (mdm, edr) = (service("mdm"), service("edr"));
        let said = |value| words(house.now(), &[("ssh", Some(value))]);
        let here = async {
            for (source, value) in [(&Source::Osquery, 1), (&mdm, 2)] {
                let heard = house.hear(source, said(value)).await;
                assert!(matches!(heard, Ok(_) | Err(Error::Busy)), "{heard:?}");
            }
        };
        let there = async {
            for (source, value) in [(&edr, 3), (&Source::Osquery, 4)] {
                let heard = house.hear_at(&other, source, said(value)).await;
                assert!(matches!(heard, Ok(_) | Err(Error::Busy)), "{heard:?}");
            }
        };
        let own = house.send(report(house.now(), 5_000));
        let ((), (), own) = futures_util::join!(here, there, own);
        assert!(matches!(own, Ok(_) | Err(Error::Busy)), "{own:?}");
        // Whoever was told to come again does.
        for (source, value) in [(&Source::Osquery, 1), (&mdm, 2), (&edr, 3)] {
            house.hear(source, said(value)).await.unwrap();
        }
        house.send(report(house.now(), 5_000)).await.unwrap();
        let views = [house.replica().await, house.replica().await];
        let views = views.map(|view| view.inner.index.find(house.device).unwrap());
        assert_eq!(views[0], views[1]);
        let value = |source: &Source| {
            let said = views[0].of(source).unwrap();
            said.readings.iter().find(|one| &*one.signal == "ssh").unwrap().value.get()
        };
        assert_eq!([value(&Source::Osquery), value(&mdm), value(&edr)], [1, 2, 3]);
        assert_eq!(value(&Source::Collector), 5_000);
        let now = house.posture.confirmed(REALM, house.device).await.unwrap();
        assert_eq!(now, house.replica().await.of_device(house.device));
    })
    .await;
}

#[tokio::test]
async fn a_source_that_repeats_itself_is_no_news_and_reaches_other_replicas_all_the_same() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.report(10_000).await;
        house.hears(&Source::Osquery, &[("ssh", Some(10_000))]).await;
        let (other, head) = (house.replica().await, house.head().await);
        house.advance(Lifetime::minutes(5));
        house.hears(&Source::Osquery, &[("ssh", Some(10_000))]).await;
        assert_eq!(house.head().await, head);
        let job = FreshReports::new(other.clone(), || vec![REALM]);
        assert_eq!(job.reconcile().await.unwrap().changed, 1);
        assert_eq!(other.of_device(house.device), house.standing());
        house.hears(&Source::Osquery, &[("ssh", Some(0))]).await;
        assert!(house.head().await > head);
    })
    .await;
}

#[tokio::test]
async fn a_source_is_forgotten_with_all_that_it_said_and_a_device_has_so_many_at_most() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.report(10_000).await;
        house.hears(&Source::Osquery, &[("disk_encryption", Some(0))]).await;
        assert_eq!(house.level(), Level::Quarantine);
        let forget = async |source: &Source| {
            let heard = house.posture.forget_source(by(), house.device, source.clone()).await;
            heard.unwrap();
            let input = house.posture.clone();
            let key = house.device.to_string();
            let applied = house.keys.env.db.read(REALM, (input, key), |tx, (posture, key)| {
                Box::pin(async move { posture.apply(tx, std::slice::from_ref(key)).await })
            });
            applied.await.unwrap();
        };
        forget(&Source::Osquery).await;
        assert_eq!(house.counts("disk_encryption").await.0, Some(10_000));
        assert_eq!(house.level(), Level::Quarantine, "it rises as after any good news");
        for _ in 0..2 {
            house.advance(Lifetime::seconds(10));
            house.report(10_000).await;
        }
        assert_eq!(house.level(), Level::Restricted);
        let head = house.head().await;
        forget(&Source::Osquery).await;
        assert_eq!(house.head().await, head, "there was nothing to forget");
        for n in 1..SOURCES_MAX {
            house.hears(&service(&n.to_string()), &[("ssh", Some(1))]).await;
        }
        let more = house.hear(&service("more"), words(house.now(), &[("ssh", Some(1))])).await;
        assert!(matches!(more, Err(Error::Sources)), "{more:?}");
        for n in 1..SOURCES_MAX {
            forget(&service(&n.to_string())).await;
        }
        forget(&Source::Collector).await;
        assert_eq!(house.level(), Level::Unknown);
        assert_eq!(house.replica().await.of_device(house.device).level, Level::Unknown);
    })
    .await;
}
