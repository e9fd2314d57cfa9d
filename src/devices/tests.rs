//! What devices can rely on, and what nobody can do to them: tokens, renewals, locks.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::enrol_device::{EnrolDevice, Given};
use super::manage_device::Manage;
use super::model::{Class, EVIDENCE_MAX, Grant, NewDeviceToken, State, TokenWish};
use super::{
    Assess, Below, Brought, Device, Devices, Error, Inventory, OwnDevice, People, Refusal,
    Settings, Shown,
};
use crate::access::Administrator;
use crate::crypto::keys::{Algorithm, PrivateKey};
use crate::crypto::x509::{csr, svid_of_verified_peer};
use crate::kernel::{
    Caller, DeviceId, DeviceTokenId, Evidence, Fault, Granted, Lifetime, Listener, Proof, RealmId,
    Secret, Situation, Standing, SubjectId, UserId,
};
use crate::svid::X509Svid;
use crate::testkit::{KeysReplica, TestDatabase, on_each_database};

#[path = "tests_clones.rs"]
mod clones;

const REALM: RealmId = RealmId::FIRST;
/// Another realm of the same server, which has nothing.
const OTHER: RealmId = RealmId(7);
const OWNER: UserId = UserId::new(uuid::Uuid::from_u128(7));

/// Knows of nobody's posture, and of one person.
#[derive(Debug)]
struct Around;

impl Assess for Around {
    fn standing(&self, _evidence: &Evidence) -> Standing {
        Standing::unknown()
    }
}

impl People for Around {
    fn number(
        &self,
        realm: RealmId,
        user: UserId,
    ) -> BoxFuture<'_, Result<Option<SubjectId>, Fault>> {
        let known = ((realm, user) == (REALM, OWNER)).then(|| SubjectId::new(uuid::Uuid::nil()));
        Box::pin(async move { Ok(known) })
    }

    fn numbered(&self, _: RealmId, _: SubjectId) -> BoxFuture<'_, Result<Option<UserId>, Fault>> {
        Box::pin(async { Ok(None) })
    }
}

struct House {
    keys: KeysReplica,
    devices: Devices,
}

impl House {
    async fn new(database: &TestDatabase) -> Self {
        Self::with(database, Settings::default()).await
    }

    async fn with(database: &TestDatabase, settings: Settings) -> Self {
        let keys = KeysReplica::started(database).await;
        let env = keys.env.clone();
        let realms = keys.realms().await;
        let below = Below {
            access: keys.access.clone(),
            events: keys.events.clone(),
            realms,
            bundles: keys.bundles.clone(),
            svid: keys.svid.clone(),
            inventory: Inventory::new(env.db.clone()),
            posture: Arc::new(Around),
        };
        let devices = Devices::new(env, below, settings);
        devices.owned_by(Arc::new(Around));
        Self { keys, devices }
    }

    fn by() -> Administrator {
        Administrator { realm: REALM, asker: KeysReplica::root() }
    }

    async fn follow(&self) {
        let loaded: Result<(), Fault> = self
            .keys
            .env
            .db
            .read(REALM, self.devices.clone(), |tx, devices| {
                Box::pin(async move { devices.load(tx).await })
            })
            .await;
        loaded.unwrap();
    }

    async fn token(&self, uses_max: i64) -> NewDeviceToken {
        self.devices.create_token(wish(uses_max)).await.unwrap()
    }

    async fn enrol(&self, token: &NewDeviceToken, key: &PrivateKey) -> Result<Given, Error> {
        self.enrol_in(REALM, token.secret.expose(), csr::create(key).unwrap()).await
    }

    async fn enrol_in(&self, realm: RealmId, secret: &str, csr: Vec<u8>) -> Result<Given, Error> {
        let (name, platform) = ("ada-laptop".to_owned(), "linux".to_owned());
        let secret = Secret::new(secret.to_owned());
        let given = self
            .devices
            .enrol(EnrolDevice {
                realm,
                secret,
                csr,
                name,
                platform,
                situation: Situation::default(),
            })
            .await;
        self.follow().await;
        given
    }

    async fn enrolled(&self) -> Given {
        self.enrol(&self.token(1).await, &key()).await.unwrap()
    }

    /// What the slice that knows people does: looks whether the key is known, and brings it.
    async fn bring(&self, key: &PrivateKey) -> Result<Brought, Error> {
        let theirs = self.devices.owned(REALM, OWNER).await?;
        let digest = key.public().digest();
        let known = theirs.into_iter().find(|device| device.has_key(&digest));
        let ask = OwnDevice {
            realm: REALM,
            owner: OWNER,
            key: key.public().clone(),
            name: "ada-laptop".to_owned(),
            platform: "linux".to_owned(),
            class: Class::Laptop,
            situation: Situation::default(),
        };
        let brought = self.devices.enrol_own(Granted::to_server("Test"), ask, known).await;
        self.follow().await;
        brought
    }

    async fn brought(&self, key: &PrivateKey) -> Given {
        match self.bring(key).await.unwrap() {
            Brought::Enrolled(given) => *given,
            Brought::Waits(device) => panic!("{device:?} waits"),
        }
    }

    async fn waits(&self, key: &PrivateKey) -> Device {
        match self.bring(key).await.unwrap() {
            Brought::Waits(device) => *device,
            Brought::Enrolled(given) => panic!("{given:?}"),
        }
    }

    async fn judge(&self, svid: &X509Svid) -> Result<Arc<Device>, Error> {
        let judged = self.devices.judge(REALM, &shown(svid)).await;
        self.follow().await;
        judged
    }

    /// What a door does: judge, then let the call through.
    async fn renew(&self, svid: &X509Svid, key: &PrivateKey) -> Result<Given, Error> {
        self.judge(svid).await?;
        let given = self.devices.renew(&caller(svid), &csr::create(key).unwrap()).await;
        self.follow().await;
        given
    }

    async fn stored(&self, id: DeviceId) -> Device {
        self.follow().await;
        Device::clone(&self.devices.device(REALM, id).unwrap())
    }
}

fn wish(uses_max: i64) -> TokenWish {
    let grant = Grant {
        class: Class::Laptop,
        profile: Some("linux-laptop".to_owned()),
        owner: Some(OWNER),
        device: None,
    };
    TokenWish { by: House::by(), id: None, uses_max, lifetime: Lifetime::hours(1), grant }
}

fn key() -> PrivateKey {
    PrivateKey::generate(Algorithm::P256).unwrap()
}

fn shown(svid: &X509Svid) -> Shown {
    Shown::of(&svid_of_verified_peer(&svid.chain[0]).unwrap())
}

fn caller(svid: &X509Svid) -> Caller {
    let leaf = svid_of_verified_peer(&svid.chain[0]).unwrap();
    let proof = Proof::X509Svid {
        serial: leaf.serial,
        not_before: leaf.not_before,
        not_after: leaf.not_after,
        key_digest: leaf.key_digest,
    };
    Caller { realm: REALM, subject: Some(leaf.id), proof, listener: Listener::Mtls, address: None }
}

fn ask(device: DeviceId) -> Manage {
    Manage::new(device, None, "lost on a train").unwrap()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: &Result<T, Error>, wanted: Refusal) {
    assert!(matches!(outcome, Err(Error::Refused(refusal)) if *refusal == wanted), "{outcome:?}");
}

#[track_caller]
fn no_token<T: std::fmt::Debug>(outcome: &Result<T, Error>) {
    assert!(matches!(outcome, Err(Error::Token)), "{outcome:?}");
}

#[tokio::test]
async fn of_two_devices_that_race_for_a_tokens_last_use_exactly_one_wins() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let token = house.token(1).await;
        let (one, other) = (key(), key());
        let (first, second) = tokio::join!(house.enrol(&token, &one), house.enrol(&token, &other));
        assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1);
        no_token(&house.enrol(&token, &key()).await);
        assert_eq!(house.devices.devices(REALM).len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_can_be_asked_for_again_by_the_same_key_for_ten_minutes() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let (token, mine) = (house.token(1).await, key());
        let first = house.enrol(&token, &mine).await.unwrap();
        house.keys.clock.advance(Lifetime::minutes(9));
        let again = house.enrol(&token, &mine).await.unwrap();
        assert_eq!((first.device.id, first.device.number), (again.device.id, again.device.number));
        assert_ne!(first.svid.serial, again.svid.serial);
        assert_eq!(house.devices.devices(REALM).len(), 1);
        refused(&house.judge(&first.svid).await, Refusal::Superseded);
        house.judge(&again.svid).await.unwrap();
        no_token(&house.enrol(&token, &key()).await);
        house.keys.clock.advance(Lifetime::minutes(2));
        no_token(&house.enrol(&token, &mine).await);
    })
    .await;
}

#[tokio::test]
async fn a_device_that_was_locked_or_has_renewed_meanwhile_is_not_enrolled_again() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let (token, mine) = (house.token(2).await, key());
        let first = house.enrol(&token, &mine).await.unwrap();
        let next = house.renew(&first.svid, &key()).await.unwrap();
        house.judge(&next.svid).await.unwrap();
        refused(&house.enrol(&token, &mine).await, Refusal::Superseded);
        let locked_key = key();
        let locked = house.enrol(&token, &locked_key).await.unwrap();
        house.devices.lock(House::by(), ask(locked.device.id)).await.unwrap();
        refused(&house.enrol(&token, &locked_key).await, Refusal::Locked);
    })
    .await;
}

#[tokio::test]
async fn an_unknown_expired_revoked_or_foreign_token_lets_nobody_in() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let csr = || csr::create(&key()).unwrap();
        no_token(&house.enrol_in(REALM, "no such token", csr()).await);
        let (revoked, expired) = (house.token(1).await, house.token(1).await);
        no_token(&house.enrol_in(OTHER, expired.secret.expose(), csr()).await);
        house.devices.revoke_token(House::by(), revoked.token.id).await.unwrap();
        no_token(&house.enrol(&revoked, &key()).await);
        house.keys.clock.advance(Lifetime::minutes(61));
        no_token(&house.enrol(&expired, &key()).await);
        assert!(house.devices.devices(REALM).is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_signing_request_that_proves_no_key_uses_nothing_up() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let token = house.token(1).await;
        let mut forged = csr::create(&key()).unwrap();
        // The last byte is of the signature: the request is signed by another key than the one in it, as far as anybody can tell.
        *forged.last_mut().unwrap() ^= 1;
        for csr in [forged, b"no request".to_vec(), Vec::new()] {
            let outcome = house.enrol_in(REALM, token.secret.expose(), csr).await;
            assert!(matches!(outcome, Err(Error::Csr(_))), "{outcome:?}");
        }
        house.enrol(&token, &key()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_device_is_what_its_token_says_and_has_an_svid_for_its_own_key() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let mine = key();
        let Given { device, svid } = house.enrol(&house.token(1).await, &mine).await.unwrap();
        assert_eq!(
            device.spiffe_id.to_string(),
            format!("spiffe://weft.test/device/{}", device.id)
        );
        assert_eq!(svid.id, device.spiffe_id);
        let leaf = svid_of_verified_peer(&svid.chain[0]).unwrap();
        assert_eq!(leaf.key_digest, mine.public().digest());
        assert_eq!(
            (device.serial(), device.current.as_ref().unwrap().key_digest),
            (leaf.serial.as_str(), leaf.key_digest)
        );
        assert_eq!((device.class, device.owner), (Class::Laptop, Some(OWNER)));
        assert_eq!(device.profile.as_deref(), Some("linux-laptop"));
        assert_eq!(svid.not_after.since(house.keys.clock_now()).as_seconds(), 86_400);
        assert_eq!(house.stored(device.id).await, device);
        house.judge(&svid).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_wish_for_a_token_outside_its_bounds_is_refused() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let long = Lifetime::days(31);
        let profile = |name: &str| Grant { profile: Some(name.to_owned()), ..wish(1).grant };
        for bad in [
            TokenWish { uses_max: 0, ..wish(1) },
            TokenWish { uses_max: 1001, ..wish(1) },
            TokenWish { lifetime: Lifetime::seconds(0), ..wish(1) },
            TokenWish { lifetime: long, ..wish(1) },
            TokenWish { grant: profile(""), ..wish(1) },
            TokenWish { grant: profile("Linux Laptop"), ..wish(1) },
        ] {
            let outcome = house.devices.create_token(bad).await;
            assert!(matches!(outcome, Err(Error::Invalid(_))), "{outcome:?}");
        }
        let stranger = Some(UserId::new(uuid::Uuid::from_u128(8)));
        let theirs = TokenWish { grant: Grant { owner: stranger, ..wish(1).grant }, ..wish(1) };
        let outcome = house.devices.create_token(theirs).await;
        assert!(matches!(outcome, Err(Error::NotFound("person"))), "{outcome:?}");
        let id = Some(DeviceTokenId::new(uuid::Uuid::from_u128(1)));
        house.devices.create_token(TokenWish { id, ..wish(1) }).await.unwrap();
        let outcome = house.devices.create_token(TokenWish { id, ..wish(1) }).await;
        assert!(matches!(outcome, Err(Error::Exists)), "{outcome:?}");
    })
    .await;
}

#[tokio::test]
async fn a_renewed_svid_becomes_the_current_one_when_it_is_first_used() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let first = house.enrolled().await;
        let id = first.device.id;
        let next = house.renew(&first.svid, &key()).await.unwrap();
        // The answer may be lost: until the new one is used, the old one goes on.
        house.judge(&first.svid).await.unwrap();
        assert_eq!(house.stored(id).await.serial(), first.svid.serial);
        house.judge(&next.svid).await.unwrap();
        let stored = house.stored(id).await;
        assert_eq!(
            (stored.serial(), &stored.previous),
            (next.svid.serial.as_str(), &first.svid.serial)
        );
        assert_eq!(stored.next, None);
        refused(&house.judge(&first.svid).await, Refusal::Superseded);
        refused(&house.renew(&first.svid, &key()).await, Refusal::Superseded);
        house.judge(&next.svid).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn of_two_svids_that_were_given_for_one_only_the_last_counts() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let first = house.enrolled().await;
        let lost = house.renew(&first.svid, &key()).await.unwrap();
        let given = house.renew(&first.svid, &key()).await.unwrap();
        refused(&house.judge(&lost.svid).await, Refusal::Superseded);
        house.judge(&given.svid).await.unwrap();
        refused(&house.judge(&lost.svid).await, Refusal::Superseded);
    })
    .await;
}

#[tokio::test]
async fn an_enrolment_that_is_too_old_is_not_renewed() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let first = house.enrolled().await;
        house.keys.clock.advance(Lifetime::days(365));
        refused(&house.renew(&first.svid, &key()).await, Refusal::MustEnrol);
    })
    .await;
}

#[tokio::test]
async fn a_locked_device_is_refused_until_it_is_released_and_a_retired_one_for_good() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let first = house.enrolled().await;
        let id = first.device.id;
        let waiting = house.renew(&first.svid, &key()).await.unwrap();
        let locked = house.devices.lock(House::by(), ask(id)).await.unwrap();
        assert_eq!(locked.state, State::Locked { reason: "lost on a train".to_owned() });
        house.follow().await;
        for svid in [&first.svid, &waiting.svid] {
            refused(&house.judge(svid).await, Refusal::Locked);
        }
        // The door let it through a moment before it was locked.
        let late = house.devices.renew(&caller(&first.svid), &csr::create(&key()).unwrap()).await;
        refused(&late, Refusal::Locked);
        let released = house.devices.release(House::by(), ask(id)).await.unwrap();
        assert_eq!((released.state, released.revision), (State::Enrolled, 3));
        house.follow().await;
        house.judge(&waiting.svid).await.unwrap();

        house.devices.retire(House::by(), ask(id)).await.unwrap();
        house.follow().await;
        refused(&house.judge(&waiting.svid).await, Refusal::Retired);
        refused(&house.devices.release(House::by(), ask(id)).await, Refusal::Retired);
        refused(&house.devices.lock(House::by(), ask(id)).await, Refusal::Retired);
    })
    .await;
}

#[tokio::test]
async fn nobody_changes_a_device_that_is_not_as_they_saw_it() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let id = house.enrolled().await.device.id;
        let seen = |revision| Manage::new(id, Some(revision), "").unwrap();
        house.devices.lock(House::by(), seen(1)).await.unwrap();
        let outcome = house.devices.release(House::by(), seen(1)).await;
        assert!(matches!(outcome, Err(Error::Changed)), "{outcome:?}");
        house.devices.release(House::by(), seen(2)).await.unwrap();
        let unknown = DeviceId::new(uuid::Uuid::from_u128(9));
        let outcome = house.devices.lock(House::by(), ask(unknown)).await;
        assert!(matches!(outcome, Err(Error::NotFound("device"))), "{outcome:?}");
        let wordy = Manage::new(id, None, &"x".repeat(257));
        assert!(matches!(wordy, Err(Error::Invalid(_))), "{wordy:?}");
    })
    .await;
}

#[tokio::test]
async fn a_device_is_known_by_its_history_which_is_bounded() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let Given { mut device, svid } = house.enrolled().await;
        house.renew(&svid, &key()).await.unwrap();
        let stored = house.stored(device.id).await;
        let sources: Vec<&str> =
            stored.evidence.iter().map(|known| known.source.as_str()).collect();
        assert_eq!(sources, ["enrolment", "possession"]);
        let now = house.keys.clock_now();
        for count in 0..100 {
            let strength = if count % 2 == 0 {
                crate::kernel::Strength::Claimed
            } else {
                crate::kernel::Strength::Software
            };
            device.note(&Evidence { strength, ..device.possession(now) });
        }
        assert_eq!(device.evidence.len(), EVIDENCE_MAX);
    })
    .await;
}

#[tokio::test]
async fn a_person_who_is_erased_owns_no_device_any_more() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let id = house.enrolled().await.device.id;
        let erased: Result<usize, Fault> = house
            .keys
            .env
            .db
            .write(REALM, house.devices.clone(), |tx, devices| {
                Box::pin(async move { Ok(devices.disown(tx, OWNER).await?.len()) })
            })
            .await;
        assert_eq!(erased.unwrap(), 1);
        let left = house.stored(id).await;
        let named = left.name.as_str();
        assert_eq!(
            (left.owner, named),
            (None, id.to_string().as_str()),
            "nor does its name say whose it was"
        );
    })
    .await;
}

#[tokio::test]
async fn a_person_brings_a_device_which_is_theirs_and_the_same_however_often_it_is_asked_for() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let own = key();
        let first = house.brought(&own).await;
        assert_eq!((first.device.owner, first.device.class), (Some(OWNER), Class::Laptop));
        house.judge(&first.svid).await.unwrap();
        // The answer was lost.
        let again = house.brought(&own).await;
        assert_eq!(again.device.id, first.device.id);
        refused(&house.judge(&first.svid).await, Refusal::Superseded);
        house.judge(&again.svid).await.unwrap();
        // It was off for longer than its SVID lives, and its owner signed in on it once more.
        house.keys.clock.advance(Lifetime::hours(25));
        let later = house.brought(&own).await;
        assert_eq!(later.device.id, first.device.id);
        assert!(later.device.evidence_expires > again.device.evidence_expires);
        assert_eq!(later.device.asked_key, None);
        house.renew(&later.svid, &key()).await.unwrap();
        assert_ne!(house.brought(&key()).await.device.id, first.device.id, "another key");
    })
    .await;
}

#[tokio::test]
async fn nobody_has_more_devices_than_a_person_may_have() {
    on_each_database(async |database| {
        let settings = Settings { per_person: 2, ..Settings::default() };
        let house = House::with(database, settings).await;
        let first = house.brought(&key()).await;
        let (one, other) = (key(), key());
        let outcomes = tokio::join!(Box::pin(house.bring(&one)), Box::pin(house.bring(&other)));
        let enough = |outcome: &Result<Brought, Error>| matches!(outcome, Err(Error::Enough(2)));
        assert_ne!(enough(&outcomes.0), enough(&outcomes.1), "of two at once, one is too many");
        // One that is there is asked for again; one that was put out makes room.
        house.brought(if enough(&outcomes.0) { &other } else { &one }).await;
        assert!(enough(&house.bring(&key()).await));
        let id = first.device.id;
        let stranger = (UserId::new(uuid::Uuid::from_u128(8)), SubjectId::new(uuid::Uuid::nil()));
        let outcome = house.devices.retire_own(REALM, stranger, id).await;
        assert!(matches!(outcome, Err(Error::NotFound("device"))), "{outcome:?}");
        let owner = (OWNER, SubjectId::new(uuid::Uuid::nil()));
        house.devices.retire_own(REALM, owner, id).await.unwrap();
        house.devices.retire_own(REALM, owner, id).await.unwrap();
        house.brought(&key()).await;

        let closed = House::with(database, Settings { per_person: 0, ..Settings::default() }).await;
        assert!(matches!(closed.bring(&key()).await, Err(Error::Enough(0))));
    })
    .await;
}

#[tokio::test]
async fn a_device_that_has_to_be_approved_gets_nothing_before_and_is_refused_for_good() {
    on_each_database(async |database| {
        let settings = Settings { approval: true, ..Settings::default() };
        let house = House::with(database, settings).await;
        let (good, bad) = (key(), key());
        let waiting = house.waits(&good).await;
        assert_eq!((&waiting.state, &waiting.current), (&State::Waiting, &None));
        assert_eq!(house.waits(&good).await.id, waiting.id);
        // Neither verb is a way around the approval.
        refused(&house.devices.lock(House::by(), ask(waiting.id)).await, Refusal::Waiting);
        refused(&house.devices.release(House::by(), ask(waiting.id)).await, Refusal::Waiting);

        let approved = house.devices.approve(House::by(), ask(waiting.id)).await.unwrap();
        assert_eq!((approved.state, approved.revision), (State::Enrolled, 2));
        let given = house.brought(&good).await;
        assert_eq!(given.device.id, waiting.id);
        house.judge(&given.svid).await.unwrap();
        house.devices.lock(House::by(), ask(waiting.id)).await.unwrap();
        refused(&house.devices.approve(House::by(), ask(waiting.id)).await, Refusal::Locked);
        refused(&house.bring(&good).await, Refusal::Locked);

        let unwanted = house.waits(&bad).await;
        house.devices.retire(House::by(), ask(unwanted.id)).await.unwrap();
        refused(&house.bring(&bad).await, Refusal::Retired);
        refused(&house.devices.approve(House::by(), ask(unwanted.id)).await, Refusal::Retired);
    })
    .await;
}
