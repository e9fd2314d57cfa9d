//! One factor does not become two, and what was shown before ends with a credential that was taken or lost.

use http::StatusCode;

use super::applications::{allow, application};
use super::changes::EASY;
use super::strangers::FORMS;
use super::world::{House, REALM};
use crate::accounts::{User, UserState};
use crate::sessions::SessionCookie;
use crate::signin::tests::world::{GOOD, Tab, link_in};
use crate::testkit::{TestPasskey, on_each_database, until};

const NEW: &str = "a brand new password";

/// Gives a person a passkey.
async fn passkey(house: &House, user: &User) -> TestPasskey {
    let accounts = &house.server().accounts;
    let issuer = house.server().realms.all().remove(0).issuer.to_string();
    let passkey = TestPasskey::synced(&issuer);
    let begun = accounts.register_passkey_start(REALM, user.id).await.unwrap();
    let made = passkey.create(&begun.options);
    let said = (made.as_str(), "hers");
    accounts.register_passkey_finish(REALM, user.id, &begun.state, said).await.unwrap();
    passkey
}

/// Gives a person an authenticator of one-time passwords.
async fn authenticator(house: &House, user: &User) {
    let accounts = &house.server().accounts;
    let made = accounts.enrol_totp(REALM, user.id).await.unwrap();
    let secret = totp_rs::Secret::try_from_base32(made.secret.expose()).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    let now = u64::try_from(house.now().seconds()).unwrap();
    let code = totp.generate(now).to_string();
    assert!(accounts.confirm_totp(REALM, user.id, &code).await.unwrap());
}

/// Signs in with the password alone, and stays at that.
async fn by_password(house: &House, name: &str) -> Tab {
    let mut tab = Tab::new();
    house.sign_in(&mut tab, name).await;
    tab
}

/// True if this browser is signed in.
async fn is_in(house: &House, tab: &mut Tab) -> bool {
    tab.get(house, "/account").await;
    tab.status == StatusCode::OK
}

async fn is_out(house: &House, tab: &mut Tab, why: &str) {
    until(why, async || {
        let mut tab = tab.twin();
        if is_in(house, &mut tab).await { Err("it goes on") } else { Ok(()) }
    })
    .await;
}

#[tokio::test]
async fn a_stolen_password_does_not_become_a_second_factor() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let (ada, eve) = (house.person("ada").await, house.person("eve").await);
        let hers = passkey(&house, &ada).await;
        let mut thief = by_password(&house, "ada").await;
        let mut other = by_password(&house, "eve").await;
        authenticator(&house, &eve).await;
        let before = [house.user(&ada).await, house.user(&eve).await];
        let mut refused = 0;
        for (tab, step) in [(&mut thief, "passkey"), (&mut other, "totp")] {
            let forms = FORMS.into_iter().filter(|(path, _)| !EASY.contains(path));
            for (path, form) in forms {
                let fields: Vec<(String, String)> =
                    url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
                let fields: Vec<(&str, &str)> =
                    fields.iter().map(|(name, value)| (&**name, &**value)).collect();
                tab.post_to(&house, path, &fields).await;
                let location = tab.location().unwrap_or_default();
                assert!(location.starts_with("/sign-in/"), "{path}: {} {}", tab.status, tab.body);
                tab.follow(&house).await;
                assert_eq!(tab.step(), step, "{path}: {}", tab.body);
                refused += 1;
            }
            tab.get(&house, "/account/passkeys?add").await;
            assert!(tab.location().unwrap_or_default().starts_with("/sign-in/"), "{}", tab.body);
        }
        assert_eq!([house.user(&ada).await, house.user(&eve).await], before);
        // Its owner shows the passkey, comes back to the page, and may.
        thief.post_to(&house, "/account/recovery-codes/make", &[]).await;
        thief.follow(&house).await;
        let shown = hers.get(&thief.options());
        thief.post(&house, "passkey", &[("credential", &shown)]).await;
        assert_eq!(thief.location().as_deref(), Some("/account/recovery-codes"), "{}", thief.body);
        thief.post_to(&house, "/account/recovery-codes/make", &[]).await;
        assert_eq!(thief.status, StatusCode::OK, "{}", thief.body);
        assert_eq!(house.user(&ada).await.factors.recovery_codes, 10);
        println!("proof: changes asked for with one of two factors {refused}, made 0");
    })
    .await;
}

#[tokio::test]
async fn the_mailbox_of_somebody_with_a_passkey_gives_no_second_one() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let ada = house.person("ada").await;
        passkey(&house, &ada).await;
        house.letters(1).await;
        let mut thief = recovering(&house, "ada").await;
        thief.post(&house, "way", &[("way", "passkey")]).await;
        assert_eq!(thief.step(), "new-password", "{}", thief.body);
        thief.post(&house, "new-password", &[("password", NEW), ("repeated", NEW)]).await;
        assert_eq!(thief.location().as_deref(), Some("/account"), "{}", thief.body);
        thief.post_to(&house, "/account/passkeys/start", &[]).await;
        thief.follow(&house).await;
        assert_eq!(thief.step(), "passkey", "{}", thief.body);
        assert_eq!(house.user(&ada).await.factors.passkeys, 1);
    })
    .await;
}

/// Has the link sent that replaces a lost password, and follows it, in a new browser.
async fn recovering(house: &House, name: &str) -> Tab {
    let address = super::world::ADDRESS;
    house.server().accounts.send_recovery(REALM, name, address).await.unwrap();
    let link = link_in(&house.letters(1).await[0]);
    let mut tab = Tab::new();
    tab.post_to(house, &link, &[]).await;
    tab.follow(house).await;
    assert_eq!(tab.step(), "new-password", "{}", tab.body);
    tab
}

#[tokio::test]
async fn a_lost_password_takes_every_session_and_every_application_with_it() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let ada = house.person("ada").await;
        application(&house, "notes", "Field Notes").await;
        let mut thief = by_password(&house, "ada").await;
        allow(&house, &mut thief, "notes").await;
        let connected = async || house.server().oauth.connected(REALM, ada.id).await.unwrap();
        assert!(connected().await.iter().any(|one| one.used.is_some()));
        let mut owner = recovering(&house, "ada").await;
        // In the browser of the session that ends, too: what comes out is another one.
        owner.jar.insert(SessionCookie::NAME.to_owned(), thief.jar[SessionCookie::NAME].clone());
        owner.post(&house, "new-password", &[("password", NEW), ("repeated", NEW)]).await;
        is_out(&house, &mut thief, "the session from before ends").await;
        if owner.step() == "enrol" {
            owner.post(&house, "enrol", &[("decision", "later")]).await;
        }
        assert_eq!(owner.location().as_deref(), Some("/account"), "{}", owner.body);
        assert!(is_in(&house, &mut owner).await, "{}", owner.body);
        let sessions = house.server().sessions.list(REALM, ada.id).await.unwrap();
        assert_eq!(sessions.len(), 1, "{sessions:?}");
        assert!(connected().await.iter().all(|one| one.used.is_none()));
        let letters = house.letters(1).await;
        assert!(letters[0].contains("was replaced by a new one"), "{}", letters[0]);
    })
    .await;
}

#[tokio::test]
async fn a_passkey_in_place_of_a_lost_password_ends_every_session_too() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let ada = house.person("ada").await;
        let mut thief = by_password(&house, "ada").await;
        let mut owner = recovering(&house, "ada").await;
        owner.jar.insert(SessionCookie::NAME.to_owned(), thief.jar[SessionCookie::NAME].clone());
        owner.post(&house, "way", &[("way", "passkey")]).await;
        assert_eq!(owner.step(), "enrol", "{}", owner.body);
        let issuer = house.server().realms.all().remove(0).issuer.to_string();
        let made = TestPasskey::synced(&issuer).create(&owner.options());
        owner.post(&house, "enrol", &[("credential", &made), ("name", "hers")]).await;
        assert_eq!(owner.location().as_deref(), Some("/account"), "{}", owner.body);
        is_out(&house, &mut thief, "the session from before ends").await;
        assert!(is_in(&house, &mut owner).await, "{}", owner.body);
        let sessions = house.server().sessions.list(REALM, ada.id).await.unwrap();
        assert_eq!(sessions.len(), 1, "{sessions:?}");
    })
    .await;
}

#[tokio::test]
async fn a_new_password_ends_everything_else_unless_one_says_otherwise() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let ada = house.person("ada").await;
        let mut here = by_password(&house, "ada").await;
        let mut there = by_password(&house, "ada").await;
        for language in ["en", "de", "ar"] {
            here.adds.insert("accept-language", language.parse().unwrap());
            here.get(&house, "/account/password").await;
            let ticked = "name=\"elsewhere\" value=\"end\" checked";
            assert!(here.body.contains(ticked), "{language}: {}", here.body);
        }
        here.adds.clear();
        let path = "/account/password";
        here.post_to(&house, path, &[("password", NEW), ("repeated", NEW)]).await;
        assert_eq!(here.location().as_deref(), Some("/account/password?done=saved"));
        assert!(is_in(&house, &mut there).await, "the box was not ticked");
        let mut copied = here.twin();
        let ticked = [("password", GOOD), ("repeated", GOOD), ("elsewhere", "end")];
        here.post_to(&house, path, &ticked).await;
        assert_eq!(here.location().as_deref(), Some("/account/password?done=saved"));
        is_out(&house, &mut there, "the other browser is signed out").await;
        copied.jar.insert(SessionCookie::NAME.to_owned(), there.jar[SessionCookie::NAME].clone());
        assert!(!is_in(&house, &mut copied).await, "and whoever had a copy of its cookie");
        assert!(is_in(&house, &mut here).await, "{}", here.body);
        let sessions = house.server().sessions.list(REALM, ada.id).await.unwrap();
        assert_eq!(sessions.len(), 1, "{sessions:?}");
    })
    .await;
}

#[tokio::test]
async fn a_reset_and_a_lock_end_every_session_and_unlocking_revives_none() {
    on_each_database(async |database| {
        let house = House::on(database).await;
        let (ada, eve) = (house.person("ada").await, house.person("eve").await);
        let mut hers = by_password(&house, "ada").await;
        let mut other = by_password(&house, "eve").await;
        let accounts = &house.server().accounts;
        accounts.reset_credentials(&house.by(), ada.id).await.unwrap();
        is_out(&house, &mut hers, "a reset ends it").await;
        assert!(is_in(&house, &mut other).await, "somebody else stays");
        accounts.set_state(&house.by(), eve.id, UserState::Locked).await.unwrap();
        is_out(&house, &mut other, "a lock ends it").await;
        accounts.set_state(&house.by(), eve.id, UserState::Active).await.unwrap();
        until("the account is unlocked", async || {
            let user = house.server().accounts.user(REALM, eve.id).await.unwrap().unwrap();
            if user.is_active() { Ok(()) } else { Err("locked") }
        })
        .await;
        assert!(!is_in(&house, &mut other).await, "unlocking revives nothing");
        let again = by_password(&house, "eve").await;
        assert!(is_in(&house, &mut again.twin()).await);
    })
    .await;
}
