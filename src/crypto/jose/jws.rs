//! Compact JWS (RFC 7515 §7.1): signed with one of our keys, taken apart and verified with a named one.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{JsonError, JwsAlgorithm, parse_object};
use crate::crypto::digest::{base64url, from_base64url};
use crate::crypto::keys::{PublicKey, Signer};
use crate::kernel::Fault;
use crate::kernel::limits::JWT_BYTES_MAX;

/// Why a token is refused before its claims are looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoseError {
    /// Longer than we read.
    #[error("a token has at most {JWT_BYTES_MAX} bytes")]
    TooLong,
    /// Not three parts of base64url between two dots: the JSON serialisation and encrypted tokens among them.
    #[error("the token is not in compact JWS form")]
    Compact,
    /// A part is not JSON as it must be.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The header holds more than `alg`, `kid` and `typ`; `crit`, `jwk`, `jku`, `x5c` and `b64` among it.
    #[error("the header parameter `{0}` is not accepted")]
    HeaderParameter(String),
    /// No `alg`, or one outside the nine: `none`, HMAC and `EdDSA` among them.
    #[error("the algorithm `{0}` is not accepted")]
    Algorithm(String),
    /// No `kid`.
    #[error("the header has no `kid`")]
    NoKeyId,
    /// A header parameter is not a text.
    #[error("the header parameter `{0}` is not a text")]
    NotText(&'static str),
    /// The key is of another sort than the algorithm.
    #[error("the key is of another sort than the algorithm of the token")]
    KeyKind,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    Signature,
}

/// Signs tokens with one key; the header is made once.
#[derive(Clone)]
pub struct TokenSigner {
    signer: Arc<dyn Signer>,
    kid: Arc<str>,
    header: Arc<str>,
}

/// A token taken apart, its signature not yet verified: nothing in it may be believed, only used to choose a key.
#[derive(Debug)]
pub struct Unverified<'a> {
    signed: &'a str,
    signature: Vec<u8>,
    algorithm: JwsAlgorithm,
    kid: String,
    typ: Option<String>,
    claims: Map<String, Value>,
}

impl TokenSigner {
    /// Tokens of this type, by this key under this name.
    pub fn new(signer: Arc<dyn Signer>, kid: &str, typ: &str) -> Self {
        let algorithm = JwsAlgorithm::of_signer(signer.algorithm());
        let header =
            serde_json::json!({ "alg": algorithm.as_str(), "kid": kid, "typ": typ }).to_string();
        Self { signer, kid: Arc::from(kid), header: Arc::from(base64url(header.as_bytes()) + ".") }
    }

    /// The name of the key.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half of the key.
    pub fn public_key(&self) -> &PublicKey {
        self.signer.public_key()
    }

    /// Signs claims, which are the text of a JSON object.
    pub fn sign(&self, claims: &str) -> Result<String, Fault> {
        let mut token = String::with_capacity(self.header.len() + claims.len() * 4 / 3 + 96);
        token.push_str(&self.header);
        token.push_str(&base64url(claims.as_bytes()));
        let signature = self.signer.sign_fixed(token.as_bytes())?;
        token.push('.');
        token.push_str(&base64url(&signature));
        Ok(token)
    }
}

impl<'a> Unverified<'a> {
    /// Takes a token apart; everything but signature and claims is checked.
    pub fn parse(token: &'a str) -> Result<Self, JoseError> {
        if token.len() > JWT_BYTES_MAX {
            return Err(JoseError::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JoseError::Compact)?;
        let (header, claims) = signed.split_once('.').ok_or(JoseError::Compact)?;
        let decode = |part: &str| from_base64url(part).ok_or(JoseError::Compact);
        let mut header = parse_object(&decode(header)?)?;
        let algorithm = match text(&mut header, "alg")? {
            Some(name) => JwsAlgorithm::parse(&name).ok_or(JoseError::Algorithm(name))?,
            None => return Err(JoseError::Algorithm(String::new())),
        };
        let typ = text(&mut header, "typ")?;
        let kid = text(&mut header, "kid")?;
        if let Some((name, _)) = header.into_iter().next() {
            return Err(JoseError::HeaderParameter(name));
        }
        // SPIFFE leaves `kid` optional, but every validator in the field asks for it, and guessing keys costs signatures.
        let kid = kid.ok_or(JoseError::NoKeyId)?;
        Ok(Self {
            signed,
            signature: decode(signature)?,
            algorithm,
            kid,
            typ,
            claims: parse_object(&decode(claims)?)?,
        })
    }

    /// The algorithm it claims.
    pub fn algorithm(&self) -> JwsAlgorithm {
        self.algorithm
    }

    /// The key it claims.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Its type, if it says one.
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// Its claims, which nobody has vouched for yet.
    pub fn unverified_claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The claims, if this key signed them.
    pub fn verify(self, key: &PublicKey) -> Result<Map<String, Value>, JoseError> {
        let verifier = self.algorithm.verifier(key.kind()).ok_or(JoseError::KeyKind)?;
        if key.verify_by(verifier, self.signed.as_bytes(), &self.signature) {
            Ok(self.claims)
        } else {
            Err(JoseError::Signature)
        }
    }
}

fn text(header: &mut Map<String, Value>, name: &'static str) -> Result<Option<String>, JoseError> {
    match header.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(JoseError::NotText(name)),
    }
}

impl fmt::Debug for TokenSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSigner").field("kid", &self.kid).finish_non_exhaustive()
    }
}
