//! An X.509-SVID from a permit (X509-SVID §2–4). Decides nothing: the permit did.

use super::model::{Error, IssueX509, Told, X509_ISSUED, X509Svid, owner_of};
use super::template::{Bounds, check_subject, validity};
use super::{Svid, verify_output};
use crate::access::Permit;
use crate::crypto::keys::PublicKey;
use crate::crypto::x509::{LeafTemplate, Serial};
use crate::events::{Event, Unrecorded};
use crate::kernel::{Granted, Timestamp};

impl Svid {
    /// Signs a certificate for this key. What comes back is nobody's before its event is durable.
    ///
    /// Fails with `OutOfSight` when the database was away for too long, `NoAuthority` when the realm has no active
    /// authority, `NoTime` when a bound leaves no second, `Output` when the result breaks a rule of its own specification.
    pub fn sign_x509(
        &self,
        permit: Permit<IssueX509>,
        public_key: &PublicKey,
        now: Timestamp,
    ) -> Result<Unrecorded<X509Svid>, Error> {
        Ok(self.sign_x509_told(permit, public_key, now)?.1)
    }

    /// The same, with what a row may say of the certificate that must be there before it leaves.
    pub fn sign_x509_told(
        &self,
        permit: Permit<IssueX509>,
        public_key: &PublicKey,
        now: Timestamp,
    ) -> Result<(Told, Unrecorded<X509Svid>), Error> {
        self.check_sight(now)?;
        let ceiling = permit.ceiling();
        let (issue, granted) = permit.spend();
        let authority = self.authority.active_x509(issue.realm).ok_or(Error::NoAuthority)?;
        let id = &issue.evidence.subject.id;
        check_subject(id, &authority.trust_domain)?;
        let bounds = Bounds {
            asked: issue.lifetime,
            ceiling,
            evidence_expires: issue.evidence.expires,
            authority_expires: authority.issuer.not_after(),
        };
        let validity = validity(&bounds, now)?;
        let template = LeafTemplate {
            id,
            dns_names: &issue.dns_names,
            organization: self.settings.organization(),
            serial: Serial::new(self.env.entropy.as_ref())?,
            not_before: validity.from,
            not_after: validity.until,
        };
        let leaf = authority.issuer.sign_leaf(&template, public_key)?;
        verify_output::check_leaf(&leaf, &template, public_key, bounds.authority_expires)?;
        let svid = X509Svid {
            id: id.clone(),
            chain: authority.chain_of(leaf),
            serial: template.serial.hex(),
            not_before: validity.from,
            not_after: validity.until,
            authority: authority.id,
        };
        let event = event(&issue, &svid, &granted);
        let serial = svid.serial.clone();
        let told = Told { serial, not_before: validity.from, not_after: validity.until };
        Ok((told, Unrecorded::new(svid, event)))
    }
}

fn event(issue: &IssueX509, svid: &X509Svid, granted: &Granted) -> Event {
    let event = Event::new(issue.realm, X509_ISSUED)
        .subject(issue.evidence.subject.number)
        .subject_owner(owner_of(&issue.evidence.subject))
        .actor(granted.actor)
        .about("spiffe_id", svid.id.as_str())
        .about("serial", svid.serial.as_str())
        .about("expires", svid.not_after.seconds())
        .about("source", issue.evidence.source.as_str())
        .about("authority", svid.authority.to_string())
        .about("policy", granted.policy_version);
    match &issue.entry {
        Some(entry) => event.about("entry", entry.as_str()),
        None => event,
    }
}
