//! Items 9–27 and 73: the authorization endpoint.

use reqwest::Method;

use super::op::{BASIC, CALLBACK, Op, POST, answer_of, parameters};
use super::{Verdict, ensure, tokens};
use crate::walker::{Presses, Shown};

pub(super) async fn oidc_009_get_and_post_are_accepted(op: &Op) -> Verdict {
    let mut browser = op.browser();
    let shown =
        browser.post(&op.endpoint("authorization_endpoint")?, &parameters(&BASIC, &[])).await?;
    let shown = browser.go_on(shown).await?;
    has_code(&shown)?;
    op.code(&mut op.browser(), &BASIC, &[]).await.map(drop)
}

pub(super) async fn oidc_010_unknown_parameters_and_order_do_not_matter(op: &Op) -> Verdict {
    let more = [("extra", "something"), ("scope", "email openid profile")];
    op.sign_in(&mut op.browser(), &BASIC, &more).await.map(drop)
}

pub(super) async fn oidc_011_a_missing_response_type_is_an_error(op: &Op) -> Verdict {
    let shown = op.browser().walk(&op.request(&BASIC, &[("response_type", "")])?).await?;
    refused(&shown, &["invalid_request", "unsupported_response_type"])
}

pub(super) async fn oidc_012_an_unregistered_redirect_uri_leads_nowhere(op: &Op) -> Verdict {
    let others = [
        "https://rp.example.org/cb/",
        "https://rp.example.org/CB",
        "https://rp.example.org/cb?x=1",
        "https://rp.example.org:8443/cb",
        "http://rp.example.org/cb",
        "https://evil.example.org/cb",
        "https://rp.example.org/cb#f",
        "https://user@rp.example.org/cb",
        "https://rp.example.org/%63b",
    ];
    for other in others {
        let shown = op.browser().get(&op.request(&BASIC, &[("redirect_uri", other)])?).await?;
        stays(&shown).map_err(|why| format!("{other}: {why}"))?;
    }
    Ok(())
}

pub(super) async fn oidc_013_a_nonce_comes_back_if_it_was_sent(op: &Op) -> Verdict {
    let mut browser = op.browser();
    let with = op.sign_in(&mut browser, &BASIC, &[("nonce", "the nonce")]).await?;
    let claims = tokens::claims(&with.text("id_token")?)?;
    ensure(claims["nonce"] == "the nonce", || format!("nonce {}", claims["nonce"]))?;
    let without = op.sign_in(&mut browser, &BASIC, &[]).await?;
    let claims = tokens::claims(&without.text("id_token")?)?;
    ensure(claims["nonce"].is_null(), || format!("nonce {} out of nothing", claims["nonce"]))
}

pub(super) async fn oidc_014_hints_never_cause_an_error(op: &Op) -> Verdict {
    let hints = [
        ("display", "page"),
        ("display", "popup"),
        ("ui_locales", "se fr-CA en"),
        ("claims_locales", "de"),
        ("acr_values", "1 2"),
        ("login_hint", "somebody@example.org"),
    ];
    for hint in hints {
        let code = op.code(&mut op.browser(), &BASIC, &[hint]).await;
        code.map_err(|why| format!("{hint:?}: {why}"))?;
    }
    Ok(())
}

pub(super) async fn oidc_015_prompt_login_asks_again(op: &Op) -> Verdict {
    let mut browser = op.browser();
    let first = op.sign_in(&mut browser, &BASIC, &[("max_age", "10000")]).await?;
    op.wait(2).await;
    let asked = browser.asked;
    let again =
        op.sign_in(&mut browser, &BASIC, &[("prompt", "login"), ("max_age", "10000")]).await?;
    ensure(browser.asked > asked, || "the sign-in page was not shown".to_owned())?;
    let (first, again) =
        (tokens::claims(&first.text("id_token")?)?, tokens::claims(&again.text("id_token")?)?);
    ensure(first["sub"] == again["sub"], || "another subject".to_owned())?;
    ensure(again["auth_time"].as_i64() > first["auth_time"].as_i64(), || {
        format!("auth_time {} then {}", first["auth_time"], again["auth_time"])
    })
}

pub(super) async fn oidc_016_prompt_none_is_silent(op: &Op) -> Verdict {
    let mut browser = op.browser();
    let none = [("prompt", "none")];
    is_error(&op.authorize(&mut browser, &BASIC, &none).await?, "login_required")?;
    let first = op.sign_in(&mut browser, &BASIC, &[]).await?;
    let asked = browser.asked;
    let again = op.sign_in(&mut browser, &BASIC, &none).await?;
    ensure(browser.asked == asked, || "something was asked".to_owned())?;
    same_subject(&first.text("id_token")?, &again.text("id_token")?)
}

pub(super) async fn oidc_017_max_age_is_kept(op: &Op) -> Verdict {
    let mut browser = op.browser();
    let first = op.sign_in(&mut browser, &BASIC, &[("max_age", "15000")]).await?;
    let first = tokens::claims(&first.text("id_token")?)?;
    op.wait(3).await;
    let asked = browser.asked;
    let silent = op.sign_in(&mut browser, &BASIC, &[("max_age", "10000")]).await?;
    let silent = tokens::claims(&silent.text("id_token")?)?;
    ensure(browser.asked == asked, || "asked although the sign-in was fresh".to_owned())?;
    ensure(silent["auth_time"].is_i64() && silent["auth_time"] == first["auth_time"], || {
        format!("auth_time {} then {}", first["auth_time"], silent["auth_time"])
    })?;
    let forced = op.sign_in(&mut browser, &BASIC, &[("max_age", "1")]).await?;
    let forced = tokens::claims(&forced.text("id_token")?)?;
    ensure(browser.asked > asked, || "not asked although the sign-in was old".to_owned())?;
    ensure(forced["auth_time"].as_i64() > first["auth_time"].as_i64(), || {
        "auth_time did not move".to_owned()
    })
}

pub(super) async fn oidc_018_a_hint_names_who_must_be_signed_in(op: &Op) -> Verdict {
    let mut ann = op.browser();
    let own = op.sign_in(&mut ann, &BASIC, &[]).await?.text("id_token")?;
    let silent =
        op.sign_in(&mut ann, &BASIC, &[("prompt", "none"), ("id_token_hint", &own)]).await?;
    same_subject(&own, &silent.text("id_token")?)?;
    let mut bob = op.other_browser();
    let others = op.sign_in(&mut bob, &BASIC, &[]).await?.text("id_token")?;
    let answer =
        op.authorize(&mut ann, &BASIC, &[("prompt", "none"), ("id_token_hint", &others)]).await?;
    is_error(&answer, "login_required")
}

pub(super) async fn oidc_019_acr_is_one_of_those_asked_for(op: &Op) -> Verdict {
    let answer = op.sign_in(&mut op.browser(), &BASIC, &[("acr_values", "aal1 aal2")]).await?;
    let claims = tokens::claims(&answer.text("id_token")?)?;
    let acr = claims["acr"].as_str();
    ensure(acr.is_none_or(|acr| ["aal1", "aal2"].contains(&acr)), || format!("acr {acr:?}"))
}

pub(super) async fn oidc_020_an_essential_claim_is_given(op: &Op) -> Verdict {
    let claims = r#"{"userinfo":{"name":{"essential":true}}}"#;
    let answer = op.sign_in(&mut op.browser(), &BASIC, &[("claims", claims)]).await?;
    let info = op.userinfo(&answer.text("access_token")?).await?.ok()?;
    info.text("name").map(drop)
}

pub(super) async fn oidc_021_request_objects_are_never_ignored(op: &Op) -> Verdict {
    // {"alg":"none"} . {"redirect_uri":"https://evil.example.org/cb"} .
    let object =
        "eyJhbGciOiJub25lIn0.eyJyZWRpcmVjdF91cmkiOiJodHRwczovL2V2aWwuZXhhbXBsZS5vcmcvY2IifQ.";
    let kinds = [
        ("request", object, "request_not_supported", "request_parameter_supported"),
        (
            "request_uri",
            "https://rp.example.org/r",
            "request_uri_not_supported",
            "request_uri_parameter_supported",
        ),
    ];
    for (name, value, code, claim) in kinds {
        let shown = op.browser().walk(&op.request(&BASIC, &[(name, value)])?).await?;
        let codes: &[&str] = if op.metadata[claim] == true {
            &[code, "invalid_request_object", "invalid_request_uri"]
        } else {
            &[code]
        };
        refused(&shown, codes).map_err(|why| format!("{name}: {why}"))?;
    }
    Ok(())
}

pub(super) async fn oidc_022_pkce_works_for_confidential_clients(op: &Op) -> Verdict {
    op.sign_in(&mut op.browser(), &BASIC, &[]).await?;
    op.sign_in(&mut op.browser(), &POST, &[]).await.map(drop)
}

pub(super) async fn oidc_023_every_answer_names_its_issuer(op: &Op) -> Verdict {
    let says = op.metadata["authorization_response_iss_parameter_supported"] == true;
    ensure(says, || "the metadata does not say so".to_owned())?;
    let mut browser = op.browser();
    for more in [("prompt", "none"), ("prompt", "")] {
        let answer = op.authorize(&mut browser, &BASIC, &[more]).await?;
        ensure(answer.get("iss") == Some(&op.issuer), || format!("iss {:?}", answer.get("iss")))?;
    }
    Ok(())
}

pub(super) async fn oidc_024_prompt_none_stands_alone(op: &Op) -> Verdict {
    let answer = op.authorize(&mut op.browser(), &BASIC, &[("prompt", "none login")]).await?;
    is_error(&answer, "invalid_request")
}

pub(super) async fn oidc_025_a_long_state_survives(op: &Op) -> Verdict {
    let state = "s%&+ é".repeat(200);
    let mut browser = op.browser();
    for prompt in ["none", ""] {
        let answer =
            op.authorize(&mut browser, &BASIC, &[("prompt", prompt), ("state", &state)]).await?;
        ensure(answer.get("state") == Some(&state), || "the state came back changed".to_owned())?;
    }
    let none = op.authorize(&mut browser, &BASIC, &[("state", "")]).await?;
    ensure(!none.contains_key("state"), || "a state out of nothing".to_owned())
}

pub(super) async fn oidc_026_redirects_do_not_carry_a_posted_secret_on(op: &Op) -> Verdict {
    let shown = op.browser().walk(&op.request(&BASIC, &[])?).await?;
    has_code(&shown)?;
    let bad = shown
        .hops
        .iter()
        .find(|(method, status)| *method == Method::POST && ![302, 303].contains(status));
    ensure(bad.is_none(), || format!("{bad:?}"))
}

pub(super) async fn oidc_027_a_parameter_given_twice_is_an_error(op: &Op) -> Verdict {
    let mut url = op.request(&BASIC, &[("nonce", "one")])?;
    url.query_pairs_mut().append_pair("nonce", "two");
    let shown = op.browser().walk(&url).await?;
    refused(&shown, &["invalid_request"])
}

pub(super) async fn oidc_073_cancelling_is_told_to_the_application(op: &Op) -> Verdict {
    let mut browser = op.browser();
    browser.presses = Presses::Cancel;
    let answer = op.authorize(&mut browser, &BASIC, &[]).await?;
    is_error(&answer, "access_denied")?;
    ensure(answer.get("state").is_some_and(|state| state == "the state"), || {
        "the state is lost".to_owned()
    })
}

fn has_code(shown: &Shown) -> Verdict {
    let answer = answer_of(shown, CALLBACK)?;
    ensure(answer.contains_key("code"), || format!("{answer:?}"))
}

pub(super) fn is_error(answer: &std::collections::BTreeMap<String, String>, code: &str) -> Verdict {
    ensure(answer.get("error").is_some_and(|error| error == code), || {
        format!("expected `{code}`, got {answer:?}")
    })
}

/// An error that the application is told, or a page of the provider's own.
fn refused(shown: &Shown, codes: &[&str]) -> Verdict {
    match answer_of(shown, CALLBACK) {
        Ok(answer) => {
            let error = answer.get("error").map(String::as_str).unwrap_or_default();
            ensure(codes.contains(&error), || format!("expected {codes:?}, got {answer:?}"))
        }
        Err(_) => stays(shown),
    }
}

/// A page with an error, and no redirect.
fn stays(shown: &Shown) -> Verdict {
    ensure(shown.away.is_none(), || format!("led to {:?}", shown.away))?;
    ensure((400..500).contains(&shown.status), || format!("status {}", shown.status))
}

fn same_subject(one: &str, other: &str) -> Verdict {
    let (one, other) = (tokens::claims(one)?, tokens::claims(other)?);
    ensure(one["sub"] == other["sub"], || format!("{} then {}", one["sub"], other["sub"]))
}
