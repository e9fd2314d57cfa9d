//! A JWT-SVID from a permit (JWT-SVID §2–3). Decides nothing: the permit did.

use serde::Serializer;
use serde::ser::SerializeMap;

use super::model::{Error, IssueJwtSvid, JWT_ISSUED, JwtSvid, owner_of};
use super::template::{Bounds, Validity, check_audience, check_subject, validity};
use super::{Svid, verify_output};
use crate::access::{Action as _, Permit, asked};
use crate::events::{Event, Unrecorded};
use crate::kernel::{Fault, Granted, Timestamp};

impl Svid {
    /// Signs a token. What comes back is nobody's before its event is durable.
    ///
    /// Fails like `sign_x509`, and with `Audience` when there is none, or one that cannot be.
    pub fn sign_jwt(
        &self,
        permit: Permit<IssueJwtSvid>,
        now: Timestamp,
    ) -> Result<Unrecorded<JwtSvid>, Error> {
        self.check_sight(now)?;
        let ceiling = permit.ceiling();
        let (issue, granted) = permit.spend();
        let authority = self.authority.active_jwt(issue.realm).ok_or(Error::NoAuthority)?;
        let id = &issue.evidence.subject.id;
        check_subject(id, &authority.trust_domain)?;
        check_audience(&issue.audience)?;
        let bounds = Bounds {
            asked: issue.lifetime,
            ceiling,
            evidence_expires: issue.evidence.expires,
            authority_expires: authority.not_after,
        };
        let validity = validity(&bounds, now)?;
        let jti = issue.with_jti.then(|| self.env.entropy.uuid(now)).transpose()?;
        let jti = jti.map(|jti| jti.simple().to_string());
        let claims = claims(&issue, validity, &authority.issuer, jti.as_deref());
        let claims = String::from_utf8(claims.map_err(Fault::bug)?).map_err(Fault::bug)?;
        let token = authority.signer.sign(&claims)?;
        verify_output::check_token(&token, id, &issue.audience, authority.signer.kid(), validity)?;
        let svid =
            JwtSvid { id: id.clone(), token, issued_at: validity.from, expires_at: validity.until };
        let event = event(&issue, &svid, authority.signer.kid(), &granted);
        Ok(Unrecorded::new(svid, event))
    }
}

/// The claims as text (JWT-SVID §3), written straight: a token has no need of a tree of values.
fn claims(
    issue: &IssueJwtSvid,
    validity: Validity,
    issuer: &str,
    jti: Option<&str>,
) -> serde_json::Result<Vec<u8>> {
    let mut text = Vec::with_capacity(CLAIMS_BYTES);
    let mut json = serde_json::Serializer::new(&mut text);
    let mut claims = json.serialize_map(None)?;
    claims.serialize_entry("aud", &issue.audience)?;
    claims.serialize_entry("exp", &validity.until.seconds())?;
    claims.serialize_entry("iat", &validity.from.seconds())?;
    claims.serialize_entry("iss", issuer)?;
    if let Some(jti) = jti {
        claims.serialize_entry("jti", jti)?;
    }
    claims.serialize_entry("sub", issue.evidence.subject.id.as_str())?;
    claims.end()?;
    Ok(text)
}

/// The audience is in the event, the token is not: whoever reads the ledger must not be able to use it.
fn event(issue: &IssueJwtSvid, svid: &JwtSvid, kid: &str, granted: &Granted) -> Event {
    let request = issue.request();
    let event = Event::new(issue.realm, JWT_ISSUED)
        .subject(issue.evidence.subject.number)
        .subject_owner(owner_of(&issue.evidence.subject))
        .actor(granted.actor)
        .about("spiffe_id", svid.id.as_str())
        .about("audience", issue.audience.as_slice())
        .about("expires", svid.expires_at.seconds())
        .about("source", issue.evidence.source.as_str())
        .about("kid", kid)
        .about("policy", granted.policy_version)
        .about("asked", asked(IssueJwtSvid::NAME, &request));
    let event = event.on_device(&issue.standing);
    match &issue.entry {
        Some(entry) => event.about("entry", entry.as_str()),
        None => event,
    }
}

/// The claims of most tokens are shorter.
const CLAIMS_BYTES: usize = 256;
