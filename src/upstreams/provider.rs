//! What is known of a provider: its metadata and keys, fetched when they are needed and kept while they hold.
//!
//! Each upstream has its own; one fetch at a time, none more often than the pauses below, and whoever waits for it waits for
//! this upstream alone. Keys that work are never given up for an answer that is none: a token with an invented `kid` costs one
//! request in thirty seconds and nothing else.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType,
    CoreJsonWebKey, CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalProviderMetadata, DiscoveryError, IssuerUrl, JsonWebKey, ProviderMetadata,
};
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use super::fetch::{Fetch, of_outbound};
use super::refusal::{Reason, Refusal};
use crate::crypto::digest::from_base64url;
use crate::env::Clock;
use crate::kernel::{Fault, Lifetime};
use crate::outbound;

/// What is known of one upstream's provider.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) fetch: Fetch,
    issuer: IssuerUrl,
    clock: Arc<dyn Clock>,
    known: ArcSwapOption<Known>,
    turn: Mutex<Turn>,
}

/// Metadata and keys of one fetch.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) metadata: Metadata,
    pub(super) keys: CoreJsonWebKeySet,
    fetched: Lifetime,
}

/// When was tried what, in the clock's elapsed time.
#[derive(Debug, Default)]
struct Turn {
    discovery: Option<Lifetime>,
    keys: Option<Lifetime>,
    failed: Option<Refusal>,
}

/// Provider metadata as the library reads it, with what RFC 9207 adds.
pub(super) type Metadata = ProviderMetadata<
    Extra,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// `authorization_response_iss_parameter_supported` (RFC 9207 §3) and `revocation_endpoint` (RFC 8414 §2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extra {
    pub(super) answers_name_issuer: bool,
    pub(super) revocation_endpoint: Option<String>,
}

impl Provider {
    pub(super) fn new(fetch: Fetch, issuer: &str, clock: Arc<dyn Clock>) -> Result<Self, Fault> {
        let issuer = IssuerUrl::new(issuer.to_owned()).map_err(Fault::bug)?;
        Ok(Self { fetch, issuer, clock, known: ArcSwapOption::empty(), turn: Mutex::default() })
    }

    /// Metadata and keys: fetched if they are not known or old; old ones while the provider is away, for a day.
    pub(super) async fn known(&self) -> Result<Arc<Known>, Refusal> {
        let usable = match self.known.load_full() {
            Some(known) if self.age(&known) < FRESH => return Ok(known),
            Some(known) if self.age(&known) < STALE => Some(known),
            _ => None,
        };
        // Whoever has something to go on with does not wait for somebody else's fetch.
        let mut turn = match (self.turn.try_lock(), usable.clone()) {
            (Ok(turn), _) => turn,
            (Err(_), Some(known)) => return Ok(known),
            (Err(_), None) => self.turn.lock().await,
        };
        if let Some(known) = self.known.load_full().filter(|known| self.age(known) < FRESH) {
            return Ok(known);
        }
        if self.rested(turn.discovery, PAUSE) {
            turn.discovery = Some(self.clock.elapsed());
            match self.discover().await {
                Ok(known) => {
                    turn.failed = None;
                    self.known.store(Some(Arc::clone(&known)));
                    return Ok(known);
                }
                Err(refusal) => turn.failed = Some(refusal),
            }
        }
        let failed = turn.failed.clone();
        usable.ok_or_else(|| {
            failed.unwrap_or_else(|| Refusal::new(Reason::Discovery, "nothing is known yet"))
        })
    }

    /// Newer keys than those that were seen, after a token named one that is not among them. Nothing if there are none, or if
    /// they were asked for only just now.
    pub(super) async fn newer_keys(
        &self,
        seen: &Arc<Known>,
    ) -> Result<Option<Arc<Known>>, Refusal> {
        let mut turn = self.turn.lock().await;
        if let Some(known) = self.known.load_full().filter(|known| !Arc::ptr_eq(known, seen)) {
            return Ok(Some(known));
        }
        if !self.rested(turn.keys, KEYS_PAUSE) {
            return Ok(None);
        }
        turn.keys = Some(self.clock.elapsed());
        let http = self.fetch.library();
        let fetched = CoreJsonWebKeySet::fetch_async(seen.metadata.jwks_uri(), &http).await;
        let keys = usable_keys(&fetched.map_err(|error| explain(&error, Reason::Keys))?);
        if keys.keys().is_empty() {
            return Ok(None);
        }
        let known = Known { metadata: seen.metadata.clone(), keys, fetched: seen.fetched };
        let known = Arc::new(known);
        self.known.store(Some(Arc::clone(&known)));
        Ok(Some(known))
    }

    async fn discover(&self) -> Result<Arc<Known>, Refusal> {
        let http = self.fetch.library();
        let found = Metadata::discover_async(self.issuer.clone(), &http).await;
        let metadata = found.map_err(|error| explain(&error, Reason::Discovery))?;
        check(&metadata)?;
        let keys = usable_keys(metadata.jwks());
        if keys.keys().is_empty() {
            return Err(Refusal::new(Reason::Keys, "no key that can be used is published"));
        }
        Ok(Arc::new(Known { metadata, keys, fetched: self.clock.elapsed() }))
    }

    fn age(&self, known: &Known) -> Lifetime {
        since(self.clock.elapsed(), known.fetched)
    }

    fn rested(&self, last: Option<Lifetime>, pause: Lifetime) -> bool {
        last.is_none_or(|last| since(self.clock.elapsed(), last) >= pause)
    }
}

/// A browser is sent to one of these addresses, and secrets to the others.
fn check(metadata: &Metadata) -> Result<(), Refusal> {
    let refuse = |about: String| Err(Refusal::new(Reason::Metadata, about));
    let Some(token) = metadata.token_endpoint() else {
        return refuse("`token_endpoint` is missing".to_owned());
    };
    let userinfo = metadata.userinfo_endpoint().map(|url| ("userinfo_endpoint", url.url()));
    let urls = [
        ("authorization_endpoint", metadata.authorization_endpoint().url()),
        ("token_endpoint", token.url()),
        ("jwks_uri", metadata.jwks_uri().url()),
    ];
    for (name, url) in urls.into_iter().chain(userinfo) {
        if url.scheme() != "https" || !url.username().is_empty() || url.fragment().is_some() {
            return refuse(format!("`{name}` is not an https address"));
        }
    }
    Ok(())
}

/// Keys of others than ours may be anything: RSA below 2048 bits and shared secrets are not taken (RFC 7518 §3.3).
fn usable_keys(published: &CoreJsonWebKeySet) -> CoreJsonWebKeySet {
    let usable = |key: &&CoreJsonWebKey| {
        let members = serde_json::to_value(key).unwrap_or_default();
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        match text("kty") {
            Some("RSA") => {
                let modulus = text("n").and_then(from_base64url).unwrap_or_default();
                let length = modulus.iter().skip_while(|byte| **byte == 0).count();
                (RSA_BYTES_MIN..=RSA_BYTES_MAX).contains(&length)
            }
            Some("EC") => key.key_id().is_none_or(|id| id.len() <= KEY_ID_BYTES_MAX),
            _ => false,
        }
    };
    CoreJsonWebKeySet::new(published.keys().iter().filter(usable).take(KEYS_MAX).cloned().collect())
}

fn explain(error: &DiscoveryError<outbound::Error>, otherwise: Reason) -> Refusal {
    match error {
        DiscoveryError::Request(inner) => of_outbound(inner, otherwise),
        DiscoveryError::Response(status, ..) if status.is_redirection() => {
            Refusal::new(otherwise, format_args!("answered {status}; redirects are not followed"))
        }
        DiscoveryError::Response(status, ..) => {
            Refusal::new(otherwise, format_args!("answered {status}, or no JSON"))
        }
        DiscoveryError::Validation(about) => Refusal::new(Reason::Metadata, about),
        DiscoveryError::Parse(inner) => {
            Refusal::new(otherwise, format_args!("cannot be read at `{}`", inner.path()))
        }
        other => Refusal::new(otherwise, other),
    }
}

fn since(now: Lifetime, then: Lifetime) -> Lifetime {
    Lifetime::micros(now.as_micros().saturating_sub(then.as_micros()))
}

impl AdditionalProviderMetadata for Extra {}

impl<'de> Deserialize<'de> for Extra {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = Map::<String, Value>::deserialize(deserializer)?;
        let said = members.get(ISS_PARAMETER).and_then(Value::as_bool);
        let revocation_endpoint = members.get(REVOCATION).and_then(Value::as_str);
        Ok(Self {
            answers_name_issuer: said.unwrap_or(false),
            revocation_endpoint: revocation_endpoint.map(str::to_owned),
        })
    }
}

impl Serialize for Extra {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(2))?;
        members.serialize_entry(ISS_PARAMETER, &self.answers_name_issuer)?;
        members.serialize_entry(REVOCATION, &self.revocation_endpoint)?;
        members.end()
    }
}

const ISS_PARAMETER: &str = "authorization_response_iss_parameter_supported";
const REVOCATION: &str = "revocation_endpoint";
/// Metadata changes once in years; keys that it does not know are asked for at once.
const FRESH: Lifetime = Lifetime::hours(1);
/// A provider that is away so long may have lost its keys to somebody.
const STALE: Lifetime = Lifetime::days(1);
/// Between two tries at a provider that does not answer.
const PAUSE: Lifetime = Lifetime::seconds(10);
/// Between two fetches of keys because of a name that is not among them.
const KEYS_PAUSE: Lifetime = Lifetime::seconds(30);
const KEYS_MAX: usize = 100;
const KEY_ID_BYTES_MAX: usize = 1024;
const RSA_BYTES_MIN: usize = 256;
/// A verification takes time by the square of this.
const RSA_BYTES_MAX: usize = 1024;
