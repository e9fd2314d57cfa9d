//! Sign-ins from their first page to their last, and what must not come of one.

use http::StatusCode;

use super::world::{
    BACK, GOOD, ORIGIN, REALM, Tab, World, cross_site, for_administration, link_in, request, root,
};
use crate::kernel::{Assurance, Lifetime};
use crate::sessions::{BrowserCookie, SessionCookie, Why};
use crate::signin::SigninRequest;
use crate::testkit::{TestPasskey, on_each_database};

/// Types name and password; at the offer of a passkey: not now.
async fn password(world: &World, tab: &mut Tab, name: &str, password: &str) {
    tab.post(world, "identify", &[("identifier", name)]).await;
    assert_eq!(tab.step(), "password", "{}", tab.body);
    tab.post(world, "password", &[("password", password)]).await;
    if tab.step() == "enrol" {
        tab.post(world, "enrol", &[("decision", "later")]).await;
    }
}

fn is_back(tab: &Tab) -> bool {
    tab.status == StatusCode::SEE_OTHER && tab.location().as_deref() == Some(BACK)
}

#[tokio::test]
async fn a_password_opens_a_session_and_leads_back() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let user = world.person("ada").await;
        let mut tab = Tab::new();
        world.begin(&mut tab, request()).await;
        assert_eq!(tab.step(), "identify");
        assert!(tab.jar.contains_key(BrowserCookie::NAME));
        password(&world, &mut tab, "ada", "wrong horse battery").await;
        assert_eq!(tab.step(), "password");
        assert!(tab.body.contains("do not belong together"), "{}", tab.body);
        assert!(!tab.jar.contains_key(SessionCookie::NAME));
        tab.reload(&world).await;
        assert!(tab.body.contains("do not belong together"), "a reload shows the same");
        tab.post(&world, "password", &[("password", GOOD)]).await;
        assert_eq!(tab.step(), "enrol", "a passkey is offered");
        tab.post(&world, "enrol", &[("decision", "later")]).await;
        assert!(is_back(&tab), "{} {}", tab.status, tab.body);
        let session = world.session(&tab).await.unwrap();
        assert_eq!((session.user, session.assurance), (user.id, Assurance::Aal1));
        assert_eq!(world.sessions.list(REALM, user.id).await.unwrap(), vec![session]);
    })
    .await;
}

#[tokio::test]
async fn whoever_has_an_authenticator_is_asked_for_its_code() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let user = world.person("ada").await;
        let secret = world.totp(user.id).await;
        let mut tab = Tab::new();
        world.begin(&mut tab, request()).await;
        tab.post(&world, "identify", &[("identifier", "ada")]).await;
        tab.post(&world, "password", &[("password", GOOD)]).await;
        assert_eq!(tab.step(), "totp");
        assert!(!tab.jar.contains_key(SessionCookie::NAME), "half of it opens nothing");
        tab.post(&world, "totp", &[("code", "000000")]).await;
        assert_eq!(tab.step(), "totp");
        let code = world.code(&secret);
        tab.post(&world, "totp", &[("code", &code)]).await;
        if tab.step() == "enrol" {
            tab.post(&world, "enrol", &[("decision", "later")]).await;
        }
        assert!(is_back(&tab), "{}", tab.body);
        assert_eq!(world.session(&tab).await.unwrap().assurance, Assurance::Aal2);
    })
    .await;
}

#[tokio::test]
async fn a_passkey_needs_no_name_and_is_two_factors() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let user = world.person("ada").await;
        for (passkey, level) in [
            (TestPasskey::synced(ORIGIN), Assurance::Aal2),
            (TestPasskey::hardware(ORIGIN), Assurance::Aal3),
        ] {
            world.passkey(user.id, &passkey).await;
            let mut tab = Tab::new();
            world.begin(&mut tab, for_administration()).await;
            let shown = passkey.get(&tab.options());
            tab.post(&world, "passkey", &[("credential", &shown)]).await;
            assert!(is_back(&tab), "{}", tab.body);
            let session = world.session(&tab).await.unwrap();
            assert_eq!((session.user, session.assurance), (user.id, level));
        }
        // The answer to one challenge is good for one sign-in.
        let passkey = TestPasskey::synced(ORIGIN);
        world.passkey(user.id, &passkey).await;
        let (mut one, mut two) = (Tab::new(), Tab::new());
        world.begin(&mut one, request()).await;
        world.begin(&mut two, request()).await;
        let shown = passkey.get(&one.options());
        two.post(&world, "passkey", &[("credential", &shown)]).await;
        assert_eq!(two.step(), "identify");
        one.post(&world, "passkey", &[("credential", &shown)]).await;
        assert!(is_back(&one));
    })
    .await;
}

#[tokio::test]
async fn administration_needs_a_second_factor_and_gets_it_by_step_up() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let user = world.person("ada").await;
        let mut tab = Tab::new();
        world.begin(&mut tab, request()).await;
        password(&world, &mut tab, "ada", GOOD).await;
        let first = world.session(&tab).await.unwrap();
        world.begin(&mut tab, for_administration()).await;
        assert!(tab.body.contains("administration needs two factors"), "{}", tab.body);
        assert_eq!(tab.step(), "", "there is no way without a second factor");
        let passkey = TestPasskey::synced(ORIGIN);
        world.passkey(user.id, &passkey).await;
        tab.reload(&world).await;
        assert_eq!(tab.step(), "passkey");
        let shown = passkey.get(&tab.options());
        let old = tab.jar[SessionCookie::NAME].clone();
        tab.post(&world, "passkey", &[("credential", &shown)]).await;
        assert!(is_back(&tab), "{}", tab.body);
        let second = world.session(&tab).await.unwrap();
        assert_eq!((first.id, second.assurance), (second.id, Assurance::Aal2));
        let old = SessionCookie::parse(&old).unwrap();
        assert!(world.sessions.by_cookie(REALM, &old).await.unwrap().is_none(), "a new cookie");
    })
    .await;
}

#[tokio::test]
async fn a_lost_password_is_replaced_by_mail_in_the_same_browser_or_another() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        world.person("ada").await;
        for (same, new) in [(true, "a brand new password"), (false, "another new password")] {
            let mut tab = Tab::new();
            world.begin(&mut tab, request()).await;
            tab.post(&world, "identify", &[("identifier", "ada")]).await;
            tab.post(&world, "way", &[("way", "mail")]).await;
            assert_eq!(tab.step(), "recover");
            tab.post(&world, "recover", &[("identifier", "ada@example.org")]).await;
            assert!(tab.body.contains("Look into your mail"), "{}", tab.body);
            let letters = world.letters().await;
            assert_eq!(letters.len(), 1);
            let link = link_in(&letters[0]);
            let mut reader = if same { tab.twin() } else { Tab::new() };
            reader.get(&world, &link).await;
            reader.get(&world, &link).await;
            assert_eq!(reader.status, StatusCode::OK, "looking uses nothing up");
            reader.post_to(&world, &link, &[]).await;
            reader.follow(&world).await;
            assert_eq!(reader.step(), "new-password", "{}", reader.body);
            reader.post(&world, "new-password", &[("password", new), ("repeated", "x")]).await;
            assert!(reader.body.contains("differ"));
            reader.post(&world, "new-password", &[("password", new), ("repeated", new)]).await;
            if reader.step() == "enrol" {
                reader.post(&world, "enrol", &[("decision", "later")]).await;
            }
            let back = if same { BACK } else { "/account" };
            assert_eq!(reader.location().as_deref(), Some(back), "{}", reader.body);
            let mut again = Tab::new();
            again.post_to(&world, &link, &[]).await;
            assert_eq!(again.status, StatusCode::GONE, "a link works once");
            assert_eq!(world.letters().await.len(), 1, "and they are told of the new password");
            let mut fresh = Tab::new();
            world.begin(&mut fresh, request()).await;
            password(&world, &mut fresh, "ada", new).await;
            assert!(is_back(&fresh));
        }
    })
    .await;
}

/// Signs in with a password in a new browser, up to whatever comes after it.
async fn after_password(world: &World) -> Tab {
    let mut tab = Tab::new();
    world.begin(&mut tab, request()).await;
    tab.post(world, "identify", &[("identifier", "ada")]).await;
    tab.post(world, "password", &[("password", GOOD)]).await;
    tab
}

#[tokio::test]
async fn whoever_says_never_is_offered_a_passkey_in_no_browser_any_more() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let user = world.person("ada").await;
        for not_never in ["later", "", "NEVER"] {
            let mut tab = after_password(&world).await;
            assert_eq!(tab.step(), "enrol", "`{not_never}` is an answer for once");
            tab.post(&world, "enrol", &[("decision", not_never)]).await;
            assert!(is_back(&tab), "{}", tab.body);
        }
        let mut asked = after_password(&world).await;
        let mut twin = asked.twin();
        asked.post(&world, "enrol", &[("decision", "never")]).await;
        assert!(is_back(&asked), "{}", asked.body);
        twin.post(&world, "enrol", &[("decision", "never")]).await;
        assert!(is_back(&twin), "said twice: {}", twin.body);
        assert!(is_back(&after_password(&world).await), "another browser is not asked");
        world.clock.advance(Lifetime::days(400));
        assert!(is_back(&after_password(&world).await), "nor a year later");
        world.accounts.offer_passkey_again(REALM, user.id).await.unwrap();
        assert_eq!(after_password(&world).await.step(), "enrol");
    })
    .await;
}

#[tokio::test]
async fn never_is_taken_from_nobody_who_has_not_shown_who_they_are() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let user = world.person("ada").await;
        let mut tab = Tab::new();
        world.begin(&mut tab, request()).await;
        tab.post(&world, "enrol", &[("decision", "never")]).await;
        assert_eq!(tab.step(), "identify");
        tab.post(&world, "identify", &[("identifier", "ada")]).await;
        tab.post(&world, "enrol", &[("decision", "never")]).await;
        assert_eq!(tab.step(), "password");
        let known = world.accounts.fresh(REALM, user.id).await.unwrap().unwrap();
        assert_eq!(known.passkey_declined_at, None);
    })
    .await;
}

#[tokio::test]
async fn an_administrators_link_adds_the_first_passkey() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let user = world.person("ada").await;
        let token = world.accounts.enrolment_link(&root(), user.id).await.unwrap();
        let link = link_in(token.expose());
        let (mut tab, passkey) = (Tab::new(), TestPasskey::synced(ORIGIN));
        tab.post_to(&world, &link, &[]).await;
        tab.follow(&world).await;
        assert_eq!(tab.step(), "enrol", "{}", tab.body);
        let made = passkey.create(&tab.options());
        tab.post(&world, "enrol", &[("credential", &made), ("name", "laptop")]).await;
        assert_eq!(tab.location().as_deref(), Some("/account"), "{}", tab.body);
        assert_eq!(world.session(&tab).await.unwrap().assurance, Assurance::Aal2);
        let mut next = Tab::new();
        world.begin(&mut next, for_administration()).await;
        let shown = passkey.get(&next.options());
        next.post(&world, "passkey", &[("credential", &shown)]).await;
        assert!(is_back(&next));
    })
    .await;
}

#[tokio::test]
async fn tabs_reloads_and_the_back_button_break_nothing() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        world.person("ada").await;
        let mut one = Tab::new();
        world.begin(&mut one, request()).await;
        let first = one.at.clone();
        let mut two = one.twin();
        one.post(&world, "identify", &[("identifier", "ada")]).await;
        // The other tab still shows the first page, and sends its form.
        two.post(&world, "identify", &[("identifier", "eve")]).await;
        assert_eq!((two.step(), two.at.as_str()), ("password".to_owned(), first.as_str()));
        one.post(&world, "password", &[("password", GOOD)]).await;
        one.post(&world, "enrol", &[("decision", "later")]).await;
        assert!(is_back(&one));
        let cookie = one.jar[SessionCookie::NAME].clone();
        // Back to a page that is past, and its form once more: it leads on, and gives nothing.
        two.post_to(&world, &format!("{first}/password"), &[("password", GOOD)]).await;
        assert!(is_back(&two) && !two.jar.contains_key(SessionCookie::NAME), "{}", two.body);
        one.get(&world, &first).await;
        assert!(is_back(&one));
        assert_eq!(one.jar[SessionCookie::NAME], cookie);
        // A second sign-in of the same browser, begun before, is done by the session that the first one opened.
        let mut other = one.twin();
        world.begin(&mut other, request()).await;
        assert!(is_back(&other));
    })
    .await;
}

#[tokio::test]
async fn nothing_shows_whether_an_account_exists() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        world.person("ada").await;
        let mut seen = Vec::new();
        for name in ["ada", "nobody", "nobody@example.org", "\u{0}weird"] {
            let mut tab = Tab::new();
            let mut pages = Vec::new();
            let mut keep = |tab: &Tab| {
                let text = tab.body.replace(&tab.at, "").replace(name, "NAME");
                pages.push((tab.status, tab.step(), text));
            };
            world.begin(&mut tab, request()).await;
            tab.post(&world, "identify", &[("identifier", name)]).await;
            keep(&tab);
            tab.post(&world, "password", &[("password", "wrong horse battery")]).await;
            keep(&tab);
            tab.post(&world, "way", &[("way", "mail")]).await;
            tab.post(&world, "recover", &[("identifier", name)]).await;
            keep(&tab);
            seen.push((name, pages));
        }
        let (_, ada) = &seen[0];
        for (name, pages) in &seen[1..3] {
            for (page, known) in pages.iter().zip(ada) {
                assert_eq!((page.0, &page.1), (known.0, &known.1), "{name}");
            }
        }
        assert_eq!(world.letters().await.len(), 1, "only who is there gets a letter");
    })
    .await;
}

#[tokio::test]
async fn another_browser_gets_nothing_of_a_sign_in() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        world.person("ada").await;
        let mut tab = Tab::new();
        world.begin(&mut tab, request()).await;
        for cookie in [None, Some(world.stranger_cookie()), Some("nonsense".to_owned())] {
            let mut stranger = Tab::new();
            if let Some(cookie) = cookie {
                stranger.jar.insert(BrowserCookie::NAME.to_owned(), cookie);
            }
            stranger.get(&world, &tab.at).await;
            assert_eq!(stranger.status, StatusCode::NOT_FOUND);
            stranger
                .post_to(&world, &format!("{}/identify", tab.at), &[("identifier", "eve")])
                .await;
            assert_eq!(stranger.status, StatusCode::NOT_FOUND);
        }
        tab.reload(&world).await;
        assert_eq!(tab.step(), "identify");
        world.clock.advance(Lifetime::minutes(31));
        tab.reload(&world).await;
        assert_eq!(tab.status, StatusCode::NOT_FOUND, "its time is over");
    })
    .await;
}

#[tokio::test]
async fn forms_of_other_sites_do_nothing_and_no_page_is_framed() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        world.person("ada").await;
        let mut tab = Tab::new();
        world.begin(&mut tab, request()).await;
        let policy = tab.headers["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(tab.headers["x-frame-options"], "DENY");
        let base = tab.at.clone();
        tab.adds = cross_site();
        for step in ["identify", "password", "passkey", "totp", "select", "way", "cancel", "enrol"]
        {
            tab.post_to(&world, &format!("{base}/{step}"), &[("identifier", "ada")]).await;
            assert_eq!(tab.status, StatusCode::FORBIDDEN, "{step}");
        }
        tab.post_to(&world, "/account/proof/x", &[]).await;
        assert_eq!(tab.status, StatusCode::FORBIDDEN);
        tab.adds.clear();
        tab.get(&world, &base).await;
        assert_eq!(tab.step(), "identify");
    })
    .await;
}

#[tokio::test]
async fn the_forms_of_a_sign_in_may_lead_to_its_application_and_nowhere_else() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let own = "form-action 'self'";
        let console = "form-action 'self' https://console.example";
        for (asked, expected) in [(request(), own), (super::world::for_administration(), console)] {
            let mut tab = Tab::new();
            world.begin(&mut tab, asked).await;
            let policy = tab.headers["content-security-policy"].to_str().unwrap().to_owned();
            assert!(policy.ends_with(expected), "{policy}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_cookie_from_before_the_sign_in_is_worth_nothing_after_it() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let (ada, eve) = (world.person("ada").await, world.person("eve").await);
        let mut attacker = Tab::new();
        world.begin(&mut attacker, request()).await;
        password(&world, &mut attacker, "eve", GOOD).await;
        // The attacker's session is planted into the victim's browser, who then signs in with it.
        let planted = attacker.jar[SessionCookie::NAME].clone();
        let mut victim = Tab::new();
        victim.jar.insert(SessionCookie::NAME.to_owned(), planted.clone());
        let again = SigninRequest { select_account: true, ..request() };
        world.begin(&mut victim, again).await;
        victim.post(&world, "select", &[("account", "other")]).await;
        password(&world, &mut victim, "ada", GOOD).await;
        assert!(is_back(&victim), "{}", victim.body);
        assert_ne!(victim.jar[SessionCookie::NAME], planted);
        assert_eq!(world.session(&victim).await.unwrap().user, ada.id);
        let planted = SessionCookie::parse(&planted).unwrap();
        assert!(world.sessions.read_by_cookie(REALM, &planted).await.unwrap().is_none());
        assert!(world.sessions.list(REALM, eve.id).await.unwrap().is_empty(), "it has ended");
    })
    .await;
}

#[tokio::test]
async fn a_locked_account_is_refused_with_a_reason() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let user = world.person("ada").await;
        let locked = crate::accounts::UserState::Locked;
        world.accounts.set_state(&root(), user.id, locked).await.unwrap();
        let mut tab = Tab::new();
        world.begin(&mut tab, request()).await;
        password(&world, &mut tab, "ada", GOOD).await;
        assert!(!tab.jar.contains_key(SessionCookie::NAME), "{}", tab.body);
    })
    .await;
}

#[tokio::test]
async fn signing_out_everywhere_is_one_row() {
    on_each_database(async |database| {
        let world = World::new(database).await;
        let user = world.person("ada").await;
        let mut tabs = Vec::new();
        for _browser in 0..3 {
            let mut tab = Tab::new();
            world.begin(&mut tab, request()).await;
            password(&world, &mut tab, "ada", GOOD).await;
            tabs.push(tab);
        }
        assert_eq!(world.sessions.list(REALM, user.id).await.unwrap().len(), 3);
        world.clock.advance(Lifetime::seconds(1));
        world.sessions.end_all(REALM, user.id, user.number, Why::Ended).await.unwrap();
        world.load_revocations().await;
        for tab in &tabs {
            assert!(world.session(tab).await.is_none());
        }
        world.clock.advance(Lifetime::seconds(1));
        let tab = &mut tabs[0];
        world.begin(tab, request()).await;
        assert_eq!(tab.step(), "identify", "nobody is signed in");
        password(&world, tab, "ada", GOOD).await;
        assert!(world.session(tab).await.is_some());
    })
    .await;
}
