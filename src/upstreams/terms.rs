//! What an upstream says, read once: every text of its document becomes a type here, or is refused with what would be right.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::mapping::Mapping;
use super::model::Error;
use crate::crypto::jose::JwsAlgorithm;
use crate::crypto::x509::pem_certificates;
use crate::kernel::Lifetime;
use crate::outbound::{Network, PrivateHost};
use crate::realms::HostName;
use crate::settings::Textual;
use crate::wire::api;
pub use crate::wire::api::{ClientAuthentication, UpstreamUsage};

/// The settings of an upstream.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Terms {
    /// What people read on the button.
    pub display_name: Arc<str>,
    /// The issuer, compared letter by letter (RFC 9700 §4.4.2.1).
    pub issuer: Arc<str>,
    /// Our client id there.
    pub client_id: Arc<str>,
    /// How the secret is shown.
    pub client_authentication: ClientAuthentication,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// With what ID tokens may be signed.
    pub algorithms: Vec<JwsAlgorithm>,
    /// Off: nobody comes through it.
    pub enabled: bool,
    /// Signing in, or linking alone.
    pub usage: UpstreamUsage,
    /// E-mail domains whose people are at home there.
    pub domains: BTreeSet<HostName>,
    /// From claims to attributes and groups.
    pub mapping: Mapping,
    /// Whose `email_verified` counts.
    pub email_trust: EmailTrust,
    /// Links by an address that both sides verified.
    pub link_verified_email: bool,
    /// Who may get an account by coming; nobody, if none.
    pub creation: Option<Creation>,
    /// Whether userinfo is asked.
    pub userinfo: bool,
    /// Whether the provider's tokens are kept.
    pub keep_tokens: bool,
    /// How far the provider's clock may be off.
    pub skew: Lifetime,
    /// Where it is, if it is in a private network.
    pub private: Option<Private>,
    /// The document, as the row has it.
    written: String,
}

/// Whether the provider's word that an address is verified counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmailTrust {
    /// Never.
    Never,
    /// Where it says true.
    IfTrue,
    /// Where it says true of an address in one of these domains.
    Domains(BTreeSet<HostName>),
}

/// Who may get an account by coming.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creation {
    /// Holders of a verified address in one of these; all, if empty.
    pub domains: BTreeSet<HostName>,
    /// Members of one of these groups of the provider; all, if empty.
    pub groups: BTreeSet<String>,
}

/// A provider in a private network.
#[derive(Debug, Clone)]
pub struct Private {
    /// The one host, its port, and the network it is in.
    pub host: PrivateHost,
    /// Who alone vouches for it, in DER; the system's authorities, if empty.
    pub certificates: Vec<Vec<u8>>,
}

impl Terms {
    /// Reads a document that came over the wire.
    pub fn of(document: &api::UpstreamSettings) -> Result<Self, Error> {
        let private = document.allow_private_network.as_ref().map(private).transpose()?;
        Ok(Self {
            display_name: line("display_name", &document.display_name, DISPLAY_BYTES_MAX)?,
            issuer: issuer(&document.issuer)?,
            client_id: line("client_id", &document.client_id, CLIENT_ID_BYTES_MAX)?,
            client_authentication: document.client_authentication,
            scopes: scopes(&document.scopes)?,
            algorithms: algorithms(&document.algorithms)?,
            enabled: document.enabled,
            usage: document.usage,
            domains: hosts("domains", &document.domains)?,
            mapping: Mapping::of(document)?,
            email_trust: email_trust(document)?,
            link_verified_email: document.link_verified_email,
            creation: creation(document)?,
            userinfo: document.userinfo,
            keep_tokens: document.keep_tokens,
            skew: skew(document.skew_seconds)?,
            private,
            written: serde_json::to_string(document).map_err(crate::kernel::Fault::bug)?,
        })
    }

    /// Reads a document of a row.
    pub(super) fn read(written: &str) -> Result<Self, Error> {
        Self::of(&parse(written)?)
    }

    /// The document, as a row has it.
    pub(super) fn written(&self) -> &str {
        &self.written
    }

    /// The document, as it goes over the wire.
    pub fn document(&self) -> Result<api::UpstreamSettings, Error> {
        parse(&self.written)
    }
}

fn parse(written: &str) -> Result<api::UpstreamSettings, Error> {
    serde_json::from_str(written).map_err(|error| Error::invalid("document", error))
}

fn line(field: &'static str, text: &str, most: usize) -> Result<Arc<str>, Error> {
    if text.is_empty() || text.len() > most || text.chars().any(char::is_control) {
        return Err(Error::invalid(field, format!("1 to {most} bytes without control characters")));
    }
    Ok(Arc::from(text))
}

/// An `https` URL without user, query or fragment (Discovery §3). It is kept and compared as it is written: providers have
/// issuers with and without a final slash, and mean what they write.
fn issuer(text: &str) -> Result<Arc<str>, Error> {
    let bad = || Error::invalid("issuer", "an https URL without user, query or fragment");
    let url = url::Url::parse(text).map_err(|_| bad())?;
    let plain = url.scheme() == "https"
        && url.host().is_some()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    let whole = url.as_str() == text || url.as_str().strip_suffix('/') == Some(text);
    if plain && whole && text.len() <= ISSUER_BYTES_MAX { Ok(Arc::from(text)) } else { Err(bad()) }
}

fn scopes(asked: &[String]) -> Result<Vec<String>, Error> {
    // RFC 6749 §3.3: printable ASCII without space, quote and backslash.
    let allowed = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    let good = |scope: &String| {
        !scope.is_empty() && scope.len() <= SCOPE_BYTES_MAX && scope.bytes().all(allowed)
    };
    if asked.len() > SCOPES_MAX || !asked.iter().all(good) {
        let why = format!("at most {SCOPES_MAX} scopes of RFC 6749 §3.3");
        return Err(Error::invalid("scopes", why));
    }
    let others = asked.iter().filter(|scope| *scope != "openid").cloned();
    Ok(std::iter::once("openid".to_owned()).chain(others).collect())
}

/// The algorithms that may be pinned: those that a stranger who knows public keys cannot sign with.
fn algorithms(names: &[String]) -> Result<Vec<JwsAlgorithm>, Error> {
    let read = |name: &String| JwsAlgorithm::parse(name).filter(|one| *one != JwsAlgorithm::Es512);
    let read: Option<Vec<JwsAlgorithm>> = names.iter().map(read).collect();
    read.filter(|all| !all.is_empty()).ok_or_else(|| {
        Error::invalid("algorithms", "at least one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384; never `none` or HMAC")
    })
}

fn hosts(field: &'static str, names: &[String]) -> Result<BTreeSet<HostName>, Error> {
    if names.len() > NAMES_MAX {
        return Err(Error::invalid(field, format!("at most {NAMES_MAX} of them")));
    }
    let read = |name: &String| HostName::parse(name).map_err(|error| Error::invalid(field, error));
    names.iter().map(read).collect()
}

fn email_trust(document: &api::UpstreamSettings) -> Result<EmailTrust, Error> {
    let domains = hosts("email_domains", &document.email_domains)?;
    Ok(match document.email_trust {
        api::EmailTrust::Domains if domains.is_empty() => {
            return Err(Error::invalid("email_domains", "`email_trust` is `domains`: name some"));
        }
        api::EmailTrust::Domains => EmailTrust::Domains(domains),
        _ if !domains.is_empty() => {
            return Err(Error::invalid("email_domains", "only where `email_trust` is `domains`"));
        }
        api::EmailTrust::Never => EmailTrust::Never,
        api::EmailTrust::IfTrue => EmailTrust::IfTrue,
    })
}

fn creation(document: &api::UpstreamSettings) -> Result<Option<Creation>, Error> {
    let domains = hosts("create_domains", &document.create_domains)?;
    let groups: BTreeSet<String> = document.create_groups.iter().cloned().collect();
    if groups.len() > NAMES_MAX || groups.iter().any(String::is_empty) {
        return Err(Error::invalid("create_groups", format!("at most {NAMES_MAX}, none empty")));
    }
    if !groups.is_empty() && document.groups.is_none() {
        return Err(Error::invalid(
            "create_groups",
            "`groups` says how to find them in the claims",
        ));
    }
    Ok(document.create_accounts.then_some(Creation { domains, groups }))
}

fn skew(seconds: i64) -> Result<Lifetime, Error> {
    if (0..=SKEW_SECONDS_MAX).contains(&seconds) {
        return Ok(Lifetime::seconds(seconds));
    }
    Err(Error::invalid("skew_seconds", format!("0 to {SKEW_SECONDS_MAX}")))
}

fn private(place: &api::PrivateNetwork) -> Result<Private, Error> {
    const FIELD: &str = "allow_private_network";
    let network = Network::from_text(&place.network).map_err(|why| Error::invalid(FIELD, why))?;
    let bad = || Error::invalid(FIELD, "`authority` is a host and a port: `idp.example.org:443`");
    let host = PrivateHost::of(&place.authority, network).ok_or_else(bad)?;
    let certificates = match &place.certificates {
        None => Vec::new(),
        Some(text) => {
            let read = pem_certificates(text.as_bytes());
            let read =
                read.map_err(|error| Error::invalid(FIELD, format!("`certificates`: {error}")))?;
            if read.is_empty() || read.len() > CERTIFICATES_MAX {
                let why = format!("`certificates` holds 1 to {CERTIFICATES_MAX} of them in PEM");
                return Err(Error::invalid(FIELD, why));
            }
            read
        }
    };
    Ok(Private { host, certificates })
}

/// It stands on a button.
const DISPLAY_BYTES_MAX: usize = 64;
/// Longer than any provider gives.
const CLIENT_ID_BYTES_MAX: usize = 512;
/// As long as ours may be.
const ISSUER_BYTES_MAX: usize = 512;
const SCOPE_BYTES_MAX: usize = 256;
const SCOPES_MAX: usize = 32;
/// Domains or groups in one list.
const NAMES_MAX: usize = 256;
/// A longer one makes every token live longer.
const SKEW_SECONDS_MAX: i64 = 60;
const CERTIFICATES_MAX: usize = 8;
