//! SPIFFE Workload Endpoint and Workload API, requirement by requirement, over the real socket.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use prost_types::value::Kind;
use tonic::Code;
use weft_proto::spire::api::types;
use weft_proto::workload::{
    JwtBundlesRequest, JwtsvidRequest, ValidateJwtsvidRequest, WitBundlesRequest, WitsvidRequest,
    X509BundlesRequest, X509svidRequest,
};

use super::builders::{Authority, domain, now};
use super::fake_server::FakeServer;
use super::node::{Header, Node, Running, limited, my_uid, system_clock, until};
use crate::crypto::jose::KeySet;
use crate::crypto::keys::PrivateKey;
use crate::crypto::x509::{CertificateView, Roots, verify_svid};
use crate::env::Clock;
use crate::kernel::{Lifetime, Secret};
use crate::testkit::TestClock;

struct House {
    server: FakeServer,
    node: Node,
    _agent: Running,
}

/// A server with an agent that is ready; the tests' user has the entries `names`, each with a path of its name.
async fn house(names: &[&str]) -> House {
    house_at(system_clock(), names).await
}

async fn house_at(clock: Arc<dyn Clock>, names: &[&str]) -> House {
    let server = FakeServer::start(Arc::clone(&clock));
    for name in names {
        server.add_entry(name, &format!("/{name}"), &my_uid());
    }
    let node = Node::new(clock);
    let agent = node.start(node.joining(&server, "t0ken"));
    node.ready().await;
    House { server, node, _agent: agent }
}

fn foreign_bundle(name: &str) -> types::Bundle {
    let authority = Authority::new(&domain(name), now());
    let asn1 = authority.der.into();
    types::Bundle {
        trust_domain: name.to_owned(),
        x509_authorities: vec![types::X509Certificate { asn1, tainted: false }],
        sequence_number: 7,
        ..types::Bundle::default()
    }
}

fn tokens(audience: &[&str], spiffe_id: &str) -> JwtsvidRequest {
    let audience = audience.iter().map(|one| (*one).to_owned()).collect();
    JwtsvidRequest { audience, spiffe_id: spiffe_id.to_owned() }
}

async fn refusal(node: &Node) -> Code {
    let mut client = node.client();
    match client.fetch_x509svid(X509svidRequest {}).await {
        Err(status) => status.code(),
        Ok(stream) => limited("a refusal", stream.into_inner().message()).await.unwrap_err().code(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn spiffe_075_without_the_header_nothing_is_answered_on_any_service() {
    let house = house(&["a"]).await;
    for wrong in [&[][..], &["false"], &["True"], &["true", "true"]] {
        let mut client = house.node.client_with(Header(wrong));
        let codes = [
            client.fetch_x509svid(X509svidRequest {}).await.err(),
            client.fetch_x509_bundles(X509BundlesRequest {}).await.err(),
            client.fetch_jwtsvid(tokens(&["x"], "")).await.err(),
            client.fetch_jwt_bundles(JwtBundlesRequest {}).await.err(),
            client.validate_jwtsvid(ValidateJwtsvidRequest::default()).await.err(),
            client.fetch_witsvid(WitsvidRequest::default()).await.err(),
            reflect(&house.node, wrong).await.err(),
            unknown_call(&house.node, wrong).await.err(),
        ];
        for status in codes {
            assert_eq!(status.unwrap().code(), Code::InvalidArgument, "{wrong:?}");
        }
    }
}

async fn reflect(
    node: &Node,
    header: &'static [&'static str],
) -> Result<Vec<String>, tonic::Status> {
    use tonic_reflection::pb::v1::ServerReflectionRequest;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
    let mut client = ServerReflectionClient::with_interceptor(node.channel(), Header(header));
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answer = client
        .server_reflection_info(tokio_stream::once(ask))
        .await?
        .into_inner()
        .message()
        .await?;
    match answer.and_then(|answer| answer.message_response) {
        Some(MessageResponse::ListServicesResponse(list)) => {
            Ok(list.service.into_iter().map(|one| one.name).collect())
        }
        other => panic!("{other:?}"),
    }
}

async fn unknown_call(node: &Node, header: &'static [&'static str]) -> Result<(), tonic::Status> {
    let mut request = http::Request::post("http://agent/SpiffeWorkloadAPI/FetchNothing")
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for value in header {
        request = request.header("workload.spiffe.io", *value);
    }
    let request = request.body(tonic::body::Body::empty()).unwrap();
    let answer = tower::ServiceExt::oneshot(node.channel(), request).await.unwrap();
    tonic::Status::from_header_map(answer.headers()).map_or(Ok(()), Err)
}

#[tokio::test(flavor = "multi_thread")]
async fn spiffe_074_and_077_the_api_is_grpc_on_a_socket_that_everybody_may_open() {
    let house = house(&["a"]).await;
    let mode = std::fs::metadata(house.node.socket()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o777);
    assert_eq!(house.node.x509().await.message().await.unwrap().unwrap().svids.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn spiffe_078_unavailable_while_starting_denied_without_identity_unimplemented_if_unknown() {
    let server = FakeServer::start(system_clock());
    let node = Node::new(system_clock());
    let settings = node.joining(&server, "t0ken");
    server.lock().switches.away = true;
    let _agent = node.start(settings);
    until("the socket is there", || Box::pin(async { node.socket().exists() })).await;
    assert_eq!(refusal(&node).await, Code::Unavailable);
    assert_eq!(
        node.client().fetch_jwtsvid(tokens(&["x"], "")).await.unwrap_err().code(),
        Code::Unavailable
    );
    server.lock().switches.away = false;
    node.ready().await;
    assert_eq!(refusal(&node).await, Code::PermissionDenied);
    let mut client = node.client();
    assert_eq!(
        client.fetch_jwtsvid(tokens(&["x"], "")).await.unwrap_err().code(),
        Code::PermissionDenied
    );
    let bundles =
        client.fetch_jwt_bundles(JwtBundlesRequest {}).await.unwrap().into_inner().message().await;
    assert_eq!(bundles.unwrap_err().code(), Code::PermissionDenied);
    let bundles = client
        .fetch_x509_bundles(X509BundlesRequest {})
        .await
        .unwrap()
        .into_inner()
        .message()
        .await;
    assert_eq!(bundles.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(unknown_call(&node, &["true"]).await.unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test(flavor = "multi_thread")]
async fn spiffe_079_reflection_is_offered() {
    let house = house(&[]).await;
    let services = reflect(&house.node, &["true"]).await.unwrap();
    assert!(services.contains(&"SpiffeWorkloadAPI".to_owned()), "{services:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn spiffe_080_x509_and_jwt_are_both_served() {
    let house = house(&["a"]).await;
    assert_eq!(house.node.x509().await.message().await.unwrap().unwrap().svids.len(), 1);
    let jwt = house.node.client().fetch_jwtsvid(tokens(&["x"], "")).await.unwrap().into_inner();
    assert_eq!(jwt.svids.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn spiffe_081_the_first_message_comes_at_once_and_each_is_the_complete_state() {
    let house = house(&["a", "b"]).await;
    let mut stream = house.node.x509().await;
    let ids = |message: weft_proto::workload::X509svidResponse| {
        message.svids.into_iter().map(|svid| svid.spiffe_id).collect::<Vec<_>>()
    };
    let first = ids(limited("first", stream.message()).await.unwrap().unwrap());
    assert_eq!(first, ["spiffe://example.org/a", "spiffe://example.org/b"]);
    house.server.add_entry("c", "/c", &my_uid());
    let next = ids(limited("next", stream.message()).await.unwrap().unwrap());
    assert_eq!(
        next,
        ["spiffe://example.org/a", "spiffe://example.org/b", "spiffe://example.org/c"]
    );
    house.server.remove_entry("a");
    let next = ids(limited("next", stream.message()).await.unwrap().unwrap());
    assert_eq!(next, ["spiffe://example.org/b", "spiffe://example.org/c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn spiffe_082_a_federated_bundle_that_went_is_missing_from_the_next_message() {
    let server = FakeServer::start(system_clock());
    server.change(|inner| {
        inner.federated.insert("one.org".into(), foreign_bundle("one.org"));
        inner.federated.insert("two.org".into(), foreign_bundle("two.org"));
    });
    server.add_entry_with("a", "/a", &my_uid(), |entry| {
        entry.federates_with = vec!["one.org".into(), "two.org".into()];
    });
    let node = Node::new(system_clock());
    let _agent = node.start(node.joining(&server, "t0ken"));
    node.ready().await;
    let mut svids = node.x509().await;
    let mut bundles =
        node.client().fetch_x509_bundles(X509BundlesRequest {}).await.unwrap().into_inner();
    let first = svids.message().await.unwrap().unwrap();
    assert_eq!(
        first.federated_bundles.keys().collect::<Vec<_>>(),
        ["spiffe://one.org", "spiffe://two.org"]
    );
    assert_eq!(bundles.message().await.unwrap().unwrap().bundles.len(), 3);
    server.change(|inner| inner.federated.remove("one.org"));
    let next = limited("next", svids.message()).await.unwrap().unwrap();
    assert_eq!(next.federated_bundles.keys().collect::<Vec<_>>(), ["spiffe://two.org"]);
    let next = limited("next", bundles.message()).await.unwrap().unwrap();
    assert_eq!(
        next.bundles.keys().collect::<Vec<_>>(),
        ["spiffe://example.org", "spiffe://two.org"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn spiffe_083_a_missing_mandatory_field_is_an_invalid_argument() {
    let house = house(&["a"]).await;
    let mut client = house.node.client();
    for request in
        [tokens(&[], ""), tokens(&[""], ""), tokens(&["x", ""], ""), tokens(&["x"], "not an ID")]
    {
        assert_eq!(client.fetch_jwtsvid(request).await.unwrap_err().code(), Code::InvalidArgument);
    }
    for (audience, svid) in [("", "x"), ("x", ""), ("x", "not.a.token")] {
        let request = ValidateJwtsvidRequest { audience: audience.into(), svid: svid.into() };
        assert_eq!(
            client.validate_jwtsvid(request).await.unwrap_err().code(),
            Code::InvalidArgument
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn spiffe_084_every_field_of_an_svid_is_set_and_holds_what_it_must() {
    let house = house(&["a"]).await;
    house.server.add_entry_with("b", "/b", &my_uid(), |entry| entry.hint = "internal".into());
    let mut stream = house.node.x509().await;
    let mut message = limited("first", stream.message()).await.unwrap().unwrap();
    while message.svids.len() < 2 {
        message = limited("both", stream.message()).await.unwrap().unwrap();
    }
    let hints: Vec<_> = message.svids.iter().map(|svid| svid.hint.as_str()).collect();
    assert_eq!(hints, ["", "internal"]);
    let roots =
        Roots::new(domain("example.org"), [house.server.lock().authority.der.as_slice()]).unwrap();
    for svid in &message.svids {
        let verified = verify_svid(&[&svid.x509_svid], &roots, now()).unwrap();
        assert_eq!(verified.id.as_str(), svid.spiffe_id);
        let key = PrivateKey::from_pkcs8(&Secret::new(svid.x509_svid_key.to_vec())).unwrap();
        assert_eq!(key.public(), &verified.public_key);
        assert_eq!(svid.bundle, house.server.lock().authority.der);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn spiffe_085_an_identity_removed_in_mid_stream_is_gone_from_it_or_ends_it() {
    let house = house(&["a", "b"]).await;
    let mut stream = house.node.x509().await;
    assert_eq!(stream.message().await.unwrap().unwrap().svids.len(), 2);
    house.server.remove_entry("b");
    assert_eq!(limited("one left", stream.message()).await.unwrap().unwrap().svids.len(), 1);
    house.server.remove_entry("a");
    let ended = limited("the end", stream.message()).await.unwrap_err();
    assert_eq!(ended.code(), Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn spiffe_085_an_identity_the_server_refuses_ends_the_stream_until_it_comes_again() {
    let house = house(&["a"]).await;
    let mut stream = house.node.x509().await;
    assert_eq!(stream.message().await.unwrap().unwrap().svids.len(), 1);
    house.server.change(|inner| inner.refused.insert("a".into()));
    assert_eq!(
        limited("the end", stream.message()).await.unwrap_err().code(),
        Code::PermissionDenied
    );
    assert_eq!(refusal(&house.node).await, Code::PermissionDenied);
    house.server.change(|inner| inner.refused.clear());
    house.server.add_entry("a", "/a", &my_uid());
    until("it is served again", || {
        let mut client = house.node.client();
        Box::pin(async move {
            let mut stream = client.fetch_x509svid(X509svidRequest {}).await.unwrap().into_inner();
            stream.message().await.is_ok()
        })
    })
    .await;
}

/// Trust ends here by short lives and by authorities that leave the bundle: there is no list of revoked certificates, and
/// the field of the list, which clients read, stays empty.
#[tokio::test(flavor = "multi_thread")]
async fn spiffe_086_no_revocation_list_is_announced_also_when_an_authority_is_replaced() {
    let house = house(&["a"]).await;
    let mut svids = house.node.x509().await;
    let mut bundles =
        house.node.client().fetch_x509_bundles(X509BundlesRequest {}).await.unwrap().into_inner();
    for round in 0..2 {
        let message = limited("SVIDs", svids.message()).await.unwrap().unwrap();
        assert!(message.crl.is_empty(), "{round}: {:?}", message.crl);
        let message = limited("bundles", bundles.message()).await.unwrap().unwrap();
        assert!(message.crl.is_empty(), "{round}: {:?}", message.crl);
        house.server.rotate(false);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn spiffe_087_the_own_bundle_is_always_in_the_map() {
    let house = house(&["a"]).await;
    let mut stream =
        house.node.client().fetch_x509_bundles(X509BundlesRequest {}).await.unwrap().into_inner();
    let bundles = stream.message().await.unwrap().unwrap().bundles;
    assert_eq!(bundles.keys().collect::<Vec<_>>(), ["spiffe://example.org"]);
    assert!(CertificateView::parse(&bundles["spiffe://example.org"]).unwrap().is_ca.unwrap());
    house.server.rotate(false);
    let bundles = limited("both", stream.message()).await.unwrap().unwrap().bundles;
    let both: Vec<u8> =
        house.server.bundle().x509_authorities.iter().flat_map(|one| one.asn1.to_vec()).collect();
    assert_eq!(bundles["spiffe://example.org"], both);
}

#[tokio::test(flavor = "multi_thread")]
async fn spiffe_088_one_token_for_the_identity_asked_for_or_one_for_each_and_none_for_anothers() {
    let house = house(&["a", "b"]).await;
    house.server.add_entry("x", "/x", &["unix:uid:4294967294".into()]);
    let mut client = house.node.client();
    let all = client.fetch_jwtsvid(tokens(&["aud1", "aud2"], "")).await.unwrap().into_inner();
    let ids: Vec<_> = all.svids.iter().map(|svid| svid.spiffe_id.as_str()).collect();
    assert_eq!(ids, ["spiffe://example.org/a", "spiffe://example.org/b"]);
    let one = client
        .fetch_jwtsvid(tokens(&["aud1"], "spiffe://example.org/b"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(one.svids.len(), 1);
    assert_eq!(one.svids[0].spiffe_id, "spiffe://example.org/b");
    for foreign in ["spiffe://example.org/x", "spiffe://example.org/none", "spiffe://other.org/a"] {
        let refused = client.fetch_jwtsvid(tokens(&["aud1"], foreign)).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{foreign}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn spiffe_089_jwt_bundles_hold_jwt_keys_and_nothing_else() {
    let server = FakeServer::start(system_clock());
    server.change(|inner| inner.federated.insert("one.org".into(), foreign_bundle("one.org")));
    server.add_entry_with("a", "/a", &my_uid(), |entry| {
        entry.federates_with = vec!["one.org".into()];
    });
    let node = Node::new(system_clock());
    let _agent = node.start(node.joining(&server, "t0ken"));
    node.ready().await;
    let mut stream =
        node.client().fetch_jwt_bundles(JwtBundlesRequest {}).await.unwrap().into_inner();
    let bundles = stream.message().await.unwrap().unwrap().bundles;
    let own = KeySet::parse(&bundles["spiffe://example.org"]).unwrap();
    assert_eq!((own.x509.len(), own.jwt.len()), (0, 1));
    assert_eq!(own.jwt[0].kid, "jwt-1");
    let json: serde_json::Value = serde_json::from_slice(&bundles["spiffe://one.org"]).unwrap();
    assert_eq!(json["keys"].as_array().unwrap().len(), 0, "a domain with X.509 authorities alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn spiffe_090_a_token_is_validated_in_full_and_its_claims_come_back() {
    let house = house(&["a"]).await;
    let mut client = house.node.client();
    let token = client
        .fetch_jwtsvid(tokens(&["me", "you"], ""))
        .await
        .unwrap()
        .into_inner()
        .svids
        .remove(0)
        .svid;
    let valid = |audience: &str, svid: &str| ValidateJwtsvidRequest {
        audience: audience.into(),
        svid: svid.into(),
    };
    let answer = client.validate_jwtsvid(valid("you", &token)).await.unwrap().into_inner();
    assert_eq!(answer.spiffe_id, "spiffe://example.org/a");
    let claims = answer.claims.unwrap().fields;
    assert_eq!(claims["sub"].kind, Some(Kind::StringValue("spiffe://example.org/a".into())));
    assert!(matches!(&claims["aud"].kind, Some(Kind::ListValue(list)) if list.values.len() == 2));
    assert!(matches!(claims["exp"].kind, Some(Kind::NumberValue(at)) if at > 1e9));

    let claims = |aud: serde_json::Value, exp: i64| {
        serde_json::json!({ "sub": "spiffe://example.org/a", "aud": aud, "exp": exp }).to_string()
    };
    let soon = now().plus(Lifetime::minutes(1)).seconds();
    let sign = |claims: &str| house.server.lock().signer.sign(claims).unwrap();
    let forged =
        FakeServer::start(system_clock()).lock().signer.sign(&claims("me".into(), soon)).unwrap();
    for (what, bad) in [
        ("another audience", sign(&claims("other".into(), soon))),
        ("no audience", sign(&claims(serde_json::json!([]), soon))),
        ("expired", sign(&claims("me".into(), now().seconds()))),
        ("no expiry", sign(r#"{"sub":"spiffe://example.org/a","aud":"me"}"#)),
        ("foreign domain", sign(&claims("me".into(), soon).replace("example.org", "other.org"))),
        ("another's key", forged),
        ("changed", token.replace('.', ".A")),
    ] {
        let refused = client.validate_jwtsvid(valid("me", &bad)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{what}");
    }
    client.validate_jwtsvid(valid("me", &sign(&claims("me".into(), soon)))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn spiffe_091_wit_svids_are_unimplemented() {
    let house = house(&["a"]).await;
    let mut client = house.node.client();
    let codes = [
        client.fetch_witsvid(WitsvidRequest::default()).await.unwrap_err().code(),
        client.fetch_wit_bundles(WitBundlesRequest {}).await.unwrap_err().code(),
    ];
    assert_eq!(codes, [Code::Unimplemented; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn spiffe_092_the_order_is_stable_over_restarts_and_streams() {
    let server = FakeServer::start(system_clock());
    for name in ["z", "m", "a"] {
        server.add_entry(name, &format!("/{name}"), &my_uid());
    }
    let node = Node::new(system_clock());
    for _ in 0..3 {
        let agent = node.start(node.joining(&server, "t0ken"));
        node.ready().await;
        let message = node.x509().await.message().await.unwrap().unwrap();
        let ids: Vec<_> = message.svids.iter().map(|svid| svid.spiffe_id.as_str()).collect();
        assert_eq!(
            ids,
            ["spiffe://example.org/z", "spiffe://example.org/m", "spiffe://example.org/a"]
        );
        agent.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_calls_of_one_user_are_cut_and_open_streams_stay() {
    // All in one moment, however long this machine takes for them.
    let house = house_at(Arc::new(TestClock::at(now())), &["a"]).await;
    let mut open = house.node.x509().await;
    assert!(open.message().await.unwrap().is_some());
    let client = house.node.client();
    let (mut refused, mut served) = (0, 0);
    for _ in 0..100 {
        let calls =
            (0..100).map(|_| {
                let mut client = client.clone();
                async move {
                    client.validate_jwtsvid(ValidateJwtsvidRequest::default()).await.unwrap_err()
                }
            });
        for status in limited("a hundred calls", futures_util::future::join_all(calls)).await {
            match status.code() {
                Code::ResourceExhausted => refused += 1,
                Code::InvalidArgument => served += 1,
                _ => panic!("after {served} and {refused}: {status:?}"),
            }
        }
    }
    assert!(refused > 9_500 && served >= 200, "refused {refused}, served {served}");
    house.server.add_entry("b", "/b", &my_uid());
    assert_eq!(
        limited("the open stream goes on", open.message()).await.unwrap().unwrap().svids.len(),
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_workload_api_names_no_selector() {
    let house = house(&[]).await;
    let theirs = ["unix:uid:4294967294".to_owned(), "unix:path:/secret/tool".to_owned()];
    house.server.add_entry("x", "/x", &theirs);
    let mut client = house.node.client();
    let x509 = client.fetch_x509svid(X509svidRequest {}).await;
    let bundles = client.fetch_x509_bundles(X509BundlesRequest {}).await;
    let jwt_bundles = client.fetch_jwt_bundles(JwtBundlesRequest {}).await;
    let refusals = [
        first_error(x509).await,
        first_error(bundles).await,
        first_error(jwt_bundles).await,
        client.fetch_jwtsvid(tokens(&["aud"], "")).await.unwrap_err(),
        client.fetch_jwtsvid(tokens(&["aud"], "spiffe://example.org/x")).await.unwrap_err(),
        client.validate_jwtsvid(ValidateJwtsvidRequest::default()).await.unwrap_err(),
    ];
    for status in refusals {
        // With details and metadata: all that is on the wire.
        let said = format!("{status:?}");
        for part in ["unix:", "uid:", "4294967294", "/secret", "selector"] {
            assert!(!said.contains(part), "{part}: {said}");
        }
    }
}

async fn first_error<T: std::fmt::Debug>(
    answer: Result<tonic::Response<tonic::Streaming<T>>, tonic::Status>,
) -> tonic::Status {
    match answer {
        Err(status) => status,
        Ok(stream) => limited("a refusal", stream.into_inner().message()).await.unwrap_err(),
    }
}
