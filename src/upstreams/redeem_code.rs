//! The provider's code for claims that hold: token endpoint, ID token, userinfo. No transaction is open meanwhile.

use std::sync::Arc;

use openidconnect::core::{CoreClient, CoreErrorResponseType, CoreTokenResponse};
use openidconnect::{
    AuthType, AuthorizationCode, ClientId, ClientSecret, IssuerUrl, OAuth2TokenResponse,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, StandardErrorResponse, TokenResponse,
};
use serde_json::{Map, Value};

use super::Upstreams;
use super::claims::merged;
use super::fetch::of_outbound;
use super::model::{Error, Upstream};
use super::provider::{Known, Provider};
use super::refusal::{Reason, Refusal};
use super::seal::{self, Document};
use super::terms::ClientAuthentication;
use super::verify::{self, Expected};
use crate::crypto::jose::parse_object;
use crate::kernel::{Fault, Lifetime, RealmId, Secret, Timestamp, UpstreamId};
use crate::outbound;

/// What a provider gave for a code.
pub(super) struct Redeemed {
    /// Of ID token and userinfo.
    pub(super) claims: Map<String, Value>,
    /// The subject that the ID token names.
    pub(super) subject: String,
    pub(super) tokens: Given,
}

/// The provider's tokens.
pub(super) struct Given {
    pub(super) access: Secret<String>,
    pub(super) refresh: Option<Secret<String>>,
    pub(super) lifetime: Option<Lifetime>,
}

/// An attempt that came back.
pub(super) struct Returned<'a> {
    pub(super) realm: RealmId,
    pub(super) upstream: &'a Arc<Upstream>,
    pub(super) document: &'a Document,
    pub(super) began: Timestamp,
    pub(super) code: String,
}

type TokenError = RequestTokenError<outbound::Error, StandardErrorResponse<CoreErrorResponseType>>;

impl Upstreams {
    pub(super) async fn redeem(
        &self,
        provider: &Provider,
        known: Arc<Known>,
        returned: Returned<'_>,
    ) -> Result<Redeemed, Error> {
        let terms = &returned.upstream.terms;
        let answer = self.exchange(provider, &known, &returned).await?;
        let id_token = answer.id_token().map(ToString::to_string);
        let id_token = id_token
            .ok_or_else(|| Refusal::new(Reason::NoIdToken, "the answer has no ID token"))?;
        let tokens = Given {
            access: Secret::new(answer.access_token().secret().clone()),
            refresh: answer.refresh_token().map(|token| Secret::new(token.secret().clone())),
            lifetime: answer.expires_in().map(Lifetime::from_std),
        };
        let expected = Expected {
            issuer: terms.issuer.to_string(),
            client_id: terms.client_id.to_string(),
            algorithms: terms.algorithms.clone(),
            nonce: returned.document.nonce.expose().clone(),
            skew: terms.skew,
            began: returned.began,
            fresh: returned.document.fresh,
            access_token: tokens.access.expose().clone(),
        };
        let claims = self.verified(provider, &known, &id_token, expected).await?;
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned();
        let claims = match known.metadata.userinfo_endpoint().filter(|_| terms.userinfo) {
            None => claims,
            Some(endpoint) => {
                let userinfo = provider.fetch.userinfo(endpoint.url(), &tokens.access).await?;
                // OpenID Connect Core §5.3.2: or another person's claims could be put in.
                if userinfo.get("sub").and_then(Value::as_str) != Some(&subject) {
                    let about = "userinfo is about another subject than the ID token";
                    return Err(Refusal::new(Reason::UserinfoSubject, about).into());
                }
                merged(&claims, userinfo)
            }
        };
        Ok(Redeemed { claims, subject, tokens })
    }

    async fn exchange(
        &self,
        provider: &Provider,
        known: &Known,
        returned: &Returned<'_>,
    ) -> Result<CoreTokenResponse, Error> {
        let terms = &returned.upstream.terms;
        let redirect = self.callback(returned.realm, &returned.upstream.id)?;
        let issuer = IssuerUrl::new(terms.issuer.to_string()).map_err(Fault::bug)?;
        let token_endpoint = known.metadata.token_endpoint().cloned();
        let token_endpoint = token_endpoint.ok_or_else(|| Fault::bug("checked at discovery"))?;
        let client_id = ClientId::new(terms.client_id.to_string());
        let mut client = CoreClient::new(client_id, issuer, known.keys.clone())
            .set_token_uri(token_endpoint)
            .set_redirect_uri(RedirectUrl::new(redirect).map_err(Fault::bug)?)
            .set_auth_type(match terms.client_authentication {
                ClientAuthentication::ClientSecretBasic => AuthType::BasicAuth,
                ClientAuthentication::ClientSecretPost | ClientAuthentication::None => {
                    AuthType::RequestBody
                }
            });
        if let Some(secret) = self.client_secret(returned.realm, returned.upstream)? {
            client = client.set_client_secret(ClientSecret::new(secret.expose().clone()));
        }
        let verifier = PkceCodeVerifier::new(returned.document.verifier.expose().clone());
        let http = provider.fetch.library();
        let answer = client
            .exchange_code(AuthorizationCode::new(returned.code.clone()))
            .set_pkce_verifier(verifier)
            .request_async(&http)
            .await;
        answer.map_err(|error| explain(&error, returned).into())
    }

    /// Checks the token on a thread that may take its time: a provider chooses how large its keys are. The library may not
    /// expect what a key holds, and a panic there is a refusal here.
    async fn verified(
        &self,
        provider: &Provider,
        known: &Arc<Known>,
        token: &str,
        expected: Expected,
    ) -> Result<Map<String, Value>, Refusal> {
        let now = self.env.clock.now();
        let check = async |known: &Known| {
            let (token, keys, expected) = (token.to_owned(), known.keys.clone(), expected.clone());
            let work = move || verify::verify(&token, keys, &expected, now);
            let checked = tokio::task::spawn_blocking(work).await;
            checked.unwrap_or_else(|_| {
                Err(Refusal::new(Reason::Signature, "the check itself failed on this token"))
            })
        };
        let refusal = match check(known).await {
            Err(refusal) if verify::is_about_keys(&refusal) => refusal,
            other => return other,
        };
        match provider.newer_keys(known).await? {
            Some(newer) => check(&newer).await,
            None => Err(refusal),
        }
    }

    pub(super) fn client_secret(
        &self,
        realm: RealmId,
        upstream: &Upstream,
    ) -> Result<Option<Secret<String>>, Fault> {
        self.open_secret(realm, &upstream.id, upstream.sealed_secret.as_deref())
    }

    /// What is in a row or a delivery of it.
    pub(super) fn open_secret(
        &self,
        realm: RealmId,
        id: &UpstreamId,
        blob: Option<&[u8]>,
    ) -> Result<Option<Secret<String>>, Fault> {
        let Some(blob) = blob else { return Ok(None) };
        let opened = self.below.ring.open(&seal::secret_place(realm, id), blob)?;
        let text = std::str::from_utf8(opened.expose());
        let text = text.map_err(|error| Fault::malformed("client secret", error))?;
        Ok(Some(Secret::new(text.to_owned())))
    }
}

fn explain(error: &TokenError, returned: &Returned<'_>) -> Refusal {
    match error {
        RequestTokenError::Request(inner) => of_outbound(inner, Reason::TokenEndpoint),
        RequestTokenError::ServerResponse(said) => {
            Refusal::new(Reason::CodeRefused, format_args!("the provider says `{}`", said.error()))
        }
        RequestTokenError::Parse(_, body) => unreadable(body, returned),
        RequestTokenError::Other(_) => {
            Refusal::new(Reason::TokenAnswer, "the answer is none that can be read")
        }
    }
}

/// The library reads the ID token together with the answer: what it found wrong with the token is looked for again, because
/// an administrator is helped by `sub` is missing and not by an answer that cannot be read.
fn unreadable(body: &[u8], returned: &Returned<'_>) -> Refusal {
    let answer = Refusal::new(Reason::TokenAnswer, "the answer is no JSON of RFC 6749 §5.1");
    let Ok(members) = parse_object(body) else { return answer };
    let Some(token) = members.get("id_token").and_then(Value::as_str) else { return answer };
    let looked = verify::check_header(token, &returned.upstream.terms.algorithms)
        .and_then(|()| verify::payload(token))
        .and_then(|claims| verify::check_presence(&claims));
    looked.err().unwrap_or_else(|| {
        Refusal::new(Reason::IdTokenForm, "a claim has another type than it must")
    })
}
