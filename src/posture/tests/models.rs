//! Models that an administrator changes while devices report.

use std::sync::Arc;

use super::{House, REALM, by, enrolled, report_of};
use crate::access::Administrator;
use crate::crypto::digest::{hex, sha256};
use crate::jobs::Reconciler as _;
use crate::kernel::{Level, Lifetime};
use crate::posture::scoring::{REPORT_BYTES_MAX, shipped_text};
use crate::posture::{Error, FreshReports, KeptModel, ModelChoice, ModelWish, Posture, Sent};
use crate::testkit::on_each_database;
use crate::wire::api::PostureModelTrial;
use crate::wire::posture::ScoredDocument;

/// The shipped model as another version, with some of its text changed.
fn version(number: u32, changes: &[(&str, &str)]) -> String {
    let mut text = shipped_text().replacen("version = 1", &format!("version = {number}"), 1);
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    text
}

/// One in which a good machine without hardware evidence is worth less: what is unknown of its firmware caps it.
fn strict() -> String {
    let gate = ("name = \"secure_boot_off\"", "name = \"no_scanner\"");
    version(
        2,
        &[gate, ("signal = \"secure_boot\"", "signal = \"vulnerable_software\"\ncap_unknown = 39")],
    )
}

/// One that counts a single signal of laptops, and no gate.
fn narrow(signal: &str) -> String {
    let profile = |name: &str| {
        format!(
            "[[profile]]\nname = \"{name}\"\n[[profile.signal]]\nname = \"{signal}\"\nweight = 10000\nfresh_seconds = 3600\n"
        )
    };
    let levels = "levels = { trusted = 80, standard = 60, restricted = 40 }";
    let profiles = profile("linux-laptop") + &profile("linux-server");
    format!("name = \"{signal}\"\nversion = 1\n{levels}\n{profiles}")
}

impl House {
    pub(super) async fn set(&self, text: &str) -> Result<KeptModel, Error> {
        let set = self.set_unheard(text, None).await;
        self.hear_of_models().await;
        set
    }

    /// Memory does not hear of it, as in the moment before a follower does.
    async fn set_unheard(
        &self,
        text: &str,
        seen: Option<Vec<[u8; 32]>>,
    ) -> Result<KeptModel, Error> {
        let choice = ModelChoice::Document(Arc::from(text));
        let wish = ModelWish { choice, note: "tried out".to_owned(), seen };
        self.posture.set_model(by(), wish).await
    }

    pub(super) async fn roll_back(&self, number: i64) -> Result<KeptModel, Error> {
        let wish = ModelWish { choice: ModelChoice::Kept(number), note: String::new(), seen: None };
        let set = self.posture.set_model(by(), wish).await;
        self.hear_of_models().await;
        set
    }

    async fn hear_of_models(&self) {
        self.hears_of_models(&self.posture).await;
    }

    /// What a follower does with a change of this kind.
    async fn hears_of_models(&self, posture: &Posture) {
        let read = self
            .keys
            .env
            .db
            .read(REALM, posture.clone(), |tx, posture| Box::pin(posture.apply_model(tx)));
        read.await.unwrap();
    }

    fn model(&self) -> String {
        self.standing().model.unwrap().to_string()
    }

    async fn what_if(&self, text: &str) -> PostureModelTrial {
        self.posture.try_model(by(), ModelChoice::Document(Arc::from(text))).await.unwrap()
    }

    async fn scored(&self) -> ScoredDocument {
        self.posture.own(&self.caller).await.unwrap().reported.unwrap().scored
    }
}

fn digest(text: &str) -> String {
    hex(&sha256(text.as_bytes()))
}

#[tokio::test]
async fn a_model_that_is_set_counts_at_every_replica_and_stands_in_every_score() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.report(10_000).await;
        let (before, other) = (house.standing(), house.replica().await);
        let set = house.set(&strict()).await.unwrap();
        assert_eq!((set.number, set.version, &*set.note), (1, 2, "tried out"));
        assert_eq!(set.set_by, "Local 0");
        house.hears_of_models(&other).await;
        let standing = house.standing();
        assert_eq!((standing.score < before.score, standing.level), (true, Level::Quarantine));
        assert!(house.model().ends_with(&digest(&strict())), "{}", house.model());
        assert_eq!(house.scored().await.model.digest, digest(&strict()));
        for replica in [&other, &house.replica().await] {
            assert_eq!(replica.of_device(house.device), standing, "every replica, and a start");
        }
        house.advance(Lifetime::seconds(30));
        let taken = house.report(9_999).await;
        assert!(taken.model.ends_with(&digest(&strict())));
        let fleet =
            house.posture.fleet(by(), crate::posture::FleetWish { limit: 9, ..Default::default() });
        assert_eq!(fleet.await.unwrap().rows[0].standing.level, Level::Quarantine);
    })
    .await;
}

#[tokio::test]
async fn the_same_model_again_changes_nothing() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let first = house.set(&strict()).await.unwrap();
        let head = house.head().await;
        assert_eq!(house.set(&strict()).await.unwrap().number, first.number);
        assert_eq!(house.roll_back(1).await.unwrap().number, first.number);
        assert_eq!(house.head().await, head);
    })
    .await;
}

#[tokio::test]
async fn what_is_refused_leaves_the_model_as_it_was() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.report(10_000).await;
        house.set(&strict()).await.unwrap();
        let (head, standing) = (house.head().await, house.standing());
        let sums = strict().replacen("weight = 1800", "weight = 1900", 1);
        let table = [
            (sums, "line 15: the weights of a profile add up to 10000, and these to 10100"),
            (strict().replacen("weight = 1800", "weight = \"much\"", 1), "line 20: invalid type"),
            (format!("{}#{}", strict(), "x".repeat(REPORT_BYTES_MAX)), "262144 bytes at most"),
            (
                narrow("ssh").replace("linux-laptop", "lap"),
                "leaves out the profile `linux-laptop`, by which devices are scored (1)",
            ),
            (
                version(
                    2,
                    &[("weight = 1800", "weight = 1700"), ("weight = 1500", "weight = 1600")],
                ),
                "another document is version 2",
            ),
            (
                version(
                    1,
                    &[("weight = 1800", "weight = 1700"), ("weight = 1500", "weight = 1600")],
                ),
                "another document is version 1",
            ),
        ];
        for (text, why) in &table {
            let error = house.set(text).await.unwrap_err().to_string();
            assert!(error.contains(why), "{why}: {error}");
        }
        let stale = house.set_unheard(&version(3, &[]), Some(vec![sha256(b"another")])).await;
        assert!(matches!(stale, Err(Error::Changed)), "{stale:?}");
        assert!(matches!(house.roll_back(7).await, Err(Error::NoModel(_))));
        let loud =
            ModelWish { choice: ModelChoice::Kept(0), note: "two\nlines".to_owned(), seen: None };
        assert!(matches!(house.posture.set_model(by(), loud).await, Err(Error::Invalid(_))));
        assert_eq!((house.head().await, house.standing()), (head, standing));
        println!("proof: models that are refused and change nothing: {}", table.len() + 3);
    })
    .await;
}

#[tokio::test]
async fn whoever_may_not_sets_and_sees_nothing() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let nobody = Administrator { realm: REALM, asker: crate::access::Asker::nobody() };
        let wish = || ModelWish { choice: ModelChoice::Kept(0), note: String::new(), seen: None };
        let refused = house.posture.set_model(nobody.clone(), wish()).await;
        assert!(matches!(refused, Err(Error::Access(_))), "{refused:?}");
        let refused = house.posture.try_model(nobody.clone(), ModelChoice::Kept(0)).await;
        assert!(matches!(refused, Err(Error::Access(_))), "{refused:?}");
        assert!(matches!(house.posture.models(nobody, None, 9).await, Err(Error::Access(_))));
    })
    .await;
}

#[tokio::test]
async fn an_earlier_model_is_put_back_and_the_history_keeps_both() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.report(10_000).await;
        let before = house.standing();
        house.set(&strict()).await.unwrap();
        house.set(&version(3, &[])).await.unwrap();
        assert_eq!(house.standing().score, before.score);
        let again = house.roll_back(1).await.unwrap();
        assert_eq!((again.number, again.restores, again.version), (3, Some(1), 2));
        assert_eq!(house.level(), Level::Quarantine);
        let shipped = house.roll_back(0).await.unwrap();
        assert_eq!((shipped.number, shipped.own, shipped.restores), (4, false, Some(0)));
        // Nothing was reported meanwhile: what the device held, it holds again.
        assert_eq!(house.standing(), before);
        let (all, counts) = house.posture.models(by(), None, 99).await.unwrap();
        let told: Vec<_> = all.iter().map(|one| (one.number, one.version, one.restores)).collect();
        assert_eq!(told, [(4, 1, Some(0)), (3, 2, Some(1)), (2, 3, None), (1, 2, None)]);
        assert_eq!(counts, 4);
        let (second, _) = house.posture.model(by(), Some(2)).await.unwrap();
        assert_eq!(second.document.as_deref(), Some(&*version(3, &[])));
        let (active, _) = house.posture.model(by(), None).await.unwrap();
        assert_eq!(active.document.as_deref(), Some(shipped_text()));
    })
    .await;
}

#[tokio::test]
async fn what_a_model_did_not_count_is_there_for_one_that_does() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.set(&narrow("ssh")).await.unwrap();
        house.send(report_of(house.now(), &[("firewall", 5_000)])).await.unwrap();
        let held = house.posture.known(house.device).unwrap();
        assert_eq!(held.said[0].readings.len(), 1, "memory holds what counts");
        assert_eq!(house.standing().score.unwrap().get(), 6_500);
        let trial = house.what_if(&narrow("firewall")).await;
        assert_eq!((trial.devices, trial.worst[0].score_then_basis_points), (1, 3_250));
        house.set(&narrow("firewall")).await.unwrap();
        assert_eq!(house.standing().score.unwrap().get(), 3_250);
        // And from many signals to few, memory holds no more than a start would read.
        house.roll_back(0).await.unwrap();
        house.set(&narrow("ssh")).await.unwrap();
        let other = house.replica().await;
        assert_eq!(house.posture.known(house.device), other.known(house.device));
        assert_eq!(house.standing(), other.of_device(house.device));
    })
    .await;
}

#[tokio::test]
async fn a_report_is_weighed_by_the_model_that_counts_as_of_its_own_change() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.report(10_000).await;
        house.set_unheard(&strict(), None).await.unwrap();
        assert!(house.model().starts_with("weft-linux 1 "), "nobody has told this replica yet");
        house.advance(Lifetime::seconds(30));
        let taken = house.report(9_999).await;
        assert!(taken.model.ends_with(&digest(&strict())), "{}", taken.model);
        assert_eq!(taken.known.held.level, Level::Quarantine);
        house.hear_of_models().await;
        assert_eq!(house.level(), Level::Quarantine);
        // One that says nothing new moves no level, whichever model it was weighed by.
        house.roll_back(0).await.unwrap();
        house.set_unheard(&version(3, &[]), None).await.unwrap();
        house.advance(Lifetime::minutes(5));
        house.report(9_999).await;
        house.hear_of_models().await;
        let job = FreshReports::new(house.posture.clone(), || vec![REALM]);
        job.reconcile().await.unwrap();
        assert_eq!(house.standing(), house.replica().await.of_device(house.device));
    })
    .await;
}

#[tokio::test]
async fn a_trial_counts_who_would_fall_and_changes_nothing() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.report(10_000).await;
        let (other, caller) = enrolled(&house.devices).await;
        let (_silent, _) = enrolled(&house.devices).await;
        house.follow().await;
        let bytes = report_of(house.now(), &[("firewall", 0)]).into();
        house.posture.take(&caller, Sent { gzip: false, bytes }).await.unwrap();
        let (head, standing) = (house.head().await, house.standing());
        let trial = house.what_if(&strict()).await;
        assert_eq!((trial.devices, trial.silent, trial.scores_fall), (2, 1, 2));
        let falls: Vec<_> = trial.fall.iter().map(|one| (one.below_points, one.devices)).collect();
        assert_eq!(falls, [(80, 0), (60, 0), (40, 2)]);
        assert_eq!(
            (&*trial.moves[0].from, &*trial.moves[0].to, trial.moves[0].devices),
            ("restricted", "quarantine", 2)
        );
        assert_eq!(trial.worst.len(), 2);
        let words = trial.in_words();
        assert!(
            words.contains(
                &"2 devices would fall below 40, and be `restricted` no more.".to_owned()
            ),
            "{words:?}"
        );
        let silent = "1 device never reported: no model says anything of those.".to_owned();
        assert!(words.contains(&silent), "{words:?}");
        assert_eq!(words.len(), 3, "{words:?}");
        let mistaken = version(4, &[("\"ssh\"", "\"shh\"")]);
        let words = house.what_if(&mistaken).await.in_words();
        let mistake =
            "No device tells of `shh`, which weighs 2.50 in linux-laptop: is the name right?";
        assert_eq!(words.last().unwrap(), mistake);
        assert_eq!(trial.worst[0].device, house.device.to_string(), "who loses most, first");
        assert_ne!(trial.worst[1].device, trial.worst[0].device);
        assert_eq!(trial.worst[1].device, other.to_string());
        let same = house.what_if(shipped_text()).await;
        assert_eq!(same.in_words(), ["This is the model that counts: nothing would change."]);
        assert_eq!((house.head().await, house.standing()), (head, standing));
        house.set(&strict()).await.unwrap();
        assert_eq!(house.standing().score.unwrap().get(), trial.worst[0].score_then_basis_points);
        assert_eq!(house.standing().level.as_str(), trial.worst[0].level_then);
    })
    .await;
}

#[tokio::test]
async fn a_score_is_replayed_to_the_same_bytes_also_after_other_models() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.send(report_of(house.now(), &[("ssh", 1_234), ("firewall", 0)])).await.unwrap();
        let mut said = vec![house.scored().await];
        for text in [strict(), narrow("ssh"), version(3, &[])] {
            house.advance(Lifetime::millis(1_234_567));
            house.set(&text).await.unwrap();
            said.push(house.scored().await);
        }
        let other = house.replica().await;
        for scored in &said {
            let sent: ScoredDocument =
                serde_json::from_str(&serde_json::to_string(scored).unwrap()).unwrap();
            let replay = other.replay(by(), house.device, sent).await.unwrap();
            assert!(replay.equal, "{:?}", replay.differences);
        }
        let mut bent = said[0].clone();
        bent.score_basis_points += 1;
        let replay = other.replay(by(), house.device, bent).await.unwrap();
        let places: Vec<&str> = replay.differences.iter().map(|one| &*one.at).collect();
        assert_eq!((replay.equal, places), (false, vec!["/score_basis_points"]));
        house.report(9_999).await;
        let replay = other.replay(by(), house.device, said[0].clone()).await.unwrap();
        let evidence = replay.differences.iter().any(|one| one.at.ends_with("/evidence"));
        assert!(!replay.equal && evidence, "the device has reported since");
        let mut unknown = said[0].clone();
        unknown.model.digest = hex(&[7; 32]);
        let refused = other.replay(by(), house.device, unknown).await;
        assert!(matches!(refused, Err(Error::NoModel(_))), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn of_two_that_set_a_model_at_once_who_saw_the_old_one_is_refused() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let seen = Some(vec![sha256(shipped_text().as_bytes())]);
        let (a, b) = (strict(), version(3, &[]));
        let both = tokio::join!(house.set_unheard(&a, seen.clone()), house.set_unheard(&b, seen));
        let won = [&both.0, &both.1].iter().filter(|one| one.is_ok()).count();
        let lost =
            [&both.0, &both.1].iter().filter(|one| matches!(one, Err(Error::Changed))).count();
        assert_eq!((won, lost), (1, 1), "{both:?}");
    })
    .await;
}
