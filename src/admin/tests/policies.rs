//! What the policies are, were, would be and would say.

use std::sync::Arc;

use http::StatusCode;

use super::world::{machine, person, plain, signed_in, spiffe_id};
use crate::access::{Given, Name, Rights, Seen, SetPolicy};
use crate::account::tests::world::{House, REALM};
use crate::signin::tests::world::Tab;
use crate::testkit::until;

fn rights(house: &House) -> Rights {
    let server = house.server();
    Rights::new(server.access.clone(), server.events.clone(), server.env.clone())
}

/// The texts in force.
fn texts(house: &House) -> Vec<(String, Arc<str>)> {
    let all = rights(house).policies(&house.by().asker, REALM).unwrap();
    all.into_iter().map(|policy| (policy.name, policy.text)).collect()
}

async fn check(house: &House, tab: &mut Tab, name: &str, text: &str) -> String {
    tab.post_to(house, &format!("/admin/policies/{name}/check"), &[("text", text)]).await;
    plain(tab)
}

#[tokio::test]
async fn a_changed_text_is_checked_line_by_line_and_nothing_is_kept() {
    let house = House::start().await;
    let grace = person(&house, "grace", Some(Given::Viewer)).await;
    let root = person(&house, "root", Some(Given::Admin)).await;
    let before = texts(&house);
    let mut tab = signed_in(&house, &grace).await;
    tab.get(&house, "/admin/policies").await;
    assert!(tab.body.contains("/admin/policies/sign-in"), "{}", tab.body);
    tab.get(&house, "/admin/policies/sign-in").await;
    assert!(tab.body.contains("id=\"in-force\"") && !tab.body.contains("id=\"past\""));
    let page = check(&house, &mut tab, "sign-in", "// fine\r\npermit (principal,").await;
    assert_eq!(tab.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("Line 2, column"), "{page}");
    assert!(page.contains("// fine"), "what was typed stays: {page}");
    let page = check(
        &house,
        &mut tab,
        "sign-in",
        "permit (principal, action == Action::\"Fly\", resource);",
    )
    .await;
    assert!(page.contains("Line 1, column"), "{page}");
    let (_, same) = before.iter().find(|(name, _)| name == "sign-in").unwrap();
    let page = check(&house, &mut tab, "sign-in", same).await;
    assert_eq!(tab.status, StatusCode::OK);
    assert!(page.contains("id=\"good\""), "{page}");
    let page = check(&house, &mut tab, "roles", "// nobody\n").await;
    assert_eq!(tab.status, StatusCode::UNPROCESSABLE_ENTITY);
    let locked_out = spiffe_id(&house, &root).to_string();
    assert!(page.contains(&locked_out), "whom it would lock out: {page}");
    tab.get(&house, "/admin/policies/none-of-that-name").await;
    assert_eq!(tab.status, StatusCode::NOT_FOUND);
    assert_eq!(texts(&house), before, "nothing was kept");
}

#[tokio::test]
async fn an_auditor_reads_what_a_policy_was() {
    let house = House::start().await;
    let grace = person(&house, "grace", Some(Given::Auditor)).await;
    let name = Name::parse("ours").unwrap();
    let text: Arc<str> = Arc::from(
        "@id(\"ours\")\nforbid (principal, action == Action::\"RetireDevice\", resource);\n",
    );
    let ask = SetPolicy { asker: house.by().asker, realm: REALM, name, text, seen: Seen::Anything };
    rights(&house).set_policy(ask).await.unwrap();
    until("the policy is in force", async || {
        let all = texts(&house);
        if all.iter().any(|(name, _)| name == "ours") { Ok(()) } else { Err(all.len()) }
    })
    .await;
    let mut tab = signed_in(&house, &grace).await;
    tab.get(&house, "/admin/policies/ours").await;
    let page = plain(&tab);
    let past = page.split_once("id=\"past\"").map_or("", |(_, rest)| rest);
    assert!(past.contains("RetireDevice") && past.contains(">Set "), "{page}");
    assert!(page.contains("The realm&#39;s own"), "{page}");
}

#[tokio::test]
async fn a_changed_text_is_asked_about_the_decisions_on_record_and_nothing_is_kept() {
    let house = House::start().await;
    let grace = person(&house, "grace", Some(Given::Auditor)).await;
    let vera = person(&house, "vera", Some(Given::Viewer)).await;
    machine(&house, "ada-laptop", None).await;
    let before = texts(&house);
    let (_, shipped) = before.iter().find(|(name, _)| name == "issuance").unwrap();
    let text = format!(
        "{shipped}\n@id(\"none\") @says(\"nothing for anybody\")\nforbid (principal, action == Action::\"IssueX509Svid\", resource);\n"
    );
    let path = "/admin/policies/issuance/check";
    let mut tab = signed_in(&house, &vera).await;
    tab.get(&house, "/admin/policies/issuance").await;
    assert!(!tab.body.contains("id=\"do-replay\""), "who reads no events asks nothing of them");
    tab.post_to(&house, path, &[("text", &text), ("replay", "yes")]).await;
    assert_eq!(tab.status, StatusCode::FORBIDDEN, "{}", tab.body);

    let tab = tokio::sync::Mutex::new(signed_in(&house, &grace).await);
    until("the decision is on record and would be another", async || {
        let mut tab = tab.lock().await;
        tab.post_to(&house, path, &[("text", &text), ("replay", "yes")]).await;
        assert_eq!(tab.status, StatusCode::OK, "{}", tab.body);
        let page = plain(&tab);
        let replayed = page.split_once("id=\"replayed\"").map_or("", |(_, rest)| rest);
        let told = replayed.contains("would have refused 1 that were allowed")
            && replayed.contains("nothing for anybody")
            && replayed.contains("href=\"/admin/decisions/ledger:");
        if told { Ok(()) } else { Err(page) }
    })
    .await;
    let mut tab = tab.into_inner();
    tab.post_to(&house, path, &[("text", shipped), ("replay", "yes")]).await;
    let page = plain(&tab);
    assert!(page.contains("would have refused 0 that were allowed"), "{page}");
    tab.post_to(&house, path, &[("text", "permit ("), ("replay", "yes")]).await;
    assert!(!tab.body.contains("id=\"replayed\"") && tab.body.contains("id=\"flaws\""));
    assert_eq!(texts(&house), before, "nothing was kept");
}

#[tokio::test]
async fn what_if_is_answered_with_the_rules_that_decide() {
    let house = House::start().await;
    let grace = person(&house, "grace", Some(Given::Viewer)).await;
    let ada = person(&house, "ada", None).await;
    let mut tab = signed_in(&house, &grace).await;
    tab.get(&house, "/admin/what-if").await;
    assert!(tab.body.contains("<option>ReadDevice</option>"), "{}", tab.body);
    let ask = |who: &str, more: &str| {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("action", "ReadDevice")
            .append_pair("principal", who)
            .append_pair("resource", "Device::\"all\"")
            .finish();
        format!("/admin/what-if?{query}{more}")
    };
    let user = |of| format!("User::\"{}\"", spiffe_id(&house, of));
    let check = async |tab: &mut Tab, path: &str, parts: &[&str]| {
        tab.get(&house, path).await;
        assert_eq!(tab.status, StatusCode::OK, "{path}: {}", tab.body);
        let page = plain(tab);
        assert!(parts.iter().all(|part| page.contains(part)), "{parts:?} in {page}");
    };
    check(&mut tab, &ask(&user(&grace), ""), &["id=\"outcome\">Allowed<", "roles/viewer"]).await;
    check(&mut tab, &ask(&user(&ada), ""), &["id=\"outcome\">Refused<", "No rule permits it."])
        .await;
    let restricted = ask(&user(&grace), "&level=restricted&score=45");
    check(
        &mut tab,
        &restricted,
        &["Refused<", "posture/restricted-calls-no-admin-api", "context.standing"],
    )
    .await;
    check(&mut tab, &ask("ada", ""), &["id=\"flaws\""]).await;
    check(&mut tab, &ask(&user(&ada), "&context=%7B"), &["id=\"flaws\""]).await;
    check(&mut tab, &ask(&user(&ada), "&level=restricted&score=many"), &["id=\"flaws\""]).await;
    let mut none = signed_in(&house, &ada).await;
    none.get(&house, &ask(&user(&ada), "")).await;
    assert_eq!(none.status, StatusCode::FORBIDDEN, "{}", none.body);
}
