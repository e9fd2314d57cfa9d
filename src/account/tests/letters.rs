//! The letter that proves an e-mail address, asked for on one's own page.

use http::StatusCode;

use super::world::{House, REALM};
use crate::accounts::{Attribute, AttributeName, By, Identifier, User, UserChange};
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

#[tokio::test]
async fn a_new_address_counts_once_its_letter_was_followed_by_its_person_and_the_old_one_is_told() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let ada = house.person("ada").await;
        let old = ada.verified_email().unwrap().to_owned();
        let mut tab = Tab::new();
        house.sign_in(&mut tab, "ada").await;
        tab.post_to(&house, "/account/email", &[("address", "ada@new.example.org")]).await;
        assert_eq!(tab.location().as_deref(), Some("/account/data?done=letter-sent"), "{}", tab.body);
        let letters = house.letters(1).await;
        assert!(letters[0].contains("To: ada@new.example.org"), "{}", letters[0]);
        assert_eq!(house.user(&ada).await.verified_email(), Some(&*old), "asking changes nothing");

        // Whoever reads the mail there, and is nobody here or somebody else: they cannot give their address to this account.
        let link = link_in(&letters[0]);
        let mut stranger = Tab::new();
        stranger.post_to(&house, &link, &[]).await;
        assert_eq!(stranger.status, StatusCode::FORBIDDEN, "{}", stranger.body);
        house.person("eve").await;
        house.sign_in(&mut stranger, "eve").await;
        stranger.post_to(&house, &link, &[]).await;
        assert_eq!(stranger.status, StatusCode::FORBIDDEN, "{}", stranger.body);
        assert_eq!(house.user(&ada).await.verified_email(), Some(&*old));

        tab.get(&house, &link).await;
        assert_eq!(house.user(&ada).await.verified_email(), Some(&*old), "looking changes nothing");
        tab.post_to(&house, &link, &[]).await;
        assert_eq!(tab.status, StatusCode::OK, "{}", tab.body);
        let now = house.user(&ada).await;
        assert_eq!(now.verified_email(), Some("ada@new.example.org"));
        let typed = |address: &str| now.identifiers.contains(&Identifier::email(address).unwrap());
        assert!(typed("ada@new.example.org") && !typed(&old), "{:?}", now.identifiers);
        let told = house.letters(1).await;
        assert!(told[0].contains(&format!("To: {old}")), "{}", told[0]);
        assert!(!told[0].contains("new.example.org"), "where to is no business of its: {}", told[0]);
        tab.post_to(&house, &link, &[]).await;
        assert_eq!(tab.status, StatusCode::GONE, "once");
        println!("proof: address changed by its letter 1, by strangers with the link 0, the old one told 1");
    })
    .await;
}

#[tokio::test]
async fn whether_a_new_address_is_somebodys_already_is_told_to_nobody() {
    let house = House::start().await;
    let ada = house.person("ada").await;
    let eve = house.person("eve").await;
    let mut tab = Tab::new();
    house.sign_in(&mut tab, "eve").await;
    let mut answers = Vec::new();
    let theirs = ada.verified_email().unwrap().to_owned();
    for address in ["nobody@example.org", theirs.as_str()] {
        tab.post_to(&house, "/account/email", &[("address", address)]).await;
        answers.push((tab.status, tab.location(), tab.body.clone()));
        let letters = house.letters(1).await;
        assert!(letters[0].contains(&format!("To: {address}")), "{}", letters[0]);
    }
    assert_eq!(answers[0], answers[1]);
    for bad in
        ["", "eve", "eve@", "a@b.example, c@d.example", "eve@example.org\r\nBcc: x@y.example"]
    {
        tab.post_to(&house, "/account/email", &[("address", bad)]).await;
        assert_eq!(tab.location().as_deref(), Some("/account/data?wrong=address"), "{bad}");
    }
    assert_eq!(house.user(&eve).await.verified_email(), eve.verified_email());
}
