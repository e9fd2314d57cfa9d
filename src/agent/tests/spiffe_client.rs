//! The crate `spiffe`, which knows nothing of us, as a workload.

use std::time::Duration;

use spiffe::bundle::BundleSource as _;
use spiffe::{JwtSource, TrustDomain, WorkloadApiClient, X509Source};

use super::fake_server::FakeServer;
use super::node::{Node, Running, limited, my_uid, system_clock};

struct House {
    server: FakeServer,
    node: Node,
    _agent: Running,
}

impl House {
    async fn new() -> Self {
        let server = FakeServer::start(system_clock());
        server.add_entry("a", "/a", &my_uid());
        server.add_entry_with("b", "/b", &my_uid(), |entry| entry.hint = "second".into());
        let node = Node::new(system_clock());
        let agent = node.start(node.joining(&server, "t0ken"));
        node.ready().await;
        Self { server, node, _agent: agent }
    }

    fn endpoint(&self) -> String {
        format!("unix:{}", self.node.socket().display())
    }
}

fn domain() -> TrustDomain {
    TrustDomain::new("example.org").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn its_client_reads_svids_bundles_and_tokens() {
    let house = House::new().await;
    let client = limited("connect", WorkloadApiClient::connect_to(house.endpoint())).await.unwrap();
    let context = limited("context", client.fetch_x509_context()).await.unwrap();
    assert_eq!(context.default_svid().unwrap().spiffe_id().to_string(), "spiffe://example.org/a");
    assert_eq!(context.svids().len(), 2);
    let token = limited("token", client.fetch_jwt_svid(["x"], None)).await.unwrap();
    assert_eq!(token.spiffe_id().to_string(), "spiffe://example.org/a");
    let valid = limited("validation", client.validate_jwt_token("x", token.token())).await.unwrap();
    assert_eq!(valid.spiffe_id(), token.spiffe_id());
    let hinted =
        limited("hinted", client.fetch_jwt_svid_by_hint(["x"], None, "second")).await.unwrap();
    assert_eq!(hinted.spiffe_id().to_string(), "spiffe://example.org/b");
    let bundles = limited("bundles", client.fetch_jwt_bundles()).await.unwrap();
    let bundle = bundles.bundle_for_trust_domain(&domain()).unwrap().unwrap();
    assert!(bundle.find_jwt_authority(token.key_id()).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn its_sources_start_and_see_a_rotation() {
    let house = House::new().await;
    let building = X509Source::builder().endpoint(house.endpoint()).build();
    let source = limited("the source", building).await.unwrap();
    let before = source.svid().unwrap().leaf().as_ref().to_vec();
    let mut updates = source.updated();
    house.server.rotate(true);
    while source.svid().unwrap().leaf().as_ref() == before {
        limited("an update", updates.changed()).await.unwrap();
    }
    let bundle = source.bundle_for_trust_domain(&domain()).unwrap().unwrap();
    assert_eq!(bundle.authorities().len(), 2);
    let jwt = limited("the source", JwtSource::builder().endpoint(house.endpoint()).build())
        .await
        .unwrap();
    let token = limited("a token", jwt.fetch_jwt_svid(["x"])).await.unwrap();
    assert_eq!(token.audience(), ["x"]);
    let _in_time = tokio::time::timeout(Duration::from_secs(5), source.shutdown()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_hears_clearly_that_it_has_no_identity() {
    let house = House::new().await;
    house.server.remove_entry("a");
    house.server.remove_entry("b");
    super::node::until("nothing is left", || {
        let endpoint = house.endpoint();
        Box::pin(async move {
            let client = WorkloadApiClient::connect_to(endpoint).await.unwrap();
            matches!(
                client.fetch_x509_context().await,
                Err(spiffe::workload_api::error::WorkloadApiError::NoIdentityIssued)
            )
        })
    })
    .await;
}
