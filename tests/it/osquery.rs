//! The TLS remote API of osquery, on the wire of a whole server: each exchange as it is documented, under both families of paths.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use weft::env::{Clock as _, SystemClock};
use weft::testkit::until;

use crate::flows::on_each;
use crate::people::{Answer, Home};

const FAMILIES: [&str; 2] = ["api/osquery", "api/v1/osquery"];

/// Words that stand for values of one run, by name.
type Words = BTreeMap<&'static str, String>;

#[tokio::test]
async fn an_osquery_is_answered_as_its_documentation_has_it_under_both_families_of_paths() {
    on_each(async |database| {
        let home = Home::start(database).await;
        let vectors = vectors();
        let (mut exchanges, began) = (0, SystemClock::new());
        for (n, family) in FAMILIES.into_iter().enumerate() {
            let host = format!("4c4c4544-0000-2010-8020-80c04f00000{n}");
            exchanges += replayed(&home, family, &host, &vectors).await;
        }
        assert_eq!(exchanges, 2 * vectors.len());
        let (told, later) = storm(&home).await;
        // Ten a second, and ten times as many at once; a slow machine has more seconds.
        let seconds = usize::try_from(began.elapsed().as_seconds()).unwrap();
        assert!(told <= 100 + 10 * (seconds + 1), "{told} of a storm were sent to enrol");
        assert_eq!(told + later, STORM);
        let listed = home.administer(("GET", "devices"), "", None).await;
        let devices = listed["items"].as_array().unwrap();
        assert_eq!(devices.len(), FAMILIES.len(), "a host that enrols again is the same device");
        assert!(devices.iter().all(|device| device["serial"].is_null()), "{devices:?}");
        println!(
            "proof: osquery wire: {exchanges} exchanges as recorded from its documentation, both path families; \
             node_invalid storms bounded: {told} of {STORM} sent to enrol ({:?})",
            database.engine()
        );
    })
    .await;
}

/// Plays every exchange in its order; gives how many were as they should be.
async fn replayed(home: &Home, family: &str, host: &str, vectors: &[PathBuf]) -> usize {
    let token =
        home.administer(("POST", "device-tokens"), "", Some(json!({"class": "server"}))).await;
    let mut words = Words::from([
        ("$secret", token["secret"].as_str().unwrap().to_owned()),
        ("$host", host.to_owned()),
        ("$now", SystemClock::new().now().seconds().to_string()),
    ]);
    for path in vectors {
        let vector: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let name = path.display();
        let answer = sent(home, family, &vector, &words).await;
        assert_eq!(json!(answer.status), vector["status"], "{name}: {}", answer.text);
        assert_eq!(answer.header("content-type"), "application/json", "{name}");
        if let Some(expected) = vector.get("response") {
            is_like(&answer.body, expected, &mut words)
                .unwrap_or_else(|why| panic!("{name}: {why}"));
        }
        for (pointer, expected) in vector["response_has"].as_object().into_iter().flatten() {
            assert_eq!(answer.body.pointer(pointer), Some(expected), "{name}: {pointer}");
        }
        if answer.body.get("node_key").is_some() {
            known(home, family, answer.member("node_key")).await;
        }
        if let Some(counts) = vector["counts"].as_object() {
            for (signal, value) in counts {
                assert_eq!(&counted(home, host, signal).await, value, "{name}: {signal}");
            }
        }
    }
    vectors.len()
}

/// Waits until the index of this server has the key: the answer waits for it a second, and no longer.
async fn known(home: &Home, family: &str, key: &str) {
    let config = json!({"path": "config", "request": {"node_key": key}});
    until("the key is known", async || {
        let answer = sent(home, family, &config, &Words::new()).await;
        if answer.status == 200 { Ok(()) } else { Err(answer.text) }
    })
    .await;
}

/// The value that a signal of this host's device has in its score.
async fn counted(home: &Home, host: &str, signal: &str) -> Value {
    let about = |event: &Value| event["about"]["host"] == json!(host);
    let device = until("the enrolment is on record", async || {
        let events = home.administer(("GET", "events?kind=osquery.enrolled"), "", None).await;
        let found = events["items"].as_array().unwrap().iter().find(|event| about(event)).cloned();
        found.ok_or("not yet")
    })
    .await;
    let id = device["about"]["device"].as_str().unwrap().to_owned();
    let known = home.administer(("GET", &format!("devices/{id}/posture")), "", None).await;
    assert_eq!(known["sources"][0]["source"], json!("osquery"), "{known}");
    let signals = known["scored"]["signals"].as_array().unwrap();
    let part = signals.iter().find(|part| part["signal"] == json!(signal)).unwrap();
    part.get("value_basis_points").cloned().unwrap_or(Value::Null)
}

/// As many calls with keys that are none: how many were sent to enrol, and how many were told to come again later.
async fn storm(home: &Home) -> (usize, usize) {
    let (mut told, mut later) = (0, 0);
    for n in 0..STORM {
        let call = json!({"path": "config", "request": {"node_key": format!("none-{n}")}});
        let answer = sent(home, FAMILIES[n % 2], &call, &Words::new()).await;
        match (answer.status, &answer.body["node_invalid"]) {
            (401, Value::Bool(true)) => told += 1,
            (429, Value::Bool(false)) => later += 1,
            other => panic!("{other:?}: {}", answer.text),
        }
    }
    (told, later)
}

async fn sent(home: &Home, family: &str, vector: &Value, words: &Words) -> Answer {
    let text = filled(&vector["request"], words).to_string().into_bytes();
    let path = format!("{family}/{}", vector["path"].as_str().unwrap());
    let mut request = home
        .http
        .post(home.url(&path))
        .header("content-type", "application/json")
        .header("user-agent", "osquery/5.12.1");
    for (name, value) in vector["headers"].as_object().into_iter().flatten() {
        let value = filled(value, words);
        request = request.header(name, value.as_str().unwrap());
    }
    let body = if vector["gzip"] == json!(true) {
        request = request.header("content-encoding", "gzip");
        let mut writer = GzEncoder::new(Vec::new(), Compression::default());
        writer.write_all(&text).unwrap();
        writer.finish().unwrap()
    } else {
        text
    };
    Answer::of(request.body(body).send().await.unwrap()).await.unwrap()
}

/// A document with the words of this run in their places.
fn filled(document: &Value, words: &Words) -> Value {
    match document {
        Value::String(text) => {
            let mut text = text.clone();
            // The longer name first: one may begin another.
            for (name, word) in words.iter().rev() {
                text = text.replace(name, word);
            }
            Value::String(text)
        }
        Value::Array(all) => all.iter().map(|one| filled(one, words)).collect(),
        Value::Object(members) => {
            let one = |(name, value): (&String, &Value)| {
                (filled(&json!(name), words).as_str().unwrap().to_owned(), filled(value, words))
            };
            Value::Object(members.iter().map(one).collect())
        }
        other => other.clone(),
    }
}

/// Whether an answer is what is expected: `…` is some text, and a key that is given is kept under its name.
fn is_like(answer: &Value, expected: &Value, words: &mut Words) -> Result<(), String> {
    let (Some(mine), Some(theirs)) = (answer.as_object(), expected.as_object()) else {
        return Err(format!("{answer} is no object"));
    };
    if !mine.keys().eq(theirs.keys()) {
        return Err(format!("{answer}: its members are not those of {expected}"));
    }
    for (name, value) in theirs {
        let given = &mine[name];
        match (value.as_str(), given.as_str()) {
            (Some("…"), Some(text)) if !text.is_empty() => {}
            (Some("$key"), Some(key)) if key.len() >= 43 => {
                drop(words.insert("$key", key.to_owned()));
            }
            (Some("$key2"), Some(key)) if key.len() >= 43 => {
                drop(words.insert("$key2", key.to_owned()));
            }
            _ if given == value => {}
            _ => return Err(format!("{answer}: `{name}` is not {value}")),
        }
    }
    Ok(())
}

/// The exchanges, in their order.
fn vectors() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/osquery");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut all: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    all.sort();
    assert!(all.len() >= 18, "exchanges are missing: {} were found", all.len());
    all
}

/// More than may be sent to enrol at once.
const STORM: usize = 130;
