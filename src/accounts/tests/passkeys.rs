//! Passkeys: added, shown, refused, removed.

use super::{HERE, REALM, World};
use crate::accounts::{By, Error, Passkey, PasskeyChecked, UserState};
use crate::env::Clock as _;
use crate::kernel::{Lifetime, Method, UserId};
use crate::testkit::{TestPasskey, on_each_database};

async fn add(world: &World, user: UserId, key: &mut TestPasskey) -> Result<Passkey, Error> {
    let accounts = &world.accounts;
    let challenge = accounts.register_passkey_start(REALM, user).await?;
    let response = key.create(&challenge.options);
    accounts.register_passkey_finish(REALM, user, &challenge.state, (&response, "blue")).await
}

async fn show(world: &World, key: &mut TestPasskey) -> PasskeyChecked {
    let challenge = world.accounts.passkey_challenge(REALM, None).await.unwrap();
    let response = key.get(&challenge.options);
    world.accounts.finish_passkey(REALM, &challenge.state, &response, HERE).await.unwrap()
}

/// What makes an authenticator another one.
type Bend = fn(&mut TestPasskey);

fn method(checked: PasskeyChecked) -> Option<Method> {
    match checked {
        PasskeyChecked::Yes { method, .. } => Some(method),
        PasskeyChecked::No | PasskeyChecked::Limited { .. } => None,
    }
}

#[tokio::test]
async fn a_passkey_says_who_it_is_and_how_strongly() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let ada = world.person("ada").await.id;
        let mut hardware = TestPasskey::hardware(ORIGIN);
        let mut synced = TestPasskey::synced(ORIGIN);
        let made = add(&world, ada, &mut hardware).await.unwrap();
        assert_eq!((made.name.as_str(), made.synced), ("blue", false));
        assert_eq!(made.aaguid.as_deref(), Some(TestPasskey::MODEL));
        assert!(add(&world, ada, &mut synced).await.unwrap().synced);

        let PasskeyChecked::Yes { user, method: how, passkey } = show(&world, &mut hardware).await
        else {
            panic!("refused")
        };
        assert_eq!((user, how, passkey), (ada, Method::HardwarePasskey, made.id));
        assert_eq!(method(show(&world, &mut synced).await), Some(Method::Passkey));
        let factors = world.fresh(ada).await.factors;
        assert_eq!((factors.passkeys, factors.hardware_passkeys), (2, 1));
        let keys = world.accounts.passkeys(REALM, ada).await.unwrap();
        assert!(keys.iter().all(|key| key.used_at.is_some()));
    })
    .await;
}

#[tokio::test]
async fn the_options_ask_for_a_discoverable_key_and_a_verified_user() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let ada = world.person("ada").await.id;
        let creating = world.accounts.register_passkey_start(REALM, ada).await.unwrap().options;
        let asked = &creating["publicKey"];
        assert_eq!(asked["rp"]["id"], "id.weft.test");
        assert_eq!(asked["authenticatorSelection"]["residentKey"], "required");
        assert_eq!(asked["authenticatorSelection"]["userVerification"], "required");
        assert_eq!(asked["user"]["name"], "ada");
        add(&world, ada, &mut TestPasskey::hardware(ORIGIN)).await.unwrap();
        let creating = world.accounts.register_passkey_start(REALM, ada).await.unwrap().options;
        assert_eq!(creating["publicKey"]["excludeCredentials"].as_array().unwrap().len(), 1);
        let open = world.accounts.passkey_challenge(REALM, None).await.unwrap().options;
        assert_eq!(open["publicKey"]["userVerification"], "required");
        let allowed = open["publicKey"].get("allowCredentials").and_then(|all| all.as_array());
        assert!(allowed.is_none_or(Vec::is_empty), "it says of nobody that they are here");
        let theirs = world.accounts.passkey_challenge(REALM, Some(ada)).await.unwrap().options;
        assert_eq!(theirs["publicKey"]["allowCredentials"].as_array().unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_a_phisher_a_thief_or_a_tired_library_would_send_is_refused() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let ada = world.person("ada").await.id;
        let eve = world.person("eve").await;
        let bends: [(&str, Bend); 6] = [
            ("another origin", |key| key.origin = "https://id.weft.test.evil.example".to_owned()),
            ("plain http", |key| key.origin = "http://id.weft.test".to_owned()),
            ("another relying party", |key| key.rp_id = Some("weft.test".to_owned())),
            ("user not verified", |key| key.flags = TestPasskey::PRESENT),
            ("user not present", |key| key.flags = TestPasskey::VERIFIED),
            ("another person's handle", |key| *key.user.get_mut().unwrap() = Some(vec![0; 16])),
        ];
        let mut refused = 0;
        for (what, bend) in bends {
            let mut key = TestPasskey::hardware(ORIGIN);
            add(&world, ada, &mut key).await.unwrap();
            bend(&mut key);
            assert_eq!(method(show(&world, &mut key).await), None, "{what}");
            refused += 1;
        }
        for (what, bend) in bends.into_iter().take(5) {
            let mut key = TestPasskey::hardware(ORIGIN);
            bend(&mut key);
            assert!(add(&world, ada, &mut key).await.is_err(), "{what}");
            refused += 1;
        }
        let mut stranger = TestPasskey::hardware(ORIGIN);
        *stranger.user.get_mut().unwrap() = Some(eve.id.uuid().as_bytes().to_vec());
        assert_eq!(method(show(&world, &mut stranger).await), None);
        refused += 1;
        println!("proof: passkey attacks {refused}, refused {refused}");
    })
    .await;
}

#[tokio::test]
async fn an_answer_is_good_for_its_own_challenge_person_purpose_and_five_minutes() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let accounts = &world.accounts;
        let (ada, eve) = (world.person("ada").await.id, world.person("eve").await.id);
        let mut key = TestPasskey::hardware(ORIGIN);
        add(&world, ada, &mut key).await.unwrap();
        let finish = async |state: &[u8], response: &str| {
            accounts.finish_passkey(REALM, state, response, HERE).await
        };
        let (one, two) = (
            accounts.passkey_challenge(REALM, None).await.unwrap(),
            accounts.passkey_challenge(REALM, None).await.unwrap(),
        );
        let of_one = key.get(&one.options);
        assert_eq!(finish(&two.state, &of_one).await.unwrap(), PasskeyChecked::No);
        let of_eve = accounts.passkey_challenge(REALM, Some(eve)).await.unwrap();
        let shown = key.get(&of_eve.options);
        assert_eq!(finish(&of_eve.state, &shown).await.unwrap(), PasskeyChecked::No);
        let creating = accounts.register_passkey_start(REALM, ada).await.unwrap();
        assert!(matches!(finish(&creating.state, &of_one).await, Err(Error::Spent)));
        let made = TestPasskey::hardware(ORIGIN).create(&creating.options);
        let other =
            accounts.register_passkey_finish(REALM, eve, &creating.state, (&made, "")).await;
        assert!(matches!(other, Err(Error::Spent)), "begun for another person");
        let elsewhere =
            accounts.finish_passkey(crate::kernel::RealmId(2), &one.state, &of_one, HERE);
        assert!(elsewhere.await.is_err(), "of another realm");
        for bent in [&b""[..], b"x", &one.state[1..], &vec![0; 100_000]] {
            assert!(matches!(finish(bent, &of_one).await, Err(Error::Spent)));
        }
        for garbage in ["", "{}", "null", &"[".repeat(10_000)] {
            assert_eq!(finish(&one.state, garbage).await.unwrap(), PasskeyChecked::No);
        }
        world.clock.advance(Lifetime::minutes(5));
        assert!(matches!(finish(&one.state, &of_one).await, Err(Error::Spent)), "too late");
    })
    .await;
}

#[tokio::test]
async fn a_counter_that_does_not_go_on_is_a_copy_and_of_two_at_once_one_is_refused() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let ada = world.person("ada").await.id;
        let mut key = TestPasskey::hardware(ORIGIN);
        add(&world, ada, &mut key).await.unwrap();
        *key.uses.get_mut() = 6;
        assert!(method(show(&world, &mut key).await).is_some());
        for copy in [7, 6, 1] {
            *key.uses.get_mut() = copy - 1;
            assert_eq!(method(show(&world, &mut key).await), None, "{copy}");
        }
        let mut answers = Vec::new();
        for _ in 0..10 {
            *key.uses.get_mut() = 7;
            let challenge = world.accounts.passkey_challenge(REALM, None).await.unwrap();
            answers.push((challenge.state, key.get(&challenge.options)));
        }
        // The wrong ones before are forgotten when a right one comes.
        let shows = answers
            .iter()
            .map(|(state, response)| world.accounts.finish_passkey(REALM, state, response, HERE));
        let got = futures_util::future::join_all(shows).await;
        let passed = got.into_iter().filter(|got| method(*got.as_ref().unwrap()).is_some()).count();
        assert_eq!(passed, 1);
    })
    .await;
}

#[tokio::test]
async fn a_passkey_is_one_persons_has_a_name_and_is_removed_but_for_the_last() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let accounts = &world.accounts;
        let (ada, eve) = (world.person("ada").await.id, world.person("eve").await.id);
        let mut key = TestPasskey::hardware(ORIGIN);
        let made = add(&world, ada, &mut key).await.unwrap();
        let again = add(&world, eve, &mut key).await;
        assert!(matches!(again, Err(Error::Taken { what: "passkey" })), "{again:?}");
        assert!(accounts.rename_passkey(REALM, eve, made.id, "mine").await.is_err());
        accounts.rename_passkey(REALM, ada, made.id, " green ").await.unwrap();
        assert_eq!(accounts.passkeys(REALM, ada).await.unwrap()[0].name, "green");
        let last = accounts.remove_passkey(REALM, ada, made.id, By::Themselves).await;
        assert!(matches!(last, Err(Error::LastFactor)));
        let other = add(&world, ada, &mut TestPasskey::hardware(ORIGIN)).await.unwrap();
        let not_hers = accounts.remove_passkey(REALM, eve, other.id, By::Themselves).await;
        assert!(matches!(not_hers, Err(Error::Unknown("passkey"))));
        let both = tokio::join!(
            accounts.remove_passkey(REALM, ada, made.id, By::Themselves),
            accounts.remove_passkey(REALM, ada, other.id, By::Themselves)
        );
        assert!(both.0.is_ok() != both.1.is_ok(), "one of the two stays: {both:?}");
    })
    .await;
}

#[tokio::test]
async fn an_offer_that_was_turned_off_stays_off_until_it_is_wanted_or_a_passkey_is_added() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let accounts = &world.accounts;
        let (ada, eve) = (world.person("ada").await.id, world.person("eve").await.id);
        let declined = async |user| world.fresh(user).await.passkey_declined_at;
        assert_eq!(declined(ada).await, None);
        let first = world.clock.now();
        accounts.decline_passkey(REALM, ada).await.unwrap();
        world.clock.advance(Lifetime::days(1));
        accounts.decline_passkey(REALM, ada).await.unwrap();
        assert_eq!(declined(ada).await, Some(first), "the first time counts");
        assert_eq!(declined(eve).await, None, "it is hers alone");
        let cached = accounts.user(REALM, ada).await.unwrap().unwrap();
        assert_eq!(cached.passkey_declined_at, Some(first));
        accounts.offer_passkey_again(REALM, ada).await.unwrap();
        accounts.offer_passkey_again(REALM, ada).await.unwrap();
        assert_eq!(declined(ada).await, None);
        accounts.decline_passkey(REALM, ada).await.unwrap();
        add(&world, ada, &mut TestPasskey::hardware(ORIGIN)).await.unwrap();
        assert_eq!(declined(ada).await, None, "whoever adds one has changed their mind");
        accounts.decline_passkey(REALM, eve).await.unwrap();
        accounts.reset_credentials(&super::root(), eve).await.unwrap();
        assert_eq!(declined(eve).await, None, "whoever begins anew is asked anew");
        let told = world.told().await;
        let often = |kind: &str| told.iter().filter(|told| *told == kind).count();
        assert_eq!(often("accounts.passkey_declined"), 3, "{told:?}");
        assert_eq!(often("accounts.passkey_offered_again"), 1, "{told:?}");
        let nobody = UserId::new(uuid::Uuid::nil());
        let unknown = accounts.decline_passkey(REALM, nobody).await;
        assert!(matches!(unknown, Err(Error::Unknown("user"))), "{unknown:?}");
    })
    .await;
}

#[tokio::test]
async fn a_locked_persons_passkey_is_nobodys() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let ada = world.person("ada").await.id;
        let mut key = TestPasskey::hardware(ORIGIN);
        add(&world, ada, &mut key).await.unwrap();
        world.accounts.set_state(&super::root(), ada, UserState::Locked).await.unwrap();
        assert_eq!(method(show(&world, &mut key).await), None);
    })
    .await;
}

const ORIGIN: &str = "https://id.weft.test";
