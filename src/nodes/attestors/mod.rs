//! Node attestors: how a machine proves which machine it is, one file each.
//!
//! An attestor judges evidence and nothing else: it signs nothing, records nothing and decides nothing.

mod join_token;
mod x509pop;

use futures_util::future::BoxFuture;

use crate::db::Tx;
use crate::env::Env;
use crate::kernel::{Lifetime, RealmId, Selector, SpiffeId, Strength};

pub use join_token::JoinTokens;
pub(super) use join_token::use_of;
pub use x509pop::X509Pop;

use super::Error;

/// What an attestation starts with.
#[derive(Debug)]
pub struct Opening<'a> {
    /// The realm the agent wants to join.
    pub realm: RealmId,
    /// What the agent sent.
    pub payload: &'a [u8],
    /// SHA-256 of the public key that the agent wants certified: what is proved is proved for this key.
    pub key_digest: [u8; 32],
}

/// What an attestor found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attested {
    /// The path below `/spire/agent/`.
    pub path: String,
    /// Facts about the node.
    pub selectors: Vec<Selector>,
    /// A second parent for entries.
    pub alias: Option<SpiffeId>,
    /// How hard this is to forge.
    pub strength: Strength,
    /// The proof can be given again at any time.
    pub can_reattest: bool,
    /// For how long the proof holds; nothing: as long as `node.max_age_days` says.
    pub good_for: Option<Lifetime>,
}

/// The next step of an attestation.
#[derive(Debug)]
pub enum Step {
    /// The node is who it says.
    Done(Attested),
    /// It has what is used up by being shown.
    Claim(Box<dyn Claim>),
    /// It must answer this first; the exchange goes on with the answer.
    Challenge(Vec<u8>, Box<dyn Exchange>),
}

/// A proof that is used up: it is judged in the transaction that stores the agent, so that either both happen or neither.
pub trait Claim: Send + Sync + std::fmt::Debug {
    /// Judges it, and uses it up. Fails with `Attestation` where it is worth nothing; then nothing was written.
    fn claim<'t>(&'t self, tx: &'t mut Tx) -> BoxFuture<'t, Result<Attested, Error>>;
}

/// A challenge that waits for its answer.
pub trait Exchange: Send + std::fmt::Debug {
    /// Judges the answer.
    fn answer(self: Box<Self>, answer: &[u8]) -> Result<Step, Error>;
}

/// One way to prove a node.
pub trait NodeAttestor: Send + Sync + std::fmt::Debug {
    /// Its name in requests, SPIFFE IDs and rows.
    fn name(&self) -> &'static str;
    /// Judges what the agent sent first.
    fn open<'a>(&'a self, env: &'a Env, opening: Opening<'a>)
    -> BoxFuture<'a, Result<Step, Error>>;
}

/// The attestors that are switched on.
#[derive(Debug)]
pub struct Attestors(Vec<Box<dyn NodeAttestor>>);

impl Attestors {
    /// These.
    pub fn new(attestors: Vec<Box<dyn NodeAttestor>>) -> Self {
        Self(attestors)
    }

    /// The attestor of this name.
    pub fn get(&self, name: &str) -> Option<&dyn NodeAttestor> {
        self.0.iter().find(|attestor| attestor.name() == name).map(AsRef::as_ref)
    }
}

/// The static name of an attestation type that a row holds; rows of an attestor that is gone keep working as `unknown`.
pub(super) fn known_type(name: &str) -> &'static str {
    [join_token::NAME, x509pop::NAME].into_iter().find(|known| *known == name).unwrap_or("unknown")
}
