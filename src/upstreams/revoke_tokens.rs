//! A provider is told that the tokens it gave for somebody are needed no more (RFC 7009): when the link goes, the person, or
//! the upstream.
//!
//! It is told by a delivery, written in the transaction that forgets the tokens: nobody waits for a provider to be rid of
//! something, and one that is away hears of it later. The delivery carries what it needs, for the rows are gone by then, and
//! carries it sealed as the rows had it.

use futures_util::future::BoxFuture;
use openidconnect::core::{CoreClient, CoreJsonWebKeySet, CoreRevocableToken};
use openidconnect::{
    AuthType, ClientId, ClientSecret, IssuerUrl, RefreshToken, RequestTokenError, RevocationUrl,
};
use serde_json::{Value, json};

use super::provider::Provider;
use super::store::Stored;
use super::terms::{ClientAuthentication, Terms};
use super::{Fetch, Upstreams, store};
use crate::accounts::{Change, Erased, KeepsPersonalData};
use crate::crypto::digest::{base64url, from_base64url, hex, sha256};
use crate::db::Tx;
use crate::jobs::deliveries::{Delivery, DeliveryHandler, NotDelivered, post};
use crate::kernel::{Fault, RealmId, Secret, Timestamp, UpstreamId, UserId};
use std::sync::Arc;

/// Tells providers.
#[derive(Debug, Clone)]
pub struct RevokeTokens(pub Upstreams);

/// What a delivery carries.
#[derive(Debug, PartialEq, Eq)]
struct Revocation {
    upstream: UpstreamId,
    user: UserId,
    /// Sealed, as their row had them.
    tokens: Vec<u8>,
    /// The upstream's document, as its row had it.
    settings: String,
    /// The client secret, sealed as its row had it.
    secret: Option<Vec<u8>>,
}

/// Posts that these tokens of somebody at this upstream are needed no more.
pub(super) async fn tell(
    tx: &mut Tx,
    upstream: &Stored,
    (user, tokens): (UserId, Vec<u8>),
    now: Timestamp,
) -> Result<(), Fault> {
    // One for each token: whoever links again, and unlinks again, has another one.
    let id = format!("{REVOCATION}/{}", hex(&sha256(&tokens)));
    let revocation = Revocation {
        upstream: upstream.id.clone(),
        user,
        tokens,
        settings: upstream.document.clone(),
        secret: upstream.secret.clone(),
    };
    post(tx, &Delivery { id, kind: REVOCATION.into(), body: revocation.print() }, now).await
}

impl DeliveryHandler for RevokeTokens {
    fn kind(&self) -> &'static str {
        REVOCATION
    }

    /// The provider's issuer.
    fn destination(&self, _realm: RealmId, delivery: &Delivery) -> String {
        let terms =
            Revocation::read(&delivery.body).and_then(|one| Terms::read(&one.settings).ok());
        terms.map(|terms| terms.issuer.to_string()).unwrap_or_default()
    }

    fn deliver<'a>(
        &'a self,
        realm: RealmId,
        delivery: &'a Delivery,
    ) -> BoxFuture<'a, Result<(), NotDelivered>> {
        Box::pin(async move {
            let revocation = Revocation::read(&delivery.body);
            let revocation = revocation
                .ok_or_else(|| NotDelivered::Ever("the revocation is damaged".to_owned()))?;
            self.0.revoke(realm, &revocation).await
        })
    }
}

impl KeepsPersonalData for Upstreams {
    fn name(&self) -> &'static str {
        "tokens_of_providers"
    }

    /// Which providers' tokens are kept. The tokens themselves open that provider's doors and are no knowledge of the person.
    fn export<'t>(
        &'t self,
        tx: &'t mut Tx,
        user: &'t Erased,
    ) -> BoxFuture<'t, Result<Value, Fault>> {
        Box::pin(async move {
            let kept = store::tokens_of(tx, user.user).await?;
            Ok(kept.iter().map(|(upstream, _)| json!({ "provider": upstream.as_str() })).collect())
        })
    }

    fn erase<'t>(
        &'t self,
        tx: &'t mut Tx,
        user: &'t Erased,
    ) -> BoxFuture<'t, Result<Vec<Change>, Fault>> {
        Box::pin(async move {
            let now = self.env.clock.now();
            for (id, tokens) in store::tokens_of(tx, user.user).await? {
                if let Some(upstream) = store::find(tx, &id).await? {
                    tell(tx, &upstream, (user.user, tokens), now).await?;
                }
                store::drop_tokens(tx, &id, user.user).await?;
            }
            Ok(Vec::new())
        })
    }
}

impl Upstreams {
    /// RFC 7009: what hangs off the refresh token ends with it. A provider without a revocation endpoint has nothing to be told.
    async fn revoke(&self, realm: RealmId, told: &Revocation) -> Result<(), NotDelivered> {
        let ever = |error: &dyn std::fmt::Display| NotDelivered::Ever(error.to_string());
        let yet = |error: &dyn std::fmt::Display| NotDelivered::Yet(error.to_string());
        let kept = self.open_tokens(realm, (&told.upstream, told.user), &told.tokens);
        let Some(token) = kept.map_err(|error| ever(&error))?.refresh_token else { return Ok(()) };
        let secret = self.open_secret(realm, &told.upstream, told.secret.as_deref());
        let secret = secret.map_err(|error| ever(&error))?;
        let terms = Terms::read(&told.settings).map_err(|error| ever(&error))?;
        let provider =
            self.provider_of(realm, &told.upstream, &terms).map_err(|fault| yet(&fault))?;
        let known = provider.known().await.map_err(|refusal| yet(&refusal))?;
        let endpoint = known.metadata.additional_metadata().revocation_endpoint.clone();
        let Some(endpoint) = endpoint.filter(|url| url.starts_with("https://")) else {
            return Ok(());
        };
        let endpoint = RevocationUrl::new(endpoint).map_err(|error| ever(&error))?;
        let client = client(&terms, endpoint, secret).map_err(|error| ever(&error))?;
        let token = CoreRevocableToken::RefreshToken(RefreshToken::new(token.expose().clone()));
        let request = client.revoke_token(token).map_err(|error| ever(&error))?;
        match request.request_async(&provider.fetch.library()).await {
            Ok(()) => Ok(()),
            // §2.2.1: it was heard, and is no; the next one would be the same.
            Err(error @ RequestTokenError::ServerResponse(_)) => Err(ever(&error)),
            Err(error) => Err(yet(&error)),
        }
    }

    /// The provider as it is known already, where the upstream is still what it was.
    fn provider_of(
        &self,
        realm: RealmId,
        id: &UpstreamId,
        terms: &Terms,
    ) -> Result<Arc<Provider>, Fault> {
        let slot = self.slot(realm, id);
        if let Some(slot) = slot.filter(|slot| slot.upstream.terms.written() == terms.written()) {
            return self.provider(&slot);
        }
        let fetch = Fetch::new(self.world()?, self.limits(), self.private_host(terms))?;
        Ok(Arc::new(Provider::new(fetch, &terms.issuer, Arc::clone(&self.env.clock))?))
    }
}

/// A client that can revoke, and nothing else.
type Revoker = openidconnect::core::CoreClient<
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointSet,
>;

fn client(
    terms: &Terms,
    endpoint: RevocationUrl,
    secret: Option<Secret<String>>,
) -> Result<Revoker, Fault> {
    let issuer = IssuerUrl::new(terms.issuer.to_string()).map_err(Fault::bug)?;
    let id = ClientId::new(terms.client_id.to_string());
    let client = CoreClient::new(id, issuer, CoreJsonWebKeySet::default())
        .set_revocation_url(endpoint)
        .set_auth_type(match terms.client_authentication {
            ClientAuthentication::ClientSecretBasic => AuthType::BasicAuth,
            _ => AuthType::RequestBody,
        });
    Ok(match secret {
        Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose().clone())),
        None => client,
    })
}

impl Revocation {
    fn print(&self) -> Vec<u8> {
        let Self { upstream, user, tokens, settings, secret } = self;
        json!({
            "upstream": upstream.as_str(),
            "user": user.to_string(),
            "tokens": base64url(tokens),
            "settings": settings,
            "secret": secret.as_deref().map(base64url),
        })
        .to_string()
        .into_bytes()
    }

    fn read(body: &[u8]) -> Option<Self> {
        let document: Value = serde_json::from_slice(body).ok()?;
        let text = |name: &str| document.get(name)?.as_str();
        let secret = match text("secret") {
            Some(secret) => Some(from_base64url(secret)?),
            None => None,
        };
        Some(Self {
            upstream: UpstreamId::parse(text("upstream")?).ok()?,
            user: UserId::parse(text("user")?).ok()?,
            tokens: from_base64url(text("tokens")?)?,
            settings: text("settings")?.to_owned(),
            secret,
        })
    }
}

/// The kind of these deliveries.
pub const REVOCATION: &str = "upstream.revocation";
