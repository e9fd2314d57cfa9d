//! TLS by SPIFFE ID as sentences: whole handshakes in memory.

use std::sync::Arc;

use rustls::{ClientConnection, ServerConnection};
use rustls_pki_types::ServerName;

use super::*;
use crate::crypto::keys::PrivateKey;
use crate::crypto::x509::forge::{Ca, NOW, domain, id};
use crate::kernel::{Lifetime, Timestamp};
use crate::testkit::{TestClock, shake_hands};

struct Side {
    certificate: CurrentCertificate,
    roots: CurrentRoots,
}

impl Side {
    /// Shows a fresh SVID of this ID and trusts this authority.
    fn of(ca: &Ca, text: &str) -> Self {
        let side = Self { certificate: CurrentCertificate::none(), roots: CurrentRoots::none() };
        side.show(ca.leaf(text));
        side.roots.set(&ca.roots());
        side
    }

    fn show(&self, (leaf, key): (Vec<u8>, PrivateKey)) {
        self.certificate.set(&[leaf], &key).unwrap();
    }
}

fn clock(at: Timestamp) -> TlsClock {
    TlsClock(Arc::new(TestClock::at(at)))
}

fn exactly(text: &str, side: &Side) -> ExpectedPeer {
    ExpectedPeer::Exactly { id: id(text), roots: side.roots.clone() }
}

/// The configurations, made once: what handshakes see of a change comes through what they share.
struct Pair {
    server: Arc<rustls::ServerConfig>,
    client: Arc<rustls::ClientConfig>,
}

impl Pair {
    fn new(server: &Side, clients: Clients, expected: ExpectedPeer, client: Option<&Side>) -> Self {
        Self::at(NOW, server, clients, (expected, client))
    }

    fn at(
        now: Timestamp,
        server: &Side,
        clients: Clients,
        (expected, client): (ExpectedPeer, Option<&Side>),
    ) -> Self {
        let server = server_config(&server.certificate, clients, &["h2"], clock(now)).unwrap();
        let certificate = client.map(|side| &side.certificate);
        let client = client_config(expected, certificate, &["h2"], clock(now)).unwrap();
        Self { server: Arc::new(server), client: Arc::new(client) }
    }

    /// A whole handshake; gives how many certificates the server saw, and what the client's next connection could resume.
    fn shake(&self) -> Result<usize, rustls::Error> {
        let name = ServerName::try_from("not-looked-at.example").unwrap();
        let mut client = ClientConnection::new(Arc::clone(&self.client), name).unwrap();
        let mut server = ServerConnection::new(Arc::clone(&self.server)).unwrap();
        shake_hands(&mut client, &mut server)?;
        assert!(!client.is_handshaking() && !server.is_handshaking());
        assert_eq!(client.alpn_protocol(), Some(b"h2".as_slice()));
        assert_eq!(
            client.handshake_kind(),
            Some(rustls::HandshakeKind::Full),
            "nothing is resumed"
        );
        assert_eq!(client.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
        Ok(server.peer_certificates().map_or(0, <[_]>::len))
    }
}

const SERVER: &str = "spiffe://a/spire/server";

#[test]
fn a_client_takes_exactly_the_peer_it_wants_whatever_the_host_name() {
    let ca = Ca::of("a");
    let server = Side::of(&ca, SERVER);
    assert_eq!(
        Pair::new(&server, Clients::NotAsked, exactly(SERVER, &server), None).shake(),
        Ok(0)
    );
    for other in ["spiffe://a/spire/serverx", "spiffe://a/spire", "spiffe://b/spire/server"] {
        let refused = Pair::new(&server, Clients::NotAsked, exactly(other, &server), None).shake();
        assert!(refused.is_err(), "{other}");
    }
}

#[test]
fn a_client_refuses_a_peer_of_another_authority_that_claims_the_same_id() {
    let (ours, theirs) = (Ca::of("a"), Ca::of("a"));
    let (real, false_one) = (Side::of(&ours, SERVER), Side::of(&theirs, SERVER));
    let refused = Pair::new(&false_one, Clients::NotAsked, exactly(SERVER, &real), None).shake();
    assert!(refused.is_err());
    let nobody = Side { certificate: CurrentCertificate::none(), roots: CurrentRoots::none() };
    let refused = Pair::new(&real, Clients::NotAsked, exactly(SERVER, &nobody), None).shake();
    assert!(refused.is_err(), "without a bundle nobody is trusted");
}

#[test]
fn without_verification_a_peer_must_still_claim_the_id() {
    let theirs = Ca::of("a");
    let false_one = Side::of(&theirs, SERVER);
    let unverified = |text: &str| ExpectedPeer::DangerUnverified { claims: id(text) };
    assert!(Pair::new(&false_one, Clients::NotAsked, unverified(SERVER), None).shake().is_ok());
    let refused =
        Pair::new(&false_one, Clients::NotAsked, unverified("spiffe://b/spire/server"), None)
            .shake();
    assert!(refused.is_err());
}

#[test]
fn a_requested_certificate_may_be_absent_but_not_wrong() {
    let (ours, theirs) = (Ca::of("a"), Ca::of("a"));
    let server = Side::of(&ours, SERVER);
    let requested = || Clients::Requested(server.roots.clone());
    let with = |client: Option<&Side>| {
        Pair::new(&server, requested(), exactly(SERVER, &server), client).shake()
    };
    assert_eq!(with(None), Ok(0));
    assert_eq!(with(Some(&Side::of(&ours, "spiffe://a/spire/agent/x"))), Ok(1));
    assert!(
        with(Some(&Side::of(&theirs, "spiffe://a/spire/agent/x"))).is_err(),
        "another authority"
    );
    assert!(
        with(Some(&Side::of(&Ca::of("b"), "spiffe://b/x"))).is_err(),
        "a domain without a bundle"
    );
    let required = Clients::Required(server.roots.clone());
    assert!(Pair::new(&server, required, exactly(SERVER, &server), None).shake().is_err());
}

#[test]
fn expired_and_future_clients_are_refused_by_our_own_clock() {
    let ca = Ca::of("a");
    let server = Side::of(&ca, SERVER);
    let hour = Lifetime::hours(1);
    for (from, until) in [
        (NOW.minus(hour), NOW.minus(Lifetime::seconds(1))),
        (NOW.plus(hour), NOW.plus(hour.times(2))),
    ] {
        let client = Side::of(&ca, "spiffe://a/x");
        client.show(ca.leaf_valid("spiffe://a/x", from, until));
        let requested = Clients::Requested(server.roots.clone());
        assert!(
            Pair::new(&server, requested, exactly(SERVER, &server), Some(&client)).shake().is_err()
        );
    }
    let later = NOW.plus(hour.times(2));
    let expected = (exactly(SERVER, &server), None);
    assert!(
        Pair::at(later, &server, Clients::NotAsked, expected).shake().is_err(),
        "the server's has ended by then"
    );
}

#[test]
fn a_change_of_certificate_or_roots_counts_from_the_next_handshake_without_a_restart() {
    let (first, second) = (Ca::of("a"), Ca::of("a"));
    let server = Side::of(&first, SERVER);
    let agent = Side::of(&first, "spiffe://a/x");
    let pair = Pair::new(
        &server,
        Clients::Requested(server.roots.clone()),
        exactly(SERVER, &server),
        Some(&agent),
    );
    assert_eq!(pair.shake(), Ok(1));
    server.show(second.leaf(SERVER));
    assert!(pair.shake().is_err(), "an authority that nobody published");
    server.roots.set(&second.roots());
    assert!(pair.shake().is_err(), "the agent's is of the authority that went");
    agent.show(second.leaf("spiffe://a/x"));
    assert_eq!(pair.shake(), Ok(1));
    server.roots.remove(&domain("a"));
    assert!(pair.shake().is_err());
    server.certificate.clear();
    assert!(pair.shake().is_err(), "no certificate, no handshake");
}

#[test]
fn a_certificate_is_shown_with_its_own_key_only() {
    let ca = Ca::of("a");
    let ((leaf, _), (_, other)) = (ca.leaf(SERVER), ca.leaf(SERVER));
    let current = CurrentCertificate::none();
    assert!(current.set(&[leaf], &other).is_err());
    assert!(!current.is_set());
}

#[test]
fn roots_of_several_domains_stand_side_by_side_and_are_never_merged() {
    let (a, b) = (Ca::of("a"), Ca::of("b"));
    let (own, others) = (CurrentRoots::none(), CurrentRoots::none());
    let both = own.and(&others);
    own.set(&a.roots());
    others.replace([b.roots()]);
    let verify = |ca: &Ca, text: &str| both.verify(&[&ca.leaf(text).0], NOW).map(|svid| svid.id);
    assert_eq!(verify(&a, "spiffe://a/x"), Ok(id("spiffe://a/x")));
    assert_eq!(verify(&b, "spiffe://b/x"), Ok(id("spiffe://b/x")));
    assert!(verify(&b, "spiffe://a/x").is_err() && verify(&a, "spiffe://b/x").is_err());
    others.replace([]);
    assert!(verify(&b, "spiffe://b/x").is_err());
}
