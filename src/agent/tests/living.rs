//! An agent over time: push and poll, renewal, outages, restarts, rotation, refusal.

use std::sync::Arc;

use tonic::Code;
use weft_proto::workload::{JwtsvidRequest, X509svidRequest, X509svidResponse};

use super::builders::{domain, now};
use super::fake_server::FakeServer;
use super::node::{Node, limited, my_uid, system_clock, until, until_on};
use crate::agent::{Error, Settings};
use crate::crypto::x509::CertificateView;
use crate::env::Clock;
use crate::kernel::{Lifetime, SpiffeId};
use crate::testkit::TestClock;

fn agent_id() -> SpiffeId {
    domain("example.org").with_path("/spire/agent/join_token/t0ken").unwrap()
}

fn test_clock() -> (TestClock, Arc<dyn Clock>) {
    let clock = TestClock::at(now());
    (clock.clone(), Arc::new(clock))
}

async fn next(stream: &mut tonic::Streaming<X509svidResponse>) -> X509svidResponse {
    limited("the next message", stream.message()).await.unwrap().unwrap()
}

fn serial(message: &X509svidResponse) -> String {
    CertificateView::parse(&message.svids[0].x509_svid).unwrap().serial
}

async fn token(node: &Node) -> Result<String, Code> {
    let request = JwtsvidRequest { audience: vec!["x".into()], spiffe_id: String::new() };
    let answer = node.client().fetch_jwtsvid(request).await;
    answer.map(|answer| answer.into_inner().svids[0].svid.clone()).map_err(|status| status.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_pushed_and_acknowledged_once_it_is_applied() {
    let server = FakeServer::start(system_clock());
    let node = Node::new(system_clock());
    let agent = node.start(node.joining(&server, "t0ken"));
    node.ready().await;
    server.add_entry("a", "/a", &my_uid());
    until("it is served", || {
        let asking = node.x509();
        Box::pin(async move { asking.await.message().await.is_ok() })
    })
    .await;
    until("the acknowledgement", || {
        let inner = server.lock();
        let at = inner.acks.last().and_then(|ack| ack.revision.as_ref()).map(|at| at.seq);
        let (reached, bundle) =
            (at == Some(inner.seq), inner.acks.last().map(|ack| ack.bundle_sequence) == Some(1));
        Box::pin(async move { reached && bundle })
    })
    .await;
    assert_eq!(server.calls("SyncAuthorizedEntries"), 0, "nothing was polled");
    agent.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_stream_that_broke_resumes_from_the_last_revision() {
    let (time, clock) = test_clock();
    let server = FakeServer::start(Arc::clone(&clock));
    server.add_entry("a", "/a", &my_uid());
    let node = Node::new(clock);
    let _agent = node.start(node.joining(&server, "t0ken"));
    node.ready().await;
    let mut stream = node.x509().await;
    next(&mut stream).await;
    // After a stream that failed comes one poll, which must fail too: one that succeeded would give the agent a view
    // without a revision.
    server.change(|inner| {
        inner.switches.back_after = Some("GetBundle");
        inner.switches.away = true;
    });
    until_on(&time, "stream and poll failed", || Box::pin(async { !server.lock().switches.away }))
        .await;
    server.add_entry("b", "/b", &my_uid());
    until_on(&time, "a resumed stream", || {
        let resumed = server
            .lock()
            .acks
            .iter()
            .any(|ack| !ack.agent_version.is_empty() && ack.revision.is_some());
        Box::pin(async move { resumed })
    })
    .await;
    tokio::select! {
        both = next(&mut stream) => assert_eq!(both.svids.len(), 2),
        () = until_on(&time, "both", || Box::pin(async { false })) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_push_stream_the_agent_polls_as_spires_agents_do() {
    let (time, clock) = test_clock();
    let server = FakeServer::start(Arc::clone(&clock));
    server.lock().switches.push = false;
    server.add_entry("a", "/a", &my_uid());
    let node = Node::new(clock);
    let _agent = node.start(node.joining(&server, "t0ken"));
    node.ready().await;
    let mut stream = node.x509().await;
    assert_eq!(next(&mut stream).await.svids.len(), 1);
    // More entries than a page: revisions first, then what changed by id.
    server.lock().switches.page = 2;
    for name in ["b", "c", "d", "e", "f"] {
        server.add_entry(name, &format!("/{name}"), &my_uid());
    }
    let mut ids = Vec::new();
    let all_six = async {
        while ids.len() != 6 {
            ids = next(&mut stream).await.svids.into_iter().map(|svid| svid.spiffe_id).collect();
        }
    };
    tokio::select! {
        () = all_six => {}
        () = until_on(&time, "a poll", || Box::pin(async { false })) => {}
    }
    server.remove_entry("a");
    let five = async {
        next(&mut stream).await.svids.into_iter().map(|svid| svid.spiffe_id).collect::<Vec<_>>()
    };
    ids = tokio::select! {
        five = five => five,
        () = until_on(&time, "a poll", || Box::pin(async { false })) => Vec::new(),
    };
    assert_eq!(ids.len(), 5);
    assert!(!ids.contains(&"spiffe://example.org/a".to_owned()), "{ids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn svids_are_renewed_at_half_life_and_the_stream_sees_it() {
    let (time, clock) = test_clock();
    let server = FakeServer::start(Arc::clone(&clock));
    server.add_entry("a", "/a", &my_uid());
    let node = Node::new(clock);
    let _agent = node.start(node.joining(&server, "t0ken"));
    node.ready().await;
    let mut stream = node.x509().await;
    let first = serial(&next(&mut stream).await);
    time.advance(Lifetime::minutes(26));
    time.advance(Lifetime::minutes(8));
    let renewed = tokio::join!(
        next(&mut stream),
        until_on(&time, "a renewal", || {
            let calls = server.calls("BatchNewX509SVID");
            Box::pin(async move { calls >= 2 })
        })
    );
    assert_ne!(serial(&renewed.0), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn loss_of_the_server_is_survived_until_what_is_held_expires() {
    let (time, clock) = test_clock();
    let server = FakeServer::start(Arc::clone(&clock));
    // The agent's own SVID outlives the outage; those of workloads do not.
    server.lock().switches.agent_life = Lifetime::days(1);
    server.add_entry("a", "/a", &my_uid());
    let node = Node::new(clock);
    let mut agent = node.start(node.joining(&server, "t0ken"));
    node.ready().await;
    let held = serial(&next(&mut node.x509().await).await);
    let first = token(&node).await.unwrap();
    server.change(|inner| inner.switches.away = true);
    time.advance(Lifetime::minutes(4));
    assert_eq!(
        token(&node).await,
        Ok(first),
        "past its half-life, and nobody waits for the server"
    );
    time.advance(Lifetime::minutes(2));
    assert_eq!(token(&node).await, Err(Code::Unavailable));
    time.advance(Lifetime::minutes(50));
    assert_eq!(serial(&next(&mut node.x509().await).await), held);
    let mut stream = node.x509().await;
    next(&mut stream).await;
    time.advance(Lifetime::minutes(5));
    let ended = tokio::select! {
        ended = stream.message() => ended.unwrap_err(),
        () = until_on(&time, "the end", || Box::pin(async { false })) => panic!("it goes on"),
    };
    assert_eq!(ended.code(), Code::Unavailable, "an expired SVID is not served");
    assert!(agent.is_running());
    server.lock().switches.away = false;
    until_on(&time, "served again", || {
        let mut client = node.client();
        Box::pin(async move {
            let Ok(stream) = client.fetch_x509svid(X509svidRequest {}).await else { return false };
            matches!(stream.into_inner().message().await, Ok(Some(_)))
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_needs_neither_token_nor_attestation_nor_address() {
    let server = FakeServer::start(system_clock());
    server.add_entry("a", "/a", &my_uid());
    let node = Node::new(system_clock());
    let agent = node.start(node.joining(&server, "t0ken"));
    node.ready().await;
    agent.stop().await.unwrap();
    let agent = node.start(node.settings());
    node.ready().await;
    assert_eq!(next(&mut node.x509().await).await.svids.len(), 1);
    assert_eq!(server.calls("AttestAgent"), 1);
    agent.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_workload_key_is_written_to_disk() {
    let server = FakeServer::start(system_clock());
    server.add_entry("a", "/a", &my_uid());
    let node = Node::new(system_clock());
    let _agent = node.start(node.joining(&server, "t0ken"));
    node.ready().await;
    let key = next(&mut node.x509().await).await.svids[0].x509_svid_key.clone();
    let key = crate::crypto::digest::base64(&key);
    let start: String = key.chars().skip(80).take(40).collect();
    for file in std::fs::read_dir(node.data_dir()).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap().replace('\n', "");
        assert!(!text.contains(&start));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agents_own_svid_is_renewed_with_a_new_key_and_used_at_once() {
    let (time, clock) = test_clock();
    let server = FakeServer::start(Arc::clone(&clock));
    let node = Node::new(clock);
    let mut agent = node.start(node.joining(&server, "t0ken"));
    node.ready().await;
    let first = server.lock().agents[&agent_id()].current.clone();
    time.advance(Lifetime::minutes(34));
    until_on(&time, "the new serial is active", || {
        let current = server.lock().agents[&agent_id()].current.clone();
        let first = first.clone();
        Box::pin(async move { current != first })
    })
    .await;
    let keys = server.lock().csr_keys.clone();
    assert_ne!(keys[0], keys[1]);
    assert!(agent.is_running());
    assert_eq!(server.calls("AttestAgent"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_whose_answer_was_lost_is_asked_for_again_with_the_same_key() {
    let (time, clock) = test_clock();
    let server = FakeServer::start(Arc::clone(&clock));
    let node = Node::new(clock);
    let mut agent = node.start(node.joining(&server, "t0ken"));
    node.ready().await;
    server.lock().switches.loses_answers = true;
    time.advance(Lifetime::minutes(34));
    until_on(&time, "two attempts", || Box::pin(async { server.calls("RenewAgent") >= 2 })).await;
    server.lock().switches.loses_answers = false;
    until_on(&time, "the renewal", || {
        let done = server.lock().agents[&agent_id()].next.is_none();
        Box::pin(async move { done })
    })
    .await;
    let keys = server.lock().csr_keys.clone();
    assert!(keys[2..].iter().all(|key| *key == keys[1]), "{} requests", keys.len());
    assert!(agent.is_running());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_agent_deletes_its_svid_and_ends_with_a_clear_message() {
    let server = FakeServer::start(system_clock());
    let node = Node::new(system_clock());
    let agent = node.start(node.joining(&server, "t0ken"));
    node.ready().await;
    server.change(|inner| inner.agents.get_mut(&agent_id()).unwrap().banned = true);
    let why = agent.end().await.unwrap_err();
    assert!(matches!(why, Error::Banned), "{why}");
    assert!(!node.data_dir().join("agent.pem").exists());
    assert!(!node.socket().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_banned_while_it_was_down_ends_as_well() {
    let server = FakeServer::start(system_clock());
    let node = Node::new(system_clock());
    let agent = node.start(node.joining(&server, "t0ken"));
    node.ready().await;
    agent.stop().await.unwrap();
    server.change(|inner| inner.agents.get_mut(&agent_id()).unwrap().banned = true);
    let why = node.start(node.settings()).end().await.unwrap_err();
    assert!(matches!(why, Error::Banned), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evicted_agent_with_a_node_certificate_is_back_within_three_seconds() {
    let server = FakeServer::start(system_clock());
    server.add_entry("a", "/a", &my_uid());
    let node = Node::new(system_clock());
    let (files, _) = super::builders::pop_files(node.dir.path());
    let bundle = node.dir.path().join("bundle.pem");
    let pem = crate::crypto::x509::pem("CERTIFICATE", &server.lock().authority.der);
    std::fs::write(&bundle, pem.as_bytes()).unwrap();
    let settings = Settings {
        x509pop: Some(files),
        trust_domain: Some("example.org".into()),
        server_address: Some(server.address.to_string()),
        trust_bundle: Some(bundle),
        ..node.settings()
    };
    let _agent = node.start(settings);
    node.ready().await;
    let started = system_clock();
    let from = started.elapsed();
    server.change(|inner| inner.agents.clear());
    until("attested again", || {
        let back = !server.lock().agents.is_empty();
        Box::pin(async move { back })
    })
    .await;
    server.add_entry("b", "/b", &my_uid());
    let mut stream = node.x509().await;
    while next(&mut stream).await.svids.len() < 2 {}
    let took = started.elapsed().as_micros() - from.as_micros();
    assert!(took < 3_000_000, "{took} µs");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evicted_agent_with_a_used_token_ends_and_says_what_it_needs() {
    let server = FakeServer::start(system_clock());
    let node = Node::new(system_clock());
    let agent = node.start(node.joining(&server, "t0ken"));
    node.ready().await;
    server.change(|inner| inner.agents.clear());
    let why = agent.end().await.unwrap_err();
    assert!(matches!(why, Error::AttestationRefused(_)), "{why}");
    assert!(why.to_string().contains("was used"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn svids_of_a_tainted_authority_are_replaced_at_once() {
    let server = FakeServer::start(system_clock());
    server.add_entry("a", "/a", &my_uid());
    let node = Node::new(system_clock());
    let _agent = node.start(node.joining(&server, "t0ken"));
    node.ready().await;
    let mut stream = node.x509().await;
    let first = serial(&next(&mut stream).await);
    server.rotate(true);
    let mut message = next(&mut stream).await;
    while serial(&message) == first {
        message = next(&mut stream).await;
    }
    let issuer = CertificateView::parse(&message.svids[0].x509_svid).unwrap().authority_key_id;
    let authority = CertificateView::parse(&server.lock().authority.der).unwrap().subject_key_id;
    assert_eq!(issuer, authority);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agents_own_svid_of_a_tainted_authority_is_renewed_at_once_and_once() {
    let server = FakeServer::start(system_clock());
    let node = Node::new(system_clock());
    let mut agent = node.start(node.joining(&server, "t0ken"));
    node.ready().await;
    let current = || server.lock().agents[&agent_id()].current.clone();
    let first = current();
    server.rotate(false);
    server.rotate(true);
    until("the agent shows another SVID", || {
        let renewed = current() != first;
        Box::pin(async move { renewed })
    })
    .await;
    assert_eq!(server.calls("AttestAgent"), 1);
    assert_eq!(server.calls("RenewAgent"), 1, "what is good is kept");
    assert!(agent.is_running());
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_a_tainted_key_and_of_a_renewed_entry_are_replaced() {
    let server = FakeServer::start(system_clock());
    server.add_entry("a", "/a", &my_uid());
    let node = Node::new(system_clock());
    let _agent = node.start(node.joining(&server, "t0ken"));
    node.ready().await;
    let first = token(&node).await.unwrap();
    assert_eq!(token(&node).await.unwrap(), first);
    server.change(|inner| {
        let seq = inner.seq + 1;
        inner.renew.push((seq, "a".into()));
    });
    until("a new token", || {
        let calls = server.calls("NewJWTSVID");
        let asking = token(&node);
        Box::pin(async move { asking.await.is_ok() && calls >= 2 })
    })
    .await;
    let calls = server.calls("NewJWTSVID");
    server.change(|inner| {
        inner.jwt[0].tainted = true;
        inner.bundle_sequence += 1;
    });
    until("another", || {
        let asking = token(&node);
        let now = server.calls("NewJWTSVID");
        Box::pin(async move { asking.await.is_ok() && now > calls })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_too_large_for_the_server_is_halved() {
    let server = FakeServer::start(system_clock());
    for number in 0..40 {
        server.add_entry(&format!("e{number}"), &format!("/{number}"), &my_uid());
    }
    server.lock().switches.batch_max = 7;
    let (time, clock) = test_clock();
    let node = Node::new(clock);
    let _agent = node.start(node.joining(&server, "t0ken"));
    until_on(&time, "all forty", || {
        let mut client = node.client();
        Box::pin(async move {
            let Ok(stream) = client.fetch_x509svid(X509svidRequest {}).await else { return false };
            matches!(stream.into_inner().message().await, Ok(Some(message)) if message.svids.len() == 40)
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_ask_for_one_token_at_once_cost_the_server_one_call() {
    let server = FakeServer::start(system_clock());
    server.add_entry("a", "/a", &my_uid());
    let node = Node::new(system_clock());
    let _agent = node.start(node.joining(&server, "t0ken"));
    node.ready().await;
    let tokens = futures_util::future::join_all((0..50).map(|_| token(&node))).await;
    assert!(tokens.iter().all(|one| one.is_ok() && *one == tokens[0]));
    assert_eq!(server.calls("NewJWTSVID"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_of_another_trust_domain_is_refused() {
    let server = FakeServer::start(system_clock());
    let node = Node::new(system_clock());
    let agent = node.start(node.joining(&server, "t0ken"));
    node.ready().await;
    agent.stop().await.unwrap();
    let settings = Settings { trust_domain: Some("other.org".into()), ..node.settings() };
    let why = node.start(settings).end().await.unwrap_err();
    assert!(why.to_string().contains("use another directory"), "{why}");
}
