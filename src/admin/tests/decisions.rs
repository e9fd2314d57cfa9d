//! Why something was allowed or refused.

use std::sync::Arc;

use http::StatusCode;
use serde_json::json;

use super::world::{machine, person, plain, signed_in};
use crate::access::Given;
use crate::account::tests::world::{House, REALM};
use crate::accounts::UserState;
use crate::kernel::{
    Evidence, EvidenceSource, Lifetime, Situation, SpiffeId, Strength, Subject, SubjectKind,
    Timestamp,
};
use crate::signin::tests::world::Tab;
use crate::svid::IssueX509;
use crate::testkit::{Rest, on_each_database, until};
use crate::workloads::{Entry, Filter, ListEntries};

/// Opens this list again and again until it has so many: what happened is copied to the database behind the answers.
async fn until_there_are(house: &House, tab: &mut Tab, query: &str, wanted: usize) {
    let tab = tokio::sync::Mutex::new(tab);
    until("the decisions are on record", async || {
        let mut tab = tab.lock().await;
        tab.get(house, &format!("/admin/decisions{query}")).await;
        let count = tab.body.matches("href=\"/admin/decisions/").count();
        if tab.status == StatusCode::OK && count >= wanted {
            Ok(())
        } else {
            Err((tab.status, count))
        }
    })
    .await;
}

#[tokio::test]
async fn an_auditor_finds_what_was_decided_by_subject_outcome_and_time() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let grace = person(&house, "grace", Some(Given::Auditor)).await;
        let ada = person(&house, "ada", None).await;
        let laptop = machine(&house, "ada-laptop", Some(&ada)).await;
        let mut her = Tab::new();
        house.sign_in(&mut her, "ada").await;
        let mut wrong = Tab::new();
        wrong.get(&house, "/account").await;
        wrong.follow(&house).await;
        wrong.post(&house, "identify", &[("identifier", "ada")]).await;
        wrong.post(&house, "password", &[("password", "another battery staple")]).await;
        let mut tab = signed_in(&house, &grace).await;
        until_there_are(&house, &mut tab, "?of=signin", 2).await;
        let page = plain(&tab);
        assert!(page.contains(">Allowed<") && page.contains(">Refused<"), "{page}");
        until_there_are(&house, &mut tab, "?effect=refused&since=hour", 1).await;
        assert!(!tab.body.contains("badge good"), "{}", tab.body);
        until_there_are(&house, &mut tab, "?about=ada&of=signin", 1).await;
        assert!(!tab.body.contains("badge bad"), "a wrong password is nobody's: {}", tab.body);
        // What a device was given is in one log, that it came in the other.
        until_there_are(&house, &mut tab, &format!("?about={}", laptop.id), 2).await;
        let page = plain(&tab);
        assert!(page.contains("Certificate") && page.contains("Enrolment of a device"), "{page}");
        tab.get(&house, "/admin/decisions?about=nobody-is-called-so").await;
        assert!(tab.body.contains("id=\"unknown\""), "{}", tab.body);
        for query in ["?effect=x", "?of=x", "?since=x", "?cursor=x"] {
            tab.get(&house, &format!("/admin/decisions{query}")).await;
            assert_eq!(tab.status, StatusCode::BAD_REQUEST, "{query}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_decision_says_by_which_policies_and_a_refusal_by_which_rule() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let grace = person(&house, "grace", Some(Given::Admin)).await;
        let ada = person(&house, "ada", None).await;
        machine(&house, "ada-laptop", None).await;
        let accounts = &house.server().accounts;
        accounts.set_state(&house.by(), ada.id, UserState::Locked).await.unwrap();
        let mut her = Tab::new();
        her.get(&house, "/account").await;
        her.follow(&house).await;
        house.show_password(&mut her, "ada").await;
        let mut tab = signed_in(&house, &grace).await;
        until_there_are(&house, &mut tab, "?of=signin&effect=refused", 1).await;
        open_first(&house, &mut tab).await;
        let page = plain(&tab);
        assert!(page.contains("id=\"reason\""), "{page}");
        assert!(page.contains("this account is locked"), "{page}");
        let rule = page.split_once("id=\"rule\"").map_or("", |(_, rest)| rest);
        assert!(
            rule.contains("@id(&#34;locked&#34;)") && rule.contains("context.locked"),
            "{page}"
        );
        until_there_are(&house, &mut tab, "?of=svid", 1).await;
        open_first(&house, &mut tab).await;
        assert!(plain(&tab).contains("these are in force"), "{}", tab.body);
        for id in ["x", "ledger:db:99999999", "changes:1:99999999", "changes:1:1:1"] {
            tab.get(&house, &format!("/admin/decisions/{id}")).await;
            assert_eq!(tab.status, StatusCode::NOT_FOUND, "{id}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_refused_certificate_is_found_by_its_workload_with_the_rule_and_what_was_known() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let grace = person(&house, "grace", Some(Given::Admin)).await;
        let server = house.server();
        let home = server.realms.get(REALM).unwrap().trust_domain.to_string();
        let web = format!("spiffe://{home}/web");
        let rest = Rest::new(crate::workloads::http::routes(&server.workloads), house.by());
        let entry = json!({"spiffe_id": web, "parent_id": format!("spiffe://{home}/node"), "selectors": ["unix:uid:1000"]});
        let made = rest.post("entries", entry).await;
        assert_eq!(made.status, 201, "{made:?}");
        let entry = until("the entry is known", async || entry_of(&house, &web).ok_or("no")).await;
        let mut tab = signed_in(&house, &grace).await;
        let fields = [("subject", "/web"), ("reason", "odd traffic"), ("span", "1")];
        tab.post_to(&house, "/admin/contained/new", &fields).await;
        assert_eq!(tab.status, StatusCode::SEE_OTHER, "{}", tab.body);
        let id = entry.terms.spiffe_id.clone();
        let evidence = Evidence {
            subject: Subject { kind: SubjectKind::Workload, id, number: entry.number },
            source: EvidenceSource::WorkloadAttestation,
            strength: Strength::Software,
            at: house.now(),
            expires: Timestamp::FOREVER,
            device: None, situation: Situation::default(), };
        let standing = server.posture.standing(&evidence);
        let ask = IssueX509::for_holder(REALM, evidence, standing, Lifetime::hours(1));
        for _ in 0..3 {
            assert!(server.access.permit(ask.clone()).is_err());
        }
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("about", &web)
            .append_pair("effect", "refused")
            .finish();
        until_there_are(&house, &mut tab, &format!("?{query}"), 1).await;
        until_there_are(&house, &mut tab, "?of=svid&effect=refused", 1).await;
        assert_eq!(tab.body.matches("href=\"/admin/decisions/").count(), 1, "once: {}", tab.body);
        open_first(&house, &mut tab).await;
        let page = plain(&tab);
        let rule = page.split_once("id=\"rule\"").map_or("", |(_, rest)| rest);
        assert!(rule.contains("@id(&#34;contained&#34;)"), "{page}");
        for part in ["odd traffic", "these are in force", &web, "IssueX509Svid"] {
            assert!(page.contains(part), "{part}: {page}");
        }
    })
    .await;
}

fn entry_of(house: &House, id: &str) -> Option<Arc<Entry>> {
    let spiffe_id = Some(SpiffeId::parse(id).unwrap());
    let filter = Filter { spiffe_id, ..Filter::default() };
    let ask = ListEntries { realm: REALM, by: house.by().asker, filter, after: None, limit: 1 };
    house.server().workloads.list(ask).ok()?.entries.first().cloned()
}

/// Opens the first decision of the list.
async fn open_first(house: &House, tab: &mut Tab) {
    let (_, rest) = tab.body.split_once("href=\"/admin/decisions/").expect("a decision");
    let id = rest.split('"').next().unwrap().to_owned();
    tab.get(house, &format!("/admin/decisions/{id}")).await;
    assert_eq!(tab.status, StatusCode::OK, "{id}: {}", tab.body);
}

#[tokio::test]
async fn whoever_may_not_read_events_reads_no_decisions() {
    let house = House::start().await;
    for (name, given) in [("vera", Given::Viewer), ("otto", Given::Operator)] {
        let user = person(&house, name, Some(given)).await;
        let mut tab = signed_in(&house, &user).await;
        for path in ["", "?about=ada", "?about=nobody", "/changes:1:1"] {
            tab.get(&house, &format!("/admin/decisions{path}")).await;
            assert_eq!(tab.status, StatusCode::FORBIDDEN, "{name} {path}: {}", tab.body);
            assert!(tab.body.contains("id=\"command\""), "{name} {path}");
        }
    }
}
