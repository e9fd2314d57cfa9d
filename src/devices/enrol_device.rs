//! Enrol a device with a token: identify → assess → decide → issue → record. The last four steps are those of a device that
//! its owner brings, too (`enrol_own_device`).
//!
//! A use of the token is consumed in one transaction and bound to the key in the signing request and to the device it makes,
//! so that the same device may ask again for ten minutes when the answer was lost, and nobody else can.

use crate::crypto::digest::sha256;
use crate::crypto::keys::PublicKey;
use crate::crypto::x509::csr;
use crate::db::Tx;
use crate::events::{Changed, Unrecorded};
use crate::kernel::limits::BACKDATE_SECONDS;
use crate::kernel::{
    DeviceId, Evidence, EvidenceSource, Granted, Lifetime, RealmId, Secret, Situation, Strength,
    SubjectId, Timestamp,
};
use crate::svid::{IssueX509, PlannedX509, X509Svid};

use super::model::{Class, DEVICE, DeviceSvid, DeviceToken, Grant, State, events, subject};
use super::{Device, Devices, Error, Refusal, store};

/// How long a lost answer can be asked for again. Long enough for a device's retries, short enough that a token seen later is
/// worth nothing.
const ASK_AGAIN: Lifetime = Lifetime::minutes(10);
/// Longest name that a device may have.
const NAME_BYTES_MAX: usize = 64;

/// A device that wants to come in.
#[derive(Debug)]
pub struct EnrolDevice {
    /// In which realm.
    pub realm: RealmId,
    /// The token's secret.
    pub secret: Secret<String>,
    /// A signing request in DER; nothing but its key is used.
    pub csr: Vec<u8>,
    /// What it calls itself.
    pub name: String,
    /// What it says it runs.
    pub platform: String,
    /// Where it is.
    pub situation: Situation,
}

/// A device and the SVID it was given.
#[derive(Debug)]
pub struct Given {
    /// The device, as its row has it now.
    pub device: Device,
    /// Its SVID.
    pub svid: X509Svid,
}

#[derive(Debug)]
struct Use {
    digest: [u8; 32],
    key_digest: [u8; 32],
    device: DeviceId,
    now: Timestamp,
}

/// What a use of a token leads to.
#[derive(Debug)]
struct Used {
    token: DeviceToken,
    device: DeviceId,
    /// The device, if it has enrolled already and asks again.
    known: Option<Device>,
}

impl Devices {
    /// Lets a device in.
    pub async fn enrol(&self, ask: EnrolDevice) -> Result<Given, Error> {
        let realm = ask.realm;
        let given = self.admit(ask).await;
        if let Err(error @ (Error::Token | Error::Csr(_) | Error::Refused(_) | Error::Access(_))) =
            &given
        {
            self.note_refused(realm, None, &error.to_string()).await?;
        }
        given
    }

    /// Records that a device was not let in, and whose it would have been, if somebody brought it.
    pub async fn note_refused(
        &self,
        realm: RealmId,
        person: Option<SubjectId>,
        why: &str,
    ) -> Result<(), Error> {
        let event = events::refused(realm, why).actor(person);
        Ok(self.below.events.record(Unrecorded::new((), event)).await?)
    }

    async fn admit(&self, ask: EnrolDevice) -> Result<Given, Error> {
        checked_words(&ask.name, &ask.platform)?;
        let key = csr::public_key(&ask.csr).map_err(|error| Error::Csr(error.to_string()))?;
        let now = self.env.clock.now();
        let used = self.used(&ask, key.digest(), now).await?;
        let device = match used.known {
            Some(known) => known,
            None => self.drawn(&ask, &used.token, used.device, now)?,
        };
        self.give(ask.realm, device, (&key, ask.situation, now)).await
    }

    /// The five steps, for a device that may come in, and this key of its. Its row is stored before its SVID is recorded, and
    /// that before it leaves.
    pub(super) async fn give(
        &self,
        realm: RealmId,
        mut device: Device,
        (key, situation, now): (&PublicKey, Situation, Timestamp),
    ) -> Result<Given, Error> {
        device.state.check()?;
        let evidence = Evidence {
            subject: subject(&device.spiffe_id, device.number),
            source: EvidenceSource::Enrolment,
            strength: Strength::Software,
            at: now,
            expires: device.evidence_expires,
            device: Some(device.id),
            situation,
        }; // identify
        device.note(&evidence);
        let standing = self.below.posture.standing(&evidence); // assess
        let issue = IssueX509::for_holder(realm, evidence, standing, self.lifetime());
        let permit = self.below.access.permit(issue)?; // decide
        let planned = self.below.svid.plan_x509(permit, now)?;
        device.current = Some(current(&planned, key));
        let signed = self.below.svid.sign_planned(planned, key)?; // issue
        let device = self.store_enrolled(realm, device).await?;
        let svid = self.below.events.record(signed).await?; // record
        Ok(Given { device, svid })
    }

    async fn used(
        &self,
        ask: &EnrolDevice,
        key_digest: [u8; 32],
        now: Timestamp,
    ) -> Result<Used, Error> {
        let device = DeviceId::new(self.env.entropy.uuid(now)?);
        let digest = sha256(ask.secret.expose().as_bytes());
        let this = Use { digest, key_digest, device, now };
        let used =
            self.env.db.write(ask.realm, this, |tx, this| Box::pin(consume(tx, this))).await?;
        used.ok_or(Error::Token)
    }

    /// The device as it would be if it is new; its SVID comes later.
    fn drawn(
        &self,
        ask: &EnrolDevice,
        token: &DeviceToken,
        id: DeviceId,
        now: Timestamp,
    ) -> Result<Device, Error> {
        let words = (ask.name.clone(), ask.platform.clone());
        let Grant { class, profile, owner, .. } = token.grant.clone();
        Ok(Device { class, profile, owner, ..self.new_device(ask.realm, id, words, now)? })
    }

    /// A device that nothing but its names is known of.
    pub(super) fn new_device(
        &self,
        realm: RealmId,
        id: DeviceId,
        (name, platform): (String, String),
        now: Timestamp,
    ) -> Result<Device, Error> {
        let realm = self.below.realms.get(realm).ok_or(Error::NotFound("realm"))?;
        let spiffe_id = realm.trust_domain.with_path(&format!("/device/{id}"));
        Ok(Device {
            id,
            number: SubjectId::new(self.env.entropy.uuid(now)?),
            spiffe_id: spiffe_id.map_err(|error| Error::Invalid(error.to_string()))?,
            name,
            platform,
            class: Class::Other,
            profile: None,
            owner: None,
            state: State::Enrolled,
            asked_key: None,
            current: None,
            previous: String::new(),
            next: None,
            evidence: Vec::new(),
            evidence_expires: now.plus(Lifetime::days(self.settings.max_age_days)),
            created_at: now,
            revision: 1,
        })
    }

    async fn store_enrolled(&self, realm: RealmId, device: Device) -> Result<Device, Error> {
        let granted = Granted::to_server("EnrolDevice");
        self.below
            .events
            .change_in(realm, granted, device, move |tx, device| {
                Box::pin(async move {
                    let device = match store::device(tx, device.id).await? {
                        Some(known) => again(known, device)?,
                        None => device.clone(),
                    };
                    store::put_device(tx, &device).await?;
                    let event = events::device(realm, "device.enrolled", &device);
                    let changes = vec![(DEVICE, device.id.to_string(), event)];
                    Ok::<_, Error>(Changed { value: device, changes, rights: false })
                })
            })
            .await
    }

    pub(super) fn lifetime(&self) -> Lifetime {
        Lifetime::seconds(self.settings.svid_seconds)
    }
}

/// What a machine calls itself, and what it says it runs.
pub(super) fn checked_words(name: &str, platform: &str) -> Result<(), Error> {
    for (what, text) in [("name", name), ("platform", platform)] {
        if text.is_empty() || text.len() > NAME_BYTES_MAX || text.chars().any(char::is_control) {
            let words = format!("a device's {what} has 1 to {NAME_BYTES_MAX} printable bytes");
            return Err(Error::Invalid(words));
        }
    }
    Ok(())
}

/// The row's view of an SVID that is being made.
pub(super) fn current(planned: &PlannedX509, key: &PublicKey) -> DeviceSvid {
    DeviceSvid {
        serial: planned.serial(),
        key_digest: key.digest(),
        issued_at: planned.not_before().plus(Lifetime::seconds(BACKDATE_SECONDS)),
        expires: planned.not_after(),
    }
}

/// The device is there already: it asks for a lost answer again, or its owner vouched for it. It stays what it is, with the
/// SVID that is being made. What happened to it meanwhile counts: it was locked, or has renewed with another key.
fn again(known: Device, new: &Device) -> Result<Device, Error> {
    known.state.check()?;
    let given = new.current.clone().filter(|given| known.has_key(&given.key_digest));
    let given = given.ok_or(Error::Refused(Refusal::Superseded))?;
    let previous = known.serial().to_owned();
    let (evidence, evidence_expires) = (new.evidence.clone(), new.evidence_expires);
    let current = Some(given);
    Ok(Device {
        current,
        previous,
        next: None,
        asked_key: None,
        evidence,
        evidence_expires,
        ..known
    })
}

async fn consume(tx: &mut Tx, this: &Use) -> Result<Option<Used>, Error> {
    let since = this.now.minus(ASK_AGAIN);
    let earlier = store::earlier_use(tx, &this.digest, &this.key_digest, since).await?;
    if let Some((token, device)) = earlier {
        let known = store::device(tx, device).await?;
        return Ok(Some(Used { token, device, known }));
    }
    let Some(token) = store::use_token(tx, &this.digest, this.now).await? else { return Ok(None) };
    // It is for another agent of a device that is there already, and makes none.
    if token.grant.device.is_some() {
        return Err(Error::Token);
    }
    store::note_use(tx, token.id, &this.key_digest, this.device, this.now).await?;
    Ok(Some(Used { token, device: this.device, known: None }))
}
