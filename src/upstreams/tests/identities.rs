//! Which account an identity leads to.

use super::*;
use crate::accounts::{
    Attribute, AttributeName, By, ExternalId, Identifier, NewUser, Proof, ProofKind, User,
    UserState,
};
use crate::kernel::{Kind, UserId};
use crate::testkit::{engines, on_each_database};

async fn house() -> House {
    House::new(&TestDatabase::new(engines()[0]).await).await
}

pub(super) const VERIFIED: fn(&str) -> Value =
    |email| json!({ "email": email, "email_verified": true });

impl House {
    /// Somebody of this subject comes, and is somebody here.
    pub(super) async fn came(
        &self,
        id: &str,
        subject: &str,
        claims: Value,
    ) -> (UserId, bool, bool) {
        match self.come(id, subject, claims).await {
            Ok(Finished::Person(arrived)) => (arrived.user, arrived.created, arrived.linked),
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn come(
        &self,
        id: &str,
        subject: &str,
        claims: Value,
    ) -> Result<Finished, Error> {
        self.provider.person(subject, claims, json!({}));
        let address = self.leave(id).await?;
        self.finish(id, self.provider.visit(&address), Some(&browser())).await
    }

    pub(super) async fn links(
        &self,
        user: UserId,
        subject: &str,
        claims: Value,
    ) -> Result<Finished, Error> {
        self.provider.person(subject, claims, json!({}));
        let purpose = Purpose::Link { user, authenticated_at: self.keys.clock.now() };
        let address = self.upstreams.start(REALM, &upstream("idp"), start(purpose)).await?;
        self.back_of(user, self.provider.visit(&address)).await
    }

    /// Somebody who has an account here already, with this address, proven or not.
    pub(super) async fn local(&self, email: &str, proven: bool) -> Arc<User> {
        let proof =
            Proof { how: ProofKind::Mail, by: "test".to_owned(), at: self.keys.clock.now() };
        let attribute = Attribute { value: email.to_owned(), proof: proven.then_some(proof) };
        let new = NewUser {
            identifiers: vec![Identifier::email(email).unwrap()],
            attributes: [(AttributeName::Email, attribute)].into(),
            ..NewUser::default()
        };
        self.accounts.create(&Self::by(), new).await.unwrap()
    }

    async fn user(&self, id: UserId) -> Arc<User> {
        self.accounts.fresh(REALM, id).await.unwrap().unwrap()
    }

    fn external(&self, subject: &str) -> ExternalId {
        let issuer = self.provider.issuer.clone();
        ExternalId { upstream: upstream("idp"), issuer, subject: subject.to_owned() }
    }
}

#[tokio::test]
async fn broker_rule_12_an_identity_is_upstream_issuer_and_subject_and_never_an_address() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let open = json!({ "create_accounts": true });
        house.set("idp", open.clone()).await;
        house.set("other", open).await;
        let (ann, created, _) = house.came("idp", "ann", VERIFIED("ann@corp.example")).await;
        assert!(created);
        // Another address, the same person; it is the account's from now on.
        let (again, created, _) = house.came("idp", "ann", VERIFIED("ann@new.example")).await;
        assert_eq!((again, created), (ann, false));
        // The same address under another subject, and the same subject at another upstream: other people.
        refused(
            &house.come("idp", "mallory", VERIFIED("ann@new.example")).await,
            Reason::NoAccount,
        );
        refused(&house.come("other", "ann", VERIFIED("ann@new.example")).await, Reason::NoAccount);
        let (stranger, created, _) = house.came("other", "ann", VERIFIED("ann@else.example")).await;
        assert!(created && stranger != ann);
        // A subject is compared letter by letter.
        let (capital, created, _) =
            house.came("idp", "Ann", VERIFIED("capital@corp.example")).await;
        assert!(created && capital != ann);
    })
    .await;
}

#[tokio::test]
async fn broker_rule_14_nobody_is_linked_by_an_address_unless_both_sides_verified_it() {
    let house = house().await;
    let proven = house.local("proven@corp.example", true).await;
    house.local("claimed@corp.example", false).await;
    // Not even then, where the administrator did not switch it on.
    for create in [false, true] {
        house.set("idp", json!({ "create_accounts": create })).await;
        let outcome = house.come("idp", "a", VERIFIED("proven@corp.example")).await;
        refused(&outcome, Reason::NoAccount);
    }
    let unverified = json!({ "email": "proven@corp.example", "email_verified": false });
    for create in [false, true] {
        house.set("idp", json!({ "link_verified_email": true, "create_accounts": create })).await;
        let table = [("claimed@corp.example", true), ("proven@corp.example", false)];
        for (at, (email, theirs)) in table.into_iter().enumerate() {
            let claims = if theirs { VERIFIED(email) } else { unverified.clone() };
            match house.come("idp", &format!("b{create}{at}"), claims).await {
                Err(Error::Refused(refusal)) => assert_eq!(refusal.reason, Reason::NoAccount),
                // An unverified address is no identifier: the stranger gets an account of their own, without proof.
                Ok(Finished::Person(arrived)) => {
                    assert!(create && !theirs && arrived.created);
                    assert_ne!(arrived.user, proven.id);
                    assert_eq!(house.user(arrived.user).await.verified_email(), None);
                }
                other => panic!("{other:?}"),
            }
        }
    }
    let never = json!({ "link_verified_email": true, "email_trust": "never" });
    house.set("idp", never).await;
    refused(&house.come("idp", "c", VERIFIED("proven@corp.example")).await, Reason::NoAccount);
    // Both sides verified it, and it was switched on.
    house.set("idp", json!({ "link_verified_email": true })).await;
    let (user, created, linked) = house.came("idp", "c", VERIFIED("Proven@corp.example")).await;
    assert_eq!((user, created, linked), (proven.id, false, true));
}

#[tokio::test]
async fn broker_rule_14_whoever_holds_the_address_shows_what_they_have_here_before_a_link() {
    let house = house().await;
    let ann = house.local("ann@corp.example", false).await;
    let password = Secret::new("correct horse battery".to_owned());
    house.accounts.set_password(REALM, ann.id, &password, By::Themselves).await.unwrap();
    for create in [false, true] {
        house.set("idp", json!({ "create_accounts": create })).await;
        match house.come("idp", "ann-there", VERIFIED("Ann@corp.example")).await.unwrap() {
            Finished::Unlinked(unlinked) => {
                assert_eq!(unlinked.user, ann.id);
                assert_eq!(unlinked.external, house.external("ann-there"));
                assert!(unlinked.sign_in.is_some());
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(house.accounts.links(REALM, ann.id).await.unwrap().is_empty(), "nothing is linked");
    assert_eq!(house.events("upstream.unlinked_arrived").await.len(), 2);
    // An address that the provider does not vouch for leads to nobody, nor does a locked account.
    house.set("idp", json!({})).await;
    let unverified = json!({ "email": "ann@corp.example", "email_verified": false });
    refused(&house.come("idp", "m", unverified).await, Reason::NoAccount);
    house.set("idp", json!({ "email_trust": "never" })).await;
    refused(&house.come("idp", "m", VERIFIED("ann@corp.example")).await, Reason::NoAccount);
    house.set("idp", json!({})).await;
    house.accounts.set_state(&House::by(), ann.id, UserState::Locked).await.unwrap();
    refused(&house.come("idp", "m", VERIFIED("ann@corp.example")).await, Reason::NoAccount);
    house.accounts.set_state(&House::by(), ann.id, UserState::Active).await.unwrap();
    // Once they showed it, it is linked, unless the provider was switched off meanwhile.
    let identity = || (house.external("ann-there"), None);
    let from = || Origin { address: [192, 0, 2, 7].into(), agent: "Test/1".to_owned() };
    house.set("idp", json!({ "enabled": false })).await;
    let linked = house.upstreams.link_shown(REALM, ann.id, identity(), from()).await;
    refused(&linked, Reason::Disabled);
    house.set("idp", json!({})).await;
    house.upstreams.link_shown(REALM, ann.id, identity(), from()).await.unwrap();
    let (user, created, linked) =
        house.came("idp", "ann-there", VERIFIED("ann@corp.example")).await;
    assert_eq!((user, created, linked), (ann.id, false, false));
}

#[tokio::test]
async fn broker_rule_15_a_link_is_for_one_account_one_upstream_one_browser_and_one_use() {
    let house = house().await;
    let (ann, bob) =
        (house.local("ann@corp.example", true).await, house.local("bob@corp.example", true).await);
    let purpose = |user: &Arc<User>| Purpose::Link {
        user: user.id,
        authenticated_at: house.keys.clock.now(),
    };
    let id = upstream("idp");
    let address = house.upstreams.start(REALM, &id, start(purpose(&ann))).await.unwrap();
    let answered = house.provider.visit(&address);
    let stranger = sha256(b"another browser");
    refused(&house.finish("idp", answered.clone(), Some(&stranger)).await, Reason::Browser);
    refused(&house.back(answered).await, Reason::State);
    let address = house.upstreams.start(REALM, &id, start(purpose(&ann))).await.unwrap();
    let answered = house.provider.visit(&address);
    house.wait(Lifetime::minutes(10));
    refused(&house.back(answered).await, Reason::Expired);
    // It works once, for the account it was begun for.
    match house.links(ann.id, "ann-there", json!({})).await.unwrap() {
        Finished::Person(arrived) => assert!(arrived.linked && arrived.user == ann.id),
        other => panic!("{other:?}"),
    }
    refused(&house.links(bob.id, "ann-there", json!({})).await, Reason::LinkedElsewhere);
    // What was linked is gone with the link.
    house.links(ann.id, "ann-elsewhere", json!({})).await.unwrap();
    let gone = house.external("ann-there");
    house.upstreams.unlink(REALM, ann.id, &gone, (By::Themselves, None)).await.unwrap();
    refused(&house.come("idp", "ann-there", json!({})).await, Reason::NoAccount);
}

#[tokio::test]
async fn two_people_who_race_to_link_one_identity_do_not_both_get_it() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let mut people = Vec::new();
        for n in 0..4 {
            people.push(house.local(&format!("p{n}@corp.example"), true).await);
        }
        house.provider.person("one", json!({}), json!({}));
        let mut answers = Vec::new();
        for person in &people {
            let at = house.keys.clock.now();
            let purpose = Purpose::Link { user: person.id, authenticated_at: at };
            let address = house.upstreams.start(REALM, &upstream("idp"), start(purpose)).await;
            answers.push((person.id, house.provider.visit(&address.unwrap())));
        }
        let back = answers.into_iter().map(|(user, answered)| house.back_of(user, answered));
        let outcomes = futures_util::future::join_all(back).await;
        let linked = outcomes.iter().filter(|one| one.is_ok()).count();
        let lost =
            outcomes.iter().filter(|one| reason(one) == Some(Reason::LinkedElsewhere)).count();
        assert_eq!((linked, lost), (1, 3), "{outcomes:?}");
        println!(
            "proof: people racing to link one identity {}: linked {linked}, refused {lost}",
            outcomes.len()
        );
    })
    .await;
}

#[tokio::test]
async fn two_first_sign_ins_of_one_person_make_one_account() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.set("idp", json!({ "create_accounts": true })).await;
        house.provider.person("new", VERIFIED("new@corp.example"), json!({}));
        let mut answers = Vec::new();
        for _ in 0..4 {
            answers.push(house.provider.visit(&house.leave("idp").await.unwrap()));
        }
        let outcomes =
            futures_util::future::join_all(answers.into_iter().map(|one| house.back(one))).await;
        let users: HashSet<UserId> = outcomes
            .iter()
            .map(|one| match one {
                Ok(Finished::Person(arrived)) => arrived.user,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(users.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn broker_rule_17_nothing_the_browser_says_changes_the_address_that_was_asserted() {
    let house = house().await;
    house.set("idp", json!({ "create_accounts": true, "link_verified_email": true })).await;
    house.local("victim@corp.example", true).await;
    // The person edits their address here, while the provider speaks of another one: the provider's is what is decided on.
    let (user, created, _) = house.came("idp", "m", VERIFIED("mallory@corp.example")).await;
    assert!(created);
    let said = house.user(user).await;
    assert_eq!(said.verified_email(), Some("mallory@corp.example"));
    let proof = said.attributes[&AttributeName::Email].proof.clone().unwrap();
    assert_eq!((proof.how, proof.by.as_str()), (ProofKind::Upstream, "idp"));
    // What a callback carries is five parameters of two standards; an address is none of them.
    let Callback { state: _, code: _, iss: _, error: _, error_description: _ } =
        Callback::default();
}

#[tokio::test]
async fn broker_rule_18_a_link_is_told_of_with_provider_and_time() {
    let house = house().await;
    let ann = house.local("ann@corp.example", true).await;
    house.links(ann.id, "ann-there", VERIFIED("ann@there.example")).await.unwrap();
    let links = house.accounts.links(REALM, ann.id).await.unwrap();
    assert_eq!(links.len(), 1);
    assert_eq!(links[0].id, house.external("ann-there"));
    assert_eq!(links[0].display.as_deref(), Some("ann@there.example"));
    assert_eq!(links[0].linked_at, house.keys.clock.now());
    let told = house.events("upstream.arrived").await;
    assert_eq!(
        (told[0]["upstream"].as_str(), told[0]["linked"].as_bool()),
        (Some("idp"), Some(true))
    );
}

#[tokio::test]
async fn broker_rule_19_accounts_are_made_for_the_domains_and_groups_named_and_groups_follow_the_provider()
 {
    let house = house().await;
    house
        .set(
            "idp",
            json!({
                "create_accounts": true,
                "create_domains": ["corp.example"],
                "create_groups": ["staff"],
                "groups": "claims.groups",
                "group_map": { "staff": "people", "eng": "engineers" },
            }),
        )
        .await;
    for group in ["people", "engineers", "owners"] {
        house.accounts.set_group(&House::by(), group, "").await.unwrap();
    }
    let with_groups = |email: &str, verified: bool, groups: Value| json!({ "email": email, "email_verified": verified, "groups": groups });
    let refusals = [
        with_groups("a@other.example", true, json!(["staff"])),
        with_groups("a@corp.example", false, json!(["staff"])),
        with_groups("a@corp.example", true, json!(["guests"])),
        with_groups("a@corp.example", true, json!([])),
        json!({ "groups": ["staff"] }),
    ];
    for claims in refusals {
        refused(&house.come("idp", "a", claims).await, Reason::NoAccount);
    }
    let all = with_groups("a@corp.example", true, json!(["staff", "eng", "owners"]));
    let (user, ..) = house.came("idp", "a", all).await;
    assert_eq!(house.user(user).await.groups, ["engineers", "people"], "`owners` is not listed");
    house.accounts.set_member(&House::by(), ("owners", user), true).await.unwrap();
    // Gone there, gone here; what others gave stays. An account that exists does not need the group to come in.
    house.came("idp", "a", with_groups("a@corp.example", true, json!(["eng"]))).await;
    assert_eq!(house.user(user).await.groups, ["engineers", "owners"]);
    house.came("idp", "a", json!({})).await;
    assert_eq!(house.user(user).await.groups, ["owners"]);
}

#[tokio::test]
async fn broker_rule_20_an_address_without_proof_is_never_called_verified() {
    let house = house().await;
    house.set("idp", json!({ "create_accounts": true })).await;
    let unverified = json!({ "email": "a@corp.example", "email_verified": false });
    let (user, ..) = house.came("idp", "a", unverified).await;
    let user = house.user(user).await;
    let email = &user.attributes[&AttributeName::Email];
    assert_eq!((email.value.as_str(), &email.proof), ("a@corp.example", &None));
    assert!(user.identifiers.is_empty(), "and nobody can type it");
    let (user, ..) = house.came("idp", "b", VERIFIED("b@corp.example")).await;
    let proof = house.user(user).await.attributes[&AttributeName::Email].proof.clone().unwrap();
    let now = house.keys.clock.now();
    assert_eq!((proof.how, proof.by.as_str(), proof.at), (ProofKind::Upstream, "idp", now));
}

#[tokio::test]
async fn broker_rule_21_an_unproven_address_of_a_provider_recovers_nothing() {
    let house = house().await;
    house.set("idp", json!({ "create_accounts": true, "email_trust": "never" })).await;
    let (user, ..) = house.came("idp", "a", VERIFIED("ceo@corp.example")).await;
    // Recovery goes by what may be typed and what is proven: this account has neither.
    let typed = Identifier::email("ceo@corp.example").unwrap();
    assert!(house.accounts.find(REALM, &typed).await.unwrap().is_none());
    let user = house.user(user).await;
    assert_eq!(user.verified_email(), None);
    assert!(user.factors.external == 1 && !user.factors.password);
}

#[tokio::test]
async fn broker_rule_22_forwarded_addresses_are_believed_of_configured_proxies_alone() {
    use crate::http::Origin;
    use http::{HeaderMap, HeaderValue};
    let proxies =
        [<outbound::Network as crate::settings::Textual>::from_text("10.0.0.0/8").unwrap()];
    let origin = |peer: &str, said: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static(said));
        Origin::of(peer.parse().unwrap(), &headers, &proxies)
    };
    let address = |text: &str| text.parse::<std::net::IpAddr>().unwrap();
    assert_eq!(origin("192.0.2.7", "198.51.100.1").unwrap().address, address("192.0.2.7"));
    assert_eq!(origin("10.1.1.1", "198.51.100.1").unwrap().address, address("198.51.100.1"));
    for unreadable in ["", "nonsense", "198.51.100.1, nonsense", "unknown"] {
        let outcome = origin("10.1.1.1", unreadable);
        assert_eq!(outcome.unwrap_err().kind, Kind::Invalid, "{unreadable}");
    }
}

#[tokio::test]
async fn broker_rule_27_tokens_are_kept_where_they_were_asked_for_sealed_and_revoked_with_the_link()
{
    on_each_database(async |database| {
        let house = House::new(database).await;
        let open = |keep: bool| json!({ "create_accounts": true, "keep_tokens": keep });
        house.set("idp", open(false)).await;
        let (user, ..) = house.came("idp", "a", json!({})).await;
        let id = upstream("idp");
        assert!(house.upstreams.tokens(House::by(), &id, user).await.unwrap().is_none());
        house.set("idp", open(true)).await;
        house.came("idp", "a", json!({})).await;
        let kept = house.upstreams.tokens(House::by(), &id, user).await.unwrap().unwrap();
        assert!(kept.access_token.expose().starts_with("access-"));
        let refresh = kept.refresh_token.unwrap();
        let rows: Result<String, Fault> = house
            .keys
            .env
            .db
            .read(REALM, (), |tx, ()| {
                Box::pin(async move { Ok(format!("{:?}", tx.rows(TOKENS, &[]).await?)) })
            })
            .await;
        let clear = refresh.expose().bytes().map(|byte| byte.to_string()).collect::<Vec<_>>();
        let rows = rows.unwrap();
        assert!(rows.contains("idp") && !rows.contains(&clear.join(", ")));
        assert_eq!(house.events("upstream.tokens_read").await.len(), 2, "each look is on record");
        let nobody = Administrator { realm: REALM, asker: crate::access::Asker::nobody() };
        let looked = house.upstreams.tokens(nobody, &id, user).await;
        assert!(matches!(looked, Err(Error::Access(_))), "{looked:?}");
        // The link goes, and the tokens with it, there and here.
        house.links(user, "b", json!({})).await.unwrap();
        let own = (By::Themselves, None);
        house.upstreams.unlink(REALM, user, &house.external("a"), own).await.unwrap();
        house.deliver().await;
        assert_eq!(house.provider.asked().revoked, 1);
        assert!(house.upstreams.tokens(House::by(), &id, user).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn tokens_that_were_kept_are_revoked_at_the_provider_when_the_person_or_the_upstream_goes() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        house.accounts.keep_with(std::sync::Arc::new(house.upstreams.clone()));
        house.set("idp", json!({ "create_accounts": true, "keep_tokens": true })).await;
        let (ann, ..) = house.came("idp", "ann", json!({})).await;
        house.came("idp", "bob", json!({})).await;
        // The provider is away: that keeps nobody from being erased, and it is told when it is back.
        house.provider.lie(&[Lie::MetadataDown]);
        house.set("idp", json!({ "create_accounts": true, "keep_tokens": true })).await;
        house.accounts.delete(&House::by(), ann, None).await.unwrap();
        house.deliver().await;
        assert_eq!(house.provider.asked().revoked, 0);
        house.provider.lie(&[]);
        house.wait(Lifetime::minutes(1));
        house.deliver().await;
        assert_eq!(house.provider.asked().revoked, 1);

        house.upstreams.delete(House::by(), &upstream("idp"), None).await.unwrap();
        house.follow().await;
        assert!(house.upstreams.get(REALM, &upstream("idp")).is_none());
        house.deliver().await;
        assert_eq!(house.provider.asked().revoked, 2, "by what the delivery has with it");
        house.deliver().await;
        assert_eq!(house.provider.asked().revoked, 2, "each once");
        println!(
            "proof: kept tokens revoked at the provider: a person erased 1, an upstream deleted 1"
        );
        house.accounts.keep_with_nobody();
    })
    .await;
}

#[tokio::test]
async fn broker_rule_05_a_locked_account_does_not_come_in_through_a_provider() {
    let house = house().await;
    house.set("idp", json!({ "create_accounts": true })).await;
    let (user, ..) = house.came("idp", "a", json!({})).await;
    house.accounts.set_state(&House::by(), user, UserState::Locked).await.unwrap();
    refused(&house.come("idp", "a", json!({})).await, Reason::AccountState);
    refused(&house.links(user, "b", json!({})).await, Reason::AccountState);
}

const TOKENS: &str = "SELECT upstream, user_id, document FROM upstream_token WHERE realm = $1";
