//! Tokens that somebody altered, or made, or made very long.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, encode};
use weft::crypto::keys::{Algorithm, PrivateKey};

use super::*;

impl World {
    /// Everywhere a token of ours is read.
    pub(super) async fn forged_tokens(&self, tally: &mut Tally) {
        let keys = self.home.send(Method::GET, "/jwks", &[], String::new()).await;
        for (what, token) in forgeries(&self.access_token, &keys.body) {
            self.show(&what, &token, tally).await;
        }
        for (what, token) in forgeries(&self.id_token, &keys.body) {
            self.hint(&what, &token, tally).await;
        }
        let intact = self.home.bearing(Method::GET, "/userinfo", &self.access_token).await;
        tally.note("the true one", intact.status, intact.status == 200, &intact.text);
    }

    /// Longer than any token of ours, and longer than any form.
    pub(super) async fn large_tokens(&self, tally: &mut Tally) {
        let signature = self.access_token.rsplit('.').next().unwrap();
        for kilobytes in [15, 17, 60] {
            let large = format!("{}.{}", "A".repeat(1024 * kilobytes), signature);
            let header = self.access_token.split('.').next().unwrap();
            for token in [large.clone(), format!("{header}.{large}")] {
                self.show(&format!("{kilobytes} KiB"), &token, tally).await;
                self.hint(&format!("{kilobytes} KiB"), &token, tally).await;
            }
        }
        for (path, name) in [
            ("/token", "code"),
            ("/userinfo", "access_token"),
            ("/introspect", "token"),
            ("/revoke", "token"),
            ("/logout", "id_token_hint"),
            ("/authorize", "id_token_hint"),
        ] {
            for kilobytes in [70, 5 * 1024] {
                let large = "A".repeat(1024 * kilobytes);
                let answer = self.home.try_as_app(path, &self.app, &[(name, &large)]).await;
                // Whoever says that so much will come may be answered, and left, before it has come.
                let status = answer.as_ref().map_or(413, |answer| answer.status);
                let refused = (400..500).contains(&status);
                tally.note((path, kilobytes), status, refused, answer);
            }
        }
    }

    async fn show(&self, what: &str, token: &str, tally: &mut Tally) {
        let Self { home, app, .. } = self;
        for path in ["/userinfo", "/api/v1/whoami"] {
            let answer = home.bearing(Method::GET, path, token).await;
            // 431: so long a header is not even read.
            let refused = answer.status == 431
                || answer.status == 401 && answer.header("www-authenticate").starts_with("Bearer");
            tally.note((path, what), answer.status, refused, &answer.text);
        }
        let answer = home.post("/userinfo", &[], &[("access_token", token)]).await;
        tally.note(("userinfo, form", what), answer.status, answer.status == 401, &answer.text);
        let answer = home.as_app("/introspect", app, &[("token", token)]).await;
        let nothing = answer.body == json!({"active": false});
        tally.note(("introspect", what), answer.status, nothing, &answer.text);
        let answer = home.as_app("/revoke", app, &[("token", token)]).await;
        let untouched = home.as_app("/introspect", app, &[("token", &self.access_token)]).await;
        let refused = answer.status == 200 && untouched.body["active"] == true;
        tally.note(("revoke", what), answer.status, refused, &answer.text);
        let headers = [
            ("authorization", format!("Bearer {token}")),
            ("content-type", "application/json".to_owned()),
        ];
        let body = json!({"audience": ["billing"]}).to_string();
        let answer = home.send(Method::POST, "/user/jwt-svid", &headers, body).await;
        let refused = matches!(answer.status, 401 | 431);
        tally.note(("a person's SVID", what), answer.status, refused, &answer.text);
    }

    async fn hint(&self, what: &str, token: &str, tally: &mut Tally) {
        let fields = [("id_token_hint", token), ("post_logout_redirect_uri", GOODBYE)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut out = self.home.url("/logout");
        out.query_pairs_mut().extend_pairs(&fields);
        let shown = self.browser.clone().get(&out).await.unwrap();
        let refused = (400..500).contains(&shown.status) && shown.away.is_none();
        tally.note(("logout", what), shown.status, refused, &shown.away);
        let shown = self.ask(&[("prompt", "none"), ("id_token_hint", token)]).await;
        let back = came_back(&shown).unwrap_or_default();
        let refused = back.get("error").is_some_and(|error| error == "invalid_request")
            || shown.away.is_none() && (400..500).contains(&shown.status);
        tally.note(("authorize", what), shown.status, refused, &back);
    }
}

/// A true token, altered in every way that was ever taken somewhere.
fn forgeries(token: &str, keys: &Value) -> Vec<(String, String)> {
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("{token}")
    };
    let (head, claims) = (read(header), read(payload));
    let with = |name: &str, value: Value| {
        let mut head = head.clone();
        head[name] = value;
        written(&head)
    };
    let mut other = claims.clone();
    other["sub"] = json!("usr_01a20518c63171eba55e03b71145a366");
    let mut all = vec![
        ("another subject".to_owned(), format!("{header}.{}.{signature}", written(&other))),
        ("no signature".to_owned(), format!("{header}.{payload}.")),
        ("two parts".to_owned(), format!("{header}.{payload}")),
        ("four parts".to_owned(), format!("{token}.{signature}")),
        ("zeroes".to_owned(), format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode([0; 64]))),
        ("cut".to_owned(), token.get(..token.len() - 4).unwrap().to_owned()),
        ("padded".to_owned(), format!("{token}==")),
        ("a letter more".to_owned(), format!("{token}A")),
    ];
    for alg in ["none", "None", "NONE", "nOnE", "HS256", "RS256", "ES384", "EdDSA", ""] {
        let head = with("alg", json!(alg));
        all.push((format!("alg {alg}"), format!("{head}.{payload}.{signature}")));
        all.push((format!("alg {alg}, unsigned"), format!("{head}.{payload}.")));
    }
    for (name, value) in [
        ("typ", json!("JWT")),
        ("typ", json!("logout+jwt")),
        ("crit", json!(["exp"])),
        ("jku", json!("https://evil.example/keys")),
        ("kid", json!("../../../dev/null")),
        ("kid", json!("' OR 1=1 --")),
    ] {
        let head = with(name, value.clone());
        all.push((format!("{name} {value}"), format!("{head}.{payload}.{signature}")));
    }
    all.extend(signed_by_others(&head, &claims, keys));
    // `JWT` is what an ID token says of itself.
    all.retain(|(_, altered)| altered != token);
    all
}

/// The same claims, signed by a key that the token brings, and by what everybody knows of ours.
fn signed_by_others(head: &Value, claims: &Value, keys: &Value) -> Vec<(String, String)> {
    let kid = head["kid"].as_str().unwrap().to_owned();
    let ours = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == *kid).unwrap();
    let typ = head["typ"].as_str().unwrap().to_owned();
    let header = |alg| jsonwebtoken::Header {
        typ: Some(typ.clone()),
        kid: Some(kid.clone()),
        ..jsonwebtoken::Header::new(alg)
    };
    let mut all = Vec::new();
    let stranger = PrivateKey::generate(Algorithm::P256).unwrap();
    let stranger = EncodingKey::from_ec_der(stranger.to_pkcs8().unwrap().expose());
    let own = encode(&header(jsonwebtoken::Algorithm::ES256), claims, &stranger).unwrap();
    all.push(("another key of the same name".to_owned(), own));
    let x = ours["x"].as_str().unwrap();
    let both = [x, ours["y"].as_str().unwrap()].map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
    for (what, secret) in [
        ("x", x.as_bytes().to_vec()),
        ("the point", both.concat()),
        ("the JWK", ours.to_string().into_bytes()),
    ] {
        let key = EncodingKey::from_secret(&secret);
        let token = encode(&header(jsonwebtoken::Algorithm::HS256), claims, &key).unwrap();
        all.push((format!("HMAC with {what}"), token));
    }
    all
}

fn read(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn written(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}
