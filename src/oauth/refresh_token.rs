//! A refresh token: which family, which generation, and a secret from which the next one follows (RFC 9700 §4.14.2). Pure.
//!
//! The successor is a keyed digest of the token itself. So the same token shown twice within seconds — an application that
//! retries, or two of its processes — has the same successor, without that being kept anywhere. And a token of an earlier
//! generation can be told from an invented one: only a true one leads, step by step, to the token that counts now.

use crate::crypto::digest::{base64url, from_base64url, hmac_sha256, sha256};
use crate::kernel::{GrantId, Secret};
use uuid::Uuid;

/// A refresh token.
pub(super) struct RefreshToken {
    /// The family: a family is a grant.
    pub grant: GrantId,
    /// How often it was rotated before.
    pub generation: u32,
    value: Secret<[u8; 32]>,
}

impl RefreshToken {
    /// The first of a family, made of 256 random bits.
    pub(super) fn first(grant: GrantId, random: &Secret<[u8; 32]>) -> Self {
        Self { grant, generation: 0, value: Secret::new(*random.expose()) }
    }

    /// Reads one, as a client shows it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX).filter(|rest| rest.len() == TEXT_BYTES)?;
        let bytes = Secret::new(from_base64url(rest)?);
        let (grant, rest) = bytes.expose().split_first_chunk::<16>()?;
        let (generation, value) = rest.split_first_chunk::<4>()?;
        Some(Self {
            grant: GrantId::new(Uuid::from_bytes(*grant)),
            generation: u32::from_be_bytes(*generation),
            value: Secret::new(value.try_into().ok()?),
        })
    }

    /// As it is handed out.
    pub(super) fn text(&self) -> Secret<String> {
        Secret::new(format!("{PREFIX}{}", base64url(self.bytes().expose())))
    }

    /// What is kept of it.
    pub(super) fn digest(&self) -> [u8; 32] {
        sha256(self.bytes().expose())
    }

    /// The one after it.
    pub(super) fn successor(&self, key: &Secret<[u8; 32]>) -> Self {
        let value = Secret::new(hmac_sha256(key.expose(), self.bytes().expose()));
        Self { grant: self.grant, generation: self.generation.saturating_add(1), value }
    }

    /// True if the token with this digest and generation follows from this one.
    pub(super) fn leads_to(
        &self,
        key: &Secret<[u8; 32]>,
        digest: [u8; 32],
        generation: u32,
    ) -> bool {
        let steps = generation.saturating_sub(self.generation);
        if steps == 0 || steps > STEPS_MAX {
            return false;
        }
        let mut token = self.successor(key);
        for _step in 1..steps {
            token = token.successor(key);
        }
        token.digest() == digest
    }

    fn bytes(&self) -> Secret<Vec<u8>> {
        let (grant, generation) = (self.grant.uuid().into_bytes(), self.generation.to_be_bytes());
        Secret::new([&grant[..], &generation[..], &self.value.expose()[..]].concat())
    }
}

impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RefreshToken({}, {})", self.grant, self.generation)
    }
}

/// Tells it from every other secret, for whoever finds one where it does not belong.
const PREFIX: &str = "wrt_";
/// 52 bytes in base64url.
const TEXT_BYTES: usize = 70;
/// A family that was rotated more often since is only told that the token is not valid: each step is a digest.
const STEPS_MAX: u32 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oidc_035_a_token_has_one_successor_and_its_past_is_known_for_what_it_is() {
        let (key, other) = (Secret::new([7; 32]), Secret::new([8; 32]));
        let grant = GrantId::new(Uuid::from_u128(5));
        let first = RefreshToken { grant, generation: 0, value: Secret::new([1; 32]) };
        let second = first.successor(&key);
        assert_eq!(second.digest(), first.successor(&key).digest());
        assert_ne!(second.digest(), first.successor(&other).digest());
        let third = second.successor(&key);
        let read = RefreshToken::parse(third.text().expose()).unwrap();
        assert_eq!((read.digest(), read.generation), (third.digest(), 2));
        assert!(first.leads_to(&key, third.digest(), 2));
        assert!(second.leads_to(&key, third.digest(), 2));
        assert!(!third.leads_to(&key, third.digest(), 2), "it is no past of itself");
        assert!(!first.leads_to(&other, third.digest(), 2));
        let invented = RefreshToken { grant, generation: 1, value: Secret::new([2; 32]) };
        assert!(!invented.leads_to(&key, third.digest(), 2));
        for bad in [
            "",
            "wrt_",
            "x",
            third.text().expose().get(1..).unwrap(),
            &format!("{}A", third.text().expose()),
        ] {
            assert!(RefreshToken::parse(bad).is_none(), "{bad}");
        }
    }
}
