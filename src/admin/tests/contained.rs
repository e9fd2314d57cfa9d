//! Who is contained from the console, by whom, and what hangs off a device.

use http::StatusCode;

use super::world::{machine, person, plain, signed_in, spiffe_id};
use crate::access::Given;
use crate::account::tests::applications::{allow, application};
use crate::account::tests::world::{House, REALM};
use crate::oauth::tests::devices::bind_all;
use crate::signin::tests::world::Tab;
use crate::testkit::{on_each_database, until};

const REASON: (&str, &str) = ("reason", "odd traffic");

async fn contain(house: &House, tab: &mut Tab, subject: &str) -> StatusCode {
    let fields = [("subject", subject), REASON, ("span", "1")];
    tab.post_to(house, "/admin/contained/new", &fields).await;
    tab.status
}

#[tokio::test]
async fn a_person_a_workload_and_a_device_are_contained_and_released_from_one_list() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let grace = person(&house, "grace", Some(Given::Operator)).await;
        let ada = person(&house, "ada", None).await;
        let laptop = machine(&house, "ada-laptop", None).await;
        let home = house.server().realms.get(REALM).unwrap().trust_domain.to_string();
        let mut tab = signed_in(&house, &grace).await;
        tab.get(&house, "/admin/contained").await;
        assert!(tab.body.contains("id=\"nobody\"") && tab.body.contains("id=\"contain\""));
        let workload = format!("spiffe://{home}/billing");
        let whom = [
            ("ada@example.org".to_owned(), ada.id.to_string(), "ada"),
            ("/billing".to_owned(), workload.clone(), &workload),
            (laptop.id.to_string(), laptop.id.to_string(), "ada-laptop"),
        ];
        for (typed, _, _) in &whom {
            assert_eq!(contain(&house, &mut tab, typed).await, StatusCode::SEE_OTHER, "{typed}");
            let there = tab.location();
            assert_eq!(there.as_deref(), Some("/admin/contained?done=subject-contained"));
        }
        let by = format!("{}, ", grace.display_name());
        for (_, subject, name) in &whom {
            tab.get(&house, "/admin/contained").await;
            let page = plain(&tab);
            assert!(page.contains(&format!("<bdi>{name}</bdi>")), "{name}: {page}");
            for part in [subject.as_str(), "odd traffic", "for another ", &by] {
                assert!(page.contains(part), "{part}: {page}");
            }
            let release = [("subject", subject.as_str()), ("reason", "nothing found")];
            tab.post_to(&house, "/admin/contained/release", &release).await;
            assert_eq!(
                tab.location().as_deref(),
                Some("/admin/contained?done=subject-released"),
                "{}",
                tab.body
            );
            tab.get(&house, "/admin/contained").await;
            assert!(!plain(&tab).contains(&format!("<bdi>{name}</bdi>")), "{name} is free");
            tab.post_to(&house, "/admin/contained/release", &release).await;
            assert_eq!(tab.status, StatusCode::BAD_REQUEST, "once is enough");
        }
        println!("proof: contained and released on the console: {} sorts of subjects", whom.len());
    })
    .await;
}

#[tokio::test]
async fn what_is_nobody_oneself_or_without_a_reason_is_not_contained_and_the_form_keeps_its_words()
{
    let house = House::start().await;
    let grace = person(&house, "grace", Some(Given::Operator)).await;
    let mut tab = signed_in(&house, &grace).await;
    for (subject, words) in [
        ("grace", "Nobody contains themselves"),
        (&*grace.id.to_string(), "Nobody contains themselves"),
        ("nobody-of-that-name", "Nobody and nothing here is called that"),
        ("", "Nobody and nothing here is called that"),
        ("/spire/server", "This cannot be contained"),
        ("/not//a/path", "Nobody and nothing here is called that"),
    ] {
        let status = contain(&house, &mut tab, subject).await;
        let page = plain(&tab);
        assert_eq!(status, StatusCode::BAD_REQUEST, "{subject}: {page}");
        assert!(page.contains(words) && page.contains("id=\"subject-flaw\""), "{subject}: {page}");
        assert!(page.contains("value=\"odd traffic\""), "{subject}: {page}");
        assert!(page.contains("<option value=\"1\" selected"), "{subject}: {page}");
    }
    let silent = [("subject", "/billing"), ("reason", " ")];
    tab.post_to(&house, "/admin/contained/new", &silent).await;
    assert!(tab.body.contains("id=\"reason-flaw\""), "{}", tab.body);
    assert!(!house.server().containments.any(), "nobody was contained");
}

#[tokio::test]
async fn whoever_may_not_contain_sees_who_is_contained_and_no_button() {
    let house = House::start().await;
    let root = person(&house, "root", Some(Given::Admin)).await;
    let mut tab = signed_in(&house, &root).await;
    assert_eq!(contain(&house, &mut tab, "/billing").await, StatusCode::SEE_OTHER);
    let vera = person(&house, "vera", Some(Given::Viewer)).await;
    let mut tab = signed_in(&house, &vera).await;
    tab.get(&house, "/admin/contained").await;
    assert!(tab.body.contains("/billing"), "{}", tab.body);
    assert!(!tab.body.contains("id=\"contain\"") && !tab.body.contains("/release?"));
    assert_eq!(contain(&house, &mut tab, "/other").await, StatusCode::FORBIDDEN);
    assert!(tab.body.contains(&spiffe_id(&house, &vera).to_string()), "how to get the right");
}

#[tokio::test]
async fn the_sign_ins_that_hang_off_a_device_stand_on_its_page_until_they_end() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let grace = person(&house, "grace", Some(Given::Admin)).await;
        let ada = person(&house, "ada", None).await;
        let laptop = machine(&house, "ada-laptop", Some(&ada)).await;
        application(&house, "notes", "Field Notes").await;
        let mut hers = Tab::new();
        house.sign_in(&mut hers, "ada").await;
        let there = allow(&house, &mut hers, "notes").await;
        assert!(there.starts_with("https://notes.test/cb?"), "{there}");
        bind_all(&house.server().env, ada.id, laptop.id).await;
        let mut tab = signed_in(&house, &grace).await;
        tab.get(&house, &laptop.page()).await;
        let page = plain(&tab);
        assert!(page.contains("Sign-in of ada, Field Notes"), "{page}");
        assert!(page.contains("id=\"anew\""), "{page}");
        let vera = person(&house, "vera", Some(Given::Viewer)).await;
        let mut looks = signed_in(&house, &vera).await;
        looks.get(&house, &laptop.page()).await;
        assert!(!looks.body.contains("id=\"anew\""), "a viewer reads no events");

        let contain = format!("{}/contain", laptop.page());
        tab.post_to(&house, &contain, &[REASON, ("revision", "1"), ("span", "1")]).await;
        assert_eq!(tab.status, StatusCode::SEE_OTHER, "{}", tab.body);
        house.server().oauth.redecide_grants(REALM, laptop.id).await.unwrap();
        let tab = tokio::sync::Mutex::new(tab);
        until("what was decided anew is on the page", async || {
            let mut tab = tab.lock().await;
            tab.get(&house, &laptop.page()).await;
            let page = plain(&tab);
            let anew = page.split_once("id=\"anew\"").map_or("", |(_, rest)| rest);
            let shown = anew.contains("Decided anew") && anew.contains("odd traffic");
            let gone = !page.contains("Sign-in of ada, Field Notes");
            if shown && gone { Ok(()) } else { Err(page) }
        })
        .await;
        let mut tab = tab.into_inner();
        tab.get(&house, "/admin/decisions?of=session&effect=refused").await;
        let page = plain(&tab);
        assert!(page.contains("Decided anew") && page.contains("odd traffic"), "{page}");
    })
    .await;
}

#[tokio::test]
async fn whoever_holds_a_role_finds_the_console_from_their_account() {
    let house = House::start().await;
    person(&house, "grace", Some(Given::Auditor)).await;
    person(&house, "ada", None).await;
    for (name, holds) in [("grace", true), ("ada", false)] {
        let mut tab = Tab::new();
        house.sign_in(&mut tab, name).await;
        tab.get(&house, "/account").await;
        assert_eq!(tab.body.contains("href=\"/admin\""), holds, "{name}: {}", tab.body);
        assert_eq!(plain(&tab).contains("What you hold here: auditor."), holds, "{name}");
    }
}
