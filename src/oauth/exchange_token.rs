//! The token endpoint (RFC 6749 §3.2): who asks, by which grant. Each grant is a file of its own.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Oauth;
use super::authorization_request::check_resource;
use super::client::{GrantType, SharedClient};
use super::client_auth::Credentials;
use super::grant::Place;
use super::issue_tokens::TokenAnswer;
use super::parameters::{Parameters, words};
use super::wire_error::{Code, WireError};
use crate::kernel::DeviceId;

/// What a request shows beside its form.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shows<'a> {
    /// `Authorization`.
    pub authorization: Option<&'a str>,
    /// The device that proved its key.
    pub device: Option<DeviceId>,
    /// Where the client is.
    pub address: Option<IpAddr>,
}

impl Oauth {
    /// Tokens for a client that shows who it is and what it was granted.
    pub async fn token(
        &self,
        place: &Place,
        shows: Shows<'_>,
        form: &Parameters,
    ) -> Result<TokenAnswer, WireError> {
        let credentials = Credentials::of(shows.authorization, form)?;
        let client = self.authenticate(place.realm, &credentials)?;
        let grant_type =
            one(form, "grant_type")?.ok_or_else(|| WireError::request("grant_type is missing"))?;
        let unsupported =
            || WireError::new(Code::UnsupportedGrantType, "this grant_type is not supported");
        let grant = GrantType::parse(grant_type).ok_or_else(unsupported)?;
        if !client.terms.allows(grant) {
            let words = "this client may not use this grant_type";
            return Err(WireError::new(Code::UnauthorizedClient, words));
        }
        let device = shows.device;
        match grant {
            GrantType::AuthorizationCode => self.redeem_code(place, (&client, device), form).await,
            GrantType::RefreshToken => self.refresh(place, (&client, device), form).await,
            GrantType::ClientCredentials => {
                self.issue_to_machine((place, shows.address), &client, form).await
            }
        }
    }
}

/// A parameter that stands once.
pub(super) fn one<'f>(
    form: &'f Parameters,
    name: &'static str,
) -> Result<Option<&'f str>, WireError> {
    form.one(name).map_err(|_| WireError::request(format!("{name} was sent twice")))
}

/// The resources that a token is for: those asked for (each allowed to the client, and among those granted), or all granted,
/// or the provider itself (RFC 8707 §2.2). Where none was granted, the provider is: nobody was asked about any other.
pub(super) fn audience(
    form: &Parameters,
    client: &SharedClient,
    (issuer, granted): (&str, &[String]),
) -> Result<Vec<String>, WireError> {
    let mut asked: Vec<String> = Vec::new();
    for resource in form.all("resource") {
        check_resource(resource, client, issuer)?;
        let among = match granted {
            [] => resource == issuer,
            some => some.iter().any(|known| known == resource),
        };
        if !among {
            let words = "this resource was not granted";
            return Err(WireError::new(Code::InvalidTarget, words));
        }
        if !asked.iter().any(|known| known == resource) {
            asked.push(resource.to_owned());
        }
    }
    Ok(match (asked.is_empty(), granted.is_empty()) {
        (false, _) => asked,
        (true, false) => granted.to_vec(),
        (true, true) => vec![issuer.to_owned()],
    })
}

/// The scopes of a request to the token endpoint: as granted, or fewer (RFC 6749 §6).
pub(super) fn narrowed(
    form: &Parameters,
    granted: &BTreeSet<String>,
) -> Result<BTreeSet<String>, WireError> {
    let Some(text) = one(form, "scope")? else { return Ok(granted.clone()) };
    let asked: BTreeSet<String> = words(text).map(str::to_owned).collect();
    if asked.is_subset(granted) {
        Ok(asked)
    } else {
        Err(WireError::new(Code::InvalidScope, "more scopes than were granted"))
    }
}
