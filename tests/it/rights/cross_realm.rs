//! Two realms of one server: neither learns of the other's things, and neither's trust counts in the other.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};
use serde_json::{Value, json};
use std::sync::Arc;
use tonic::Code;
use weft::crypto::keys::{Algorithm, PrivateKey};
use weft::kernel::Secret;

use super::rest::{self, Operation};
use super::rpc::{self, HEALTH_CHECK, HEALTH_WATCH, WATCH};
use super::world::{Ask, Caller, Credential, ONE, PREFIX, Realm, TWO, World};
use crate::protocols::foreign_agent::{
    ATTEST_AGENT, GET_BUNDLE, GET_ENTRIES, GET_FEDERATED_BUNDLE, IntoValue, NEW_JWT_SVID,
    NEW_X509_SVIDS, POST_STATUS, RENEW_AGENT, SYNC_ENTRIES,
};

/// Here the client chooses the id: what another realm has under it does not matter, and is not touched.
const CHOSEN: [&str; 9] = [
    "PUT /api/v1/bundles/{trust_domain}",
    "PUT /api/v1/clients/{id}",
    "PUT /api/v1/device-tokens/{id}",
    "PUT /api/v1/entries/{id}",
    "PUT /api/v1/groups/{id}",
    "PUT /api/v1/join-tokens/{id}",
    "PUT /api/v1/policies/{name}",
    "PUT /api/v1/posture-sources/{name}",
    "PUT /api/v1/upstreams/{id}",
];

#[tokio::test]
async fn every_route_answers_404_for_ids_of_another_realm() {
    let world = World::new().await;
    let admin = caller(&world, "admin");
    let mut routes = 0;
    for operation in rest::operations().iter().filter(|operation| operation.takes_id()) {
        let name = operation.name();
        let ask = rest::request(&world, &TWO, operation).await.unwrap();
        if CHOSEN.contains(&&*name) {
            world.root(&TWO, ask.clone()).await;
            chosen_twice(&world, operation, &ask).await;
        } else {
            let before = everything(&world, &TWO).await;
            let by_admin = admin.ask(&ask).await;
            assert_eq!(by_admin.0, 404, "{name} by the other realm's admin: {}", by_admin.1);
            let by_root = world.try_root(&ONE, &ask).await;
            // The server's own user may see every realm by its name.
            if !name.ends_with("/realms/{name}") {
                assert_eq!(by_root.0, 404, "{name} by root in the other realm: {}", by_root.1);
            }
            assert_eq!(everything(&world, &TWO).await, before, "{name} changed the other realm");
            // Not because nothing would be there: in its own realm it is done.
            world.root(&TWO, ask).await;
        }
        routes += 1;
    }
    assert!(routes >= 20, "{routes} routes take an id");
    println!(
        "proof: routes with an id of another realm: {routes}, answered 404 or kept apart {routes}"
    );
}

/// What the client may name is made here as if the other realm did not exist.
async fn chosen_twice(world: &World, operation: &Operation, ask: &Ask) {
    let (name, admin) = (operation.name(), caller(world, "admin"));
    let before = everything(world, &TWO).await;
    let mut here = ask.clone();
    if let Some(entry) = here.body.as_mut().filter(|body| body["spiffe_id"].is_string()) {
        for field in ["spiffe_id", "parent_id"] {
            let there = entry[field].as_str().unwrap().replace(TWO.domain, ONE.domain);
            entry[field] = json!(there);
        }
        let change = Ask { condition: Some(("if-match", "*")), ..here.clone() };
        assert_eq!(admin.ask(&change).await.0, 404, "{name} on the condition that it is there");
    }
    let made = admin.ask(&here).await;
    assert!((200..300).contains(&made.0), "{name}: {made:?}");
    assert_eq!(everything(world, &TWO).await, before, "{name} changed the other realm");
}

#[tokio::test]
async fn ids_of_another_realm_in_documents_and_queries_lead_to_nothing() {
    let world = World::new().await;
    let admin = caller(&world, "admin");
    let (agent, _) = world.attest(&TWO).await;
    let number = world.number_of(&TWO, &agent).await;
    let entry = world.new_entry(&TWO, &format!("{PREFIX}/web"), &agent).await;
    let before = everything(&world, &TWO).await;
    let ours = world.entry_in(&ONE, "/web");
    let batch = |item: Value| Ask::post("entries/batch", json!({"items": [item]}));
    let explain = |agent: &str| {
        Ask::post("entries/explain", json!({"selectors": ["unix:uid:1"], "agent": agent}))
    };
    let table = [
        (batch(json!({"op": "update", "id": entry, "entry": ours})), "404 entry.not_found"),
        (batch(json!({"op": "delete", "id": entry})), "404 entry.not_found"),
        (explain(&number), "404 entry.not_found"),
        (Ask::get(format!("agents?spiffe_id={agent}")), "200 nothing listed"),
        (Ask::get(format!("entries?parent_id={agent}")), "200 nothing listed"),
        (Ask::get(format!("events?subject={number}")), "200 nothing listed"),
    ];
    for (ask, expected) in table {
        assert_eq!(rest::told(&admin.ask(&ask).await), expected, "{ask:?}");
    }
    let explained = admin.ask(&explain(&agent)).await;
    assert_eq!((explained.0, &explained.1["agent"]), (200, &Value::Null), "{}", explained.1);
    assert_eq!(everything(&world, &TWO).await, before);
}

#[tokio::test]
async fn every_call_of_an_agent_finds_nothing_of_another_realm() {
    let world = World::new().await;
    let agent = caller(&world, "agent");
    let (parent, credential) = world.attest(&TWO).await;
    let entry = world.new_entry(&TWO, "/web", &parent).await;
    let federated = rest::foreign_bundle(&world, &TWO).await;
    let put = Ask { body: Some(federated), ..Ask::new("PUT", "bundles/theirs.test") };
    world.root(&TWO, put).await;
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let mut found = Vec::new();
    for call in rpc::calls(&world) {
        let (fields, expected) = match call.as_str() {
            NEW_X509_SVIDS => (world.x509_ask(&entry, &key), "NOT_FOUND"),
            NEW_JWT_SVID => (rpc::jwt_ask(&entry), "NOT_FOUND"),
            GET_FEDERATED_BUNDLE => {
                (vec![("trust_domain", "theirs.test".into_value())], "NOT_FOUND")
            }
            ATTEST_AGENT => {
                (world.attestation(&world.token(&TWO).await, &key), "PERMISSION_DENIED")
            }
            // These take no id: each is about whoever calls.
            RENEW_AGENT | POST_STATUS | GET_BUNDLE | GET_ENTRIES | SYNC_ENTRIES | WATCH
            | HEALTH_CHECK | HEALTH_WATCH => continue,
            other => panic!("say what `{other}` finds of another realm"),
        };
        let told = rpc::told(&rpc::call(&world, agent, &call, fields).await);
        assert_eq!(told, expected, "{call}");
        found.push(call);
    }
    assert_eq!(found.len(), 4, "{found:?}");

    // An agent of one realm is a stranger at the other's door, which does not even finish the handshake.
    for (at, shows) in [(&ONE, &credential), (&TWO, &agent_of_one(&world).await)] {
        let stranger = world.caller("stranger", at, Some(shows));
        let answer = rpc::call(&world, &stranger, POST_STATUS, Vec::new()).await;
        let code = answer.unwrap_err().code();
        assert!(matches!(code, Code::Unavailable | Code::Cancelled | Code::Unknown), "{code:?}");
    }
}

async fn agent_of_one(world: &World) -> Credential {
    world.attest(&ONE).await.1
}

/// Whoever administers one realm decides whom that realm trusts, also for the trust domain of another realm of the server.
/// There it counts for nothing, wherever the connection said it was going.
#[tokio::test]
async fn whom_one_realm_trusts_is_a_stranger_in_the_other() {
    let world = World::new().await;
    let (ca, bundle) = authority(TWO.domain);
    let put = Ask { body: Some(bundle), ..Ask::new("PUT", format!("bundles/{}", TWO.domain)) };
    world.root(&ONE, put).await;
    let holder = format!("spiffe://{}/boss", TWO.domain);
    let bind = json!({"name": "boss", "holder": holder, "role": "admin"});
    world.root(&TWO, Ask::post("role-bindings", bind)).await;

    let forged = world.caller("forged", &ONE, Some(&leaf(&ca, &holder)));
    let (status, who) = forged.ask(&Ask::get("whoami")).await;
    assert_eq!((status, &who["spiffe_id"], &who["holds"]), (200, &json!(holder), &json!([])));
    for path in ["whoami", "agents", "join-tokens"] {
        let (status, answer) = forged.ask_with(&Ask::get(path), &[("host", TWO.host)]).await;
        assert_eq!((status, &answer["code"]), (401, &json!("caller.unauthenticated")), "{path}");
    }
}

/// A connection outlives what it was trusted for; a request does not.
#[tokio::test]
async fn trust_that_was_taken_away_ends_on_connections_that_are_open() {
    let world = World::new().await;
    let (ca, bundle) = authority("partner.test");
    let put = Ask { body: Some(bundle), ..Ask::new("PUT", "bundles/partner.test") };
    world.root(&ONE, put).await;
    let holder = "spiffe://partner.test/ops";
    let bind = json!({"name": "partner", "holder": holder, "role": "viewer"});
    world.root(&ONE, Ask::post("role-bindings", bind)).await;
    let partner = world.caller("partner", &ONE, Some(&leaf(&ca, holder)));
    assert_eq!(partner.ask(&Ask::get("agents")).await.0, 200);
    world.root(&ONE, Ask::delete("bundles/partner.test")).await;
    let (status, answer) = partner.ask(&Ask::get("agents")).await;
    assert_eq!((status, &answer["code"]), (401, &json!("caller.unauthenticated")));
}

fn caller<'a>(world: &'a World, name: &str) -> &'a Caller {
    world.callers.iter().find(|caller| caller.name == name).unwrap()
}

/// All that a realm has, but for what only tells the time.
async fn everything(world: &World, realm: &Realm) -> Vec<Value> {
    let mut all = Vec::new();
    for list in [
        "agents",
        "authorities",
        "bundles",
        "device-tokens",
        "devices",
        "entries",
        "join-tokens",
        "policies",
        "role-bindings",
    ] {
        all.push(world.root(realm, Ask::get(list)).await);
    }
    all
}

/// A certificate authority of this trust domain, and its bundle document.
fn authority(domain: &str) -> (CertifiedIssuer<'static, KeyPair>, Value) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.subject_alt_names = vec![uri(&format!("spiffe://{domain}"))];
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = weft::crypto::keys::PublicKey::from_spki_der(
        &weft::crypto::x509::CertificateView::parse(ca.der()).unwrap().spki,
    )
    .unwrap();
    let mut members = Value::Object(weft::crypto::jose::key_members(&key).into_iter().collect());
    members["use"] = json!("x509-svid");
    members["x5c"] = json!([base64_of(ca.der())]);
    (ca, json!({"keys": [members], "spiffe_sequence": 1}))
}

fn base64_of(der: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(der)
}

fn leaf(ca: &CertifiedIssuer<'static, KeyPair>, id: &str) -> Credential {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.subject_alt_names = vec![uri(id)];
    let certificate = params.signed_by(&key, ca).unwrap();
    let pkcs8 = Secret::new(key.serialize_der());
    let key = Arc::new(PrivateKey::from_pkcs8(&pkcs8).unwrap());
    Credential { key, chain: vec![certificate.der().to_vec()] }
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}
