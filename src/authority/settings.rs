//! Settings of signing authorities.

use serde::{Deserialize, Serialize};

use super::model::{Manager, Purpose};
use super::step::Policy;
use crate::kernel::Lifetime;
use crate::settings::{section, value};

section! {
    /// Where signing keys live and how long.
    #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Settings {
        /// Where private keys live: `disk` seals them into the database, so that replicas share them and a restart changes
        /// nothing; `memory` keeps them in this process alone, so that every start makes new ones. `memory` is for one replica.
        pub key_manager: KeyManager,
        /// How long an X.509 authority lives, in seconds. The next one is prepared at half of it.
        pub x509_seconds: i64,
        /// How long a JWT authority lives, in seconds. The next one is prepared at half of it.
        pub jwt_seconds: i64,
        /// How long a key of OpenID tokens lives, in seconds. The next one is prepared at half of it.
        pub oidc_seconds: i64,
        /// For how long a key of OpenID tokens is published before it signs, in seconds. Applications may keep the keys that
        /// they fetched for a day.
        pub oidc_published_seconds: i64,
        /// How often others are asked to fetch our bundle again (`spiffe_refresh_hint`), in seconds.
        pub refresh_hint_seconds: i64,
        /// For how many refresh hints a new authority is published before it signs. The SPIFFE federation specification
        /// advises three to five.
        pub published_hints: i64,
        /// For how long a new X.509 authority is published before it signs, in seconds: at least as long as an agent's SVID
        /// lives (`node.svid_seconds`) and a refresh hint. An agent that was off for as long as its SVID lives still knows then
        /// who signs for the server that it comes back to.
        pub x509_published_seconds: i64,
        /// PEM file of an upstream authority's certificate, followed by those above it, the root last. Empty: none; our own
        /// X.509 authority is then its own root.
        pub upstream_certificate: String,
        /// PEM file of that authority's private key (PKCS#8, P-256).
        pub upstream_key: String,
    }
    fits { problem }
}

/// Where private keys live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyManager {
    /// Sealed in the database.
    Disk,
    /// In this process.
    Memory,
}

value!(KeyManager);

impl Default for Settings {
    fn default() -> Self {
        Self {
            key_manager: KeyManager::Disk,
            x509_seconds: 7 * 86_400,
            jwt_seconds: 7 * 86_400,
            oidc_seconds: 28 * 86_400,
            oidc_published_seconds: 86_400,
            refresh_hint_seconds: 300,
            published_hints: 3,
            x509_published_seconds: 3900,
            upstream_certificate: String::new(),
            upstream_key: String::new(),
        }
    }
}

impl Settings {
    /// How often others should fetch our bundle.
    pub fn refresh_hint(&self) -> Lifetime {
        Lifetime::seconds(self.refresh_hint_seconds.max(1))
    }

    pub(super) fn policy(&self, purpose: Purpose) -> Policy {
        let overlap = match purpose {
            Purpose::X509 => Lifetime::seconds(self.x509_published_seconds.max(1)),
            Purpose::JwtSvid => self.refresh_hint().times(self.published_hints.max(1)),
            Purpose::Oidc => Lifetime::seconds(self.oidc_published_seconds.max(1)),
        };
        Policy { overlap, margin: self.refresh_hint() }
    }

    pub(super) fn manager(&self) -> Manager {
        match self.key_manager {
            KeyManager::Disk => Manager::Disk,
            KeyManager::Memory => Manager::Memory,
        }
    }

    /// What is wrong with these values together, if anything: the key and what would be right.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        if let Some(problem) = self.published_too_short() {
            return Some(problem);
        }
        if self.oidc_seconds < 4 * self.oidc_published_seconds {
            let words = "must be at least four times oidc_published_seconds, so that applications know the next key before it signs";
            return Some(("oidc_seconds", words.to_owned()));
        }
        match (self.upstream_certificate.is_empty(), self.upstream_key.is_empty()) {
            (false, true) => {
                Some(("upstream_key", "is needed with upstream_certificate".to_owned()))
            }
            (true, false) => {
                Some(("upstream_certificate", "is needed with upstream_key".to_owned()))
            }
            _ => None,
        }
    }

    /// The same for the keys of SVIDs: published long enough, and alive for long enough beside it.
    fn published_too_short(&self) -> Option<(&'static str, String)> {
        let overlap = |purpose| self.policy(purpose).overlap.as_seconds();
        let (x509, jwt) = (overlap(Purpose::X509), overlap(Purpose::JwtSvid));
        if x509 < jwt {
            let words = format!(
                "must be at least refresh_hint_seconds × published_hints, that is {jwt}, so that whoever fetches the bundle \
                 knows an authority before it signs"
            );
            return Some(("x509_published_seconds", words));
        }
        let hints = "refresh_hint_seconds × published_hints";
        let lives = [
            ("x509_seconds", self.x509_seconds, x509, "x509_published_seconds"),
            ("jwt_seconds", self.jwt_seconds, jwt, hints),
        ];
        let (key, _, overlap, of) =
            lives.into_iter().find(|(_, life, overlap, _)| *life < 4 * overlap)?;
        let words = format!(
            "must be at least four times {of}, that is {}, so that the next authority is known everywhere before it signs",
            4 * overlap
        );
        Some((key, words))
    }

    /// Why a new X.509 authority would sign before agents know it whose SVID lives this long; the key and what would be right.
    pub fn unknown_to_agents(&self, svid_seconds: i64) -> Option<(&'static str, String)> {
        let needed = svid_seconds.saturating_add(self.refresh_hint_seconds);
        let words = format!(
            "must be at least node.svid_seconds and authority.refresh_hint_seconds together, that is {needed}, so that an agent \
             that was off while its SVID lived knows the authority of the server it comes back to"
        );
        (self.x509_published_seconds < needed)
            .then_some(("authority.x509_published_seconds", words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_fit_together() {
        assert_eq!(Settings::default().problem(), None);
    }

    #[test]
    fn a_life_too_short_for_the_overlap_is_refused_with_what_would_be_right() {
        let settings = Settings { x509_seconds: 15_599, ..Settings::default() };
        let (key, words) = settings.problem().unwrap();
        assert!(key == "x509_seconds" && words.contains("15600"), "{words}");
        let settings = Settings { jwt_seconds: 3599, ..Settings::default() };
        let (key, words) = settings.problem().unwrap();
        assert!(key == "jwt_seconds" && words.contains("3600"), "{words}");
        let settings = Settings { x509_published_seconds: 899, ..Settings::default() };
        let (key, words) = settings.problem().unwrap();
        assert!(key == "x509_published_seconds" && words.contains("900"), "{words}");
        let half = Settings { upstream_key: "k".to_owned(), ..Settings::default() };
        assert_eq!(half.problem().unwrap().0, "upstream_certificate");
    }
}
