//! An authorization code for tokens (RFC 6749 §4.1.3, RFC 7636 §4.6). A code works once; a second use ends what the first gave.

use subtle::ConstantTimeEq;

use super::client::{Client, GrantType, Profile, SharedClient};
use super::exchange_token::{audience, narrowed, one};
use super::grant::{CodeTerms, Grant, Place};
use super::issue_tokens::{TokenAnswer, Wanted};
use super::parameters::Parameters;
use super::refresh_token::RefreshToken;
use super::wire_error::WireError;
use super::{Oauth, store};
use crate::crypto::digest::{base64url, sha256};
use crate::db::Tx;
use crate::kernel::{Fault, GrantId, RealmId, Timestamp};
use crate::svid::GrantKind;

/// What came of a code.
#[derive(Debug)]
pub(super) enum Use {
    /// It was good, and is used up.
    First(Box<(Grant, CodeTerms)>),
    /// It was used before.
    Again(GrantId),
    /// It never was, or its minute is over.
    Unknown,
}

impl Oauth {
    pub(super) async fn redeem_code(
        &self,
        place: &Place,
        client: &SharedClient,
        form: &Parameters,
    ) -> Result<TokenAnswer, WireError> {
        let code = one(form, "code")?.ok_or_else(|| WireError::request("code is missing"))?;
        let verifier = one(form, "code_verifier")?;
        let redirect_uri = one(form, "redirect_uri")?;
        let now = self.env.clock.now();
        let digest = sha256(code.as_bytes());
        let (grant, terms) = match self.use_code(place.realm, digest, now).await? {
            Use::First(found) => *found,
            Use::Again(grant) => {
                // RFC 6749 §4.1.2: whoever used it first may have been a thief.
                self.revoke_grant(place.realm, grant).await?;
                return Err(WireError::grant());
            }
            Use::Unknown => return Err(WireError::grant()),
        };
        check_code(client, (&grant, &terms), (redirect_uri, verifier))?;
        let scopes = narrowed(form, &grant.scopes)?;
        let audience = audience(form, client, (&place.issuer, &grant.resources))?;
        let refresh_token = self.begin_family(place.realm, client, &grant, now).await?;
        let kind = GrantKind::AuthorizationCode;
        let wanted = Wanted { kind, scopes, audience, nonce: terms.nonce };
        let answer = self.issue_for_person(place, (client, &grant), wanted, now).await?;
        Ok(TokenAnswer { refresh_token: refresh_token.map(|token| token.text()), ..answer })
    }

    async fn use_code(
        &self,
        realm: RealmId,
        digest: [u8; 32],
        now: Timestamp,
    ) -> Result<Use, Fault> {
        self.env
            .db
            .write(realm, (digest, now), |tx, (digest, now)| Box::pin(use_code(tx, *digest, *now)))
            .await
    }

    /// The first refresh token, where the grant is good for one: it outlives the session, or the client is a program on the
    /// person's own machine, whose tokens end with the session.
    async fn begin_family(
        &self,
        realm: RealmId,
        client: &Client,
        grant: &Grant,
        now: Timestamp,
    ) -> Result<Option<RefreshToken>, WireError> {
        let wants = grant.offline || client.terms.profile == Profile::Native;
        if !wants || !client.terms.allows(GrantType::RefreshToken) {
            return Ok(None);
        }
        let token = RefreshToken::first(grant.id, self.env.entropy.as_ref())?;
        let input = (grant.id, token.digest(), now, grant.expires_at);
        let written: Result<(), Fault> = self
            .env
            .db
            .write(realm, input, |tx, (grant, digest, now, ends)| {
                Box::pin(store::insert_family(tx, *grant, digest, (*now, *ends)))
            })
            .await;
        written?;
        Ok(Some(token))
    }
}

async fn use_code(tx: &mut Tx, digest: [u8; 32], now: Timestamp) -> Result<Use, Fault> {
    if let Some((id, terms)) = store::use_code(tx, &digest, now).await? {
        return Ok(match store::grant(tx, id).await? {
            Some(grant) => Use::First(Box::new((grant, terms))),
            None => Use::Unknown,
        });
    }
    Ok(store::used_code(tx, &digest).await?.map_or(Use::Unknown, Use::Again))
}

/// Bound to the client, the address, and whoever has the verifier. A verifier without a challenge is refused too: somebody may
/// have taken the challenge out of the request (RFC 9700 §4.8.2).
fn check_code(
    client: &Client,
    (grant, terms): (&Grant, &CodeTerms),
    (redirect_uri, verifier): (Option<&str>, Option<&str>),
) -> Result<(), WireError> {
    let proven = match (&terms.challenge, verifier) {
        (None, None) => true,
        (Some(challenge), Some(verifier)) => {
            let shown = base64url(&sha256(verifier.as_bytes()));
            is_verifier(verifier) && bool::from(shown.as_bytes().ct_eq(challenge.as_bytes()))
        }
        _ => false,
    };
    let bound = grant.client == client.id && redirect_uri == Some(terms.redirect_uri.as_str());
    if proven && bound { Ok(()) } else { Err(WireError::grant()) }
}

/// RFC 7636 §4.1.
fn is_verifier(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    (43..=128).contains(&text.len()) && text.bytes().all(allowed)
}
