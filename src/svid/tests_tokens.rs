//! Tokens of the OpenID provider: what must never be taken for one, then what one says.

use std::collections::BTreeSet;

use serde_json::{Map, json};

use super::*;
use crate::authority::OidcKeySet;
use crate::crypto::digest::{base64url, sha256};
use crate::crypto::jose::{JoseError, JwsAlgorithm, TokenSigner};
use crate::crypto::keys::Signer;
use crate::kernel::{ClientId, GrantId, Secret};
use crate::svid::tokens::{GrantKind, IssueTokens, TokenDraft, TokenKind, Tokens};
use crate::svid::verify_token::{Expiry, TokenError};

const BOTH: [JwsAlgorithm; 2] = [JwsAlgorithm::Es256, JwsAlgorithm::Rs256];

pub(super) async fn provider(database: &TestDatabase) -> KeysReplica {
    let replica = KeysReplica::started(database).await;
    replica.authority.rotate_oidc(REALM).await.unwrap();
    replica
}

pub(super) fn draft(kind: TokenKind, algorithm: JwsAlgorithm, audience: &[&str]) -> TokenDraft {
    TokenDraft {
        kind,
        algorithm,
        audience: audience.iter().map(|one| (*one).to_owned()).collect(),
        lifetime: Lifetime::minutes(5),
        claims: Map::new(),
    }
}

/// What a person who signed in has a client given.
pub(super) fn asked(tokens: Vec<TokenDraft>) -> IssueTokens {
    let person = subject(SubjectKind::User, "spiffe://weft.test/user/ann", 7);
    IssueTokens {
        realm: REALM,
        evidence: evidence(person, EvidenceSource::Session, Timestamp::FOREVER),
        standing: Standing::unknown(),
        subject: "usr_00000000000000000000000000000007".to_owned(),
        client: ClientId::parse("app").unwrap(),
        grant: GrantId::new(uuid::Uuid::from_u128(9)),
        kind: GrantKind::AuthorizationCode,
        administration: false,
        scopes: vec!["openid".to_owned(), "mail".to_owned()],
        tokens,
    }
}

pub(super) async fn issued(replica: &KeysReplica, issue: IssueTokens) -> Result<Tokens, Error> {
    let permit = replica.access.permit(issue).unwrap();
    let signed = replica.svid.sign_tokens(permit, replica.clock_now())?;
    Ok(replica.events.record(signed).await.unwrap())
}

async fn token(replica: &KeysReplica, kind: TokenKind, algorithm: JwsAlgorithm) -> String {
    let issue = asked(vec![draft(kind, algorithm, &["app"])]);
    issued(replica, issue).await.unwrap().0[0].text.expose().clone()
}

fn shown(
    replica: &KeysReplica,
    token: &str,
    kind: TokenKind,
) -> Result<Arc<VerifiedToken>, TokenError> {
    replica.svid.verify_token(REALM, token, kind, (replica.clock_now(), Expiry::Strict))
}

fn claims_of(token: &str) -> Map<String, Value> {
    Unverified::parse(token).unwrap().unverified_claims().clone()
}

fn keys_of(replica: &KeysReplica) -> Arc<OidcKeySet> {
    replica.authority.oidc_key_set(REALM).unwrap()
}

// --- what must not be

#[tokio::test]
async fn no_token_is_taken_for_one_of_another_kind() {
    on_each_database(async |database| {
        let replica = provider(database).await;
        let now = replica.clock_now();
        let (mut places, mut accepted) = (0, 0);
        for algorithm in BOTH {
            for made in TokenKind::ALL {
                let token = token(&replica, made, algorithm).await;
                for place in TokenKind::ALL {
                    // Twice: the memory of tokens must not change the answer.
                    for _ in 0..2 {
                        let found = shown(&replica, &token, place);
                        assert_eq!(found.is_ok(), made == place, "{made} as {place}: {found:?}");
                        places += 1;
                        accepted += usize::from(found.is_ok() && made != place);
                    }
                }
                assert!(replica.bundles.verify_jwt_svid(REALM, &token, "app", now).is_err());
            }
        }
        // A workload chooses the audience of its JWT-SVID, and so could choose a client's.
        let svid = jwt(&replica, token_for("spiffe://weft.test/web", &["app"])).await.unwrap();
        for place in TokenKind::ALL {
            let found = shown(&replica, &svid.token, place);
            assert!(found.is_err(), "{place}: {found:?}");
            places += 1;
        }
        assert_eq!((places, accepted), (39, 0));
    })
    .await;
}

#[tokio::test]
async fn oidc_006_no_key_of_one_purpose_is_published_or_used_for_another() {
    on_each_database(async |database| {
        let replica = provider(database).await;
        let oidc: BTreeSet<String> = keys_of(&replica).kids().map(str::to_owned).collect();
        let bundle = replica.bundles.current(REALM).unwrap();
        let svid: BTreeSet<String> = bundle.jwt.iter().map(|key| key.kid.clone()).collect();
        assert_eq!((oidc.len(), svid.len(), bundle.x509.len()), (2, 1, 1));
        assert!(oidc.is_disjoint(&svid));
        let document: Value = serde_json::from_str(keys_of(&replica).document()).unwrap();
        let spiffe = crate::crypto::jose::print_bundle(&bundle.key_set()).to_string();
        let published = document["keys"].as_array().unwrap();
        for key in published {
            assert!(!spiffe.contains(key["kid"].as_str().unwrap()));
            for number in ["x", "n"].iter().filter_map(|name| key[*name].as_str()) {
                assert!(!spiffe.contains(number), "its key is in the bundle");
            }
        }
        // Unique kid, use and alg set, nothing private, RSA of 2048 bits.
        let private = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
        for key in published {
            assert_eq!(key["use"], "sig");
            assert!(private.iter().all(|name| key.get(*name).is_none()), "{key}");
            match key["alg"].as_str().unwrap() {
                "ES256" => assert_eq!((&key["kty"], &key["crv"]), (&json!("EC"), &json!("P-256"))),
                "RS256" => {
                    let modulus = key["n"].as_str().unwrap();
                    let bits = crate::crypto::digest::from_base64url(modulus).unwrap().len() * 8;
                    assert_eq!(
                        (&key["kty"], &key["e"], bits),
                        (&json!("RSA"), &json!("AQAB"), 2048)
                    );
                }
                other => panic!("{other}"),
            }
        }
    })
    .await;
}

/// A token made by hand: this header, these claims, and this signature over them.
fn forged(header: &Value, claims: &Map<String, Value>, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let claims = Value::Object(claims.clone()).to_string();
    let signed =
        format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(claims.as_bytes()));
    let signature = sign(signed.as_bytes());
    format!("{signed}.{}", base64url(&signature))
}

#[tokio::test]
async fn a_token_with_another_algorithm_key_or_header_is_no_token_of_ours() {
    let database = TestDatabase::new(engines()[0]).await;
    let replica = provider(&database).await;
    let mine = |algorithm| replica.authority.active_oidc(REALM, algorithm).unwrap();
    let (es, rs) = (mine(JwsAlgorithm::Es256), mine(JwsAlgorithm::Rs256));
    let claims = claims_of(&token(&replica, TokenKind::Access, JwsAlgorithm::Es256).await);
    let stranger = PrivateKey::generate(Algorithm::P256).unwrap();
    let strange = |signed: &[u8]| stranger.sign_fixed(signed).unwrap();
    // HMAC with what everybody knows: the public key.
    let spki = rs.access_tokens.public_key().spki().to_vec();
    let hmac = |signed: &[u8]| hmac_sha256(&spki, signed);
    let es_kid = es.access_tokens.kid();
    let rs_kid = rs.access_tokens.kid();
    let jwk = crate::crypto::jose::key_members(stranger.public());
    let svid_kid = replica.bundles.current(REALM).unwrap().jwt[0].kid.clone();
    let header = |alg: &str, kid: &str| json!({"alg": alg, "kid": kid, "typ": "at+jwt"});
    let with = |name: &str, value: Value| {
        let mut header = header("ES256", es_kid);
        header[name] = value;
        header
    };
    let none = |_: &[u8]| Vec::new();
    let attempts: Vec<(&str, String)> = vec![
        ("none", forged(&header("none", es_kid), &claims, none)),
        ("None", forged(&header("None", es_kid), &claims, none)),
        ("no algorithm", forged(&json!({"kid": es_kid, "typ": "at+jwt"}), &claims, strange)),
        ("no signature", forged(&header("ES256", es_kid), &claims, none)),
        ("HS256 with the public key", forged(&header("HS256", rs_kid), &claims, hmac)),
        ("HMAC called RS256", forged(&header("RS256", rs_kid), &claims, hmac)),
        ("RS256 by the EC key", forged(&header("RS256", es_kid), &claims, strange)),
        ("ES256 by the RSA key's name", forged(&header("ES256", rs_kid), &claims, strange)),
        ("ES384", forged(&header("ES384", es_kid), &claims, strange)),
        ("PS256 of the RSA key", forged(&header("PS256", rs_kid), &claims, strange)),
        ("a stranger's key", forged(&header("ES256", es_kid), &claims, strange)),
        ("an unknown key", forged(&header("ES256", "stranger"), &claims, strange)),
        ("a key of SVIDs", forged(&header("ES256", &svid_kid), &claims, strange)),
        ("no kid", forged(&json!({"alg": "ES256", "typ": "at+jwt"}), &claims, strange)),
        ("no type", forged(&json!({"alg": "ES256", "kid": es_kid}), &claims, strange)),
        ("jwk", forged(&with("jwk", Value::Object(jwk)), &claims, strange)),
        ("jku", forged(&with("jku", json!("https://evil.test/jwks")), &claims, strange)),
        ("x5u", forged(&with("x5u", json!("https://evil.test/x5u")), &claims, strange)),
        ("x5c", forged(&with("x5c", json!(["MII"])), &claims, strange)),
        ("crit", forged(&with("crit", json!(["b64"])), &claims, strange)),
        ("b64", forged(&with("b64", json!(false)), &claims, strange)),
        ("zip", forged(&with("zip", json!("DEF")), &claims, strange)),
        ("typ in capitals", forged(&with("typ", json!("AT+JWT")), &claims, strange)),
        ("five parts", "a.b.c.d.e".to_owned()),
        ("JSON", json!({"payload": "", "signatures": []}).to_string()),
        ("empty", String::new()),
        ("too long", "a".repeat(64 * 1024)),
    ];
    for (what, token) in &attempts {
        let found = shown(&replica, token, TokenKind::Access);
        assert!(found.is_err(), "{what}: {found:?}");
    }
    println!("proof: forged OpenID tokens {}, accepted 0", attempts.len());
}

/// RFC 2104, written out: nothing of ours makes one.
fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    block[..32].copy_from_slice(&sha256(key));
    let pad = |byte: u8| block.map(|b| b ^ byte).to_vec();
    let inner = sha256(&[pad(0x36).as_slice(), message].concat());
    sha256(&[pad(0x5c).as_slice(), &inner].concat()).to_vec()
}

#[tokio::test]
async fn a_token_by_our_own_key_that_says_something_else_is_refused() {
    let database = TestDatabase::new(engines()[0]).await;
    let replica = provider(&database).await;
    let authority = replica.authority.active_oidc(REALM, JwsAlgorithm::Es256).unwrap();
    let claims = claims_of(&token(&replica, TokenKind::Access, JwsAlgorithm::Es256).await);
    let now = replica.clock_now().seconds();
    let check = |what: &str, change: &dyn Fn(&mut Map<String, Value>), wanted: &TokenError| {
        let mut claims = claims.clone();
        change(&mut claims);
        let token = authority.access_tokens.sign(&Value::Object(claims).to_string()).unwrap();
        let found = shown(&replica, &token, TokenKind::Access);
        assert_eq!(found.as_ref().err(), Some(wanted), "{what}");
    };
    let set = |name: &'static str, value: Value| {
        move |claims: &mut Map<String, Value>| drop(claims.insert(name.to_owned(), value.clone()))
    };
    check("another issuer", &set("iss", json!("https://evil.test")), &TokenError::Issuer);
    check(
        "the issuer of JWT-SVIDs",
        &set("iss", json!("https://weft.test/spiffe")),
        &TokenError::Issuer,
    );
    check("a slash more", &set("iss", json!("https://weft.test/")), &TokenError::Issuer);
    let ended = TokenError::Expired { ago: Lifetime::seconds(0) };
    check("ends now", &set("exp", json!(now)), &ended);
    let left = Lifetime::seconds(61);
    check("begins later", &set("iat", json!(now + 61)), &TokenError::NotYetValid { left });
    for name in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope", "grant"] {
        let remove = move |claims: &mut Map<String, Value>| drop(claims.remove(name));
        check(name, &remove, &TokenError::Claim(name));
        check(name, &set(name, json!({"a": 1})), &TokenError::Claim(name));
    }
    check("no audience", &set("aud", json!([])), &TokenError::Claim("aud"));
}

#[tokio::test]
async fn a_token_of_another_realm_is_refused() {
    let (one, two) = (TestDatabase::new(engines()[0]).await, TestDatabase::new(engines()[0]).await);
    let (ours, theirs) = (provider(&one).await, provider(&two).await);
    let token = token(&theirs, TokenKind::Access, JwsAlgorithm::Es256).await;
    assert!(matches!(shown(&ours, &token, TokenKind::Access), Err(TokenError::UnknownKey(_))));
    let now = theirs.clock_now();
    let unknown = RealmId(77);
    let place = (now, Expiry::Strict);
    assert!(theirs.svid.verify_token(unknown, &token, TokenKind::Access, place).is_err());
}

#[tokio::test]
async fn a_token_that_was_seen_before_still_ends_and_still_falls_with_its_key() {
    let database = TestDatabase::new(engines()[0]).await;
    let replica = provider(&database).await;
    let token = token(&replica, TokenKind::Access, JwsAlgorithm::Es256).await;
    assert!(shown(&replica, &token, TokenKind::Access).is_ok());
    let (id, place) = (TokenKind::Access, replica.clock_now());
    replica.clock.advance(Lifetime::minutes(5));
    assert!(matches!(shown(&replica, &token, id), Err(TokenError::Expired { .. })));
    assert!(replica.svid.verify_token(REALM, &token, id, (place, Expiry::Ignored)).is_ok());
    // The key is taken away: prepared, activated, tainted, revoked.
    let root = || Administrator { realm: REALM, asker: KeysReplica::root() };
    let old = replica.authority.active_oidc(REALM, JwsAlgorithm::Es256).unwrap().id;
    let next = replica.authority.prepare(root(), line(Purpose::Oidc)).await.unwrap();
    replica.load().await;
    replica.authority.activate(root(), next.id, true).await.unwrap();
    replica.load().await;
    assert!(replica.svid.verify_token(REALM, &token, id, (place, Expiry::Strict)).is_ok());
    replica.authority.taint(root(), old).await.unwrap();
    replica.authority.revoke(root(), old).await.unwrap();
    replica.load().await;
    let found = replica.svid.verify_token(REALM, &token, id, (place, Expiry::Ignored));
    assert!(matches!(found, Err(TokenError::UnknownKey(_))), "{found:?}");
}

#[tokio::test]
async fn drafts_that_say_what_the_desk_says_are_never_signed() {
    let database = TestDatabase::new(engines()[0]).await;
    let replica = provider(&database).await;
    let es = JwsAlgorithm::Es256;
    let saying = |kind, name: &str| {
        let mut draft = draft(kind, es, &["app"]);
        draft.claims.insert(name.to_owned(), json!("x"));
        draft
    };
    for name in ["iss", "sub", "aud", "iat", "exp", "nbf", "jti", "at_hash", "client_id", "grant"] {
        let found = issued(&replica, asked(vec![saying(TokenKind::Id, name)])).await;
        assert!(matches!(found, Err(Error::Draft(_))), "{name}: {found:?}");
    }
    let nonce = issued(&replica, asked(vec![saying(TokenKind::Logout, "nonce")])).await;
    assert!(matches!(nonce, Err(Error::Draft(_))), "{nonce:?}");
    let twice = vec![draft(TokenKind::Id, es, &["a"]), draft(TokenKind::Id, es, &["a"])];
    assert!(matches!(issued(&replica, asked(twice)).await, Err(Error::Draft(_))));
    assert!(matches!(issued(&replica, asked(Vec::new())).await, Err(Error::Draft(_))));
    let nobody = draft(TokenKind::Id, es, &[]);
    assert!(matches!(issued(&replica, asked(vec![nobody])).await, Err(Error::Audience)));
    let unknown = draft(TokenKind::Id, JwsAlgorithm::Ps256, &["app"]);
    assert!(matches!(issued(&replica, asked(vec![unknown])).await, Err(Error::NoAuthority)));
}

#[tokio::test]
async fn only_a_person_who_signed_in_or_a_client_for_itself_has_tokens_given() {
    use EvidenceSource as From;
    use GrantKind as As;
    use SubjectKind as Who;
    let database = TestDatabase::new(engines()[0]).await;
    let replica = provider(&database).await;
    let drafts = || vec![draft(TokenKind::Access, JwsAlgorithm::Es256, &["api"])];
    let by = |kind, source, grant| {
        let mut issue = asked(drafts());
        let path = if kind == SubjectKind::Client { "client/app" } else { "user/ann" };
        let who = subject(kind, &format!("spiffe://weft.test/{path}"), 7);
        (issue.evidence, issue.kind) = (evidence(who, source, Timestamp::FOREVER), grant);
        replica.access.permit(issue)
    };
    for (who, source, grant, permitted) in [
        (Who::User, From::Session, As::AuthorizationCode, true),
        (Who::User, From::Token, As::RefreshToken, true),
        (Who::User, From::ClientAuthentication, As::AuthorizationCode, false),
        (Who::User, From::Possession, As::AuthorizationCode, false),
        (Who::Client, From::ClientAuthentication, As::ClientCredentials, true),
        (Who::Client, From::ClientAuthentication, As::RefreshToken, false),
        (Who::Client, From::Session, As::ClientCredentials, false),
        (Who::Workload, From::WorkloadAttestation, As::ClientCredentials, false),
        (Who::Node, From::Possession, As::ClientCredentials, false),
    ] {
        let found = by(who, source, grant);
        assert_eq!(found.is_ok(), permitted, "{who:?} {source:?} {grant:?}: {found:?}");
    }
}

// --- what one says

#[tokio::test]
async fn oidc_036_a_token_says_who_to_whom_and_until_when() {
    on_each_database(async |database| {
        let replica = provider(database).await;
        let now = replica.clock_now();
        for algorithm in BOTH {
            let mut id = draft(TokenKind::Id, algorithm, &["app"]);
            id.claims.insert("nonce".to_owned(), json!("n-0S6"));
            let access =
                draft(TokenKind::Access, algorithm, &["https://api.test", "https://b.test"]);
            // The order in which they are asked for is the order in which they come.
            let tokens = issued(&replica, asked(vec![id, access])).await.unwrap();
            let kinds: Vec<TokenKind> = tokens.0.iter().map(|token| token.kind).collect();
            assert_eq!(kinds, [TokenKind::Id, TokenKind::Access]);
            let [id, access] = [TokenKind::Id, TokenKind::Access]
                .map(|kind| tokens.get(kind).unwrap().text.expose().clone());
            let parsed = Unverified::parse(&id).unwrap();
            assert_eq!((parsed.algorithm(), parsed.typ()), (algorithm, Some("JWT")));
            let claims = claims_of(&id);
            assert_eq!(claims["iss"], "https://weft.test");
            assert_eq!(claims["sub"], "usr_00000000000000000000000000000007");
            assert_eq!(claims["aud"], "app", "one audience is a text");
            assert_eq!(claims["iat"], now.seconds());
            assert_eq!(claims["exp"], now.seconds() + 300);
            assert_eq!(claims["nonce"], "n-0S6");
            let half = sha256(access.as_bytes())[..16].to_vec();
            assert_eq!(claims["at_hash"], base64url(&half));
            assert!(!claims.contains_key("azp"));

            let parsed = Unverified::parse(&access).unwrap();
            assert_eq!(parsed.typ(), Some("at+jwt"), "RFC 9068");
            let said = shown(&replica, &access, TokenKind::Access).unwrap();
            assert_eq!(said.audience, ["https://api.test", "https://b.test"]);
            assert_eq!(said.client.as_ref().map(ClientId::as_str), Some("app"));
            assert_eq!(said.grant, Some(GrantId::new(uuid::Uuid::from_u128(9))));
            assert_eq!(said.scopes, ["openid", "mail"]);
            assert_eq!((said.issued_at, said.expires_at), (now, now.plus(Lifetime::minutes(5))));
            assert_ne!(claims["jti"], said.claims["jti"]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_token_lives_as_long_as_policy_sign_in_and_kind_allow() {
    let database = TestDatabase::new(engines()[0]).await;
    let replica = provider(&database).await;
    let now = replica.clock_now();
    let life = async |change: fn(&mut IssueTokens, Timestamp)| {
        let mut draft = draft(TokenKind::Access, JwsAlgorithm::Es256, &["api"]);
        draft.lifetime = Lifetime::days(1);
        let mut issue = asked(vec![draft]);
        change(&mut issue, now);
        let tokens = issued(&replica, issue).await.unwrap();
        tokens.0[0].expires_at.since(now).as_seconds()
    };
    assert_eq!(life(|_, _| {}).await, 3600);
    assert_eq!(life(|issue, _| issue.administration = true).await, 300);
    assert_eq!(life(|issue, _| issue.kind = GrantKind::Logout).await, 120, "item 49");
    let ends = |issue: &mut IssueTokens, now: Timestamp| {
        issue.evidence.expires = now.plus(Lifetime::seconds(42));
    };
    assert_eq!(life(ends).await, 42, "with the session");
}

#[tokio::test]
async fn a_token_is_verified_once_and_remembered() {
    let database = TestDatabase::new(engines()[0]).await;
    let replica = provider(&database).await;
    let token = token(&replica, TokenKind::Access, JwsAlgorithm::Rs256).await;
    let first = shown(&replica, &token, TokenKind::Access).unwrap();
    let again = shown(&replica, &token, TokenKind::Access).unwrap();
    assert!(Arc::ptr_eq(&first, &again));
}

#[tokio::test]
async fn a_person_gets_an_svid_for_itself_and_for_nobody_else() {
    let database = TestDatabase::new(engines()[0]).await;
    let replica = KeysReplica::started(&database).await;
    let now = replica.clock_now();
    let for_person = |path: &str, requester: &str, source, expires| {
        let about = subject(SubjectKind::User, &format!("spiffe://weft.test/{path}"), 7);
        let who = subject(SubjectKind::User, &format!("spiffe://weft.test/{requester}"), 7);
        IssueX509 {
            evidence: evidence(about, source, expires),
            lifetime: Lifetime::days(7),
            entry: None,
            requester: Some(who),
            ..workload("spiffe://weft.test/web")
        }
    };
    let session = EvidenceSource::Session;
    let forever = Timestamp::FOREVER;
    let (svid, _) =
        x509(&replica, for_person("user/ann", "user/ann", session, forever)).await.unwrap();
    assert_eq!(svid.not_after, now.plus(Lifetime::hours(8)), "a working day at most");
    let ends = now.plus(Lifetime::minutes(10));
    let issue = for_person("user/ann", "user/ann", EvidenceSource::Token, ends);
    assert_eq!(x509(&replica, issue).await.unwrap().0.not_after, ends, "with the sign-in");
    for refused in [
        for_person("user/bob", "user/ann", session, forever),
        for_person("user/ann", "user/ann", EvidenceSource::ClientAuthentication, forever),
        for_person("user/ann", "user/ann", EvidenceSource::WorkloadAttestation, forever),
    ] {
        assert!(replica.access.permit(refused).is_err());
    }
    let issue = for_person("user/ann", "user/ann", session, forever);
    let stranger = IssueX509 { requester: None, ..issue };
    assert!(replica.access.permit(stranger).is_err());
}

/// Header parameters of ours are three; a forger's private key in the memory of a signer does not make it ours.
#[tokio::test]
async fn a_signer_of_a_stranger_with_our_key_name_makes_nothing() {
    let database = TestDatabase::new(engines()[0]).await;
    let replica = provider(&database).await;
    let kid = keys_of(&replica).kids().next().unwrap().to_owned();
    let key: Arc<dyn Signer> = Arc::new(PrivateKey::generate(Algorithm::P256).unwrap());
    let claims = claims_of(&token(&replica, TokenKind::Id, JwsAlgorithm::Es256).await);
    let token =
        TokenSigner::new(key, &kid, "JWT").sign(&Value::Object(claims).to_string()).unwrap();
    let refused = shown(&replica, &token, TokenKind::Id).unwrap_err();
    assert!(matches!(refused, TokenError::Token(JoseError::Signature) | TokenError::Algorithm));
}

#[test]
fn an_rsa_key_of_another_size_or_sort_is_not_ours() {
    let p256 = PrivateKey::generate(Algorithm::P256).unwrap().to_pkcs8().unwrap();
    let rsa = PrivateKey::generate(Algorithm::Rsa2048).unwrap();
    let pkcs8 = rsa.to_pkcs8().unwrap();
    assert!(PrivateKey::from_pkcs8(&pkcs8).is_err(), "P-256 is asked for");
    assert!(PrivateKey::from_pkcs8_of(Algorithm::Rsa2048, &p256).is_err());
    assert!(PrivateKey::from_pkcs8_of(Algorithm::P256, &pkcs8).is_err());
    let again = PrivateKey::from_pkcs8_of(Algorithm::Rsa2048, &pkcs8).unwrap();
    assert_eq!((again.public(), again.algorithm()), (rsa.public(), Algorithm::Rsa2048));
    let signature = again.sign_fixed(b"m").unwrap();
    assert!(rsa.public().verify(crate::crypto::keys::Scheme::RsaPkcs1Sha256, b"m", &signature));
    assert!(PrivateKey::from_pkcs8_of(Algorithm::Rsa2048, &Secret::new(vec![0; 9])).is_err());
}
