//! The harness against Weft: a whole server, the clients and people that the harness knows, and applications that others wrote.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;
use weft::accounts::By;
use weft::kernel::{RealmId, Secret, UserId};
use weft::outbound::Network;
use weft::settings::{Text, Textual as _};
use weft::testkit::{TestDatabase, TestServer, engines};

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
        ("openid-client", applications::openid_client(&world.op, &world.certificate).await),
        ("Authlib", applications::authlib(&world.op, &world.certificate).await),
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
    certificate: PathBuf,
    key: PathBuf,
    apache_port: u16,
    /// What ends with it.
    _held: (Arc<TestServer>, TestDatabase, TempDir),
}

impl World {
    async fn start() -> Self {
        let receiver = Receiver::start().await;
        let directory = tempfile::tempdir().unwrap();
        let (certificate, key) = super::super::own_certificate(directory.path());
        let (certificate, key) = (PathBuf::from(certificate), PathBuf::from(key));
        let database = TestDatabase::new(engines()[0]).await;
        let (port, apache_port) = (super::super::free_port(), super::super::free_port());
        let issuer = format!("https://localhost:{port}");
        let server = TestServer::start_with(&database, |settings| {
            settings.listen.public.set_port(port);
            settings.listen.certificate = Some(certificate.clone());
            settings.listen.certificate_key = Some(key.clone());
            settings.server.issuer.clone_from(&issuer);
            let loopback = Network::from_text("127.0.0.0/8").unwrap();
            settings.outbound.allow_networks.push(Text(loopback));
        })
        .await;
        let server = Arc::new(server);
        let mut secrets = BTreeMap::new();
        for (id, profile, redirect, more) in clients(&receiver, apache_port) {
            let mut input =
                json!({"id": id, "name": id, "profile": profile, "redirect_uris": redirect});
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let (status, made) = ask(&server, "POST", "clients", "", Some(input)).await;
            assert_eq!(status, 201, "{id}: {made}");
            let secret = made["client_secret"].as_str().unwrap_or_default().to_owned();
            secrets.insert(id, secret);
        }
        let http = super::super::trusting(&std::fs::read(&certificate).unwrap());
        for name in ["ann", "bob"] {
            person(&server, name).await;
        }
        let typed = (typed("ann"), typed("bob"));
        let mut op = Op::discover(&issuer, http, typed, receiver).await.unwrap();
        op.secrets = secrets;
        // RSA keys are made behind the start; the next one is published from here on.
        weft::testkit::until("an RSA key signs", async || ready(&op).await).await;
        let next = json!({"purpose": "oidc", "algorithm": "RS256"});
        let (status, made) = ask(&server, "POST", "authorities/prepare", "", Some(next)).await;
        assert!([200, 201].contains(&status), "{made}");
        op.handles = handles(&server);
        Self { op, certificate, key, apache_port, _held: (server, database, directory) }
    }

    async fn apache(&self) -> Result<(), String> {
        let pair = (self.certificate.to_str().unwrap(), self.key.to_str().unwrap());
        applications::apache(&self.op, self.apache_port, pair, &self.certificate).await
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
            json!({"token_endpoint_auth_method": "client_secret_post", "relaxed": relaxed}),
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

async fn person(server: &TestServer, name: &str) {
    let attributes = json!({
        "name": format!("{name} Example"),
        "given_name": name,
        "family_name": "Example",
        "email": format!("{name}@example.org"),
        "phone_number": if name == "ann" { "+493012345678" } else { "+493087654321" },
        "address.formatted": "Musterweg 1, Berlin",
    });
    let input = json!({"username": name, "attributes": attributes, "verified": ["email"]});
    let (status, made) = ask(server, "POST", "users", "", Some(input)).await;
    assert_eq!(status, 201, "{name}: {made}");
    let user = UserId::parse(made["id"].as_str().unwrap()).unwrap();
    let accounts = &server.server().accounts;
    let password = Secret::new(PASSWORD.to_owned());
    accounts.set_password(RealmId::FIRST, user, &password, By::Themselves).await.unwrap();
}

fn typed(name: &str) -> Typed {
    let fields = [("identifier", name), ("username", name), ("password", PASSWORD)];
    fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn handles(server: &Arc<TestServer>) -> Handles {
    let (rotating, ending) = (Arc::clone(server), Arc::clone(server));
    Handles {
        rotate: Some(Box::new(move || {
            let server = Arc::clone(&rotating);
            Box::pin(async move { rotate(&server).await })
        })),
        sign_out: Some(Box::new(move || {
            let server = Arc::clone(&ending);
            Box::pin(async move { sign_out(&server).await })
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

const PASSWORD: &str = "correct horse battery staple";
