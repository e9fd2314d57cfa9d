//! X.509: requests, certificates built and read, chains verified (RFC 5280, SPIFFE X509-SVID).
//!
//! Does not own: which names and how long a life an SVID gets (`svid`), and which authority signs (`authority`).

mod build;
pub mod csr;
mod leaf;
mod pem;
mod rcgen_keys;
mod reread;
mod roots;
mod verify;
mod view;
mod web;

pub use build::{CaTemplate, Issuer, LeafTemplate, Serial, ca_name, self_signed_ca};
pub use pem::{pem, pem_of_base64};
pub use reread::{LeafView, Names};
pub use roots::Roots;
pub(in crate::crypto) use verify::timestamp;
pub use verify::{
    SvidError, VerifiedPki, VerifiedSvid, svid_of_verified_peer, verify_pki, verify_svid,
};
pub use view::{
    CertificateError, CertificateView, ExtendedUsages, KeyUsages, pem_certificates, split_chain,
};
pub use web::{WebTemplate, pem_private_key, self_signed_web};

#[cfg(test)]
#[cfg(feature = "testkit")]
pub(crate) mod tests;
#[cfg(test)]
#[cfg(feature = "testkit")]
pub(crate) use tests::forge;
