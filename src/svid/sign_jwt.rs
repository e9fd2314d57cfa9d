//! A JWT-SVID from a permit (JWT-SVID §2–3). Decides nothing: the permit did.

use serde_json::json;

use super::model::{Error, IssueJwtSvid, JWT_ISSUED, JwtSvid, owner_of};
use super::template::{Bounds, check_audience, check_subject, validity};
use super::{Svid, verify_output};
use crate::access::Permit;
use crate::events::{Event, Unrecorded};
use crate::kernel::{Granted, Timestamp};

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
        let mut claims = json!({
            "aud": issue.audience,
            "exp": validity.until.seconds(),
            "iat": validity.from.seconds(),
            "iss": &*authority.issuer,
            "sub": id.as_str(),
        });
        if let (true, Some(claims)) = (issue.with_jti, claims.as_object_mut()) {
            let jti = self.env.entropy.uuid(now)?;
            claims.insert("jti".to_owned(), jti.simple().to_string().into());
        }
        let token = authority.signer.sign(&claims.to_string())?;
        verify_output::check_token(&token, id, &issue.audience, authority.signer.kid(), validity)?;
        let svid =
            JwtSvid { id: id.clone(), token, issued_at: validity.from, expires_at: validity.until };
        let event = event(&issue, &svid, authority.signer.kid(), &granted);
        Ok(Unrecorded::new(svid, event))
    }
}

/// The audience is in the event, the token is not: whoever reads the ledger must not be able to use it.
fn event(issue: &IssueJwtSvid, svid: &JwtSvid, kid: &str, granted: &Granted) -> Event {
    let event = Event::new(issue.realm, JWT_ISSUED)
        .subject(issue.evidence.subject.number)
        .subject_owner(owner_of(&issue.evidence.subject))
        .actor(granted.actor)
        .about("spiffe_id", svid.id.as_str())
        .about("audience", issue.audience.as_slice())
        .about("expires", svid.expires_at.seconds())
        .about("source", issue.evidence.source.as_str())
        .about("kid", kid)
        .about("policy", granted.policy_version);
    match &issue.entry {
        Some(entry) => event.about("entry", entry.as_str()),
        None => event,
    }
}
