//! The desk as sentences: what it makes is right, ends in time, and leaves only after it was recorded.

use std::sync::Arc;

use rcgen::{BasicConstraints, IsCa, KeyUsagePurpose};
use serde_json::Value;

use super::*;
use crate::access;
use crate::authority::{Administrator, Line, Purpose};
use crate::crypto::jose::Unverified;
use crate::crypto::keys::{Algorithm, PrivateKey};
use crate::crypto::tls::{Clients, ExpectedPeer, TlsClock, client_config, server_config};
use crate::crypto::x509::tests::forge::{Ca, Forge, NOW, id, serial, uri};
use crate::crypto::x509::{CertificateView, LeafTemplate, verify_svid};
use crate::db::Engine;
use crate::kernel::{
    EntryId, Evidence, EvidenceSource, Kind, Lifetime, RealmId, SpiffeId, Standing, Strength,
    Subject, SubjectId, SubjectKind, Timestamp,
};
use crate::testkit::postgres::{PostgresServer, Stop};
use crate::testkit::{KeysReplica, TestDatabase, engines, on_each_database, shake_hands, until};

#[path = "tests_refused.rs"]
mod refused;
#[path = "tests_tokens.rs"]
mod tokens;

const REALM: RealmId = RealmId::FIRST;

fn subject(kind: SubjectKind, text: &str, number: u128) -> Subject {
    let number = SubjectId::new(uuid::Uuid::from_u128(number));
    Subject { kind, id: SpiffeId::parse(text).unwrap(), number }
}

fn agent() -> Subject {
    subject(SubjectKind::Node, "spiffe://weft.test/spire/agent/join_token/x", 1)
}

fn evidence(subject: Subject, source: EvidenceSource, expires: Timestamp) -> Evidence {
    Evidence {
        subject,
        source,
        strength: Strength::Software,
        at: Timestamp::EPOCH,
        expires,
        device: None,
        situation: crate::kernel::Situation::default(),
    }
}

/// A workload that an attested agent vouches for.
fn workload(text: &str) -> IssueX509 {
    let subject = subject(SubjectKind::Workload, text, 2);
    IssueX509 {
        realm: REALM,
        evidence: evidence(subject, EvidenceSource::WorkloadAttestation, Timestamp::FOREVER),
        standing: Standing::unknown(),
        dns_names: Arc::from([]),
        lifetime: Lifetime::hours(1),
        entry: Some(EntryId::parse("web").unwrap()),
        requester: Some(agent()),
    }
}

fn token_for(text: &str, audience: &[&str]) -> IssueJwtSvid {
    let IssueX509 { realm, evidence, standing, entry, requester, .. } = workload(text);
    IssueJwtSvid {
        realm,
        evidence,
        standing,
        audience: audience.iter().map(|one| (*one).to_owned()).collect(),
        lifetime: Lifetime::minutes(5),
        entry,
        requester,
        with_jti: false,
    }
}

async fn x509(replica: &KeysReplica, issue: IssueX509) -> Result<(X509Svid, PrivateKey), Error> {
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let permit = replica.access.permit(issue).unwrap();
    let signed = replica.svid.sign_x509(permit, key.public(), replica.clock_now())?;
    Ok((replica.events.record(signed).await.unwrap(), key))
}

async fn jwt(replica: &KeysReplica, issue: IssueJwtSvid) -> Result<JwtSvid, Error> {
    let permit = replica.access.permit(issue).unwrap();
    let signed = replica.svid.sign_jwt(permit, replica.clock_now())?;
    Ok(replica.events.record(signed).await.unwrap())
}

fn line(purpose: Purpose) -> Line {
    Line::find(purpose, None).unwrap()
}

#[tokio::test]
async fn a_workload_gets_a_certificate_for_its_id_and_its_key_alone() {
    on_each_database(async |database| {
        let replica = KeysReplica::started(database).await;
        let now = replica.clock_now();
        let names: Arc<[Arc<str>]> = Arc::from([Arc::from("web.test")]);
        let issue = IssueX509 { dns_names: names, ..workload("spiffe://weft.test/web") };
        let (svid, key) = x509(&replica, issue).await.unwrap();
        let bundle = replica.bundles.current(REALM).unwrap();
        let chain: Vec<&[u8]> = svid.chain.iter().map(Vec::as_slice).collect();
        let verified = verify_svid(&chain, bundle.roots(), now).unwrap();
        assert_eq!(verified.id.as_str(), "spiffe://weft.test/web");
        assert_eq!(verified.public_key, *key.public());
        assert_eq!(verified.serial, svid.serial);
        assert_eq!(svid.not_before, now.minus(Lifetime::seconds(10)), "backdated");
        assert_eq!(svid.not_after, now.plus(Lifetime::hours(1)));
        let view = CertificateView::parse(&svid.chain[0]).unwrap();
        assert_eq!(
            (view.dns_names, view.common_name.as_deref()),
            (vec!["web.test".to_owned()], Some("web.test"))
        );
        let (again, _) = x509(&replica, workload("spiffe://weft.test/web")).await.unwrap();
        assert_ne!(again.serial, svid.serial);
    })
    .await;
}

#[tokio::test]
async fn nothing_outlives_its_permit_its_evidence_or_its_authority() {
    on_each_database(async |database| {
        let replica = KeysReplica::started(database).await;
        let now = replica.clock_now();
        let long =
            IssueX509 { lifetime: Lifetime::days(365), ..workload("spiffe://weft.test/web") };
        let (svid, _) = x509(&replica, long.clone()).await.unwrap();
        assert_eq!(svid.not_after, now.plus(Lifetime::days(1)), "the policy's ceiling");
        let soon = now.plus(Lifetime::seconds(90));
        let evidence = Evidence { expires: soon, ..long.evidence.clone() };
        let (svid, _) = x509(&replica, IssueX509 { evidence, ..long.clone() }).await.unwrap();
        assert_eq!(svid.not_after, soon, "the end of the evidence");
        let end = replica.authority.active_x509(REALM).unwrap().issuer.not_after();
        replica.clock.step_to(end.minus(Lifetime::seconds(60)));
        let (svid, _) = x509(&replica, workload("spiffe://weft.test/web")).await.unwrap();
        assert_eq!(svid.not_after, end, "the end of the authority");
        replica.clock.step_to(end);
        assert!(matches!(
            x509(&replica, workload("spiffe://weft.test/web")).await,
            Err(Error::NoAuthority)
        ));
    })
    .await;
}

#[tokio::test]
async fn only_ids_of_the_realm_with_a_path_are_issued_for() {
    on_each_database(async |database| {
        let replica = KeysReplica::started(database).await;
        for bad in ["spiffe://weft.test", "spiffe://other.test/web"] {
            let refused = x509(&replica, workload(bad)).await;
            assert!(matches!(refused, Err(Error::Subject(_))), "{bad}: {refused:?}");
            let refused = jwt(&replica, token_for(bad, &["db"])).await;
            assert!(matches!(refused, Err(Error::Subject(_))), "{bad}: {refused:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn spiffe_023_and_025_to_029_a_token_says_what_the_standard_asks_and_no_more() {
    on_each_database(async |database| {
        let replica = KeysReplica::started(database).await;
        let now = replica.clock_now();
        let svid =
            jwt(&replica, token_for("spiffe://weft.test/web", &["db", "cache"])).await.unwrap();
        let parsed = Unverified::parse(&svid.token).unwrap();
        assert_eq!(parsed.typ(), Some("JWT"));
        assert_eq!(parsed.kid(), replica.authority.active_jwt(REALM).unwrap().signer.kid());
        let expected = serde_json::json!({
            "sub": "spiffe://weft.test/web",
            "aud": ["db", "cache"],
            "iss": "https://weft.test/spiffe",
            "iat": now.seconds() - 10,
            "exp": now.seconds() + 300,
        });
        assert_eq!(Value::Object(parsed.unverified_claims().clone()), expected);
        for audience in ["db", "cache"] {
            let claims =
                replica.bundles.verify_jwt_svid(REALM, &svid.token, audience, now).unwrap();
            assert_eq!(claims.id, svid.id);
            assert_eq!(
                (claims.issued_at, claims.expires_at),
                (Some(svid.issued_at), svid.expires_at)
            );
        }
        assert!(replica.bundles.verify_jwt_svid(REALM, &svid.token, "web", now).is_err());
        assert!(
            replica.bundles.verify_jwt_svid(REALM, &svid.token, "db", svid.expires_at).is_err()
        );
    })
    .await;
}

#[tokio::test]
async fn a_token_for_nobody_or_for_too_many_is_refused_and_a_number_is_given_when_asked_for() {
    on_each_database(async |database| {
        let replica = KeysReplica::started(database).await;
        let many = vec!["a"; 17];
        for audience in [&[][..], &[""], &many] {
            let refused = jwt(&replica, token_for("spiffe://weft.test/web", audience)).await;
            assert!(matches!(refused, Err(Error::Audience)), "{audience:?}");
        }
        let numbered =
            || IssueJwtSvid { with_jti: true, ..token_for("spiffe://weft.test/web", &["db"]) };
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..5 {
            let svid = jwt(&replica, numbered()).await.unwrap();
            let jti = Unverified::parse(&svid.token).unwrap().unverified_claims()["jti"]
                .as_str()
                .unwrap()
                .to_owned();
            assert!(seen.insert(jti));
        }
    })
    .await;
}

#[tokio::test]
async fn the_desk_gives_nothing_without_an_authority() {
    on_each_database(async |database| {
        let replica = KeysReplica::over(database, 1, crate::authority::Settings::default()).await;
        replica.load().await;
        assert!(matches!(
            x509(&replica, workload("spiffe://weft.test/web")).await,
            Err(Error::NoAuthority)
        ));
        assert!(matches!(
            jwt(&replica, token_for("spiffe://weft.test/web", &["db"])).await,
            Err(Error::NoAuthority)
        ));
    })
    .await;
}

#[tokio::test]
async fn an_agent_gets_its_own_svid_when_it_attests_and_when_it_renews_and_no_other() {
    on_each_database(async |database| {
        let replica = KeysReplica::started(database).await;
        let until = replica.clock_now().plus(Lifetime::days(90));
        let ask = |source, of| {
            IssueX509::for_holder(
                REALM,
                evidence(of, source, until),
                Standing::unknown(),
                Lifetime::hours(1),
            )
        };
        let attests = ask(EvidenceSource::NodeAttestation("join_token"), agent());
        assert_eq!(attests.requester, None);
        let (svid, _) = x509(&replica, attests).await.unwrap();
        assert_eq!(svid.id, agent().id);
        let renews = ask(EvidenceSource::Possession, agent());
        assert_eq!(renews.requester, Some(agent()));
        assert!(x509(&replica, renews.clone()).await.is_ok());
        let other = subject(SubjectKind::Node, "spiffe://weft.test/spire/agent/join_token/y", 3);
        let steals =
            IssueX509 { evidence: evidence(other, EvidenceSource::Possession, until), ..renews };
        assert!(matches!(replica.access.permit(steals), Err(access::Error::Denied { .. })));
        let anonymous = IssueX509 { requester: None, ..workload("spiffe://weft.test/web") };
        assert!(matches!(replica.access.permit(anonymous), Err(access::Error::Denied { .. })));
    })
    .await;
}

#[tokio::test]
async fn what_was_signed_before_a_rotation_is_accepted_after_it() {
    on_each_database(async |database| {
        let replica = KeysReplica::started(database).await;
        let (svid, _) = x509(&replica, workload("spiffe://weft.test/web")).await.unwrap();
        let token = jwt(&replica, token_for("spiffe://weft.test/web", &["db"])).await.unwrap();
        let root = || Administrator { realm: REALM, asker: KeysReplica::root() };
        for purpose in [Purpose::X509, Purpose::JwtSvid] {
            let next = replica.authority.prepare(root(), line(purpose)).await.unwrap();
            replica.load().await;
            replica.authority.activate(root(), next.id, true).await.unwrap();
            replica.load().await;
        }
        let now = replica.clock_now();
        let roots = replica.bundles.roots(REALM).unwrap();
        let (fresh, _) = x509(&replica, workload("spiffe://weft.test/web")).await.unwrap();
        assert_ne!(fresh.authority, svid.authority);
        for svid in [&svid, &fresh] {
            let chain: Vec<&[u8]> = svid.chain.iter().map(Vec::as_slice).collect();
            assert!(roots.verify(&chain, now).is_ok());
        }
        assert!(replica.bundles.verify_jwt_svid(REALM, &token.token, "db", now).is_ok());
    })
    .await;
}

#[tokio::test]
async fn the_server_shows_its_own_id_and_renews_at_half_life_and_after_a_rotation() {
    on_each_database(async |database| {
        let replica = KeysReplica::started(database).await;
        let server = ServerCertificates::new(REALM, replica.svid.clone(), replica.events.clone());
        let (certificate, clock) = (server.current(), TlsClock(Arc::clone(&replica.env.clock)));
        assert!(!certificate.is_set());
        assert!(server.renew(replica.clock_now()).await.unwrap());
        assert!(certificate.is_set(), "listeners hold it already");
        assert!(!server.renew(replica.clock_now()).await.unwrap(), "it is fresh");
        handshake(&replica, &certificate, &clock);
        replica.clock.advance(Lifetime::minutes(30));
        assert!(server.renew(replica.clock_now()).await.unwrap(), "half of its life is over");
        let root = || Administrator { realm: REALM, asker: KeysReplica::root() };
        let next = replica.authority.prepare(root(), line(Purpose::X509)).await.unwrap();
        replica.load().await;
        replica.authority.activate(root(), next.id, true).await.unwrap();
        replica.load().await;
        assert!(server.renew(replica.clock_now()).await.unwrap(), "another authority signs");
        handshake(&replica, &certificate, &clock);
    })
    .await;
}

/// A client that wants `/spire/server` and trusts the bundle of this moment.
fn handshake(
    replica: &KeysReplica,
    certificate: &crate::crypto::tls::CurrentCertificate,
    clock: &TlsClock,
) {
    let id = SpiffeId::parse("spiffe://weft.test/spire/server").unwrap();
    let roots = replica.authority.roots(REALM).unwrap();
    let server =
        server_config(certificate, Clients::Requested(roots.clone()), &["h2"], clock.clone())
            .unwrap();
    let client =
        client_config(ExpectedPeer::Exactly { id, roots }, None, &["h2"], clock.clone()).unwrap();
    let name = rustls_pki_types::ServerName::try_from("any.test").unwrap();
    let mut client = rustls::ClientConnection::new(Arc::new(client), name).unwrap();
    let mut server = rustls::ServerConnection::new(Arc::new(server)).unwrap();
    shake_hands(&mut client, &mut server).unwrap();
    assert!(!client.is_handshaking() && !server.is_handshaking());
}

#[tokio::test]
async fn the_event_of_an_issuance_names_credential_and_entry_and_holds_no_token() {
    on_each_database(async |database| {
        let replica = KeysReplica::started(database).await;
        let permit = replica.access.permit(token_for("spiffe://weft.test/web", &["db"])).unwrap();
        let signed = replica.svid.sign_jwt(permit, replica.clock_now()).unwrap();
        let words = format!("{signed:?}");
        let event = words.split("event:").nth(1).unwrap();
        assert!(
            event.contains("svid.jwt_issued") && event.contains("\"web\"") && event.contains("db")
        );
        assert!(!event.contains("eyJ"), "whoever reads the ledger cannot use it: {event}");
        replica.events.record(signed).await.unwrap();
    })
    .await;
}

#[test]
fn the_desk_refuses_to_hand_out_a_bad_svid() {
    let ca = Ca::of("a");
    let good = id("spiffe://a/b");
    let template = |id| LeafTemplate {
        id,
        dns_names: &[],
        organization: Some("Weft"),
        serial: serial(2),
        not_before: NOW,
        not_after: NOW.plus(Lifetime::hours(1)),
    };
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let check = |der: &[u8], key: &PrivateKey, authority_expires| {
        verify_output::check_leaf(der, &template(&good), key.public(), authority_expires)
    };
    let sign = |template: &LeafTemplate<'_>| ca.issuer.sign_leaf(template, key.public()).unwrap();
    let end = NOW.plus(Lifetime::hours(1));
    assert!(check(&sign(&template(&good)), &key, end).is_ok());

    let another = id("spiffe://a/c");
    let names: [Arc<str>; 1] = [Arc::from("web.test")];
    let wrong = [
        ("another ID", template(&another)),
        ("other DNS names", LeafTemplate { dns_names: &names, ..template(&good) }),
        ("another serial number", LeafTemplate { serial: serial(3), ..template(&good) }),
        (
            "another validity",
            LeafTemplate { not_before: NOW.minus(Lifetime::hours(9)), ..template(&good) },
        ),
    ];
    for (words, template) in wrong {
        refused_output(&check(&sign(&template), &key, end), words);
    }
    let leaf = sign(&template(&good));
    let stranger = PrivateKey::generate(Algorithm::P256).unwrap();
    refused_output(&check(&leaf, &stranger, end), "another key");
    refused_output(&check(&leaf, &key, NOW), "a life beyond its authority");
    refused_output(&check(b"no certificate", &key, end), "cannot be read");
}

#[test]
fn the_desk_refuses_what_a_bug_in_a_template_would_make() {
    let good = id("spiffe://a/b");
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let template = LeafTemplate {
        id: &good,
        dns_names: &[],
        organization: None,
        serial: serial(2),
        not_before: NOW,
        not_after: NOW,
    };
    let bugs: [Bug; 5] = [
        ("constraints of an authority", |it| {
            it.params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }),
        ("constraints of an authority", |it| it.params.is_ca = IsCa::NoCa),
        ("another ID", |it| it.params.subject_alt_names.push(uri("spiffe://a/c"))),
        ("another ID", |it| it.params.subject_alt_names = vec![uri("spiffe://a/c")]),
        ("key usage of an authority", |it| it.params.key_usages.push(KeyUsagePurpose::KeyCertSign)),
    ];
    for (words, bug) in bugs {
        let (leaf, _) = Forge::with(bug).make();
        refused_output(&verify_output::check_leaf(&leaf, &template, key.public(), NOW), words);
    }
}

/// What the desk says, and what would be made.
type Bug = (&'static str, fn(&mut Forge));

fn refused_output(outcome: &Result<(), Error>, words: &str) {
    let &Err(Error::Output(broken)) = outcome else { panic!("{words}: {outcome:?}") };
    assert!(broken.contains(words), "{words}: {broken}");
    assert_eq!(crate::kernel::Failure::from(Error::Output(broken)).kind, Kind::Bug);
}

#[tokio::test]
async fn out_of_sight_of_its_database_the_desk_signs_for_a_while_and_then_for_the_server_alone() {
    let web = "spiffe://weft.test/web";
    if engines().contains(&Engine::Sqlite) {
        // The file is always in sight.
        let replica = limited(&TestDatabase::new(Engine::Sqlite).await).await;
        replica.clock.advance(Lifetime::hours(5));
        x509(&replica, workload(web)).await.unwrap();
    }
    if engines().contains(&Engine::Postgres) {
        let database = TestDatabase::with_server(PostgresServer::start());
        let replica = limited(&database).await;
        database.server().unwrap().stop(Stop::Immediate);
        replica.clock.advance(Lifetime::minutes(239));
        x509(&replica, workload(web)).await.unwrap();
        jwt(&replica, token_for(web, &["db"])).await.unwrap();
        replica.clock.advance(Lifetime::minutes(2));
        let refused = x509(&replica, workload(web)).await.unwrap_err();
        assert!(matches!(refused, Error::OutOfSight { .. }), "{refused:?}");
        let failure = crate::kernel::Failure::from(refused);
        assert_eq!((failure.kind, failure.code), (Kind::Unavailable, "svid.out_of_sight"));
        assert!(failure.public.contains("4 h 1 min ago"), "{failure}");
        let refused = jwt(&replica, token_for(web, &["db"])).await.unwrap_err();
        assert!(matches!(refused, Error::OutOfSight { .. }), "{refused:?}");
        let own = ServerCertificates::new(REALM, replica.svid.clone(), replica.events.clone());
        assert!(own.renew(replica.clock_now()).await.unwrap(), "agents must be able to hear it");

        database.server().unwrap().start_again();
        until("it signs again by itself", async || x509(&replica, workload(web)).await.map(drop))
            .await;
    }
}

/// A replica that signs for four hours without its database.
async fn limited(database: &TestDatabase) -> KeysReplica {
    let mut replica = KeysReplica::started(database).await;
    let (env, authority) = (replica.env.clone(), replica.authority.clone());
    replica.svid = Svid::new(env, authority, Settings::default(), Lifetime::hours(4));
    replica
}
