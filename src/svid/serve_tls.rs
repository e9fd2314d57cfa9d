//! The server's own certificate, `/spire/server`: what agents look for at the other end of their connection.

use std::sync::{Mutex, PoisonError};

use super::model::{Error, SERVER_ISSUED};
use super::template::{Bounds, validity};
use super::{Svid, verify_output};
use crate::crypto::keys::{Algorithm, PrivateKey};
use crate::crypto::tls::CurrentCertificate;
use crate::crypto::x509::{LeafTemplate, Serial};
use crate::events::{Event, Events, Unrecorded};
use crate::kernel::{AuthorityId, Lifetime, RealmId, Timestamp};

/// The certificate of one realm's server, kept fresh. Listeners hold `current()`.
#[derive(Debug)]
pub struct ServerCertificates {
    realm: RealmId,
    svid: Svid,
    events: Events,
    current: CurrentCertificate,
    held: Mutex<Option<Held>>,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    authority: AuthorityId,
    issued_at: Timestamp,
    not_after: Timestamp,
}

/// A key and its chain, signed and not yet recorded.
#[derive(Debug)]
struct Fresh {
    key: PrivateKey,
    chain: Vec<Vec<u8>>,
    held: Held,
}

impl ServerCertificates {
    /// None yet, until `renew`.
    pub fn new(realm: RealmId, svid: Svid, events: Events) -> Self {
        Self { realm, svid, events, current: CurrentCertificate::none(), held: Mutex::new(None) }
    }

    /// What listeners of this realm show.
    pub fn current(&self) -> CurrentCertificate {
        self.current.clone()
    }

    /// Makes a new certificate if there is none, half the life of the last is over, or another authority signs by now. True
    /// if it did. The key lives in this process only.
    pub async fn renew(&self, now: Timestamp) -> Result<bool, Failed> {
        let Some(authority) = self.svid.authority.active_x509(self.realm) else {
            return Err(Error::NoAuthority.into());
        };
        if self.held().is_some_and(|held| !held.is_due(authority.id, now)) {
            return Ok(false);
        }
        let fresh = self.events.record(self.svid.sign_server(self.realm, now)?).await?;
        self.current.set(&fresh.chain, &fresh.key).map_err(Error::from)?;
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh.held);
        Ok(true)
    }

    fn held(&self) -> Option<Held> {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn is_due(&self, active: AuthorityId, now: Timestamp) -> bool {
        let half = self.not_after.since(self.issued_at).divided_by(2);
        self.authority != active || now >= self.issued_at.plus(half)
    }
}

impl Svid {
    /// A new key and a certificate for the server itself. It needs no permit: nobody else can ask for it. Nor does it end
    /// when the database is out of sight: agents must be able to hear that.
    fn sign_server(&self, realm: RealmId, now: Timestamp) -> Result<Unrecorded<Fresh>, Error> {
        let authority = self.authority.active_x509(realm).ok_or(Error::NoAuthority)?;
        let id = authority
            .trust_domain
            .with_path("/spire/server")
            .map_err(|_| Error::Output("no server ID"))?;
        let life = Lifetime::seconds(self.settings.server_seconds);
        let bounds = Bounds {
            asked: life,
            ceiling: life,
            evidence_expires: Timestamp::FOREVER,
            authority_expires: authority.issuer.not_after(),
        };
        let validity = validity(&bounds, now)?;
        let template = LeafTemplate {
            id: &id,
            dns_names: &[],
            organization: self.settings.organization(),
            serial: Serial::new(self.env.entropy.as_ref())?,
            not_before: validity.from,
            not_after: validity.until,
        };
        let key = PrivateKey::generate(Algorithm::P256)?;
        let leaf = authority.issuer.sign_leaf(&template, key.public())?;
        verify_output::check_leaf(&leaf, &template, key.public(), bounds.authority_expires)?;
        let event = Event::new(realm, SERVER_ISSUED)
            .about("spiffe_id", id.as_str())
            .about("serial", template.serial.hex())
            .about("expires", validity.until.seconds())
            .about("authority", authority.id.to_string());
        let held = Held { authority: authority.id, issued_at: now, not_after: validity.until };
        Ok(Unrecorded::new(Fresh { key, chain: authority.chain_of(leaf), held }, event))
    }
}

/// Why the server has no new certificate; the last one stays in use.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failed {
    /// The desk gave none.
    #[error(transparent)]
    Desk(#[from] Error),
    /// It could not be recorded.
    #[error(transparent)]
    Record(#[from] crate::events::Error),
}
