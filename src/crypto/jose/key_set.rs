//! A SPIFFE bundle as a JWK set (SPIFFE Trust Domain and Bundle §4; RFC 7517), parsed and printed.
//!
//! Here and not in `bundles`, because agents and the command line read and write it too.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{JsonError, parse_object};
use crate::crypto::digest::{base64, base64url, from_base64, from_base64url};
use crate::crypto::keys::{KeyError, KeyKind, PublicKey};
use crate::crypto::x509::CertificateView;
use crate::kernel::limits::BUNDLE_BYTES_MAX;
use crate::kernel::{Lifetime, TrustDomain};

/// A public key for JWT-SVIDs, under its key id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtAuthority {
    /// Its id: `kid`.
    pub kid: String,
    /// The key.
    pub key: PublicKey,
}

/// What a bundle document says. The trust domain is not in it: it is known from elsewhere, never inferred (§3).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeySet {
    /// X.509 authorities, in DER.
    pub x509: Vec<Vec<u8>>,
    /// JWT authorities.
    pub jwt: Vec<JwtAuthority>,
    /// `spiffe_sequence`, if it says.
    pub sequence: Option<u64>,
    /// `spiffe_refresh_hint`, if it says.
    pub refresh_hint: Option<Lifetime>,
}

/// Why a document is refused as a whole. A key that cannot be used does not refuse the document: it is left out (§4.1.3).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Larger than we read.
    #[error("a bundle document has at most {BUNDLE_BYTES_MAX} bytes")]
    TooLong,
    /// Not JSON in UTF-8 with unique names.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// `keys` is missing or no list (§4.1.3).
    #[error("a bundle has a list `keys`")]
    NoKeys,
    /// A bundle map has no object `trust_domains`, or a name in it is no trust domain, or its value no bundle (§5.1).
    #[error("a bundle map has an object `trust_domains` of trust domains and their bundles")]
    NoMap,
    /// `spiffe_sequence` or `spiffe_refresh_hint` is not a whole number (§4.1.1, §4.1.2).
    #[error("`{0}` is not a whole number")]
    NotNumber(&'static str),
}

impl KeySet {
    /// Reads a bundle document.
    pub fn parse(document: &[u8]) -> Result<Self, KeySetError> {
        if document.len() > BUNDLE_BYTES_MAX {
            return Err(KeySetError::TooLong);
        }
        Self::of_members(&parse_object(document)?)
    }

    fn of_members(members: &Map<String, Value>) -> Result<Self, KeySetError> {
        let Some(Value::Array(keys)) = members.get("keys") else { return Err(KeySetError::NoKeys) };
        let mut set = Self {
            sequence: whole(members, "spiffe_sequence")?,
            refresh_hint: whole(members, "spiffe_refresh_hint")?
                .map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX).min(HINT_SECONDS_MAX))
                .map(Lifetime::seconds),
            ..Self::default()
        };
        for key in keys {
            set.take(key);
        }
        Ok(set)
    }

    /// Takes a key in, if it can be used; case matters in `use` (§4.2.2).
    fn take(&mut self, key: &Value) {
        let Value::Object(key) = key else { return };
        match key.get("use").and_then(Value::as_str) {
            Some(X509_SVID) => self.x509.extend(x5c(key)),
            Some(JWT_SVID) => {
                let kid = key.get("kid").and_then(Value::as_str).filter(|kid| !kid.is_empty());
                if let (Some(kid), Ok(public)) = (kid, parse_key(key)) {
                    self.jwt.push(JwtAuthority { kid: kid.to_owned(), key: public });
                }
            }
            _ => {}
        }
    }
}

/// Prints a bundle document: every X.509 authority with its one certificate and no `kid` (X509-SVID §6.1), every JWT
/// authority with its `kid` (JWT-SVID §6.1).
pub fn print_bundle(set: &KeySet) -> Value {
    let mut keys = Vec::with_capacity(set.x509.len() + set.jwt.len());
    for certificate in &set.x509 {
        let mut key = CertificateView::parse(certificate)
            .ok()
            .and_then(|view| PublicKey::from_spki_der(&view.spki).ok())
            .map(|public| key_members(&public))
            .unwrap_or_default();
        key.insert("use".to_owned(), X509_SVID.into());
        key.insert("x5c".to_owned(), json!([base64(certificate)]));
        keys.push(Value::Object(key));
    }
    for authority in &set.jwt {
        let mut key = key_members(&authority.key);
        key.insert("use".to_owned(), JWT_SVID.into());
        key.insert("kid".to_owned(), authority.kid.as_str().into());
        keys.push(Value::Object(key));
    }
    let mut document = Map::new();
    document.insert("keys".to_owned(), Value::Array(keys));
    if let Some(sequence) = set.sequence {
        document.insert("spiffe_sequence".to_owned(), sequence.into());
    }
    if let Some(hint) = set.refresh_hint {
        document.insert("spiffe_refresh_hint".to_owned(), hint.as_seconds().into());
    }
    Value::Object(document)
}

/// Reads a bundle map (§5.1): bundles by trust domain, no name twice. Refresh hints inside of it say nothing.
pub fn parse_bundle_map(document: &[u8]) -> Result<BTreeMap<TrustDomain, KeySet>, KeySetError> {
    if document.len() > BUNDLE_BYTES_MAX {
        return Err(KeySetError::TooLong);
    }
    let members = parse_object(document)?;
    let Some(Value::Object(domains)) = members.get("trust_domains") else {
        return Err(KeySetError::NoMap);
    };
    let mut map = BTreeMap::new();
    for (name, bundle) in domains {
        let domain = TrustDomain::parse(name).map_err(|_| KeySetError::NoMap)?;
        let bundle = bundle.as_object().ok_or(KeySetError::NoMap)?;
        map.insert(domain, KeySet { refresh_hint: None, ..KeySet::of_members(bundle)? });
    }
    Ok(map)
}

/// Prints a bundle map.
pub fn print_bundle_map(map: &BTreeMap<TrustDomain, KeySet>) -> Value {
    let domains: Map<String, Value> =
        map.iter().map(|(domain, set)| (domain.to_string(), print_bundle(set))).collect();
    json!({ "trust_domains": domains })
}

/// When to fetch a bundle again: as its publisher hints, else every five minutes (§6.1); never more than once a second.
pub fn poll_interval(hint: Option<Lifetime>) -> Lifetime {
    match hint {
        Some(hint) if hint.as_seconds() >= 1 => hint,
        Some(_) => Lifetime::seconds(1),
        None => Lifetime::minutes(5),
    }
}

/// The members that say which key it is (RFC 7518 §6, RFC 8037 §2).
pub fn key_members(key: &PublicKey) -> Map<String, Value> {
    let mut members = Map::new();
    let mut set = |name: &str, value: String| members.insert(name.to_owned(), Value::String(value));
    let bits = key.bits();
    match key.kind() {
        KeyKind::Rsa(_) => {
            let (modulus, exponent) = key.rsa_numbers().unwrap_or_default();
            set("kty", "RSA".to_owned());
            set("n", base64url(&modulus));
            set("e", base64url(&exponent));
        }
        KeyKind::Ed25519 => {
            set("kty", "OKP".to_owned());
            set("crv", "Ed25519".to_owned());
            set("x", base64url(bits));
        }
        KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => {
            let point = bits.get(1..).unwrap_or_default();
            let (x, y) = point.split_at(point.len() / 2);
            set("kty", "EC".to_owned());
            set("crv", curve_name(key.kind()).to_owned());
            set("x", base64url(x));
            set("y", base64url(y));
        }
    }
    members
}

fn parse_key(key: &Map<String, Value>) -> Result<PublicKey, KeyError> {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    let bytes = |name: &str| text(name).and_then(from_base64url).ok_or(KeyError::Malformed);
    match (text("kty"), text("crv")) {
        (Some("RSA"), _) => PublicKey::from_rsa(&bytes("n")?, &bytes("e")?),
        (Some("OKP"), Some("Ed25519")) => PublicKey::from_point(KeyKind::Ed25519, &bytes("x")?),
        (Some("EC"), Some(curve)) => {
            let kinds = [KeyKind::P256, KeyKind::P384, KeyKind::P521];
            let kind =
                kinds.into_iter().find(|kind| curve_name(*kind) == curve).ok_or(KeyError::Kind)?;
            // RFC 7518 §6.2.1.2: both coordinates have the full length; `from_point` checks the sum.
            let (x, y) = (bytes("x")?, bytes("y")?);
            if x.len() != y.len() {
                return Err(KeyError::Malformed);
            }
            PublicKey::from_point(kind, &[&[4], x.as_slice(), &y].concat())
        }
        _ => Err(KeyError::Kind),
    }
}

/// The first certificate of `x5c`, if it is an authority's; without one the entry is ignored (X509-SVID §6.2).
fn x5c(key: &Map<String, Value>) -> Option<Vec<u8>> {
    let first = key.get("x5c")?.as_array()?.first()?.as_str()?;
    let der = from_base64(first)?;
    CertificateView::parse(&der).ok().filter(|view| view.is_ca == Some(true)).map(|_| der)
}

fn whole(members: &Map<String, Value>, name: &'static str) -> Result<Option<u64>, KeySetError> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_u64().map(Some).ok_or(KeySetError::NotNumber(name)),
    }
}

const fn curve_name(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::P256 => "P-256",
        KeyKind::P384 => "P-384",
        KeyKind::P521 => "P-521",
        KeyKind::Ed25519 => "Ed25519",
        KeyKind::Rsa(_) => "",
    }
}

/// The longest hint that a [`Lifetime`] holds in whole seconds: what is read is what is printed again.
const HINT_SECONDS_MAX: i64 = i64::MAX / 1_000_000;
const X509_SVID: &str = "x509-svid";
const JWT_SVID: &str = "jwt-svid";
