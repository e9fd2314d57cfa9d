//! Items 36–40: the ID token and userinfo.

use reqwest::Method;
use serde_json::Value;

use super::op::{BASIC, Op};
use super::{Verdict, ensure, tokens};

pub(super) async fn oidc_036_an_id_token_has_what_it_must(op: &Op) -> Verdict {
    let answer = op.sign_in(&mut op.browser(), &BASIC, &[]).await?;
    let token = answer.text("id_token")?;
    let header = tokens::header(&token)?;
    ensure(header["alg"] == "RS256", || format!("alg {}", header["alg"]))?;
    let claims = tokens::verify(op, &token, BASIC.id).await?;
    for name in ["iss", "sub", "aud", "exp", "iat"] {
        ensure(!claims[name].is_null(), || format!("no `{name}` in {claims}"))?;
    }
    let azp = &claims["azp"];
    ensure(azp.is_null() || azp == BASIC.id, || format!("azp {azp}"))?;
    let hash = &claims["at_hash"];
    let right = tokens::at_hash(&answer.text("access_token")?);
    ensure(hash.is_null() || *hash == right.as_str(), || format!("at_hash {hash}, not {right}"))
}

pub(super) async fn oidc_037_nothing_is_unsigned(op: &Op) -> Verdict {
    for name in ["id_token_signing_alg_values_supported", "userinfo_signing_alg_values_supported"] {
        ensure(!op.lists(name, "none"), || format!("`none` in {name}"))?;
    }
    let answer = op.sign_in(&mut op.browser(), &BASIC, &[]).await?;
    let alg = tokens::header(&answer.text("id_token")?)?["alg"].clone();
    ensure(alg != "none", || "an unsigned ID token".to_owned())
}

pub(super) async fn oidc_038_userinfo_answers_get_and_post(op: &Op) -> Verdict {
    let answer = op.sign_in(&mut op.browser(), &BASIC, &[]).await?;
    let (access, id) = (answer.text("access_token")?, tokens::claims(&answer.text("id_token")?)?);
    let url = op.endpoint("userinfo_endpoint")?;
    let bearer = format!("Bearer {access}");
    for method in [Method::GET, Method::POST] {
        let info = op
            .call(method.clone(), &url, Some(bearer.clone()), &[("unknown", "parameter")])
            .await?
            .ok()?;
        ensure(info.body["sub"] == id["sub"], || {
            format!("{method}: sub {}, not {}", info.body["sub"], id["sub"])
        })?;
    }
    Ok(())
}

type Is = fn(&Value) -> bool;

pub(super) async fn oidc_039_claims_have_their_types(op: &Op) -> Verdict {
    let scope = [("scope", "openid profile email address phone"), ("prompt", "consent")];
    let access = op.sign_in(&mut op.browser(), &BASIC, &scope).await?.text("access_token")?;
    let info = op.userinfo(&access).await?.ok()?.body;
    let table: [(&str, Is); 8] = [
        ("name", Value::is_string),
        ("preferred_username", Value::is_string),
        ("updated_at", Value::is_number),
        ("email", Value::is_string),
        ("email_verified", Value::is_boolean),
        ("phone_number", Value::is_string),
        ("phone_number_verified", Value::is_boolean),
        ("address", Value::is_object),
    ];
    for (name, is) in table {
        ensure(is(&info[name]), || format!("`{name}` is {}", info[name]))?;
    }
    Ok(())
}

pub(super) async fn oidc_040_a_bad_token_is_told_so(op: &Op) -> Verdict {
    let answer = op.userinfo("nothing").await?;
    let says = answer.headers.get("www-authenticate").cloned().unwrap_or_default();
    ensure(answer.status == 401, || format!("status {}", answer.status))?;
    let right = says.starts_with("Bearer") && says.contains("error=\"invalid_token\"");
    ensure(right, || format!("WWW-Authenticate: {says}"))
}
