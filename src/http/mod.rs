//! The HTTP shell: doors that accept connections, and what every request and answer has in common.
//!
//! Owns: the accept loop over TCP, TLS and Unix sockets ([`Door`]), who is at the other end ([`PeerInfo`]) or behind a
//! proxy there ([`Origin`]), failures as problem documents ([`Problem`], RFC 9457), extractors whose refusals say what would
//! be right, entity tags, paging, and what all pages for people share ([`pages`]).
//! Does not own: who the caller *is* in a realm (that is made of `PeerInfo` by a slice), any route, any rule.
//! Invariants: a handshake, a request head and a request each end within a limit; a failure is logged once, here; an
//! answer never says more than a failure's public text.

mod bearer;
mod caller;
mod conditions;
mod connection;
mod cookies;
mod door;
mod extract;
mod form;
mod gathered;
mod layers;
mod origin;
mod own_site;
mod page;
pub mod pages;
mod peer;
mod problem;
mod process;
mod rate;
mod slots;
mod socket_authority;
#[cfg(test)]
mod tests;
mod unix_socket;

pub use bearer::bearer;
pub use caller::CalledBy;
pub use conditions::{Conditions, EntityTag};
pub use cookies::{Cookies, HostCookie};
pub use door::{Door, DoorLimits, TlsChoice};
pub use extract::{Json, Path, Query};
pub use form::Form;
pub use layers::{ApiShell, RequestId};
pub use origin::Origin;
pub use own_site::own_forms_only;
pub use page::{cursor, page_of, page_then};
pub use peer::{PeerInfo, Remote, TlsPeer, UnixPeer};
pub(crate) use problem::causes;
pub use problem::{Problem, ProblemBody};
pub use process::Process;
pub use rate::RateLimit;
pub(crate) use slots::{Full, Slot, Slots};
