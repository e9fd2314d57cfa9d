//! Sends somebody to an upstream: an attempt is kept, and the address says its state, its nonce and its challenge.

use std::sync::Arc;

use openidconnect::core::{CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreJsonWebKeySet};
use openidconnect::{
    ClientId, CsrfToken, IssuerUrl, LoginHint, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, Scope,
};

use super::model::{Binding, Error, LINK_AGE_MAX, Purpose, Start, TRANSACTION_LIFE};
use super::provider::Known;
use super::refusal::{Reason, Refusal};
use super::seal::{self, Document, Errand};
use super::store::{self, Attempt};
use super::terms::{Terms, UpstreamUsage};
use super::{Slot, Upstreams};
use crate::crypto::digest::{base64url, sha256};
use crate::kernel::{Fault, RealmId, Secret, SignInId, UpstreamId};

/// What an attempt is begun with.
pub(super) struct Beginning {
    pub(super) errand: Errand,
    pub(super) sign_in: Option<SignInId>,
    pub(super) binding: Binding,
    pub(super) login_hint: Option<String>,
    pub(super) fresh: bool,
}

impl Upstreams {
    /// The provider's address to send the browser to. The attempt ends after ten minutes, and works once.
    ///
    /// Errors: `NotFound`; `Refused` where the upstream is off, only links, or cannot be reached; `Stale` where somebody wants
    /// to link who has not authenticated just now.
    pub async fn start(
        &self,
        realm: RealmId,
        id: &UpstreamId,
        start: Start,
    ) -> Result<String, Error> {
        let slot = self.slot(realm, id).ok_or_else(|| Error::NotFound(id.clone()))?;
        let Start { sign_in, purpose, binding, login_hint, fresh } = start;
        if let Purpose::Link { authenticated_at, .. } = purpose
            && self.env.clock.now().since(authenticated_at) > LINK_AGE_MAX
        {
            return Err(Error::Stale(LINK_AGE_MAX));
        }
        let begun = match may_be_used(&slot.upstream.terms, &purpose) {
            Ok(()) => {
                let errand = Errand::Person(purpose);
                let beginning = Beginning { errand, sign_in, binding, login_hint, fresh };
                self.begin(realm, &slot, beginning).await
            }
            Err(refusal) => Err(refusal.into()),
        };
        match begun {
            Err(Error::Refused(refusal)) => {
                self.record_refusal(realm, id, &refusal).await?;
                Err(refusal.into())
            }
            other => other.map(|(url, _)| url),
        }
    }

    /// Keeps an attempt; the provider's address, and the digest of the attempt's state.
    pub(super) async fn begin(
        &self,
        realm: RealmId,
        slot: &Slot,
        beginning: Beginning,
    ) -> Result<(String, Binding), Error> {
        let upstream = Arc::clone(&slot.upstream);
        let known = self.provider(slot)?.known().await?;
        let entropy = self.env.entropy.as_ref();
        let random = || Ok::<_, Fault>(base64url(entropy.token()?.expose()));
        let (state, nonce, verifier) = (random()?, random()?, random()?);
        let redirect = self.callback(realm, &upstream.id)?;
        let url =
            address(&upstream.terms, &known, &redirect, (&state, &nonce, &verifier), &beginning)?;
        let document = Document {
            verifier: Secret::new(verifier),
            nonce: Secret::new(nonce),
            party: (upstream.terms.issuer.to_string(), upstream.terms.client_id.to_string()),
            fresh: beginning.fresh,
            errand: beginning.errand,
        };
        let digest = sha256(state.as_bytes());
        let now = self.env.clock.now();
        let attempt = Attempt {
            upstream: upstream.id.clone(),
            sign_in: beginning.sign_in,
            binding: beginning.binding.to_vec(),
            document: seal::seal_document(&self.below.ring, (realm, &digest), &document, entropy)?,
            created_at: now,
            expires_at: now.plus(TRANSACTION_LIFE),
        };
        let keep = self.env.db.write(realm, (digest, attempt), |tx, (digest, attempt)| {
            Box::pin(store::begin(tx, digest, attempt))
        });
        keep.await?;
        Ok((url, digest))
    }
}

/// Looked at whenever somebody leaves for the upstream, and again when they come back.
pub(super) fn may_be_used(terms: &Terms, purpose: &Purpose) -> Result<(), Refusal> {
    if !terms.enabled {
        return Err(Refusal::new(Reason::Disabled, "the upstream is off"));
    }
    if terms.usage == UpstreamUsage::LinkOnly && *purpose == Purpose::SignIn {
        return Err(Refusal::new(Reason::LinkOnly, "the upstream only links accounts"));
    }
    Ok(())
}

fn address(
    terms: &Terms,
    known: &Known,
    redirect: &str,
    (state, nonce, verifier): (&str, &str, &str),
    beginning: &Beginning,
) -> Result<String, Error> {
    let issuer = IssuerUrl::new(terms.issuer.to_string()).map_err(Fault::bug)?;
    let redirect = RedirectUrl::new(redirect.to_owned()).map_err(Fault::bug)?;
    let client = CoreClient::new(
        ClientId::new(terms.client_id.to_string()),
        issuer,
        CoreJsonWebKeySet::default(),
    )
    .set_auth_uri(known.metadata.authorization_endpoint().clone())
    .set_redirect_uri(redirect)
    .disable_openid_scope();
    let verifier = PkceCodeVerifier::new(verifier.to_owned());
    let (state, nonce) = (CsrfToken::new(state.to_owned()), Nonce::new(nonce.to_owned()));
    let flow = CoreAuthenticationFlow::AuthorizationCode;
    let mut request = client
        .authorize_url(flow, move || state, move || nonce)
        .add_scopes(terms.scopes.iter().cloned().map(Scope::new))
        .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
    if beginning.fresh {
        request = request.add_prompt(CoreAuthPrompt::Login).set_max_age(std::time::Duration::ZERO);
    }
    if let Some(hint) = &beginning.login_hint {
        request = request.set_login_hint(LoginHint::new(hint.clone()));
    }
    Ok(request.url().0.into())
}
