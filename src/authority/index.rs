//! A realm's authorities in memory: whole, replaced at once, read without waiting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::bundle::Bundle;
use super::model::{
    JwtAuthority, Line, Manager, OidcAuthority, OpenedKey, Purpose, RealmNames, Slot, State,
    X509Authority,
};
use super::oidc_keys::OidcKeySet;
use super::seal_key;
use super::step::{Seat, Stage};
use super::store::{Head, Stored};
use crate::crypto::jose::{JwsAlgorithm, TokenSigner};
use crate::crypto::keys::{PrivateKey, Signer};
use crate::crypto::seal::KekRing;
use crate::crypto::tls::CurrentRoots;
use crate::crypto::x509::Issuer;
use crate::kernel::{AuthorityId, Fault, Lifetime, RealmId, Timestamp};

/// All realms of this server.
#[derive(Debug, Default)]
pub(super) struct Index {
    realms: ArcSwap<HashMap<RealmId, Arc<RealmKeys>>>,
    watchers: Mutex<HashMap<RealmId, watch::Sender<Arc<Bundle>>>>,
    /// Keys of the manager `memory`, which are nowhere else.
    memory: Mutex<HashMap<AuthorityId, OpenedKey>>,
}

/// One realm's authorities as they were at one moment.
#[derive(Debug)]
pub(super) struct RealmKeys {
    pub(super) names: RealmNames,
    pub(super) seats: Vec<(Slot, Option<OpenedKey>)>,
    pub(super) head: Option<Head>,
    pub(super) x509: Option<Arc<X509Authority>>,
    pub(super) jwt: Option<Arc<JwtAuthority>>,
    pub(super) oidc: Vec<Arc<OidcAuthority>>,
    pub(super) oidc_keys: Arc<OidcKeySet>,
    pub(super) bundle: Arc<Bundle>,
    /// Shared by all moments of the realm.
    pub(super) roots: CurrentRoots,
}

impl Index {
    /// Makes a realm known, without authorities.
    pub(super) fn open(&self, names: RealmNames, hint: Lifetime) -> Result<(), Fault> {
        if self.realm(names.realm).is_none() {
            let empty = RealmKeys::new((names, CurrentRoots::none()), Vec::new(), None, hint)?;
            self.put(empty);
        }
        Ok(())
    }

    pub(super) fn realm(&self, realm: RealmId) -> Option<Arc<RealmKeys>> {
        self.realms.load().get(&realm).cloned()
    }

    pub(super) fn all(&self) -> Vec<RealmId> {
        self.realms.load().keys().copied().collect()
    }

    /// Puts what the database has in the place of what was known.
    pub(super) fn replace(
        &self,
        realm: RealmId,
        rows: Vec<Stored>,
        head: Option<Head>,
        (ring, hint): (&KekRing, Lifetime),
    ) -> Result<(), Fault> {
        let Some(known) = self.realm(realm) else {
            // Realm 0 has no authorities, and is never open.
            let lost = || Fault::bug(format!("realm {realm} has authorities and is not open"));
            return if rows.is_empty() { Ok(()) } else { Err(lost()) };
        };
        let mut seats = Vec::with_capacity(rows.len());
        for row in rows {
            let key = self.key(&known, realm, &row, ring)?;
            seats.push((row.slot, key));
        }
        self.put(RealmKeys::new((known.names.clone(), known.roots.clone()), seats, head, hint)?);
        Ok(())
    }

    /// Holds a key of the manager `memory`.
    pub(super) fn remember(&self, id: AuthorityId, key: OpenedKey) {
        self.memory().insert(id, key);
    }

    /// Lets a key of the manager `memory` go.
    pub(super) fn forget(&self, id: AuthorityId) {
        self.memory().remove(&id);
    }

    /// The bundle of the realm, now and whenever it changes.
    pub(super) fn watch(&self, realm: RealmId) -> Option<watch::Receiver<Arc<Bundle>>> {
        let watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        watchers.get(&realm).map(watch::Sender::subscribe)
    }

    /// The private key of a row, where it still signs or will: from what is known already, from memory, or unsealed. One that
    /// is sealed under a key we were not given fails: to make a new authority instead would cut off everybody.
    fn key(
        &self,
        known: &RealmKeys,
        realm: RealmId,
        row: &Stored,
        ring: &KekRing,
    ) -> Result<Option<OpenedKey>, Fault> {
        let slot = &row.slot;
        if !matches!(slot.state, State::Prepared | State::Active) {
            self.forget(slot.id);
            return Ok(None);
        }
        let opened = known
            .seats
            .iter()
            .find(|(held, _)| held.id == slot.id)
            .and_then(|(_, key)| key.clone());
        match (opened, slot.manager, &row.sealed_key) {
            (Some(key), _, _) => Ok(Some(key)),
            (None, Manager::Memory, _) => Ok(self.memory().get(&slot.id).cloned()),
            (None, Manager::Disk, Some(blob)) => {
                seal_key::open(ring, realm, slot, row.key_version, blob).map(Some)
            }
            (None, Manager::Disk, None) => {
                Err(Fault::malformed("authority row", "it signs and has no key"))
            }
        }
    }

    fn put(&self, keys: RealmKeys) {
        let (realm, keys) = (keys.names.realm, Arc::new(keys));
        self.realms.rcu(|realms| {
            let mut realms = HashMap::clone(realms);
            realms.insert(realm, Arc::clone(&keys));
            realms
        });
        keys.roots.set(keys.bundle.roots());
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        let watcher =
            watchers.entry(realm).or_insert_with(|| watch::Sender::new(Arc::clone(&keys.bundle)));
        watcher.send_if_modified(|bundle| {
            let newer = bundle.sequence != keys.bundle.sequence;
            *bundle = Arc::clone(&keys.bundle);
            newer
        });
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, HashMap<AuthorityId, OpenedKey>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RealmKeys {
    fn new(
        (names, roots): (RealmNames, CurrentRoots),
        seats: Vec<(Slot, Option<OpenedKey>)>,
        head: Option<Head>,
        hint: Lifetime,
    ) -> Result<Self, Fault> {
        let slots: Vec<Slot> = seats.iter().map(|(slot, _)| slot.clone()).collect();
        let sequence = head.and_then(|head| u64::try_from(head.sequence).ok()).unwrap_or(0);
        let bundle = Bundle::of_slots(&names, &slots, sequence, hint)
            .map_err(|error| Fault::malformed("authority row", error))?;
        let active = |purpose| {
            let mut all = seats.iter();
            all.find(move |(slot, key)| {
                slot.purpose == purpose && slot.state == State::Active && key.is_some()
            })
        };
        let x509 = active(Purpose::X509)
            .map(|(slot, key)| x509_authority(&names, slot, key.as_ref()))
            .transpose()?;
        let jwt = active(Purpose::JwtSvid)
            .map(|(slot, key)| jwt_authority(&names, slot, key.as_ref()))
            .transpose()?;
        let signing = seats
            .iter()
            .filter(|(slot, _)| slot.purpose == Purpose::Oidc && slot.state == State::Active);
        let oidc = signing.filter_map(|(slot, key)| {
            key.as_ref().map(|key| Arc::new(oidc_authority(&names, slot, key)))
        });
        let oidc = oidc.collect();
        let oidc_keys = OidcKeySet::of_slots(&names.issuer, slots.iter())?;
        Ok(Self {
            names,
            head,
            oidc,
            oidc_keys: Arc::new(oidc_keys),
            x509: x509.map(Arc::new),
            jwt: jwt.map(Arc::new),
            bundle: Arc::new(bundle),
            seats,
            roots,
        })
    }

    /// What the rule of steps looks at.
    pub(super) fn seats(&self, line: Line) -> Vec<Seat> {
        let of_line = self.seats.iter().filter(|(slot, _)| slot.line() == line);
        of_line
            .map(|(slot, key)| Seat {
                id: slot.id,
                stage: match slot.state {
                    State::Prepared => Stage::Prepared { since: slot.prepared_at },
                    State::Active => Stage::Active,
                    State::Old { .. } | State::Revoked => Stage::Past,
                },
                not_before: slot.not_before,
                not_after: slot.not_after,
                has_key: key.is_some(),
            })
            .collect()
    }

    pub(super) fn slot(&self, id: AuthorityId) -> Option<(&Slot, Option<&OpenedKey>)> {
        self.seats.iter().find(|(slot, _)| slot.id == id).map(|(slot, key)| (slot, key.as_ref()))
    }

    /// The x509 authority, unless it has ended.
    pub(super) fn active_x509(&self, now: Timestamp) -> Option<Arc<X509Authority>> {
        self.x509.as_ref().filter(|authority| now < authority.issuer.not_after()).cloned()
    }

    /// The authority for OpenID tokens by this algorithm, unless it has ended.
    pub(super) fn active_oidc(
        &self,
        algorithm: JwsAlgorithm,
        now: Timestamp,
    ) -> Option<Arc<OidcAuthority>> {
        let mut signing = self.oidc.iter();
        signing.find(|one| one.algorithm == algorithm && now < one.not_after).cloned()
    }

    /// The JWT authority, unless it has ended.
    pub(super) fn active_jwt(&self, now: Timestamp) -> Option<Arc<JwtAuthority>> {
        self.jwt.as_ref().filter(|authority| now < authority.not_after).cloned()
    }
}

fn x509_authority(
    names: &RealmNames,
    slot: &Slot,
    key: Option<&OpenedKey>,
) -> Result<X509Authority, Fault> {
    let (Some(certificate), Some(signer)) = (&slot.certificate, key.map(port)) else {
        return Err(Fault::malformed("authority row", "an X.509 authority has no certificate"));
    };
    let below_root = slot.upstream.split_last().map(|(_, above)| above);
    let intermediates = match below_root {
        Some(above) => std::iter::once(certificate).chain(above).cloned().collect(),
        None => Vec::new(),
    };
    let issuer = Issuer::new(certificate, signer)?;
    Ok(X509Authority {
        id: slot.id,
        trust_domain: names.trust_domain.clone(),
        issuer,
        intermediates,
    })
}

fn jwt_authority(
    names: &RealmNames,
    slot: &Slot,
    key: Option<&OpenedKey>,
) -> Result<JwtAuthority, Fault> {
    let signer = key.map(port).ok_or_else(|| Fault::bug("an active authority has no key"))?;
    Ok(JwtAuthority {
        id: slot.id,
        trust_domain: names.trust_domain.clone(),
        issuer: Arc::from(format!("{}/spiffe", names.issuer.trim_end_matches('/'))),
        signer: TokenSigner::new(signer, &slot.key_id, "JWT"),
        not_after: slot.not_after,
    })
}

fn oidc_authority(names: &RealmNames, slot: &Slot, key: &OpenedKey) -> OidcAuthority {
    let signer = |typ| TokenSigner::new(port(key), &slot.key_id, typ);
    OidcAuthority {
        id: slot.id,
        issuer: Arc::clone(&names.issuer),
        trust_domain: names.trust_domain.clone(),
        algorithm: JwsAlgorithm::of_signer(slot.algorithm),
        id_tokens: signer("JWT"),
        access_tokens: signer("at+jwt"),
        logout_tokens: signer("logout+jwt"),
        not_after: slot.not_after,
    }
}

fn port(key: &OpenedKey) -> Arc<dyn Signer> {
    Arc::<PrivateKey>::clone(key)
}
