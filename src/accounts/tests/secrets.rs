//! Passwords, one-time passwords, recovery codes, and the limits on tries.

use super::{GOOD, HERE, REALM, World, secret, yes};
use crate::accounts::{By, Checked, Error};
use crate::crypto::password::PasswordError;
use crate::env::Clock as _;
use crate::kernel::{Lifetime, Method, Secret, UserId};
use crate::testkit::{TestDatabase, on_each_database};

/// The code that an authenticator with this secret shows.
fn code_of(secret: &Secret<String>, world: &World) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret.expose()).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    let now = crate::env::Clock::now(&world.clock).seconds();
    totp.generate(u64::try_from(now).unwrap()).to_string()
}

async fn with_totp(world: &World, name: &str) -> (UserId, Secret<String>) {
    let user = world.person(name).await.id;
    let made = world.accounts.enrol_totp(REALM, user).await.unwrap();
    assert!(world.accounts.confirm_totp(REALM, user, &code_of(&made.secret, world)).await.unwrap());
    world.clock.advance(Lifetime::seconds(30));
    (user, made.secret)
}

#[tokio::test]
async fn a_password_is_theirs_under_everything_they_may_type_and_nobody_elses() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        world.with_password("ada", GOOD).await;
        world.with_password("eve", "another long password").await;
        for typed in ["ada", "ADA@example.org"] {
            assert_eq!(world.try_password(typed, GOOD).await, yes(Method::Password));
        }
        for (typed, password) in [
            ("ada", "another long password"),
            ("ada", ""),
            ("ada", "Correct horse battery"),
            ("eve", GOOD),
            ("nobody", GOOD),
            ("", GOOD),
        ] {
            assert_eq!(world.try_password(typed, password).await, Checked::No, "{typed}");
        }
        let huge = "x".repeat(10_000_000);
        assert_eq!(world.try_password("ada", &huge).await, Checked::No);
        assert_eq!(world.try_password(&huge, GOOD).await, Checked::No);
    })
    .await;
}

#[tokio::test]
async fn who_does_not_exist_costs_the_same_work_as_who_does() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        world.with_password("ada", GOOD).await;
        world.person("without").await;
        let mut costs = Vec::new();
        for typed in
            ["ada", "ada@example.org", "without", "nobody", "nobody@example.org", "+4930123456"]
        {
            let count = || world.db.statements().values().sum::<u64>();
            let (hashes, statements) = (world.accounts.hashed(), count());
            assert_eq!(world.try_password(typed, "wrong").await, Checked::No);
            costs.push((world.accounts.hashed() - hashes, count() - statements));
        }
        assert!(costs.iter().all(|cost| *cost == costs[0]), "{costs:?}");
        assert_eq!(costs[0].0, 1);
        println!(
            "proof: unknown users: {} sorts of account, each {} hash and {} statements",
            costs.len(),
            costs[0].0,
            costs[0].1
        );
    })
    .await;
}

#[tokio::test]
async fn tries_are_limited_alike_for_who_exists_and_who_does_not() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        world.with_password("ada", GOOD).await;
        let mut answers = Vec::new();
        for (typed, from) in [("ada", "198.51.100.1"), ("nobody", "203.0.113.1")] {
            let mut got = Vec::new();
            for _ in 0..8 {
                got.push(world.try_password_from(typed, "wrong", from.parse().unwrap()).await);
                world.clock.advance(Lifetime::millis(100));
            }
            answers.push(got);
        }
        assert_eq!(answers[0], answers[1]);
        assert_eq!(answers[0].iter().filter(|answer| **answer == Checked::No).count(), 5);
        // The right one is not looked at either, until it is time.
        let limited = world.try_password_from("ada", GOOD, HERE).await;
        let Checked::Limited { retry_after } = limited else { panic!("{limited:?}") };
        world.clock.advance(retry_after);
        assert_eq!(world.try_password_from("ada", GOOD, HERE).await, yes(Method::Password));
        assert_eq!(world.try_password("ada", "wrong").await, Checked::No, "and all are free again");
    })
    .await;
}

#[tokio::test]
async fn the_tries_of_one_person_are_counted_together_and_nobody_learns_whose_names_are_one() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        world.with_password("ada", GOOD).await;
        let mut answers = Vec::new();
        for name in ["ada", "nobody"] {
            let mut got = Vec::new();
            for typed in [name.to_owned(), format!("{name}@example.org")] {
                for _try in 0..5 {
                    got.push(world.try_password(&typed, "wrong").await);
                }
            }
            answers.push(got);
        }
        assert_eq!(answers[0], answers[1], "two names of one person are as two of nobody");
        assert!(answers[0].iter().all(|answer| *answer == Checked::No), "{answers:?}");
        // Under the other name five more would have been free: the right one among them is in vain.
        let another = TestDatabase::new(database.engine()).await;
        let world = World::new(&another).await;
        world.with_password("ada", GOOD).await;
        for _try in 0..5 {
            world.try_password("ada", "wrong").await;
        }
        assert_eq!(world.try_password("ada@example.org", GOOD).await, Checked::No);
        world.clock.advance(Lifetime::seconds(2));
        assert_eq!(world.try_password("ada@example.org", GOOD).await, yes(Method::Password));
        assert_eq!(world.try_password("ada@example.org", "wrong").await, Checked::No);
        assert_eq!(world.try_password("ada@example.org", GOOD).await, yes(Method::Password));
    })
    .await;
}

#[tokio::test]
async fn hammering_does_not_keep_the_owner_out_longer() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        world.with_password("ada", GOOD).await;
        for _ in 0..200 {
            world.try_password("ada", "wrong").await;
        }
        world.clock.advance(Lifetime::seconds(2));
        let from = "198.51.100.9".parse().unwrap();
        assert_eq!(world.try_password_from("ada", GOOD, from).await, yes(Method::Password));
    })
    .await;
}

#[tokio::test]
async fn a_hundred_guesses_at_once_are_a_hundred() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        world.with_password("ada", GOOD).await;
        let tries = (0..100).map(|_| world.try_password("ada", "wrong"));
        let answers = futures_util::future::join_all(tries).await;
        let looked = answers.iter().filter(|answer| **answer == Checked::No).count();
        assert_eq!(looked, 5);
        println!("proof: guesses at once 100, looked at {looked}");
    })
    .await;
}

#[tokio::test]
async fn a_try_that_is_written_after_a_later_one_is_not_too_early() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        world.with_password("ada", GOOD).await;
        let now = world.clock.now();
        world.clock.step_to(now.plus(Lifetime::hours(1)));
        assert_eq!(world.try_password("eve", "wrong").await, Checked::No, "from the same address");
        world.clock.step_to(now);
        assert!(matches!(world.try_password("ada", GOOD).await, Checked::Yes(_)));
        for _ in 0..5 {
            assert_eq!(world.try_password("bob", "wrong").await, Checked::No);
        }
        world.clock.step_to(now.minus(Lifetime::days(1)));
        let limited = world.try_password("bob", "wrong").await;
        let Checked::Limited { retry_after } = limited else { panic!("{limited:?}") };
        assert!(
            retry_after <= Lifetime::seconds(2),
            "a clock that was set back locks nobody out for a day"
        );
    })
    .await;
}

#[tokio::test]
async fn an_address_and_a_network_are_limited_over_all_accounts() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let mut from_one = 0;
        for n in 0..30 {
            let answer = world.try_password(&format!("u{n}"), "wrong").await;
            from_one += usize::from(answer == Checked::No);
        }
        assert_eq!(from_one, 20, "of one address");
        let mut from_network = 0;
        for n in 0..120 {
            let from = format!("198.51.100.{n}").parse().unwrap();
            let answer = world.try_password_from(&format!("v{n}"), "wrong", from).await;
            from_network += usize::from(answer == Checked::No);
        }
        assert_eq!(from_network, 100, "of one network");
        let from = "203.0.113.7".parse().unwrap();
        assert_eq!(
            world.try_password_from("w", "wrong", from).await,
            Checked::No,
            "others are free"
        );
    })
    .await;
}

#[tokio::test]
async fn a_new_password_has_rules_and_the_old_ones_letters_are_void() {
    on_each_database(async |database| {
        let list = tempfile::tempdir().unwrap();
        let path = list.path().join("breached");
        let digest = crate::crypto::digest::sha1(b"a password others know");
        std::fs::write(&path, crate::crypto::digest::hex(&digest[..10]).to_ascii_uppercase())
            .unwrap();
        let world =
            World::with(database, |settings| settings.breached_passwords = Some(path)).await;
        let (ada, accounts) = (world.with_password("ada", GOOD).await, &world.accounts);
        let set = async |text: &str| {
            accounts.set_password(REALM, ada.id, &secret(text), By::Themselves).await
        };
        let short = set("fourteen chars").await;
        assert!(matches!(short, Err(Error::Password(PasswordError::Short { least: 15 }))));
        let breached = set("a password others know").await;
        assert!(matches!(breached, Err(Error::Password(PasswordError::Breached))));
        let long = set(&"x".repeat(257)).await;
        assert!(matches!(long, Err(Error::Password(PasswordError::Long))));
        let token = accounts.make_enrolment(REALM, ada.id, By::Themselves).await.unwrap();
        assert!(accounts.look_at_proof(REALM, &token).await.unwrap().is_some());
        set("a quite different one").await.unwrap();
        assert!(accounts.look_at_proof(REALM, &token).await.unwrap().is_none());
        assert_eq!(world.try_password("ada", GOOD).await, Checked::No);
        assert_eq!(world.try_password("ada", "a quite different one").await, yes(Method::Password));
    })
    .await;
}

#[tokio::test]
async fn a_password_is_hashed_again_when_the_cost_changed() {
    on_each_database(async |database| {
        let cheap = World::new(database).await;
        cheap.with_password("ada", GOOD).await;
        let dear = World::with(database, |settings| settings.password_memory_kib = 128).await;
        let hash = async || {
            let read: Result<_, crate::kernel::Fault> = dear
                .db
                .read(REALM, (), |tx, ()| {
                    Box::pin(async move {
                        tx.row("SELECT hash FROM user_password WHERE realm = $1", &[]).await
                    })
                })
                .await;
            read.unwrap().unwrap().text("hash").unwrap()
        };
        assert!(hash().await.contains("m=64,"));
        assert_eq!(dear.try_password("ada", "wrong").await, Checked::No);
        assert!(hash().await.contains("m=64,"), "not by a wrong one");
        assert_eq!(dear.try_password("ada", GOOD).await, yes(Method::Password));
        assert!(hash().await.contains("m=128,"));
        assert_eq!(dear.try_password("ada", GOOD).await, yes(Method::Password));
    })
    .await;
}

#[tokio::test]
async fn a_one_time_password_works_once_in_its_time_and_one_step_to_either_side() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let (ada, secret) = with_totp(&world, "ada").await;
        let check =
            async |code: &str| world.accounts.check_totp(REALM, ada, code, HERE).await.unwrap();
        let code = code_of(&secret, &world);
        let (head, tail) = code.split_at(3);
        let spaced = format!("{head} {tail}");
        assert_eq!(check(&spaced).await, yes(Method::Totp));
        assert_eq!(check(&code).await, Checked::No, "again");
        world.clock.advance(Lifetime::seconds(30));
        assert_eq!(check(&code).await, Checked::No, "again, a step later");
        let next = code_of(&secret, &world);
        world.clock.advance(Lifetime::seconds(30));
        assert_eq!(check(&next).await, yes(Method::Totp), "a step late");
        let old = code_of(&secret, &world);
        world.clock.advance(Lifetime::seconds(60));
        assert_eq!(check(&old).await, Checked::No, "two steps late");
        for bad in ["", "123", "abcdef", "１２３４５６", &"9".repeat(100_000)] {
            let answer = check(bad).await;
            assert!(!matches!(answer, Checked::Yes(_)), "{bad}");
        }
    })
    .await;
}

#[tokio::test]
async fn of_fifty_who_show_one_code_at_once_one_gets_in() {
    on_each_database(async |database| {
        let world = World::with(database, |settings| settings.tries_per_account = 100).await;
        let (ada, secret) = with_totp(&world, "ada").await;
        let code = code_of(&secret, &world);
        let from = |n: usize| format!("10.{n}.0.1").parse().unwrap();
        let tries = (0..50).map(|n| world.accounts.check_totp(REALM, ada, &code, from(n)));
        let answers = futures_util::future::join_all(tries).await;
        let totp = answers.iter().filter(|got| matches!(got, Ok(Checked::Yes(_)))).count();
        assert_eq!(totp, 1);

        let codes = world.accounts.make_recovery_codes(REALM, ada).await.unwrap();
        let one = codes[0].expose();
        let tries = (0..50).map(|n| world.accounts.check_recovery_code(REALM, ada, one, from(n)));
        let answers = futures_util::future::join_all(tries).await;
        let recovery = answers.iter().filter(|got| matches!(got, Ok(Checked::Yes(_)))).count();
        assert_eq!(recovery, 1);

        let token = world.accounts.make_enrolment(REALM, ada, By::Themselves).await.unwrap();
        let enrol = crate::accounts::ProofPurpose::Enrol;
        let uses = (0..50).map(|_| world.accounts.use_proof(REALM, &token, enrol));
        let answers = futures_util::future::join_all(uses).await;
        let proofs = answers.iter().filter(|got| got.is_ok()).count();
        assert_eq!(proofs, 1);
        println!("proof: one secret 50 times at once: one-time password {totp}, recovery code {recovery}, link {proofs}");
    })
    .await;
}

#[tokio::test]
async fn a_new_authenticator_counts_once_it_has_shown_a_code() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let (ada, old) = with_totp(&world, "ada").await;
        let accounts = &world.accounts;
        let new = accounts.enrol_totp(REALM, ada).await.unwrap();
        assert!(new.uri.expose().starts_with("otpauth://totp/"), "{}", new.uri.expose());
        let check = async |code: &str| accounts.check_totp(REALM, ada, code, HERE).await.unwrap();
        assert_eq!(check(&code_of(&old, &world)).await, yes(Method::Totp));
        assert!(!accounts.confirm_totp(REALM, ada, "000000").await.unwrap());
        world.clock.advance(Lifetime::seconds(30));
        let shown = code_of(&new.secret, &world);
        assert!(accounts.confirm_totp(REALM, ada, &shown).await.unwrap());
        assert_eq!(check(&shown).await, Checked::No, "the code that confirmed it is used");
        assert_eq!(check(&code_of(&old, &world)).await, Checked::No);
        world.clock.advance(Lifetime::seconds(30));
        assert_eq!(check(&code_of(&new.secret, &world)).await, yes(Method::Totp));
        accounts.remove_totp(REALM, ada, By::Themselves).await.unwrap();
        assert!(!world.fresh(ada).await.factors.totp);
    })
    .await;
}

#[tokio::test]
async fn ten_recovery_codes_work_once_each_and_new_ones_end_the_old() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let (ada, accounts) = (world.person("ada").await.id, &world.accounts);
        let eve = world.person("eve").await.id;
        let codes = accounts.make_recovery_codes(REALM, ada).await.unwrap();
        assert_eq!(codes.len(), 10);
        let check = async |who, code: &str| {
            accounts.check_recovery_code(REALM, who, code, HERE).await.unwrap()
        };
        assert_eq!(check(eve, codes[0].expose()).await, Checked::No, "another person's");
        for code in &codes[..5] {
            assert_eq!(check(ada, &code.expose().to_uppercase()).await, yes(Method::RecoveryCode));
            assert_eq!(check(ada, code.expose()).await, Checked::No);
        }
        assert_eq!(world.fresh(ada).await.factors.recovery_codes, 5);
        accounts.make_recovery_codes(REALM, ada).await.unwrap();
        assert_eq!(check(ada, codes[9].expose()).await, Checked::No);
        assert_eq!(world.fresh(ada).await.factors.recovery_codes, 10);
    })
    .await;
}
