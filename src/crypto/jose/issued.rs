//! A token of ours, read again into what it must say: each member once, no tree of values.
//!
//! Looks at no signature, and is for no token that comes from outside: those are [`super::Unverified`].

use std::borrow::Cow;

use serde::Deserialize;

use crate::crypto::digest::from_base64url;

/// The two parts of a token that say something.
#[derive(Debug)]
pub struct Issued {
    header: Vec<u8>,
    claims: Vec<u8>,
}

/// These three and nothing else. The names of keys, types and algorithms need no escape in JSON.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuedHeader<'a> {
    /// How it is signed.
    pub alg: &'a str,
    /// By which key.
    pub kid: &'a str,
    /// What it is.
    pub typ: &'a str,
}

/// The claims of a JWT-SVID (JWT-SVID §3): these and nothing else.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuedSvidClaims<'a> {
    /// For whom.
    pub aud: Vec<String>,
    /// Until when, in seconds.
    pub exp: i64,
    /// Since when, in seconds.
    pub iat: i64,
    /// Who it is.
    #[serde(borrow)]
    pub sub: Cow<'a, str>,
    #[serde(rename = "iss")]
    _issuer: Cow<'a, str>,
    #[serde(rename = "jti")]
    _number: Option<Cow<'a, str>>,
}

/// The claims that every token of the OpenID provider has. It may have others.
#[derive(Debug, Deserialize)]
pub struct IssuedTokenClaims<'a> {
    /// By whom.
    #[serde(borrow)]
    pub iss: Cow<'a, str>,
    /// About whom.
    #[serde(borrow)]
    pub sub: Cow<'a, str>,
    /// Its own number.
    #[serde(borrow)]
    pub jti: Cow<'a, str>,
    /// For whom.
    pub aud: IssuedAudience,
    /// Since when, in seconds.
    pub iat: i64,
    /// Until when, in seconds.
    pub exp: i64,
}

/// One, or a list.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum IssuedAudience {
    /// A text.
    One(String),
    /// A list of them.
    Many(Vec<String>),
}

impl Issued {
    /// Takes a token apart that has three parts and no more.
    pub fn open(token: &str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        from_base64url(signature)?;
        Some(Self { header: from_base64url(header)?, claims: from_base64url(claims)? })
    }

    /// Its header, where it has the form of ours.
    pub fn header(&self) -> Option<IssuedHeader<'_>> {
        serde_json::from_slice(&self.header).ok()
    }

    /// The text of its claims.
    pub fn text(&self) -> &[u8] {
        &self.claims
    }

    /// Its claims, where they are those of a JWT-SVID.
    pub fn svid_claims(&self) -> Option<IssuedSvidClaims<'_>> {
        serde_json::from_slice(&self.claims).ok()
    }

    /// Its claims, where they are those of a token of the OpenID provider.
    pub fn token_claims(&self) -> Option<IssuedTokenClaims<'_>> {
        serde_json::from_slice(&self.claims).ok()
    }
}

impl IssuedAudience {
    /// True if it names these, in this order.
    pub fn names(&self, audience: &[String]) -> bool {
        match self {
            Self::One(one) => audience.iter().eq([one]),
            Self::Many(many) => many == audience,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::digest::base64url;

    fn token(header: &str, claims: &str) -> String {
        let [header, claims] = [header, claims].map(|part| base64url(part.as_bytes()));
        format!("{header}.{claims}.{}", base64url(b"signature"))
    }

    const HEADER: &str = r#"{"alg":"ES256","kid":"k","typ":"JWT"}"#;
    const SVID: &str = r#"{"aud":["a"],"exp":2,"iat":1,"iss":"i","sub":"s"}"#;

    #[test]
    fn a_token_of_ours_has_three_parts_of_base64url_and_no_more() {
        let good = token(HEADER, SVID);
        assert!(Issued::open(&good).is_some());
        let (two, _) = good.rsplit_once('.').unwrap();
        for bad in ["", "..!", two, &format!("{good}."), &format!("{good}=")] {
            assert!(Issued::open(bad).is_none_or(|bad| bad.header().is_none()), "{bad}");
        }
    }

    #[test]
    fn a_member_that_is_missing_strange_or_there_twice_is_no_form_of_ours() {
        let good = token(HEADER, SVID);
        let good = Issued::open(&good).unwrap();
        assert_eq!(good.header().unwrap().kid, "k");
        assert_eq!(good.svid_claims().unwrap().sub, "s");
        for header in [
            r#"{"alg":"ES256","kid":"k"}"#,
            r#"{"alg":"ES256","kid":"k","typ":"JWT","crit":[]}"#,
            r#"{"alg":"ES256","kid":"k","kid":"k","typ":"JWT"}"#,
        ] {
            assert!(Issued::open(&token(header, SVID)).unwrap().header().is_none(), "{header}");
        }
        for claims in [
            r#"{"aud":["a"],"exp":2,"iat":1,"iss":"i"}"#,
            r#"{"aud":["a"],"exp":2,"iat":1,"iss":"i","sub":"s","more":1}"#,
            r#"{"aud":["a"],"aud":["a"],"exp":2,"iat":1,"iss":"i","sub":"s"}"#,
            r#"{"aud":"a","exp":2,"iat":1,"iss":"i","sub":"s"}"#,
        ] {
            assert!(
                Issued::open(&token(HEADER, claims)).unwrap().svid_claims().is_none(),
                "{claims}"
            );
        }
        let twice = r#"{"aud":"a","exp":2,"exp":3,"iat":1,"iss":"i","jti":"j","sub":"s"}"#;
        assert!(Issued::open(&token(HEADER, twice)).unwrap().token_claims().is_none());
    }

    #[test]
    fn an_audience_is_a_text_or_a_list() {
        let of = |aud: &str| {
            let claims = format!(
                r#"{{"aud":{aud},"exp":2,"iat":1,"iss":"i","jti":"j","sub":"s","x":{{}}}}"#
            );
            let token = token(HEADER, &claims);
            let names = |names: &[&str]| {
                let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
                Issued::open(&token).unwrap().token_claims().unwrap().aud.names(&names)
            };
            [names(&["a"]), names(&["a", "b"]), names(&[])]
        };
        assert_eq!(of(r#""a""#), [true, false, false]);
        assert_eq!(of(r#"["a"]"#), [true, false, false]);
        assert_eq!(of(r#"["a","b"]"#), [false, true, false]);
    }
}
