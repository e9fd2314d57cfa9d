//! What an agent with a certificate of its own must show, and what is of no use to it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::crypto::digest::{hex, sha1};
use crate::crypto::keys::{PrivateKey, Signer as _};
use crate::crypto::x509::tests::forge::{Ca, NOW};
use crate::env::Env;
use crate::kernel::RealmId;
use crate::kernel::limits::CHAIN_CERTIFICATES_MAX;
use crate::nodes::Error;
use crate::nodes::attestors::{Attested, Exchange, NodeAttestor as _, Opening, Step, X509Pop};
use crate::testkit::{KeysReplica, TestDatabase, engines};

/// An authority that is accepted, and one that is not; each with a node.
struct House {
    env: Env,
    attestor: X509Pop,
    node: (Vec<u8>, PrivateKey),
    stranger: (Vec<u8>, PrivateKey),
}

impl House {
    async fn new() -> Self {
        let database = TestDatabase::new(engines()[0]).await;
        let env = KeysReplica::started(&database).await.env.clone();
        assert_eq!(env.clock.now().whole_second(), NOW);
        let (ours, theirs) = (Ca::of("nodes"), Ca::of("others"));
        Self {
            env,
            attestor: X509Pop::new(vec![ours.der.clone()]),
            node: ours.leaf("spiffe://nodes/a"),
            stranger: theirs.leaf("spiffe://others/b"),
        }
    }

    async fn open(&self, payload: &[u8]) -> Result<Step, Error> {
        let opening = Opening { realm: RealmId::FIRST, payload, key_digest: [0; 32] };
        self.attestor.open(&self.env, opening).await
    }

    /// The challenge for these certificates.
    async fn challenged(&self, chain: &[&[u8]]) -> (Vec<u8>, Box<dyn Exchange>) {
        match self.open(&payload(chain)).await.unwrap() {
            Step::Challenge(text, exchange) => (text, exchange),
            Step::Done(_) => panic!("without a challenge nothing is proved"),
        }
    }
}

fn payload(chain: &[&[u8]]) -> Vec<u8> {
    let certificates: Vec<_> = chain.iter().map(|der| STANDARD.encode(der)).collect();
    json!({ "certificates": certificates }).to_string().into_bytes()
}

/// The answer of whoever holds this key.
fn answer(key: &PrivateKey, challenge: &[u8]) -> Vec<u8> {
    let challenge: Value = serde_json::from_slice(challenge).unwrap();
    let nonce = STANDARD.decode(challenge["ecdsa_signature"]["nonce"].as_str().unwrap()).unwrap();
    let own = [7; 32];
    let signature = key.sign_fixed(&[nonce.as_slice(), &own].concat()).unwrap();
    let (r, s) = signature.split_at(32);
    let part =
        json!({ "r": STANDARD.encode(r), "s": STANDARD.encode(s), "nonce": STANDARD.encode(own) });
    json!({ "ecdsa_signature": part }).to_string().into_bytes()
}

fn attested(step: Result<Step, Error>) -> Attested {
    match step.unwrap() {
        Step::Done(attested) => attested,
        Step::Challenge(..) => panic!("one challenge is enough"),
    }
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>, words: &str) {
    let error = outcome.unwrap_err();
    assert!(matches!(&error, Error::Attestation(why) if why.contains(words)), "{words}: {error}");
}

#[tokio::test]
async fn an_oversized_chain_is_refused_before_any_signature_is_checked() {
    let house = House::new().await;
    // None of these is a certificate: whoever looked at one would say so.
    let junk = vec![&b"junk"[..]; CHAIN_CERTIFICATES_MAX];
    refused(house.open(&payload(&junk)).await, "authority");
    let more = vec![&b"junk"[..]; CHAIN_CERTIFICATES_MAX + 1];
    refused(house.open(&payload(&more)).await, "too long");
    let good = vec![house.node.0.as_slice(); 1000];
    refused(house.open(&payload(&good)).await, "too long");
}

#[tokio::test]
async fn the_certificate_that_is_read_is_the_one_that_was_verified() {
    let house = House::new().await;
    let ((node, key), (stranger, other)) = (&house.node, &house.stranger);
    refused(house.open(&payload(&[stranger])).await, "authority");
    refused(house.open(&payload(&[stranger, node])).await, "authority");
    // A member that is there twice is read once, and what was read is what was verified.
    let one = |der: &[u8]| format!(r#""certificates":["{}"]"#, STANDARD.encode(der));
    let twice = format!("{{{},{}}}", one(node), one(stranger));
    refused(house.open(twice.as_bytes()).await, "authority");
    let twice = format!("{{{},{}}}", one(stranger), one(node));
    let Step::Challenge(challenge, exchange) = house.open(twice.as_bytes()).await.unwrap() else {
        panic!("without a challenge nothing is proved");
    };
    refused(exchange.answer(&answer(other, &challenge)), "does not prove possession");

    let (challenge, exchange) = house.challenged(&[node]).await;
    let found = attested(exchange.answer(&answer(key, &challenge)));
    assert_eq!(found.path, format!("x509pop/{}", hex(&sha1(node))));
}
