//! Items 41–51: logging out at the provider, and what applications hear of it.

use url::Url;

use super::authorization::is_error;
use super::op::{BASIC, GOODBYE, Op, POST};
use super::{Verdict, ensure, tokens};
use crate::walker::{Browser, Shown};

pub(super) async fn oidc_041_logging_out_works_by_get_and_post(op: &Op) -> Verdict {
    for post in [false, true] {
        let mut browser = op.browser();
        let hint = op.sign_in(&mut browser, &BASIC, &[]).await?.text("id_token")?;
        let fields = to_goodbye(&hint);
        let shown = if post {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            let shown = browser.post(&op.endpoint("end_session_endpoint")?, &fields).await?;
            browser.go_on(shown).await?
        } else {
            browser.walk(&leaving(op, &fields)?).await?
        };
        ensure(leads_back(&shown), || format!("post {post}: {:?} {}", shown.away, shown.status))?;
        is_out(op, &mut browser).await?;
    }
    Ok(())
}

pub(super) async fn oidc_042_a_known_way_back_is_taken_with_its_state(op: &Op) -> Verdict {
    let mut browser = op.browser();
    let hint = op.sign_in(&mut browser, &BASIC, &[]).await?.text("id_token")?;
    let fields = [&to_goodbye(&hint)[..], &[("state", "good bye")]].concat();
    let shown = browser.walk(&leaving(op, &fields)?).await?;
    ensure(leads_back(&shown), || format!("{:?} {}", shown.away, shown.status))?;
    let state = shown
        .away
        .iter()
        .flat_map(|url| url.query_pairs().into_owned())
        .find(|(name, _)| name == "state");
    ensure(state.is_some_and(|(_, value)| value == "good bye"), || "the state is lost".to_owned())?;
    is_out(op, &mut browser).await
}

pub(super) async fn oidc_043_no_state_comes_of_none(op: &Op) -> Verdict {
    let mut browser = op.browser();
    let hint = op.sign_in(&mut browser, &BASIC, &[]).await?.text("id_token")?;
    let fields = to_goodbye(&hint);
    let shown = browser.walk(&leaving(op, &fields)?).await?;
    ensure(shown.away.as_ref().is_some_and(|url| url.as_str() == GOODBYE), || {
        format!("{:?}", shown.away)
    })
}

pub(super) async fn oidc_044_an_unknown_way_back_is_not_taken(op: &Op) -> Verdict {
    let hint = op.sign_in(&mut op.browser(), &BASIC, &[]).await?.text("id_token")?;
    let with = |header: &str, signature: &str| {
        let claims = hint.split('.').nth(1).unwrap_or_default();
        format!("{header}.{claims}.{signature}")
    };
    // {"alg":"none"}; and the provider's own header over a signature that is not its own.
    let unsigned = with("eyJhbGciOiJub25lIn0", "");
    let header = hint.split('.').next().unwrap_or_default();
    let strangers = with(header, &"A".repeat(342));
    let cases: [(&str, Vec<(&str, &str)>); 5] = [
        (
            "unregistered",
            vec![
                ("id_token_hint", &hint),
                ("post_logout_redirect_uri", "https://rp.example.org/other"),
            ],
        ),
        (
            "with a query",
            vec![
                ("id_token_hint", &hint),
                ("post_logout_redirect_uri", "https://rp.example.org/bye?x=1"),
            ],
        ),
        ("without a hint", vec![("post_logout_redirect_uri", GOODBYE)]),
        ("an unsigned hint", to_goodbye(&unsigned).to_vec()),
        ("a stranger's hint", to_goodbye(&strangers).to_vec()),
    ];
    for (what, fields) in cases {
        let mut browser = op.browser();
        op.sign_in(&mut browser, &BASIC, &[]).await?;
        let shown = browser.walk(&leaving(op, &fields)?).await?;
        ensure(shown.away.is_none(), || format!("{what}: led to {:?}", shown.away))?;
    }
    Ok(())
}

pub(super) async fn oidc_045_without_a_way_back_there_is_a_page(op: &Op) -> Verdict {
    for fields in [vec![], vec![("state", "good bye")]] {
        let mut browser = op.browser();
        op.sign_in(&mut browser, &BASIC, &[]).await?;
        let shown = browser.walk(&leaving(op, &fields)?).await?;
        ensure(shown.away.is_none() && shown.status == 200, || {
            format!("{:?} {}", shown.away, shown.status)
        })?;
        is_out(op, &mut browser).await?;
    }
    Ok(())
}

pub(super) async fn oidc_046_an_expired_hint_still_tells_whose_session_ends(op: &Op) -> Verdict {
    let mut browser = op.browser();
    let hint = op.sign_in(&mut browser, &POST, &[]).await?.text("id_token")?;
    op.outlive(&hint).await?;
    let fields = [&to_goodbye(&hint)[..], &[("state", "good bye")]].concat();
    let shown = browser.walk(&leaving(op, &fields)?).await?;
    ensure(leads_back(&shown), || format!("{:?} {}", shown.away, shown.status))?;
    is_out(op, &mut browser).await
}

pub(super) async fn oidc_047_back_channel_logout_is_announced(op: &Op) -> Verdict {
    for name in ["backchannel_logout_supported", "backchannel_logout_session_supported"] {
        ensure(op.metadata[name] == true, || format!("`{name}` is {}", op.metadata[name]))?;
    }
    Ok(())
}

pub(super) async fn oidc_048_sid_is_one_value_for_a_session_and_client(op: &Op) -> Verdict {
    let mut browser = op.browser();
    let one = sid(&op.sign_in(&mut browser, &BASIC, &[]).await?.text("id_token")?)?;
    let again = sid(&op.sign_in(&mut browser, &BASIC, &[]).await?.text("id_token")?)?;
    ensure(one == again, || format!("{one} then {again}"))?;
    browser.walk(&leaving(op, &[])?).await?;
    op.receiver.with_sid(&one).await.map(drop)
}

pub(super) async fn oidc_049_a_logout_token_is_nothing_else(op: &Op) -> Verdict {
    let mut browser = op.browser();
    let sid = sid(&op.sign_in(&mut browser, &BASIC, &[]).await?.text("id_token")?)?;
    browser.walk(&leaving(op, &[])?).await?;
    let arrival = op.receiver.with_sid(&sid).await?;
    let token = arrival
        .form
        .iter()
        .find(|(name, _)| name == "logout_token")
        .map(|(_, token)| token.clone())
        .unwrap_or_default();
    let header = tokens::header(&token)?;
    ensure(header["typ"] == "logout+jwt", || format!("typ {}", header["typ"]))?;
    let claims = tokens::verify(op, &token, BASIC.id).await?;
    for name in ["iss", "aud", "iat", "exp", "jti"] {
        ensure(!claims[name].is_null(), || format!("no `{name}` in {claims}"))?;
    }
    let life = claims["exp"]
        .as_i64()
        .unwrap_or(i64::MAX)
        .saturating_sub(claims["iat"].as_i64().unwrap_or(0));
    ensure(life <= 120, || format!("it lives {life} s"))?;
    let event = &claims["events"]["http://schemas.openid.net/event/backchannel-logout"];
    ensure(event.is_object(), || format!("events {}", claims["events"]))?;
    ensure(claims["nonce"].is_null(), || "a nonce in a logout token".to_owned())
}

pub(super) async fn oidc_050_a_logout_token_is_posted_as_a_form(op: &Op) -> Verdict {
    let mut browser = op.browser();
    let sid = sid(&op.sign_in(&mut browser, &BASIC, &[]).await?.text("id_token")?)?;
    browser.walk(&leaving(op, &[])?).await?;
    let arrival = op.receiver.with_sid(&sid).await?;
    let names: Vec<&str> = arrival.form.iter().map(|(name, _)| name.as_str()).collect();
    ensure(names == ["logout_token"], || format!("{names:?}"))?;
    ensure(arrival.client == BASIC.id, || format!("it went to `{}`", arrival.client))
}

pub(super) async fn oidc_051_every_way_out_is_told(op: &Op) -> Verdict {
    let mut browser = op.browser();
    let sid = sid(&op.sign_in(&mut browser, &BASIC, &[]).await?.text("id_token")?)?;
    op.sign_everybody_out().await?;
    op.receiver.with_sid(&sid).await?;
    is_out(op, &mut browser).await
}

/// A logout that leads back to the application.
fn to_goodbye(hint: &str) -> [(&str, &str); 2] {
    [("id_token_hint", hint), ("post_logout_redirect_uri", GOODBYE)]
}

fn leaving(op: &Op, fields: &[(&str, &str)]) -> Result<Url, String> {
    let mut url = op.endpoint("end_session_endpoint")?;
    url.query_pairs_mut().extend_pairs(fields);
    Ok(url)
}

fn leads_back(shown: &Shown) -> bool {
    shown.away.as_ref().is_some_and(|url| url.as_str().starts_with(GOODBYE))
}

async fn is_out(op: &Op, browser: &mut Browser) -> Verdict {
    is_error(&op.authorize(browser, &BASIC, &[("prompt", "none")]).await?, "login_required")
}

fn sid(token: &str) -> Result<String, String> {
    let claims = tokens::claims(token)?;
    claims["sid"].as_str().map(str::to_owned).ok_or_else(|| format!("no `sid` in {claims}"))
}
