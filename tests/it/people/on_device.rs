//! A browser on a device, without scripts: `weft device run`, as it is, signs for it; the session is the device's from then on and
//! ends with its posture.

use serde_json::json;
use weft::testkit::{TestDatabase, engines, within};

use super::home::{Home, PASSWORD, free_port};
use super::scripts_off::certificate;
use crate::laptop::Laptop;
use crate::walker::{Browser, Shown};

/// A server, and a machine beside it.
struct World {
    home: Home,
    laptop: Laptop,
    _certificate: tempfile::TempDir,
}

impl World {
    async fn start(database: &TestDatabase) -> Self {
        let (directory, public, port) = (tempfile::tempdir().unwrap(), free_port(), free_port());
        certificate(directory.path());
        let pem = directory.path().join("certificate.pem");
        let home = Home::start_with(database, |settings| {
            settings.listen.public.set_port(public);
            settings.server.issuer = format!("https://weft.localhost:{public}");
            settings.listen.certificate = Some(pem.clone());
            settings.listen.certificate_key = Some(directory.path().join("key.pem"));
            settings.devices.loopback_port = port;
        })
        .await;
        let mtls = home.server.addresses().mtls.port();
        let doors = [home.issuer(), format!("https://weft.localhost:{mtls}")];
        let laptop = Laptop::new(doors, pem, port).await;
        Self { home, laptop, _certificate: directory }
    }

    /// As far as the question on which device this is.
    async fn asked(&self, browser: &mut Browser) -> Shown {
        let first = browser.get(&self.home.url("/account")).await.unwrap();
        let next = browser.press(&first, "/identify", &[("identifier", "dora")]).await.unwrap();
        let shown = browser.press(&next, "/password", &[("password", PASSWORD)]).await.unwrap();
        assert!(shown.body.contains("Show this device"), "{}", shown.body);
        shown
    }

    /// The device of the newest session of this person; nothing for none.
    async fn device_of_session(&self, user: &str) -> serde_json::Value {
        let path = format!("sessions?user={user}");
        self.home.administer(("GET", &path), "", None).await["items"][0]["device"].clone()
    }

    fn browser(&self) -> Browser {
        let mut browser = self.home.browser("dora");
        let here = format!("http://127.0.0.1:{}", self.laptop.port);
        browser.at_home = vec![self.home.base.origin(), url::Url::parse(&here).unwrap().origin()];
        browser
    }

    async fn is_signed_in(&self, browser: &mut Browser) -> bool {
        let shown = browser.get(&self.home.url("/account")).await.unwrap();
        shown.url.path() == "/account"
    }
}

/// Nothing is left to be shown; a passkey is offered.
async fn no_passkey(browser: &mut Browser, shown: &Shown) {
    browser.press(shown, "/enrol", &[("decision", "later")]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_signs_in_on_its_device_without_scripts_and_its_session_follows_the_posture() {
    let database = TestDatabase::new(engines()[0]).await;
    let world = World::start(&database).await;
    let dora = world.home.person("dora").await;
    let (mut running, user) = (world.laptop.run(&world.home.server, dora).await, dora.to_string());
    let devices = world.home.administer(("GET", "devices"), "", None).await;
    let device = devices["items"][0]["id"].clone();

    let mut browser = world.browser();
    let shown = world.asked(&mut browser).await;
    let back = browser.click(&shown, "Show this device").await.unwrap();
    no_passkey(&mut browser, &back).await;
    assert!(world.is_signed_in(&mut browser).await);
    assert_eq!(world.device_of_session(&user).await, device);

    world.laptop.encrypt_disk(false);
    world.laptop.report().await;
    let ending = async { while world.is_signed_in(&mut browser).await {} };
    within("the end of the session", ending).await;
    let ended = world.home.administer(("GET", "events?kind=session.ended"), "", None).await;
    let about = &ended["items"][0]["about"];
    assert_eq!((&about["device"], &about["reason"]), (&device, &json!("device")), "{ended}");

    // Who shows the device is told what is wrong with it.
    let shown = world.asked(&mut browser).await;
    let refused = browser.click(&shown, "Show this device").await.unwrap();
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert!(refused.body.contains("id=\"reason\""), "{}", refused.body);
    world.laptop.encrypt_disk(true);
    for _fresh in 0..2 {
        world.laptop.report().await;
    }
    let mut browser = world.browser();
    let shown = world.asked(&mut browser).await;
    let back = browser.click(&shown, "Show this device").await.unwrap();
    no_passkey(&mut browser, &back).await;
    assert!(world.is_signed_in(&mut browser).await, "access is back");

    // Without the program the browser finds nobody, and its person goes on as from any device.
    running.kill().await.unwrap();
    let mut browser = world.browser();
    let shown = world.asked(&mut browser).await;
    browser.click(&shown, "Show this device").await.unwrap_err();
    let shown = browser.press(&shown, "/device", &[]).await.unwrap();
    no_passkey(&mut browser, &shown).await;
    assert!(world.is_signed_in(&mut browser).await);
    assert_eq!(world.device_of_session(&user).await, json!(null));
}
