//! The provider that an organisation has already: `oidc-provider` from npm, unmodified, above Weft, and an application on
//! openid-client below it. People sign in there through its forms, and come back.

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures_util::future::join;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use url::{Origin, Url};
use weft::testkit::{FakeUpstream, repository};

use super::conformance::applications::{Application, openid_client_program};
use super::site::{PASSWORD, Site};
use super::{Piped, free_port, node_modules};
use crate::admin_api::ask;
use crate::walker::html::links;
use crate::walker::{Browser, Shown, Typed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_come_through_the_provider_that_their_organisation_has() {
    let ports = ["RS256", "ES256"].map(|algorithm| (algorithm, free_port()));
    let site = Site::start_with(|settings, _| {
        let allowed = ports.map(|(_, port)| FakeUpstream::allowed(&format!("localhost:{port}")));
        settings.outbound.allow_private.extend(allowed);
    })
    .await;
    site.person("ann", "+493012345678").await;
    let secret = site.client("shop", "web", &[CALLBACK], json!({"consent": "first_party"})).await;
    let (one, two) = join(
        Box::pin(day_of_a_provider(&site, &secret, ports[0])),
        Box::pin(day_of_a_provider(&site, &secret, ports[1])),
    )
    .await;
    let told = format!("{:?}", (&one, &two));
    let (one, two) = (one.unwrap(), two.unwrap());
    println!("{told}");
    assert_eq!(one, two, "the algorithm makes no difference");
    println!(
        "proof: oidc-provider above Weft: signed in through it with RS256 {} of 4, with ES256 {} of 4, its keys \
         changed on the way; while it was stopped {} told so and {} signed in by password",
        one.signed_in,
        two.signed_in,
        one.turned_away + two.turned_away,
        one.by_password + two.by_password,
    );
    assert_eq!(one, Day { signed_in: 4, turned_away: 1, by_password: 1 });
}

/// What became of those who came.
#[derive(Debug, Default, PartialEq, Eq)]
struct Day {
    signed_in: usize,
    turned_away: usize,
    by_password: usize,
}

/// A provider is set up; people come, once with its key changed while they are there, once while it is down.
async fn day_of_a_provider(
    site: &Site,
    secret: &str,
    (algorithm, port): (&str, u16),
) -> Result<Day, String> {
    let id = algorithm.to_ascii_lowercase();
    let mut provider = Provider::start(site, algorithm, port).await;
    provider.is_upstream(site).await;
    let mut day = Day::default();
    let mut comes = async |name: &str| -> Result<(), String> {
        let told = Visit::begin(site, secret).await?.through(&id, name, async || Ok(())).await?;
        let expected = format!("{name}@corp.example");
        day.signed_in += usize::from(told["email"] == expected.as_str());
        Ok(())
    };
    comes(&format!("{id}-carl")).await?;
    // The same person again, who has an account here by now.
    comes(&format!("{id}-carl")).await?;

    let visit = Visit::begin(site, secret).await?;
    let told = visit.through(&id, &format!("{id}-dora"), async || provider.rotate().await).await?;
    day.signed_in += usize::from(told["email"].is_string());

    let visit = Visit::begin(site, secret).await?;
    let mut comes_late = visit.at_weft(&id, &format!("{id}-emil"), async || Ok(())).await?;
    provider.stop().await;
    let back = comes_late.back.clone();
    let shown = comes_late.weft().get(&back).await?;
    // They are where they chose the provider, are told why, and have every other way.
    let page = comes_late.page.clone();
    if (shown.status, &shown.url) != (200, &page) || !shown.body.contains(AWAY) {
        return Err(format!("at {} with {}: {}", shown.url, shown.status, shown.body));
    }
    day.turned_away += usize::from(shown.body.contains("role=\"alert\"") && shown.away.is_none());
    let told = comes_late.types_a_password().await?;
    day.by_password += usize::from(told["email"] == "ann@example.org");

    provider.start_again(site).await;
    let told = Visit::begin(site, secret)
        .await?
        .through(&id, &format!("{id}-carl"), async || Ok(()))
        .await?;
    day.signed_in += usize::from(told["email"].is_string());
    Ok(day)
}

/// Somebody who was sent to sign in by an application.
struct Visit {
    application: Application,
    asked: Url,
    /// What a browser keeps for each site.
    at: BTreeMap<String, Browser>,
    home: String,
    client: reqwest::Client,
}

/// Somebody on the way back from the provider.
struct Returning {
    visit: Visit,
    back: Url,
    /// Where they chose the provider.
    page: Url,
}

impl Visit {
    async fn begin(site: &Site, secret: &str) -> Result<Self, String> {
        let program = openid_client_program(&site.certificate);
        let (application, asked) =
            Application::start(program, &site.issuer, ("shop", secret, CALLBACK)).await?;
        let home = origin(&Url::parse(&site.issuer).unwrap());
        Ok(Self { application, asked, at: BTreeMap::new(), home, client: site.http() })
    }

    /// Signs in through this provider under this name; gives what the application learnt. `meanwhile` happens while they are
    /// at the provider.
    async fn through(
        self,
        upstream: &str,
        name: &str,
        meanwhile: impl AsyncFnOnce() -> Result<(), String>,
    ) -> Result<Value, String> {
        let mut returning = self.at_weft(upstream, name, meanwhile).await?;
        let back = returning.back.clone();
        let shown = returning.weft().get(&back).await?;
        returning.goes_on(shown).await
    }

    /// The same, until just before they are back at Weft.
    async fn at_weft(
        mut self,
        upstream: &str,
        name: &str,
        meanwhile: impl AsyncFnOnce() -> Result<(), String>,
    ) -> Result<Returning, String> {
        let asked = self.asked.clone();
        let weft = self.browser(&asked, Typed::new());
        let shown = weft.get(&asked).await?;
        let page = shown.url.clone();
        let shown = weft.press(&shown, "/upstream", &[("upstream", upstream)]).await?;
        let there = leaving(&shown).ok_or_else(|| format!("nowhere to go: {}", shown.body))?;
        let typed = [("login", name), ("password", "anything")];
        let typed = typed.map(|(field, value)| (field.to_owned(), value.to_owned()));
        let provider = self.browser(&there, typed.into());
        // The provider's first page is open when its key changes.
        let shown = provider.get(&there).await?;
        meanwhile().await?;
        let shown = provider.go_on(shown).await?;
        let back = shown.away.ok_or_else(|| format!("stayed at {}: {}", shown.url, shown.body))?;
        if origin(&back) == self.home {
            Ok(Returning { visit: self, back, page })
        } else {
            Err(format!("led to {back}"))
        }
    }

    fn browser(&mut self, url: &Url, typed: Typed) -> &mut Browser {
        let client = self.client.clone();
        self.at.entry(origin(url)).or_insert_with(|| Browser::new(client, typed))
    }
}

impl Returning {
    fn weft(&mut self) -> &mut Browser {
        let home = self.visit.home.clone();
        self.visit.at.get_mut(&home).expect("they have been there")
    }

    /// Does what Weft still asks, and gives the answer to the application.
    async fn goes_on(mut self, shown: Shown) -> Result<Value, String> {
        let shown = self.weft().go_on(shown).await?;
        let words = || format!("stayed at {} with {}: {}", shown.url, shown.status, shown.body);
        self.visit.application.finish(&shown.away.clone().ok_or_else(words)?).await
    }

    async fn types_a_password(mut self) -> Result<Value, String> {
        let typed = [("identifier", "ann"), ("username", "ann"), ("password", PASSWORD)];
        self.weft().typed = typed.map(|(field, value)| (field.to_owned(), value.to_owned())).into();
        let page = self.page.clone();
        let shown = self.weft().get(&page).await?;
        self.goes_on(shown).await
    }
}

/// Where the page leads that stands between two sites: its one link to another.
fn leaving(shown: &Shown) -> Option<Url> {
    let found = links(&shown.body).into_iter().filter_map(|link| shown.url.join(&link.href).ok());
    found.into_iter().find(|url| url.origin() != shown.url.origin())
}

fn origin(url: &Url) -> String {
    Origin::ascii_serialization(&url.origin())
}

/// The foreign program.
struct Provider {
    algorithm: String,
    port: u16,
    kept: PathBuf,
    life: Option<Piped>,
}

impl Provider {
    async fn start(site: &Site, algorithm: &str, port: u16) -> Self {
        let kept = site.directory.path().join(format!("{algorithm}.jwk"));
        let mut provider = Self { algorithm: algorithm.to_owned(), port, kept, life: None };
        provider.start_again(site).await;
        provider
    }

    fn authority(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// Starts it where it was, with what it has kept: its key.
    async fn start_again(&mut self, site: &Site) {
        let callback = format!("{}/callback/{}", site.issuer, self.algorithm.to_ascii_lowercase());
        let mut command = Command::new("node");
        command
            .arg(repository().join("tests/peers/oidc/upstream.mjs"))
            .arg(self.port.to_string())
            .args([&site.certificate, &site.key, &self.kept])
            .args([&self.algorithm, &callback])
            .env("WEFT_PEERS_NODE", node_modules());
        self.life.insert(Piped::start(&mut command)).says("listening").await;
    }

    async fn stop(&mut self) {
        self.life.take().expect("it runs").stop().await;
    }

    /// Makes another key sign, and publishes that one alone.
    async fn rotate(&mut self) -> Result<(), String> {
        let life = self.life.as_mut().ok_or("it does not run")?;
        life.stdin.write_all(b"rotate\n").await.map_err(|error| error.to_string())?;
        life.says("rotated").await;
        Ok(())
    }

    /// Tells Weft of it.
    async fn is_upstream(&self, site: &Site) {
        let settings = json!({
            "display_name": format!("Work ({})", self.algorithm),
            "issuer": format!("https://{}", self.authority()),
            "client_id": "weft",
            "algorithms": [self.algorithm],
            "scopes": ["openid", "email", "profile"],
            "create_accounts": true,
            "create_domains": ["corp.example"],
            "allow_private_network": {
                "network": "127.0.0.0/8", "authority": self.authority(), "certificates": site.pem(),
            },
        });
        let input =
            json!({"settings": settings, "client_secret": "secret-of-weft-0123456789abcdef"});
        let path = format!("upstreams/{}", self.algorithm.to_ascii_lowercase());
        let (status, made) =
            ask(&site.server, "PUT", &path, "if-none-match: *\r\n", Some(input)).await;
        assert_eq!(status, 201, "{made}");
    }
}

/// What whoever comes back from a provider that is down reads.
const AWAY: &str =
    "The other provider cannot be reached just now. Try again later, or choose another way.";
/// Nothing listens there: the application is told the address.
const CALLBACK: &str = "https://rp.example.org/cb";
