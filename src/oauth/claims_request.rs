//! The parameter `claims` (OpenID Connect Core §5.5): which claims a client would like, and where.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::crypto::jose::parse_object;

/// What was asked for. What we do not know is passed over (§5.5: a claim that is not there is no error).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClaimsRequest {
    /// Names for the ID token.
    pub id_token: BTreeSet<String>,
    /// Names for userinfo.
    pub userinfo: BTreeSet<String>,
    /// `sub` with a value, in either place: nobody else will do.
    pub subject: Option<String>,
    /// `acr` values for the ID token, best first (§5.5.1.1).
    pub acr: Vec<String>,
    /// True if one of those is a must.
    pub acr_essential: bool,
}

/// Why the parameter cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("claims is no JSON object of the form of OpenID Connect Core 5.5")]
pub struct ClaimsError;

impl ClaimsRequest {
    /// Reads the parameter.
    pub fn parse(text: &str) -> Result<Self, ClaimsError> {
        if text.len() > BYTES_MAX {
            return Err(ClaimsError);
        }
        let document = parse_object(text.as_bytes()).map_err(|_| ClaimsError)?;
        let mut request = Self::default();
        for (member, names) in [("id_token", true), ("userinfo", false)] {
            let Some(asked) = part(&document, member)? else { continue };
            for (name, wish) in asked {
                let wish = Wish::of(wish)?;
                if name == "sub" {
                    request.take_subject(&wish)?;
                }
                if name == "acr" && names {
                    request.acr.clone_from(&wish.values);
                    request.acr_essential = wish.essential;
                }
                let known = name.len() <= NAME_BYTES_MAX;
                let set = if names { &mut request.id_token } else { &mut request.userinfo };
                if known && set.len() < NAMES_MAX {
                    set.insert(name.clone());
                }
            }
        }
        Ok(request)
    }

    fn take_subject(&mut self, wish: &Wish) -> Result<(), ClaimsError> {
        let Some(value) = wish.values.first() else { return Ok(()) };
        if self.subject.as_ref().is_some_and(|other| other != value) {
            return Err(ClaimsError);
        }
        self.subject = Some(value.clone());
        Ok(())
    }
}

/// What is said of one claim.
struct Wish {
    essential: bool,
    values: Vec<String>,
}

impl Wish {
    fn of(value: &Value) -> Result<Self, ClaimsError> {
        let members = match value {
            Value::Null => return Ok(Self { essential: false, values: Vec::new() }),
            Value::Object(members) => members,
            _ => return Err(ClaimsError),
        };
        let essential = match members.get("essential") {
            None => false,
            Some(value) => value.as_bool().ok_or(ClaimsError)?,
        };
        let one = members.get("value").into_iter();
        let many = match members.get("values") {
            None => &[],
            Some(values) => values.as_array().ok_or(ClaimsError)?.as_slice(),
        };
        let texts = one.chain(many).filter_map(Value::as_str);
        Ok(Self { essential, values: texts.take(NAMES_MAX).map(str::to_owned).collect() })
    }
}

fn part<'d>(
    document: &'d Map<String, Value>,
    member: &str,
) -> Result<Option<&'d Map<String, Value>>, ClaimsError> {
    match document.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(asked)) => Ok(Some(asked)),
        Some(_) => Err(ClaimsError),
    }
}

/// The longest sensible request names every standard claim twice.
const BYTES_MAX: usize = 8 * 1024;
const NAMES_MAX: usize = 32;
/// The names travel in the access token.
const NAME_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oidc_020_claims_are_read_as_core_says_and_nothing_else_is() {
        let read = ClaimsRequest::parse(
            r#"{"userinfo":{"name":{"essential":true},"email":null,"sub":{"value":"ann"}},
                "id_token":{"auth_time":{"essential":true},"acr":{"values":["aal2","aal1"],"essential":true}},"x":1}"#,
        )
        .unwrap();
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(read.userinfo, names(&["name", "email", "sub"]));
        assert_eq!(read.id_token, names(&["auth_time", "acr"]));
        assert_eq!(read.subject.as_deref(), Some("ann"));
        assert_eq!((read.acr, read.acr_essential), (vec!["aal2".into(), "aal1".into()], true));
        for bad in [
            "",
            "[]",
            "name",
            r#"{"userinfo":[]}"#,
            r#"{"userinfo":{"name":1}}"#,
            r#"{"userinfo":{"name":{"essential":"yes"}}}"#,
            r#"{"userinfo":{"name":{"values":"a"}}}"#,
            r#"{"userinfo":{},"userinfo":{}}"#,
            r#"{"userinfo":{"sub":{"value":"a"}},"id_token":{"sub":{"value":"b"}}}"#,
        ] {
            assert_eq!(ClaimsRequest::parse(bad), Err(ClaimsError), "{bad}");
        }
        assert_eq!(ClaimsRequest::parse("{}"), Ok(ClaimsRequest::default()));
    }
}
