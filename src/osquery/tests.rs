//! What an osquery is answered, what is made of what it says, and what nobody gets by saying it.

use std::io::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Extension;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::Request;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::http::routes;
use super::{Below, Osquery, Settings};
use crate::access::Administrator;
use crate::audit::{Audit, Query, ReadEvents};
use crate::crypto::keys::{Algorithm, PrivateKey};
use crate::crypto::x509::csr;
use crate::devices::model::{Class as Sort, Grant, TokenWish};
use crate::devices::{
    Device, Devices, EnrolDevice, Error as DeviceError, Inventory, Manage, Refusal, Shown,
};
use crate::http::{PeerInfo, Remote};
use crate::kernel::{DeviceId, Fault, Level, Lifetime, RealmId, Secret, Situation};
use crate::posture::{Posture, Source};
use crate::testkit::{KeysReplica, TestDatabase, on_each_database};

const REALM: RealmId = RealmId::FIRST;

/// A replica that an osquery can reach.
struct House {
    keys: KeysReplica,
    devices: Devices,
    posture: Posture,
    osquery: Osquery,
    doors: Router,
}

impl House {
    async fn new(database: &TestDatabase) -> Self {
        let keys = KeysReplica::started(database).await;
        let realms = keys.realms().await;
        let realm = realms.get(REALM).unwrap();
        let inventory = Inventory::new(keys.env.db.clone());
        let posture = keys.posture_of(inventory.clone());
        let devices = keys.devices(&realms, inventory, &posture);
        let below = Below {
            events: keys.events.clone(),
            devices: devices.clone(),
            posture: posture.clone(),
        };
        let osquery = Osquery::new(keys.env.clone(), below, &Settings::default()).unwrap();
        let peer = PeerInfo::new("public", Remote::Tcp(([192, 0, 2, 7], 4000).into()), None);
        let doors = routes(&osquery).layer(Extension(realm)).layer(Extension(peer));
        Self { keys, devices, posture, osquery, doors }
    }

    /// As a follower of the change log would have it.
    async fn follow(&self) {
        let input = (self.devices.clone(), self.posture.clone(), self.osquery.clone());
        let loaded: Result<(), Fault> = self
            .keys
            .env
            .db
            .read(REALM, input, |tx, (devices, posture, osquery)| {
                Box::pin(async move {
                    devices.load(tx).await?;
                    posture.load(tx).await?;
                    osquery.load(tx).await
                })
            })
            .await;
        loaded.unwrap();
    }

    async fn token(&self, uses_max: i64, device: Option<DeviceId>) -> String {
        let grant = Grant { class: Sort::Laptop, profile: None, owner: None, device };
        let wish = TokenWish { by: by(), id: None, uses_max, lifetime: Lifetime::hours(1), grant };
        self.devices.create_token(wish).await.unwrap().secret.expose().clone()
    }

    async fn send(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> (u16, Value) {
        let mut request = Request::post(format!("/api/osquery/{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).unwrap();
        let answer = self.doors.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), 100_000).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(path, &[], body.to_string().into_bytes()).await
    }

    async fn enroll(&self, secret: &str, host: &str) -> (u16, Value) {
        let details = json!({"system_info": {"hostname": "ada-laptop"}});
        let body = json!({"enroll_secret": secret, "host_identifier": host, "platform_type": "9", "host_details": details});
        let answer = self.post("enroll", body).await;
        self.follow().await;
        answer
    }

    /// An osquery that is in: its key, and its device.
    async fn enrolled(&self, secret: &str, host: &str) -> (String, DeviceId) {
        let (status, given) = self.enroll(secret, host).await;
        assert_eq!((status, &given["node_invalid"]), (200, &json!(false)), "{given}");
        let key = given["node_key"].as_str().unwrap().to_owned();
        (key, self.device_of(host))
    }

    fn device_of(&self, host: &str) -> DeviceId {
        self.osquery.inner.index.host(REALM, host).unwrap().node.device
    }

    fn devices(&self) -> Vec<Arc<Device>> {
        self.devices.devices(REALM)
    }

    /// A line of a snapshot of the query for disk encryption.
    fn disk(&self, encrypted: &str, ago: Lifetime) -> Value {
        let at = self.keys.clock_now().minus(ago).seconds();
        let rows = json!([{"device": "/dev/dm-0", "encrypted": encrypted, "type": "luks2", "encryption_status": ""}]);
        json!({"name": "weft_disk_encryption", "action": "snapshot", "snapshot": rows, "unixTime": at, "hostIdentifier": "h", "counter": 0, "epoch": 0})
    }

    async fn log(&self, key: &str, data: Value) -> (u16, Value) {
        self.post("log", json!({"node_key": key, "log_type": "result", "data": data})).await
    }

    /// What the osquery is held to say of a signal.
    fn says(&self, device: DeviceId, signal: &str) -> Option<u16> {
        let known = self.posture.known(device)?;
        let said = known.of(&Source::Osquery)?;
        said.readings.iter().find(|one| &*one.signal == signal).map(|one| one.value.get())
    }

    /// How many events of this kind there are.
    async fn recorded(&self, kind: &str) -> usize {
        let query = Query { kind: Some(kind.to_owned()), ..Query::default() };
        let audit = Audit::new(
            self.keys.env.db.clone(),
            self.keys.events.clone(),
            self.keys.access.clone(),
        );
        self.keys.events.copy().await.unwrap();
        let ask = ReadEvents { realm: REALM, asker: KeysReplica::root(), query };
        audit.list(ask).await.unwrap().items.len()
    }

    fn advance(&self, span: Lifetime) {
        self.keys.clock.advance(span);
    }

    fn statements(&self) -> u64 {
        self.keys.env.db.statements().values().sum()
    }
}

fn by() -> Administrator {
    Administrator { realm: REALM, asker: KeysReplica::root() }
}

fn invalid(answer: &Value) -> bool {
    answer["node_invalid"].as_bool().unwrap()
}

fn packed(plain: &[u8]) -> Vec<u8> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::fast());
    writer.write_all(plain).unwrap();
    writer.finish().unwrap()
}

#[tokio::test]
async fn an_osquery_enrols_with_a_devices_token_and_its_device_has_no_svid() {
    on_each_database(async |database| {
        let house = Box::pin(House::new(database)).await;
        for secret in ["", "wrong"] {
            let (status, told) = house.enroll(secret, "h").await;
            assert_eq!((status, invalid(&told)), (403, true), "{told}");
            assert!(told.get("node_key").is_none() && house.devices().is_empty());
        }
        let (key, id) = house.enrolled(&house.token(1, None).await, "h").await;
        let device = house.devices.device(REALM, id).unwrap();
        assert_eq!((device.name.as_str(), device.platform.as_str()), ("ada-laptop", "linux"));
        assert_eq!((device.class, device.current.clone()), (Sort::Laptop, None));
        for serial in ["", "00"] {
            let shown = Shown { id: device.spiffe_id.clone(), serial: serial.to_owned() };
            let refused = house.devices.judge(REALM, &shown).await;
            let Err(DeviceError::Refused(Refusal::Superseded)) = refused else {
                panic!("{refused:?}: nobody calls as a machine that only reports")
            };
        }
        let (status, config) = house.post("config", json!({"node_key": key})).await;
        assert_eq!((status, invalid(&config)), (200, false));
        assert!(config["schedule"]["weft_ssh"]["query"].is_string());
        assert_eq!(
            house
                .send("config", &[("authorization", &format!("NodeKey {key}"))], b"{}".to_vec())
                .await
                .0,
            200
        );
        let two = [("authorization", "NodeKey other")];
        let both = json!({"node_key": key}).to_string().into_bytes();
        assert_eq!(house.send("config", &two, both).await.0, 400, "two keys that differ");
    })
    .await;
}

#[tokio::test]
async fn a_host_that_comes_again_is_the_same_device_and_uses_no_other_use_up() {
    on_each_database(async |database| {
        let house = Box::pin(House::new(database)).await;
        let secret = house.token(1, None).await;
        let (first, device) = house.enrolled(&secret, "h").await;
        let (second, same) = house.enrolled(&secret, "h").await;
        assert_eq!((device, house.devices().len()), (same, 1));
        assert_ne!(first, second);
        assert_eq!(house.enroll(&secret, "other").await.0, 403, "the token was for one machine");
        // Another token, when the first is gone: rotated.
        let (third, same) = house.enrolled(&house.token(9, None).await, "h").await;
        assert_eq!((device, house.devices().len()), (same, 1));
        // The key before the newest one is shown: somebody has a copy.
        let (status, told) = house.post("config", json!({"node_key": second})).await;
        assert_eq!((status, invalid(&told)), (401, true));
        assert_eq!(house.recorded("osquery.clone_suspected").await, 1);
        house.post("config", json!({"node_key": second})).await;
        assert_eq!(house.recorded("osquery.clone_suspected").await, 1, "once a minute");
        assert_eq!(house.post("config", json!({"node_key": third})).await.0, 200);
        // One that is older still is no key at all.
        assert!(invalid(&house.post("config", json!({"node_key": first})).await.1));
    })
    .await;
}

#[tokio::test]
async fn an_osquery_speaks_for_a_device_with_an_svid_only_by_a_token_for_that_one() {
    on_each_database(async |database| {
        let house = Box::pin(House::new(database)).await;
        let csr = csr::create(&PrivateKey::generate(Algorithm::P256).unwrap()).unwrap();
        let ask = |secret: String| EnrolDevice {
            realm: REALM,
            secret: Secret::new(secret),
            csr: csr.clone(),
            name: "ada-laptop".to_owned(),
            platform: "linux".to_owned(),
            situation: Situation::default(),
        };
        let device = house.devices.enrol(ask(house.token(1, None).await)).await.unwrap().device.id;
        house.follow().await;
        let secret = house.token(2, Some(device)).await;
        let refused = house.devices.enrol(ask(secret.clone())).await;
        assert!(matches!(refused, Err(DeviceError::Token)), "it makes no device: {refused:?}");
        let (_, own) = house.enrolled(&secret, "h").await;
        assert_eq!((own, house.devices().len()), (device, 1));
        // Whoever holds another token and knows what the host is called does not become that device.
        let (status, told) = house.enroll(&house.token(1, None).await, "h").await;
        assert_eq!((status, invalid(&told)), (403, true), "{told}");
        // One osquery speaks for a device: the newer one.
        let (key, other) = house.enrolled(&secret, "h2").await;
        assert_eq!(other, device);
        assert!(house.osquery.inner.index.host(REALM, "h").is_none());
        assert_eq!(house.post("config", json!({"node_key": key})).await.0, 200);
    })
    .await;
}

#[tokio::test]
async fn what_an_osquery_logs_counts_in_the_score_as_the_word_of_a_bearer() {
    on_each_database(async |database| {
        let house = Box::pin(House::new(database)).await;
        let (key, device) = house.enrolled(&house.token(1, None).await, "h").await;
        assert_eq!(house.posture.of_device(device).level, Level::Unknown);
        let minutes = Lifetime::minutes;
        assert_eq!(house.log(&key, json!([house.disk("1", minutes(2))])).await, (200, json!({"node_invalid": false})));
        assert_eq!(house.says(device, "disk_encryption"), Some(10_000));
        assert!(house.posture.of_device(device).score.unwrap().get() > 0);
        // Older lines, and the same again: an osquery sends what it has until it may forget it.
        for line in [house.disk("0", minutes(3)), house.disk("1", minutes(2))] {
            assert_eq!(house.log(&key, json!([line])).await.0, 200);
            assert_eq!(house.says(device, "disk_encryption"), Some(10_000));
        }
        // Of one batch the newest, whatever its order; what does not fit is left out, and the rest counts.
        let mut future = house.disk("1", Lifetime::ZERO);
        future["unixTime"] = json!(house.keys.clock_now().seconds() + 3_600);
        let lines = json!([future, house.disk("0", minutes(1)), house.disk("1", minutes(2)), {"name": "weft_ssh"}, 7, {"name": "theirs", "snapshot": 3},
            {"name": "weft_ssh", "unixTime": "x", "snapshot": []}, {"name": "weft_ssh", "unixTime": 1, "snapshot": [[1]]}]);
        assert_eq!(house.log(&key, lines).await.0, 200);
        assert_eq!(house.says(device, "disk_encryption"), Some(0));
        assert_eq!(house.recorded("posture.report_refused").await, 1);
        let status = json!({"node_key": key, "log_type": "status", "data": [house.disk("1", minutes(0))]});
        assert_eq!(house.post("log", status).await.0, 200);
        assert_eq!(house.says(device, "disk_encryption"), Some(0), "a status is no result");
    })
    .await;
}

#[tokio::test]
async fn an_osquery_is_asked_at_once_where_nothing_is_known_and_then_as_rarely_as_can_be() {
    on_each_database(async |database| {
        let house = Box::pin(House::new(database)).await;
        let (key, device) = house.enrolled(&house.token(1, None).await, "h").await;
        let ask = async || {
            let (status, asked) = house.post("distributed/read", json!({"node_key": key})).await;
            assert_eq!((status, invalid(&asked)), (200, false));
            asked["queries"].as_object().unwrap().clone()
        };
        let asked = ask().await;
        assert_eq!(asked.len(), house.osquery.inner.schedule.names().count());
        assert!(ask().await.is_empty(), "it has not answered yet");
        house.advance(Lifetime::seconds(31));
        let again = ask().await;
        let id = again.keys().find(|id| id.starts_with("weft_disk_encryption:")).unwrap();
        let rows = json!([{"device": "/dev/dm-0", "encrypted": "1", "type": "luks2"}]);
        let ssh = again.keys().find(|id| id.starts_with("weft_ssh:")).unwrap();
        house.advance(Lifetime::seconds(2));
        let answers = json!({"node_key": key, "queries": {id: rows, ssh: []}, "statuses": {id: 0, ssh: "1"}, "messages": {ssh: "distributed query is denylisted"}});
        assert_eq!(house.post("distributed/write", answers).await.0, 200);
        assert_eq!(house.says(device, "disk_encryption"), Some(10_000));
        assert_eq!(house.says(device, "ssh"), None, "what it cannot look at is unknown");
        let known = house.posture.known(device).unwrap();
        let age = house.keys.clock_now().since(known.of(&Source::Osquery).unwrap().collected_at);
        assert_eq!(age, Lifetime::seconds(2), "an answer is as old as the question");
        assert!(ask().await.is_empty());
        house.advance(Lifetime::minutes(9));
        assert!(ask().await.is_empty(), "its own schedule comes first");
        house.advance(Lifetime::minutes(2));
        assert!(!ask().await.is_empty(), "it is overdue");
        // An answer from long ago is older than what is held, and one to a question of tomorrow is as old as now.
        let old = json!({"node_key": key, "queries": {"weft_disk_encryption:5": [{"encrypted": "0"}]}});
        assert_eq!(house.post("distributed/write", old).await.0, 200);
        assert_eq!(house.says(device, "disk_encryption"), Some(10_000));
    })
    .await;
}

#[tokio::test]
async fn a_locked_devices_osquery_keeps_its_key_and_is_not_listened_to() {
    on_each_database(async |database| {
        let house = Box::pin(House::new(database)).await;
        let secret = house.token(1, None).await;
        let (key, device) = house.enrolled(&secret, "h").await;
        let ask = |reason| Manage::new(device, None, reason).unwrap();
        house.devices.lock(by(), ask("left in a taxi")).await.unwrap();
        house.follow().await;
        let (status, told) = house.log(&key, json!([house.disk("1", Lifetime::seconds(1))])).await;
        assert_eq!((status, invalid(&told)), (403, false), "{told}");
        assert!(told["error"].as_str().unwrap().contains("locked"));
        assert_eq!(house.says(device, "disk_encryption"), None);
        house.devices.release(by(), ask("found")).await.unwrap();
        house.follow().await;
        assert_eq!(house.log(&key, json!([])).await.0, 200);
        house.devices.retire(by(), ask("sold")).await.unwrap();
        house.follow().await;
        assert_eq!(house.log(&key, json!([])).await.0, 403);
        let (status, told) = house.enroll(&secret, "h").await;
        assert_eq!((status, invalid(&told)), (403, true), "it does not come back under this host");
    })
    .await;
}

#[tokio::test]
async fn a_storm_of_unknown_keys_costs_no_statement_and_sends_few_to_enrol_at_once() {
    on_each_database(async |database| {
        let house = Box::pin(House::new(database)).await;
        let (key, _) = house.enrolled(&house.token(1, None).await, "h").await;
        let (before, mut told, mut later) = (house.statements(), 0, 0);
        for n in 0..1_000 {
            let path = ["config", "log", "distributed/read", "distributed/write"][n % 4];
            let (status, answer) = house.post(path, json!({"node_key": format!("no-{n}")})).await;
            match (status, invalid(&answer)) {
                (401, true) => told += 1,
                (429, false) => later += 1,
                other => panic!("{other:?}: {answer}"),
            }
        }
        assert_eq!(house.statements() - before, 0, "nothing is asked of the database");
        // Ten a second, and ten times as many at once.
        assert_eq!((told, later), (100, 900));
        assert_eq!(house.post("config", json!({"node_key": key})).await.0, 200, "who is known does not suffer");
        house.advance(Lifetime::seconds(1));
        assert!(invalid(&house.post("config", json!({"node_key": "no"})).await.1));
        println!("proof: node_invalid storm: 1000 unknown keys, {told} sent to enrol, {later} told to wait, 0 statements");
    })
    .await;
}

#[tokio::test]
async fn a_body_that_is_none_is_refused_in_words_that_osquery_reads_and_changes_nothing() {
    on_each_database(async |database| {
        let house = Box::pin(House::new(database)).await;
        let (key, device) = house.enrolled(&house.token(1, None).await, "h").await;
        let good = json!({"node_key": key, "log_type": "result", "data": [house.disk("1", Lifetime::seconds(1))]});
        let good = good.to_string().into_bytes();
        let whole = packed(&good);
        let gzip = [("content-encoding", "gzip")];
        let (bomb, large) = (packed(&vec![b' '; 16 * 1024 * 1024]), vec![b' '; 10 * 1024 * 1024]);
        let typed = |from: &str, to: &str| {
            String::from_utf8(good.clone()).unwrap().replacen(from, to, 1).into_bytes()
        };
        let half = good[..good.len() / 2].to_vec();
        for (name, headers, body) in [
            ("nothing", &[][..], Vec::new()),
            ("half", &[], half),
            ("a list", &[], b"[]".to_vec()),
            ("no key", &[], b"{}".to_vec()),
            ("a key that is a number", &[], b"{\"node_key\":7}".to_vec()),
            ("lines that are no list", &[], typed("\"data\":", "\"data\":7,\"other\":")),
            ("a log of no type", &[], typed("\"result\"", "7")),
            ("ten megabytes", &[], large.clone()),
            ("ten megabytes, packed", &gzip, large.clone()),
            ("a bomb", &gzip, bomb.clone()),
            ("cut off", &gzip, whole[..whole.len() - 9].to_vec()),
            ("not packed at all", &gzip, good.clone()),
            ("packed in another way", &[("content-encoding", "br")], whole.clone()),
        ] {
            let (status, told) = house.send("log", headers, body).await;
            assert!((400..500).contains(&status) && !invalid(&told), "{name}: {status} {told}");
            assert!(told["error"].is_string(), "{name}: {told}");
        }
        assert_eq!(house.says(device, "disk_encryption"), None);
        assert_eq!(house.send("log", &gzip, whole).await.0, 200);
        assert_eq!(house.says(device, "disk_encryption"), Some(10_000));
    })
    .await;
}

#[tokio::test]
async fn a_log_that_is_too_large_makes_no_host_go_silent() {
    on_each_database(async |database| {
        let house = Box::pin(House::new(database)).await;
        let (key, device) = house.enrolled(&house.token(1, None).await, "h").await;
        let mut line = house.disk("1", Lifetime::seconds(1));
        line["decorations"] = json!({"long": "x".repeat(3 * 1024 * 1024)});
        // As osquery writes it: its members in this order.
        let plain = format!(
            "{{\"node_key\":\"{key}\",\"log_type\":\"result\",\"data\":{}}}",
            json!([line])
        );
        let (plain, whole) = (plain.into_bytes(), json!({"node_invalid": false}));
        let known = format!("NodeKey {key}");
        let header = ("authorization", known.as_str());
        let gzip = ("content-encoding", "gzip");
        for headers in [&[][..], &[header][..], &[gzip][..], &[header, gzip][..]] {
            let body = if headers.contains(&gzip) { packed(&plain) } else { plain.clone() };
            let (status, told) = house.send("log", headers, body).await;
            assert_eq!((status, told), (200, whole.clone()), "{headers:?}");
        }
        assert_eq!(house.recorded("posture.report_refused").await, 1, "once a minute");
        assert_eq!(house.says(device, "disk_encryption"), None);
        // Of whoever is not known nothing is let pass as if it were well.
        let stranger = String::from_utf8(plain).unwrap().replace(&key, "nobody's").into_bytes();
        assert!(invalid(&house.send("log", &[], stranger).await.1));
        house.log(&key, json!([house.disk("1", Lifetime::seconds(1))])).await;
        assert_eq!(house.says(device, "disk_encryption"), Some(10_000), "and it goes on");
    })
    .await;
}
