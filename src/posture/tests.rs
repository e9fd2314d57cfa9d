//! What devices say, what is made of it, and what nobody can make of it.

use std::collections::BTreeSet;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::scoring::{Class, REPORT_BYTES_MAX};
use super::{Error, FreshReports, Outcome, Posture, Sent, Taken};
use crate::access::Administrator;
use crate::crypto::keys::{Algorithm, PrivateKey};
use crate::crypto::x509::{csr, svid_of_verified_peer};
use crate::db::Cursor;
use crate::devices::model::{Class as Sort, Grant, TokenWish};
use crate::devices::{self, Devices, EnrolDevice, Inventory, Manage, Refusal};
use crate::jobs::Reconciler as _;
use crate::kernel::{
    Caller, DeviceId, Evidence, Fault, Level, Lifetime, Listener, Proof, RealmId, Secret,
    Situation, Standing, Timestamp,
};
use crate::machine;
use crate::testkit::{KeysReplica, TestDatabase, on_each_database};
use crate::wire::api::Time;
use crate::wire::posture::FORMAT;

mod doors;
mod golden;
mod models;
mod sources;
mod weight;
mod worse;

const REALM: RealmId = RealmId::FIRST;

/// A replica with posture, and one laptop that has enrolled.
struct House {
    keys: KeysReplica,
    devices: Devices,
    inventory: Inventory,
    posture: Posture,
    caller: Caller,
    device: DeviceId,
}

impl House {
    async fn new(database: &TestDatabase) -> Self {
        let keys = KeysReplica::started(database).await;
        let realms = keys.realms().await;
        let inventory = Inventory::new(keys.env.db.clone());
        let posture = keys.posture_of(inventory.clone());
        let devices = keys.devices(&realms, inventory.clone(), &posture);
        let (device, caller) = enrolled(&devices).await;
        let house = Self { keys, devices, inventory, posture, caller, device };
        house.follow().await;
        house
    }

    fn now(&self) -> Timestamp {
        self.keys.clock_now()
    }

    /// As a follower of the change log would have it.
    async fn follow(&self) {
        self.load(&self.posture).await;
    }

    async fn load(&self, posture: &Posture) {
        let input = (self.devices.clone(), posture.clone());
        let loaded: Result<(), Fault> = self
            .keys
            .env
            .db
            .read(REALM, input, |tx, (devices, posture)| {
                Box::pin(async move {
                    devices.load(tx).await?;
                    posture.load(tx).await
                })
            })
            .await;
        loaded.unwrap();
    }

    /// Another replica's posture, as its follower would have it now.
    async fn replica(&self) -> Posture {
        let other = self.keys.posture_of(self.inventory.clone());
        self.load(&other).await;
        other
    }

    async fn send(&self, report: Vec<u8>) -> Result<Taken, Error> {
        self.posture.take(&self.caller, Sent { gzip: false, bytes: report.into() }).await
    }

    /// A report made now, in which everything is this good.
    async fn report(&self, value: u16) -> Taken {
        self.send(report(self.now(), value)).await.unwrap()
    }

    fn standing(&self) -> Standing {
        self.posture.of_device(self.device)
    }

    fn level(&self) -> Level {
        self.standing().level
    }

    fn advance(&self, span: Lifetime) {
        self.keys.clock.advance(span);
    }

    /// Where the realm's change log ends.
    async fn head(&self) -> i64 {
        let head: Result<Cursor, Fault> =
            self.keys.env.db.read(REALM, (), |tx, ()| Box::pin(tx.head())).await;
        head.unwrap().seq
    }

    async fn lock(&self) {
        let ask = Manage::new(self.device, None, "left in a taxi").unwrap();
        self.devices.lock(by(), ask).await.unwrap();
        self.follow().await;
    }
}

fn by() -> Administrator {
    Administrator { realm: REALM, asker: KeysReplica::root() }
}

/// A laptop comes in, and calls with what it was given.
async fn enrolled(devices: &Devices) -> (DeviceId, Caller) {
    let grant = Grant { class: Sort::Laptop, profile: None, owner: None, device: None };
    let wish = TokenWish { by: by(), id: None, uses_max: 1, lifetime: Lifetime::hours(1), grant };
    let secret = devices.create_token(wish).await.unwrap().secret;
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let ask = EnrolDevice {
        realm: REALM,
        secret: Secret::new(secret.expose().clone()),
        csr: csr::create(&key).unwrap(),
        name: "ada-laptop".to_owned(),
        platform: "linux".to_owned(),
        situation: Situation::default(),
    };
    let given = devices.enrol(ask).await.unwrap();
    let leaf = svid_of_verified_peer(&given.svid.chain[0]).unwrap();
    let proof = Proof::X509Svid {
        serial: leaf.serial,
        not_before: leaf.not_before,
        not_after: leaf.not_after,
        key_digest: leaf.key_digest,
    };
    let listener = Listener::Mtls;
    (
        given.device.id,
        Caller { realm: REALM, subject: Some(leaf.id), proof, listener, address: None },
    )
}

/// A report made at this time, in which each of these signals has its value and the others are as they should be.
fn report_of(made: Timestamp, values: &[(&str, u16)]) -> Vec<u8> {
    let value = |name: &str| values.iter().find(|(of, _)| *of == name).map_or(10_000, |(_, v)| *v);
    let signal = |name: &&str| json!({"signal": name, "value": value(name), "class": "bearer_agent", "at": Time(made), "source": "/"});
    let signals: Vec<_> = machine::names().iter().map(signal).collect();
    let made = Time(made);
    json!({"format": FORMAT, "collected_at": made, "platform": "linux", "signals": signals})
        .to_string()
        .into_bytes()
}

fn report(made: Timestamp, value: u16) -> Vec<u8> {
    report_of(made, &machine::names().map(|name| (name, value)))
}

fn packed(plain: &[u8]) -> Vec<u8> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::fast());
    writer.write_all(plain).unwrap();
    writer.finish().unwrap()
}

#[tokio::test]
async fn a_device_that_never_reported_is_unknown_and_so_is_a_subject_without_a_device() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let device = house.inventory.find(house.device).unwrap();
        let possession = device.possession(house.now());
        assert_eq!(possession.device, Some(house.device));
        let known = house.posture.standing(&possession);
        assert_eq!(
            (known.level, known.score, known.device),
            (Level::Unknown, None, possession.device)
        );
        let nobody = house.posture.standing(&Evidence { device: None, ..possession });
        assert_eq!(nobody, Standing::unknown());
        assert!(nobody.level < Level::Quarantine, "a level that is asked for is never nothing");
    })
    .await;
}

#[tokio::test]
async fn a_report_is_scored_kept_and_read_again_after_a_start() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let taken = house.report(10_000).await;
        assert_eq!(taken.outcome, Outcome::Taken);
        let standing = house.standing();
        assert_eq!(standing.score, Some(taken.score.score));
        assert_eq!((standing.level, standing.reported), (Level::Restricted, Some(house.now())));
        assert!(standing.model.as_deref().unwrap().starts_with("weft-linux 1 "));
        let other = house.replica().await;
        assert_eq!(other.of_device(house.device), standing, "another start knows the same");
    })
    .await;
}

#[tokio::test]
async fn what_a_report_says_of_its_own_class_and_time_makes_its_word_no_better() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let honest = house.report(10_000).await.score.score;
        house.advance(Lifetime::seconds(30));
        let text = String::from_utf8(report(house.now(), 10_000)).unwrap();
        let proud = text.replace("bearer_agent", "hardware_attested");
        let taken = house.send(proud.into_bytes()).await.unwrap();
        assert_eq!((taken.outcome, taken.score.score), (Outcome::Taken, honest));
        assert!(taken.said.readings.iter().all(|one| one.class == Class::BearerAgent));
        house.advance(Lifetime::seconds(30));
        let modest = text.replace("bearer_agent", "self_reported");
        let modest = modest.replace(
            &Time(house.now().minus(Lifetime::seconds(30))).to_string(),
            &Time(house.now()).to_string(),
        );
        assert!(house.send(modest.into_bytes()).await.unwrap().score.score < honest);
        // A minute ahead is let through, and is not younger than now.
        let ahead = house.now().plus(Lifetime::seconds(59));
        let taken = house.send(report(ahead, 10_000)).await.unwrap();
        assert!(taken.said.readings.iter().all(|one| one.at == house.now()));
    })
    .await;
}

#[tokio::test]
async fn a_report_that_is_sent_again_is_known_and_confirms_nothing() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.report(0).await;
        house.advance(Lifetime::seconds(30));
        let good = report(house.now(), 10_000);
        assert_eq!(house.send(good.clone()).await.unwrap().outcome, Outcome::Taken);
        let head = house.head().await;
        for _ in 0..3 {
            assert_eq!(house.send(good.clone()).await.unwrap().outcome, Outcome::Known);
        }
        assert_eq!((house.level(), house.head().await), (Level::Quarantine, head));
        house.advance(Lifetime::seconds(1));
        house.report(10_000).await;
        assert_eq!(house.level(), Level::Restricted, "the second fresh report confirms it");
    })
    .await;
}

#[tokio::test]
async fn of_reports_that_race_the_latest_counts_whatever_order_they_come_in() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.report(10_000).await;
        house.advance(Lifetime::seconds(30));
        let second = |n| house.now().minus(Lifetime::seconds(n));
        // The values differ, so that each is news to others; one of them is the latest.
        let mut all: Vec<Vec<u8>> =
            (1..6).map(|n| report_of(second(n), &[("ssh", u16::try_from(n).unwrap())])).collect();
        all.rotate_left(2);
        let sent = futures_util::future::join_all(all.into_iter().map(|one| house.send(one))).await;
        for outcome in sent {
            assert!(matches!(outcome, Ok(_) | Err(Error::Busy)), "{outcome:?}");
        }
        let taken = house.send(report_of(second(0), &[("ssh", 7)])).await.unwrap();
        assert_eq!(taken.outcome, Outcome::Taken);
        let other = house.replica().await;
        let held = other.inner.index.find(house.device).unwrap();
        assert_eq!((held.newest().unwrap().collected_at, &held), (second(0), &taken.known));
        assert_eq!(house.posture.inner.index.find(house.device).unwrap(), held);
    })
    .await;
}

#[tokio::test]
async fn two_reports_of_one_moment_leave_the_same_whichever_comes_first() {
    on_each_database(async |database| {
        let mut left = Vec::new();
        for turned in [false, true] {
            let house = House::new(database).await;
            let mut both = [report(house.now(), 10_000), report(house.now(), 9_000)];
            if turned {
                both.reverse();
            }
            for one in both {
                house.send(one).await.unwrap();
            }
            left.push(
                house.posture.inner.index.find(house.device).unwrap().newest().unwrap().digest,
            );
        }
        assert_eq!(left[0], left[1]);
    })
    .await;
}

#[tokio::test]
async fn a_standing_ages_with_the_clock_and_sinks_at_once_without_any_event() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.report(10_000).await;
        let (head, mut last) = (house.head().await, house.standing());
        for _ in 0..48 {
            house.advance(Lifetime::minutes(15));
            let now = house.standing();
            assert!((now.score, now.level) <= (last.score, last.level), "{now:?}");
            last = now;
        }
        assert_eq!((last.level, house.head().await), (Level::Quarantine, head));
        let reason = last.reasons.first().unwrap();
        assert!(reason.contains("nothing is known of"), "{reason}");
        house.advance(Lifetime::days(90));
        assert_eq!(house.standing().confidence.get(), 0);
        // From there it rises as from any bad score.
        house.report(10_000).await;
        assert_eq!(house.level(), Level::Quarantine);
        house.advance(Lifetime::seconds(10));
        house.report(10_000).await;
        assert_eq!(house.level(), Level::Restricted);
    })
    .await;
}

#[tokio::test]
async fn a_better_level_holds_after_five_minutes_of_one_good_report() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.report(0).await;
        house.advance(Lifetime::seconds(10));
        let taken = house.report(10_000).await;
        assert!(taken.known.held.rising.is_some());
        assert_eq!(house.level(), Level::Quarantine);
        house.advance(Lifetime::minutes(4));
        assert_eq!(house.level(), Level::Quarantine);
        house.advance(Lifetime::minutes(1));
        assert_eq!(house.level(), Level::Restricted);
    })
    .await;
}

#[tokio::test]
async fn a_locked_device_is_critical_whatever_it_reports_and_is_not_listened_to() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.report(10_000).await;
        house.lock().await;
        let standing = house.standing();
        assert_eq!((standing.level, standing.locked), (Level::Quarantine, true));
        assert_eq!(&*standing.reasons[0], "the device is locked: left in a taxi");
        let refused = house.send(report(house.now(), 10_000)).await;
        let Err(Error::Device(devices::Error::Refused(Refusal::Locked))) = refused else {
            panic!("{refused:?}")
        };
        let ask = Manage::new(house.device, None, "found").unwrap();
        house.devices.release(by(), ask).await.unwrap();
        house.follow().await;
        assert_eq!(house.level(), Level::Restricted);
    })
    .await;
}

#[tokio::test]
async fn only_what_others_must_hear_of_is_a_change_of_the_log() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let mut heads = vec![house.head().await];
        for (value, after) in [(10_000, 0), (10_000, 300), (10_000, 300), (9_999, 300), (0, 300)] {
            house.advance(Lifetime::seconds(after));
            house.report(value).await;
            heads.push(house.head().await);
        }
        let moved: Vec<bool> = heads.windows(2).map(|two| two[1] > two[0]).collect();
        assert_eq!(moved, [true, false, false, true, true]);
    })
    .await;
}

#[tokio::test]
async fn a_quiet_report_reaches_other_replicas_and_silence_is_judged_by_the_row() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.report(10_000).await;
        let (follower, asker) = (house.replica().await, house.replica().await);
        house.advance(Lifetime::minutes(20));
        house.report(10_000).await;
        let fresh = house.standing();
        for other in [&follower, &asker] {
            assert!(other.of_device(house.device).score < fresh.score);
        }
        let job = FreshReports::new(follower.clone(), || vec![REALM]);
        assert_eq!(job.reconcile().await.unwrap().changed, 1);
        assert_eq!(follower.of_device(house.device), fresh);
        assert_eq!(job.reconcile().await.unwrap().changed, 0);
        assert_eq!(asker.confirmed(REALM, house.device).await.unwrap(), fresh);
        assert_eq!(asker.of_device(house.device), fresh);
    })
    .await;
}

#[tokio::test]
async fn what_is_no_report_is_refused_and_leaves_everything_as_it_was() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.report(10_000).await;
        let before = house.standing();
        let good = report(house.now(), 0);
        let text = String::from_utf8(good.clone()).unwrap();
        let whole = packed(&good);
        let bomb = packed(&vec![b' '; 8 * 1024 * 1024]);
        let plain = |bytes: Vec<u8>| Sent { gzip: false, bytes: bytes.into() };
        let gzip = |bytes: &[u8]| Sent { gzip: true, bytes: bytes.to_vec().into() };
        for (name, sent) in [
            ("nothing", plain(Vec::new())),
            ("a value of the wrong type", plain(text.replacen("0,", "\"0\",", 1).into_bytes())),
            ("another format", plain(text.replace(FORMAT, "weft-posture-9").into_bytes())),
            ("too long", plain(vec![b' '; REPORT_BYTES_MAX + 1])),
            ("cut off", gzip(&whole[..whole.len() - 9])),
            ("no gzip", gzip(&good)),
            ("a bomb", gzip(&bomb)),
        ] {
            let refused = house.posture.take(&house.caller, sent).await;
            let Err(Error::Report(_) | Error::Packed(_)) = refused else {
                panic!("{name}: {refused:?}")
            };
        }
        assert_eq!(house.standing(), before);
        house.advance(Lifetime::seconds(1));
        let packed = gzip(&packed(&report(house.now(), 0)));
        let taken = house.posture.take(&house.caller, packed).await.unwrap();
        assert_eq!(taken.outcome, Outcome::Taken);
    })
    .await;
}

#[tokio::test]
async fn nobody_reports_for_another_device() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let (other, theirs) = enrolled(&house.devices).await;
        house.follow().await;
        house
            .posture
            .take(&theirs, Sent { gzip: false, bytes: report(house.now(), 0).into() })
            .await
            .unwrap();
        assert_eq!(
            (house.level(), house.posture.of_device(other).level),
            (Level::Unknown, Level::Quarantine)
        );
        for caller in [
            Caller { proof: Proof::Nothing, ..house.caller.clone() },
            Caller { subject: None, ..house.caller.clone() },
            Caller { realm: RealmId(7), ..house.caller.clone() },
        ] {
            let sent = Sent { gzip: false, bytes: report(house.now(), 0).into() };
            let refused = house.posture.take(&caller, sent).await;
            assert!(matches!(refused, Err(Error::Device(devices::Error::NoSvid))), "{refused:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_score_over_time_is_kept_and_bounded() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        for value in [10_000, 10_000, 0] {
            house.report(value).await;
            house.advance(Lifetime::minutes(10));
        }
        let told = house.posture.own(&house.caller).await.unwrap().reported.unwrap();
        let levels: Vec<Level> = told.chart.iter().map(|point| point.level).collect();
        assert_eq!(levels, [Level::Restricted, Level::Quarantine], "each change, and once an hour");
        assert_eq!(told.scored.score_basis_points, house.standing().score.unwrap().get());
        let named = house.standing().evidence.iter().map(ToString::to_string).collect::<Vec<_>>();
        let shown = told.scored.signals.iter().filter_map(|one| one.evidence.clone());
        assert_eq!(
            shown.collect::<BTreeSet<_>>(),
            named.into_iter().collect(),
            "decisions name the same"
        );
        for _ in 0..250 {
            house.advance(Lifetime::hours(1));
            house.report(0).await;
        }
        let told = house.posture.own(&house.caller).await.unwrap().reported.unwrap();
        assert_eq!(told.chart.len(), 240);
    })
    .await;
}
