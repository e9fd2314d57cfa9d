//! Golden scores at rest: what was worked out by hand is written to each database, and comes out of both the same to the byte.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{House, REALM, by, enrolled};
use crate::crypto::digest::{hex, sha256};
use crate::devices::Device;
use crate::kernel::{DeviceId, Timestamp};
use crate::posture::model::{Known, Said, Source};
use crate::posture::read_posture::scored;
use crate::posture::scoring::golden_tests::{MODEL, NOW, Vector};
use crate::posture::scoring::{Class, Held, Reading, parse};
use crate::posture::words::Current;
use crate::posture::{Error, Posture, store};
use crate::testkit::{TestDatabase, engines};
use crate::wire::api::Time;
use crate::wire::posture::{FORMAT, Report, ScoredDocument};

/// What a device says, as its rows have it.
#[derive(Debug, Clone)]
struct Word {
    known: Known,
    report: Report,
}

/// The score of one vector, as a database gave it back.
#[derive(Debug, PartialEq, Eq)]
struct Replayed {
    name: String,
    document: Vec<u8>,
    digest: String,
}

impl Word {
    fn of(device: &Device, readings: Vec<Reading>) -> Self {
        let signal = |one: &Reading| json!({"signal": &*one.signal, "value": one.value.get(), "class": one.class.as_str(), "at": Time(one.at), "source": "by hand"});
        let signals: Vec<Value> = readings.iter().map(signal).collect();
        let report = json!({"format": FORMAT, "collected_at": Time(NOW), "platform": "linux", "signals": signals});
        let digest = sha256(report.to_string().as_bytes());
        let evidence = store::evidence(&Source::Collector, &digest);
        let named = |one| Reading { evidence: Arc::clone(&evidence), ..one };
        let readings = readings.into_iter().map(named).collect();
        let said = Said {
            source: Source::Collector,
            collected_at: NOW,
            received_at: NOW,
            digest,
            evidence,
            came_as: Class::HardwareAttested,
            laptop: false,
            readings,
        };
        let (held, charted_at) = (Held::new(), Timestamp::EPOCH);
        let said = [said].into();
        let known = Known { device: device.id, said, held, charted_at, revision: 1 };
        Self { known, report: serde_json::from_value(report).unwrap() }
    }

    /// Past every door: no collector may call its own word attested in hardware.
    async fn store(&self, house: &House) {
        let write = house.keys.env.db.write(REALM, self.clone(), |tx, word| {
            Box::pin(async move {
                let (device, said) = (word.known.device, &word.known.said[0]);
                let readings = store::write_readings(&said.readings);
                let report = serde_json::to_string(&word.report).unwrap();
                store::put_state(tx, &word.known).await?;
                store::put_said(tx, device, (said, &readings, &report), None).await?;
                Ok::<_, Error>(())
            })
        });
        write.await.unwrap();
    }
}

/// What the rows say of a device, as far as the model of the vectors counts it.
async fn readings_at_rest(house: &House, device: DeviceId) -> Vec<Reading> {
    let read = house.keys.env.db.read(REALM, device, |tx, device| {
        Box::pin(async move {
            let current = Current::of(parse(MODEL).unwrap());
            Ok::<_, Error>(store::known(tx, *device, &current).await?.unwrap())
        })
    });
    read.await.unwrap().said[0].readings.to_vec()
}

/// A score that was said once, as another replica works it out from the rows, by a model that counts no more.
async fn replayed(other: &Posture, name: &str, said: (DeviceId, ScoredDocument)) -> Replayed {
    let before = serde_json::to_vec(&said.1).unwrap();
    let replay = other.replay(by(), said.0, said.1).await.unwrap();
    assert!(replay.equal, "{name}: {:?}", replay.differences);
    let document = serde_json::to_vec(&replay.scored).unwrap();
    assert_eq!(document, before, "{name}");
    Replayed { name: name.to_owned(), digest: hex(&sha256(&document)), document }
}

/// Every vector, stored in this database and worked out again from it.
async fn through(database: &TestDatabase) -> Vec<Replayed> {
    let house = House::new(database).await;
    house.set(MODEL).await.unwrap();
    let golden = Current::of(parse(MODEL).unwrap());
    let mut said = Vec::new();
    for vector in Vector::all() {
        let (id, _) = enrolled(&house.devices).await;
        house.follow().await;
        let device = house.inventory.find(id).unwrap();
        let word = Word::of(&device, vector.readings());
        word.store(&house).await;
        vector.holds(&golden.model, &readings_at_rest(&house, id).await);
        let known = (&word.known, std::slice::from_ref(&word.report));
        said.push((vector.name, (id, scored(&golden, &device, known, NOW).unwrap())));
    }
    house.roll_back(0).await.unwrap();
    let (other, mut all) = (house.replica().await, Vec::new());
    for (name, said) in said {
        all.push(replayed(&other, &name, said).await);
    }
    all
}

#[tokio::test]
async fn golden_scores_come_out_of_both_databases_the_same_to_the_byte() {
    let vectors = Vector::all().len();
    let mut engines = engines().into_iter();
    let first = engines.next().unwrap();
    let one = through(&TestDatabase::new(first).await).await;
    assert_eq!(one.len(), vectors, "each was worked out again");
    let Some(second) = engines.next() else {
        println!("proof: golden scores {}/{vectors}, replayed on {first:?} alone", one.len());
        return;
    };
    let two = through(&TestDatabase::new(second).await).await;
    let equal = one.iter().zip(&two).filter(|(one, two)| one == two).count();
    assert_eq!((equal, two.len()), (vectors, vectors), "{one:?} {two:?}");
    println!("proof: golden scores {equal}/{vectors}, replayed on both engines: equal");
}
