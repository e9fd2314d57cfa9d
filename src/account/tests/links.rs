//! Identities at another provider: linked by whoever shows that the account is theirs, told of by mail, taken back.

use http::StatusCode;
use serde_json::{Value, json};

use super::world::{ADDRESS, House, REALM};
use crate::accounts::User;
use crate::kernel::Lifetime;
use crate::sessions::SessionCookie;
use crate::signin::tests::world::{GOOD, Tab, link_in};
use crate::testkit::{FakeUpstream, Lie, on_each_database};

/// Comes by the button of the sign-in page.
async fn by_provider(house: &House, tab: &mut Tab, provider: &FakeUpstream) {
    tab.get(house, "/account").await;
    tab.follow(house).await;
    tab.post(house, "upstream", &[("upstream", "idp")]).await;
    assert!(tab.body.contains("Example Works"), "{}", tab.body);
    house.through(tab, provider).await;
}

async fn links(house: &House, user: &User) -> usize {
    house.server().accounts.links(REALM, user.id).await.unwrap().len()
}

fn of_address(email: &str) -> Value {
    json!({ "email": email, "email_verified": true })
}

#[tokio::test]
async fn an_address_that_is_somebodys_leads_to_their_proof_and_then_to_the_question() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let ada = house.person("ada").await;
        let provider = house.provider(json!({ "create_accounts": true })).await;
        provider.person("ada-there", of_address("Ada@example.org"), json!({}));
        let mut tab = Tab::new();
        by_provider(&house, &mut tab, &provider).await;
        assert_eq!(tab.step(), "password", "{}", tab.body);
        assert!(tab.body.contains("Show that it is yours"), "{}", tab.body);
        assert!(!tab.jar.contains_key(SessionCookie::NAME), "nobody is signed in");
        tab.post(&house, "password", &[("password", "wrong horse battery")]).await;
        assert_eq!((tab.step(), links(&house, &ada).await), ("password".to_owned(), 0));
        house.show_password(&mut tab, "").await;
        assert_eq!(tab.step(), "link", "{}", tab.body);
        assert_eq!(links(&house, &ada).await, 0, "nothing is linked that nobody said yes to");
        tab.post(&house, "link", &[("decision", "link")]).await;
        if tab.step() == "enrol" {
            tab.post(&house, "enrol", &[("decision", "later")]).await;
        }
        assert_eq!(tab.location().as_deref(), Some("/account"), "{}", tab.body);
        assert_eq!(links(&house, &ada).await, 1);
        let letters = house.letters(1).await;
        for fact in ["Example Works", "Ada@example.org", "Test/1", &ADDRESS.to_string()] {
            assert!(letters[0].contains(fact), "{fact}: {}", letters[0]);
        }
        // From now on the provider is enough.
        let mut next = Tab::new();
        by_provider(&house, &mut next, &provider).await;
        assert_eq!(next.location().as_deref(), Some("/account"), "{}", next.body);
        // It was not her after all: the letter's button takes it back, and signs everybody out.
        let link = link_in(&letters[0]);
        let mut reader = Tab::new();
        reader.get(&house, &link).await;
        assert!(reader.body.contains("disconnects the other account"), "{}", reader.body);
        assert_eq!(links(&house, &ada).await, 1, "looking does nothing");
        reader.post_to(&house, &link, &[]).await;
        assert_eq!(reader.status, StatusCode::OK, "{}", reader.body);
        assert_eq!(links(&house, &ada).await, 0);
        let left = house.server().sessions.list(REALM, ada.id).await.unwrap();
        assert!(left.is_empty(), "{left:?}");
        assert!(house.letters(1).await[0].contains("was disconnected"));
        reader.post_to(&house, &link, &[]).await;
        assert_eq!(reader.status, StatusCode::GONE, "it works once");
    })
    .await;
}

#[tokio::test]
async fn nobody_is_linked_by_another_accounts_proof_by_mail_or_without_a_yes() {
    let house = House::start().await;
    let (ada, eve) = (house.person("ada").await, house.person("eve").await);
    let provider = house.provider(json!({})).await;
    provider.person("ada-there", of_address("ada@example.org"), json!({}));
    let mut refused = 0;
    // Eve, signed in in this browser, comes with Ada's address: her session is no proof, and nor is her name.
    let mut tab = Tab::new();
    house.sign_in(&mut tab, "eve").await;
    tab.jar.remove(SessionCookie::NAME);
    by_provider(&house, &mut tab, &provider).await;
    assert_eq!(tab.step(), "password");
    tab.post(&house, "select", &[("account", "other")]).await;
    assert_eq!(tab.step(), "identify", "as somebody else: from the beginning");
    house.show_password(&mut tab, "eve").await;
    assert_eq!(tab.location().as_deref(), Some("/account"), "{}", tab.body);
    assert_eq!((links(&house, &ada).await, links(&house, &eve).await), (0, 0));
    refused += 1;
    // Ada's mail lets her in and changes her password; the identity that was waiting is forgotten.
    let mut tab = Tab::new();
    by_provider(&house, &mut tab, &provider).await;
    tab.post(&house, "way", &[("way", "mail")]).await;
    tab.post(&house, "recover", &[("identifier", "ada@example.org")]).await;
    let link = link_in(&house.letters(1).await[0]);
    tab.post_to(&house, &link, &[]).await;
    tab.follow(&house).await;
    assert_eq!(tab.step(), "new-password", "{}", tab.body);
    tab.post(&house, "new-password", &[("password", GOOD), ("repeated", GOOD)]).await;
    assert_ne!(tab.step(), "link", "{}", tab.body);
    assert_eq!(links(&house, &ada).await, 0);
    refused += 1;
    // Ada says no, and is signed in all the same.
    let mut tab = Tab::new();
    by_provider(&house, &mut tab, &provider).await;
    house.show_password(&mut tab, "").await;
    tab.post(&house, "link", &[("decision", "no")]).await;
    if tab.step() == "enrol" {
        tab.post(&house, "enrol", &[("decision", "later")]).await;
    }
    assert_eq!(tab.location().as_deref(), Some("/account"), "{}", tab.body);
    assert_eq!(links(&house, &ada).await, 0);
    refused += 1;
    // She says yes ten minutes later: she shows her password once more.
    let mut tab = Tab::new();
    by_provider(&house, &mut tab, &provider).await;
    house.show_password(&mut tab, "").await;
    house.clock.advance(Lifetime::minutes(10));
    tab.post(&house, "link", &[("decision", "link")]).await;
    assert_eq!((tab.step(), links(&house, &ada).await), ("password".to_owned(), 0));
    house.show_password(&mut tab, "").await;
    tab.post(&house, "link", &[("decision", "link")]).await;
    assert_eq!(links(&house, &ada).await, 1);
    refused += 1;
    println!("proof: links that nobody proved just now {refused}, made 0");
}

#[tokio::test]
async fn two_sign_ins_that_race_to_link_one_identity_link_it_once() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let provider = house.provider(json!({})).await;
        let mut tabs = Vec::new();
        for name in ["ada", "eve"] {
            house.person(name).await;
            // The provider says another address of the same person each time.
            provider.person("one", of_address(&format!("{name}@example.org")), json!({}));
            let mut tab = Tab::new();
            by_provider(&house, &mut tab, &provider).await;
            house.show_password(&mut tab, "").await;
            assert_eq!(tab.step(), "link", "{}", tab.body);
            tabs.push(tab);
        }
        let (mut two, mut one) = (tabs.pop().unwrap(), tabs.pop().unwrap());
        let yes = [("decision", "link")];
        tokio::join!(one.post(&house, "link", &yes), two.post(&house, "link", &yes));
        let told = [&one.body, &two.body].map(|body| body.contains("belongs to somebody else"));
        assert_eq!(told.iter().filter(|lost| **lost).count(), 1, "{}\n{}", one.body, two.body);
        println!("proof: sign-ins racing to link one identity 2: linked 1, told so 1");
    })
    .await;
}

#[tokio::test]
async fn a_link_begins_on_the_account_page_shortly_after_something_was_shown() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let ada = house.person("ada").await;
        let provider = house.provider(json!({ "usage": "link_only" })).await;
        provider.person("ada-there", json!({ "email": "a@works.example" }), json!({}));
        let mut tab = Tab::new();
        house.sign_in(&mut tab, "ada").await;
        tab.get(&house, "/account/providers").await;
        assert!(tab.body.contains("id=\"link-idp\""), "{}", tab.body);
        house.clock.advance(Lifetime::minutes(6));
        tab.post_to(&house, "/account/providers/link", &[("upstream", "idp")]).await;
        tab.follow(&house).await;
        house.show_password(&mut tab, "ada").await;
        assert_eq!(tab.location().as_deref(), Some("/account/providers"), "{}", tab.body);
        // She turns back there: the page says so.
        tab.post_to(&house, "/account/providers/link", &[("upstream", "idp")]).await;
        provider.lie(&[Lie::AnswerError]);
        house.through(&mut tab, &provider).await;
        provider.lie(&[]);
        assert_eq!(tab.location().as_deref(), Some("/account/providers?wrong=provider-ended"));
        let path = tab.location().unwrap();
        tab.get(&house, &path).await;
        assert!(tab.body.contains("did not let you in"), "{}", tab.body);
        // She signed out before she came back.
        tab.post_to(&house, "/account/providers/link", &[("upstream", "idp")]).await;
        let mut gone = tab.twin();
        gone.body.clone_from(&tab.body);
        gone.jar.remove(SessionCookie::NAME);
        house.through(&mut gone, &provider).await;
        assert_eq!(gone.location().as_deref(), Some("/account/providers?wrong=provider-again"));
        assert_eq!(links(&house, &ada).await, 0);
        tab.post_to(&house, "/account/providers/link", &[("upstream", "idp")]).await;
        house.through(&mut tab, &provider).await;
        assert_eq!(
            tab.location().as_deref(),
            Some("/account/providers?done=linked"),
            "{}",
            tab.body
        );
        tab.get(&house, "/account/providers").await;
        assert!(tab.body.contains("a@works.example"), "{}", tab.body);
        assert_eq!(links(&house, &ada).await, 1);
        assert_eq!(house.letters(1).await.len(), 1);
        // And it goes as it came.
        let (_, rest) = tab.body.split_once("name=\"link\" value=\"").unwrap();
        let name = rest.split('"').next().unwrap().to_owned();
        tab.post_to(&house, "/account/providers/unlink", &[("link", &name)]).await;
        assert_eq!(tab.location().as_deref(), Some("/account/providers?done=removed"));
        assert_eq!(links(&house, &ada).await, 0);
        assert!(house.letters(1).await[0].contains("was disconnected"));
    })
    .await;
}

#[tokio::test]
async fn a_refused_answer_leads_back_to_its_sign_in_which_says_why() {
    let house = House::start().await;
    house.person("ada").await;
    let provider = house.provider(json!({})).await;
    let cases: [(&[Lie], &str); 3] = [
        (&[Lie::AnswerError], "did not let you in"),
        (&[Lie::AnswerIssuer], "was not accepted"),
        (&[], "Nobody here is linked"),
    ];
    for (lies, words) in cases {
        provider.person("nobody", json!({}), json!({}));
        let mut tab = Tab::new();
        tab.get(&house, "/account").await;
        tab.follow(&house).await;
        tab.post(&house, "upstream", &[("upstream", "idp")]).await;
        provider.lie(lies);
        house.through(&mut tab, &provider).await;
        provider.lie(&[]);
        assert_eq!((tab.status, tab.step()), (StatusCode::OK, "identify".to_owned()), "{words}");
        assert!(tab.body.contains(words), "{words}: {}", tab.body);
        assert!(!tab.jar.contains_key("__Host-weft-provider"), "nobody was let in there");
        house.show_password(&mut tab, "ada").await;
        assert_eq!(tab.location().as_deref(), Some("/account"), "the sign-in goes on");
    }
    // An answer that no sign-in of this browser waits for stays a page for itself.
    let mut tab = Tab::new();
    tab.get(&house, "/callback/idp?state=x&code=y").await;
    assert_eq!(tab.status, StatusCode::CONFLICT);
}
