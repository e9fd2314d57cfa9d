//! Authorization requests, read and judged: what is answered, where to, and what is nothing to us.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use crate::kernel::{
    Assurance, ClientId, Lifetime, Method, RealmId, SessionId, SubjectId, Timestamp, UserId,
};
use crate::oauth::authorization_request::{AuthorizationRequest, Refusal};
use crate::oauth::check_client::{Draft, check};
use crate::oauth::judge_session::{Before, Verdict, acr, judge};
use crate::oauth::parameters::Parameters;
use crate::oauth::{Client, Profile, Resource, Rule, SharedClient};
use crate::sessions::Session;

const ISSUER: &str = "https://weft.test";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn client(id: &str, profile: Profile) -> SharedClient {
    let redirect_uris = match profile {
        Profile::Machine => Vec::new(),
        _ => vec!["https://shop.test/cb".to_owned(), "https://shop.test/cb?a=b".to_owned()],
    };
    let read = BTreeSet::from(["read".to_owned()]);
    let terms = check(Draft {
        name: "Shop".to_owned(),
        profile,
        auth_method: None,
        id_token_algorithm: None,
        access_token_algorithm: None,
        redirect_uris,
        post_logout_redirect_uris: Vec::new(),
        backchannel_logout_uri: None,
        scopes: None,
        resources: vec![Resource { uri: "https://api.test".to_owned(), scopes: read }],
        administration: false,
        upstreams: None,
        consent: None,
        rotates_refresh_tokens: None,
        relaxed: BTreeMap::new(),
        enabled: true,
    })
    .unwrap();
    Arc::new(Client {
        id: ClientId::parse(id).unwrap(),
        number: SubjectId::new(Uuid::from_u128(1)),
        terms,
        secret: None,
        next_secret: None,
        created_at: Timestamp::EPOCH,
        updated_at: Timestamp::EPOCH,
        revision: 1,
    })
}

fn find(id: &ClientId) -> Option<SharedClient> {
    match id.as_str() {
        "shop" => Some(client("shop", Profile::Web)),
        "spa" => Some(client("spa", Profile::Spa)),
        "job" => Some(client("job", Profile::Machine)),
        _ => None,
    }
}

fn parse(query: &str) -> Result<AuthorizationRequest, Refusal> {
    AuthorizationRequest::parse(&Parameters::of(query.as_bytes()), ISSUER, find)
}

/// A request of `shop` with these parameters in place of the usual ones.
fn with(parameters: &[(&str, &str)]) -> String {
    let usual = [
        ("client_id", "shop"),
        ("redirect_uri", "https://shop.test/cb"),
        ("response_type", "code"),
        ("scope", "openid profile"),
        ("state", "s"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let said = |name: &str| parameters.iter().any(|(other, _)| *other == name);
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(usual.iter().filter(|(name, _)| !said(name)));
    query.extend_pairs(parameters.iter().filter(|(_, value)| !value.is_empty()));
    query.finish()
}

fn page(query: &str) {
    match parse(query) {
        Err(Refusal::Page(_)) => {}
        other => panic!("{query}: {other:?}"),
    }
}

fn redirected(parameters: &[(&str, &str)], code: &str) {
    match parse(&with(parameters)) {
        Err(Refusal::Redirect(back, error)) => {
            assert_eq!(error.code.as_str(), code, "{parameters:?}: {error}");
            assert_eq!(back.redirect_uri, "https://shop.test/cb", "{parameters:?}");
            assert_eq!(back.state.as_deref(), Some("s"), "{parameters:?}");
        }
        other => panic!("{parameters:?}: {other:?}"),
    }
}

#[test]
fn oidc_010_unknown_parameters_and_any_order_are_nothing_to_us() {
    let request =
        parse(&with(&[("foo", "bar"), ("foo", "baz"), ("scope", "profile openid")])).unwrap();
    assert_eq!(request.scopes, BTreeSet::from(["openid".to_owned(), "profile".to_owned()]));
    assert!(parse(&with(&[("scope", "openid email never-heard-of")])).unwrap().scopes.len() == 2);
}

#[test]
fn oidc_012_without_a_registered_address_nobody_is_redirected() {
    page(&with(&[("client_id", "")]));
    page(&with(&[("client_id", "ghost")]));
    page(&with(&[("redirect_uri", "")]));
    page(&with(&[("client_id", "shop"), ("client_id", "shop")]));
    for uri in [
        "https://shop.test/cb/",
        "https://shop.test/CB",
        "https://shop.test/cb?",
        "https://shop.test/cb?a=b&c=d",
        "https://shop.test:443/cb",
        "https://shop.test@evil.test/cb",
        "https://evil.test/cb",
        "https://shop.test/cb#x",
    ] {
        page(&with(&[("redirect_uri", uri)]));
    }
    page(&format!("{}&redirect_uri=https%3A%2F%2Fevil.test", with(&[])));
    page(&with(&[("client_id", "job")]));
}

#[test]
fn oidc_011_a_request_without_response_type_or_with_another_is_refused() {
    redirected(&[("response_type", "")], "invalid_request");
    for other in ["token", "id_token", "code id_token", "none", "CODE"] {
        redirected(&[("response_type", other)], "unsupported_response_type");
    }
    redirected(&[("response_mode", "fragment")], "invalid_request");
    assert!(parse(&with(&[("response_mode", "query")])).is_ok());
}

#[test]
fn oidc_014_hints_and_wishes_never_cause_an_error() {
    for wish in [
        ("display", "popup"),
        ("display", "never-heard-of"),
        ("ui_locales", "fr-CA x-y-z"),
        ("claims_locales", "se"),
        ("acr_values", "1 2 urn:x"),
        ("login_hint", "ann@weft.test"),
    ] {
        assert!(parse(&with(&[wish])).is_ok(), "{wish:?}");
    }
    let long = "x".repeat(5000);
    assert_eq!(parse(&with(&[("login_hint", &long)])).unwrap().login_hint, None);
}

#[test]
fn oidc_021_request_objects_are_refused_by_name() {
    redirected(&[("request", "eyJhbGciOiJub25lIn0.e30.")], "request_not_supported");
    redirected(&[("request_uri", "https://shop.test/r")], "request_uri_not_supported");
    redirected(&[("registration", "{}")], "registration_not_supported");
}

#[test]
fn oidc_024_prompt_none_stands_alone() {
    for prompt in ["none login", "login none", "none consent", "consent select_account none"] {
        redirected(&[("prompt", prompt)], "invalid_request");
    }
    redirected(&[("prompt", "dance")], "invalid_request");
    let prompt = parse(&with(&[("prompt", "login consent")])).unwrap().prompt;
    assert!(prompt.login && prompt.consent && !prompt.none);
}

#[test]
fn oidc_027_a_parameter_stands_once_and_resource_as_often_as_it_likes() {
    for name in ["scope", "nonce", "prompt", "max_age", "response_type", "claims", "acr_values"] {
        let usual = if name == "response_type" { "code" } else { "1" };
        redirected(&[(name, usual), (name, usual)], "invalid_request");
    }
    let both = [("resource", "https://api.test"), ("resource", ISSUER)];
    assert_eq!(parse(&with(&both)).unwrap().resources, ["https://api.test", ISSUER]);
    match parse(&with(&[("state", "a"), ("state", "b")])) {
        Err(Refusal::Redirect(back, error)) => {
            assert_eq!((back.state, error.code.as_str()), (None, "invalid_request"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn oidc_080_a_resource_that_is_not_the_clients_is_refused() {
    for other in [
        "https://api.test/",
        "https://API.test",
        "https://other.test",
        "api",
        "https://weft.test/api",
    ] {
        redirected(&[("resource", "https://api.test"), ("resource", other)], "invalid_target");
    }
}

#[test]
fn oidc_030_a_challenge_is_by_s256_and_every_application_sends_one() {
    let sent =
        |challenge, method| [("code_challenge", challenge), ("code_challenge_method", method)];
    let none = sent("", "");
    for bad in [
        none,
        sent(CHALLENGE, ""),
        sent(CHALLENGE, "plain"),
        sent("", "S256"),
        sent("short", "S256"),
    ] {
        redirected(&bad, "invalid_request");
        let of_a_page = [&bad[..], &[("client_id", "spa")]].concat();
        redirected(&of_a_page, "invalid_request");
    }
    let good = parse(&with(&sent(CHALLENGE, "S256"))).unwrap();
    assert_eq!(good.challenge.as_deref(), Some(CHALLENGE), "oidc_022: for confidential ones too");
    // The one that was excused, with a reason, need not.
    let find = |id: &ClientId| {
        let mut shop = client(id.as_str(), Profile::Web);
        Arc::make_mut(&mut shop).terms.relaxed.insert(Rule::Pkce, "an old library".to_owned());
        Some(shop)
    };
    let parameters = Parameters::of(with(&none).as_bytes());
    let excused = AuthorizationRequest::parse(&parameters, ISSUER, find).unwrap();
    assert_eq!(excused.challenge, None);
}

#[test]
fn oidc_025_a_state_of_8_kilobytes_survives_and_a_longer_one_is_refused_cleanly() {
    let state = "s".repeat(8 * 1024);
    assert_eq!(parse(&with(&[("state", &state)])).unwrap().back.state, Some(state.clone()));
    page(&with(&[("state", &(state + "s"))]));
    assert_eq!(parse(&with(&[("state", "")])).unwrap().back.state, None);
}

#[test]
fn numbers_and_lists_are_read_strictly() {
    for bad in ["-1", "1.5", "x", "+1", "99999999999999999999"] {
        redirected(&[("max_age", bad)], "invalid_request");
    }
    assert_eq!(parse(&with(&[("max_age", "0")])).unwrap().max_age, Some(Lifetime::ZERO));
    redirected(&[("claims", "{")], "invalid_request");
    redirected(&[("scope", "never-heard-of")], "invalid_scope");
    redirected(&[("nonce", &"n".repeat(3000))], "invalid_request");
    assert!(!parse(&with(&[("scope", "read")])).unwrap().is_openid(), "a scope of its resource");
}

// --- the session

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1000 + seconds)
}

fn session(signed_in: i64, assurance: Assurance) -> Session {
    Session {
        id: SessionId::new(Uuid::from_u128(9)),
        realm: RealmId::FIRST,
        user: user(),
        number: SubjectId::new(Uuid::from_u128(2)),
        assurance,
        methods: BTreeSet::from([Method::Password]),
        upstream: None,
        device: None,
        address: "192.0.2.1".to_owned(),
        agent: String::new(),
        created_at: at(0),
        signed_in_at: at(signed_in),
        used_at: at(signed_in),
        idle_at: at(100_000),
        expires_at: at(100_000),
    }
}

fn user() -> UserId {
    UserId::new(Uuid::from_u128(3))
}

#[test]
fn a_session_does_or_somebody_signs_in_and_never_twice_for_one_wish() {
    let arrived_at = at(100);
    let check = |parameters: &[(&str, &str)], signed_in: i64, asked: bool, does: bool| {
        let request = parse(&with(parameters)).unwrap();
        let session = session(signed_in, Assurance::Aal1);
        let verdict = judge(&request, Some(&session), None, Before { arrived_at, asked });
        assert_eq!(
            verdict == Verdict::Does,
            does,
            "{parameters:?} {signed_in} {asked}: {verdict:?}"
        );
    };
    check(&[], 0, false, true);
    check(&[("prompt", "login")], 0, false, false); // oidc_015
    check(&[("prompt", "login")], 99, true, false);
    check(&[("prompt", "login")], 101, true, true);
    check(&[("max_age", "1")], 98, false, false); // oidc_017
    check(&[("max_age", "1")], 99, false, true);
    check(&[("max_age", "1")], 101, true, true);
    check(&[("max_age", "10000")], 0, false, true);
    check(&[("max_age", "0")], 99, false, false);
    check(&[("prompt", "select_account")], 99, false, false);
    check(&[("prompt", "select_account")], 99, true, true);
    check(&[("acr_values", "aal2")], 99, false, false); // oidc_019
    check(&[("acr_values", "aal2")], 99, true, true);
    check(&[("acr_values", "aal2 aal1")], 99, false, true);
    check(&[("acr_values", "urn:other")], 99, false, true);
    let essential = r#"{"id_token":{"acr":{"essential":true,"values":["aal2"]}}}"#;
    check(&[("claims", essential)], 99, true, false);
}

#[test]
fn oidc_018_a_hint_for_somebody_else_is_not_met_by_this_session() {
    let request = parse(&with(&[])).unwrap();
    let session = session(0, Assurance::Aal2);
    let before = Before { arrived_at: at(100), asked: false };
    let other = UserId::new(Uuid::from_u128(4));
    assert_eq!(judge(&request, Some(&session), Some(user()), before), Verdict::Does);
    assert!(matches!(judge(&request, Some(&session), Some(other), before), Verdict::SignIn(_)));
    assert!(matches!(judge(&request, None, None, before), Verdict::SignIn(_)));
}

#[test]
fn oidc_019_acr_is_one_of_those_asked_for_or_absent() {
    let check = |values: &str, reached, expected: Option<&str>| {
        let request = parse(&with(&[("acr_values", values)])).unwrap();
        assert_eq!(acr(&request, reached).as_deref(), expected, "{values}");
    };
    check("", Assurance::Aal1, Some("aal1"));
    check("1 2", Assurance::Aal2, None);
    check("aal2 aal1", Assurance::Aal1, Some("aal1"));
    check("aal2 aal1", Assurance::Aal3, Some("aal2"));
    check("aal2", Assurance::Aal1, None);
}
