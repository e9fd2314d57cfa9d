//! What a provider says of somebody at a later sign-in.

use super::identities::VERIFIED;
use super::*;
use crate::accounts::{
    Attribute, AttributeName, By, Identifier, Proof, ProofKind, User, UserChange,
};
use crate::testkit::on_each_database;

fn named(name: &str, email: &str) -> Value {
    let mut claims = VERIFIED(email);
    claims["name"] = json!(name);
    claims
}

async fn user(house: &House, id: UserId) -> Arc<User> {
    house.accounts.fresh(REALM, id).await.unwrap().unwrap()
}

#[tokio::test]
async fn an_account_that_a_provider_made_has_what_it_says_at_each_sign_in() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.set("idp", json!({ "create_accounts": true })).await;
        let (id, created, _) = house.came("idp", "s1", named("Ada", "ada@corp.example")).await;
        assert!(created);
        house.came("idp", "s1", named("Ada Lovelace", "lovelace@corp.example")).await;
        let ada = user(&house, id).await;
        assert_eq!(ada.attribute(AttributeName::Name), Some("Ada Lovelace"));
        assert_eq!(ada.verified_email(), Some("lovelace@corp.example"));
        let typed = |text: &str| Identifier::typed(text).unwrap();
        let accounts = &house.accounts;
        assert!(accounts.find(REALM, &typed("ada@corp.example")).await.unwrap().is_none());
        let found = accounts.find(REALM, &typed("lovelace@corp.example")).await.unwrap();
        assert_eq!(found.map(|user| user.id), Some(id));
        // The same once more writes nothing; what it does not say stays.
        let revision = user(&house, id).await.revision;
        house.came("idp", "s1", named("Ada Lovelace", "lovelace@corp.example")).await;
        house.came("idp", "s1", json!({ "name": "Ada Lovelace" })).await;
        let ada = user(&house, id).await;
        assert_eq!((ada.revision, ada.verified_email()), (revision, Some("lovelace@corp.example")));
    })
    .await;
}

#[tokio::test]
async fn broker_rule_20_no_provider_replaces_what_was_proven_here_or_takes_anothers_address() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.set("idp", json!({ "create_accounts": true })).await;
        let (id, ..) = house.came("idp", "s1", named("Ada", "ada@corp.example")).await;
        let somebody = house.local("somebody@corp.example", true).await;
        house.came("idp", "s1", named("Ada", "somebody@corp.example")).await;
        assert_eq!(user(&house, id).await.verified_email(), Some("ada@corp.example"));
        assert_eq!(user(&house, somebody.id).await.verified_email(), Some("somebody@corp.example"));

        let now = house.keys.clock.now();
        let proof = Proof { how: ProofKind::Mail, by: "weft".to_owned(), at: now };
        let own = Attribute { value: "ada@home.example".to_owned(), proof: Some(proof) };
        let attributes = [(AttributeName::Email, Some(own.clone()))].into();
        let change = UserChange { attributes, ..UserChange::default() };
        house.accounts.amend(REALM, id, change, By::Themselves).await.unwrap();
        house.came("idp", "s1", named("Ada L.", "other@corp.example")).await;
        let ada = user(&house, id).await;
        assert_eq!(ada.attributes[&AttributeName::Email], own);
        assert_eq!(ada.attribute(AttributeName::Name), Some("Ada L."));
    })
    .await;
}

#[tokio::test]
async fn an_account_that_was_there_before_its_link_is_not_renamed_by_the_provider() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.set("idp", json!({})).await;
        let ada = house.local("ada@home.example", true).await;
        house.keys.clock.advance(Lifetime::seconds(1));
        let claims = named("Someone Else", "other@corp.example");
        house.links(ada.id, "s1", claims.clone()).await.unwrap();
        let (id, ..) = house.came("idp", "s1", claims).await;
        assert_eq!(id, ada.id);
        let now = user(&house, id).await;
        assert_eq!(now.attribute(AttributeName::Name), None);
        assert_eq!(now.verified_email(), Some("ada@home.example"));
    })
    .await;
}
