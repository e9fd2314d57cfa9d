//! A device that a person brings: who asks, whether they may, and then `devices` lets it in.
//!
//! A machine that was let in this way is one from which its owner is known from then on, so policy sees how the person signed in,
//! and how long ago. What is asked again with the same key, for an answer that was lost or an approval that is waited for, is
//! known to be that.

use super::issue_svid::evidence_of;
use super::{Person, PersonSvids};
use crate::access::{Action, Fact, Request};
use crate::crypto::x509::csr;
use crate::devices::model::Class;
use crate::devices::{Brought, OwnDevice, count};
use crate::kernel::{Evidence, Failure, Kind, RealmId, Standing};
use crate::realms::Realm;

/// A device that a person brings.
#[derive(Debug, Clone)]
pub struct DeviceAsk {
    /// A signing request in DER; nothing but its key is used.
    pub csr: Vec<u8>,
    /// What it calls itself.
    pub name: String,
    /// What it says it runs.
    pub platform: String,
    /// What sort of machine it is.
    pub class: Class,
}

/// May this person bring a device?
#[derive(Debug)]
pub(super) struct EnrolOwnDevice {
    pub(super) realm: RealmId,
    pub(super) evidence: Evidence,
    pub(super) standing: Standing,
    pub(super) class: Class,
    /// How many they have, this one aside.
    pub(super) devices: usize,
    /// It was asked for with this key before, and has not been given its SVID.
    pub(super) asked: bool,
}

impl Action for EnrolOwnDevice {
    const NAME: &'static str = "EnrolOwnDevice";

    fn request(&self) -> Request<'_> {
        let person = &self.evidence.subject;
        let devices = i64::try_from(self.devices).unwrap_or(i64::MAX);
        Request {
            realm: self.realm,
            principal: ("User", person.id.as_str()),
            principal_id: Some(&person.id),
            actor: Some(person.number),
            resource: ("Device", "new"),
            resource_id: None,
            context: vec![
                ("class", Fact::Text(self.class.as_str())),
                ("devices", Fact::Number(devices)),
                ("asked", Fact::Flag(self.asked)),
            ],
            standing: Some(&self.standing),
            situation: &self.evidence.situation,
            evidence_expires: self.evidence.expires,
        }
    }
}

impl PersonSvids {
    /// The device of the key in this request: enrolled, or waiting until somebody approves it.
    ///
    /// Fails with kind `Unauthenticated` for the token, `StepUp` where the person has to sign in anew, `Denied` for its scope, by
    /// policy, or because they have enough, `Invalid` for the request. What is denied is recorded.
    pub async fn enrol_device(
        &self,
        realm: &Realm,
        token: &str,
        ask: DeviceAsk,
    ) -> Result<Brought, Failure> {
        let person = self.scoped(realm, token).await?;
        let brought = Box::pin(self.bring(realm, &person, ask)).await;
        if let Err(failure) = &brought
            && failure.kind == Kind::Denied
        {
            let number = Some(person.user.number);
            self.below.devices.note_refused(realm.id, number, &failure.public).await?;
        }
        brought
    }

    async fn bring(
        &self,
        realm: &Realm,
        person: &Person,
        ask: DeviceAsk,
    ) -> Result<Brought, Failure> {
        let key = csr::public_key(&ask.csr).map_err(|error| {
            Failure::new(Kind::Invalid, "svid.csr", format!("the signing request: {error}"))
        })?;
        let session = self.session_of(realm, person).await?;
        let (devices, owner) = (&self.below.devices, person.user.id);
        let theirs = devices.owned(realm.id, owner).await?;
        let known = theirs.iter().find(|device| device.has_key(&key.digest())).cloned();
        let evidence = evidence_of(person, &session);
        let situation = evidence.situation.clone();
        let granted = self.below.access.permit(EnrolOwnDevice {
            realm: realm.id,
            standing: self.below.posture.standing(&evidence),
            evidence,
            class: ask.class,
            devices: count(&theirs).saturating_sub(usize::from(known.is_some())),
            asked: known.as_ref().is_some_and(|device| device.asked_key.is_some()),
        })?;
        let own = OwnDevice {
            realm: realm.id,
            owner,
            key,
            name: ask.name,
            platform: ask.platform,
            class: ask.class,
            situation,
        };
        Ok(devices.enrol_own(granted.spend().1, own, known).await?)
    }
}
