//! A policy in shadow decides nothing; where it would have changed an answer, that is counted.

use super::super::Shadowed;
use super::super::shadow::Differs;
use super::change::Replica;
use super::*;
use crate::jobs::Reconciler;
use crate::testkit::{TestDatabase, engines};

fn differs(realm: &RealmRights, ask: &Ask) -> Option<(Vec<String>, &'static str, &'static str)> {
    let request = ask.request();
    let question = realm.question(ask.action, &request, now()).unwrap();
    let Differs { policies, is, would, .. } = question.answer().1?;
    Some((policies.iter().map(ToString::to_string).collect(), is, would))
}

#[test]
fn a_policy_in_shadow_decides_nothing_and_tells_what_it_would_have_done() {
    let own = r#"
        @id("no") @shadow forbid (principal, action == Action::"IssueX509Svid", resource)
        when { context.standing == "standard" };
        @id("less") @shadow("soon") @lifetime_seconds("60")
        forbid (principal, action == Action::"IssueJwtSvid", resource)
        when { context.standing == "standard" };
        @id("ask") @shadow @step_up("x") forbid (principal, action == Action::"SignIn", resource);
        @id("yes") @shadow permit (principal, action == Action::"BanAgent", resource);
    "#;
    let (plain, shadowed) = (realm(vec![], &[]), realm(vec![], &[("own", own)]));
    let told = |id: &str, is, would| Some((vec![format!("own/{id}")], is, would));
    let sign_in = Ask::new(workload("/user/ada"), "SignIn", "Client", &id("/user/ada"));
    let ban = Ask::new(workload("/web"), "BanAgent", "Agent", &id("/spire/agent/a"));
    for (ask, expected) in [
        (issue(Level::Standard, "IssueX509Svid"), told("no", "permit", "deny")),
        (issue(Level::Trusted, "IssueX509Svid"), None),
        (issue(Level::Standard, "IssueJwtSvid"), told("less", "permit", "permit for less long")),
        (sign_in, told("ask", "permit", "step-up")),
        (ban, told("yes", "deny", "permit")),
    ] {
        assert_eq!(decide(&shadowed, &ask), decide(&plain, &ask), "{ask:?}");
        assert_eq!(differs(&shadowed, &ask), expected, "{ask:?}");
    }
}

#[test]
fn what_a_policy_in_shadow_reads_is_never_hidden_by_what_is_remembered() {
    let own = r#"@shadow forbid (principal, action == Action::"IssueX509Svid", resource)
        when { resource in Path::"spiffe://weft.test/web" };"#;
    let realm = realm(vec![], &[("own", own)]);
    let other = Ask::new(Asker::node(&id("/spire/agent/a")), "IssueX509Svid", "Svid", &id("/api"));
    assert_eq!(differs(&realm, &other), None);
    assert!(differs(&realm, &issue(Level::Unknown, "IssueX509Svid")).is_some());
    // Nor by what is remembered of another: the resource counts now, because the policy in shadow looks at it.
    assert_eq!(differs(&realm, &other), None);
    assert_eq!(remembered(&realm, &other), Some(2));
}

fn remembered(realm: &RealmRights, ask: &Ask) -> Option<usize> {
    let request = ask.request();
    realm.question(ask.action, &request, now()).unwrap().memo().map(super::super::memo::Memo::len)
}

#[test]
fn beside_a_policy_in_shadow_answers_are_remembered_and_every_difference_is_told() {
    let own = r#"
        @id("no") @shadow forbid (principal, action == Action::"IssueX509Svid", resource)
        when { context.strength == "software" };
        @id("less") @shadow @lifetime_seconds("60")
        forbid (principal in Path::"spiffe://weft.test/spire/agent/a", action == Action::"IssueJwtSvid", resource);
    "#;
    let realm = realm(vec![], &[("own", own)]);
    for (action, id, is, would) in [
        ("IssueX509Svid", "own/no", "permit", "deny"),
        ("IssueJwtSvid", "own/less", "permit", "permit for less long"),
    ] {
        let ask = issue(Level::Trusted, action);
        for _ in 0..3 {
            assert_eq!(differs(&realm, &ask), Some((vec![id.to_owned()], is, would)));
            assert_eq!(remembered(&realm, &ask), Some(1), "{action}");
        }
    }
    let other = Ask::new(Asker::node(&id("/spire/agent/b")), "IssueJwtSvid", "Svid", &id("/web"));
    assert_eq!(differs(&realm, &other), None, "its scope is another");
    let hardware = Owned::Text("hardware".to_owned());
    assert_eq!(
        differs(&realm, &issue(Level::Trusted, "IssueX509Svid").with("strength", hardware)),
        None
    );
}

#[test]
fn a_policy_in_shadow_that_reads_the_time_is_asked_every_time() {
    let own = r#"@shadow forbid (principal, action == Action::"IssueX509Svid", resource)
        when { context.now_seconds > 1767225600 };"#;
    let realm = realm(vec![], &[("own", own)]);
    let ask = issue(Level::Trusted, "IssueX509Svid");
    assert_eq!(remembered(&realm, &ask), None);
    assert_eq!(differs(&realm, &ask), None);
    let (request, later) = (ask.request(), now().plus(Lifetime::seconds(1)));
    assert!(realm.question(ask.action, &request, later).unwrap().answer().1.is_some());
}

#[test]
fn no_policy_in_shadow_is_behind_evidence_that_has_ended() {
    let own = r#"@shadow @lifetime_seconds("60")
        permit (principal, action == Action::"IssueX509Svid", resource);"#;
    let realm = realm(vec![], &[("own", own)]);
    let ask = Ask { expires: now(), ..issue(Level::Trusted, "IssueX509Svid") };
    assert!(decide(&realm, &ask).is_err());
    assert_eq!(differs(&realm, &ask), None);
}

#[test]
fn a_policy_in_shadow_cannot_stand_in_the_place_of_a_shipped_one() {
    let text = "@id(\"a\")\n@shadow forbid (principal, action, resource);";
    let error = check(&SHIPPED.0, "posture", text).unwrap_err();
    assert!(error.to_string().starts_with("line 2, column 1: annotation `@shadow`"), "{error}");
    assert_eq!(check(&SHIPPED.0, "own", text), Ok(()));
}

#[test]
fn what_was_counted_is_taken_once() {
    struct Read;
    impl Action for Read {
        const NAME: &'static str = "ReadRealm";
        fn request(&self) -> Request<'_> {
            Request {
                realm: REALM,
                principal: ("Local", "0"),
                principal_id: None,
                actor: None,
                resource: ("Realm", "1"),
                resource_id: None,
                context: vec![],
                standing: None,
                situation: Situation::unknown(),
                evidence_expires: Timestamp::FOREVER,
            }
        }
    }
    let access = Access::new(Arc::new(TestClock::new()), OWN_UID).unwrap();
    let own = r#"@id("no") @shadow forbid (principal, action == Action::"ReadRealm", resource);"#;
    access.put(REALM, realm(vec![], &[("own", own)]));
    for _ in 0..3 {
        access.permit(Read).unwrap().spend();
    }
    let counted: Vec<u64> = access.inner.shadows.take().into_values().collect();
    assert_eq!(counted, [3]);
    assert!(access.inner.shadows.take().is_empty());
}

#[tokio::test]
async fn what_a_policy_in_shadow_would_have_changed_is_recorded_once() {
    let replica = Replica::new(&TestDatabase::new(engines()[0]).await).await;
    let rights = &replica.rights;
    let own = r#"@id("no") @shadow forbid (principal, action == Action::"ReadPolicy", resource);"#;
    rights
        .access
        .put(REALM, realm(vec![bind("v", Holder::LocalUser(7), Given::Viewer)], &[("own", own)]));
    for _ in 0..2 {
        rights.policies(&local(7), REALM).unwrap();
    }
    let (access, events) = (rights.access.clone(), rights.events.clone());
    let shadowed = Shadowed { access, events };
    assert_eq!(shadowed.reconcile().await.unwrap().changed, 1);
    assert_eq!(shadowed.reconcile().await.unwrap().changed, 0);
}
