//! An X.509-SVID from a permit (X509-SVID §2–4). Decides nothing: the permit did.

use std::sync::Arc;

use super::model::{Error, IssueX509, X509_ISSUED, X509Svid, owner_of};
use super::template::{Bounds, Validity, check_subject, validity};
use super::{Svid, verify_output};
use crate::access::{Action as _, Permit, asked};
use crate::authority::X509Authority;
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
        self.sign_planned(self.plan_x509(permit, now)?, public_key)
    }

    /// Decides what the certificate will say, and signs nothing: for whoever writes that down in a transaction first.
    ///
    /// Fails like `sign_x509`, but never with `Output`.
    pub fn plan_x509(
        &self,
        permit: Permit<IssueX509>,
        now: Timestamp,
    ) -> Result<PlannedX509, Error> {
        self.check_sight(now)?;
        let ceiling = permit.ceiling();
        let (issue, granted) = permit.spend();
        let authority = self.authority.active_x509(issue.realm).ok_or(Error::NoAuthority)?;
        check_subject(&issue.evidence.subject.id, &authority.trust_domain)?;
        let bounds = Bounds {
            asked: issue.lifetime,
            ceiling,
            evidence_expires: issue.evidence.expires,
            authority_expires: authority.issuer.not_after(),
        };
        let validity = validity(&bounds, now)?;
        let serial = Serial::new(self.env.entropy.as_ref())?;
        Ok(PlannedX509 { issue, granted, authority, serial, validity })
    }

    /// Signs what was planned, for this key.
    ///
    /// Fails with `Output` when the result breaks a rule of its own specification.
    pub fn sign_planned(
        &self,
        planned: PlannedX509,
        public_key: &PublicKey,
    ) -> Result<Unrecorded<X509Svid>, Error> {
        let PlannedX509 { issue, granted, authority, serial, validity } = planned;
        let id = &issue.evidence.subject.id;
        let template = LeafTemplate {
            id,
            dns_names: &issue.dns_names,
            organization: self.settings.organization(),
            serial,
            not_before: validity.from,
            not_after: validity.until,
        };
        let leaf = authority.issuer.sign_leaf(&template, public_key)?;
        verify_output::check_leaf(&leaf, &template, public_key, authority.issuer.not_after())?;
        let svid = X509Svid {
            id: id.clone(),
            chain: authority.chain_of(leaf),
            serial: serial.hex(),
            not_before: validity.from,
            not_after: validity.until,
            authority: authority.id,
        };
        let event = event(&issue, &svid, &granted);
        Ok(Unrecorded::new(svid, event))
    }
}

/// An X.509-SVID that is decided and that nobody has signed yet.
#[derive(Debug)]
pub struct PlannedX509 {
    issue: IssueX509,
    granted: Granted,
    authority: Arc<X509Authority>,
    serial: Serial,
    validity: Validity,
}

impl PlannedX509 {
    /// Its serial number, as in `X509Svid`.
    pub fn serial(&self) -> String {
        self.serial.hex()
    }

    /// First second of validity.
    pub const fn not_before(&self) -> Timestamp {
        self.validity.from
    }

    /// Last second of validity.
    pub const fn not_after(&self) -> Timestamp {
        self.validity.until
    }
}

fn event(issue: &IssueX509, svid: &X509Svid, granted: &Granted) -> Event {
    let request = issue.request();
    let event = Event::new(issue.realm, X509_ISSUED)
        .subject(issue.evidence.subject.number)
        .subject_owner(owner_of(&issue.evidence.subject))
        .actor(granted.actor)
        .about("spiffe_id", svid.id.as_str())
        .about("serial", svid.serial.as_str())
        .about("expires", svid.not_after.seconds())
        .about("source", issue.evidence.source.as_str())
        .about("authority", svid.authority.to_string())
        .about("policy", granted.policy_version)
        .about("asked", asked(IssueX509::NAME, &request));
    let event = event.on_device(&issue.standing);
    match &issue.entry {
        Some(entry) => event.about("entry", entry.as_str()),
        None => event,
    }
}
