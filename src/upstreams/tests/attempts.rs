//! Attempts: one browser, one upstream, one use, ten minutes.

use super::*;
use crate::crypto::digest::from_base64url;
use crate::testkit::{TestClock, on_each_database};
use crate::upstreams::finish_sign_in::Strangers;

/// Once for every engine: the statement that uses an attempt up is the database's.
#[tokio::test]
async fn broker_rule_01_an_attempt_is_bound_to_a_browser_and_an_upstream_and_used_once() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let address = house.leave("idp").await.unwrap();
        let (asked, again) = (query(&address), query(&house.leave("idp").await.unwrap()));
        for name in ["state", "nonce", "code_challenge"] {
            let bits = from_base64url(&asked[name]).unwrap().len() * 8;
            assert_eq!(bits, 256, "{name}");
            assert_ne!(asked[name], again[name], "{name} is another in every attempt");
        }
        assert_eq!(asked["code_challenge_method"], "S256");
        assert_eq!(asked["redirect_uri"], "https://weft.test/callback/idp");

        let answered = house.provider.visit(&address);
        held(&house.back(answered.clone()).await);
        refused(&house.back(answered).await, Reason::State);

        let stranger = sha256(b"another browser");
        for binding in [Some(&stranger), None] {
            let answered = house.answer().await;
            let elsewhere = house.finish("idp", answered.clone(), binding).await;
            refused(&elsewhere, Reason::Browser);
            // A state that a stranger has shown is burnt for everybody.
            refused(&house.back(answered).await, Reason::State);
        }

        let answered = house.answer().await;
        house.wait(Lifetime::minutes(10));
        refused(&house.back(answered).await, Reason::Expired);
        let invented = Answered { state: Some("x".repeat(43)), ..Answered::default() };
        refused(&house.back(invented).await, Reason::State);
        refused(&house.back(Answered::default()).await, Reason::State);
    })
    .await;
}

#[tokio::test]
async fn broker_rule_02_each_upstream_has_its_own_callback_and_its_issuer_is_compared_letter_by_letter()
 {
    let house = House::new(&TestDatabase::new(crate::testkit::engines()[0]).await).await;
    house.set("other", json!({})).await;
    // Mix-up: what was begun at one upstream is brought to the other one's callback.
    let answered = house.answer().await;
    refused(&house.finish("other", answered, Some(&browser())).await, Reason::OtherUpstream);

    let issuer = house.provider.issuer.clone();
    for iss in [format!("{issuer}/"), issuer.to_uppercase(), format!("{issuer}:443"), String::new()]
    {
        let answered = Answered { iss: Some(iss), ..house.answer().await };
        refused(&house.back(answered).await, Reason::ResponseIssuer);
    }
    let answered = Answered { iss: None, ..house.answer().await };
    refused(&house.back(answered).await, Reason::ResponseIssuer);

    // Where the provider promises nothing, none is asked for; one that is there must be right all the same.
    house.provider.names_issuer(false);
    house.set("idp", json!({})).await;
    held(&house.back(house.answer().await).await);
    let answered =
        Answered { iss: Some("https://other.localhost".to_owned()), ..house.answer().await };
    refused(&house.back(answered).await, Reason::ResponseIssuer);
}

#[tokio::test]
async fn broker_rule_03_the_sign_in_of_an_answer_is_the_one_that_was_begun_in_this_browser() {
    let house = House::new(&TestDatabase::new(crate::testkit::engines()[0]).await).await;
    house.set("idp", json!({ "create_accounts": true })).await;
    match house.back(house.answer().await).await.unwrap() {
        Finished::Person(arrived) => {
            assert_eq!(arrived.sign_in, Some(SignInId::new(uuid::Uuid::from_u128(7))));
        }
        other => panic!("{other:?}"),
    }
    // A site that begins a sign-in of its own and has the victim's browser finish it.
    let answered = house.answer().await;
    let victim = sha256(b"the victim's browser");
    refused(&house.finish("idp", answered, Some(&victim)).await, Reason::Browser);
}

#[tokio::test]
async fn broker_rule_04_of_many_that_show_one_answer_at_once_one_wins() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let answered = house.answer().await;
        let tries = (0..8).map(|_| house.back(answered.clone()));
        let outcomes = futures_util::future::join_all(tries).await;
        let through = outcomes.iter().filter(|one| through(one)).count();
        let spent = outcomes.iter().filter(|one| reason(one) == Some(Reason::State)).count();
        assert_eq!((through, spent), (1, 7));
        assert_eq!(house.provider.asked().token, 1, "the code was redeemed once");
    })
    .await;
}

#[tokio::test]
async fn broker_rule_05_whether_an_upstream_may_be_used_is_asked_on_the_way_there_and_on_the_way_back()
 {
    let house = House::new(&TestDatabase::new(crate::testkit::engines()[0]).await).await;
    let off = json!({ "enabled": false });
    let link_only = json!({ "usage": "link_only" });
    let other_client = json!({ "client_id": "another" });
    for (change, wanted) in [(&off, Reason::Disabled), (&link_only, Reason::LinkOnly)] {
        house.set("idp", change.clone()).await;
        refused(&house.leave("idp").await, wanted);
        assert!(house.upstreams.offered(REALM, None, None).is_empty());
    }
    for (change, wanted) in
        [(off, Reason::Disabled), (link_only, Reason::LinkOnly), (other_client, Reason::Disabled)]
    {
        house.set("idp", json!({})).await;
        let answered = house.answer().await;
        house.set("idp", change).await;
        refused(&house.back(answered).await, wanted);
    }
    house.set("idp", json!({})).await;
    let answered = house.answer().await;
    house.upstreams.delete(House::by(), &upstream("idp"), None).await.unwrap();
    house.follow().await;
    refused(&house.back(answered).await, Reason::Disabled);
}

#[tokio::test]
async fn broker_rule_16_what_begins_a_link_cannot_be_guessed_and_is_bound_to_a_fresh_authentication()
 {
    let house = House::new(&TestDatabase::new(crate::testkit::engines()[0]).await).await;
    let now = house.keys.clock.now();
    let user = crate::kernel::UserId::new(uuid::Uuid::from_u128(9));
    let link = |age: Lifetime| start(Purpose::Link { user, authenticated_at: now.minus(age) });
    let stale = house.upstreams.start(REALM, &upstream("idp"), link(Lifetime::seconds(301))).await;
    assert!(matches!(stale, Err(Error::Stale(_))), "{stale:?}");
    let fresh = house.upstreams.start(REALM, &upstream("idp"), link(Lifetime::seconds(299))).await;
    let address = fresh.unwrap();
    assert_eq!(from_base64url(&query(&address)["state"]).unwrap().len(), 32);
    let answered = house.provider.visit(&address);
    let elsewhere = house.finish("idp", answered, Some(&sha256(b"another browser"))).await;
    refused(&elsewhere, Reason::Browser);
}

#[tokio::test]
async fn broker_rule_23_the_redirect_uri_is_one_exact_text_for_each_upstream() {
    let house = House::new(&TestDatabase::new(crate::testkit::engines()[0]).await).await;
    for id in ["idp", "a-2"] {
        house.set(id, json!({})).await;
        let asked = query(&house.leave(id).await.unwrap());
        assert_eq!(asked["redirect_uri"], format!("https://weft.test/callback/{id}"));
    }
    for bad in ["", "a/b", "a.b", "a%2fb", "A", "a?b", "a#b", ".."] {
        assert!(UpstreamId::parse(bad).is_err(), "{bad} would change the path");
    }
    // The provider of this test compares it at the token endpoint, too: a code for another address is refused.
    house.set("idp", json!({})).await;
    let mine = house.answer().await;
    let other = house.provider.visit(&house.leave("a-2").await.unwrap());
    let mixed = Answered { code: other.code, ..mine };
    refused(&house.back(mixed).await, Reason::CodeRefused);
}

#[tokio::test]
async fn broker_rule_24_every_attempt_has_its_challenge_and_a_code_of_another_attempt_fails_its_verifier()
 {
    let house = House::new(&TestDatabase::new(crate::testkit::engines()[0]).await).await;
    let (mine, theirs) = (house.answer().await, house.answer().await);
    // Code injection (RFC 9700 §4.5): a stolen code in an attempt of one's own.
    let injected = Answered { code: theirs.code, ..mine };
    refused(&house.back(injected).await, Reason::CodeRefused);
}

#[tokio::test]
async fn broker_rule_25_what_is_secret_is_kept_as_a_digest_or_sealed_and_compared_in_constant_time()
{
    on_each_database(async |database| {
        let house = House::new(database).await;
        let asked = query(&house.leave("idp").await.unwrap());
        let rows: Result<String, Fault> = house
            .keys
            .env
            .db
            .read(REALM, (), |tx, ()| {
                Box::pin(async move {
                    let attempts = tx.rows(ATTEMPTS, &[]).await?;
                    Ok(format!("{attempts:?} {:?}", tx.rows(UPSTREAMS, &[]).await?))
                })
            })
            .await;
        let rows = rows.unwrap();
        let shown = |text: &str| {
            let bytes = text.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
            rows.contains(text) || rows.contains(&bytes)
        };
        assert!(shown("idp"), "the rows were read: {rows}");
        for secret in [asked["state"].as_str(), &asked["nonce"], &house.provider.secret()] {
            assert!(!shown(secret));
        }
        // Neither a browser's cookie nor a client secret has a comparison that could stop early: both are `Secret` or compared
        // by `subtle`, and the answer is the same for a cookie that is wrong in its first byte or in its last.
        let mut nearly = browser();
        nearly[31] ^= 1;
        let mut far = browser();
        far[0] ^= 1;
        for wrong in [nearly, far] {
            let answered = house.answer().await;
            refused(&house.finish("idp", answered, Some(&wrong)).await, Reason::Browser);
        }
    })
    .await;
}

const ATTEMPTS: &str =
    "SELECT digest, upstream, binding, document FROM broker_transaction WHERE realm = $1";
const UPSTREAMS: &str = "SELECT id, document, secret FROM upstream WHERE realm = $1";

#[test]
fn what_went_without_an_event_is_counted_by_the_next_one_of_its_realm() {
    let clock = TestClock::new();
    let strangers = Strangers::new(Arc::new(clock.clone()));
    let (one, other) = (RealmId::FIRST, RealmId(2));
    let told: Vec<Option<u64>> = (0..150).map(|_| strangers.take(one)).collect();
    assert_eq!(told.iter().filter(|told| **told == Some(0)).count(), 100);
    assert_eq!(told.iter().filter(|told| told.is_none()).count(), 50);
    clock.advance(crate::kernel::Lifetime::millis(300));
    assert_eq!(strangers.take(other), Some(0), "another realm's are its own");
    assert_eq!(strangers.take(one), Some(50));
    assert_eq!(strangers.take(one), Some(0), "once");
    assert_eq!(strangers.take(one), None);
}
