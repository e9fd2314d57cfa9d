//! SVIDs and bundles: who gets which, and what is refused.

use prost::bytes::Bytes;
use tonic::{Code, Request, Status};
use weft_proto::spire::api::server::bundle::v1::{
    GetBundleRequest, GetFederatedBundleRequest, bundle_server::Bundle as _,
};
use weft_proto::spire::api::server::entry::v1::{
    GetAuthorizedEntriesRequest, entry_server::Entry as _,
};
use weft_proto::spire::api::server::svid::v1::{
    BatchNewX509svidRequest, NewJwtsvidRequest, NewX509svidParams, svid_server::Svid as _,
};
use weft_proto::spire::api::types;

use crate::crypto::keys::{Algorithm, PrivateKey};
use crate::crypto::x509::{CertificateView, csr};
use crate::kernel::{Lifetime, RealmId};
use crate::nodes::NodeCaller;
use crate::testkit::{TestDatabase, engines};
use crate::workloads::grpc::Service;
use crate::workloads::model::Draft;
use crate::workloads::tests::world::{REALM, World, draft, id};

async fn world() -> (World, Service) {
    let world = World::new(&TestDatabase::new(engines()[0]).await).await;
    let service = Service::of(&world.workloads);
    (world, service)
}

fn by<T>(caller: &NodeCaller, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(caller.realm);
    request.extensions_mut().insert(caller.clone());
    request
}

fn request() -> (PrivateKey, Bytes) {
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let der = csr::create(&key).unwrap();
    (key, der.into())
}

fn param(entry: &str, csr: &Bytes) -> NewX509svidParams {
    NewX509svidParams { entry_id: entry.to_owned(), csr: csr.clone() }
}

async fn batch(
    service: &Service,
    caller: &NodeCaller,
    params: Vec<NewX509svidParams>,
) -> Result<Vec<(Code, Option<types::X509svid>)>, Status> {
    let request = by(caller, BatchNewX509svidRequest { params });
    let results = service.batch_new_x509svid(request).await?.into_inner().results;
    let code = |status: Option<types::Status>| Code::from(status.unwrap().code);
    Ok(results.into_iter().map(|result| (code(result.status), result.svid)).collect())
}

/// A request for one key that another one signed.
fn forged() -> Bytes {
    let (key, der) = request();
    let (other, _) = request();
    let (from, to) = (key.public().bits(), other.public().bits());
    let at = der.windows(from.len()).position(|window| window == from).unwrap();
    let mut der = der.to_vec();
    der[at..at + to.len()].copy_from_slice(to);
    der.into()
}

/// A P-384 key in a request signed with SHA-256, by OpenSSL.
fn p384_with_sha256() -> Bytes {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("k.pem");
    let openssl = |arguments: &[&str]| {
        let output = std::process::Command::new("openssl").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let key = key.to_str().unwrap();
    openssl(&["ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", key]);
    openssl(&["req", "-new", "-sha256", "-subj", "/CN=x", "-outform", "DER", "-key", key]).into()
}

#[tokio::test]
async fn every_svid_of_a_batch_is_answered_at_its_place() {
    let (world, service) = world().await;
    let (caller, other) = (world.agent("a", &[]).await, world.agent("b", &[]).await);
    let mine = world.create_one(draft("/web", &caller.agent.id, 1)).await;
    let theirs = world.create_one(draft("/db", &other.agent.id, 1)).await;
    let orphan = world.create_one(draft("/x", &id("/nobody"), 1)).await;
    let (key, good) = request();
    let params = vec![
        param("no such entry!", &good),
        param(mine.id.as_str(), &good),
        param(theirs.id.as_str(), &good),
        param(orphan.id.as_str(), &good),
        param(mine.id.as_str(), &Bytes::from_static(b"not a request")),
        param(mine.id.as_str(), &forged()),
        param(mine.id.as_str(), &p384_with_sha256()),
        param(mine.id.as_str(), &good),
    ];
    let results = batch(&service, &caller, params).await.unwrap();
    let codes: Vec<_> = results.iter().map(|(code, _)| *code).collect();
    let (missing, invalid) = (Code::NotFound, Code::InvalidArgument);
    assert_eq!(codes, [missing, Code::Ok, missing, missing, invalid, invalid, Code::Ok, Code::Ok]);
    for (code, svid) in &results {
        assert_eq!(svid.is_some(), *code == Code::Ok);
    }
    let svid = results[1].1.as_ref().unwrap();
    let leaf = CertificateView::parse(&svid.cert_chain[0]).unwrap();
    assert_eq!(leaf.uris, ["spiffe://weft.test/web"]);
    assert_eq!(leaf.spki, key.public().spki());
    assert_eq!(svid.id.as_ref().unwrap().path, "/web");
    assert_eq!(svid.expires_at, leaf.not_after.seconds());
    assert_eq!(leaf.not_after, world.now().whole_second().plus(Lifetime::hours(1)));
    let p384 = CertificateView::parse(&results[6].1.as_ref().unwrap().cert_chain[0]).unwrap();
    assert_eq!(p384.spki.len(), 120, "the key is on P-384 as before");
}

#[tokio::test]
async fn a_batch_has_1_to_500_items() {
    let (world, service) = world().await;
    let caller = world.agent("a", &[]).await;
    let (_, good) = request();
    for (count, expected) in
        [(0, Code::InvalidArgument), (501, Code::InvalidArgument), (500, Code::Ok)]
    {
        let params = vec![param("ghost", &good); count];
        let answer = batch(&service, &caller, params).await;
        assert_eq!(answer.map_or_else(|status| status.code(), |_| Code::Ok), expected, "{count}");
    }
}

#[tokio::test]
async fn an_svid_says_what_its_entry_says_and_ends_with_it() {
    let (world, service) = world().await;
    let caller = world.agent("a", &[]).await;
    let end = world.now().plus(Lifetime::seconds(100));
    let entry = Draft {
        x509_svid_ttl_seconds: 60,
        jwt_svid_ttl_seconds: 3600,
        dns_names: vec!["web.weft.test".to_owned()],
        hint: "main".to_owned(),
        expires_at: Some(end),
        ..draft("/web", &caller.agent.id, 1)
    };
    let entry = world.create_one(entry).await;
    let (_, csr) = request();
    let ask = || batch(&service, &caller, vec![param(entry.id.as_str(), &csr)]);
    let svid = ask().await.unwrap().remove(0).1.unwrap();
    assert_eq!(svid.hint, "main");
    assert_eq!(svid.expires_at, world.now().seconds() + 60);
    let leaf = CertificateView::parse(&svid.cert_chain[0]).unwrap();
    assert_eq!(leaf.dns_names, ["web.weft.test"]);
    let token = jwt(&service, &caller, entry.id.as_str(), &["a"]).await.unwrap();
    assert_eq!(token.expires_at, end.seconds(), "no token outlives its entry");
    world.clock.advance(Lifetime::seconds(60));
    let svid = ask().await.unwrap().remove(0).1.unwrap();
    assert_eq!(svid.expires_at, end.seconds(), "no certificate either");
    world.clock.advance(Lifetime::seconds(40));
    assert_eq!(ask().await.unwrap().remove(0).0, Code::NotFound);
    let late = jwt(&service, &caller, entry.id.as_str(), &["a"]).await;
    assert_eq!(late.unwrap_err().code(), Code::NotFound);
}

async fn jwt(
    service: &Service,
    caller: &NodeCaller,
    entry: &str,
    audience: &[&str],
) -> Result<types::Jwtsvid, Status> {
    let audience = audience.iter().map(ToString::to_string).collect();
    let request = by(caller, NewJwtsvidRequest { entry_id: entry.to_owned(), audience });
    Ok(service.new_jwtsvid(request).await?.into_inner().svid.unwrap())
}

#[tokio::test]
async fn a_token_is_for_1_to_16_audiences_of_an_entry_of_the_caller() {
    let (world, service) = world().await;
    let (caller, other) = (world.agent("a", &[]).await, world.agent("b", &[]).await);
    let mine = world.create_one(draft("/web", &caller.agent.id, 1)).await;
    let entry = mine.id.as_str();
    let svid = jwt(&service, &caller, entry, &["db", "cache"]).await.unwrap();
    let keys = world.bundles.jwt_keys(REALM, &crate::workloads::tests::world::home()).unwrap();
    let claims = crate::crypto::jose::verify_jwt_svid(
        &svid.token,
        "cache",
        |_| Some(keys.clone()),
        world.now(),
    );
    assert_eq!(claims.unwrap().id, id("/web"));
    assert_eq!(svid.id.unwrap().path, "/web");
    assert_eq!(svid.expires_at, world.now().seconds() + 300);
    assert!(svid.issued_at <= world.now().seconds());
    for audience in [&[][..], &[""], &["a"; 17]] {
        let refused = jwt(&service, &caller, entry, audience).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{audience:?}");
    }
    for (caller, entry) in [(&other, entry), (&caller, "ghost"), (&caller, "")] {
        let refused = jwt(&service, caller, entry, &["db"]).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
    }
}

#[tokio::test]
async fn no_call_but_the_bundle_is_answered_to_nobody() {
    let (_world, service) = world().await;
    let calls = [
        service.batch_new_x509svid(Request::new(BatchNewX509svidRequest::default())).await.err(),
        service.new_jwtsvid(Request::new(NewJwtsvidRequest::default())).await.err(),
        service
            .get_authorized_entries(Request::new(GetAuthorizedEntriesRequest::default()))
            .await
            .err(),
        service
            .get_federated_bundle(Request::new(GetFederatedBundleRequest::default()))
            .await
            .err(),
    ];
    for (n, refused) in calls.into_iter().enumerate() {
        assert_eq!(refused.unwrap().code(), Code::Unauthenticated, "{n}");
    }
}

#[tokio::test]
async fn our_bundle_is_public_and_a_mask_leaves_out_what_it_does_not_choose() {
    let (world, service) = world().await;
    let ask = |realm: RealmId, output_mask| {
        let mut request = Request::new(GetBundleRequest { output_mask });
        request.extensions_mut().insert(realm);
        service.get_bundle(request)
    };
    let bundle = ask(REALM, None).await.unwrap().into_inner();
    let known = world.authority.bundle(REALM).unwrap();
    assert_eq!(bundle.trust_domain, "weft.test");
    assert_eq!(bundle.sequence_number, known.sequence);
    assert_eq!(&*bundle.x509_authorities[0].asn1, &*known.x509[0].certificate);
    assert_eq!(bundle.jwt_authorities[0].key_id, known.jwt[0].kid);
    assert!(bundle.refresh_hint > 0);
    let only = types::BundleMask { jwt_authorities: true, ..types::BundleMask::default() };
    let masked = ask(REALM, Some(only)).await.unwrap().into_inner();
    assert_eq!(masked.trust_domain, "weft.test");
    assert_eq!(masked.jwt_authorities, bundle.jwt_authorities);
    assert!(masked.x509_authorities.is_empty() && masked.sequence_number == 0);
    assert!(ask(RealmId(77), None).await.is_err(), "a foreign realm's number gives nothing");
}

#[tokio::test]
async fn a_foreign_bundle_is_for_agents_and_one_we_do_not_have_is_not_found() {
    let (world, service) = world().await;
    let caller = world.agent("a", &[]).await;
    let ask = |domain: &str| {
        let trust_domain = domain.to_owned();
        by(&caller, GetFederatedBundleRequest { trust_domain, output_mask: None })
    };
    for (domain, expected) in [("other.test", Code::NotFound), ("Other/", Code::InvalidArgument)] {
        let refused = service.get_federated_bundle(ask(domain)).await.unwrap_err();
        assert_eq!(refused.code(), expected, "{domain}");
    }
    world.federate("other.test").await;
    let bundle = service.get_federated_bundle(ask("other.test")).await.unwrap().into_inner();
    assert_eq!(bundle.trust_domain, "other.test");
    assert_eq!(bundle.x509_authorities.len(), 1);
}
