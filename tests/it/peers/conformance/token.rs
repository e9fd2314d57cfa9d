//! Items 28–35, 63, 74, 77, 78, 80 and 81: the token endpoint and what lives and dies with its tokens.

use reqwest::Method;

use super::op::{
    Answer, BASIC, CALLBACK, MACHINE, Op, POST, PUBLIC, RESOURCE, Rp, VERIFIER, WRONG, basic,
};
use super::{Verdict, ensure, tokens};

pub(super) async fn oidc_028_a_client_authenticates_in_one_way(op: &Op) -> Verdict {
    op.sign_in(&mut op.browser(), &BASIC, &[]).await?;
    op.sign_in(&mut op.browser(), &POST, &[]).await?;
    let code = op.code(&mut op.browser(), &BASIC, &[]).await?;
    let both = [
        ("client_id", BASIC.id),
        ("client_secret", op.secret(&BASIC)),
        ("code_verifier", VERIFIER),
        ("redirect_uri", CALLBACK),
    ];
    op.exchange_with(&BASIC, &code, &both).await?.is_error(&[400, 401], "invalid_request")
}

pub(super) async fn oidc_029_a_code_works_once(op: &Op) -> Verdict {
    for wait in [0, 30] {
        let code = op.code(&mut op.browser(), &BASIC, &[]).await?;
        let tokens = op.exchange(&BASIC, &code).await?.ok()?;
        op.wait(wait).await;
        op.exchange(&BASIC, &code).await?.is_error(&[400], "invalid_grant")?;
        let after = op.userinfo(&tokens.text("access_token")?).await?;
        ensure(after.status == 401, || format!("its access token still works: {}", after.status))?;
    }
    Ok(())
}

pub(super) async fn oidc_030_a_code_is_bound_to_its_request(op: &Op) -> Verdict {
    let good = ("code_verifier", VERIFIER);
    let here = ("redirect_uri", CALLBACK);
    let wrong = "another-verifier-of-the-harness-0123456789-abc";
    let cases: [(&Rp, &str, Fields<'_>); 5] = [
        (&POST, "another client", &[good, here]),
        (&BASIC, "another redirect_uri", &[good, ("redirect_uri", "https://rp.example.org/other")]),
        (&BASIC, "no redirect_uri", &[good]),
        (&BASIC, "a wrong verifier", &[("code_verifier", wrong), here]),
        (&BASIC, "no verifier", &[here]),
    ];
    for (rp, what, more) in cases {
        let code = op.code(&mut op.browser(), &BASIC, &[]).await?;
        let answer = op.exchange_with(rp, &code, more).await?;
        let missing =
            what.starts_with("no redirect") && answer.is_error(&[400], "invalid_request").is_ok();
        if !missing {
            answer.is_error(&[400], "invalid_grant").map_err(|why| format!("{what}: {why}"))?;
        }
    }
    Ok(())
}

type Fields<'f> = &'f [(&'f str, &'f str)];

pub(super) async fn oidc_031_a_verifier_without_a_challenge_is_refused(op: &Op) -> Verdict {
    let plain = [("code_challenge", "")];
    let code = op.code(&mut op.browser(), &BASIC, &plain).await?;
    op.exchange(&BASIC, &code).await?.is_error(&[400], "invalid_grant")?;
    let code = op.code(&mut op.browser(), &BASIC, &plain).await?;
    op.exchange_with(&BASIC, &code, &[("redirect_uri", CALLBACK)]).await?.ok().map(drop)
}

pub(super) async fn oidc_032_answers_are_not_kept_and_say_how_to_authenticate(op: &Op) -> Verdict {
    let tokens = op.sign_in(&mut op.browser(), &BASIC, &[]).await?;
    let header =
        |answer: &Answer, name: &str| answer.headers.get(name).cloned().unwrap_or_default();
    ensure(header(&tokens, "cache-control").contains("no-store"), || {
        "it may be cached".to_owned()
    })?;
    ensure(header(&tokens, "content-type").starts_with("application/json"), || {
        "not JSON".to_owned()
    })?;
    let wrong = Rp { secret: WRONG, ..BASIC };
    let answer = op.exchange(&wrong, "nothing").await?;
    answer.is_error(&[401], "invalid_client")?;
    ensure(header(&answer, "www-authenticate").to_lowercase().starts_with("basic"), || {
        "no WWW-Authenticate".to_owned()
    })
}

pub(super) async fn oidc_033_a_refresh_token_is_bound_and_may_ask_for_less(op: &Op) -> Verdict {
    let tokens = op.sign_in(&mut op.browser(), &BASIC, &OFFLINE).await?;
    let refresh = tokens.text("refresh_token")?;
    let others =
        op.token(&POST, &[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).await?;
    others.is_error(&[400], "invalid_grant")?;
    let wider = refresh_for(op, &BASIC, &refresh, &[("scope", "openid email phone")]).await?;
    wider.is_error(&[400], "invalid_scope")?;
    let again = refresh_for(op, &BASIC, &refresh, &[]).await?.ok()?;
    op.userinfo(&again.text("access_token")?).await?.ok()?;
    let refresh = again.text("refresh_token").unwrap_or(refresh);
    let narrower = refresh_for(op, &BASIC, &refresh, &[("scope", "openid")]).await?.ok()?;
    let scope = narrower.body["scope"].as_str().unwrap_or("openid").to_owned();
    ensure(scope == "openid", || format!("asked for `openid`, got `{scope}`"))
}

pub(super) async fn oidc_034_a_public_client_gets_a_new_refresh_token_each_time(
    op: &Op,
) -> Verdict {
    let tokens = op.sign_in(&mut op.browser(), &PUBLIC, &OFFLINE).await?;
    let first = tokens.text("refresh_token")?;
    let second = refresh_for(op, &PUBLIC, &first, &[]).await?.ok()?.text("refresh_token")?;
    ensure(first != second, || "the same refresh token again".to_owned())?;
    let third = refresh_for(op, &PUBLIC, &second, &[]).await?.ok()?.text("refresh_token")?;
    refresh_for(op, &PUBLIC, &first, &[]).await?.is_error(&[400], "invalid_grant")?;
    refresh_for(op, &PUBLIC, &third, &[]).await?.is_error(&[400], "invalid_grant")
}

pub(super) async fn oidc_035_a_retry_gets_the_same_successor(op: &Op) -> Verdict {
    let tokens = op.sign_in(&mut op.browser(), &PUBLIC, &OFFLINE).await?;
    let first = tokens.text("refresh_token")?;
    let (one, other) =
        tokio::join!(refresh_for(op, &PUBLIC, &first, &[]), refresh_for(op, &PUBLIC, &first, &[]));
    let (one, other) = (one?.ok()?.text("refresh_token")?, other?.ok()?.text("refresh_token")?);
    ensure(one == other, || "two successors".to_owned())?;
    refresh_for(op, &PUBLIC, &one, &[]).await?.ok().map(drop)
}

pub(super) async fn oidc_063_a_code_lives_a_minute_at_most(op: &Op) -> Verdict {
    let code = op.code(&mut op.browser(), &BASIC, &[]).await?;
    op.wait(62).await;
    op.exchange(&BASIC, &code).await?.is_error(&[400], "invalid_grant")
}

pub(super) async fn oidc_074_tokens_cannot_be_guessed(op: &Op) -> Verdict {
    let mut browser = op.browser();
    let one = op.sign_in(&mut browser, &BASIC, &[]).await?.text("access_token")?;
    let other = op.sign_in(&mut browser, &BASIC, &[]).await?.text("access_token")?;
    let secret = |token: &str| token.rsplit('.').next().unwrap_or_default().to_owned();
    let (one, other) = (secret(&one), secret(&other));
    // 128 bits are 22 letters of base64url.
    ensure(one.len() >= 22 && one != other, || format!("{} letters", one.len()))?;
    let alike = one.bytes().zip(other.bytes()).filter(|(a, b)| a == b).count();
    ensure(alike * 4 < one.len(), || format!("{alike} of {} letters are the same", one.len()))
}

pub(super) async fn oidc_077_introspection_says_no_more_than_it_must(op: &Op) -> Verdict {
    let access = op.sign_in(&mut op.browser(), &BASIC, &[]).await?.text("access_token")?;
    let known =
        op.as_client("introspection_endpoint", &BASIC, &[("token", &access)]).await?.ok()?;
    ensure(known.body["active"] == true, || format!("{}", known.body))?;
    ensure(known.body["client_id"] == BASIC.id, || format!("{}", known.body))?;
    let unknown =
        op.as_client("introspection_endpoint", &BASIC, &[("token", "nothing")]).await?.ok()?;
    ensure(unknown.body == serde_json::json!({"active": false}), || format!("{}", unknown.body))?;
    let url = op.endpoint("introspection_endpoint")?;
    let stranger =
        op.call(Method::POST, &url, Some(basic(BASIC.id, WRONG)), &[("token", &access)]).await?;
    ensure(stranger.status == 401, || format!("a stranger gets {}", stranger.status))
}

pub(super) async fn oidc_078_revoking_a_refresh_token_ends_what_came_of_it(op: &Op) -> Verdict {
    let unknown = op.as_client("revocation_endpoint", &BASIC, &[("token", "nothing")]).await?;
    ensure(unknown.status == 200, || format!("an unknown token: {}", unknown.status))?;
    let tokens = op.sign_in(&mut op.browser(), &BASIC, &OFFLINE).await?;
    let (access, refresh) = (tokens.text("access_token")?, tokens.text("refresh_token")?);
    let revoked = op
        .as_client(
            "revocation_endpoint",
            &BASIC,
            &[("token", &refresh), ("token_type_hint", "refresh_token")],
        )
        .await?;
    ensure(revoked.status == 200, || format!("{}", revoked.status))?;
    refresh_for(op, &BASIC, &refresh, &[]).await?.is_error(&[400], "invalid_grant")?;
    let info = op.userinfo(&access).await?;
    ensure(info.status == 401, || format!("its access token still works: {}", info.status))
}

pub(super) async fn oidc_080_a_token_is_for_the_resource_asked_for(op: &Op) -> Verdict {
    let answer = op
        .authorize(&mut op.browser(), &BASIC, &[("resource", "https://unknown.example.org")])
        .await?;
    super::authorization::is_error(&answer, "invalid_target")?;
    let claims = tokens::claims(&machine(op).await?.text("access_token")?)?;
    ensure(claims["aud"] == RESOURCE || claims["aud"] == serde_json::json!([RESOURCE]), || {
        format!("aud {}", claims["aud"])
    })
}

pub(super) async fn oidc_081_an_access_token_is_what_rfc_9068_says(op: &Op) -> Verdict {
    let token = machine(op).await?.text("access_token")?;
    let header = tokens::header(&token)?;
    ensure(header["typ"] == "at+jwt" || header["typ"] == "application/at+jwt", || {
        format!("typ {}", header["typ"])
    })?;
    let claims = tokens::verify(op, &token, RESOURCE).await?;
    for name in ["iss", "exp", "aud", "sub", "client_id", "iat", "jti", "scope"] {
        ensure(!claims[name].is_null(), || format!("no `{name}` in {claims}"))?;
    }
    ensure(claims["client_id"] == MACHINE.id, || format!("{claims}"))?;
    let id = op.sign_in(&mut op.browser(), &BASIC, &[]).await?.text("id_token")?;
    let answer = op.userinfo(&id).await?;
    ensure(answer.status == 401, || {
        format!("an ID token passes as access token: {}", answer.status)
    })
}

async fn machine(op: &Op) -> Result<Answer, String> {
    let fields = [("grant_type", "client_credentials"), ("scope", "read"), ("resource", RESOURCE)];
    op.token(&MACHINE, &fields).await?.ok()
}

async fn refresh_for(
    op: &Op,
    rp: &Rp,
    refresh: &str,
    more: &[(&str, &str)],
) -> Result<Answer, String> {
    let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", refresh)];
    fields.extend(more);
    op.token(rp, &fields).await
}

/// What a refresh token is asked for with (OpenID Connect Core §11).
const OFFLINE: [(&str, &str); 2] =
    [("scope", "openid offline_access profile"), ("prompt", "consent")];
