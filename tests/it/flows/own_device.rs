//! A person enrols their own machine by signing in: `weft device enroll` as it is, a browser with forms alone.

use serde_json::{Value, json};
use weft::testkit::until;

use super::login::World;
use crate::admin_api::ask;
use crate::walker::Presses;

/// `weft device enroll` in this directory, by whoever is signed in already.
async fn enrol(world: &World, place: &str, more: &[&str]) -> Value {
    let told = world.weft(&[&words(&world.issuer, place)[..], more].concat()).await;
    serde_json::from_str(&told).unwrap()
}

fn words<'a>(issuer: &'a str, place: &'a str) -> [&'a str; 8] {
    ["device", "enroll", "--output", "json", "--server", issuer, "--dir", place]
}

async fn administer(world: &World, method: &str, path: &str, body: Option<Value>) -> Value {
    let (status, answer) = ask(&world.server, method, path, "", body).await;
    assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
    answer
}

fn place(world: &World, name: &str) -> String {
    world.directory.path().join("state/weft").join(name).display().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_enrols_their_machine_by_signing_in() {
    let world = World::start().await;
    let own = place(&world, "device");
    let (child, lines, url) =
        world.begin_with(&["device", "enroll", "--name", "ann-laptop"], &[]).await;
    assert!(url.query().unwrap().contains("prompt=login"), "{url}");
    world.come_back(&url, Presses::Yes).await;
    let said = world.ended((child, lines), 0).await;
    assert!(said.contains("dev_") && said.contains("`weft device run`"), "{said}");
    let all = administer(&world, "GET", "devices", None).await;
    let device = &all["items"][0];
    assert_eq!(
        (&device["owner"], &device["class"], &device["name"], &device["state"]),
        (&json!(world.user), &json!("laptop"), &json!("ann-laptop"), &json!("enrolled"))
    );
    let events = administer(&world, "GET", "events?kind=device.asked_for", None).await;
    assert_eq!(events["items"][0]["about"]["device"], device["id"], "{events}");

    // The answer was lost: the sign-in of just now is enough, and it is the same device.
    std::fs::remove_file(format!("{own}/svid.pem")).unwrap();
    assert_eq!(enrol(&world, &own, &[]).await["id"], device["id"]);
    let said = world.refused(&words(&world.issuer, &own)).await;
    assert!(said.contains("has the SVID of a device already"), "{said}");
    let said = world.login(&[]).await;
    assert!(said.contains("bound to the device"), "{said}");

    // A sign-in that is bound to the device shows nothing where the device has no SVID any more: a browser is asked.
    std::fs::remove_file(format!("{own}/svid.pem")).unwrap();
    let (child, lines, url) = world.begin_with(&["device", "enroll"], &[]).await;
    world.come_back(&url, Presses::Yes).await;
    let said = world.ended((child, lines), 0).await;
    assert!(said.contains(device["id"].as_str().unwrap()), "{said}");

    for more in ["two", "three", "four", "five"] {
        enrol(&world, &place(&world, more), &["--class", "desktop"]).await;
    }
    let said = world.refused(&words(&world.issuer, &place(&world, "six"))).await;
    assert!(said.contains("you have 5 devices") && said.contains("(device.enough"), "{said}");
    until("the refusal is on record", async || {
        let kind = "events?kind=device.enrolment_refused";
        let reason = administer(&world, "GET", kind, None).await["items"][0]["about"].to_string();
        if reason.contains("5 devices") { Ok(()) } else { Err(reason) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_waits_is_let_in_when_somebody_approves_it() {
    let world = World::start_with(|settings| settings.devices.approval = true).await;
    world.login(&[]).await;
    let own = place(&world, "device");
    let told = enrol(&world, &own, &["--no-stay"]).await;
    assert_eq!((&told["state"], &told["svid"]), (&json!("waiting"), &Value::Null));
    assert_eq!(enrol(&world, &own, &["--no-stay"]).await["id"], told["id"]);
    let id = told["id"].as_str().unwrap();
    let waiting = administer(&world, "GET", "devices?state=waiting", None).await;
    assert_eq!(waiting["items"][0]["id"], told["id"]);
    let path = format!("devices/{id}/approve");
    administer(&world, "POST", &path, Some(json!({"reason": "asked him"}))).await;
    let given = enrol(&world, &own, &[]).await;
    assert_eq!(given["id"], told["id"]);
    assert!(given["spiffe_id"].as_str().unwrap().ends_with(id), "{given}");

    // Whoever is not wanted hears it, and asks in vain.
    let unwanted = place(&world, "unwanted");
    let told = enrol(&world, &unwanted, &["--no-stay"]).await;
    let path = format!("devices/{}/retire", told["id"].as_str().unwrap());
    administer(&world, "POST", &path, Some(json!({"reason": "unknown here"}))).await;
    let said = world.refused(&words(&world.issuer, &unwanted)).await;
    assert!(said.contains("retired") && said.contains("--dir"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_that_policy_finds_too_weak_is_not_enough_to_bring_a_device() {
    let world = World::start().await;
    world.login(&[]).await;
    let rule = r#"@id("sure-of-owners") @step_up("bringing a device needs a key in hardware")
        forbid (principal is User, action == Action::"EnrolOwnDevice", resource)
        when { context.assurance < 3 };"#;
    administer(&world, "PUT", "policies/house", Some(json!({ "text": rule }))).await;
    // The sign-in that is kept does not do, so a browser is asked; what it brings does not do either.
    let (child, lines, url) = world.begin_with(&["device", "enroll"], &[]).await;
    world.come_back(&url, Presses::Yes).await;
    let said = world.ended((child, lines), 1).await;
    assert!(said.contains("not fresh, or not strong, enough"), "{said}");
    let all = administer(&world, "GET", "devices", None).await;
    assert_eq!(all["items"], json!([]));
}
