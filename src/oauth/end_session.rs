//! Sign-out that an application asks for (OpenID Connect RP-Initiated Logout §2, §3).

use std::sync::Arc;

use super::Oauth;
use super::answer_application::with_query;
use super::client::SharedClient;
use super::exchange_token::one;
use super::grant::Place;
use super::parameters::Parameters;
use super::wire_error::WireError;
use crate::kernel::{ClientId, Failure, RealmId};
use crate::sessions::{Browser, Session, Why};
use crate::svid::{Expiry, TokenKind, VerifiedToken};

/// What the browser does next.
#[derive(Debug)]
pub enum Leave {
    /// Nobody is signed in any more; to this address of the application, or to a page that says so.
    Done(Option<String>),
    /// The person is asked first.
    Ask {
        /// What people call the application, if it is known.
        application: Option<String>,
        /// Who is signed in.
        session: Arc<Session>,
    },
}

/// A request whose address may be gone to.
struct Request {
    client: Option<SharedClient>,
    /// The verified hint.
    hint: Option<Arc<VerifiedToken>>,
    to: Option<String>,
}

impl Oauth {
    /// A sign-out as it is asked for. An error is a page, never a redirect.
    ///
    /// A hint that belongs to the browser's own session says that the application speaks of this sign-in; without one the
    /// person is asked, because any page of the world can send a browser here (§2, §6).
    pub async fn leave(
        &self,
        place: &Place,
        parameters: &Parameters,
        (browser, confirmed): (&Browser, bool),
    ) -> Result<Leave, WireError> {
        let request = self.read_logout(place, parameters)?;
        let Some(session) = self.session_of(place.realm, browser).await? else {
            return Ok(Leave::Done(request.to));
        };
        let own = request.hint.as_ref().is_some_and(|hint| belongs(hint, &session));
        if !own && !confirmed {
            let application = request.client.map(|client| client.terms.name.clone());
            return Ok(Leave::Ask { application, session });
        }
        let why = if own { Why::ClientAsked } else { Why::SignedOut };
        self.sessions.end(place.realm, session.id, why).await.map_err(Failure::from)?;
        self.told.nudge();
        Ok(Leave::Done(request.to))
    }

    fn read_logout(&self, place: &Place, parameters: &Parameters) -> Result<Request, WireError> {
        let now = self.env.clock.now();
        let wrong = || WireError::request("id_token_hint is no ID token of this provider");
        let hint = match one(parameters, "id_token_hint")? {
            None => None,
            Some(text) => {
                let expiry = (now, Expiry::Ignored);
                let token = self.svid.verify_token(place.realm, text, TokenKind::Id, expiry);
                Some(token.map_err(|_| wrong())?)
            }
        };
        let named = one(parameters, "client_id")?;
        let client = self.logout_client(place.realm, hint.as_deref(), named)?;
        let state = one(parameters, "state")?;
        let to = match (one(parameters, "post_logout_redirect_uri")?, &client, &hint) {
            (None, _, _) => None,
            (Some(uri), Some(client), Some(_)) => Some(address(client, uri, state)?),
            // Whoever asks shows that the browser's person was theirs (§3).
            (Some(_), _, _) => return Err(WireError::request("id_token_hint is missing")),
        };
        Ok(Request { client, hint, to })
    }

    fn logout_client(
        &self,
        realm: RealmId,
        hint: Option<&VerifiedToken>,
        named: Option<&str>,
    ) -> Result<Option<SharedClient>, WireError> {
        let unknown = || WireError::request("no application of this client_id is known here");
        let find = |text: &str| {
            ClientId::parse(text).ok().and_then(|id| self.client(realm, &id)).ok_or_else(unknown)
        };
        match (hint, named) {
            (None, None) => Ok(None),
            (None, Some(named)) => find(named).map(Some),
            (Some(hint), named) => {
                let audience = hint.audience.first().ok_or_else(unknown)?;
                if named.is_some_and(|named| named != audience) {
                    return Err(WireError::request("client_id is not that of id_token_hint"));
                }
                find(audience).map(Some)
            }
        }
    }
}

/// The registered address, with `state` if there is one (§3).
fn address(client: &SharedClient, uri: &str, state: Option<&str>) -> Result<String, WireError> {
    let (terms, profile) = (&client.terms, client.terms.profile);
    if !terms.post_logout_redirect_uris.iter().any(|known| known.matches(uri, profile)) {
        let words = "post_logout_redirect_uri is not registered for this application";
        return Err(WireError::request(words));
    }
    let Some(state) = state else { return Ok(uri.to_owned()) };
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("state", state);
    Ok(with_query(uri, &query.finish()))
}

/// The same person in the same session.
fn belongs(hint: &VerifiedToken, session: &Session) -> bool {
    let sid = hint.claims.get("sid").and_then(serde_json::Value::as_str);
    hint.subject == session.user.to_string() && sid == Some(session.id.to_string().as_str())
}
