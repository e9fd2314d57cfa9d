//! Rules about tokens, keys and requests.

use super::*;
use crate::testkit::engines;

async fn house() -> House {
    House::new(&TestDatabase::new(engines()[0]).await).await
}

/// Each lie is refused for its own reason, and on record; the truth goes through before and after.
async fn check(house: &House, table: &[(Lie, Reason)]) {
    held(&house.go(&[]).await);
    for (lie, wanted) in table {
        let outcome = house.go(&[*lie]).await;
        assert_eq!(reason(&outcome), Some(*wanted), "{lie:?}: {outcome:?}");
        assert_eq!(house.refusals().await[0], wanted.code(), "{lie:?} is on record");
    }
    held(&house.go(&[]).await);
}

#[tokio::test]
async fn broker_rule_06_the_algorithm_is_the_upstreams_and_no_header_brings_a_key() {
    let house = house().await;
    let table = [
        (Lie::AlgorithmNone, Reason::Algorithm),
        (Lie::AlgorithmHmac, Reason::Algorithm),
        (Lie::AlgorithmOther, Reason::Algorithm),
        (Lie::HeaderKey, Reason::IdTokenHeader),
        (Lie::HeaderKeyUrl, Reason::IdTokenHeader),
        (Lie::HeaderCertificateUrl, Reason::IdTokenHeader),
        (Lie::HeaderCritical, Reason::IdTokenHeader),
        (Lie::HeaderType, Reason::IdTokenForm),
        (Lie::Encrypted, Reason::IdTokenForm),
    ];
    check(&house, &table).await;
    // The provider may sign with more than is pinned: what counts is the upstream.
    house.set("idp", json!({ "algorithms": ["RS256"] })).await;
    refused(&house.back(house.answer().await).await, Reason::Algorithm);
    for bad in
        [json!([]), json!(["none"]), json!(["HS256"]), json!(["ES256", "HS512"]), json!(["es256"])]
    {
        let outcome = Terms::of(&house.settings(json!({ "algorithms": bad })));
        assert!(matches!(outcome, Err(Error::Invalid { field: "algorithms", .. })), "{outcome:?}");
    }
}

#[tokio::test]
async fn broker_rule_07_every_claim_that_a_token_needs_is_there_and_right() {
    let house = house().await;
    let table = [
        (Lie::Issuer, Reason::Issuer),
        (Lie::NoIssuer, Reason::Issuer),
        (Lie::Audience, Reason::Audience),
        (Lie::NoAudience, Reason::Audience),
        (Lie::Audiences, Reason::AuthorizedParty),
        (Lie::AuthorizedParty, Reason::AuthorizedParty),
        (Lie::Expired, Reason::TokenExpired),
        (Lie::NoExpiry, Reason::TokenExpired),
        (Lie::IssuedAhead, Reason::IssuedAt),
        (Lie::IssuedBefore, Reason::IssuedAt),
        (Lie::NoIssuedAt, Reason::IssuedAt),
        (Lie::Nonce, Reason::Nonce),
        (Lie::NoNonce, Reason::Nonce),
        (Lie::NoSubject, Reason::Subject),
        (Lie::EmptySubject, Reason::Subject),
        (Lie::LongSubject, Reason::Subject),
        (Lie::TwoSubjects, Reason::IdTokenForm),
        (Lie::ClaimType, Reason::IdTokenForm),
        (Lie::AccessTokenHash, Reason::AccessTokenHash),
        (Lie::NoIdToken, Reason::NoIdToken),
        (Lie::UserinfoSubject, Reason::UserinfoSubject),
        (Lie::UserinfoNoSubject, Reason::UserinfoSubject),
        (Lie::UserinfoTwice, Reason::Userinfo),
    ];
    check(&house, &table).await;
}

#[tokio::test]
async fn broker_rule_07_the_clock_of_a_provider_may_be_off_by_as_much_as_is_set_and_no_more() {
    let house = house().await;
    // `Expired` is 31 seconds past: one more than the default allows.
    refused(&house.go(&[Lie::Expired]).await, Reason::TokenExpired);
    house.set("idp", json!({ "skew_seconds": 60 })).await;
    house.provider.lie(&[Lie::Expired]);
    held(&house.back(house.answer().await).await);
    for bad in [-1, 61] {
        assert!(Terms::of(&house.settings(json!({ "skew_seconds": bad }))).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn broker_rule_08_an_unknown_key_costs_one_request_in_thirty_seconds_and_never_a_working_key()
{
    let house = house().await;
    held(&house.go(&[]).await);
    let before = house.provider.asked().keys;
    house.provider.lie(&[Lie::UnknownKey]);
    for _ in 0..20 {
        refused(&house.back(house.answer().await).await, Reason::UnknownKey);
    }
    assert_eq!(house.provider.asked().keys - before, 1, "twenty tokens, one request");
    house.wait(Lifetime::seconds(31));
    refused(&house.back(house.answer().await).await, Reason::UnknownKey);
    assert_eq!(house.provider.asked().keys - before, 2, "the next one after thirty seconds");
    // The misses took nothing away, and neither does an answer that is none.
    house.provider.lie(&[]);
    held(&house.back(house.answer().await).await);
    house.wait(Lifetime::seconds(31));
    for lie in [Lie::KeysDown, Lie::KeysNone] {
        house.provider.lie(&[lie, Lie::UnknownKey]);
        let outcome = house.back(house.answer().await).await;
        assert!(matches!(reason(&outcome), Some(Reason::Keys | Reason::UnknownKey)), "{outcome:?}");
        house.provider.lie(&[lie]);
        held(&house.back(house.answer().await).await);
        house.wait(Lifetime::seconds(31));
    }
}

#[tokio::test]
async fn broker_rule_08_keys_that_change_in_the_middle_of_a_sign_in_are_found() {
    let house = house().await;
    let answered = house.answer().await;
    house.provider.rotate("two");
    held(&house.back(answered).await);
    let mut table = vec![(Lie::OtherKey, Reason::Signature), (Lie::Signature, Reason::Signature)];
    table.push((Lie::KeysNameless, Reason::UnknownKey));
    check(&house, &table).await;
}

#[tokio::test]
async fn broker_rule_10_requests_stay_out_of_private_networks_and_within_their_limits() {
    let house = House::patient(
        &TestDatabase::new(engines()[0]).await,
        // Long enough for a handshake on a busy machine.
        Lifetime::seconds(3),
    )
    .await;
    let table = [
        (Lie::MetadataRedirect, Reason::Discovery),
        (Lie::MetadataPrivateKeys, Reason::Network),
        (Lie::MetadataPlainEndpoint, Reason::Metadata),
        (Lie::MetadataHuge, Reason::TooLarge),
        (Lie::MetadataSlow, Reason::Slow),
        (Lie::MetadataDown, Reason::Discovery),
        (Lie::MetadataForm, Reason::Discovery),
        (Lie::MetadataIssuer, Reason::Metadata),
        (Lie::TokenRedirect, Reason::TokenAnswer),
        (Lie::TokenHuge, Reason::TooLarge),
        (Lie::TokenSlow, Reason::Slow),
        (Lie::TokenForm, Reason::TokenAnswer),
        (Lie::UserinfoRedirect, Reason::Userinfo),
        (Lie::UserinfoHuge, Reason::TooLarge),
        (Lie::UserinfoSlow, Reason::Slow),
        (Lie::TokenLineBreak, Reason::Userinfo),
    ];
    check(&house, &table).await;
    assert_eq!(house.provider.asked().revoked, 0);
}

#[tokio::test]
async fn broker_rule_10_a_private_network_is_reached_where_settings_and_upstream_both_name_it() {
    let house = house().await;
    // The upstream names nothing: the provider is on this machine, and is not asked.
    house.set("idp", json!({ "allow_private_network": null })).await;
    let before = house.provider.asked();
    refused(&house.leave("idp").await, Reason::Network);
    assert_eq!(house.provider.asked(), before);
    // It names another host or port in that network.
    let place = |authority: &str, network: &str| {
        json!({ "allow_private_network": {
            "network": network, "authority": authority, "certificates": house.provider.certificate,
        } })
    };
    house.set("idp", place(UNUSED, "127.0.0.0/8")).await;
    refused(&house.leave("idp").await, Reason::Network);
    // It names another network, where the provider is not.
    house.set("idp", place(&house.provider.authority, "127.9.0.0/16")).await;
    refused(&house.leave("idp").await, Reason::Network);
    // It names what the server's settings do not allow: whoever holds a realm does not hold the machine.
    let ours = house.provider.authority.as_str();
    for (authority, network) in [
        (ours, "10.0.0.0/8"),
        (ours, "0.0.0.0/0"),
        (ours, "127.0.0.0/7"),
        // The network is allowed, for others.
        ("localhost:5432", "127.0.0.0/8"),
        ("idp.localhost:2", "127.0.0.0/8"),
    ] {
        let settings = house.settings(place(authority, network));
        let outcome = house.try_set("idp", &settings).await;
        let field = "allow_private_network";
        assert!(
            matches!(&outcome, Err(Error::Invalid { field: f, .. }) if *f == field),
            "{outcome:?}"
        );
    }
    house.set("idp", json!({})).await;
    held(&house.back(house.answer().await).await);
    // The settings allow it no more, and the upstream is as it was.
    let closed = house.under(outbound::Settings::default()).await;
    let before = house.provider.asked();
    let left = closed.start(REALM, &upstream("idp"), start(Purpose::SignIn)).await;
    refused(&left, Reason::Network);
    assert_eq!(house.provider.asked(), before);
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused_with_their_field() {
    let house = house().await;
    let table = [
        ("issuer", json!({ "issuer": "http://idp.example" })),
        ("issuer", json!({ "issuer": "https://idp.example?x" })),
        ("issuer", json!({ "issuer": "https://user@idp.example" })),
        ("display_name", json!({ "display_name": "" })),
        ("client_id", json!({ "client_id": "a\nb" })),
        ("scopes", json!({ "scopes": ["a b"] })),
        ("domains", json!({ "domains": ["not a domain"] })),
        ("attributes", json!({ "attributes": { "shoe_size": "1" } })),
        ("attributes", json!({ "attributes": { "name": "claims." } })),
        ("email_domains", json!({ "email_trust": "domains" })),
        ("email_domains", json!({ "email_domains": ["example.org"] })),
        ("create_groups", json!({ "create_groups": ["staff"] })),
        ("group_map", json!({ "group_map": { "a": "b" } })),
    ];
    for (field, change) in table {
        let outcome = Terms::of(&house.settings(change.clone()));
        let right = matches!(&outcome, Err(Error::Invalid { field: said, .. }) if *said == field);
        assert!(right, "{change}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_secret_is_never_sent_to_another_issuer_than_the_one_that_gave_it() {
    let house = house().await;
    let other = house.settings(json!({ "issuer": "https://evil.example" }));
    let draft = Draft { id: upstream("idp"), terms: Terms::of(&other).unwrap(), secret: None };
    let outcome = house.upstreams.set(House::by(), draft, Seen::Revision(None)).await;
    let field = "client_secret";
    assert!(matches!(&outcome, Err(Error::Invalid { field: f, .. }) if *f == field), "{outcome:?}");
}
