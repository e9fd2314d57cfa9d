//! What a service's delivery is worth, and what nobody gets by sending one.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Extension;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::http::routes;
use super::{Below, Error, Services};
use crate::access::Administrator;
use crate::crypto::digest::hmac_sha256;
use crate::crypto::keys::{Algorithm, PrivateKey};
use crate::crypto::seal::KekRing;
use crate::crypto::x509::csr;
use crate::devices::model::{Class as Sort, Grant, TokenWish};
use crate::devices::{Devices, EnrolDevice, Inventory, Manage};
use crate::http::{PeerInfo, Remote};
use crate::kernel::{DeviceId, Fault, Lifetime, RealmId, Secret, Situation};
use crate::posture::{Posture, Source};
use crate::testkit::{KeysReplica, TestDatabase, on_each_database};

const REALM: RealmId = RealmId::FIRST;
const MAPPING: &str =
    "device = \"/id\"\n[[signal]]\nname = \"disk_encryption\"\npointer = \"/disk\"\ngood = true\n";

/// A replica that a service can reach, with one device.
struct House {
    keys: KeysReplica,
    devices: Devices,
    posture: Posture,
    services: Services,
    doors: Router,
    device: DeviceId,
}

/// What a delivery says of itself, with what signs it.
struct Sent {
    name: &'static str,
    id: &'static str,
    seconds: i64,
    key: [u8; 32],
    body: Vec<u8>,
}

impl House {
    async fn new(database: &TestDatabase) -> Self {
        Self::sealing(database, KekRing::new(KeysReplica::kek(1), Vec::new())).await
    }

    async fn sealing(database: &TestDatabase, ring: KekRing) -> Self {
        let keys = KeysReplica::started(database).await;
        let realms = keys.realms().await;
        let realm = realms.get(REALM).unwrap();
        let inventory = Inventory::new(keys.env.db.clone());
        let posture = keys.posture_of(inventory.clone());
        let devices = keys.devices(&realms, inventory.clone(), &posture);
        let below = Below {
            access: keys.access.clone(),
            events: keys.events.clone(),
            devices: inventory,
            posture: posture.clone(),
            ring: Arc::new(ring),
        };
        let services = Services::new(keys.env.clone(), below);
        let peer = PeerInfo::new("public", Remote::Tcp(([192, 0, 2, 7], 4000).into()), None);
        let doors = routes(&services).layer(Extension(realm)).layer(Extension(peer));
        let device = enrolled(&devices).await;
        let house = Self { keys, devices, posture, services, doors, device };
        house.follow().await;
        house
    }

    /// As a follower of the change log would have it.
    async fn follow(&self) {
        let input = (self.devices.clone(), self.posture.clone(), self.services.clone());
        let loaded: Result<(), Fault> = self
            .keys
            .env
            .db
            .read(REALM, input, |tx, (devices, posture, services)| {
                Box::pin(async move {
                    devices.load(tx).await?;
                    posture.load(tx).await?;
                    services.load(tx).await
                })
            })
            .await;
        loaded.unwrap();
    }

    /// Makes a service, and gives the key that it signs with.
    async fn service(&self, name: &str) -> [u8; 32] {
        let made = self.services.put(by(), name, (MAPPING.to_owned(), true)).await.unwrap();
        self.follow().await;
        key(&made.secret.unwrap())
    }

    /// A delivery of now: the disk is encrypted, or is not.
    fn says(&self, key: [u8; 32], encrypted: bool) -> Sent {
        let body = json!({"id": self.device.to_string(), "disk": encrypted}).to_string();
        let seconds = self.keys.clock_now().seconds();
        Sent { name: "mdm", id: "msg_1", seconds, key, body: body.into_bytes() }
    }

    async fn send(&self, sent: &Sent) -> (u16, Value) {
        let message = [format!("{}.{}.", sent.id, sent.seconds).as_bytes(), &sent.body].concat();
        let signature = format!("v1,{}", STANDARD.encode(hmac_sha256(&sent.key, &message)));
        let request = Request::post(format!("/api/posture/{}", sent.name))
            .header("webhook-id", sent.id)
            .header("webhook-timestamp", sent.seconds.to_string())
            .header("webhook-signature", signature)
            .body(Body::from(sent.body.clone()));
        let answer = self.doors.clone().oneshot(request.unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), 100_000).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// What the service is held to say of the disk.
    fn held(&self) -> Option<u16> {
        let known = self.posture.known(self.device)?;
        let said = known.of(&Source::Service(Arc::from("mdm")))?;
        said.readings.first().map(|reading| reading.value.get())
    }

    fn advance(&self, span: Lifetime) {
        self.keys.clock.advance(span);
    }
}

fn by() -> Administrator {
    Administrator { realm: REALM, asker: KeysReplica::root() }
}

fn key(secret: &Secret<String>) -> [u8; 32] {
    let text = secret.expose().strip_prefix("whsec_").unwrap();
    STANDARD.decode(text).unwrap().try_into().unwrap()
}

async fn enrolled(devices: &Devices) -> DeviceId {
    let grant = Grant { class: Sort::Laptop, profile: None, owner: None, device: None };
    let wish = TokenWish { by: by(), id: None, uses_max: 1, lifetime: Lifetime::hours(1), grant };
    let ask = EnrolDevice {
        realm: REALM,
        secret: devices.create_token(wish).await.unwrap().secret,
        csr: csr::create(&PrivateKey::generate(Algorithm::P256).unwrap()).unwrap(),
        name: "ada-laptop".to_owned(),
        platform: "linux".to_owned(),
        situation: Situation::default(),
    };
    devices.enrol(ask).await.unwrap().device.id
}

#[tokio::test]
async fn a_signed_delivery_counts_as_the_word_of_a_service_and_is_taken_once() {
    on_each_database(async |database| {
        let house = Box::pin(House::new(database)).await;
        let key = house.service("mdm").await;
        let sent = house.says(key, true);
        let (status, told) = house.send(&sent).await;
        assert_eq!((status, &told["outcome"]), (200, &json!("taken")), "{told}");
        assert_eq!(told["device"], json!(house.device.to_string()));
        assert_eq!(house.held(), Some(10_000));
        let known = house.posture.known(house.device).unwrap();
        assert_eq!(known.said[0].came_as.as_str(), "service");
        // Sent again, by whoever saw it: it says nothing new, here and at any other replica.
        house.advance(Lifetime::minutes(1));
        house.send(&house.says(key, false)).await;
        assert_eq!(house.held(), Some(0));
        let (status, told) = house.send(&sent).await;
        assert_eq!((status, &told["outcome"], house.held()), (200, &json!("known"), Some(0)));
        house.follow().await;
        assert_eq!(house.send(&sent).await.1["outcome"], json!("known"));
        house.advance(Lifetime::minutes(5));
        assert_eq!(house.send(&sent).await.0, 401, "it is too old to be looked at");
        assert_eq!(house.held(), Some(0));
    })
    .await;
}

#[tokio::test]
async fn what_nobody_signed_is_refused_and_tells_nothing() {
    on_each_database(async |database| {
        let house = Box::pin(House::new(database)).await;
        let key = house.service("mdm").await;
        let other = house.service("edr").await;
        let good = || house.says(key, true);
        let told = |answer: (u16, Value)| (answer.0, answer.1["code"].clone());
        let unsigned = (401, json!("posture_source.unsigned"));
        let wrong = Sent { key: [7; 32], ..good() };
        assert_eq!(told(house.send(&wrong).await), unsigned);
        let of_another = Sent { key: other, ..good() };
        assert_eq!(told(house.send(&of_another).await), unsigned, "a secret is for one service");
        let unknown = Sent { name: "none", ..good() };
        assert_eq!(told(house.send(&unknown).await), unsigned, "as if it were there");
        for minutes in [-6, 6] {
            let seconds = good().seconds + minutes * 60;
            assert_eq!(told(house.send(&Sent { seconds, ..good() }).await), unsigned);
        }
        assert_eq!(house.held(), None);
        // Ten at once, and one a second from then on; who signs does not suffer.
        let mut refused = Vec::new();
        for _ in 0..10 {
            refused.push(house.send(&Sent { key: [7; 32], ..good() }).await.0);
        }
        assert_eq!(refused, [401, 401, 401, 401, 401, 429, 429, 429, 429, 429]);
        assert_eq!(house.send(&good()).await.0, 200);
    })
    .await;
}

#[tokio::test]
async fn two_secrets_are_live_while_one_replaces_the_other() {
    on_each_database(async |database| {
        let house = Box::pin(House::new(database)).await;
        let first = house.service("mdm").await;
        let rotate = async |overlap| {
            let made = house.services.rotate(by(), "mdm", overlap).await.unwrap();
            house.follow().await;
            key(&made.secret.unwrap())
        };
        let second = rotate(Lifetime::hours(1)).await;
        for (key, encrypted) in [(first, true), (second, false)] {
            house.advance(Lifetime::seconds(1));
            assert_eq!(house.send(&house.says(key, encrypted)).await.0, 200);
        }
        assert_eq!(house.held(), Some(0));
        house.advance(Lifetime::hours(1));
        assert_eq!(house.send(&house.says(first, true)).await.0, 401);
        assert_eq!(house.send(&house.says(second, true)).await.0, 200);
        // A secret that leaked is out at once.
        let third = rotate(Lifetime::ZERO).await;
        assert_eq!(house.send(&house.says(second, true)).await.0, 401);
        house.advance(Lifetime::seconds(1));
        assert_eq!(house.send(&house.says(third, true)).await.0, 200);
        // Another way to read keeps the secret.
        let changed =
            house.services.put(by(), "mdm", (MAPPING.replace("true", "false"), false)).await;
        assert!(changed.unwrap().secret.is_none());
        house.follow().await;
        house.advance(Lifetime::seconds(1));
        house.send(&house.says(third, true)).await;
        assert_eq!(house.held(), Some(0));
        let long = house.services.rotate(by(), "mdm", Lifetime::days(31)).await;
        assert!(matches!(long, Err(Error::Invalid(_))), "{long:?}");
    })
    .await;
}

#[tokio::test]
async fn a_secret_is_sealed_at_rest_in_its_place_and_under_the_newest_key() {
    on_each_database(async |database| {
        let house = Box::pin(House::new(database)).await;
        let key = house.service("mdm").await;
        house.services.rotate(by(), "mdm", Lifetime::days(1)).await.unwrap();
        house.follow().await;
        let held = house.services.show(by(), "mdm").unwrap();
        let (former, _) = held.former.clone().unwrap();
        for blob in [&held.secret, &former] {
            assert!(!blob.windows(32).any(|part| part == key));
        }
        let ring = KekRing::new(KeysReplica::kek(2), vec![KeysReplica::kek(1)]);
        let below = Below { ring: Arc::new(ring), ..house.services.inner.below.clone() };
        let newer = Services::new(house.keys.env.clone(), below);
        let granted = crate::kernel::Granted::to_server("Test");
        assert_eq!(newer.reseal(REALM, &granted).await.unwrap(), 2);
        assert_eq!(newer.reseal(REALM, &granted).await.unwrap(), 0);
        house.follow().await;
        let resealed = house.services.show(by(), "mdm").unwrap();
        let now = house.keys.clock_now();
        assert!(house.services.live(REALM, &resealed, now).is_err(), "not with the old key alone");
        assert_eq!(newer.live(REALM, &resealed, now).unwrap()[1].expose(), &key);
        // A secret that is moved to another service's row does not open.
        let moved = super::Service { name: "edr".to_owned(), ..super::Service::clone(&resealed) };
        assert!(newer.live(REALM, &moved, now).is_err());
    })
    .await;
}

#[tokio::test]
async fn a_delivery_that_says_nothing_is_refused_with_what_is_missing() {
    on_each_database(async |database| {
        let house = Box::pin(House::new(database)).await;
        let key = house.service("mdm").await;
        let other = "dev_0123456789abcdef0123456789abcdef";
        let id = house.device.to_string();
        for (body, code) in [
            (json!({"id": other, "disk": true}).to_string(), "posture_source.unread"),
            (json!({"id": "ada-laptop", "disk": true}).to_string(), "posture_source.unread"),
            (json!({"id": id}).to_string(), "posture_source.unread"),
            ("{".to_owned(), "posture_source.unread"),
            (" ".repeat(10 * 1024 * 1024), "request.body_too_large"),
        ] {
            let sent = Sent { body: body.into_bytes(), ..house.says(key, true) };
            let (status, told) = house.send(&sent).await;
            assert!((400..500).contains(&status), "{status} {told}");
            assert_eq!(told["code"], json!(code), "{told}");
        }
        assert_eq!(house.held(), None);
        let lock = Manage::new(house.device, None, "").unwrap();
        house.devices.lock(by(), lock).await.unwrap();
        house.follow().await;
        assert_eq!(
            house.send(&house.says(key, true)).await.0,
            403,
            "a locked device is not listened to"
        );
    })
    .await;
}

#[tokio::test]
async fn a_service_that_is_taken_out_takes_its_words_with_it() {
    on_each_database(async |database| {
        let house = Box::pin(House::new(database)).await;
        let key = house.service("mdm").await;
        house.send(&house.says(key, false)).await;
        assert_eq!(house.held(), Some(0));
        house.services.delete(by(), "mdm").await.unwrap();
        let posture = house.posture.clone();
        let name = house.device.to_string();
        let applied = house.keys.env.db.read(REALM, (posture, name), |tx, (posture, name)| {
            Box::pin(async move { posture.apply(tx, std::slice::from_ref(name)).await })
        });
        applied.await.unwrap();
        house.follow().await;
        assert_eq!((house.held(), house.posture.known(house.device).is_none()), (None, true));
        assert_eq!(house.send(&house.says(key, false)).await.0, 401);
        let gone = house.services.delete(by(), "mdm").await;
        assert!(matches!(gone, Err(Error::NotFound)), "{gone:?}");
        for (name, mapping) in [("MDM", MAPPING), ("", MAPPING), ("mdm", "device = 7")] {
            let refused = house.services.put(by(), name, (mapping.to_owned(), false)).await;
            assert!(matches!(refused, Err(Error::Invalid(_) | Error::Document(_))), "{refused:?}");
        }
    })
    .await;
}
