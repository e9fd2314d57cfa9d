//! Where an answer may go: registered as a whole, compared letter by letter (RFC 9700 §2.1).

use std::fmt;

use url::Url;

use super::client::Profile;

/// A registered address. Compared as the text it is; only the port of a loopback address of a native client may vary
/// (RFC 8252 §7.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RedirectUri(String);

/// Why a text cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedirectUriError {
    /// Not an absolute URI.
    #[error("is not an absolute URI")]
    NotAbsolute,
    /// RFC 6749 §3.1.2.
    #[error("has a fragment")]
    Fragment,
    /// A user name or password in it.
    #[error("names a user")]
    UserInfo,
    /// `*` is no wildcard here, and nobody should believe that it is.
    #[error("has a `*`: each address is registered whole")]
    Wildcard,
    /// A scheme that a browser runs or reads by itself, or one that belongs to nobody.
    #[error(
        "has a scheme that nobody owns: use https, or for a native application one like `com.example.app`"
    )]
    Scheme,
    /// Whoever is on the way could read the answer.
    #[error("is not https: whoever is on the way could read the answer")]
    Plain,
    /// Longer than any sensible one.
    #[error("is longer than {URI_BYTES_MAX} bytes")]
    TooLong,
}

impl RedirectUri {
    /// Reads an address for a client of this profile; `plain` lets `http` to other machines pass.
    pub fn parse(text: &str, profile: Profile, plain: bool) -> Result<Self, RedirectUriError> {
        if text.len() > URI_BYTES_MAX {
            return Err(RedirectUriError::TooLong);
        }
        let printable = |b: u8| b.is_ascii_graphic();
        let url = Url::parse(text).map_err(|_| RedirectUriError::NotAbsolute)?;
        if !text.bytes().all(printable) {
            return Err(RedirectUriError::NotAbsolute);
        }
        if text.contains('#') {
            return Err(RedirectUriError::Fragment);
        }
        if text.contains('*') {
            return Err(RedirectUriError::Wildcard);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(RedirectUriError::UserInfo);
        }
        match url.scheme() {
            "https" => Ok(()),
            "http" if plain || loopback_rest(text).is_some() => Ok(()),
            "http" => Err(RedirectUriError::Plain),
            // RFC 8252 §7.1: a private scheme is a domain name of the application's, reversed.
            scheme if profile == Profile::Native && scheme.contains('.') => Ok(()),
            _ => Err(RedirectUriError::Scheme),
        }?;
        Ok(Self(text.to_owned()))
    }

    /// Takes a text that was registered before.
    pub(super) fn registered(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if an answer asked to this address may go there.
    pub fn matches(&self, asked: &str, profile: Profile) -> bool {
        if self.0 == asked {
            return true;
        }
        profile == Profile::Native
            && loopback_rest(&self.0).is_some_and(|mine| loopback_rest(asked) == Some(mine))
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Host and what follows the port, if it is plain HTTP to this machine.
fn loopback_rest(text: &str) -> Option<(&'static str, &str)> {
    let rest = text.strip_prefix("http://")?;
    let hosts = ["127.0.0.1", "[::1]", "localhost"];
    let (host, rest) = hosts.into_iter().find_map(|host| Some((host, rest.strip_prefix(host)?)))?;
    let rest = match rest.strip_prefix(':') {
        Some(port) => {
            let path = port.trim_start_matches(|c: char| c.is_ascii_digit());
            let digits = port.len() - path.len();
            (1..=5).contains(&digits).then_some(path)?
        }
        None => rest,
    };
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((host, rest))
}

/// Longer ones do not fit into the headers of some browsers and proxies.
const URI_BYTES_MAX: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_compared_or_is_not_safe_is_not_registered() {
        use RedirectUriError as E;
        let check = |text: &str, profile, expected| {
            let parsed = RedirectUri::parse(text, profile, false).map(|_| ());
            assert_eq!(parsed, expected, "{text}");
        };
        for profile in [Profile::Web, Profile::Spa, Profile::Native] {
            check("https://app.example/cb?x=1", profile, Ok(()));
            check("http://127.0.0.1:4000/cb", profile, Ok(()));
            check("http://[::1]/cb", profile, Ok(()));
            check("http://localhost:3000/cb", profile, Ok(()));
            check("http://localhost.evil.example/cb", profile, Err(E::Plain));
            check("http://127.0.0.1:4000x/cb", profile, Err(E::NotAbsolute));
            check("http://127.0.0.1@evil.example/cb", profile, Err(E::UserInfo));
            check("http://app.example/cb", profile, Err(E::Plain));
            check("https://app.example/cb#f", profile, Err(E::Fragment));
            check("https://*.example/cb", profile, Err(E::Wildcard));
            check("https://u:p@app.example/cb", profile, Err(E::UserInfo));
            check("/cb", profile, Err(E::NotAbsolute));
            check("javascript:alert(1)", profile, Err(E::Scheme));
            check("data:text/html,x", profile, Err(E::Scheme));
            check("myapp:/cb", profile, Err(E::Scheme));
        }
        check("com.example.app:/cb", Profile::Native, Ok(()));
        check("com.example.app:/cb", Profile::Web, Err(E::Scheme));
        assert!(RedirectUri::parse("http://old.example/cb", Profile::Web, true).is_ok());
    }

    #[test]
    fn oidc_012_addresses_are_compared_letter_by_letter_and_only_a_native_loopback_port_varies() {
        let check = |registered: &str, asked: &str, profile, expected: bool| {
            let uri = RedirectUri::parse(registered, profile, false).unwrap();
            assert_eq!(uri.matches(asked, profile), expected, "{registered} {asked}");
        };
        let app = "https://app.example/cb";
        for asked in [
            "https://APP.example/cb",
            "https://app.example:443/cb",
            "https://app.example/cb/",
            "https://app.example/cb?x=1",
            "https://app.example/cb#x",
            "https://app.example/%63b",
            "https://u@app.example/cb",
            "http://app.example/cb",
            "https://app.example/cb/../cb",
            "",
        ] {
            check(app, asked, Profile::Web, false);
        }
        check(app, app, Profile::Web, true);
        check("http://127.0.0.1/cb", "http://127.0.0.1:51234/cb", Profile::Native, true);
        check("http://127.0.0.1:1/cb", "http://127.0.0.1:51234/cb", Profile::Native, true);
        check("http://[::1]/cb", "http://[::1]:51234/cb", Profile::Native, true);
        check("http://127.0.0.1/cb", "http://127.0.0.1:51234/CB", Profile::Native, false);
        check("http://127.0.0.1/cb", "http://localhost:51234/cb", Profile::Native, false);
        check("http://127.0.0.1/cb", "http://127.0.0.1:5x/cb", Profile::Native, false);
        check("http://127.0.0.1:1/cb", "http://127.0.0.1:51234/cb", Profile::Web, false);
    }
}
