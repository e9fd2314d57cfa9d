//! Who is who: identifiers, claims with their proofs, groups, links, the cache.

use std::collections::BTreeSet;

use super::{GOOD, REALM, World, root};
use crate::accounts::{
    Attribute, AttributeName, By, Error, ExternalId, Handle, Identifier, NewUser, Proof, ProofKind,
    UserChange, UserFilter, UserState, claims_supported, standard_claims,
};
use crate::kernel::{Lifetime, TrustDomain, UpstreamId, UserId};
use crate::testkit::on_each_database;

fn named(name: &str) -> NewUser {
    NewUser { identifiers: vec![Identifier::username(name).unwrap()], ..NewUser::default() }
}

fn attribute(value: &str) -> Attribute {
    Attribute { value: value.to_owned(), proof: None }
}

fn proven(value: &str) -> Attribute {
    let proof = Proof {
        how: ProofKind::Upstream,
        by: "acme".to_owned(),
        at: crate::kernel::Timestamp::EPOCH,
    };
    Attribute { value: value.to_owned(), proof: Some(proof) }
}

pub(super) fn external(subject: &str) -> ExternalId {
    ExternalId {
        upstream: UpstreamId::parse("acme").unwrap(),
        issuer: "https://acme.example".to_owned(),
        subject: subject.to_owned(),
    }
}

#[tokio::test]
async fn an_identifier_in_any_spelling_is_one_persons() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let ada = world.person("ada").await;
        for typed in ["ada", " ADA ", "Ada@Example.Org", "ＡＤＡ"] {
            let identifier = Identifier::typed(typed).unwrap();
            let found = world.accounts.find(REALM, &identifier).await.unwrap().unwrap();
            assert_eq!(found.id, ada.id, "{typed}");
        }
        let again = world.accounts.create(&root(), named("ADA")).await;
        assert!(matches!(again, Err(Error::Taken { what: "username" })));
        let handle = NewUser { handle: Some(ada.handle.clone()), ..NewUser::default() };
        assert!(matches!(world.accounts.create(&root(), handle).await, Err(Error::Taken { .. })));
        let all = world.accounts.list(&root(), UserFilter::default(), None, 10).await.unwrap();
        assert_eq!(all.len(), 1, "what was refused left nothing");
    })
    .await;
}

#[tokio::test]
async fn of_many_who_want_one_name_at_once_one_gets_it() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let (by, new) = (root(), || named("ada"));
        let wishes = (0..20).map(|_| world.accounts.create(&by, new()));
        let got = futures_util::future::join_all(wishes).await;
        assert_eq!(got.iter().filter(|answer| answer.is_ok()).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_spiffe_id_is_the_handle_and_says_nothing_unless_it_was_chosen_to() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let home = TrustDomain::parse("weft.test").unwrap();
        let ada = world.person("ada").await;
        let id = ada.spiffe_id(&home).unwrap();
        assert_eq!(id.path(), format!("/user/{}", ada.id.uuid().simple()));
        let handle = Some(Handle::parse("grace").unwrap());
        let grace =
            world.accounts.create(&root(), NewUser { handle, ..named("grace") }).await.unwrap();
        assert_eq!(grace.spiffe_id(&home).unwrap().as_str(), "spiffe://weft.test/user/grace");
        let long = "a".repeat(65);
        for bad in ["", ".", "..", "Ada", "a/b", "a b", "ä", "-a", &long] {
            assert!(Handle::parse(bad).is_err(), "{bad}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_address_that_changes_loses_its_proof_and_can_no_longer_be_typed() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let ada = world.person("ada").await;
        let change = |address: &str| UserChange {
            attributes: [(AttributeName::Email, Some(attribute(address)))].into(),
            ..UserChange::default()
        };
        let same = change("ada@example.org");
        let same = world.accounts.amend(REALM, ada.id, same, By::Themselves).await.unwrap();
        assert!(same.verified_email().is_some(), "saying the same again takes nothing away");
        assert_eq!(same.revision, ada.revision, "and is not written");

        let other = change("ada@other.example");
        let other = world.accounts.amend(REALM, ada.id, other, By::Themselves).await.unwrap();
        assert_eq!(other.attribute(AttributeName::Email), Some("ada@other.example"));
        assert_eq!(other.verified_email(), None);
        for typed in ["ada@example.org", "ada@other.example"] {
            let identifier = Identifier::typed(typed).unwrap();
            assert!(world.accounts.find(REALM, &identifier).await.unwrap().is_none(), "{typed}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_an_upstream_says_takes_no_identifier_from_anybody() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let (ada, eve) = (world.person("ada").await, world.person("eve").await);
        let acme = UpstreamId::parse("acme").unwrap();
        let change = UserChange {
            attributes: [(AttributeName::Email, Some(proven("ada@example.org")))].into(),
            ..UserChange::default()
        };
        world.accounts.amend(REALM, eve.id, change, By::Upstream(acme)).await.unwrap();
        let identifier = Identifier::typed("ada@example.org").unwrap();
        let found = world.accounts.find(REALM, &identifier).await.unwrap().unwrap();
        assert_eq!(found.id, ada.id);
    })
    .await;
}

#[tokio::test]
async fn two_editors_do_not_overwrite_each_other() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let ada = world.person("ada").await;
        let change = |name: &str| UserChange {
            attributes: [(AttributeName::Name, Some(attribute(name)))].into(),
            ..UserChange::default()
        };
        let seen = Some(ada.revision);
        world.accounts.update(&root(), ada.id, (seen, change("Ada"))).await.unwrap();
        let late = world.accounts.update(&root(), ada.id, (seen, change("Adele"))).await;
        assert!(matches!(late, Err(Error::Changed)));
        assert_eq!(world.fresh(ada.id).await.attribute(AttributeName::Name), Some("Ada"));
    })
    .await;
}

#[tokio::test]
async fn a_locked_person_is_still_there_and_says_so_past_every_cache() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let ada = world.person("ada").await;
        assert!(world.accounts.user(REALM, ada.id).await.unwrap().unwrap().is_active());
        world.accounts.set_state(&root(), ada.id, UserState::Locked).await.unwrap();
        assert!(!world.accounts.user(REALM, ada.id).await.unwrap().unwrap().is_active());
        world.accounts.set_state(&root(), ada.id, UserState::Active).await.unwrap();
        assert!(world.fresh(ada.id).await.is_active());
        let told = world.told().await;
        assert!(told.contains(&"accounts.user_locked".to_owned()), "{told:?}");
        let nobody = UserId::new(uuid::Uuid::from_u128(1));
        let unknown = world.accounts.set_state(&root(), nobody, UserState::Locked).await;
        assert!(matches!(unknown, Err(Error::Unknown("user"))));
    })
    .await;
}

#[tokio::test]
async fn a_person_is_remembered_for_a_minute_and_forgotten_when_another_replica_says_so() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let ada = world.person("ada").await;
        let (accounts, db) = (&world.accounts, &world.db);
        accounts.user(REALM, ada.id).await.unwrap();
        let count = || db.statements().values().sum::<u64>();
        let before = count();
        accounts.user(REALM, ada.id).await.unwrap();
        assert_eq!(count(), before, "remembered");
        world.clock.advance(Lifetime::seconds(60));
        accounts.user(REALM, ada.id).await.unwrap();
        assert!(count() > before, "too old");
        let before = count();
        accounts
            .apply(REALM, &["sub_00000000000000000000000000000001".to_owned(), ada.id.to_string()]);
        accounts.user(REALM, ada.id).await.unwrap();
        assert!(count() > before, "forgotten");
    })
    .await;
}

#[tokio::test]
async fn groups_are_given_by_administrators_and_by_upstreams_which_take_back_only_their_own() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let (ada, accounts, by) = (world.person("ada").await, &world.accounts, root());
        for group in ["staff", "admins", "acme-users"] {
            accounts.set_group(&by, group, "of the test").await.unwrap();
        }
        accounts.set_member(&by, ("staff", ada.id), true).await.unwrap();
        let acme = UpstreamId::parse("acme").unwrap();
        let say = |groups: &[&str]| {
            let groups = groups.iter().map(|group| (*group).to_owned()).collect();
            accounts.set_groups_of(REALM, ada.id, &acme, groups)
        };
        say(&["acme-users", "staff", "not-a-group"]).await.unwrap();
        assert_eq!(world.fresh(ada.id).await.groups, ["acme-users", "staff"]);
        say(&[]).await.unwrap();
        assert_eq!(world.fresh(ada.id).await.groups, ["staff"], "what was given here stays");
        let members = accounts.members(&by, "staff", None, 10).await.unwrap();
        assert_eq!(members, [ada.id]);
        accounts.delete_group(&by, "staff").await.unwrap();
        assert!(accounts.user(REALM, ada.id).await.unwrap().unwrap().groups.is_empty());
        assert!(matches!(accounts.delete_group(&by, "staff").await, Err(Error::Unknown("group"))));
    })
    .await;
}

#[tokio::test]
async fn an_identity_elsewhere_is_one_persons_however_many_race_for_it() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let accounts = &world.accounts;
        let mut people = Vec::new();
        for n in 0..8 {
            people.push(world.person(&format!("p{n}")).await);
        }
        let links = people.iter().map(|user| {
            accounts.link(REALM, user.id, (external("s1"), None), By::Themselves.into())
        });
        let linked = futures_util::future::join_all(links).await;
        assert_eq!(linked.iter().filter(|answer| answer.is_ok()).count(), 1);
        let refused = linked.iter().filter(|answer| matches!(answer, Err(Error::Taken { .. })));
        assert_eq!(refused.count(), 7);
        let holder = accounts.find_external(REALM, &external("s1")).await.unwrap().unwrap();
        assert!(people.iter().any(|user| user.id == holder));
        assert_eq!(accounts.find_external(REALM, &external("S1")).await.unwrap(), None);
        let came = accounts.provision(REALM, named("new"), (external("s2"), None)).await.unwrap();
        assert_eq!(accounts.links(REALM, came.id).await.unwrap().len(), 1);
        let again = accounts.provision(REALM, named("newer"), (external("s2"), None)).await;
        assert!(matches!(again, Err(Error::Taken { what: "identity" })));
    })
    .await;
}

#[tokio::test]
async fn the_last_way_to_sign_in_is_not_taken_away_not_even_by_two_at_once() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let (ada, accounts) = (world.with_password("ada", GOOD).await, &world.accounts);
        let remove = || accounts.remove_password(REALM, ada.id, By::Themselves);
        assert!(matches!(remove().await, Err(Error::LastFactor)));
        accounts.link(REALM, ada.id, (external("s"), None), By::Themselves.into()).await.unwrap();
        let id = external("s");
        let unlink = || accounts.unlink(REALM, ada.id, &id, By::Themselves.into());
        let (one, two) = tokio::join!(remove(), unlink());
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        assert!(world.fresh(ada.id).await.factors.can_sign_in());
    })
    .await;
}

#[tokio::test]
async fn each_scope_gives_its_claims_and_nothing_that_has_no_value() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let mut new = named("jane");
        let value = |name: AttributeName| match name.as_str() {
            "profile" | "picture" | "website" => "https://example.org/jane",
            "email" => "jane@example.org",
            "birthdate" => "1990-01-31",
            "zoneinfo" => "Europe/Berlin",
            "locale" => "de",
            "phone_number" => "+4930123456",
            _ => "Jane",
        };
        new.attributes =
            AttributeName::ALL.iter().map(|name| (*name, attribute(value(*name)))).collect();
        new.attributes.insert(AttributeName::Email, proven("jane@example.org"));
        let jane = world.accounts.create(&root(), new).await.unwrap();
        let of = |scopes: &[&str], claims: &[&str]| {
            let set = |names: &[&str]| -> BTreeSet<String> {
                names.iter().map(|name| (*name).to_owned()).collect()
            };
            standard_claims(&jane, &set(scopes), &set(claims))
        };
        assert!(of(&["openid"], &[]).is_empty());
        let profile = of(&["openid", "profile"], &[]);
        assert_eq!(profile.len(), 14);
        assert_eq!(profile["updated_at"], jane.updated_at.seconds());
        let email = of(&["email"], &[]);
        assert_eq!(email["email_verified"], true);
        assert_eq!(of(&["phone"], &[])["phone_number_verified"], false);
        assert_eq!(of(&["address"], &[])["address"]["street_address"], "Jane");
        assert_eq!(of(&[], &["nickname"]).len(), 1);
        // Every standard claim of OpenID Connect Core 5.1 but `sub` can be given.
        let all = of(&["profile", "email", "address", "phone"], &[]);
        assert_eq!(all.len(), 19);
        assert!(all.keys().all(|claim| claims_supported().contains(&claim.as_str())));
        let nobody = world.accounts.create(&root(), NewUser::default()).await.unwrap();
        let scopes = ["profile", "email", "address", "phone"].map(str::to_owned).into();
        let given = standard_claims(&nobody, &scopes, &BTreeSet::new());
        assert_eq!(given.keys().collect::<Vec<_>>(), ["updated_at"]);
    })
    .await;
}

#[tokio::test]
async fn a_listing_is_filtered_and_goes_on_where_it_ended() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        for n in 0..5 {
            world.person(&format!("p{n}")).await;
        }
        let list = |filter, after| world.accounts.list_names(filter, after);
        let first = list(UserFilter::default(), None).await;
        let second = list(UserFilter::default(), Some(first[1])).await;
        assert!(first.iter().all(|id| !second.contains(id)));
        let identifier = Some(Identifier::typed("P3@example.org").unwrap());
        assert_eq!(list(UserFilter { identifier, ..UserFilter::default() }, None).await.len(), 1);
        let state = Some(UserState::Locked);
        assert!(list(UserFilter { state, ..UserFilter::default() }, None).await.is_empty());
    })
    .await;
}

impl crate::accounts::Accounts {
    async fn list_names(&self, filter: UserFilter, after: Option<UserId>) -> Vec<UserId> {
        let page = self.list(&root(), filter, after, 2).await.unwrap();
        page.iter().map(|user| user.id).collect()
    }
}
