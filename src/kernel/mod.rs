//! Floor 0, the vocabulary: the nouns every other room speaks, and the rules that make a bad one impossible.
//!
//! Owns: SPIFFE IDs, typed ids, time, secrets, subjects, callers, evidence, assurance, situations, standing, shares, faults, limits.
//! Does not own: anything that reads a clock, a file, a socket or a database. Pure; no async; no serde.
//! Invariant: a value of a type in here has already passed the rules of its specification.

pub mod assurance;
pub mod evidence;
pub mod fault;
pub mod granted;
pub mod ids;
pub mod limits;
pub mod secret;
pub mod selector;
pub mod share;
pub mod situation;
pub mod spiffe;
pub mod standing;
pub mod subject;
pub mod time;

pub use assurance::{Assurance, Method, amr_of, assurance_of};
pub use evidence::{Evidence, EvidenceSource, Strength};
pub use fault::{Failure, Fault, Kind};
pub use granted::Granted;
pub use ids::{
    AuthorityId, AuthorizationRequestId, ClientId, DeviceId, DeviceTokenId, EntryId, GrantId,
    JoinTokenId, PasskeyId, RealmId, ReplicaId, SessionId, SignInId, SubjectId, UpstreamId, UserId,
    WriteId,
};
pub use secret::Secret;
pub use selector::Selector;
pub use share::BasisPoints;
pub use situation::{Address, AddressSource, Authentication, Situation};
pub use spiffe::{SpiffeId, TrustDomain};
pub use standing::{Level, Standing, earned};
pub use subject::{Caller, Listener, Proof, Subject, SubjectKind};
pub use time::{Lifetime, Timestamp};
