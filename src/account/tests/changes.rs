//! Somebody who is signed in, on each form: what it does, and what it needs.

use http::StatusCode;

use super::applications::application;
use super::strangers::FORMS;
use super::world::{House, REALM};
use crate::accounts::By;
use crate::accounts::tests::erasure::dump;
use crate::kernel::{Lifetime, Secret};
use crate::sessions::SessionCookie;
use crate::signin::tests::world::{GOOD, Tab, cross_site};
use crate::testkit::{TestDatabase, TestPasskey, on_each_database};

/// What only looks, or only takes oneself out: not worth a second proof.
pub(super) const EASY: [&str; 7] = [
    "/account/sign-out",
    "/account/sessions/end",
    "/account/sessions/end-all",
    "/account/passkeys/offer",
    "/account/applications/withdraw",
    "/account/verification",
    "/account/language",
];

#[tokio::test]
async fn a_change_needs_something_shown_lately() {
    let house = House::start().await;
    let ada = house.person("ada").await;
    let mut tab = Tab::new();
    house.sign_in(&mut tab, "ada").await;
    house.clock.advance(Lifetime::minutes(6));
    let mut refused = 0;
    for (path, form) in FORMS.into_iter().filter(|(path, _)| !EASY.contains(path)) {
        let fields: Vec<(String, String)> =
            url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        tab.post_to(&house, path, &fields).await;
        let location = tab.location().unwrap_or_default();
        assert!(location.starts_with("/sign-in/"), "{path}: {} {}", tab.status, tab.body);
        tab.follow(&house).await;
        assert_eq!(tab.step(), "password", "{path}");
        refused += 1;
    }
    let now = house.user(&ada).await;
    assert_eq!((now.factors, &now.identifiers), (house.user(&ada).await.factors, &ada.identifiers));
    // Somebody else's password is none of hers.
    house.person("eve").await;
    tab.post(&house, "password", &[("password", "another battery staple")]).await;
    assert_eq!(tab.step(), "password");
    // She shows hers, comes back to the page, and may.
    house.show_password(&mut tab, "ada").await;
    assert_eq!(tab.location().as_deref(), Some("/account/data"), "back where the last form was");
    tab.post_to(&house, "/account/recovery-codes/make", &[]).await;
    assert_eq!(tab.status, StatusCode::OK);
    assert_eq!(house.user(&ada).await.factors.recovery_codes, 10);
    println!("proof: changes asked for six minutes after the last proof {refused}, made 0");
}

#[tokio::test]
async fn a_password_is_changed_by_who_types_it_twice_and_keeps_the_rules() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        house.person("ada").await;
        let mut tab = Tab::new();
        house.sign_in(&mut tab, "ada").await;
        let new = "a brand new password";
        for (one, two, wrong) in [(new, GOOD, "repeated"), ("short", "short", "password")] {
            tab.post_to(&house, "/account/password", &[("password", one), ("repeated", two)]).await;
            let expected = format!("/account/password?wrong={wrong}");
            assert_eq!(tab.location(), Some(expected));
        }
        tab.post_to(&house, "/account/password", &[("password", new), ("repeated", new)]).await;
        assert_eq!(tab.location().as_deref(), Some("/account/password?done=saved"));
        let mut other = Tab::new();
        other.get(&house, "/account").await;
        other.follow(&house).await;
        other.post(&house, "identify", &[("identifier", "ada")]).await;
        other.post(&house, "password", &[("password", GOOD)]).await;
        assert_eq!(other.step(), "password", "the old one is no more");
        other.post(&house, "password", &[("password", new)]).await;
        assert_eq!(other.step(), "enrol", "{}", other.body);
    })
    .await;
}

/// The value of a field or button of the page.
fn value(tab: &Tab, name: &str) -> String {
    let marker = format!("name=\"{name}\" value=\"");
    let (_, rest) = tab.body.split_once(&marker).unwrap_or_else(|| panic!("{name}: {}", tab.body));
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_passkey_is_added_named_and_removed_but_not_the_last_way_in() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let ada = house.person("ada").await;
        let mut tab = Tab::new();
        house.sign_in(&mut tab, "ada").await;
        tab.post_to(&house, "/account/passkeys/start", &[]).await;
        assert_eq!(tab.location().as_deref(), Some("/account/passkeys?add"));
        tab.get(&house, "/account/passkeys?add").await;
        let issuer = house.server().realms.all().remove(0).issuer.to_string();
        let passkey = TestPasskey::synced(&issuer);
        let made = passkey.create(&tab.options());
        let state = value(&tab, "state");
        let fields = [("credential", &*made), ("state", &*state), ("name", "blue key")];
        tab.post_to(&house, "/account/passkeys/add", &fields).await;
        assert_eq!(tab.location().as_deref(), Some("/account/passkeys?done=passkey-added"));
        // She has two factors from now on, and shows both.
        tab.post_to(&house, "/account/passkeys/start", &[]).await;
        tab.follow(&house).await;
        let shown = passkey.get(&tab.options());
        tab.post(&house, "passkey", &[("credential", &shown)]).await;
        assert_eq!(tab.location().as_deref(), Some("/account/passkeys"), "{}", tab.body);
        // The same answer once more adds nothing.
        tab.post_to(&house, "/account/passkeys/add", &fields).await;
        assert_eq!(tab.location().as_deref(), Some("/account/passkeys?wrong=passkey"));
        tab.get(&house, "/account/passkeys").await;
        assert!(tab.body.contains("blue key"), "{}", tab.body);
        let id = value(&tab, "passkey");
        let renamed = [("passkey", &*id), ("name", "red <key>")];
        tab.post_to(&house, "/account/passkeys/rename", &renamed).await;
        tab.get(&house, "/account/passkeys").await;
        assert!(tab.body.contains("red &#60;key&#62;"), "{}", tab.body);
        // Somebody else names and removes none of hers.
        house.person("eve").await;
        let mut eve = Tab::new();
        house.sign_in(&mut eve, "eve").await;
        eve.post_to(&house, "/account/passkeys/rename", &[("passkey", &*id), ("name", "mine")])
            .await;
        eve.post_to(&house, "/account/passkeys/remove", &[("passkey", &*id)]).await;
        assert_eq!(house.user(&ada).await.factors.passkeys, 1);
        // Without a password it is her only way in.
        let accounts = &house.server().accounts;
        accounts.remove_password(REALM, ada.id, By::Themselves).await.unwrap();
        tab.post_to(&house, "/account/passkeys/remove", &[("passkey", &*id)]).await;
        assert_eq!(tab.location().as_deref(), Some("/account/passkeys?wrong=last"));
        assert_eq!(house.user(&ada).await.factors.passkeys, 1);
        let password = Secret::new(GOOD.to_owned());
        accounts.set_password(REALM, ada.id, &password, By::Themselves).await.unwrap();
        tab.post_to(&house, "/account/passkeys/remove", &[("passkey", &*id)]).await;
        assert_eq!(tab.location().as_deref(), Some("/account/passkeys?done=removed"));
        assert_eq!(house.user(&ada).await.factors.passkeys, 0);
    })
    .await;
}

#[tokio::test]
async fn whoever_turned_the_offer_of_a_passkey_off_reads_so_and_turns_it_on_again() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let ada = house.person("ada").await;
        let mut tab = Tab::new();
        house.sign_in(&mut tab, "ada").await;
        tab.get(&house, "/account/passkeys").await;
        assert!(!tab.body.contains("offer-again"), "nothing was turned off: {}", tab.body);
        // With scripts off too: both are plain forms.
        let mut other = Tab::new();
        other.get(&house, "/account").await;
        other.follow(&house).await;
        other.post(&house, "identify", &[("identifier", "ada")]).await;
        other.post(&house, "password", &[("password", GOOD)]).await;
        assert!(other.body.contains("value=\"never\""), "{}", other.body);
        other.post(&house, "enrol", &[("decision", "never")]).await;
        assert_eq!(other.location().as_deref(), Some("/account"), "{}", other.body);
        house.clock.advance(Lifetime::hours(2));
        for (language, words) in [
            ("en", "you are not offered a passkey"),
            ("de", "wird Ihnen kein Passkey angeboten"),
            ("ar", "لا يُعرض عليك مفتاح مرور"),
        ] {
            tab.adds.insert("accept-language", language.parse().unwrap());
            tab.get(&house, "/account/passkeys").await;
            assert!(tab.body.contains(words), "{language}: {}", tab.body);
        }
        tab.adds.clear();
        assert!(tab.body.contains("id=\"add-passkey\""), "one can still be added");
        let eve = house.person("eve").await;
        let mut hers = Tab::new();
        house.sign_in(&mut hers, "eve").await;
        hers.post_to(&house, "/account/passkeys/offer", &[]).await;
        assert!(house.user(&ada).await.passkey_declined_at.is_some(), "eve's is eve's");
        assert_eq!(house.user(&eve).await.passkey_declined_at, None);
        tab.post_to(&house, "/account/passkeys/offer", &[]).await;
        assert_eq!(tab.location().as_deref(), Some("/account/passkeys?done=saved"));
        assert_eq!(house.user(&ada).await.passkey_declined_at, None);
        tab.get(&house, "/account/passkeys").await;
        assert!(!tab.body.contains("offer-again"), "{}", tab.body);
    })
    .await;
}

#[tokio::test]
async fn recovery_codes_are_shown_once_and_the_old_ones_end() {
    let house = House::start().await;
    let ada = house.person("ada").await;
    let mut tab = Tab::new();
    house.sign_in(&mut tab, "ada").await;
    tab.post_to(&house, "/account/recovery-codes/make", &[]).await;
    let first = codes(&tab);
    assert_eq!(first.len(), 10, "{}", tab.body);
    tab.get(&house, "/account/recovery-codes").await;
    assert!(!tab.body.contains(&first[0]), "they are shown once");
    tab.post_to(&house, "/account/recovery-codes/make", &[]).await;
    let second = codes(&tab);
    let accounts = &house.server().accounts;
    for (code, holds) in [(&first[0], false), (&second[0], true), (&second[0], false)] {
        let checked =
            accounts.check_recovery_code(REALM, ada.id, code, super::world::ADDRESS).await;
        let yes = matches!(checked.unwrap(), crate::accounts::Checked::Yes(_));
        assert_eq!(yes, holds, "{code}");
    }
}

/// The codes on the page.
fn codes(tab: &Tab) -> Vec<String> {
    let list = tab.body.split_once("id=\"codes\">").map_or("", |(_, rest)| rest);
    let list = list.split("</ul>").next().unwrap();
    let item = |part: &str| part.split("</li>").next().unwrap().to_owned();
    list.split("<li>").skip(1).map(item).collect()
}

#[tokio::test]
async fn signing_out_elsewhere_ends_that_one_and_everywhere_ends_all() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let ada = house.person("ada").await;
        house.person("eve").await;
        let mut tabs = [Tab::new(), Tab::new(), Tab::new()];
        for (tab, name) in tabs.iter_mut().zip(["ada", "ada", "eve"]) {
            house.sign_in(tab, name).await;
        }
        let [mut here, mut there, mut eve] = tabs;
        let sessions = &house.server().sessions;
        let all = sessions.list(REALM, ada.id).await.unwrap();
        assert_eq!(all.len(), 2);
        let cookie = SessionCookie::parse(&there.jar[SessionCookie::NAME]).unwrap();
        let other = sessions.by_cookie(REALM, &cookie).await.unwrap().unwrap().id.to_string();
        // Eve does not end it by its name.
        eve.post_to(&house, "/account/sessions/end", &[("session", &other)]).await;
        assert_eq!(sessions.list(REALM, ada.id).await.unwrap().len(), 2);
        here.post_to(&house, "/account/sessions/end", &[("session", &other)]).await;
        assert_eq!(here.location().as_deref(), Some("/account/sessions?done=session"));
        there.get(&house, "/account").await;
        assert!(there.location().unwrap().starts_with("/sign-in/"), "it has ended");
        here.get(&house, "/account").await;
        assert_eq!(here.status, StatusCode::OK);
        here.post_to(&house, "/account/sessions/end-all", &[]).await;
        assert_eq!(here.location().as_deref(), Some("/account/signed-out"));
        assert!(sessions.list(REALM, ada.id).await.unwrap().is_empty());
        eve.get(&house, "/account").await;
        assert_eq!(eve.status, StatusCode::OK, "somebody else stays");
    })
    .await;
}

#[tokio::test]
async fn an_export_is_a_file_with_what_is_known_and_no_secret() {
    let house = House::start().await;
    house.person("ada").await;
    let mut tab = Tab::new();
    house.sign_in(&mut tab, "ada").await;
    tab.post_to(&house, "/account/export", &[]).await;
    let disposition = tab.headers["content-disposition"].to_str().unwrap();
    assert!(disposition.starts_with("attachment"), "{disposition}");
    let document: serde_json::Value = serde_json::from_str(&tab.body).unwrap();
    assert_eq!(document["account"]["attributes"]["email"]["value"], "ada@example.org");
    for secret in ["$argon2id", &tab.jar[SessionCookie::NAME], GOOD] {
        assert!(!tab.body.contains(secret), "{secret}");
    }
}

const AUTHORIZE: &str = "/authorize?client_id=notes&redirect_uri=https%3A%2F%2Fnotes.test%2Fcb\
    &response_type=code&scope=openid&login_hint=lovelace%40example.org\
    &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

/// What must be nowhere afterwards: name, address, and from where they came.
const TRACES: [&str; 3] = ["lovelace", "lovelace@example.org", "192.0.2.1"];

fn traces(database: &TestDatabase) -> Vec<&'static str> {
    let all = dump(database).to_ascii_lowercase();
    let is_in = |trace: &&str| {
        let digits = crate::crypto::digest::hex(trace.as_bytes());
        let needles = [trace.as_bytes(), digits.as_bytes()];
        needles.iter().any(|needle| all.windows(needle.len()).any(|window| window == *needle))
    };
    TRACES.into_iter().filter(is_in).collect()
}

#[tokio::test]
async fn whoever_deletes_their_account_leaves_no_trace() {
    on_each_database(async |database| {
        let mut house = House::on(database).await;
        let ada = house.person("lovelace").await;
        let mut tab = Tab::new();
        house.sign_in(&mut tab, "lovelace").await;
        house
            .server()
            .accounts
            .send_recovery(REALM, "lovelace", super::world::ADDRESS)
            .await
            .unwrap();
        house.letters(1).await;
        // Somewhere else a sign-in is on its way, with their address as it came in the request.
        application(&house, "notes", "Field Notes").await;
        Tab::new().get(&house, AUTHORIZE).await;
        let before = traces(database);
        assert_eq!(before.len(), TRACES.len(), "there is something to erase: {before:?}");
        tab.post_to(&house, "/account/delete", &[]).await;
        assert_eq!(tab.location().as_deref(), Some("/account/delete?wrong=sure"));
        tab.post_to(&house, "/account/delete", &[("sure", "yes")]).await;
        assert_eq!(tab.location().as_deref(), Some("/account/signed-out"), "{}", tab.body);
        assert!(house.server().accounts.fresh(REALM, ada.id).await.unwrap().is_none());
        tab.get(&house, "/account").await;
        assert!(tab.location().unwrap().starts_with("/sign-in/"));
        house.stop().await;
        let left = traces(database);
        assert!(left.is_empty(), "{left:?}");
        println!(
            "proof: an account deleted on its page, {:?}: traces before {}, after {}",
            database.engine(),
            before.len(),
            left.len()
        );
    })
    .await;
}

#[tokio::test]
async fn a_form_of_another_site_does_nothing_with_somebodys_session() {
    let house = House::start().await;
    let ada = house.person("ada").await;
    let mut tab = Tab::new();
    house.sign_in(&mut tab, "ada").await;
    tab.adds = cross_site();
    let before = house.user(&ada).await;
    let mut refused = 0;
    for (path, form) in FORMS {
        let fields: Vec<(String, String)> =
            url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        tab.post_to(&house, path, &fields).await;
        assert_eq!(tab.status, StatusCode::FORBIDDEN, "{path}");
        refused += 1;
    }
    tab.adds.clear();
    tab.get(&house, "/account").await;
    assert_eq!((tab.status, house.user(&ada).await), (StatusCode::OK, before));
    println!("proof: forms of another site with a live session: {refused}, refused {refused}");
}
