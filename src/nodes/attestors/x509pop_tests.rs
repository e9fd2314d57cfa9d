//! What a certificate of a foreign PKI proves, and what it does not.

use std::sync::Arc;

use rcgen::KeyUsagePurpose;

use super::*;
use crate::crypto::keys::{Algorithm, PrivateKey, Signer as _};
use crate::crypto::x509::forge::{Ca, Forge, NOW};
use crate::db::Engine;
use crate::kernel::{Lifetime, RealmId};
use crate::testkit::{SeededEntropy, TestClock, TestDatabase};

/// An attestor that accepts these authorities.
struct Door {
    env: Env,
    attestor: X509Pop,
}

impl Door {
    async fn accepting(authorities: &[&[u8]]) -> Self {
        let db = TestDatabase::new(Engine::Sqlite).await.open().await;
        let entropy = Arc::new(SeededEntropy::new(1));
        let env = Env { db, clock: Arc::new(TestClock::at(NOW)), entropy };
        let roots = authorities.iter().map(|der| der.to_vec()).collect();
        Self { env, attestor: X509Pop::new(roots) }
    }

    async fn opened(&self, payload: &[u8]) -> Result<Step, Error> {
        let opening = Opening { realm: RealmId::FIRST, payload, key_digest: [0; 32] };
        self.attestor.open(&self.env, opening).await
    }

    /// The challenge to this chain.
    async fn challenged(&self, chain: &[&[u8]]) -> (Vec<u8>, Box<dyn Exchange>) {
        match self.opened(&payload(chain)).await.unwrap() {
            Step::Challenge(challenge, exchange) => (challenge, exchange),
            other => panic!("nothing is proved yet: {other:?}"),
        }
    }

    async fn refused(&self, payload: &[u8]) -> String {
        self.opened(payload).await.expect_err("it is refused").to_string()
    }

    /// The selectors of a node that shows this chain and holds this key.
    async fn selectors(&self, chain: &[&[u8]], key: &PrivateKey) -> Vec<String> {
        let (challenge, exchange) = self.challenged(chain).await;
        match exchange.answer(&answer(&challenge, key)).unwrap() {
            Step::Done(found) => found.selectors.iter().map(|one| one.value().to_owned()).collect(),
            other => panic!("there is one challenge: {other:?}"),
        }
    }
}

fn payload(chain: &[&[u8]]) -> Vec<u8> {
    let chain: Vec<String> = chain.iter().map(|der| STANDARD.encode(der)).collect();
    json!({ "certificates": chain }).to_string().into_bytes()
}

/// As SPIRE's agents answer.
fn answer(challenge: &[u8], key: &PrivateKey) -> Vec<u8> {
    let challenge: Value = serde_json::from_slice(challenge).unwrap();
    let nonce = challenge["ecdsa_signature"]["nonce"].as_str().unwrap();
    let own = [5; NONCE_BYTES];
    let signed = [STANDARD.decode(nonce).unwrap(), own.to_vec()].concat();
    let signature = key.sign_fixed(&signed).unwrap();
    let (r, s) = signature.split_at(32);
    let (r, s, own) = (STANDARD.encode(r), STANDARD.encode(s), STANDARD.encode(own));
    let part = json!({ "r": r, "s": s, "nonce": own });
    json!({ "rsa_signature": null, "ecdsa_signature": part }).to_string().into_bytes()
}

fn fingerprint(der: &[u8]) -> String {
    format!("ca:fingerprint:{}", hex(&sha1(der)))
}

#[tokio::test]
async fn a_node_is_known_by_its_serial_number_and_by_each_authority_above_it() {
    let root = Ca::of("pki");
    let between = root.below(None, 3);
    let (leaf, key) = between.leaf("spiffe://pki/node");
    let door = Door::accepting(&[&root.der]).await;
    let found = door.selectors(&[&leaf, &between.der], &key).await;
    let number = crate::crypto::x509::CertificateView::parse(&leaf).unwrap().serial;
    let mut wanted =
        vec![format!("serialnumber:{number}"), fingerprint(&between.der), fingerprint(&root.der)];
    wanted.sort();
    assert_eq!(found, wanted, "the root's too, though it was not sent");
}

#[tokio::test]
async fn an_authority_that_was_only_sent_along_gives_no_selector() {
    let (own, other) = (Ca::of("own"), Ca::of("other"));
    let below_other = other.below(None, 3);
    let (leaf, key) = own.leaf("spiffe://own/node");
    let door = Door::accepting(&[&own.der, &other.der]).await;
    let found = door.selectors(&[&leaf, &below_other.der, &other.der], &key).await;
    assert!(found.contains(&fingerprint(&own.der)));
    for borrowed in [&below_other.der, &other.der] {
        assert!(!found.contains(&fingerprint(borrowed)), "{found:?}");
    }
}

#[tokio::test]
async fn a_replayed_x509pop_answer_is_refused() {
    let root = Ca::of("pki");
    let (leaf, key) = root.leaf("spiffe://pki/node");
    let door = Door::accepting(&[&root.der]).await;
    let (first, exchange) = door.challenged(&[&leaf]).await;
    let seen = answer(&first, &key);
    assert!(exchange.answer(&seen).is_ok());
    let (second, exchange) = door.challenged(&[&leaf]).await;
    assert_ne!(first, second);
    let why = exchange.answer(&seen).expect_err("it answers another challenge").to_string();
    assert!(why.contains("does not prove possession"), "{why}");
}

#[tokio::test]
async fn the_answer_of_another_key_or_of_another_shape_is_refused() {
    let root = Ca::of("pki");
    let (leaf, key) = root.leaf("spiffe://pki/node");
    let other = PrivateKey::generate(Algorithm::P256).unwrap();
    let door = Door::accepting(&[&root.der]).await;
    let short = |right: &[u8]| {
        let mut right: Value = serde_json::from_slice(right).unwrap();
        right["ecdsa_signature"]["nonce"] = STANDARD.encode([5; 31]).into();
        right.to_string().into_bytes()
    };
    let (challenge, exchange) = door.challenged(&[&leaf]).await;
    assert!(exchange.answer(&answer(&challenge, &other)).is_err(), "another key");
    let (challenge, exchange) = door.challenged(&[&leaf]).await;
    assert!(exchange.answer(&short(&answer(&challenge, &key))).is_err(), "a short nonce");
    for wrong in ["", "null", "{}", r#"{"ecdsa_signature":{"r":"","s":"","nonce":""}}"#] {
        let (_, exchange) = door.challenged(&[&leaf]).await;
        assert!(exchange.answer(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn a_certificate_that_proves_nothing_here_is_refused_before_a_challenge() {
    let (root, stranger) = (Ca::of("pki"), Ca::of("stranger"));
    let (leaf, _) = root.leaf("spiffe://pki/node");
    let (foreign, _) = stranger.leaf("spiffe://stranger/node");
    let day = Lifetime::days(1);
    let (old, _) =
        root.leaf_valid("spiffe://pki/old", NOW.minus(day), NOW.minus(Lifetime::hours(1)));
    let (unfit, forged_root) = Forge::with(|forge| {
        forge.params.key_usages = vec![KeyUsagePurpose::KeyAgreement];
    })
    .make();
    let door = Door::accepting(&[&root.der, &forged_root]).await;
    let long: Vec<&[u8]> =
        std::iter::once(leaf.as_slice()).chain([root.der.as_slice(); 5]).collect();
    for (payload, why) in [
        (payload(&[&foreign]), "not from an authority"),
        (payload(&[&foreign, &stranger.der]), "not from an authority"),
        (payload(&[&old]), "not from an authority"),
        (payload(&[&root.der]), "not from an authority"),
        (payload(&[]), "not from an authority"),
        (payload(&[&unfit]), "not for signing"),
        (payload(&long), "too long"),
        (b"no JSON".to_vec(), "not JSON"),
        (b"{}".to_vec(), "no list"),
        (br#"{"certificates":["?"]}"#.to_vec(), "not base64"),
    ] {
        let said = door.refused(&payload).await;
        assert!(said.contains(why), "{said}, where {why} was expected");
    }
}

#[tokio::test]
async fn an_oversized_chain_is_refused_before_any_signature_is_checked() {
    let root = Ca::of("pki");
    let (leaf, _) = root.leaf("spiffe://pki/node");
    let door = Door::accepting(&[&root.der]).await;
    // None of these is a certificate: whoever looked at one would say so.
    let junk = |count| payload(&vec![&b"junk"[..]; count]);
    for (payload, why) in [
        (junk(CHAIN_CERTIFICATES_MAX), "authority"),
        (junk(CHAIN_CERTIFICATES_MAX + 1), "too long"),
        (payload(&vec![leaf.as_slice(); 1000]), "too long"),
    ] {
        let said = door.refused(&payload).await;
        assert!(said.contains(why), "{said}, where {why} was expected");
    }
}

#[tokio::test]
async fn the_certificate_that_is_read_is_the_one_that_was_verified() {
    let (root, other) = (Ca::of("pki"), Ca::of("other"));
    let (node, key) = root.leaf("spiffe://pki/node");
    let (stranger, foreign) = other.leaf("spiffe://other/node");
    let door = Door::accepting(&[&root.der]).await;
    assert!(door.refused(&payload(&[&stranger, &node])).await.contains("authority"));
    // A member that is there twice is read once, and what was read is what was verified.
    let twice = |first: &[u8], then: &[u8]| {
        let one = |der: &[u8]| format!(r#""certificates":["{}"]"#, STANDARD.encode(der));
        format!("{{{},{}}}", one(first), one(then)).into_bytes()
    };
    assert!(door.refused(&twice(&node, &stranger)).await.contains("authority"));
    let opened = door.opened(&twice(&stranger, &node)).await.unwrap();
    let Step::Challenge(challenge, exchange) = opened else { panic!("nothing is proved yet") };
    assert!(exchange.answer(&answer(&challenge, &foreign)).is_err());

    let (challenge, exchange) = door.challenged(&[&node]).await;
    let Step::Done(found) = exchange.answer(&answer(&challenge, &key)).unwrap() else {
        panic!("there is one challenge")
    };
    assert_eq!(found.path, format!("x509pop/{}", hex(&sha1(&node))));
}
