//! A bundle: the public authorities of a trust domain, ready to verify with.

use std::sync::Arc;

use super::model::{Purpose, RealmNames, Slot, State};
use crate::crypto::jose::{JwtAuthority, JwtKeys, KeySet};
use crate::crypto::keys::PublicKey;
use crate::crypto::x509::{CertificateError, Roots};
use crate::kernel::{Lifetime, Timestamp, TrustDomain};

/// The public authorities of one trust domain. Never merged with another's (Federation §4.2).
#[derive(Debug, Clone)]
pub struct Bundle {
    /// Whose it is: stored beside the keys, never inferred from them (SPIFFE Trust Domain and Bundle §3).
    pub trust_domain: TrustDomain,
    /// X.509 authorities. Empty: no X.509-SVID of this domain is trusted.
    pub x509: Vec<X509Root>,
    /// JWT authorities. Empty: no JWT-SVID of this domain is trusted.
    pub jwt: Vec<JwtKey>,
    /// Rises with every change of the content.
    pub sequence: u64,
    /// How often to fetch it again; nothing where its publisher does not say.
    pub refresh_hint: Option<Lifetime>,
    roots: Roots,
    jwt_keys: JwtKeys,
}

/// An X.509 authority that verifiers trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct X509Root {
    /// Its certificate, in DER.
    pub certificate: Arc<[u8]>,
    /// Whether nothing of it is to be relied on any longer.
    pub tainted: bool,
}

/// A JWT authority that verifiers trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtKey {
    /// `kid`
    pub kid: String,
    /// The key.
    pub key: PublicKey,
    /// Nothing that it signed lives longer; nothing where its publisher does not say.
    pub expires_at: Option<Timestamp>,
    /// Whether nothing of it is to be relied on any longer.
    pub tainted: bool,
}

impl Bundle {
    /// A bundle of these authorities.
    pub fn new(
        trust_domain: TrustDomain,
        x509: Vec<X509Root>,
        jwt: Vec<JwtKey>,
        (sequence, refresh_hint): (u64, Option<Lifetime>),
    ) -> Result<Self, CertificateError> {
        let roots = Roots::new(trust_domain.clone(), x509.iter().map(|root| &*root.certificate))?;
        let jwt_keys = JwtKeys::new(jwt.iter().map(|key| (key.kid.clone(), key.key.clone())));
        Ok(Self { trust_domain, x509, jwt, sequence, refresh_hint, roots, jwt_keys })
    }

    /// What X.509-SVIDs of this domain are verified with.
    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    /// What JWT-SVIDs of this domain are verified with.
    pub fn jwt_keys(&self) -> &JwtKeys {
        &self.jwt_keys
    }

    /// As a SPIFFE bundle document says it, which knows no taint and no expiry.
    pub fn key_set(&self) -> KeySet {
        KeySet {
            x509: self.x509.iter().map(|root| root.certificate.to_vec()).collect(),
            jwt: self
                .jwt
                .iter()
                .map(|key| JwtAuthority { kid: key.kid.clone(), key: key.key.clone() })
                .collect(),
            sequence: Some(self.sequence),
            refresh_hint: self.refresh_hint,
        }
    }

    /// A realm's own: every authority but the revoked, oldest first, each root once.
    pub(super) fn of_slots(
        names: &RealmNames,
        slots: &[Slot],
        sequence: u64,
        hint: Lifetime,
    ) -> Result<Self, CertificateError> {
        let mut x509: Vec<X509Root> = Vec::new();
        let mut jwt = Vec::new();
        for slot in slots.iter().filter(|slot| slot.state != State::Revoked) {
            match slot.purpose {
                Purpose::X509 => {
                    let Some(root) = slot.root() else { continue };
                    // A root above us is not tainted with one authority below it.
                    let tainted = slot.state.is_tainted() && slot.upstream.is_empty();
                    if !x509.iter().any(|known| *known.certificate == **root) {
                        x509.push(X509Root { certificate: Arc::from(root.as_slice()), tainted });
                    }
                }
                // Those who verify SVIDs must not take an OpenID token for one.
                Purpose::Oidc => {}
                Purpose::JwtSvid => jwt.push(JwtKey {
                    kid: slot.key_id.clone(),
                    key: slot.public_key.clone(),
                    expires_at: Some(slot.not_after),
                    tainted: slot.state.is_tainted(),
                }),
            }
        }
        Self::new(names.trust_domain.clone(), x509, jwt, (sequence, Some(hint)))
    }
}
