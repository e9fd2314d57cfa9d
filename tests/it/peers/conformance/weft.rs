//! The harness against Weft: a whole server, the clients and people that the harness knows, and applications that others wrote.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use weft::kernel::Lifetime;
use weft::testkit::TestServer;

use super::super::free_port;
use super::super::site::{PASSWORD, Site};
use super::op::{BASIC, GOODBYE, Handles, LOOPBACK, MACHINE, Op, POST, PUBLIC, RESOURCE};
use super::{applications, outcomes, told};
use crate::admin_api::ask;
use crate::people::Receiver;
use crate::walker::Typed;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_item_holds() {
    let world = World::start().await;
    let outcomes = outcomes(&world.op).await;
    let held = outcomes.values().filter(|verdict| verdict.is_ok()).count();
    println!("{}", told(&outcomes));
    println!("proof: weft: {held}/{}", outcomes.len());
    assert_eq!(held, outcomes.len(), "{}", told(&outcomes));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn applications_that_others_wrote_sign_people_in() {
    let world = World::start().await;
    let outcomes = [
        ("openid-client", applications::openid_client(&world.op, &world.site.certificate).await),
        ("Authlib", applications::authlib(&world.op, &world.site.certificate).await),
        ("mod_auth_openidc", world.apache().await),
    ];
    for (name, outcome) in &outcomes {
        println!("{name}: {outcome:?}");
    }
    let held = outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).count();
    println!("proof: applications of others that signed a person in: {held} of {}", outcomes.len());
    assert_eq!(held, outcomes.len());
}

/// A server with its people and clients.
struct World {
    op: Op,
    site: Site,
    apache_port: u16,
}

impl World {
    async fn start() -> Self {
        let receiver = Receiver::start().await;
        let allowed = receiver.allowed();
        let site =
            Site::start_with(|settings, _| settings.outbound.allow_private.push(allowed)).await;
        let apache_port = free_port();
        let mut secrets = BTreeMap::new();
        for (id, profile, redirect, more) in clients(&receiver, apache_port) {
            let redirect: Vec<&str> = redirect.iter().map(String::as_str).collect();
            secrets.insert(id, site.client(id, profile, &redirect, more).await);
        }
        site.person("ann", "+493012345678").await;
        site.person("bob", "+493087654321").await;
        let typed = (typed("ann"), typed("bob"));
        let mut op = Op::discover(&site.issuer, site.http(), typed, receiver).await.unwrap();
        op.secrets = secrets;
        // RSA keys are made behind the start; the next one is published from here on.
        weft::testkit::until("an RSA key signs", async || ready(&op).await).await;
        let next = json!({"purpose": "oidc", "algorithm": "RS256"});
        let (status, made) = ask(&site.server, "POST", "authorities/prepare", "", Some(next)).await;
        assert!([200, 201].contains(&status), "{made}");
        op.handles = handles(&site);
        Self { op, site, apache_port }
    }

    async fn apache(&self) -> Result<(), String> {
        let site = &self.site;
        let pair = (site.certificate.to_str().unwrap(), site.key.to_str().unwrap());
        applications::apache(&self.op, self.apache_port, pair, &site.certificate).await
    }
}

async fn ready(op: &Op) -> Result<(), String> {
    let keys = op.keys().await?;
    let there = keys.iter().any(|key| key["alg"] == "RS256");
    if there { Ok(()) } else { Err(format!("{} keys", keys.len())) }
}

/// The clients of the harness: id, profile, redirect URIs, and what else is said of them.
fn clients(
    receiver: &Receiver,
    apache_port: u16,
) -> Vec<(&'static str, &'static str, Vec<String>, Value)> {
    let resources = json!([{"uri": RESOURCE, "scopes": ["read"]}]);
    let web = |uri: &str| vec![uri.to_owned()];
    let plain = "conformance profiles send requests without PKCE, and listen on this machine";
    let relaxed = json!({"pkce": plain, "https_redirects": plain});
    vec![
        (
            BASIC.id,
            "web",
            web(BASIC.redirect),
            json!({
                "token_endpoint_auth_method": "client_secret_basic",
                "post_logout_redirect_uris": [GOODBYE],
                "backchannel_logout_uri": format!("{}/{}", receiver.address(), BASIC.id),
                "rotates_refresh_tokens": false,
                "relaxed": relaxed,
            }),
        ),
        (
            POST.id,
            "web",
            web(POST.redirect),
            json!({
                "token_endpoint_auth_method": "client_secret_post",
                "post_logout_redirect_uris": [GOODBYE],
                "relaxed": relaxed,
            }),
        ),
        (PUBLIC.id, "native", web(LOOPBACK), json!({})),
        (MACHINE.id, "machine", Vec::new(), json!({"resources": resources, "scopes": ["read"]})),
        (
            applications::APACHE,
            "web",
            web(&format!("https://localhost:{apache_port}/app/callback")),
            json!({}),
        ),
    ]
}

fn typed(name: &str) -> Typed {
    let fields = [("identifier", name), ("username", name), ("password", PASSWORD)];
    fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn handles(site: &Site) -> Handles {
    let (rotating, ending) = (Arc::clone(&site.server), Arc::clone(&site.server));
    let clock = Arc::clone(&site.clock);
    Handles {
        rotate: Some(Box::new(move || {
            let server = Arc::clone(&rotating);
            Box::pin(async move { rotate(&server).await })
        })),
        sign_out: Some(Box::new(move || {
            let server = Arc::clone(&ending);
            Box::pin(async move { sign_out(&server).await })
        })),
        later: Some(Box::new(move || {
            clock.advance(Lifetime::minutes(10));
            Box::pin(async { Ok(()) })
        })),
    }
}

/// Activates the RS256 key that is published already, or prepares one first.
async fn rotate(server: &TestServer) -> Result<(), String> {
    let input = json!({"purpose": "oidc", "algorithm": "RS256"});
    let (_, listed) = ask(server, "GET", "authorities", "", None).await;
    let prepared = |one: &&Value| {
        one["purpose"] == "oidc" && one["algorithm"] == "RS256" && one["state"] == "prepared"
    };
    let found = listed["items"].as_array().and_then(|all| all.iter().find(prepared)).cloned();
    let made = match found {
        Some(one) => one,
        None => ask(server, "POST", "authorities/prepare", "", Some(input)).await.1,
    };
    let id = made["id"].as_str().ok_or_else(|| made.to_string())?;
    let path = format!("authorities/{id}/activate");
    let (status, answer) = ask(server, "POST", &path, "", Some(json!({"force": true}))).await;
    if status == 200 { Ok(()) } else { Err(format!("{status} {answer}")) }
}

/// Ends all sessions of the person of the checks.
async fn sign_out(server: &TestServer) -> Result<(), String> {
    let (_, listed) = ask(server, "GET", "users?identifier=ann", "", None).await;
    let ann = listed["items"].as_array().and_then(|all| all.first()).cloned();
    let id = ann.as_ref().and_then(|ann| ann["id"].as_str()).ok_or_else(|| listed.to_string())?;
    let (status, answer) = ask(server, "DELETE", &format!("sessions?user={id}"), "", None).await;
    if status == 204 { Ok(()) } else { Err(format!("{status} {answer}")) }
}
