//! How an agent comes to trust a server, and what happens when somebody stands between.

use std::sync::Arc;

use super::builders::{Authority, domain, now, pop_files};
use super::fake_server::FakeServer;
use super::node::{Node, system_clock, until};
use crate::agent::{Error, Settings};
use crate::crypto::x509::pem;
use crate::wire::join::{JoinString, JoinText};

use weft_proto::spire::api::types;

/// A join string of the true server with the address of another.
fn through(true_server: &FakeServer, relay: &FakeServer, node: &Node) -> Settings {
    let whole = true_server.join_string("t0ken");
    let relayed =
        JoinString::new(whole.trust_domain, &relay.address.to_string(), whole.token, whole.pins)
            .unwrap();
    Settings { join: Some(JoinText::new(relayed.format().expose().clone())), ..node.settings() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_with_its_own_bundle_sees_no_token_and_the_agent_says_why_it_stopped() {
    let (server, relay) = (FakeServer::start(system_clock()), FakeServer::start(system_clock()));
    let node = Node::new(system_clock());
    let why = node.start(through(&server, &relay, &node)).end().await.unwrap_err();
    assert!(matches!(why, Error::NoPinnedKey { .. }), "{why}");
    assert!(why.to_string().contains("no token was sent"), "{why}");
    assert!(relay.lock().tokens_seen.is_empty());
    assert_eq!(relay.calls("AttestAgent"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_with_the_true_bundle_plus_its_own_sees_no_token_and_the_agent_says_why_it_stopped()
{
    let (server, relay) = (FakeServer::start(system_clock()), FakeServer::start(system_clock()));
    let mut both = server.bundle().x509_authorities;
    both.extend(relay.bundle().x509_authorities);
    relay.lock().x509 = both;
    let node = Node::new(system_clock());
    let why = node.start(through(&server, &relay, &node)).end().await.unwrap_err();
    assert!(matches!(why, Error::NotTheServer { .. }), "{why}");
    assert!(why.to_string().contains("nothing was sent"), "{why}");
    assert!(relay.lock().tokens_seen.is_empty());
    assert_eq!(relay.calls("AttestAgent"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_the_trust_domain_with_another_name_sees_no_token() {
    let server = FakeServer::start(system_clock());
    let node = Node::new(system_clock());
    let settings = node.joining(&server, "t0ken");
    server.state.show("/spire/agent/join_token/stolen");
    let why = node.start(settings).end().await.unwrap_err();
    assert!(matches!(why, Error::NotTheServer { .. }), "{why}");
    assert!(server.lock().tokens_seen.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_wrong_by_days_is_named_as_the_reason() {
    let server = FakeServer::start(system_clock());
    let early =
        Arc::new(crate::testkit::TestClock::at(now().minus(crate::kernel::Lifetime::days(2))));
    let node = Node::new(early);
    let why = node.start(node.joining(&server, "t0ken")).end().await.unwrap_err();
    assert!(why.to_string().contains("clock of this machine"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_the_server_does_not_know_ends_the_agent_with_its_words() {
    let server = FakeServer::start(system_clock());
    let node = Node::new(system_clock());
    let settings = node.joining(&server, "t0ken");
    server.lock().tokens.clear();
    let why = node.start(settings).end().await.unwrap_err();
    assert!(matches!(why, Error::AttestationRefused(_)), "{why}");
    assert!(why.to_string().contains("no such join token"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_without_any_reason_to_trust_does_not_dial() {
    let node = Node::new(system_clock());
    for settings in [
        node.settings(),
        Settings { trust_domain: Some("example.org".into()), ..node.settings() },
        Settings {
            trust_domain: Some("example.org".into()),
            server_address: Some("127.0.0.1:1".into()),
            join_token: Some(JoinText::new("t".into())),
            ..node.settings()
        },
    ] {
        let why = node.start(settings).end().await.unwrap_err();
        assert!(matches!(why, Error::Settings(_)), "{why}");
        assert!(why.to_string().contains("--join"), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_join_string_the_token_goes_to_the_true_server_alone() {
    let server = FakeServer::start(system_clock());
    let node = Node::new(system_clock());
    let running = node.start(node.joining(&server, "t0ken"));
    node.ready().await;
    assert_eq!(server.lock().tokens_seen, ["t0ken"]);
    assert!(node.data_dir().join("agent.pem").exists());
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_answer_that_was_lost_is_asked_for_again_with_the_same_key() {
    let server = FakeServer::start(system_clock());
    let node = Node::new(system_clock());
    server.lock().switches.loses_answers = true;
    let running = node.start(node.joining(&server, "t0ken"));
    until("a second attempt", || {
        let tries = server.lock().csr_keys.len();
        Box::pin(async move { tries >= 2 })
    })
    .await;
    server.lock().switches.loses_answers = false;
    node.ready().await;
    let keys = server.lock().csr_keys.clone();
    assert!(keys.len() >= 3 && keys.iter().all(|key| *key == keys[0]), "{} attempts", keys.len());
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trust_bundle_file_serves_instead_of_pins() {
    let server = FakeServer::start(system_clock());
    let node = Node::new(system_clock());
    server.lock().tokens.insert("t0ken".into(), None);
    let path = node.dir.path().join("bundle.pem");
    let settings = Settings {
        trust_domain: Some("example.org".into()),
        server_address: Some(server.address.to_string()),
        join_token: Some(JoinText::new("t0ken".into())),
        trust_bundle: Some(path.clone()),
        ..node.settings()
    };
    let stranger = Authority::new(&domain("example.org"), now());
    std::fs::write(&path, pem("CERTIFICATE", &stranger.der).as_bytes()).unwrap();
    let why = node.start(settings.clone()).end().await.unwrap_err();
    assert!(matches!(why, Error::NotTheServer { .. }), "{why}");
    assert!(server.lock().tokens_seen.is_empty());
    std::fs::write(&path, pem("CERTIFICATE", &server.lock().authority.der).as_bytes()).unwrap();
    let running = node.start(settings);
    node.ready().await;
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn insecure_bootstrap_believes_whoever_answers_and_has_to_be_spelled_out() {
    let server = FakeServer::start(system_clock());
    let node = Node::new(system_clock());
    server.lock().tokens.insert("t0ken".into(), None);
    let settings = Settings {
        trust_domain: Some("example.org".into()),
        server_address: Some(server.address.to_string()),
        join_token: Some(JoinText::new("t0ken".into())),
        insecure_bootstrap: true,
        ..node.settings()
    };
    let running = node.start(settings);
    node.ready().await;
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_certificate_attests_by_challenge() {
    let server = FakeServer::start(system_clock());
    let node = Node::new(system_clock());
    let (files, _) = pop_files(node.dir.path());
    let settings = Settings { x509pop: Some(files), ..node.joining(&server, "unused") };
    let why = node.start(settings.clone()).end().await.unwrap_err();
    assert!(why.to_string().contains("choose one"), "{why}");
    let bundle = node.dir.path().join("bundle.pem");
    std::fs::write(&bundle, pem("CERTIFICATE", &server.lock().authority.der).as_bytes()).unwrap();
    let settings = Settings {
        join: None,
        trust_domain: Some("example.org".into()),
        server_address: Some(server.address.to_string()),
        trust_bundle: Some(bundle),
        ..settings
    };
    let running = node.start(settings);
    node.ready().await;
    let id = domain("example.org").with_path("/spire/agent/x509pop/node").unwrap();
    assert!(server.lock().agents.contains_key(&id));
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_full_bundle_replaces_the_pinned_part_of_it() {
    let server = FakeServer::start(system_clock());
    let node = Node::new(system_clock());
    let settings = node.joining(&server, "t0ken");
    let second = Authority::new(&domain("example.org"), now());
    let asn1 = second.der.clone().into();
    server.change(|inner| inner.x509.push(types::X509Certificate { asn1, tainted: false }));
    let running = node.start(settings);
    let path = node.data_dir().join("bundle.pem");
    until("both authorities are on disk", || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        Box::pin(async move { text.matches("BEGIN CERTIFICATE").count() == 2 })
    })
    .await;
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_set_up_anew_is_joined_with_its_new_string_and_not_without() {
    let node = Node::new(system_clock());
    let old = FakeServer::start(system_clock());
    let running = node.start(node.joining(&old, "t0ken"));
    node.ready().await;
    running.stop().await.unwrap();

    let new = FakeServer::start(system_clock());
    let address = Some(new.address.to_string());
    let mut running = node.start(Settings { server_address: address.clone(), ..node.settings() });
    until("it is asked, and not believed", || {
        let asked = node.socket().exists();
        Box::pin(async move { asked })
    })
    .await;
    assert!(running.is_running());
    running.stop().await.unwrap();
    let mut running =
        node.start(Settings { server_address: address, ..node.joining(&old, "other") });
    until("the socket is there", || Box::pin(async { node.socket().exists() })).await;
    assert!(running.is_running());
    running.stop().await.unwrap();
    assert_eq!(
        new.calls("AttestAgent"),
        0,
        "neither what is known nor a string of the old server leads to it"
    );

    let running = node.start(node.joining(&new, "fresh"));
    node.ready().await;
    assert_eq!(new.lock().tokens_seen, ["fresh"]);
    running.stop().await.unwrap();
}
