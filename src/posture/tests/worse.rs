//! Nobody hides a bad word of their own: not by a clock that is set back, and not by saying nothing.

use std::sync::Mutex;

use serde_json::json;

use super::{House, report, report_of};
use crate::kernel::{Level, Lifetime, Timestamp};
use crate::machine;
use crate::posture::scoring::ReportError;
use crate::posture::{Error, Outcome, Source};
use crate::testkit::on_each_database;
use crate::wire::api::Time;
use crate::wire::posture::FORMAT;

/// A report made at this time, in which everything is as it should be and nothing is known of this signal.
fn blind(made: Timestamp, to: &str) -> Vec<u8> {
    let signal = |name: &&str| {
        let mut one =
            json!({"signal": name, "class": "bearer_agent", "at": Time(made), "source": "/"});
        if *name == to {
            one["unknown"] = json!("it cannot be read");
        } else {
            one["value"] = json!(10_000);
        }
        one
    };
    let signals: Vec<_> = machine::names().iter().map(signal).collect();
    json!({"format": FORMAT, "collected_at": Time(made), "platform": "linux", "signals": signals})
        .to_string()
        .into_bytes()
}

#[tokio::test]
async fn reports_from_the_future_and_from_the_past_are_refused_in_words_that_name_the_clock() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.report(10_000).await;
        house.advance(Lifetime::hours(1));
        let (before, now) = (house.standing(), house.now());
        let send = async |made: Timestamp| match house.send(report(made, 0)).await {
            Err(Error::Report(error)) => error,
            other => panic!("{other:?}"),
        };
        let ahead = send(now.plus(Lifetime::seconds(61))).await;
        assert!(matches!(ahead, ReportError::Future(_)), "{ahead:?}");
        let back = send(now.minus(Lifetime::seconds(301))).await;
        assert!(matches!(back, ReportError::Past { .. }), "{back:?}");
        for error in [ahead, back] {
            assert!(error.to_string().contains("check the device's clock"), "{error}");
        }
        assert_eq!(house.standing(), before);
        for made in [now.minus(Lifetime::seconds(300)), now.plus(Lifetime::seconds(60))] {
            assert_eq!(house.send(report(made, 10_000)).await.unwrap().outcome, Outcome::Taken);
        }
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_is_a_day_back_is_refused_and_what_is_held_goes_on_ageing() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.report(10_000).await;
        let (day, before, noon) = (Lifetime::days(1), house.standing(), house.now());
        // The device's own: nothing is answered as if it were taken, and nothing is kept young by it.
        let refused = house.send(report_of(noon.minus(day), &[("disk_encryption", 0)])).await;
        assert!(matches!(refused, Err(Error::Report(ReportError::Past { .. }))), "{refused:?}");
        assert_eq!(house.standing(), before);
        house.advance(Lifetime::hours(5));
        let refused = house.send(report(house.now().minus(day), 10_000)).await;
        assert!(matches!(refused, Err(Error::Report(ReportError::Past { .. }))), "{refused:?}");
        assert!(house.standing().score < before.score);
        house.keys.clock.step_to(noon);
        // The server's: what is held is no younger than now, and the device's right time has not come.
        house.keys.clock.step_to(noon.minus(day));
        assert_eq!(house.standing().score, before.score);
        let refused = house.send(report(noon.plus(Lifetime::minutes(5)), 10_000)).await;
        assert!(matches!(refused, Err(Error::Report(ReportError::Future(_)))), "{refused:?}");
        house.keys.clock.step_to(noon.plus(Lifetime::minutes(5)));
        assert_eq!(house.report(10_000).await.outcome, Outcome::Taken);
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_a_little_hides_no_bad_word_and_restores_no_good_one() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let ahead = house.now().plus(Lifetime::seconds(50));
        let good = report(ahead, 10_000);
        house.send(good.clone()).await.unwrap();
        let head = house.head().await;
        let bad = report_of(house.now(), &[("disk_encryption", 0)]);
        assert_eq!(house.send(bad.clone()).await.unwrap().outcome, Outcome::Taken);
        assert_eq!(house.level(), Level::Quarantine);
        assert!(house.head().await > head, "others hear of it");
        assert_eq!(house.counts("disk_encryption").await.0, Some(0));
        let stored = house.replica().await.inner.index.find(house.device).unwrap();
        assert_eq!(house.posture.inner.index.find(house.device).unwrap(), stored);
        // What was kept of before, and what says it again, changes nothing.
        assert_eq!(house.send(bad).await.unwrap().outcome, Outcome::Known);
        for kept in [good, report(house.now().plus(Lifetime::seconds(1)), 10_000)] {
            assert_eq!(house.send(kept).await.unwrap().outcome, Outcome::Older);
            assert_eq!(house.counts("disk_encryption").await.0, Some(0));
        }
        assert_eq!(house.level(), Level::Quarantine);
        // A newer one is believed as ever.
        house.advance(Lifetime::seconds(55));
        house.report(10_000).await;
        assert_eq!(house.counts("disk_encryption").await.0, Some(10_000));
    })
    .await;
}

#[tokio::test]
async fn a_source_that_says_it_does_not_know_any_more_has_not_lifted_its_own_bad_word() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.send(report_of(house.now(), &[("disk_encryption", 0)])).await.unwrap();
        assert_eq!(house.level(), Level::Quarantine);
        let mut score = house.standing().score;
        for _ in 0..4 {
            house.advance(Lifetime::minutes(10));
            house.send(blind(house.now(), "disk_encryption")).await.unwrap();
            assert_eq!(house.counts("disk_encryption").await.0, Some(0));
            assert_eq!(house.level(), Level::Quarantine);
            assert!(house.standing().score <= score, "it rises by nothing");
            score = house.standing().score;
        }
        let held = house.replica().await.inner.index.find(house.device).unwrap();
        assert_eq!(house.posture.inner.index.find(house.device).unwrap(), held);
        // It ends as any word does, and is unknown from then on.
        house.advance(Lifetime::days(30));
        house.send(blind(house.now(), "disk_encryption")).await.unwrap();
        assert_eq!(house.counts("disk_encryption").await.0, None);
        house.advance(Lifetime::seconds(1));
        house.report(10_000).await;
        assert_eq!(house.counts("disk_encryption").await.0, Some(10_000));
        // A good word is taken back by silence as before: that makes nothing better.
        house.advance(Lifetime::seconds(1));
        house.send(blind(house.now(), "disk_encryption")).await.unwrap();
        assert_eq!(house.counts("disk_encryption").await.0, None);
    })
    .await;
}

#[tokio::test]
async fn the_order_in_which_sources_are_heard_changes_nothing() {
    let scores = Mutex::new(Vec::new());
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        on_each_database(async |database| {
            let house = House::new(database).await;
            for source in order {
                match source {
                    0 => drop(house.send(report_of(house.now(), &[("ssh", 0)])).await.unwrap()),
                    1 => drop(house.hears(&Source::Osquery, &[("firewall", Some(0))]).await),
                    _ => {
                        let mdm = Source::Service("mdm".into());
                        house.hears(&mdm, &[("ssh", Some(10_000)), ("firewall", Some(1))]).await;
                    }
                }
            }
            let standing = house.standing();
            scores.lock().unwrap().push((standing.score, standing.confidence));
        })
        .await;
    }
    let scores = scores.into_inner().unwrap();
    assert!(scores.iter().all(|one| *one == scores[0]), "{scores:?}");
}

#[tokio::test]
async fn reports_of_one_source_that_change_places_on_their_way_lift_nothing() {
    let scores = Mutex::new(Vec::new());
    for later_first in [false, true] {
        on_each_database(async |database| {
            let house = House::new(database).await;
            let now = house.now();
            let mut both = [
                report_of(now.minus(Lifetime::seconds(9)), &[("firewall", 0)]),
                report_of(now, &[("ssh", 0)]),
            ];
            if later_first {
                both.reverse();
            }
            for one in both {
                house.send(one).await.unwrap();
            }
            scores.lock().unwrap().push((later_first, house.standing().score));
        })
        .await;
    }
    let scores = scores.into_inner().unwrap();
    let of = |late: bool| scores.iter().filter(move |one| one.0 == late).map(|one| one.1);
    assert!(of(true).max() <= of(false).min(), "{scores:?}");
}
