//! Requests that say of themselves that they went to another host, or came from elsewhere.

use reqwest::header::{HeaderMap, HeaderValue};
use weft::testkit::until;

use super::*;
use crate::people::home::{anybody_with, typed};

const EVIL: &str = "evil.example";
const ELSEWHERE: &str = "203.0.113.9";

impl World {
    /// A whole sign-in and a letter under such headers: no address of ours becomes another one, and whoever signs in is where
    /// they are.
    pub(super) async fn lying_headers(&self, tally: &mut Tally) {
        let lies = [
            ("host", EVIL.to_owned()),
            ("x-forwarded-host", EVIL.to_owned()),
            ("x-forwarded-proto", "http".to_owned()),
            ("x-forwarded-for", ELSEWHERE.to_owned()),
            ("x-real-ip", ELSEWHERE.to_owned()),
            ("x-original-url", "/api/v1/whoami".to_owned()),
            ("forwarded", format!("for={ELSEWHERE};host={EVIL};proto=http")),
        ];
        for path in [
            "/.well-known/openid-configuration",
            "/.well-known/oauth-authorization-server",
            "/jwks",
            "/account",
        ] {
            let answer = self.lied_to(path, &lies).await;
            let clean = !format!("{:?} {}", answer.headers, answer.text).contains(EVIL);
            tally.note(
                (path, "lied to"),
                answer.status,
                clean && answer.status < 400,
                &answer.text,
            );
        }
        let issuer = self.lied_to("/.well-known/openid-configuration", &lies).await;
        assert_eq!(issuer.member("issuer"), self.home.issuer());
        self.sign_in_from_elsewhere(tally, &lies).await;
        let two = [("host", EVIL.to_owned()), ("host", "localhost".to_owned())];
        let answer = self.lied_to("/account", &two).await;
        tally.note("two hosts", answer.status, answer.status == 400, &answer.text);
    }

    async fn lied_to(&self, path: &str, lies: &[(&'static str, String)]) -> Answer {
        let mut request = anybody_with(HeaderMap::new()).get(self.home.url(path));
        for (name, value) in lies {
            request = request.header(*name, value);
        }
        Answer::of(request.send().await.unwrap()).await.unwrap()
    }

    async fn sign_in_from_elsewhere(&self, tally: &mut Tally, lies: &[(&'static str, String)]) {
        let headers: HeaderMap = lies
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect();
        let mut browser = Browser::new(anybody_with(headers), typed("ann"));
        let shown = browser.walk(&self.home.request(&self.app, &[])).await.unwrap();
        let back = came_back(&shown).unwrap_or_default();
        let fine = back.contains_key("code") && back.get("iss") == Some(&self.home.issuer());
        tally.note("a sign-in", shown.status, fine, &back);
        let sessions = self.sessions().await;
        let addresses: Vec<&str> = sessions
            .iter()
            .map(|session| session["address"].as_str().unwrap_or_default())
            .collect();
        let here = !addresses.is_empty() && addresses.iter().all(|one| *one == "127.0.0.1");
        tally.note("where somebody is", 200, here, &addresses);
        let mut other = Browser::new(browser.client().clone(), typed("ann"));
        let page = other.get(&self.home.request(&self.app, &[])).await.unwrap();
        let page = other.press(&page, "/identify", &[("identifier", "ann")]).await.unwrap();
        let page = other.press(&page, "/way", &[("way", "mail")]).await.unwrap();
        other.press(&page, "/recover", &[("identifier", "ann")]).await.unwrap();
        let letter = until("the letter comes", async || self.letter()).await;
        let host = self.home.base.authority().to_owned();
        let own =
            letter.contains(&format!("https://{host}/account/proof/")) && !letter.contains(EVIL);
        tally.note("a letter's link", 200, own, &letter);
    }

    async fn sessions(&self) -> Vec<Value> {
        let found = self.home.administer(("GET", "users?identifier=ann"), "", None).await;
        let path = format!("sessions?user={}", found["items"][0]["id"].as_str().unwrap());
        let listed = self.home.administer(("GET", &path), "", None).await;
        listed["items"].as_array().cloned().unwrap_or_default()
    }

    fn letter(&self) -> Result<String, String> {
        let words = |error: std::io::Error| error.to_string();
        let mut letters = std::fs::read_dir(self.mail.path().join("new")).map_err(words)?;
        let letter = letters.next().ok_or("no letter")?.map_err(words)?;
        let text = std::fs::read_to_string(letter.path()).map_err(words)?;
        Ok(text.replace("=\r\n", "").replace("=\n", "").replace("=3D", "="))
    }
}
