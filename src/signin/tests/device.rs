//! A sign-in is on a device when that device's key signed for this browser and this sign-in, and not otherwise.

use std::sync::Arc;

use http::StatusCode;

use super::world::{GOOD, ORIGIN, REALM, Tab, World, cross_site, request, root};
use crate::accounts::User;
use crate::crypto::digest::{base64, hex};
use crate::crypto::jose::TokenSigner;
use crate::crypto::keys::{Algorithm, PrivateKey};
use crate::crypto::x509::csr;
use crate::devices::model::{Class, Grant, TokenWish};
use crate::devices::{EnrolDevice, Manage};
use crate::env::Clock as _;
use crate::kernel::{DeviceId, Lifetime, Secret, Situation};
use crate::sessions::SessionCookie;
use crate::testkit::{TestDatabase, on_each_database};
use crate::wire::device_proof::{Question, TYPE};

/// A device with its key, as `weft device run` has it.
struct Laptop {
    id: DeviceId,
    name: String,
    chain: Vec<Vec<u8>>,
    key: Arc<PrivateKey>,
}

impl Laptop {
    async fn of(world: &World, owner: &User) -> Self {
        let grant =
            Grant { class: Class::Laptop, profile: None, owner: Some(owner.id), device: None };
        let (by, lifetime) = (root(), Lifetime::hours(1));
        let wish = TokenWish { by, id: None, uses_max: 1, lifetime, grant };
        let token = world.devices.create_token(wish).await.unwrap();
        let key = Arc::new(PrivateKey::generate(Algorithm::P256).unwrap());
        let ask = EnrolDevice {
            realm: REALM,
            secret: Secret::new(token.secret.expose().clone()),
            csr: csr::create(key.as_ref()).unwrap(),
            name: "ada-laptop".to_owned(),
            platform: "linux".to_owned(),
            situation: Situation::default(),
        };
        let given = world.devices.enrol(ask).await.unwrap();
        world.load_devices().await;
        let (id, name) = (given.device.id, given.device.spiffe_id.to_string());
        Self { id, name, chain: given.svid.chain, key }
    }

    fn signed(&self, world: &World, question: &Question<'_>) -> String {
        self.signed_as(TYPE, &self.claims(world, question))
    }

    fn claims(&self, world: &World, question: &Question<'_>) -> String {
        let svid: Vec<String> = self.chain.iter().map(|der| base64(der)).collect();
        question.claims(&self.name, &svid, world.clock.now().seconds())
    }

    fn signed_as(&self, typ: &str, claims: &str) -> String {
        let kid = hex(&self.key.public().digest());
        let key: Arc<PrivateKey> = Arc::clone(&self.key);
        TokenSigner::new(key, &kid, typ).sign(claims).unwrap()
    }
}

/// What the page's link asks.
struct Asked([String; 3]);

impl Asked {
    fn in_page(tab: &Tab) -> Self {
        let (_, rest) = tab.body.split_once("id=\"show-device\" href=\"").expect("a link");
        let link = rest.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
        let link = url::Url::parse(&link).unwrap();
        assert_eq!((link.host_str(), link.port()), (Some("127.0.0.1"), Some(14_443)));
        let part = |name: &str| {
            let mut pairs = link.query_pairs();
            pairs.find(|(key, _)| key == name).unwrap().1.into_owned()
        };
        Self([part("issuer"), part("sign_in"), part("challenge")])
    }

    fn question(&self) -> Question<'_> {
        let [issuer, sign_in, challenge] = &self.0;
        Question { issuer, sign_in, challenge }
    }
}

/// A server, and ada's laptop.
async fn at_laptop(database: &TestDatabase) -> (World, Laptop) {
    let world = Box::pin(World::new(database)).await;
    let ada = world.person("ada").await;
    let laptop = Box::pin(Laptop::of(&world, &ada)).await;
    (world, laptop)
}

/// A new browser, as far as the question for a device, where one is asked.
async fn at_question(world: &World, name: &str) -> Tab {
    let mut tab = Tab::new();
    Box::pin(to_device(world, &mut tab, name)).await;
    tab
}

/// The same in a browser that there is.
async fn to_device(world: &World, tab: &mut Tab, name: &str) {
    world.begin(tab, request()).await;
    tab.post(world, "identify", &[("identifier", name)]).await;
    tab.post(world, "password", &[("password", GOOD)]).await;
}

/// The browser comes back from its device.
async fn come_back(world: &World, tab: &mut Tab, proof: &str) {
    tab.adds = cross_site();
    let path = format!("{}/on-device?proof={proof}", tab.at);
    let page = tab.at.clone();
    tab.get(world, &path).await;
    tab.adds.clear();
    tab.at = page;
    tab.follow(world).await;
}

async fn device_of(world: &World, tab: &Tab) -> Option<DeviceId> {
    world.session(tab).await.expect("a session").device
}

#[tokio::test]
async fn only_who_has_a_device_is_asked_for_it_and_can_go_on_without() {
    on_each_database(async |database| {
        let (world, laptop) = at_laptop(database).await;
        world.person("grace").await;
        let other = at_question(&world, "grace").await;
        assert_eq!(other.step(), "enrol", "{}", other.body);
        let mut tab = at_question(&world, "ada").await;
        assert_eq!(tab.step(), "device", "{}", tab.body);
        let asked = Asked::in_page(&tab);
        tab.reload(&world).await;
        assert_eq!(Asked::in_page(&tab).0, asked.0, "a reload asks the same");
        assert!(!tab.jar.contains_key(SessionCookie::NAME));
        tab.post(&world, "device", &[]).await;
        assert_eq!(tab.step(), "enrol");
        tab.post(&world, "enrol", &[("decision", "later")]).await;
        assert_eq!(device_of(&world, &tab).await, None);
        // Whoever answered late has answered: the sign-in is over.
        come_back(&world, &mut tab, &laptop.signed(&world, &asked.question())).await;
        assert_eq!(device_of(&world, &tab).await, None);
        let by = root();
        let lost = Manage::new(laptop.id, None, "lost").unwrap();
        world.devices.retire(by, lost).await.unwrap();
        world.load_devices().await;
        let later = at_question(&world, "ada").await;
        assert_eq!(later.step(), "enrol", "a device that was retired is none to show");
    })
    .await;
}

#[tokio::test]
async fn what_the_devices_key_signed_binds_the_session_and_those_that_follow_in_this_browser() {
    on_each_database(async |database| {
        let (world, laptop) = at_laptop(database).await;
        let mut tab = at_question(&world, "ada").await;
        let asked = Asked::in_page(&tab);
        assert_eq!(asked.question().issuer, ORIGIN);
        come_back(&world, &mut tab, &laptop.signed(&world, &asked.question())).await;
        assert_eq!(tab.step(), "enrol", "{}", tab.body);
        tab.post(&world, "enrol", &[("decision", "later")]).await;
        assert_eq!(device_of(&world, &tab).await, Some(laptop.id));
        // What is shown again in this browser is shown on this device.
        let again = crate::signin::SigninRequest {
            fresh_after: Some(world.clock.now().plus(Lifetime::seconds(1))),
            ..request()
        };
        world.clock.advance(Lifetime::minutes(1));
        world.begin(&mut tab, again).await;
        tab.post(&world, "password", &[("password", GOOD)]).await;
        assert_eq!(tab.step(), "enrol", "{}", tab.body);
        tab.post(&world, "enrol", &[("decision", "later")]).await;
        assert_eq!(device_of(&world, &tab).await, Some(laptop.id));
    })
    .await;
}

#[tokio::test]
async fn a_proof_is_good_for_one_browser_and_one_sign_in_once() {
    on_each_database(async |database| {
        let (world, laptop) = at_laptop(database).await;
        let (mut mine, mut thief) =
            (at_question(&world, "ada").await, at_question(&world, "ada").await);
        let (asked, lured) = (Asked::in_page(&mine), Asked::in_page(&thief));
        let proof = laptop.signed(&world, &asked.question());
        // Somebody else's page sent this browser to its device, with a question of theirs.
        let for_thief = laptop.signed(&world, &lured.question());
        let mut here = mine.twin();
        here.at.clone_from(&thief.at);
        come_back(&world, &mut here, &for_thief).await;
        assert_eq!(here.status, StatusCode::NOT_FOUND, "it is another browser's sign-in");
        // A proof that was overheard, brought by another browser to its own sign-in, and to the one it was for.
        come_back(&world, &mut thief, &proof).await;
        assert_eq!(thief.step(), "device");
        assert!(thief.body.contains("could not be recognised"), "{}", thief.body);
        let mut elsewhere = thief.twin();
        elsewhere.at.clone_from(&mine.at);
        come_back(&world, &mut elsewhere, &proof).await;
        assert_eq!(elsewhere.status, StatusCode::NOT_FOUND);
        // Two tabs of one browser have a question each.
        let mut second = mine.twin();
        to_device(&world, &mut second, "ada").await;
        come_back(&world, &mut second, &proof).await;
        assert!(second.body.contains("could not be recognised"), "{}", second.body);
        come_back(&world, &mut mine, &proof).await;
        assert_eq!(mine.step(), "enrol", "{}", mine.body);
        // And used up: a sign-in that asks again asks something else.
        mine.post(&world, "select", &[("account", "other")]).await;
        mine.post(&world, "identify", &[("identifier", "ada")]).await;
        mine.post(&world, "password", &[("password", GOOD)]).await;
        assert_eq!(mine.step(), "device");
        come_back(&world, &mut mine, &proof).await;
        assert_eq!(mine.step(), "device");
        assert!(mine.body.contains("could not be recognised"), "{}", mine.body);
    })
    .await;
}

#[tokio::test]
async fn what_is_not_exactly_such_a_proof_binds_nothing() {
    on_each_database(async |database| {
        let (world, laptop) = at_laptop(database).await;
        let mut tab = at_question(&world, "ada").await;
        let key = || Arc::new(PrivateKey::generate(Algorithm::P256).unwrap());
        let with = |name: &str, key| {
            let (id, name, chain) = (laptop.id, name.to_owned(), laptop.chain.clone());
            Laptop { id, name, chain, key }
        };
        let other_key = with(&laptop.name, key());
        let other_name = with(&format!("{}0", laptop.name), Arc::clone(&laptop.key));
        for wrong in ["issuer", "key", "name", "type", "chain", "old", "text"] {
            let asked = Asked::in_page(&tab);
            let question = asked.question();
            let claims = laptop.claims(&world, &question);
            let proof = match wrong {
                "issuer" => {
                    let elsewhere = Question { issuer: "https://evil.example", ..question };
                    laptop.signed(&world, &elsewhere)
                }
                "key" => other_key.signed(&world, &question),
                "name" => other_name.signed(&world, &question),
                "type" => laptop.signed_as("weft-on-device+jwt", &claims),
                "chain" => {
                    laptop.signed_as(TYPE, &claims.replace("\"x5c\":[\"", "\"x5c\":[\"AAAA"))
                }
                "old" => {
                    world.clock.advance(Lifetime::minutes(2));
                    laptop.signed_as(TYPE, &claims)
                }
                _ => "x.y.z".to_owned(),
            };
            come_back(&world, &mut tab, &proof).await;
            assert_eq!(tab.step(), "device", "{wrong}: {}", tab.body);
            assert!(tab.body.contains("could not be recognised"), "{wrong}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_locked_device_lets_nobody_in_and_a_lock_ends_what_it_let_in() {
    on_each_database(async |database| {
        let (world, laptop) = at_laptop(database).await;
        let mut bound = at_question(&world, "ada").await;
        let proof = laptop.signed(&world, &Asked::in_page(&bound).question());
        come_back(&world, &mut bound, &proof).await;
        bound.post(&world, "enrol", &[("decision", "later")]).await;
        let mut free = at_question(&world, "ada").await;
        let mut asked_before = free.twin();
        free.post(&world, "device", &[]).await;
        free.post(&world, "enrol", &[("decision", "later")]).await;
        to_device(&world, &mut asked_before, "ada").await;
        world.redecide(laptop.id).await;
        assert!(world.session(&bound).await.is_some(), "nothing has changed");
        let stolen = Manage::new(laptop.id, None, "stolen").unwrap();
        world.devices.lock(root(), stolen).await.unwrap();
        world.load_devices().await;
        world.redecide(laptop.id).await;
        world.load_revocations().await;
        assert!(world.session(&bound).await.is_none(), "it hangs off the locked device");
        assert!(world.session(&free).await.is_some(), "it hangs off no device");
        let proof = laptop.signed(&world, &Asked::in_page(&asked_before).question());
        come_back(&world, &mut asked_before, &proof).await;
        assert_eq!(asked_before.status, StatusCode::FORBIDDEN, "{}", asked_before.body);
        assert!(asked_before.body.contains("locked"), "{}", asked_before.body);
    })
    .await;
}
