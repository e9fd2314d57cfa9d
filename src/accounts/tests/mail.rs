//! Letters: who gets one, what their links do, and what cannot be put into them.

use super::people::external;
use super::{GOOD, HERE, REALM, World, root, secret, stranger, token_in, yes};
use crate::accounts::{
    Attribute, AttributeName, By, Error, Identifier, MailTransport, NewUser, Occasion,
    ProofPurpose, UserChange, UserState,
};
use crate::env::Clock as _;
use crate::http::Origin;
use crate::kernel::{Lifetime, Method};
use crate::testkit::{TestPasskey, on_each_database};

/// A person whose address nobody has proven.
async fn unproven(world: &World, email: &str) -> crate::kernel::UserId {
    let attribute = Attribute { value: email.to_owned(), proof: None };
    let new =
        NewUser { attributes: [(AttributeName::Email, attribute)].into(), ..NewUser::default() };
    world.accounts.create(&root(), new).await.unwrap().id
}

#[tokio::test]
async fn a_verified_address_has_its_proof_and_can_be_typed() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let ada = unproven(&world, "Ada@Example.org").await;
        world.accounts.send_verification(REALM, ada, HERE).await.unwrap();
        let letters = world.letters().await;
        assert_eq!(letters.len(), 1);
        assert!(letters[0].contains("To: Ada@example.org\r\n"), "{}", letters[0]);
        let token = token_in(&letters[0]);
        let seen = world.accounts.look_at_proof(REALM, &token).await.unwrap().unwrap();
        assert_eq!(seen.purpose, ProofPurpose::VerifyAddress);
        assert!(world.fresh(ada).await.verified_email().is_none(), "looking uses nothing");
        let verify = ProofPurpose::VerifyAddress;
        world.accounts.use_proof(REALM, &token, verify).await.unwrap();
        let proof = world.fresh(ada).await.attributes[&AttributeName::Email].proof.clone().unwrap();
        assert_eq!((proof.how.as_str(), proof.by.as_str()), ("mail", "weft"));
        let identifier = Identifier::typed("ada@example.org").unwrap();
        assert!(world.accounts.find(REALM, &identifier).await.unwrap().is_some());
        assert!(matches!(world.accounts.use_proof(REALM, &token, verify).await, Err(Error::Spent)));
    })
    .await;
}

#[tokio::test]
async fn an_administrator_asks_for_the_letter_and_nothing_is_sent_by_itself() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let ada = unproven(&world, "ada@example.org").await;
        assert_eq!(world.letters().await.len(), 0, "making somebody writes to nobody");
        let accounts = &world.accounts;
        assert!(matches!(accounts.ask_to_verify(&stranger(), ada).await, Err(Error::Refused(_))));
        accounts.ask_to_verify(&root(), ada).await.unwrap();
        let letters = world.letters().await;
        assert_eq!(letters.len(), 1);
        let token = token_in(&letters[0]);
        accounts.use_proof(REALM, &token, ProofPurpose::VerifyAddress).await.unwrap();
        assert!(world.fresh(ada).await.verified_email().is_some());
        let nobody = accounts.create(&root(), NewUser::default()).await.unwrap().id;
        assert!(matches!(accounts.ask_to_verify(&root(), nobody).await, Err(Error::Unknown(_))));
        let quiet = World::with(database, |settings| {
            settings.mail.transport = MailTransport::None;
        })
        .await;
        let asked = quiet.accounts.ask_to_verify(&root(), ada).await;
        assert!(matches!(asked, Err(Error::NoMail)), "{asked:?}");
    })
    .await;
}

#[tokio::test]
async fn a_link_for_an_address_that_changed_proves_nothing() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let ada = unproven(&world, "ada@example.org").await;
        world.accounts.send_verification(REALM, ada, HERE).await.unwrap();
        let token = token_in(&world.letters().await[0]);
        let other = Attribute { value: "victim@example.org".to_owned(), proof: None };
        let change = UserChange {
            attributes: [(AttributeName::Email, Some(other))].into(),
            ..UserChange::default()
        };
        world.accounts.amend(REALM, ada, change, By::Themselves).await.unwrap();
        let used = world.accounts.use_proof(REALM, &token, ProofPurpose::VerifyAddress).await;
        assert!(matches!(used, Err(Error::Spent)));
        assert!(world.fresh(ada).await.verified_email().is_none());
    })
    .await;
}

#[tokio::test]
async fn recovery_does_the_same_for_everybody_and_writes_only_to_a_proven_address() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        world.with_password("ada", GOOD).await;
        unproven(&world, "unproven@example.org").await;
        let locked = world.person("locked").await.id;
        world.accounts.set_state(&root(), locked, UserState::Locked).await.unwrap();
        let mut costs = Vec::new();
        for typed in [
            "ada@example.org",
            "nobody@example.org",
            "unproven@example.org",
            "locked",
            "\r\nBcc: x@y.example",
        ] {
            let count = || world.db.statements().values().sum::<u64>();
            let before = count();
            world.accounts.send_recovery(REALM, typed, HERE).await.unwrap();
            costs.push(count() - before);
        }
        assert!(costs.iter().all(|cost| *cost == costs[0]), "{costs:?}");
        let letters = world.letters().await;
        assert_eq!(letters.len(), 1, "to one of five");
        assert!(letters[0].contains("To: ada@example.org\r\n"));
        println!(
            "proof: recovery asked for {} sorts of account, each {} statements, letters {}",
            costs.len(),
            costs[0],
            letters.len()
        );
    })
    .await;
}

#[tokio::test]
async fn a_recovery_link_works_once_within_its_time_and_ends_with_the_password() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let (ada, accounts) = (world.with_password("ada", GOOD).await.id, &world.accounts);
        let recover = async || {
            world.clock.advance(Lifetime::hours(1));
            accounts.send_recovery(REALM, "ada", HERE).await.unwrap();
            token_in(&world.letters().await[0])
        };
        let used = async |token: &_| accounts.use_proof(REALM, token, ProofPurpose::Recover).await;
        let token = recover().await;
        let other = accounts.use_proof(REALM, &token, ProofPurpose::Enrol).await;
        assert!(matches!(other, Err(Error::Spent)), "for something else");
        assert_eq!(used(&token).await.unwrap().user, ada);
        assert!(matches!(used(&token).await, Err(Error::Spent)), "again");
        let late = recover().await;
        world.clock.advance(Lifetime::minutes(20));
        assert!(matches!(used(&late).await, Err(Error::Spent)), "too late");
        let before = recover().await;
        accounts
            .set_password(REALM, ada, &secret("a quite different one"), By::Themselves)
            .await
            .unwrap();
        assert!(matches!(used(&before).await, Err(Error::Spent)), "the password was changed");
        for wrong in ["", "x", &"A".repeat(43), &"A".repeat(1_000_000)] {
            assert!(matches!(used(&secret(wrong)).await, Err(Error::Spent)));
        }
        assert_eq!(world.try_password("ada", "a quite different one").await, yes(Method::Password));
        assert_eq!(accounts.forget_proofs(REALM).await.unwrap(), 2, "what is over is removed");
    })
    .await;
}

#[tokio::test]
async fn a_mailbox_is_not_filled_by_asking_again_and_again() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        world.person("ada").await;
        let mut sent = 0;
        for n in 0..50 {
            let from: std::net::IpAddr = format!("10.{n}.0.1").parse().unwrap();
            match world.accounts.send_recovery(REALM, "ada", from).await {
                Ok(()) => sent += 1,
                Err(Error::Limited { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(sent, 5);
        assert_eq!(world.letters().await.len(), 5);
    })
    .await;
}

#[tokio::test]
async fn nothing_that_a_stranger_chose_becomes_a_header_or_a_second_recipient() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let ada = world.person("ada").await.id;
        let provider = "Acme\r\nBcc: eve@evil.example\r\n\r\nVisit https://evil.example";
        let id = external("s1");
        let agent = "Browser\r\nBcc: eve@evil.example".to_owned();
        let occasion = Occasion {
            by: By::Themselves,
            provider: Some(provider.to_owned()),
            from: Some(Origin { address: HERE, agent }),
        };
        let display = Some("a\nBcc: eve@evil.example".to_owned());
        world.accounts.link(REALM, ada, (id.clone(), display), occasion).await.unwrap();
        let letters = world.letters().await;
        assert_eq!(letters.len(), 1);
        let (head, body) = letters[0].split_once("\r\n\r\n").unwrap();
        let names: Vec<&str> = head
            .lines()
            .filter(|line| !line.starts_with(' '))
            .filter_map(|line| line.split(':').next())
            .collect();
        assert_eq!(
            names,
            [
                "From",
                "To",
                "Subject",
                "Date",
                "Message-ID",
                "Content-Type",
                "Content-Transfer-Encoding"
            ]
        );
        assert!(body.lines().all(|line| !line.starts_with("Bcc:")), "{body}");
        let token = token_in(&letters[0]);
        let used = world.accounts.use_proof(REALM, &token, ProofPurpose::Unlink).await.unwrap();
        assert_eq!(used.bound_to.as_deref(), Some(&id.digest()[..]));
        let mut refused = 0;
        for bad in [
            "a@b.example\r\nBcc: c@d.example",
            "a@b.example\nX: y",
            "a@b.example, c@d.example",
            "<a@b.example>",
            "\"a\r\n\"@b.example",
            "a b@c.example",
            "a@b.example\0",
            "Name <a@b.example>",
        ] {
            assert!(AttributeName::Email.checked(bad).is_err(), "{bad:?}");
            refused += 1;
        }
        println!("proof: addresses with injections {refused}, refused {refused}");
    })
    .await;
}

#[tokio::test]
async fn a_letter_tells_of_a_link_and_of_its_end_with_who_when_and_where() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let (ada, accounts) = (world.person("ada").await.id, &world.accounts);
        let occasion = || Occasion {
            by: By::Themselves,
            provider: Some("Example Works".to_owned()),
            from: Some(Origin { address: HERE, agent: "Test/1".to_owned() }),
        };
        let identity = || (external("s1"), Some("ada@works.example".to_owned()));
        accounts.link(REALM, ada, identity(), occasion()).await.unwrap();
        // Their own once more changes nothing, and tells nothing.
        accounts.link(REALM, ada, identity(), occasion()).await.unwrap();
        let letters = world.letters().await;
        assert_eq!(letters.len(), 1);
        let now = world.clock.now().to_string();
        let facts = ["Example Works", "ada@works.example", "Test/1", &HERE.to_string(), &now];
        for fact in facts {
            assert!(letters[0].contains(fact), "{fact}: {}", letters[0]);
        }
        let token = token_in(&letters[0]);
        // A thief who changes the password does not stop its owner from taking the link back.
        accounts
            .set_password(REALM, ada, &secret("a brand new password"), By::Themselves)
            .await
            .unwrap();
        assert_eq!(world.letters().await.len(), 1, "which has a letter of its own");
        let seen = accounts.look_at_proof(REALM, &token).await.unwrap().unwrap();
        assert_eq!((seen.user, seen.purpose), (ada, ProofPurpose::Unlink));
        accounts.unlink(REALM, ada, &external("s1"), occasion()).await.unwrap();
        let letters = world.letters().await;
        assert_eq!(letters.len(), 1);
        assert!(letters[0].contains("Example Works was disconnected"), "{}", letters[0]);
        println!("proof: letters of a link and its end: 2, facts in the first {}", facts.len());
    })
    .await;
}

#[tokio::test]
async fn a_letter_tells_of_each_change_of_what_one_signs_in_with_but_the_first() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let ada = world.with_password("ada", "a good first password").await.id;
        let accounts = &world.accounts;
        assert!(world.letters().await.is_empty(), "the first thing is no news");
        let told = async |words: &str| {
            let letters = world.letters().await;
            assert_eq!(letters.len(), 1, "{words}: {letters:?}");
            let letter = letters[0].replace("=\r\n", "").replace("=3D", "=");
            assert!(letter.contains(words), "{words}: {letter}");
            assert!(letter.contains("To: ada@example.org"), "{letter}");
        };
        let new = secret("a brand new password");
        accounts.set_password(REALM, ada, &new, By::Themselves).await.unwrap();
        told("was replaced by a new one").await;
        let issuer = world.realms.all().remove(0).issuer.to_string();
        let key = TestPasskey::synced(&issuer);
        let begun = accounts.register_passkey_start(REALM, ada).await.unwrap();
        let made = key.create(&begun.options);
        let said = (&*made, "blue");
        let key = accounts.register_passkey_finish(REALM, ada, &begun.state, said).await.unwrap();
        told("a passkey was added").await;
        accounts.rename_passkey(REALM, ada, key.id, "red").await.unwrap();
        assert!(world.letters().await.is_empty(), "a name opens nothing");
        let codes = accounts.make_recovery_codes(REALM, ada).await.unwrap();
        told("new recovery codes were made").await;
        let used = accounts.check_recovery_code(REALM, ada, codes[0].expose(), HERE).await;
        assert_eq!(used.unwrap(), yes(Method::RecoveryCode));
        told("one of the recovery codes").await;
        accounts.remove_password(REALM, ada, By::Themselves).await.unwrap();
        told("was removed").await;
        assert!(accounts.remove_passkey(REALM, ada, key.id, By::Themselves).await.is_err());
        assert!(world.letters().await.is_empty(), "what did not happen is not told");
        accounts.reset_credentials(&root(), ada).await.unwrap();
        told("an administrator took").await;
    })
    .await;
}

#[tokio::test]
async fn what_waits_to_be_sent_names_nobody_in_clear() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        world.person("ada").await;
        world.accounts.send_recovery(REALM, "ada@example.org", HERE).await.unwrap();
        let read: Result<_, crate::kernel::Fault> = world
            .db
            .read(REALM, (), |tx, ()| {
                Box::pin(
                    async move { tx.rows("SELECT body FROM delivery WHERE realm = $1", &[]).await },
                )
            })
            .await;
        let rows = read.unwrap();
        let body = rows[0].bytes("body").unwrap();
        assert!(!body.windows(3).any(|window| window == b"ada"));
    })
    .await;
}
