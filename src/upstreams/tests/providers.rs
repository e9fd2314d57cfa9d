//! Bad days of providers: one that is away, one that hangs, one that comes back.

use super::*;
use crate::testkit::engines;

#[tokio::test]
async fn a_provider_that_is_away_is_remembered_for_a_day_and_no_longer() {
    let house = House::new(&TestDatabase::new(engines()[0]).await).await;
    held(&house.go(&[]).await);
    house.provider.lie(&[Lie::MetadataDown]);
    house.wait(Lifetime::hours(23));
    held(&house.back(house.answer().await).await);
    house.wait(Lifetime::hours(2));
    refused(&house.leave("idp").await, Reason::Discovery);
    house.provider.lie(&[]);
    house.wait(Lifetime::seconds(11));
    held(&house.back(house.answer().await).await);
}

#[tokio::test]
async fn a_provider_that_is_away_is_asked_once_in_ten_seconds() {
    let house = House::new(&TestDatabase::new(engines()[0]).await).await;
    house.provider.lie(&[Lie::MetadataDown]);
    for _ in 0..5 {
        refused(&house.leave("idp").await, Reason::Discovery);
    }
    assert_eq!(house.provider.asked().metadata, 1);
}

#[tokio::test]
async fn a_provider_that_hangs_keeps_nobody_waiting_but_its_own() {
    let house = House::new(&TestDatabase::new(engines()[0]).await).await;
    let other =
        FakeUpstream::start_at(("other", house.other_port), Arc::new(house.keys.clock.clone()));
    let settings = with(other.settings(), json!({}));
    house.try_set("other", &settings).await.unwrap();
    house.provider.lie(&[Lie::MetadataSlow]);
    let waiting = house.leave("idp");
    let through = async {
        for _ in 0..10 {
            let address = house.leave("other").await.unwrap();
            other.visit(&address);
        }
    };
    // Ten sign-ins at the other provider are begun before the first one is given up at this one.
    let first = futures_util::future::select(Box::pin(waiting), Box::pin(through)).await;
    assert!(matches!(first, futures_util::future::Either::Right(_)));
}

#[tokio::test]
async fn whoever_must_authenticate_anew_is_asked_to_and_it_is_checked() {
    let house = House::new(&TestDatabase::new(engines()[0]).await).await;
    let fresh = Start { fresh: true, ..start(Purpose::SignIn) };
    let address = house.upstreams.start(REALM, &upstream("idp"), fresh).await.unwrap();
    let asked = query(&address);
    assert_eq!((asked["prompt"].as_str(), asked["max_age"].as_str()), ("login", "0"));
    held(&house.back(house.provider.visit(&address)).await);
}

#[tokio::test]
async fn the_home_of_an_address_comes_first_and_a_client_may_limit_the_rest() {
    let house = House::new(&TestDatabase::new(engines()[0]).await).await;
    house.set("idp", json!({ "display_name": "Alpha" })).await;
    house.set("home", json!({ "display_name": "Beta", "domains": ["corp.example"] })).await;
    house.set("off", json!({ "display_name": "Gamma", "enabled": false })).await;
    let names = |among: Option<&[UpstreamId]>, domain| {
        let offers = house.upstreams.offered(REALM, among, domain);
        offers.into_iter().map(|offer| (offer.id.to_string(), offer.home)).collect::<Vec<_>>()
    };
    let pair = |id: &str, home| (id.to_owned(), home);
    assert_eq!(names(None, None), [pair("idp", false), pair("home", false)]);
    assert_eq!(names(None, Some("CORP.example")), [pair("home", true), pair("idp", false)]);
    assert_eq!(names(None, Some("sub.corp.example")), [pair("idp", false), pair("home", false)]);
    assert_eq!(names(Some(&[upstream("idp")]), Some("corp.example")), [pair("idp", false)]);
}

#[tokio::test]
async fn a_test_shows_the_claims_and_what_is_made_of_them_and_signs_nobody_in() {
    let house = House::new(&TestDatabase::new(engines()[0]).await).await;
    house
        .set(
            "idp",
            json!({
                "enabled": false,
                "groups": "claims.groups",
                "group_map": { "eng": "engineers" },
            }),
        )
        .await;
    let id = upstream("idp");
    let begun = house.upstreams.test(House::by(), &id, None).await.unwrap();
    let (url, test) = begun.browser.unwrap();
    assert_eq!((begun.connection, begun.keys), (None, vec!["one".to_owned()]));
    let waiting = house.upstreams.test_outcome(House::by(), &id, &test).await.unwrap();
    assert!(waiting.outcome.is_none());
    house.provider.person("ann", json!({ "groups": ["eng", "all"] }), json!({ "name": "Ann" }));
    // Another browser than any that began a sign-in here.
    let finished = house.finish("idp", house.provider.visit(&url), None).await;
    assert!(matches!(finished, Ok(Finished::Tested)), "{finished:?}");
    let outcome = house.upstreams.test_outcome(House::by(), &id, &test).await.unwrap().outcome;
    let outcome = outcome.unwrap();
    assert_eq!(outcome.claims["sub"], "ann");
    let mapped = outcome.assertion.unwrap().mapped;
    assert_eq!(mapped.groups.into_iter().collect::<Vec<_>>(), ["engineers"]);
    assert_eq!(outcome.verdict, "refused: the upstream is off");
    house.wait(Lifetime::minutes(11));
    let over = house.upstreams.test_outcome(House::by(), &id, &test).await;
    assert!(matches!(over, Err(Error::NoTest)), "{over:?}");
}

#[tokio::test]
async fn an_attempt_of_a_person_is_no_test() {
    let house = House::new(&TestDatabase::new(engines()[0]).await).await;
    let asked = query(&house.leave("idp").await.unwrap());
    let digest = crate::crypto::digest::hex(&sha256(asked["state"].as_bytes()));
    let looked = house.upstreams.test_outcome(House::by(), &upstream("idp"), &digest).await;
    assert!(matches!(looked, Err(Error::NoTest)), "{looked:?}");
}
