//! The SPIFFE client from `PyPI`, unmodified, against a live agent.

use super::run_beside;
use crate::flows::{Fabric, on_each, until_given};

/// What it does, and what it must see.
const SCRIPT: &str = r#"
import sys
from spiffe import JwtSource, SpiffeId, TrustDomain, WorkloadApiClient, X509Source
from spiffe.errors import PySpiffeError

socket, expected = sys.argv[1], SpiffeId(sys.argv[2])
home = TrustDomain("weft.test")

with WorkloadApiClient(socket_path=socket, default_timeout=60) as client:
    svid = client.fetch_x509_svid()
    assert svid.spiffe_id == expected, svid.spiffe_id
    context = client.fetch_x509_context()
    bundle = context.x509_bundle_set.get_bundle_for_trust_domain(home)
    assert len(bundle.x509_authorities) == 1, bundle

    token = client.fetch_jwt_svid(audience={"billing"})
    assert token.spiffe_id == expected, token.spiffe_id
    checked = client.validate_jwt_svid(token.token, audience="billing")
    assert checked.spiffe_id == expected
    try:
        client.validate_jwt_svid(token.token, audience="payroll")
    except PySpiffeError:
        pass
    else:
        raise AssertionError("a token for another audience was accepted")
    keys = client.fetch_jwt_bundles().get_bundle_for_trust_domain(home)
    assert len(keys.jwt_authorities) == 1, keys

with X509Source(socket_path=socket, timeout_in_seconds=60) as source:
    assert source.svid.spiffe_id == expected

with JwtSource(socket_path=socket, timeout_in_seconds=60) as source:
    assert source.fetch_svid(audience={"billing"}).spiffe_id == expected

print("all seen")
"#;

#[tokio::test]
async fn the_python_client_gets_and_checks_svids() {
    let python = std::env::var_os("WEFT_PEERS_PYTHON");
    let python = python.expect(
        "`make` sets WEFT_PEERS_PYTHON to a Python that has the client: see scripts/packages",
    );
    on_each(async |database| {
        let fabric = Fabric::over(database).await;
        fabric.entry("/python").await;
        until_given(&fabric.agent, "/python").await;
        let arguments = ["-c", SCRIPT, &fabric.agent.endpoint(), "spiffe://weft.test/python"];
        let told = run_beside(python.clone(), arguments.map(str::to_owned).to_vec()).await;
        assert_eq!(told.trim(), "all seen");
    })
    .await;
}
