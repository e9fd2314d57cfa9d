//! The letter that proves an e-mail address, asked for on one's own page.

use http::StatusCode;

use super::world::{House, REALM};
use crate::accounts::{Attribute, AttributeName, By, User, UserChange};
use crate::signin::tests::world::{Tab, link_in};
use crate::testkit::on_each_database;

/// Somebody whose new address nobody has proven.
async fn moved(house: &House, user: &User, email: &str) {
    let other = Attribute { value: email.to_owned(), proof: None };
    let attributes = [(AttributeName::Email, Some(other))].into();
    let change = UserChange { attributes, ..UserChange::default() };
    house.server().accounts.amend(REALM, user.id, change, By::Themselves).await.unwrap();
}

#[tokio::test]
async fn an_address_nobody_has_proven_has_a_button_beside_it_until_its_letter_was_followed() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let ada = house.person("ada").await;
        let mut tab = Tab::new();
        house.sign_in(&mut tab, "ada").await;
        tab.get(&house, "/account").await;
        assert!(!tab.body.contains("id=\"unproven\""), "a proven address wants nothing");
        tab.post_to(&house, "/account/verification", &[]).await;
        assert_eq!(tab.location().as_deref(), Some("/account"), "and gets no letter");

        moved(&house, &ada, "ada@new.example.org").await;
        tab.get(&house, "/account").await;
        assert!(tab.body.contains("id=\"unproven\""), "{}", tab.body);
        assert!(tab.body.contains("ada@new.example.org"), "{}", tab.body);
        tab.post_to(&house, "/account/verification", &[]).await;
        assert_eq!(tab.location().as_deref(), Some("/account?done=letter-sent"));
        tab.get(&house, "/account?done=letter-sent").await;
        assert!(tab.body.contains("The letter is on its way"), "{}", tab.body);
        let letters = house.letters(1).await;
        assert_eq!(letters.len(), 1, "one letter, and none from before");
        assert!(letters[0].contains("To: ada@new.example.org"), "{}", letters[0]);

        let link = link_in(&letters[0]);
        tab.get(&house, &link).await;
        assert!(house.user(&ada).await.verified_email().is_none(), "looking proves nothing");
        tab.post_to(&house, &link, &[]).await;
        assert_eq!(tab.status, StatusCode::OK, "{}", tab.body);
        assert_eq!(house.user(&ada).await.verified_email(), Some("ada@new.example.org"));
        tab.get(&house, "/account").await;
        assert!(!tab.body.contains("id=\"unproven\""), "{}", tab.body);
    })
    .await;
}

#[tokio::test]
async fn letters_are_limited_and_the_page_says_so() {
    let house = House::start().await;
    let ada = house.person("ada").await;
    let mut tab = Tab::new();
    house.sign_in(&mut tab, "ada").await;
    moved(&house, &ada, "ada@new.example.org").await;
    let (mut sent, mut limited) = (0, 0);
    for _ in 0..8 {
        tab.post_to(&house, "/account/verification", &[]).await;
        match tab.location().as_deref() {
            Some("/account?done=letter-sent") => sent += 1,
            Some("/account?wrong=limited") => limited += 1,
            other => panic!("{other:?}"),
        }
    }
    tab.get(&house, "/account?wrong=limited").await;
    assert!(tab.body.contains("too many tries"), "{}", tab.body);
    // What an administrator asks for is counted with it, and comes from no address.
    let asked = house.server().accounts.ask_to_verify(&house.by(), ada.id).await;
    assert!(matches!(asked, Err(crate::accounts::Error::Limited { .. })), "{asked:?}");
    println!("proof: letters asked for by one person at once 8, posted {sent}, refused {limited}");
    assert_eq!((sent, limited), (5, 3));
}
