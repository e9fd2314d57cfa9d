//! How a client shows who it is at the endpoints that only clients call (RFC 6749 §2.3).

use subtle::ConstantTimeEq;

use super::Oauth;
use super::client::{AuthMethod, Client, SharedClient};
use super::parameters::Parameters;
use super::wire_error::{Code, WireError};
use crate::crypto::digest::{from_base64, sha256};
use crate::kernel::{ClientId, RealmId, Secret};

/// What a request shows of its client.
#[derive(Debug)]
pub struct Credentials {
    id: ClientId,
    shown: Shown,
}

#[derive(Debug)]
enum Shown {
    Nothing,
    Secret(Secret<String>, AuthMethod),
}

impl Credentials {
    /// Reads the `Authorization` header and the form. `invalid_request` where two methods are used at once, `invalid_client`
    /// where there is none that we know.
    pub fn of(header: Option<&str>, form: &Parameters) -> Result<Self, WireError> {
        let one = |name| {
            let twice = |_| WireError::request("client credentials were sent twice");
            form.one(name).map_err(twice)
        };
        let (id, secret) = (one("client_id")?, one("client_secret")?);
        if one("client_assertion")?.is_some() || one("client_assertion_type")?.is_some() {
            let words = "client assertions are not taken";
            return Err(WireError::new(Code::InvalidClient, words));
        }
        match (header, secret) {
            (Some(_), Some(_)) => {
                Err(WireError::request("a client authenticates in one way, not in two"))
            }
            (Some(header), None) => {
                let basic = basic(header)?;
                if id.is_some_and(|id| id != basic.id.as_str()) {
                    return Err(WireError::request("client_id and the header name two clients"));
                }
                Ok(basic)
            }
            (None, secret) => {
                let id = id.ok_or_else(WireError::client)?;
                let id = ClientId::parse(id).map_err(|_| WireError::client())?;
                let shown = match secret {
                    Some(secret) => {
                        Shown::Secret(Secret::new(secret.to_owned()), AuthMethod::SecretPost)
                    }
                    None => Shown::Nothing,
                };
                Ok(Self { id, shown })
            }
        }
    }
}

/// RFC 6749 §2.3.1: both halves are form-encoded before they are joined.
fn basic(header: &str) -> Result<Credentials, WireError> {
    let encoded = match header.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("basic") => rest.trim(),
        _ => return Err(WireError::client()),
    };
    let text = from_base64(encoded).and_then(|bytes| String::from_utf8(bytes).ok());
    let text = Secret::new(text.ok_or_else(WireError::client)?);
    let (id, secret) = text.expose().split_once(':').ok_or_else(WireError::client)?;
    let id = ClientId::parse(&form_decoded(id)).map_err(|_| WireError::client())?;
    let secret = Secret::new(form_decoded(secret));
    Ok(Credentials { id, shown: Shown::Secret(secret, AuthMethod::SecretBasic) })
}

/// One value of a form. A `&` or `=` that was not encoded stands for itself.
fn form_decoded(text: &str) -> String {
    let text = text.replace('&', "%26").replace('=', "%3D");
    let mut pairs = url::form_urlencoded::parse(text.as_bytes());
    pairs.next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

impl Oauth {
    /// The client that these credentials show. `invalid_client` for one that is not known, disabled, registered for another
    /// method, or whose secret is another: in the same words and after the same work.
    pub fn authenticate(
        &self,
        realm: RealmId,
        credentials: &Credentials,
    ) -> Result<SharedClient, WireError> {
        let client = self.client(realm, &credentials.id);
        let passes = match &credentials.shown {
            Shown::Secret(secret, method) => has_secret(client.as_deref(), secret, *method),
            Shown::Nothing => {
                client.as_ref().is_some_and(|client| client.terms.auth_method == AuthMethod::None)
            }
        };
        client.filter(|_| passes).ok_or_else(WireError::client)
    }

    /// The same, for endpoints where a client without a secret has nothing to ask.
    pub fn authenticate_confidential(
        &self,
        realm: RealmId,
        credentials: &Credentials,
    ) -> Result<SharedClient, WireError> {
        let client = self.authenticate(realm, credentials)?;
        match client.terms.auth_method {
            AuthMethod::None => Err(WireError::client()),
            _ => Ok(client),
        }
    }
}

fn has_secret(client: Option<&Client>, shown: &Secret<String>, method: AuthMethod) -> bool {
    let digest = sha256(shown.expose().as_bytes());
    let registered = client.map_or(AuthMethod::None, |client| client.terms.auth_method);
    let by_this = registered == method || registered == AuthMethod::Secret;
    let is = |known: Option<[u8; 32]>| known.map(|known| known.ct_eq(&digest));
    let of =
        |pick: fn(&Client) -> Option<[u8; 32]>| client.and_then(pick).and_then(|d| is(Some(d)));
    let (one, other) = (of(|client| client.secret), of(|client| client.next_secret));
    let either = one.into_iter().chain(other).fold(subtle::Choice::from(0), |a, b| a | b);
    by_this && bool::from(either)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: Option<&str>, form: &str) -> Result<(String, Option<String>), Code> {
        let read = Credentials::of(header, &Parameters::of(form.as_bytes()));
        let read = read.map_err(|error| error.code)?;
        let secret = match read.shown {
            Shown::Secret(secret, _) => Some(secret.expose().clone()),
            Shown::Nothing => None,
        };
        Ok((read.id.to_string(), secret))
    }

    fn header(text: &str) -> String {
        format!("Basic {}", crate::crypto::digest::base64(text.as_bytes()))
    }

    #[test]
    fn oidc_028_a_client_shows_who_it_is_in_one_way() {
        let both = Ok(("shop".to_owned(), Some("a b:%".to_owned())));
        assert_eq!(read(Some(&header("shop:a+b%3A%25")), ""), both);
        assert_eq!(read(Some(&header("shop:a+b%3A%25")), "client_id=shop"), both);
        assert_eq!(read(None, "client_id=shop&client_secret=a+b%3A%25"), both);
        assert_eq!(read(Some(&header("sh%6Fp:x=y")), ""), Ok(("shop".into(), Some("x=y".into()))));
        assert_eq!(read(None, "client_id=shop"), Ok(("shop".into(), None)));
        let refused = [
            (Some(header("shop:x")), "client_secret=x", Code::InvalidRequest),
            (Some(header("shop:x")), "client_id=other", Code::InvalidRequest),
            (None, "client_id=shop&client_id=shop", Code::InvalidRequest),
            (None, "client_id=shop&client_secret=x&client_secret=y", Code::InvalidRequest),
            (None, "client_secret=x", Code::InvalidClient),
            (None, "", Code::InvalidClient),
            (None, "client_id=shop&client_assertion=x", Code::InvalidClient),
            (Some(header("shop")), "", Code::InvalidClient),
            (Some("Basic ?".to_owned()), "", Code::InvalidClient),
            (Some("Bearer x".to_owned()), "", Code::InvalidClient),
        ];
        for (header, form, code) in refused {
            assert_eq!(read(header.as_deref(), form), Err(code), "{header:?} {form}");
        }
    }
}
