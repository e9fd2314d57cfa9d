//! JWT-SVID.md and the bundle format as sentences: requirements 21 to 34 and 51 to 59 of the checklist.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::*;
use crate::crypto::digest::{base64, base64url};
use crate::crypto::keys::{Algorithm, KeyKind, PrivateKey, PublicKey, Signer};
use crate::crypto::x509::forge::{Ca, NOW, domain};
use crate::kernel::limits::{BUNDLE_BYTES_MAX, JWT_BYTES_MAX};
use crate::kernel::{Lifetime, Timestamp};

struct Desk {
    key: Arc<PrivateKey>,
    signer: TokenSigner,
}

impl Desk {
    fn new() -> Self {
        let key = Arc::new(PrivateKey::generate(Algorithm::P256).unwrap());
        let port: Arc<dyn Signer> = Arc::<PrivateKey>::clone(&key);
        Self { signer: TokenSigner::new(port, "k1", "JWT"), key }
    }

    fn keys(&self) -> JwtKeys {
        JwtKeys::new([("k1".to_owned(), self.key.public().clone())])
    }

    /// A token whose header and claims are exactly these texts, signed by our key.
    fn raw(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", base64url(header.as_bytes()), base64url(claims.as_bytes()));
        let signature = self.key.sign_fixed(signed.as_bytes()).unwrap();
        format!("{signed}.{}", base64url(&signature))
    }

    fn with_header(&self, header: &Value) -> String {
        self.raw(&header.to_string(), &good_claims().to_string())
    }

    fn with_claims(&self, change: impl FnOnce(&mut Map<String, Value>)) -> String {
        let mut claims = good_claims();
        change(claims.as_object_mut().unwrap());
        self.signer.sign(&claims.to_string()).unwrap()
    }

    fn judged(&self, token: &str) -> Result<JwtSvidClaims, JwtSvidError> {
        let known =
            |found: &crate::kernel::TrustDomain| (*found == domain("a")).then(|| self.keys());
        verify_jwt_svid(token, "db", known, NOW)
    }
}

fn good_claims() -> Value {
    json!({ "sub": "spiffe://a/b", "aud": ["db"], "exp": NOW.seconds() + 60, "iat": NOW.seconds() })
}

fn token_error(result: Result<JwtSvidClaims, JwtSvidError>) -> JoseError {
    match result {
        Err(JwtSvidError::Token(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_good_token_says_whom_it_names_and_for_whom_it_is() {
    let desk = Desk::new();
    let claims = desk.judged(&desk.with_claims(|_| ())).unwrap();
    assert_eq!(claims.id.as_str(), "spiffe://a/b");
    assert_eq!(claims.audience, ["db"]);
    assert_eq!(claims.expires_at, NOW.plus(Lifetime::seconds(60)));
    assert_eq!(claims.issued_at, Some(NOW));
}

#[test]
fn spiffe_023_the_header_holds_alg_kid_and_typ_and_nothing_else() {
    let desk = Desk::new();
    let token = desk.with_claims(|_| ());
    let header = crate::crypto::digest::from_base64url(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    assert_eq!(header, json!({ "alg": "ES256", "kid": "k1", "typ": "JWT" }), "what we emit");
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("jwk", json!({})),
        ("jku", json!("https://a/")),
        ("x5c", json!([])),
        ("x5u", json!("https://a/")),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
        ("nonce", json!("x")),
    ] {
        let token = desk.with_header(&json!({ "alg": "ES256", "kid": "k1", name: value }));
        assert_eq!(token_error(desk.judged(&token)), JoseError::HeaderParameter(name.to_owned()));
    }
    let twice = desk.raw(r#"{"alg":"ES256","kid":"k1","kid":"k1"}"#, &good_claims().to_string());
    assert!(matches!(token_error(desk.judged(&twice)), JoseError::Json(_)), "a name twice");
}

#[test]
fn spiffe_024_only_the_nine_algorithms_are_accepted() {
    let desk = Desk::new();
    for bad in [
        "none", "None", "", "HS256", "HS384", "HS512", "EdDSA", "ES256K", "es256", "RS1",
        "RSA-OAEP",
    ] {
        let token = desk.with_header(&json!({ "alg": bad, "kid": "k1" }));
        assert_eq!(token_error(desk.judged(&token)), JoseError::Algorithm(bad.to_owned()), "{bad}");
    }
    let token = desk.with_header(&json!({ "kid": "k1" }));
    assert_eq!(token_error(desk.judged(&token)), JoseError::Algorithm(String::new()));
    let token = desk.with_header(&json!({ "alg": 7, "kid": "k1" }));
    assert_eq!(token_error(desk.judged(&token)), JoseError::NotText("alg"));
    let unsigned = {
        let header = base64url(br#"{"alg":"none","kid":"k1"}"#);
        format!("{header}.{}.", base64url(good_claims().to_string().as_bytes()))
    };
    assert_eq!(token_error(desk.judged(&unsigned)), JoseError::Algorithm("none".to_owned()));
    for accepted in JwsAlgorithm::ALL {
        assert_eq!(JwsAlgorithm::parse(accepted.as_str()), Some(accepted));
    }
}

/// Each of the nine is signed by OpenSSL through jsonwebtoken's own key formats, or by it, and verified by us.
#[test]
fn spiffe_024_each_of_the_nine_verifies_with_a_key_of_its_own_sort_only() {
    let rsa = Foreign::new("RSA");
    for (algorithm, foreign) in [
        (jsonwebtoken::Algorithm::RS256, &rsa),
        (jsonwebtoken::Algorithm::RS384, &rsa),
        (jsonwebtoken::Algorithm::RS512, &rsa),
        (jsonwebtoken::Algorithm::PS256, &rsa),
        (jsonwebtoken::Algorithm::PS384, &rsa),
        (jsonwebtoken::Algorithm::PS512, &rsa),
        (jsonwebtoken::Algorithm::ES256, &Foreign::new("P-256")),
        (jsonwebtoken::Algorithm::ES384, &Foreign::new("P-384")),
    ] {
        let token = foreign.token(algorithm);
        let judged = |key: &PublicKey| {
            let keys = JwtKeys::new([("k".to_owned(), key.clone())]);
            verify_jwt_svid(&token, "db", |_| Some(keys), NOW)
        };
        assert!(judged(&foreign.public).is_ok(), "{algorithm:?}");
        let other = match foreign.public.kind() {
            KeyKind::Rsa(_) => Foreign::new("P-256").public,
            _ => rsa.public.clone(),
        };
        assert_eq!(
            token_error(judged(&other)),
            JoseError::KeyKind,
            "{algorithm:?} with a key of another sort"
        );
    }
    es512();
}

/// jsonwebtoken has no ES512, so this one is made by hand from OpenSSL's signature.
fn es512() {
    let foreign = Foreign::new("P-521");
    let header = base64url(br#"{"alg":"ES512","kid":"k"}"#);
    let signed = format!("{header}.{}", base64url(good_claims().to_string().as_bytes()));
    let directory = tempfile::tempdir().unwrap();
    let (key, data) = (directory.path().join("k"), directory.path().join("d"));
    std::fs::write(&key, &foreign.pem).unwrap();
    std::fs::write(&data, &signed).unwrap();
    let der = openssl(&["dgst", "-sha512", "-sign", key.to_str().unwrap(), data.to_str().unwrap()]);
    let token = format!("{signed}.{}", base64url(&side_by_side(&der, 66)));
    let keys = JwtKeys::new([("k".to_owned(), foreign.public.clone())]);
    assert!(verify_jwt_svid(&token, "db", |_| Some(keys), NOW).is_ok());
}

#[test]
fn spiffe_025_a_key_id_is_emitted_and_asked_for() {
    let desk = Desk::new();
    assert_eq!(Unverified::parse(&desk.with_claims(|_| ())).unwrap().kid(), "k1");
    let token = desk.with_header(&json!({ "alg": "ES256" }));
    assert_eq!(token_error(desk.judged(&token)), JoseError::NoKeyId);
    let token = desk.with_header(&json!({ "alg": "ES256", "kid": "K1" }));
    assert_eq!(desk.judged(&token), Err(JwtSvidError::UnknownKey("K1".to_owned())), "case matters");
}

#[test]
fn spiffe_026_a_type_is_jwt_or_jose_or_absent() {
    let desk = Desk::new();
    for good in ["JWT", "JOSE"] {
        let token = desk.with_header(&json!({ "alg": "ES256", "kid": "k1", "typ": good }));
        assert!(desk.judged(&token).is_ok(), "{good}");
    }
    assert!(desk.judged(&desk.with_header(&json!({ "alg": "ES256", "kid": "k1" }))).is_ok());
    for bad in ["jwt", "at+jwt", "wit+jwt", ""] {
        let token = desk.with_header(&json!({ "alg": "ES256", "kid": "k1", "typ": bad }));
        assert_eq!(desk.judged(&token), Err(JwtSvidError::Type(bad.to_owned())));
    }
}

#[test]
fn spiffe_027_the_subject_is_a_spiffe_id() {
    let desk = Desk::new();
    let token = desk.with_claims(|claims| drop(claims.remove("sub")));
    assert_eq!(desk.judged(&token), Err(JwtSvidError::NoSubject));
    for bad in ["", "b", "https://a/b", "spiffe://A/b", "spiffe://a/b/"] {
        let token = desk.with_claims(|claims| drop(claims.insert("sub".to_owned(), bad.into())));
        assert!(matches!(desk.judged(&token), Err(JwtSvidError::Subject(_))), "{bad}");
    }
}

#[test]
fn spiffe_028_the_audience_is_there_and_names_whoever_validates() {
    let desk = Desk::new();
    let judged = |audience: Option<Value>| {
        desk.judged(&desk.with_claims(|claims| {
            claims.remove("aud");
            claims.extend(audience.map(|value| ("aud".to_owned(), value)));
        }))
        .map(|claims| claims.audience)
    };
    for none in [
        None,
        Some(json!([])),
        Some(json!(null)),
        Some(json!(7)),
        Some(json!([7])),
        Some(json!({})),
    ] {
        assert_eq!(judged(none.clone()), Err(JwtSvidError::NoAudience), "{none:?}");
    }
    for other in [json!("DB"), json!("db "), json!(["web", "dbx"]), json!("")] {
        assert_eq!(judged(Some(other)), Err(JwtSvidError::Audience));
    }
    assert_eq!(judged(Some(json!("db"))), Ok(vec!["db".to_owned()]));
    assert_eq!(judged(Some(json!(["web", "db"]))), Ok(vec!["web".to_owned(), "db".to_owned()]));
}

#[test]
fn spiffe_029_the_expiry_is_there_and_not_past() {
    let desk = Desk::new();
    let judged = |name: &str, value: Option<Value>| {
        desk.judged(&desk.with_claims(|claims| {
            claims.remove(name);
            claims.extend(value.map(|value| (name.to_owned(), value)));
        }))
        .map(|claims| claims.expires_at)
    };
    let now = NOW.seconds();
    for none in [None, Some(json!(null)), Some(json!("1"))] {
        assert_eq!(judged("exp", none), Err(JwtSvidError::NoExpiry));
    }
    for past in [json!(now), json!(now - 1), json!(0), json!(-1), json!(-1.0e300)] {
        assert!(judged("exp", Some(past.clone())).is_err(), "{past}: no leeway");
    }
    assert_eq!(judged("exp", Some(json!(now + 1))), Ok(Timestamp::from_seconds(now + 1)));
    let fraction = json!(f64::from(i32::try_from(now).unwrap()) + 1.5);
    assert_eq!(judged("exp", Some(fraction)), Ok(Timestamp::from_seconds(now + 1)), "rounded down");
    let left = Lifetime::seconds(1);
    assert_eq!(judged("nbf", Some(json!(now + 1))), Err(JwtSvidError::NotYetValid { left }));
    assert_eq!(judged("nbf", Some(json!("soon"))), Err(JwtSvidError::NoDate));
    let ago = Lifetime::hours(1);
    assert_eq!(judged("exp", Some(json!(now - 3600))), Err(JwtSvidError::Expired { ago }));
    assert!(judged("nbf", Some(json!(now))).is_ok());
    assert!(judged("iat", None).is_ok(), "the time of issue limits nothing");
}

#[test]
fn spiffe_030_the_key_comes_from_the_bundle_of_the_subjects_domain_alone() {
    let (desk, other) = (Desk::new(), Desk::new());
    let of_b = |claims: &mut Map<String, Value>| {
        drop(claims.insert("sub".to_owned(), "spiffe://b/b".into()));
    };
    let foreign = desk.with_claims(of_b);
    assert_eq!(desk.judged(&foreign), Err(JwtSvidError::NoBundle(domain("b"))));
    let keys_of_b = other.keys();
    let lookup = |found: &crate::kernel::TrustDomain| {
        if *found == domain("b") { Some(keys_of_b.clone()) } else { Some(desk.keys()) }
    };
    let posing = verify_jwt_svid(&foreign, "db", lookup, NOW);
    assert_eq!(token_error(posing), JoseError::Signature, "our key says nothing about `b`");
    assert!(verify_jwt_svid(&other.with_claims(of_b), "db", lookup, NOW).is_ok());
}

#[test]
fn spiffe_031_only_the_compact_form_is_read() {
    let desk = Desk::new();
    let token = desk.with_claims(|_| ());
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else { panic!("{token}") };
    let flattened =
        json!({ "protected": header, "payload": claims, "signature": signature }).to_string();
    let general =
        json!({ "payload": claims, "signatures": [{ "protected": header, "signature": signature }] }).to_string();
    for bad in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        flattened,
        general,
        format!("{header}.{claims}"),
        format!("{token}."),
        format!("{token}.{signature}"),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{token}=="),
        token.replace('.', ".."),
    ] {
        assert!(desk.judged(&bad).is_err(), "{bad}");
    }
    assert_eq!(token_error(desk.judged(&"x".repeat(JWT_BYTES_MAX + 1))), JoseError::TooLong);
}

#[test]
fn every_byte_of_a_token_is_signed() {
    let desk = Desk::new();
    let token = desk.with_claims(|_| ());
    for at in 0..token.len() {
        let mut bent = token.clone().into_bytes();
        bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
        let bent = String::from_utf8(bent).unwrap();
        assert!(desk.judged(&bent).is_err(), "byte {at}");
    }
}

#[test]
fn jsonwebtoken_accepts_our_tokens() {
    let desk = Desk::new();
    let mut claims = good_claims();
    // It asks the machine for the time.
    claims["exp"] = json!(4_000_000_000_i64);
    let token = desk.signer.sign(&claims.to_string()).unwrap();
    let key = jsonwebtoken::DecodingKey::from_ec_der(desk.key.public().bits());
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
    rules.set_audience(&["db"]);
    let read = jsonwebtoken::decode::<Value>(&token, &key, &rules).unwrap();
    assert_eq!(read.claims, claims);
    assert_eq!(read.header.kid.as_deref(), Some("k1"));
}

fn bundle() -> KeySet {
    let jwt = JwtAuthority {
        kid: "k1".to_owned(),
        key: PrivateKey::generate(Algorithm::P256).unwrap().public().clone(),
    };
    KeySet {
        x509: vec![Ca::of("a").der],
        jwt: vec![jwt],
        sequence: Some(7),
        refresh_hint: Some(Lifetime::seconds(300)),
    }
}

fn parsed(document: &Value) -> Result<KeySet, KeySetError> {
    KeySet::parse(document.to_string().as_bytes())
}

#[test]
fn spiffe_021_an_x509_authority_is_printed_with_its_one_certificate_and_no_key_id() {
    let set = bundle();
    let document = print_bundle(&set);
    let key = &document["keys"][0];
    assert_eq!(key["use"], "x509-svid");
    assert_eq!(key.get("kid"), None);
    assert_eq!(key["x5c"], json!([base64(&set.x509[0])]), "DER in plain base64");
    assert_eq!(key["kty"], "EC");
    let view = crate::crypto::x509::CertificateView::parse(&set.x509[0]).unwrap();
    assert!(view.is_self_issued());
}

#[test]
fn spiffe_022_an_entry_without_a_certificate_is_ignored_and_only_the_first_counts() {
    let (first, second) = (Ca::of("a").der, Ca::of("a").der);
    let leaf = Ca::of("a").leaf("spiffe://a/b").0;
    let entry = |x5c: Value| json!({ "keys": [{ "kty": "EC", "use": "x509-svid", "x5c": x5c }] });
    let both = parsed(&entry(json!([base64(&first), base64(&second)]))).unwrap();
    assert_eq!(both.x509, std::slice::from_ref(&first));
    for unusable in [
        json!([]),
        json!(null),
        json!(["%"]),
        json!([7]),
        json!([base64(b"junk")]),
        json!([base64(&leaf)]),
    ] {
        let set = parsed(&entry(unusable.clone())).unwrap();
        assert!(set.x509.is_empty(), "{unusable}: X.509-SVIDs of this domain are not supported");
    }
    assert!(
        parsed(&json!({ "keys": [{ "kty": "EC", "use": "x509-svid" }] })).unwrap().x509.is_empty()
    );
}

#[test]
fn spiffe_033_a_jwt_authority_is_printed_with_its_key_id() {
    let document = print_bundle(&bundle());
    let key = &document["keys"][1];
    assert_eq!((&key["use"], &key["kid"]), (&json!("jwt-svid"), &json!("k1")));
    assert!(key.get("x5c").is_none() && key.get("d").is_none());
}

#[test]
fn spiffe_034_keys_of_other_uses_never_validate_tokens() {
    let mut document = print_bundle(&bundle());
    for other in ["sig", "enc", "wit-svid", "JWT-SVID", "jwt_svid", ""] {
        document["keys"][1]["use"] = json!(other);
        assert!(parsed(&document).unwrap().jwt.is_empty(), "{other}");
    }
    document["keys"][1]["use"] = json!("jwt-svid");
    document["keys"][1]["kid"] = json!("");
    assert!(parsed(&document).unwrap().jwt.is_empty(), "no key id");
}

#[test]
fn spiffe_051_a_bundle_is_a_key_set_in_utf8() {
    let set = bundle();
    assert_eq!(parsed(&print_bundle(&set)), Ok(set), "what is printed comes back");
    for bad in
        [b"".as_slice(), b"[]", b"{", b"{\"keys\":[]}x", b"\xff", b"{\"keys\":[],\"keys\":[]}"]
    {
        assert!(matches!(KeySet::parse(bad), Err(KeySetError::Json(_))), "{bad:?}");
    }
    assert_eq!(KeySet::parse(&vec![b' '; BUNDLE_BYTES_MAX + 1]), Err(KeySetError::TooLong));
}

#[test]
fn spiffe_052_the_sequence_is_a_whole_number_of_64_bits() {
    for number in [0, 1, u64::MAX] {
        assert_eq!(
            parsed(&json!({ "keys": [], "spiffe_sequence": number })).unwrap().sequence,
            Some(number)
        );
    }
    for bad in [json!("1"), json!(1.5), json!(-1), json!([])] {
        let document = json!({ "keys": [], "spiffe_sequence": bad });
        assert_eq!(parsed(&document), Err(KeySetError::NotNumber("spiffe_sequence")));
    }
    assert_eq!(print_bundle(&bundle())["spiffe_sequence"], 7, "it is always said");
}

#[test]
fn spiffe_053_the_refresh_hint_is_whole_seconds() {
    assert_eq!(print_bundle(&bundle())["spiffe_refresh_hint"], 300);
    let document = json!({ "keys": [], "spiffe_refresh_hint": "300" });
    assert_eq!(parsed(&document), Err(KeySetError::NotNumber("spiffe_refresh_hint")));
}

#[test]
fn spiffe_054_keys_are_there_and_may_be_none() {
    assert_eq!(parsed(&json!({})), Err(KeySetError::NoKeys));
    assert_eq!(parsed(&json!({ "keys": {} })), Err(KeySetError::NoKeys));
    let empty = parsed(&json!({ "keys": [] })).unwrap();
    assert!(empty.x509.is_empty() && empty.jwt.is_empty());
    let desk = Desk::new();
    let nobody =
        verify_jwt_svid(&desk.with_claims(|_| ()), "db", |_| Some(JwtKeys::default()), NOW);
    assert_eq!(nobody, Err(JwtSvidError::UnknownKey("k1".to_owned())), "every token is untrusted");
    let (leaf, _) = Ca::of("a").leaf("spiffe://a/b");
    let roots =
        crate::crypto::x509::Roots::new(domain("a"), empty.x509.iter().map(Vec::as_slice)).unwrap();
    assert!(
        crate::crypto::x509::verify_svid(&[&leaf], &roots, NOW).is_err(),
        "and every certificate"
    );
}

#[test]
fn spiffe_055_and_056_a_key_that_cannot_be_used_is_left_out_alone() {
    let set = bundle();
    let mut document = print_bundle(&set);
    let keys = document["keys"].as_array_mut().unwrap();
    for odd in [
        json!({}),
        json!(7),
        json!({ "kty": "EC" }),
        json!({ "kty": "EC", "use": "X509-SVID", "x5c": [base64(&set.x509[0])] }),
        json!({ "kty": "AKP", "use": "jwt-svid", "kid": "pq" }),
        json!({ "kty": "EC", "crv": "P-999", "use": "jwt-svid", "kid": "c", "x": "AA", "y": "AA" }),
        json!({ "kty": "EC", "crv": "P-256", "use": "jwt-svid", "kid": "p", "x": "AA", "y": "AA" }),
        json!({ "kty": "RSA", "use": "jwt-svid", "kid": "r", "n": "AQAB", "e": "AQAB" }),
        json!({ "kty": "oct", "use": "jwt-svid", "kid": "s", "k": "AAAA" }),
    ] {
        keys.insert(0, odd);
    }
    let found = parsed(&document).unwrap();
    assert_eq!((found.x509, found.jwt), (set.x509, set.jwt));
}

#[test]
fn spiffe_057_the_document_does_not_say_whose_it_is() {
    let (document, ca) = (print_bundle(&bundle()).to_string(), Ca::of("other"));
    assert!(!document.contains("trust_domain"));
    let set = KeySet { x509: vec![ca.der], ..KeySet::default() };
    let filed =
        crate::crypto::x509::Roots::new(domain("a"), set.x509.iter().map(Vec::as_slice)).unwrap();
    assert_eq!(
        filed.trust_domain(),
        &domain("a"),
        "it is what it is filed under, whatever the certificate says"
    );
}

#[test]
fn spiffe_058_a_bundle_map_has_unique_domains_and_its_hints_say_nothing() {
    let map = BTreeMap::from([(domain("a"), bundle()), (domain("b"), KeySet::default())]);
    let read = parse_bundle_map(print_bundle_map(&map).to_string().as_bytes()).unwrap();
    assert_eq!(read.keys().collect::<Vec<_>>(), map.keys().collect::<Vec<_>>());
    assert_eq!(read[&domain("a")].jwt, map[&domain("a")].jwt);
    assert_eq!(read[&domain("a")].refresh_hint, None);
    let twice = br#"{"trust_domains":{"a":{"keys":[]},"a":{"keys":[]}}}"#;
    assert!(matches!(parse_bundle_map(twice), Err(KeySetError::Json(_))));
    for bad in [
        "{}",
        r#"{"trust_domains":[]}"#,
        r#"{"trust_domains":{"A":{"keys":[]}}}"#,
        r#"{"trust_domains":{"a":7}}"#,
    ] {
        assert_eq!(parse_bundle_map(bad.as_bytes()), Err(KeySetError::NoMap), "{bad}");
    }
}

#[test]
fn spiffe_059_without_a_hint_a_bundle_is_fetched_every_five_minutes() {
    assert_eq!(poll_interval(None), Lifetime::minutes(5));
    assert_eq!(poll_interval(Some(Lifetime::minutes(1))), Lifetime::minutes(1));
    assert_eq!(
        poll_interval(Some(Lifetime::ZERO)),
        Lifetime::seconds(1),
        "a hint of nothing is no flood"
    );
}

#[test]
fn key_members_come_back_for_every_sort_of_key() {
    for kind in ["P-256", "P-384", "P-521", "RSA", "Ed25519"] {
        let key = Foreign::new(kind).public;
        let set =
            KeySet { jwt: vec![JwtAuthority { kid: "k".to_owned(), key }], ..KeySet::default() };
        assert_eq!(parsed(&print_bundle(&set)), Ok(set), "{kind}");
    }
}

/// A key that OpenSSL made.
struct Foreign {
    pem: Vec<u8>,
    public: PublicKey,
}

impl Foreign {
    fn new(kind: &str) -> Self {
        let pem = match kind {
            "RSA" => openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
            "Ed25519" => openssl(&["genpkey", "-algorithm", "ED25519"]),
            curve => openssl(&[
                "genpkey",
                "-algorithm",
                "EC",
                "-pkeyopt",
                &format!("ec_paramgen_curve:{curve}"),
            ]),
        };
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("k");
        std::fs::write(&path, &pem).unwrap();
        let spki = openssl(&["pkey", "-pubout", "-outform", "DER", "-in", path.to_str().unwrap()]);
        Self { pem, public: PublicKey::from_spki_der(&spki).unwrap() }
    }

    fn token(&self, algorithm: jsonwebtoken::Algorithm) -> String {
        let mut header = jsonwebtoken::Header::new(algorithm);
        header.kid = Some("k".to_owned());
        let key = match self.public.kind() {
            KeyKind::Rsa(_) => jsonwebtoken::EncodingKey::from_rsa_pem(&self.pem),
            _ => jsonwebtoken::EncodingKey::from_ec_pem(&self.pem),
        };
        jsonwebtoken::encode(&header, &good_claims(), &key.unwrap()).unwrap()
    }
}

/// r and s of a DER signature, each padded to `length`.
fn side_by_side(der: &[u8], length: usize) -> Vec<u8> {
    let at = if der[1] & 0x80 == 0 { 2 } else { 3 };
    let take = |at: usize| (at + 2, usize::from(der[at + 1]));
    let (r_at, r_length) = take(at);
    let (s_at, s_length) = take(r_at + r_length);
    let padded = |from: usize, count: usize| {
        let number: Vec<u8> =
            der[from..from + count].iter().copied().skip_while(|byte| *byte == 0).collect();
        [vec![0; length - number.len()], number].concat()
    };
    [padded(r_at, r_length), padded(s_at, s_length)].concat()
}

fn openssl(arguments: &[&str]) -> Vec<u8> {
    let output = std::process::Command::new("openssl").args(arguments).output();
    let output = output.expect("openssl is installed by `make packages`");
    assert!(
        output.status.success(),
        "openssl {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}
