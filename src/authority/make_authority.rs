//! A new authority: its key, and for X.509 its certificate, self-signed or from the upstream authority on disk.

use std::path::PathBuf;
use std::sync::Arc;

use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;

use super::model::{Error, Line, Manager, OpenedKey, Purpose, RealmNames, Slot, State};
use super::settings::Settings;
use super::store::{self, Stored};
use super::{Authority, seal_key};
use crate::crypto::keys::{Algorithm, PrivateKey, Signer, read_key_file};
use crate::crypto::x509::{
    CaTemplate, CertificateView, Issuer, Serial, pem_certificates, self_signed_ca,
};
use crate::kernel::limits::BACKDATE_SECONDS;
use crate::kernel::{AuthorityId, Fault, Lifetime, Secret, Timestamp};

/// An authority that is nowhere yet.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) stored: Stored,
    pub(super) key: OpenedKey,
}

/// Certificate and key above our own authority.
struct Upstream {
    issuer: Issuer,
    /// Its own certificate and those above it, the root last.
    chain: Vec<Vec<u8>>,
}

impl Authority {
    /// Makes an authority. Reads the upstream files, if there are any; the database is not asked.
    pub(super) async fn make(&self, names: &RealmNames, line: Line) -> Result<Made, Error> {
        let purpose = line.purpose;
        let key: OpenedKey = Arc::new(new_key(line.algorithm).await?);
        let now = self.env.clock.now();
        let id = AuthorityId::new(self.env.entropy.uuid(now)?);
        let mut slot = self.slot(id, purpose, &key, now);
        if purpose == Purpose::X509 {
            let upstream = Upstream::load(&self.settings).await?;
            self.certify(&mut slot, names, &key, upstream)?;
        }
        slot.key_id = store::key_id(slot.certificate.as_deref(), &slot.public_key)
            .ok_or_else(|| Fault::bug("a new authority has no key identifier"))?;
        let sealed_key = match slot.manager {
            Manager::Memory => None,
            Manager::Disk => {
                let place = (names.realm, id, purpose, FIRST_VERSION);
                Some(seal_key::seal(&self.ring, &key, place, self.env.entropy.as_ref())?)
            }
        };
        Ok(Made { stored: Stored { slot, sealed_key, key_version: FIRST_VERSION }, key })
    }

    fn slot(&self, id: AuthorityId, purpose: Purpose, key: &PrivateKey, now: Timestamp) -> Slot {
        let life = match purpose {
            Purpose::X509 => self.settings.x509_seconds,
            Purpose::JwtSvid => self.settings.jwt_seconds,
            Purpose::Oidc => self.settings.oidc_seconds,
        };
        Slot {
            id,
            purpose,
            state: State::Prepared,
            manager: self.settings.manager(),
            algorithm: key.algorithm(),
            public_key: key.public().clone(),
            key_id: String::new(),
            certificate: None,
            upstream: Vec::new(),
            not_before: now.minus(Lifetime::seconds(BACKDATE_SECONDS)).whole_second(),
            not_after: now.plus(Lifetime::seconds(life)).whole_second(),
            prepared_at: now,
            changed_at: now,
            published_sequence: 0,
        }
    }

    fn certify(
        &self,
        slot: &mut Slot,
        names: &RealmNames,
        key: &PrivateKey,
        upstream: Option<Upstream>,
    ) -> Result<(), Error> {
        if let Some(upstream) = &upstream {
            slot.not_after = slot.not_after.min(upstream.issuer.not_after());
        }
        let template = CaTemplate {
            trust_domain: &names.trust_domain,
            serial: Serial::new(self.env.entropy.as_ref())?,
            not_before: slot.not_before,
            not_after: slot.not_after,
            // An authority below ours (a nested server's) is not made yet, so none is permitted.
            path_length: Some(0),
        };
        match upstream {
            None => slot.certificate = Some(self_signed_ca(&template, key)?),
            Some(upstream) => {
                slot.certificate = Some(upstream.issuer.sign_ca(&template, key.public())?);
                slot.upstream = upstream.chain;
            }
        }
        Ok(())
    }
}

impl Upstream {
    async fn load(settings: &Settings) -> Result<Option<Self>, Error> {
        if settings.upstream_certificate.is_empty() {
            return Ok(None);
        }
        let path = &settings.upstream_certificate;
        let certificates = tokio::fs::read(path)
            .await
            .map_err(|error| Error::Upstream(format!("`{path}`: {error}")))?;
        let path = PathBuf::from(&settings.upstream_key);
        let reading = tokio::task::spawn_blocking(move || read_key_file(&path, KEY_BYTES_MAX));
        let key = reading.await.map_err(Fault::bug)?;
        let key = key.map_err(|error| Error::Upstream(error.to_string()))?;
        Self::parse(&certificates, &key).map(Some)
    }

    fn parse(certificates: &[u8], key: &Secret<Vec<u8>>) -> Result<Self, Error> {
        let chain =
            pem_certificates(certificates).map_err(|error| Error::Upstream(error.to_string()))?;
        for certificate in &chain {
            let view = CertificateView::parse(certificate)
                .map_err(|error| Error::Upstream(error.to_string()))?;
            if view.is_ca != Some(true) {
                return Err(Error::Upstream(
                    "a certificate in the file is not an authority's".to_owned(),
                ));
            }
        }
        let der = PrivatePkcs8KeyDer::from_pem_slice(key.expose()).map_err(|_| {
            Error::Upstream("the key file holds no PEM private key in PKCS#8".to_owned())
        })?;
        let pkcs8 = Secret::new(der.secret_pkcs8_der().to_vec());
        let key = PrivateKey::from_pkcs8(&pkcs8).map_err(|_| {
            Error::Upstream("the key is not of a kind that is accepted: P-256".to_owned())
        })?;
        let first =
            chain.first().ok_or_else(|| Error::Upstream("there is no certificate".to_owned()))?;
        let issuer = Issuer::new(first, Arc::new(key))
            .map_err(|error| Error::Upstream(error.to_string()))?;
        Ok(Self { issuer, chain })
    }
}

/// An RSA key takes long to find, so it is looked for where nobody waits.
async fn new_key(algorithm: Algorithm) -> Result<PrivateKey, Fault> {
    match algorithm {
        Algorithm::P256 => PrivateKey::generate(algorithm),
        Algorithm::Rsa2048 => {
            let work = move || PrivateKey::generate(algorithm);
            tokio::task::spawn_blocking(work).await.map_err(Fault::bug)?
        }
    }
}

/// A key in PEM, with words around it.
const KEY_BYTES_MAX: usize = 16 * 1024;
/// The version of a key's first sealing.
const FIRST_VERSION: i64 = 1;
