//! A device at its doors: it comes in with a token, stays by what it holds, and is put out.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use weft::crypto::keys::{Algorithm, PrivateKey};
use weft::crypto::x509::{self, pem_certificates};
use weft::env::{Clock as _, SystemClock};
use weft::testkit::until;
use weft::wire::api::Time;
use weft::wire::posture::FORMAT;

use super::rest::told;
use super::world::{Ask, Caller, Credential, ONE, Realm, TWO, World};

/// A new key, and a request that it be certified.
pub(super) fn csr() -> (PrivateKey, String) {
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let text = STANDARD.encode(x509::csr::create(&key).unwrap());
    (key, text)
}

/// A machine shows this token.
pub(super) fn enrol(token: &str, csr: &str) -> Ask {
    let machine = json!({"token": token, "csr": csr, "name": "ada-laptop", "platform": "linux"});
    Ask::post("devices/enrol", machine)
}

/// What a machine says of itself now: all it looks at is this good.
pub(crate) fn report(value: u16) -> Value {
    let now = Time(SystemClock::new().now());
    let signal = |name: &&str| json!({"signal": name, "value": value, "class": "bearer_agent", "at": now, "source": "/"});
    let signals: Vec<Value> = weft::machine::names().iter().map(signal).collect();
    json!({"format": FORMAT, "collected_at": now, "platform": "linux", "signals": signals})
}

/// A model of one signal, for laptops and servers.
pub(super) fn model(version: u32) -> String {
    let signal = "[[profile.signal]]\nname = \"ssh\"\nweight = 10000\nfresh_seconds = 3600\n";
    let levels = "levels = { trusted = 80, standard = 60, restricted = 40 }";
    format!(
        "name = \"small\"\nversion = {version}\n{levels}\n[[profile]]\nname = \"linux-laptop\"\n{signal}\
         [[profile]]\nname = \"linux-server\"\n{signal}"
    )
}

/// To work out again what a device of its own was just told.
pub(super) async fn replay(world: &World) -> Ask {
    let device = Enrolled::new(world).await;
    let sent = Ask::post("devices/self/reports", report(10_000));
    assert_eq!(told(&device.caller.ask(&sent).await), "200");
    let shown = world.root(&ONE, Ask::get(device.path("/posture"))).await;
    Ask::post("posture-replays", json!({"device": device.id, "scored": shown["scored"]}))
}

/// The secret of a new token.
async fn token(world: &World, realm: &Realm) -> String {
    let made = world.root(realm, Ask::post("device-tokens", json!({"class": "laptop"}))).await;
    made["secret"].as_str().unwrap().to_owned()
}

fn credential(key: PrivateKey, given: &Value) -> Credential {
    let chain = pem_certificates(given["chain"].as_str().unwrap().as_bytes()).unwrap();
    Credential { key: Arc::new(key), chain }
}

struct Enrolled {
    id: String,
    caller: Caller,
}

impl Enrolled {
    async fn new(world: &World) -> Self {
        let (key, csr) = csr();
        let (status, given) =
            world.token_holder().ask(&enrol(&token(world, &ONE).await, &csr)).await;
        assert_eq!(status, 201, "{given}");
        let id = given["id"].as_str().unwrap().to_owned();
        let held = credential(key, &given);
        Self { id, caller: world.caller("device", &ONE, Some(&held)) }
    }

    /// Asks for the next SVID, and is somebody who holds it.
    async fn renewed(&self, world: &World) -> Self {
        let (key, csr) = csr();
        let renewal = Ask::post("devices/self/svid", json!({"csr": csr}));
        let (status, given) = self.caller.ask(&renewal).await;
        assert_eq!(status, 200, "{given}");
        let held = credential(key, &given);
        Self { id: self.id.clone(), caller: world.caller("device", &ONE, Some(&held)) }
    }

    /// What it is answered to a question that anybody may ask, and to one for its next SVID.
    async fn told(&self) -> [String; 2] {
        let renewal = Ask::post("devices/self/svid", json!({"csr": csr().1}));
        let asked = [Ask::get("whoami"), renewal];
        [told(&self.caller.ask(&asked[0]).await), told(&self.caller.ask(&asked[1]).await)]
    }

    fn path(&self, rest: &str) -> String {
        format!("devices/{}{rest}", self.id)
    }
}

#[tokio::test]
async fn a_device_that_enrolled_is_let_in_and_has_no_rights() {
    let world = World::new().await;
    let device = Enrolled::new(&world).await;
    assert_eq!(device.told().await, ["200", "200"]);
    let shown = world.root(&ONE, Ask::get(device.path(""))).await;
    assert_eq!((&shown["state"], &shown["class"]), (&json!("enrolled"), &json!("laptop")));
    for path in ["devices", "agents", "entries", "events"] {
        assert_eq!(told(&device.caller.ask(&Ask::get(path)).await), "403 access.denied", "{path}");
    }
    let lock = Ask::post(device.path("/lock"), json!({}));
    assert_eq!(told(&device.caller.ask(&lock).await), "403 access.denied");
}

#[tokio::test]
async fn an_svid_that_was_replaced_is_refused_and_its_renewal_raises_an_alarm() {
    let world = World::new().await;
    let old = Enrolled::new(&world).await;
    let new = old.renewed(&world).await;
    assert_eq!(told(&old.caller.ask(&Ask::get("whoami")).await), "200", "the new one is not used");
    assert_eq!(told(&new.caller.ask(&Ask::get("whoami")).await), "200");
    // Asking the server's own user waits for its indexes.
    let shown = world.root(&ONE, Ask::get(new.path(""))).await;
    assert_ne!(shown["previous_serial"], Value::Null, "{shown}");
    assert_eq!(old.told().await, ["403 device.superseded", "403 device.superseded"]);
    let alarm = until("the alarm is in the log", async || {
        let all = world.root(&ONE, Ask::get("events?kind=device.clone_suspected")).await;
        let found = all["items"].as_array().and_then(|items| items.first()).cloned();
        found.ok_or(all)
    })
    .await;
    assert_eq!(alarm["about"]["device"], json!(new.id), "{alarm}");
    assert_eq!(new.told().await, ["200", "200"], "the device itself goes on");
}

#[tokio::test]
async fn a_locked_or_retired_device_is_refused_on_connections_that_are_open() {
    let world = World::new().await;
    let device = Enrolled::new(&world).await;
    assert_eq!(device.told().await, ["200", "200"]);
    let post = |verb: &str| Ask::post(device.path(verb), json!({"reason": "left in a taxi"}));
    let seen = |ask: Ask| Ask { condition: Some(("if-match", "\"1\"")), ..ask };
    let locked = world.root(&ONE, seen(post("/lock"))).await;
    assert_eq!((&locked["state"], &locked["revision"]), (&json!("locked"), &json!(2)));
    assert_eq!(locked["reason"], json!("left in a taxi"));
    assert_eq!(device.told().await, ["403 device.locked", "403 device.locked"]);
    let stale = world.try_root(&ONE, &seen(post("/release"))).await;
    assert_eq!(told(&stale), "412 request.precondition");
    world.root(&ONE, post("/release")).await;
    assert_eq!(told(&device.caller.ask(&Ask::get("whoami")).await), "200");
    world.root(&ONE, post("/retire")).await;
    assert_eq!(device.told().await, ["403 device.retired", "403 device.retired"]);
    assert_eq!(told(&world.try_root(&ONE, &post("/release")).await), "403 device.retired");
}

#[tokio::test]
async fn a_token_of_another_realm_and_whoever_is_no_device_get_nothing() {
    let world = World::new().await;
    let anybody = world.token_holder();
    let (theirs, csr) = (token(&world, &TWO).await, csr().1);
    assert_eq!(told(&anybody.ask(&enrol(&theirs, &csr)).await), "403 device.token");
    assert_eq!(told(&anybody.ask(&enrol("no such token", &csr)).await), "403 device.token");
    let ours = token(&world, &ONE).await;
    assert_eq!(told(&anybody.ask(&enrol(&ours, "no request")).await), "400 device.csr");
    assert_eq!(told(&anybody.ask(&enrol(&ours, &csr)).await), "201");
    let (_, other) = self::csr();
    assert_eq!(told(&anybody.ask(&enrol(&ours, &other)).await), "403 device.token");
    for caller in &world.callers {
        let renewal = Ask::post("devices/self/svid", json!({"csr": other}));
        assert_eq!(told(&caller.ask(&renewal).await), "401 device.no_svid", "{}", caller.name);
    }
}

#[tokio::test]
async fn enrolments_of_one_address_are_limited() {
    let world = World::with(|settings| settings.devices.enrolments_per_second = 1).await;
    let anybody = world.token_holder();
    let ask = enrol("no such token", "no request");
    let mut answers = Vec::new();
    // Ten come at once; on a machine that takes seconds for them, more are let through.
    for _ in 0..1000 {
        answers.push(told(&anybody.ask(&ask).await));
        if answers.last().is_some_and(|answer| answer.starts_with("429")) {
            break;
        }
    }
    let (last, before) = answers.split_last().unwrap();
    assert_eq!(last, "429 device.too_often");
    assert!(before.len() >= 10 && before.iter().all(|answer| answer == "400 device.csr"));
}

#[tokio::test]
async fn a_device_reports_and_reads_what_is_known_of_it_and_nobody_else_does() {
    let world = World::new().await;
    let device = Enrolled::new(&world).await;
    let own = Ask::get("devices/self/posture");
    let (status, before) = device.caller.ask(&own).await;
    assert_eq!((status, &before["level"]), (200, &json!("unknown")), "{before}");

    let send = |value| Ask::post("devices/self/reports", report(value));
    let (status, told) = device.caller.ask(&send(10_000)).await;
    assert_eq!(
        (status, &told["outcome"], &told["level"]),
        (200, &json!("taken"), &json!("restricted"))
    );
    let (_, known) = device.caller.ask(&own).await;
    assert_eq!(known["scored"]["score_basis_points"], told["score_basis_points"], "{known}");
    assert_eq!(known["scored"]["signals"][0]["class"], json!("bearer_agent"));
    let shown = world.root(&ONE, Ask::get(device.path("/posture"))).await;
    assert_eq!((&shown["level"], &shown["device"]), (&json!("restricted"), &json!(device.id)));

    let (_, worse) = device.caller.ask(&send(0)).await;
    assert_eq!(
        (&worse["level"], &worse["fix"][0]["signal"]),
        (&json!("quarantine"), &json!("secure_boot"))
    );
    let changes = world.root(&ONE, Ask::get("events?kind=posture.level_changed")).await;
    let about: Vec<_> =
        changes["items"].as_array().unwrap().iter().map(|one| &one["about"]).collect();
    assert_eq!((&about[0]["from"], &about[0]["to"]), (&json!("restricted"), &json!("quarantine")));
    assert_eq!((about.len(), &about[1]["from"]), (2, &json!("unknown")), "{changes}");

    for caller in &world.callers {
        let answers = [caller.ask(&own).await, caller.ask(&send(10_000)).await];
        for answer in &answers {
            assert_eq!(self::told(answer), "401 device.no_svid", "{}", caller.name);
        }
    }
}

#[tokio::test]
async fn a_model_is_refused_with_its_lines_and_counts_for_devices_once_it_is_set() {
    let world = World::new().await;
    let device = Enrolled::new(&world).await;
    let sent = Ask::post("devices/self/reports", report(10_000));
    assert_eq!(told(&device.caller.ask(&sent).await), "200");
    let put = |text: String| Ask {
        method: "PUT",
        ..Ask::post("posture-models/active", json!({"document": text, "note": "smaller"}))
    };
    let shipped = world.root(&ONE, Ask::get("posture-models/active")).await;
    assert_eq!((&shipped["number"], &shipped["shipped"]), (&json!(0), &json!(true)));
    let bad = model(1).replace("10000", "9999").replace("3600", "0");
    for ask in [put(bad.clone()), Ask::post("posture-model-trials", json!({"document": bad}))] {
        let (status, problem) = world.try_root(&ONE, &ask).await;
        assert_eq!((status, &problem["code"]), (400, &json!("posture.model")), "{problem}");
        let lines = "the model: line 5: the weights of a profile add up to 10000, and these to 9999; line 9: 0 < fresh";
        assert!(problem["detail"].as_str().unwrap().starts_with(lines), "{problem}");
    }
    let neither = world.try_root(&ONE, &Ask::post("posture-model-trials", json!({}))).await;
    assert_eq!(told(&neither), "400 posture.invalid");
    let stale = Ask { condition: Some(("if-match", "\"AAAA\"")), ..put(model(1)) };
    assert_eq!(told(&world.try_root(&ONE, &stale).await), "412 request.precondition");
    assert_eq!(world.root(&ONE, Ask::get("posture-models/active")).await, shipped);

    let counts = world.root(&ONE, put(model(1))).await;
    assert_eq!((&counts["number"], &counts["active"]), (&json!(1), &json!(true)), "{counts}");
    let known = world.root(&ONE, Ask::get(device.path("/posture"))).await;
    assert_eq!(known["scored"]["model"]["digest"], counts["digest"], "{known}");
    assert_eq!(known["scored"]["score_basis_points"], json!(6_500));
    let events = world.root(&ONE, Ask::get("events?kind=posture.model_set")).await;
    let about = &events["items"][0]["about"];
    assert_eq!((&about["digest"], &about["note"]), (&counts["digest"], &json!("smaller")));
    assert_eq!(about["before"], shipped["digest"]);
    assert_eq!(events["items"].as_array().unwrap().len(), 1, "what is refused is no event");
}

#[tokio::test]
async fn a_report_that_cannot_be_taken_is_refused_and_recorded() {
    let world = World::new().await;
    let device = Enrolled::new(&world).await;
    let mut report = report(10_000);
    report["signals"][1]["value"] = json!("all of it");
    let refused = device.caller.ask(&Ask::post("devices/self/reports", report)).await;
    assert_eq!(told(&refused), "400 posture.report");
    let event = until("the refusal is in the log", async || {
        let all = world.root(&ONE, Ask::get("events?kind=posture.report_refused")).await;
        let found = all["items"].as_array().and_then(|items| items.first()).cloned();
        found.ok_or(all)
    })
    .await;
    assert_eq!(event["about"]["device"], json!(device.id), "{event}");
    let locked = Ask::post(device.path("/lock"), json!({"reason": "stolen"}));
    world.root(&ONE, locked).await;
    let good = Ask::post("devices/self/reports", self::report(10_000));
    assert_eq!(told(&device.caller.ask(&good).await), "403 device.locked");
    let shown = world.root(&ONE, Ask::get(device.path("/posture"))).await;
    assert_eq!(shown["reasons"], json!(["the device is locked: stolen"]));
}
