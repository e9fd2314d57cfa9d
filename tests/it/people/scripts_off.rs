//! Everything that people do at the pages works where no script runs: only a passkey needs one.

use std::fs;
use std::path::Path;

use serde_json::json;
use weft::accounts::{MailSettings, MailTransport};
use weft::crypto::jose::JwsAlgorithm;
use weft::crypto::keys::{Algorithm, PrivateKey};
use weft::crypto::x509::{Serial, WebTemplate, pem, self_signed_web};
use weft::env::SystemEntropy;
use weft::kernel::{RealmId, Timestamp, UserId};
use weft::testkit::{FakeUpstream, TestDatabase, engines, private_file, until};

use super::home::{App, GOODBYE, Home, PASSWORD, came_back, free_port};
use super::one_time::{confirm_totp, one_time};
use crate::walker::{Browser, Presses, Shown, excerpt};

/// What came of a flow: why it does not work.
type Outcome = Result<(), String>;

/// Two realms behind one door: ours, and the one that plays the provider which an organisation has already.
struct World {
    home: Home,
    app: App,
    provider: url::Origin,
    directory: tempfile::TempDir,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_flow_works_without_scripts() {
    let database = TestDatabase::new(engines()[0]).await;
    let world = World::start(&database).await;
    let outcomes = [
        ("upstream", world.upstream().await),
        ("password + TOTP", world.password_and_totp().await),
        ("recovery by mail", world.recovery_by_mail().await),
        ("consent", world.consent().await),
        ("logout", world.logout().await),
        ("console", world.console().await),
    ];
    for (name, outcome) in &outcomes {
        println!("{name}: {outcome:?}");
    }
    let names: Vec<&str> = outcomes.iter().map(|(name, _)| *name).collect();
    let worked = outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).count();
    println!("proof: scripts-off flows {worked}/{} ({})", outcomes.len(), names.join(", "));
    assert_eq!(worked, outcomes.len(), "{outcomes:?}");
}

impl World {
    async fn start(database: &TestDatabase) -> Self {
        let (directory, port) = (tempfile::tempdir().unwrap(), free_port());
        let (ours, theirs) = (format!("weft.localhost:{port}"), format!("idp.localhost:{port}"));
        let certificate = certificate(directory.path());
        let home = Home::start_with(database, |settings| {
            settings.listen.public.set_port(port);
            settings.server.issuer = format!("https://{ours}");
            settings.listen.certificate = Some(directory.path().join("certificate.pem"));
            settings.listen.certificate_key = Some(directory.path().join("key.pem"));
            settings.outbound.allow_private.push(FakeUpstream::allowed(&theirs));
            settings.accounts.mail = MailSettings {
                transport: MailTransport::Maildir,
                directory: Some(directory.path().join("mail")),
                ..MailSettings::default()
            };
        })
        .await;
        let realm = json!({"name": "idp", "trust_domain": "idp.test", "hosts": ["idp.localhost"],
            "issuer": format!("https://{theirs}")});
        let realm = home.administer(("POST", "realms"), "", Some(realm)).await;
        let realm = RealmId(realm["id"].as_i64().unwrap());
        let there = "weft-realm: idp\r\n";
        until("the provider signs", async || {
            let key = home.server.server().authority.active_oidc(realm, JwsAlgorithm::Es256);
            key.map(drop).ok_or("it has no key")
        })
        .await;
        home.person_in(realm, there, "olga").await;
        for name in ["ann", "rita", "carl", "lou", "gia"] {
            home.person(name).await;
        }
        let callback = format!("https://{ours}/callback/office");
        let known = json!({"id": "weft", "name": "Weft", "profile": "web", "consent": "ask",
            "id_token_signed_response_alg": "ES256", "redirect_uris": [callback],
            "relaxed": {"https_redirects": "it listens on this machine"}});
        let known = home.administer(("POST", "clients"), there, Some(known)).await;
        let upstream = json!({
            "settings": {
                "display_name": "Office",
                "issuer": format!("https://{theirs}"),
                "client_id": "weft",
                "algorithms": ["ES256"],
                "create_accounts": true,
                "allow_private_network": {
                    "network": "127.0.0.0/8",
                    "authority": theirs,
                    "certificates": certificate,
                },
            },
            "client_secret": known["client_secret"],
        });
        let only_new = "if-none-match: *\r\n";
        home.administer(("PUT", "upstreams/office"), only_new, Some(upstream)).await;
        let tried = home.administer(("POST", "upstreams/office/test"), "", Some(json!({}))).await;
        assert_eq!(tried["connection"], json!(null), "{tried}");
        let app = home.app("app", "web", json!({})).await;
        let provider = url::Url::parse(&format!("https://{theirs}")).unwrap().origin();
        Self { home, app, provider, directory }
    }

    fn browser(&self, name: &str) -> Browser {
        let mut browser = self.home.browser(name);
        browser.at_home = vec![self.home.base.origin(), self.provider.clone()];
        browser
    }

    /// By the button on the first page to the provider, through its forms, and back.
    async fn upstream(&self) -> Outcome {
        let mut browser = self.browser("olga");
        let first = browser.get(&self.home.request(&self.app, &[])).await?;
        let leaving = browser.press(&first, "/upstream", &[("upstream", "office")]).await?;
        let there = browser.click(&leaving, "Continue").await?;
        is(there.url.origin() == self.provider, || {
            format!("it led to {}: {}", there.url, excerpt(&there.body))
        })?;
        let back = browser.go_on(there).await?;
        let claims = self.claims_of(&back).await?;
        is(claims["email"] == "olga@example.org", || claims.to_string())
    }

    async fn password_and_totp(&self) -> Outcome {
        let user = self.user("ann").await;
        let secret = confirm_totp(&self.home, RealmId::FIRST, user).await;
        let mut browser = self.browser("ann");
        let shown = browser.get(&self.home.request(&self.app, &[])).await?;
        let shown = browser.press(&shown, "/identify", &[("identifier", "ann")]).await?;
        let shown = browser.press(&shown, "/password", &[("password", PASSWORD)]).await?;
        let shown = browser.press(&shown, "/totp", &[("code", "000000")]).await?;
        is(shown.away.is_none(), || "a wrong code was taken".to_owned())?;
        let code = one_time(&secret, 0);
        let shown = browser.press(&shown, "/totp", &[("code", &code)]).await?;
        let claims = self.claims_of(&browser.go_on(shown).await?).await?;
        is(claims["amr"].to_string().contains("otp"), || claims.to_string())
    }

    /// The password is forgotten; a letter brings a link, and the link a new password.
    async fn recovery_by_mail(&self) -> Outcome {
        let mut browser = self.browser("rita");
        let first = browser.get(&self.home.request(&self.app, &[])).await?;
        let shown = browser.press(&first, "/identify", &[("identifier", "rita")]).await?;
        let shown = browser.press(&shown, "/way", &[("way", "mail")]).await?;
        let shown = browser.press(&shown, "/recover", &[("identifier", "rita")]).await?;
        is(shown.status == 200, || excerpt(&shown.body))?;
        let link = until("the letter comes", async || self.link()).await;
        let shown = browser.get(&self.home.url(&link)).await?;
        let shown = browser.press(&shown, "", &[]).await?;
        let new = "an entirely new password";
        let fields = [("password", new), ("repeated", new)];
        let shown = browser.press(&shown, "/new-password", &fields).await?;
        self.claims_of(&browser.go_on(shown).await?).await?;
        let mut other = self.browser("rita");
        other.typed.insert("password".to_owned(), new.to_owned());
        let again = other.walk(&self.home.request(&self.app, &[])).await?;
        self.claims_of(&again).await.map(drop)
    }

    /// No is told to the application; yes is asked for once.
    async fn consent(&self) -> Outcome {
        let asks = self.home.app("asks", "web", json!({"consent": "ask"})).await;
        let mut browser = self.browser("carl");
        self.claims_of(&browser.walk(&self.home.request(&self.app, &[])).await?).await?;
        let page = browser.get(&self.home.request(&asks, &[])).await?;
        is(page.away.is_none(), || "nobody was asked".to_owned())?;
        browser.presses = Presses::Cancel;
        let refused = came_back(&browser.go_on(page).await?)?;
        let error = refused.get("error").map(String::as_str);
        is(error == Some("access_denied"), || format!("{refused:?}"))?;
        browser.presses = Presses::Yes;
        let page = browser.get(&self.home.request(&asks, &[])).await?;
        is(page.away.is_none(), || "a no was forgotten, and taken for a yes".to_owned())?;
        is(came_back(&browser.go_on(page).await?)?.contains_key("code"), || "no code".to_owned())?;
        let once_more = browser.get(&self.home.request(&asks, &[])).await?;
        is(came_back(&once_more)?.contains_key("code"), || "asked again".to_owned())
    }

    /// Without a hint the person is asked; with one the browser goes back to the application.
    async fn logout(&self) -> Outcome {
        let mut browser = self.browser("lou");
        let silent = self.home.request(&self.app, &[("prompt", "none")]);
        for hinted in [false, true] {
            let shown = browser.walk(&self.home.request(&self.app, &[])).await?;
            let code = came_back(&shown)?.remove("code").unwrap_or_default();
            let hint = self.home.redeem(&self.app, &code).await.member("id_token").to_owned();
            let mut leave = self.home.url("/logout");
            if hinted {
                let fields = [("id_token_hint", &*hint), ("post_logout_redirect_uri", GOODBYE)];
                leave.query_pairs_mut().extend_pairs(fields);
            }
            let gone = browser.walk(&leave).await?;
            let away = gone.away.as_ref().map(url::Url::as_str);
            is(away == hinted.then_some(GOODBYE), || format!("{hinted}: {away:?}"))?;
            let after = came_back(&browser.get(&silent).await?)?;
            let error = after.get("error").map(String::as_str);
            is(error == Some("login_required"), || format!("{hinted}: {after:?}"))?;
        }
        Ok(())
    }

    /// Somebody is contained and released, a decision is looked for, and policies are asked, all by plain forms.
    async fn console(&self) -> Outcome {
        let user = self.user("gia").await;
        let holder = self.home.administer(("GET", &format!("users/{user}")), "", None).await;
        let role = json!({"name": "gia", "holder": holder["spiffe_id"], "role": "admin"});
        self.home.administer(("POST", "role-bindings"), "", Some(role)).await;
        let secret = confirm_totp(&self.home, RealmId::FIRST, user).await;
        let mut browser = self.browser("gia");
        let shown = browser.get(&self.home.url("/admin/contained/new")).await?;
        let shown = browser.press(&shown, "/identify", &[("identifier", "gia")]).await?;
        let shown = browser.press(&shown, "/password", &[("password", PASSWORD)]).await?;
        let code = one_time(&secret, 0);
        let mut shown = browser.press(&shown, "/totp", &[("code", &code)]).await?;
        if !shown.url.path().starts_with("/admin") {
            // Whoever has no passkey is offered one first.
            shown = browser.press(&shown, "/enrol", &[("decision", "later")]).await?;
        }
        let fields = [("subject", "lou"), ("reason", "odd traffic"), ("span", "1")];
        let shown = browser.press(&shown, "/admin/contained/new", &fields).await?;
        is(shown.body.contains("odd traffic"), || excerpt(&shown.body))?;
        let shown = browser.click(&shown, "Release").await?;
        let fields = [("reason", "nothing found")];
        let shown = browser.press(&shown, "/admin/contained/release", &fields).await?;
        is(shown.body.contains("id=\"nobody\""), || excerpt(&shown.body))?;

        let shown = browser.click(&shown, "Decisions").await?;
        let fields = [("effect", "allowed"), ("of", "signin")];
        let shown = browser.press(&shown, "/admin/decisions", &fields).await?;
        let chosen = "<option value=\"allowed\" selected>";
        is(shown.status == 200 && shown.body.contains(chosen), || excerpt(&shown.body))?;
        let shown = browser.click(&shown, "What if?").await?;
        let ada = "User::\"spiffe://weft.internal/user/ada\"";
        let fields =
            [("action", "ReadDevice"), ("principal", ada), ("resource", "Device::\"all\"")];
        let shown = browser.press(&shown, "/admin/what-if", &fields).await?;
        is(shown.body.contains("id=\"outcome\""), || excerpt(&shown.body))?;
        let shown = browser.get(&self.home.url("/admin/policies/sign-in")).await?;
        let text = "permit (principal, action == Action::\"SignIn\", resource);";
        let fields = [("text", text), ("replay", "yes")];
        let shown = browser.press(&shown, "/check#flaws", &fields).await?;
        is(shown.body.contains("id=\"replayed\""), || excerpt(&shown.body))
    }

    /// The claims of the ID token that the code of this answer is good for.
    async fn claims_of(&self, shown: &Shown) -> Result<serde_json::Value, String> {
        let answer = came_back(shown)?;
        let code = answer.get("code").ok_or_else(|| format!("no code: {answer:?}"))?;
        let tokens = self.home.redeem(&self.app, code).await;
        is(tokens.status == 200, || tokens.text.clone())?;
        let token = tokens.member("access_token");
        let userinfo = self.home.bearing(reqwest::Method::GET, "/userinfo", token).await;
        let mut claims = super::home::claims(tokens.member("id_token"));
        claims["email"] = userinfo.body["email"].clone();
        Ok(claims)
    }

    /// The link of the only letter that has one; others tell that something changed.
    fn link(&self) -> Result<String, String> {
        let folder = fs::read_dir(self.directory.path().join("mail/new"));
        for letter in folder.map_err(|error| error.to_string())? {
            let letter = letter.map_err(|error| error.to_string())?;
            let text = fs::read_to_string(letter.path()).map_err(|error| error.to_string())?;
            let text = text.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=");
            let Some((_, rest)) = text.split_once("/account/proof/") else { continue };
            let end = |c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c));
            return Ok(format!("/account/proof/{}", rest.split(end).next().unwrap_or_default()));
        }
        Err("no link".to_owned())
    }

    async fn user(&self, name: &str) -> UserId {
        let path = format!("users?identifier={name}");
        let found = self.home.administer(("GET", &path), "", None).await;
        UserId::parse(found["items"][0]["id"].as_str().unwrap()).unwrap()
    }
}

fn is(holds: bool, why: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(why()) }
}

/// A certificate for both names, written where the settings look for it; gives it as PEM.
pub(super) fn certificate(directory: &Path) -> String {
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let names = ["weft.localhost", "idp.localhost"].map(str::to_owned);
    let template = WebTemplate {
        names: &names,
        serial: Serial::new(&SystemEntropy::default()).unwrap(),
        not_before: Timestamp::from_seconds(1_577_836_800),
        not_after: Timestamp::from_seconds(4_102_444_800),
    };
    let certificate = pem("CERTIFICATE", &self_signed_web(&template, &key).unwrap()).to_string();
    let key = pem("PRIVATE KEY", key.to_pkcs8().unwrap().expose()).to_string();
    fs::write(directory.join("certificate.pem"), &certificate).unwrap();
    private_file(&directory.join("key.pem"), key);
    certificate
}
