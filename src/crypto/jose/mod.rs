//! JOSE: signed tokens and key sets, as strict as SPIFFE's JWT-SVID and RFC 7515–7519 allow.
//!
//! Compact serialisation only; no `crit`, no embedded keys; the algorithm must fit the key that `kid` names, and both are
//! checked before any signature is. No leeway on times.

mod algorithm;
mod issued;
mod json;
mod jws;
mod jwt_svid;
mod key_set;
mod times;

pub use algorithm::JwsAlgorithm;
pub use issued::Issued;
pub use json::{JsonError, parse_object};
pub use jws::{JoseError, TokenSigner, Unverified};
pub use jwt_svid::{JwtKeys, JwtSvidClaims, JwtSvidError, verify_jwt_svid};
pub use key_set::{
    JwtAuthority, KeySet, KeySetError, key_members, parse_bundle_map, poll_interval, print_bundle,
    print_bundle_map,
};
pub use times::{TimesError, is_good_now};

#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;
