//! The two cookies of a browser: 256 bits each, of which the database has the digest.

use std::fmt;

use crate::crypto::digest::{base64url, from_base64url, sha256};
use crate::env::Entropy;
use crate::kernel::{Fault, Secret};

macro_rules! cookies {
    ($($(#[$doc:meta])* $name:ident = $cookie:literal;)*) => {$(
        $(#[$doc])*
        pub struct $name(Secret<[u8; 32]>);

        impl $name {
            /// The cookie's name. The prefix has browsers take it from this host alone, over TLS, for every path.
            pub const NAME: &'static str = $cookie;

            /// A new one.
            pub fn make(entropy: &(dyn Entropy + 'static)) -> Result<Self, Fault> {
                Ok(Self(entropy.token()?))
            }

            /// Reads a cookie's value; nothing if it is none of ours.
            pub fn parse(text: &str) -> Option<Self> {
                read(text).map(Self)
            }

            /// The cookie's value: for `Set-Cookie`, and nothing else.
            pub fn expose(&self) -> String {
                base64url(self.0.expose())
            }

            /// What the database has of it.
            pub fn digest(&self) -> [u8; 32] {
                sha256(self.0.expose())
            }

            /// The same cookie once more.
            #[must_use]
            pub fn again(&self) -> Self {
                Self(Secret::new(*self.0.expose()))
            }

            /// The bits themselves.
            pub fn bits(&self) -> &Secret<[u8; 32]> {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )*};
}

cookies! {
    /// Shown by a browser that is signed in.
    SessionCookie = "__Host-weft-session";
    /// Shown by a browser, signed in or not, so that what it began is not finished by another.
    BrowserCookie = "__Host-weft-browser";
}

fn read(text: &str) -> Option<Secret<[u8; 32]>> {
    if text.len() != TEXT_BYTES {
        return None;
    }
    let bytes: [u8; 32] = from_base64url(text)?.try_into().ok()?;
    Some(Secret::new(bytes))
}

/// 256 bits in base64url.
const TEXT_BYTES: usize = 43;
