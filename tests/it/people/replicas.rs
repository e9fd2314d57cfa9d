//! Two replicas on one PostgreSQL, asked at the same moment: what may be used once is used once, and what ended at one has
//! ended at the other.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use weft::db::Engine;
use weft::env::{Clock as _, SystemClock};
use weft::kernel::{Lifetime, RealmId, UserId};
use weft::testkit::{TestDatabase, engines, until};

use super::home::{Answer, App, Home, PASSWORD, typed};
use super::one_time::{confirm_totp, one_time};
use crate::walker::{Browser, Shown};

const CODES: usize = 20;
const REFRESHES: usize = 100;
const FACTORS: usize = 5;

/// Two replicas that both know the application.
struct Pair {
    homes: [Home; 2],
    app: App,
    _database: TestDatabase,
}

impl Pair {
    /// Nothing where this run is without PostgreSQL.
    async fn start() -> Option<Self> {
        if !engines().contains(&Engine::Postgres) {
            return None;
        }
        let database = TestDatabase::new(Engine::Postgres).await;
        let first = Home::start(&database).await;
        let second = first.replica(&database).await;
        let app = first.app("app", "web", json!({})).await;
        let pair = Self { homes: [first, second], app, _database: database };
        let id = weft::kernel::ClientId::parse(&pair.app.id).unwrap();
        until("the other replica knows the application", async || {
            let known = pair.homes[1].server.server().oauth.client(RealmId::FIRST, &id);
            known.map(drop).ok_or("not yet")
        })
        .await;
        Some(pair)
    }

    /// A browser that is signed in, at both.
    async fn browser(&self, name: &str) -> Browser {
        let mut browser = self.homes[0].browser(name);
        self.homes[0].code(&mut browser, &self.app, &[]).await.unwrap();
        self.share(&mut browser);
        browser
    }

    /// The session of the first is shown at the second, too: behind one name both are one.
    fn share(&self, browser: &mut Browser) {
        let [first, second] = &self.homes;
        for name in [weft::sessions::SessionCookie::NAME, weft::sessions::BrowserCookie::NAME] {
            let cookie = browser.cookie(&first.base, name).unwrap().to_owned();
            browser.plant(&second.base, name, &cookie);
        }
    }

    /// A sign-in of its own at each, both at the question for this factor.
    async fn at_the_question(&self, name: &str, factor: &str) -> [(Browser, Shown); 2] {
        let [first, second] = &self.homes;
        let (one, two) = tokio::join!(
            at_the_question(first, &self.app, (name, factor)),
            at_the_question(second, &self.app, (name, factor))
        );
        [one, two]
    }
}

async fn at_the_question(home: &Home, app: &App, (name, factor): (&str, &str)) -> (Browser, Shown) {
    let mut browser = Browser::new(home.http.clone(), typed(name));
    let shown = browser.get(&home.request(app, &[])).await.unwrap();
    let shown = browser.press(&shown, "/identify", &[("identifier", name)]).await.unwrap();
    let shown = browser.press(&shown, "/password", &[("password", PASSWORD)]).await.unwrap();
    let shown = match factor {
        "totp" => shown,
        way => browser.press(&shown, "/way", &[("way", way)]).await.unwrap(),
    };
    (browser, shown)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_shown_at_both_replicas_at_once_is_never_redeemed_twice() {
    let Some(pair) = Pair::start().await else { return };
    let [first, second] = &pair.homes;
    first.person("ann").await;
    let mut browser = pair.browser("ann").await;
    let (mut redeemed, mut twice, mut living) = (0, 0, 0);
    for n in 0..CODES {
        let code = pair.homes[n % 2].code(&mut browser, &pair.app, &[]).await.unwrap();
        let (one, two) =
            tokio::join!(first.redeem(&pair.app, &code), second.redeem(&pair.app, &code));
        let (won, lost): (Vec<_>, Vec<_>) =
            [one, two].into_iter().partition(|answer| answer.status == 200);
        twice += usize::from(won.len() > 1);
        for lost in lost {
            assert_eq!(lost.refusal(), (400, "invalid_grant"), "{}", lost.text);
        }
        // Nobody gets it where the second is noticed before the first has its answer.
        let Some(won) = won.first() else { continue };
        redeemed += 1;
        // Whoever was first may have been a thief: what they got is void, at both.
        for home in &pair.homes {
            let token = won.member("access_token");
            let dead = until_refused(home, token).await;
            living += usize::from(!dead);
            let refused = home.refresh(&pair.app, won.member("refresh_token")).await;
            assert_eq!(refused.refusal(), (400, "invalid_grant"));
        }
    }
    println!(
        "proof: two replicas: {CODES} codes shown at both at once: redeemed once {redeemed}, by nobody {}, twice {twice}; tokens \
         that outlived it {living}",
        CODES - redeemed
    );
    assert!(redeemed > 0, "no code was ever good");
    assert_eq!((twice, living), (0, 0));
}

/// True once userinfo refuses this token.
async fn until_refused(home: &Home, token: &str) -> bool {
    until("the token is refused", async || {
        match home.bearing(Method::GET, "/userinfo", token).await.status {
            401 => Ok(true),
            other => Err(other),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_token_shown_a_hundred_times_at_once_has_one_successor() {
    let Some(pair) = Pair::start().await else { return };
    pair.homes[0].person("ann").await;
    let mut browser = pair.browser("ann").await;
    let tokens = pair.homes[0].tokens(&mut browser, &pair.app, &[]).await;
    let first = tokens.member("refresh_token");
    let asked = (0..REFRESHES).map(|n| pair.homes[n % 2].refresh(&pair.app, first));
    let answers: Vec<Answer> = join_all(asked).await;
    let successors: BTreeSet<&str> =
        answers.iter().map(|answer| answer.member("refresh_token")).collect();
    let served = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(served, REFRESHES, "{:?}", answers.iter().find(|answer| answer.status != 200));
    let second = successors.first().copied().unwrap_or_default();
    assert_ne!(second, first);
    let third = pair.homes[1].refresh(&pair.app, second).await;
    assert_eq!(third.status, 200, "{}", third.text);
    // Two steps behind what counts: nobody's retry.
    let stolen = pair.homes[0].refresh(&pair.app, first).await;
    assert_eq!(stolen.refusal(), (400, "invalid_grant"));
    let mut ended = 0;
    for home in &pair.homes {
        for token in [second, third.member("refresh_token")] {
            let refused = home.refresh(&pair.app, token).await;
            assert_eq!(refused.refusal(), (400, "invalid_grant"));
        }
        ended += usize::from(until_refused(home, third.member("access_token")).await);
    }
    println!(
        "proof: two replicas: one refresh token {REFRESHES} times at once: answered {served}, successors {}; after its reuse \
         the family has ended at {ended} of {}",
        successors.len(),
        pair.homes.len()
    );
    assert_eq!((successors.len(), ended), (1, pair.homes.len()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_factor_shown_at_both_replicas_at_once_signs_in_once() {
    let Some(pair) = Pair::start().await else { return };
    let accounts = &pair.homes[0].server.server().accounts;
    let (mut passwords, mut codes) = (0, 0);
    for n in 0..FACTORS {
        let name = format!("ann-{n}");
        let user = pair.homes[0].person(&name).await;
        let secret = confirm_totp(&pair.homes[0], RealmId::FIRST, user).await;
        let both = pair.at_the_question(&name, "totp").await;
        passwords += shown_at_once(both, "/totp", &one_time(&secret, 1)).await;
        assert_eq!(sessions(&pair, user).await, 1, "by one-time password");
        let made = accounts.make_recovery_codes(RealmId::FIRST, user).await.unwrap();
        let both = pair.at_the_question(&name, "recovery-code").await;
        codes += shown_at_once(both, "/recovery-code", made[0].expose()).await;
        assert_eq!(sessions(&pair, user).await, 2, "by recovery code");
    }
    println!(
        "proof: two replicas: {FACTORS} one-time passwords and {FACTORS} recovery codes shown at both at once: signed in \
         {passwords} and {codes} times"
    );
    assert_eq!((passwords, codes), (FACTORS, FACTORS));
}

/// Sends the same at both at once; how many were let on.
async fn shown_at_once(both: [(Browser, Shown); 2], form: &str, code: &str) -> usize {
    let send = async |(mut browser, shown): (Browser, Shown)| {
        let shown = browser.press(&shown, form, &[("code", code)]).await.unwrap();
        browser.go_on(shown).await.is_ok_and(|shown| shown.away.is_some())
    };
    let [one, two] = both;
    let (one, two) = tokio::join!(send(one), send(two));
    usize::from(one) + usize::from(two)
}

async fn sessions(pair: &Pair, user: UserId) -> usize {
    let sessions = &pair.homes[0].server.server().sessions;
    sessions.list(RealmId::FIRST, user).await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ended_at_one_replica_is_refused_at_the_other_within_a_second() {
    let Some(pair) = Pair::start().await else { return };
    let [first, second] = &pair.homes;
    first.person("ann").await;
    let clock = SystemClock::new();
    let mut best = Lifetime::hours(1);
    // The best of several: a machine under load may hold anybody up once.
    for _ in 0..3 {
        let mut browser = pair.browser("ann").await;
        let tokens = second.tokens(&mut browser, &pair.app, &[("scope", "openid")]).await;
        let token = tokens.member("access_token");
        let account = second.url("/account");
        assert_eq!(browser.get(&account).await.unwrap().url, account, "the other knows it");
        assert_eq!(second.bearing(Method::GET, "/userinfo", token).await.status, 200);
        let began = clock.elapsed();
        let out = browser.post(&first.url("/account/sign-out"), &[]).await.unwrap();
        assert_eq!(out.url.path(), "/account/signed-out");
        until("the session is refused", async || {
            let shown = browser.clone().get(&account).await.unwrap();
            let token = second.bearing(Method::GET, "/userinfo", token).await.status;
            let refused = shown.url.path().starts_with("/sign-in/") && token == 401;
            if refused { Ok(()) } else { Err(format!("{} {token}", shown.url)) }
        })
        .await;
        let took = Lifetime::micros(clock.elapsed().as_micros() - began.as_micros());
        best = best.min(took);
    }
    println!("proof: two replicas: a session ended at one is refused at the other after {best}");
    assert!(best < Lifetime::seconds(1), "{best}");
}
