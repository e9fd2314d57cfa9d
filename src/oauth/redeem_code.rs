//! An authorization code for tokens (RFC 6749 §4.1.3, RFC 7636 §4.6). A code works once; a second use ends what the first gave.

use std::sync::Arc;

use subtle::ConstantTimeEq;

use super::client::{Client, GrantType, Profile, SharedClient};
use super::exchange_token::{audience, narrowed, one};
use super::grant::{CodeTerms, Grant, OnDevice, Place};
use super::issue_tokens::{TokenAnswer, Wanted};
use super::parameters::Parameters;
use super::refresh_token::RefreshToken;
use super::wire_error::WireError;
use super::{Oauth, store};
use crate::crypto::digest::{base64url, sha256};
use crate::db::Tx;
use crate::kernel::{DeviceId, Fault, GrantId, Secret, Timestamp};
use crate::svid::GrantKind;

/// What is written in one go.
struct Input {
    digest: [u8; 32],
    form: Parameters,
    client: SharedClient,
    /// The device that proved its key.
    device: Option<DeviceId>,
    issuer: String,
    /// What the first refresh token is made of, should there be one.
    secret: Secret<[u8; 32]>,
    now: Timestamp,
}

/// What came of a code.
enum Use {
    /// It was good, and is used up; its family has begun, where it begins one.
    First(Box<(Grant, Wanted)>, Option<RefreshToken>),
    /// It is used up, and gives nothing: what was shown with it is not right.
    InVain(WireError),
    /// It was used before.
    Again(GrantId),
    /// It never was, or its minute is over.
    Unknown,
}

impl Oauth {
    pub(super) async fn redeem_code(
        &self,
        place: &Place,
        (client, device): (&SharedClient, Option<DeviceId>),
        form: &Parameters,
    ) -> Result<TokenAnswer, WireError> {
        let code = one(form, "code")?.ok_or_else(|| WireError::request("code is missing"))?;
        // Sent twice they are no request: the code is not looked at.
        one(form, "code_verifier")?;
        one(form, "redirect_uri")?;
        let now = self.env.clock.now();
        let input = Input {
            digest: sha256(code.as_bytes()),
            form: form.clone(),
            client: Arc::clone(client),
            device,
            issuer: place.issuer.clone(),
            secret: self.env.entropy.token()?,
            now,
        };
        let outcome =
            self.env.db.write(place.realm, input, |tx, input| Box::pin(use_code(tx, input))).await;
        match outcome? {
            Use::First(found, refresh_token) => {
                let (grant, wanted) = *found;
                let answer = self.issue_for_person(place, (client, &grant), wanted, now).await?;
                Ok(TokenAnswer { refresh_token: refresh_token.map(|token| token.text()), ..answer })
            }
            Use::InVain(error) => Err(error),
            Use::Again(grant) => {
                // RFC 6749 §4.1.2: whoever used it first may have been a thief.
                self.revoke_grant(place.realm, grant).await?;
                Err(WireError::grant())
            }
            Use::Unknown => Err(WireError::grant()),
        }
    }
}

/// Uses the code up and begins the family of its refresh tokens, in one transaction: a crash between them would leave a code
/// that is gone and a person who has to sign in again.
async fn use_code(tx: &mut Tx, input: &Input) -> Result<Use, Fault> {
    let Some((id, terms)) = store::use_code(tx, &input.digest, input.now).await? else {
        return Ok(store::used_code(tx, &input.digest).await?.map_or(Use::Unknown, Use::Again));
    };
    let Some(mut grant) = store::grant(tx, id).await? else { return Ok(Use::Unknown) };
    let wanted = match wanted(input, &grant, terms) {
        Ok(wanted) => wanted,
        Err(error) => return Ok(Use::InVain(error)),
    };
    if let Some(device) = input.device {
        grant.device = Some(OnDevice { id: device, key: true });
        store::bind_grant(tx, grant.id, device).await?;
    }
    let first =
        begins_family(&input.client, &grant).then(|| RefreshToken::first(grant.id, &input.secret));
    if let Some(token) = &first {
        let times = (input.now, grant.expires_at);
        store::insert_family(tx, grant.id, &token.digest(), times).await?;
    }
    Ok(Use::First(Box::new((grant, wanted)), first))
}

/// True where the grant is good for a refresh token: it outlives the session, or the client is a program on the person's own
/// machine, whose tokens end with the session.
fn begins_family(client: &Client, grant: &Grant) -> bool {
    let wants = grant.offline || client.terms.profile == Profile::Native;
    wants && client.terms.allows(GrantType::RefreshToken)
}

fn wanted(input: &Input, grant: &Grant, terms: CodeTerms) -> Result<Wanted, WireError> {
    let Input { form, client, issuer, .. } = input;
    let shown = (one(form, "redirect_uri")?, one(form, "code_verifier")?);
    check_code(client, (grant, &terms), shown)?;
    Ok(Wanted {
        kind: GrantKind::AuthorizationCode,
        scopes: narrowed(form, &grant.scopes)?,
        audience: audience(form, client, (issuer, &grant.resources))?,
        nonce: terms.nonce,
    })
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
