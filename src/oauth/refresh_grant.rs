//! A refresh token for tokens (RFC 6749 §6), rotated where the client's registration says so (RFC 9700 §4.14.2).

use std::sync::Arc;

use subtle::ConstantTimeEq;

use super::Oauth;
use super::client::SharedClient;
use super::exchange_token::{audience, narrowed, one};
use super::grant::{Grant, Place};
use super::issue_tokens::{TokenAnswer, Wanted};
use super::parameters::Parameters;
use super::refresh_token::RefreshToken;
use super::store::{self, Family};
use super::wire_error::{Code, WireError};
use crate::crypto::digest::sha256;
use crate::db::Tx;
use crate::kernel::{DeviceId, Fault, Lifetime, RealmId, Secret, Timestamp};
use crate::svid::GrantKind;

/// What is written in one go.
struct Input {
    shown: RefreshToken,
    form: Parameters,
    client: SharedClient,
    /// The device that proved its key.
    device: Option<DeviceId>,
    /// The key of successors, and those of before a change of keys.
    keys: Vec<Secret<[u8; 32]>>,
    issuer: String,
    now: Timestamp,
}

/// What came of a refresh token.
enum Shown {
    /// It counts: what was granted, and what is asked of it.
    Good(Box<(Grant, Wanted)>, Option<RefreshToken>),
    /// It counted once, and was used before: the family ends.
    Stolen,
}

impl Oauth {
    pub(super) async fn refresh(
        &self,
        place: &Place,
        (client, device): (&SharedClient, Option<DeviceId>),
        form: &Parameters,
    ) -> Result<TokenAnswer, WireError> {
        let text = one(form, "refresh_token")?
            .ok_or_else(|| WireError::request("refresh_token is missing"))?;
        let shown = RefreshToken::parse(text).ok_or_else(WireError::grant)?;
        let (family, now) = (shown.grant, self.env.clock.now());
        let input = Input {
            shown,
            form: form.clone(),
            client: Arc::clone(client),
            device,
            keys: self.ring.derived(&label(place.realm)),
            issuer: place.issuer.clone(),
            now,
        };
        let outcome =
            self.env.db.write(place.realm, input, |tx, input| Box::pin(rotate(tx, input))).await?;
        match outcome {
            Shown::Good(found, successor) => {
                let (grant, wanted) = *found;
                let answer = self.issue_for_person(place, (client, &grant), wanted, now).await?;
                Ok(TokenAnswer { refresh_token: successor.map(|token| token.text()), ..answer })
            }
            Shown::Stolen => {
                self.revoke_grant(place.realm, family).await?;
                Err(WireError::grant())
            }
        }
    }
}

/// Reads the family with its grant, judges, and moves it on: one look and one conditional update.
async fn rotate(tx: &mut Tx, input: &Input) -> Result<Shown, WireError> {
    let Input { shown, form, client, now, .. } = input;
    let Some((family, grant)) = store::family(tx, shown.grant).await? else {
        return Err(WireError::grant());
    };
    if grant.client != client.id || grant.expires_at <= *now || family.expires_at <= *now {
        return Err(WireError::grant());
    }
    // A stolen token is worth nothing without the device's key; and it is no reason to end the family.
    if grant.device.is_some_and(|bound| bound.key && input.device != Some(bound.id)) {
        let words = "this token is bound to a device: show its SVID, at the door `mtls`";
        return Err(WireError::new(Code::InvalidGrant, words));
    }
    let counts = bool::from(family.digest.ct_eq(&shown.digest()));
    if !counts {
        return judge_past(input, &family, grant);
    }
    let wanted = wanted(form, client, (&grant, &input.issuer))?;
    if !client.terms.rotates_refresh_tokens {
        return Ok(Shown::Good(Box::new((grant, wanted)), None));
    }
    let key = input.keys.first().ok_or_else(|| Fault::bug("no key of successors"))?;
    let next = shown.successor(key);
    let digests = (&shown.digest(), &next.digest());
    if store::rotate_family(tx, shown.grant, digests, (attempt(form)?, *now)).await? {
        return Ok(Shown::Good(Box::new((grant, wanted)), Some(next)));
    }
    // Another replica, or another task of this one, was faster by a moment: what it wrote is what counts.
    match store::family(tx, shown.grant).await? {
        Some((family, grant)) => judge_past(input, &family, grant),
        None => Err(WireError::grant()),
    }
}

/// `attempt`: 256 random bits that a client made for one rotation, and wrote down before it asked. Whoever shows the same
/// token with the same bits again is who asked first, and lost the answer to a crash.
fn attempt(form: &Parameters) -> Result<Option<[u8; 32]>, WireError> {
    let shown = one(form, "attempt")?.filter(|text| text.len() >= ATTEMPT_BYTES_MIN);
    Ok(shown.map(|text| sha256(text.as_bytes())))
}

/// A token that does not count any more: a retry within seconds gets the successor that was given already; later it is a theft;
/// and one that never counted is nothing.
fn judge_past(input: &Input, family: &Family, grant: Grant) -> Result<Shown, WireError> {
    let Input { shown, form, client, keys, now, issuer, .. } = input;
    let leads = |key: &&Secret<[u8; 32]>| shown.leads_to(key, family.digest, family.generation);
    let Some(key) = keys.iter().find(leads) else { return Err(WireError::grant()) };
    let last = family.generation == shown.generation.saturating_add(1);
    let within = match (family.attempt, attempt(form)?) {
        (Some(first), Some(again)) if bool::from(first.ct_eq(&again)) => BOUND_RETRY_WITHIN,
        _ => RETRY_WITHIN,
    };
    if last && now.since(family.rotated_at) <= within {
        let wanted = wanted(form, client, (&grant, issuer))?;
        return Ok(Shown::Good(Box::new((grant, wanted)), Some(shown.successor(key))));
    }
    Ok(Shown::Stolen)
}

fn wanted(
    form: &Parameters,
    client: &SharedClient,
    (grant, issuer): (&Grant, &str),
) -> Result<Wanted, WireError> {
    Ok(Wanted {
        kind: GrantKind::RefreshToken,
        scopes: narrowed(form, &grant.scopes)?,
        audience: audience(form, client, (issuer, &grant.resources))?,
        // OpenID Connect Core §12.2: none, even if the first had one.
        nonce: None,
    })
}

/// The key of one realm and purpose.
fn label(realm: RealmId) -> String {
    format!("weft refresh token successor v1 {realm}")
}

/// An answer that got lost, or two processes of one application: both come back within seconds.
const RETRY_WITHIN: Lifetime = Lifetime::seconds(10);
/// The same for a retry that is bound: a person comes back to a machine that crashed.
const BOUND_RETRY_WITHIN: Lifetime = Lifetime::days(1);
/// 256 bits in base64url.
const ATTEMPT_BYTES_MIN: usize = 43;
