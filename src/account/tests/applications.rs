//! What applications were given: shown, and taken back.

use serde_json::json;

use super::world::{House, REALM};
use crate::kernel::ClientId;
use crate::signin::tests::world::Tab;
use crate::testkit::{Rest, on_each_database, until};

/// An application that asks people, and whatever it is told goes to `https://notes.test/cb`.
pub(crate) async fn application(house: &House, id: &str, name: &str) {
    let oauth = &house.server().oauth;
    let rest = Rest::new(crate::oauth::http::admin_routes(oauth), house.by());
    let document = json!({
        "id": id, "name": name, "profile": "web", "redirect_uris": ["https://notes.test/cb"],
    });
    let made = rest.post("clients", document).await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = ClientId::parse(id).unwrap();
    until("the client is known", async || oauth.client(REALM, &id).map(drop).ok_or("not yet"))
        .await;
}

/// They let the application in; where it leads.
pub(crate) async fn allow(house: &House, tab: &mut Tab, id: &str) -> String {
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let path = format!(
        "/authorize?client_id={id}&redirect_uri=https%3A%2F%2Fnotes.test%2Fcb&response_type=code\
         &scope=openid+email+offline_access&prompt=consent&state=s&code_challenge={challenge}\
         &code_challenge_method=S256"
    );
    tab.get(house, &path).await;
    for _hop in 0..4 {
        match tab.location() {
            Some(path) if path.starts_with('/') => tab.get(house, &path).await,
            _ => break,
        }
    }
    let (_, rest) = tab.body.split_once("name=\"request\" value=\"").expect("the question");
    let request = rest.split('"').next().unwrap().to_owned();
    let yes = [("request", &*request), ("decision", "allow"), ("scope.email", "on")];
    tab.post_to(house, "/authorize/consent", &yes).await;
    tab.location().unwrap_or_else(|| tab.body.clone())
}

#[tokio::test]
async fn an_application_is_shown_with_what_it_gets_and_cut_off() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let ada = house.person("ada").await;
        application(&house, "notes", "Field Notes").await;
        application(&house, "times", "Timetable").await;
        let mut tab = Tab::new();
        house.sign_in(&mut tab, "ada").await;
        tab.get(&house, "/account/applications").await;
        assert!(tab.body.contains("No application has access"), "{}", tab.body);
        for id in ["notes", "times"] {
            let there = allow(&house, &mut tab, id).await;
            assert!(there.starts_with("https://notes.test/cb?"), "{there}");
        }
        tab.get(&house, "/account/applications").await;
        for words in
            ["Field Notes", "Timetable", "your e-mail address", "access while you are away"]
        {
            assert!(tab.body.contains(words), "{words}: {}", tab.body);
        }
        tab.get(&house, "/account").await;
        let plain = tab.body.replace(['\u{2068}', '\u{2069}'], "");
        assert!(plain.contains("2 applications have access"), "{plain}");
        let connected = house.server().oauth.connected(REALM, ada.id).await.unwrap();
        assert!(connected.iter().all(|one| one.used.is_some() && one.since <= house.now()));
        tab.post_to(&house, "/account/applications/withdraw", &[("application", "notes")]).await;
        assert_eq!(tab.location().as_deref(), Some("/account/applications?done=withdrawn"));
        let left = until("the withdrawal is followed", async || {
            let left = house.server().oauth.connected(REALM, ada.id).await.unwrap();
            if left.len() == 1 { Ok(left) } else { Err(left.len()) }
        })
        .await;
        assert_eq!(left[0].name, "Timetable");
        tab.get(&house, "/account/applications").await;
        assert!(!tab.body.contains("Field Notes") && tab.body.contains("Timetable"));
        // What was taken back is asked for again, even where the application does not insist.
        assert!(allow(&house, &mut tab, "notes").await.starts_with("https://notes.test/cb?"));
        println!("proof: applications connected 2, cut off 1, left {}", left.len());
    })
    .await;
}
