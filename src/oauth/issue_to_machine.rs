//! Client credentials (RFC 6749 §4.4): a client asks in its own name. Reads no database.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Oauth;
use super::client::SharedClient;
use super::exchange_token::{audience, one};
use super::grant::Place;
use super::issue_tokens::{TokenAnswer, Wanted};
use super::parameters::{Parameters, words};
use super::wire_error::{Code, WireError};
use crate::svid::GrantKind;

impl Oauth {
    pub(super) async fn issue_to_machine(
        &self,
        (place, from): (&Place, Option<IpAddr>),
        client: &SharedClient,
        form: &Parameters,
    ) -> Result<TokenAnswer, WireError> {
        let asked = form.all("resource").next().is_some();
        let audience = match usual(client) {
            Some(only) if !asked => vec![only],
            _ if !asked => vec![place.issuer.clone()],
            _ => audience(form, client, (&place.issuer, &allowed(client, &place.issuer)))?,
        };
        let scopes = scopes(form, client, &audience)?;
        let kind = GrantKind::ClientCredentials;
        let wanted = Wanted { kind, scopes, audience, nonce: None };
        self.issue_for_client((place, from), client, wanted, self.env.clock.now()).await
    }
}

/// Where a client has one resource, that is what it means.
fn usual(client: &SharedClient) -> Option<String> {
    match client.terms.resources.as_slice() {
        [only] => Some(only.uri.clone()),
        _ => None,
    }
}

/// What it may ask for: nobody consents for a machine, so its registration does.
fn allowed(client: &SharedClient, issuer: &str) -> Vec<String> {
    let registered = client.terms.resources.iter().map(|resource| resource.uri.clone());
    registered.chain([issuer.to_owned(), format!("{issuer}/api")]).collect()
}

/// Its own scopes, and those of the resources it asks for; all of them where it names none. Those of people are none of a
/// machine's.
fn scopes(
    form: &Parameters,
    client: &SharedClient,
    audience: &[String],
) -> Result<BTreeSet<String>, WireError> {
    let terms = &client.terms;
    let of_resources = audience.iter().filter_map(|uri| terms.resource(uri));
    let mut all: BTreeSet<String> = terms.scopes.clone();
    all.extend(of_resources.flat_map(|resource| resource.scopes.iter().cloned()));
    all.retain(|scope| scope != "openid" && scope != "offline_access");
    let Some(text) = one(form, "scope")? else { return Ok(all) };
    let asked: BTreeSet<String> = words(text).map(str::to_owned).collect();
    if asked.is_subset(&all) {
        Ok(asked)
    } else {
        Err(WireError::new(Code::InvalidScope, "this client may not ask for all of these scopes"))
    }
}
