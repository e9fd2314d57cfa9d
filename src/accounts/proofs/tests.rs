//! Letters as they are read: whole, and in the right language.

use std::collections::BTreeSet;

use super::letter::{CredentialNews, Letter, LinkNews, News, Posted, Turn};
use super::mailer::Mail;
use crate::accounts::tests::{REALM, World};
use crate::accounts::{By, UserChange};
use crate::db::Engine;
use crate::http::pages::Language;
use crate::kernel::{Timestamp, UserId};
use crate::testkit::TestDatabase;

fn of_a_link(user: UserId, what: News) -> Letter {
    Letter::Link(LinkNews {
        user,
        what,
        provider: "Example Works".to_owned(),
        display: Some("ada@works.example".to_owned()),
        at: Timestamp::EPOCH,
        from: Some(("192.0.2.9".to_owned(), "Browser/1".to_owned())),
        identity: vec![1],
    })
}

#[tokio::test]
async fn each_letter_is_whole_in_each_language_with_its_link_on_a_line_of_its_own() {
    let database = TestDatabase::new(Engine::Sqlite).await;
    let world = World::new(&database).await;
    let ada = world.person("ada").await.id;
    let mail = Mail::new(world.accounts.clone()).unwrap();
    let (mut written, mut subjects, mut bodies) = (0, BTreeSet::new(), BTreeSet::new());
    let turn = |what| {
        Letter::Credential(CredentialNews { user: ada, what, at: Timestamp::EPOCH, to: None })
    };
    let letters = [
        Letter::Verify(ada),
        Letter::Move(ada, "ada@new.example.org".to_owned()),
        Letter::Recover("ada".to_owned()),
        of_a_link(ada, News::Linked),
        of_a_link(ada, News::Unlinked),
    ];
    let letters: Vec<Letter> = letters.into_iter().chain(Turn::ALL.map(turn)).collect();
    let kinds = letters.len();
    for letter in letters {
        for language in Language::ALL {
            let posted = Posted { letter: letter.clone(), language: Some(language) };
            let told = mail.write(REALM, posted).await.unwrap().unwrap();
            let all = format!("{}\n{}", told.subject, told.body);
            let holes = ["{", "}", "$", "mail-", "lasting-", "\u{2068}", "\u{2069}"];
            let hole = holes.into_iter().find(|hole| all.contains(hole));
            assert_eq!(hole, None, "{letter:?} {language:?}: {all}");
            let begins = if letter.asks().is_some() { "/account/proof/" } else { "/account" };
            let begins = format!("https://id.weft.test{begins}");
            let links = told.body.lines().filter(|line| line.starts_with(&begins)).count();
            assert_eq!(links, 1, "{letter:?} {language:?}: {all}");
            if matches!(letter, Letter::Link(_)) {
                for fact in ["Example Works", "ada@works.example", "192.0.2.9", "Browser/1"] {
                    assert!(all.contains(fact), "{fact}: {all}");
                }
            }
            assert!(all.contains("https://id.weft.test"), "{all}");
            subjects.insert(told.subject);
            bodies.insert(told.body);
            written += 1;
        }
    }
    println!(
        "proof: letters {kinds} × languages {}: {written} whole, different texts {}",
        Language::ALL.len(),
        bodies.len()
    );
    // What changed of a credential is said in the text: one subject for all of it.
    assert_eq!((kinds, written, bodies.len(), subjects.len()), (15, 45, 45, 15));
}

#[tokio::test]
async fn a_letter_is_in_the_accounts_language_else_in_that_of_the_page_else_in_english() {
    let database = TestDatabase::new(Engine::Sqlite).await;
    let world = World::new(&database).await;
    let ada = world.person("ada").await.id;
    let mail = Mail::new(world.accounts.clone()).unwrap();
    let subject = async |language| {
        let posted = Posted { letter: Letter::Verify(ada), language };
        mail.write(REALM, posted).await.unwrap().unwrap().subject
    };
    assert_eq!(subject(None).await, "Confirm your e-mail address");
    assert_eq!(subject(Some(Language::Arabic)).await, "أكّد عنوان بريدك");
    let german = UserChange { language: Some(Some("de-AT".to_owned())), ..UserChange::default() };
    world.accounts.amend(REALM, ada, german, By::Themselves).await.unwrap();
    assert_eq!(subject(Some(Language::Arabic)).await, "Bestätigen Sie Ihre E-Mail-Adresse");
}
