//! The OpenID provider in a whole server: what it asks the database.

use reqwest::Method;
use weft::crypto::jose::JwsAlgorithm;
use weft::kernel::{Lifetime, RealmId};
use weft::oauth::{Draft, Parameters, Place, Profile, Shows};
use weft::testkit::{TestDatabase, TestServer, engines, until};

use crate::flows::on_each;
use crate::people::Home;

const TOKENS: usize = 1000;
const REFRESHES: usize = 50;

#[tokio::test]
async fn oidc_client_credentials_ask_the_database_nothing_and_a_refresh_little() {
    on_each(async |database| {
        let home = Home::start(database).await;
        let for_machines = statements_for_machines(&home.server).await;
        let for_refresh = statements_for_a_refresh(&home).await;
        println!(
            "proof: statements for {TOKENS} client_credentials: {for_machines}; per refresh: {for_refresh} ({:?})",
            database.engine()
        );
        assert_eq!(for_machines, 0, "{:?}", home.server.server().env.db.statements());
        assert!(for_refresh <= 3, "{for_refresh}");
    })
    .await;
}

/// A browser asks first (Fetch §3.2.2), and without cookies: what takes them is for our own pages.
#[tokio::test]
async fn a_page_of_another_origin_may_call_what_takes_no_cookie_and_nothing_else() {
    let home = Home::start(&TestDatabase::new(engines()[0]).await).await;
    let of_a_page = [
        ("origin", "https://app.example".to_owned()),
        ("access-control-request-method", "POST".to_owned()),
        ("access-control-request-headers", "authorization".to_owned()),
    ];
    let asked = async |path| home.send(Method::OPTIONS, path, &of_a_page, String::new()).await;
    for path in ["token", "userinfo", "revoke", "jwks", ".well-known/openid-configuration"] {
        let answer = asked(path).await;
        assert_eq!(answer.status, 204, "{path}: {}", answer.text);
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert!(answer.header("access-control-allow-headers").contains("authorization"), "{path}");
        assert!(answer.header("access-control-allow-methods").contains("POST"), "{path}");
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{path}");
    }
    for path in ["account", "signin", "authorize", "logout"] {
        assert_eq!(asked(path).await.header("access-control-allow-origin"), "", "{path}");
    }
}

async fn statements_for_machines(server: &TestServer) -> u64 {
    let oauth = server.server().oauth.clone();
    let made = oauth.create_client(server.administrator(), None, machine()).await.unwrap();
    let secret = made.secret.unwrap();
    let place = Place {
        realm: RealmId::FIRST,
        issuer: issuer(server),
        trust_domain: server.trust_domain(),
    };
    let form = Parameters::of(
        format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            made.client.id,
            secret.expose()
        )
        .as_bytes(),
    );
    until("the client is known", async || {
        match oauth.token(&place, Shows::default(), &form).await {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    })
    .await;
    // The RSA key is made behind the start, on a thread of its own.
    until("the keys are made", async || {
        let rsa = server.server().authority.active_oidc(RealmId::FIRST, JwsAlgorithm::Rs256);
        rsa.map(drop).ok_or("not yet")
    })
    .await;
    let db = server.server().env.db.clone();
    let requests = || db.statements().get("request").copied().unwrap_or(0);
    let before = requests();
    for _ in 0..TOKENS {
        let token = oauth.token(&place, Shows::default(), &form).await.unwrap();
        assert!(token.expires_in > Lifetime::minutes(4), "{}", token.expires_in);
    }
    requests() - before
}

/// The most that any of many refreshes said to the database, each with rotation; where a transaction begins and ends is not
/// counted.
async fn statements_for_a_refresh(home: &Home) -> u64 {
    home.person("ann").await;
    let app = home.app("app", "web", serde_json::json!({})).await;
    let tokens = home.tokens(&mut home.browser("ann"), &app, &[]).await;
    let mut token = tokens.member("refresh_token").to_owned();
    let db = home.server.server().env.db.clone();
    let count =
        |counts: std::collections::BTreeMap<&str, u64>| counts.get("request").copied().unwrap_or(0);
    let said = || count(db.statements()) - count(db.beginnings());
    let mut most = 0;
    for _ in 0..REFRESHES {
        let before = said();
        let answer = home.refresh(&app, &token).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_ne!(answer.member("refresh_token"), token, "it was not rotated");
        answer.member("refresh_token").clone_into(&mut token);
        most = most.max(said() - before);
    }
    assert!(most > 0, "a rotation that nobody wrote down");
    most
}

fn issuer(server: &TestServer) -> String {
    let realm = server.server().realms.get(RealmId::FIRST).unwrap();
    realm.issuer.as_str().to_owned()
}

fn machine() -> Draft {
    Draft {
        name: "Job".to_owned(),
        profile: Profile::Machine,
        auth_method: None,
        id_token_algorithm: None,
        access_token_algorithm: None,
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
        backchannel_logout_uri: None,
        scopes: Some(["jobs".to_owned()].into()),
        resources: Vec::new(),
        administration: false,
        upstreams: None,
        consent: None,
        rotates_refresh_tokens: None,
        relaxed: std::collections::BTreeMap::new(),
        enabled: true,
    }
}
