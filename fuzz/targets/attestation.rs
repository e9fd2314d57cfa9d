//! What a node says of itself before anybody believes it, and what a server asks of an agent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use weft::crypto::digest::{hex, sha1};
use weft::crypto::keys::{Scheme, Signer as _, ecdsa_der};
use weft::env::Entropy;
use weft::kernel::RealmId;
use weft::kernel::limits::CHAIN_CERTIFICATES_MAX;
use weft::nodes::Error;
use weft::nodes::attestors::{JoinTokens, NodeAttestor, Opening, Step};
use weft::testkit::SeededEntropy;

use super::World;

/// A join token lets in whoever shows exactly it; everything else is refused, and is never a fault of ours.
pub(crate) fn join_token(world: &World, data: &[u8]) {
    let payload = replaced(data, &[("$TOKEN", &world.token)]);
    let right = payload == world.token.as_bytes();
    match opened(world, &JoinTokens, &payload) {
        Ok(Step::Done(found)) => {
            assert!(right, "another token was accepted");
            assert!(found.path.starts_with("join_token/"), "{}", found.path);
        }
        Ok(other) => panic!("a join token is all that is asked for: {other:?}"),
        Err(Error::Attestation(_)) => assert!(!right, "the token was refused"),
        Err(other) => panic!("neither in nor refused: {other}"),
    }
}

/// A chain gets as far as a challenge only with the certificate of our authority in front; the selectors name the
/// authority that vouches for it, and none that was only sent along.
pub(crate) fn x509pop_payload(world: &World, data: &[u8]) {
    let payload = replaced(data, &world.certificates());
    match opened(world, &world.x509pop, &payload) {
        Ok(Step::Challenge(challenge, exchange)) => {
            let sent: Value = serde_json::from_slice(&payload).unwrap();
            let sent = sent.get("certificates").and_then(Value::as_array).unwrap();
            let first = STANDARD.decode(sent.first().and_then(Value::as_str).unwrap()).unwrap();
            assert_eq!(first, world.node.leaf, "another certificate was accepted");
            assert!(sent.len() <= CHAIN_CERTIFICATES_MAX, "a longer chain was accepted");
            let Ok(Step::Done(found)) = exchange.answer(&world.answer(&challenge)) else {
                panic!("the right answer was refused");
            };
            let other = format!("ca:fingerprint:{}", hex(&sha1(&world.other_root)));
            let own = format!("ca:fingerprint:{}", hex(&sha1(&world.node.root)));
            assert!(
                found.selectors.iter().any(|one| one.value() == own),
                "no word of its authority"
            );
            assert!(found.selectors.iter().all(|one| one.value() != other), "a borrowed authority");
        }
        Ok(other) => panic!("nothing is proved without an answer: {other:?}"),
        Err(Error::Attestation(_)) => {}
        Err(other) => panic!("neither challenged nor refused: {other}"),
    }
}

/// An answer is right only if the certificate's key signed both nonces.
pub(crate) fn x509pop_answer(world: &World, data: &[u8]) {
    let payload = replaced(br#"{"certificates":["$LEAF"]}"#, &world.certificates());
    let Ok(Step::Challenge(challenge, exchange)) = opened(world, &world.x509pop, &payload) else {
        panic!("our own certificate is refused");
    };
    let right: Value = serde_json::from_slice(&world.answer(&challenge)).unwrap();
    let part = |name: &str| {
        right.pointer(&format!("/ecdsa_signature/{name}")).and_then(Value::as_str).unwrap()
    };
    let (r, s, nonce) = (part("r"), part("s"), part("nonce"));
    let answer = replaced(data, &[("$R", r), ("$S", s), ("$N", nonce)]);
    match exchange.answer(&answer) {
        Ok(Step::Done(_)) => {
            let sent: Value = serde_json::from_slice(&answer).unwrap();
            let decoded = |name: &str, of: &Value| {
                let text = of.pointer(&format!("/ecdsa_signature/{name}")).and_then(Value::as_str);
                STANDARD.decode(text.unwrap()).unwrap()
            };
            assert_eq!(
                decoded("nonce", &sent),
                decoded("nonce", &right),
                "another nonce was accepted"
            );
        }
        Ok(other) => panic!("there is one challenge: {other:?}"),
        Err(Error::Attestation(_)) => {}
        Err(other) => panic!("neither in nor refused: {other}"),
    }
}

/// An agent signs nothing but two nonces of 32 bytes, and so that anybody can check it.
pub(crate) fn agent_challenge(world: &World, data: &[u8]) {
    let Ok(answer) = world.agent.answer(data, &SeededEntropy::new(1)) else { return };
    let asked: Value = serde_json::from_slice(data).unwrap();
    let asked =
        STANDARD.decode(asked.pointer("/ecdsa_signature/nonce").and_then(Value::as_str).unwrap());
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    let part = |name: &str| {
        let text = answer.pointer(&format!("/ecdsa_signature/{name}")).and_then(Value::as_str);
        STANDARD.decode(text.unwrap()).unwrap()
    };
    let mut own = [0; 32];
    SeededEntropy::new(1).fill(&mut own).unwrap();
    assert_eq!(part("nonce"), own, "the nonce is not the agent's own");
    let signed = [asked.unwrap(), own.to_vec()].concat();
    assert_eq!(signed.len(), 64, "another length was signed");
    let signature = ecdsa_der(&part("r"), &part("s")).unwrap();
    assert!(world.node.key.public_key().verify(Scheme::EcdsaSha256, &signed, &signature));
}

/// What the attestor finds; a proof that is used up by being shown is used up.
fn opened(world: &World, attestor: &dyn NodeAttestor, payload: &[u8]) -> Result<Step, Error> {
    let opening = Opening { realm: RealmId::FIRST, payload, key_digest: [7; 32] };
    let (env, realm) = (&world.env, opening.realm);
    world.runtime.block_on(async {
        match attestor.open(env, opening).await? {
            Step::Claim(claim) => {
                env.db.write(realm, claim, |tx, claim| claim.claim(tx)).await.map(Step::Done)
            }
            step => Ok(step),
        }
    })
}

/// Puts what a fuzzer cannot guess in the place of its mark.
fn replaced(data: &[u8], marks: &[(&str, &str)]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(data) else { return data.to_vec() };
    marks.iter().fold(text.to_owned(), |text, (mark, value)| text.replace(mark, value)).into_bytes()
}
